"""The report of a backtest as a page in Markdown."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import TYPE_CHECKING

from device_profiles.profile import DeviceProfile, Processor
from prediction.regret import SHARES, TOLERANCE, Worth
from zoo.backtesting import CASES, Backtest, Case, Held, Line, is_phone
from zoo.backtesting_picks import FEWEST, HIGH_END, OVERRUNS, REGRET, VALUE, Group, Picks
from zoo.plot_backtest import CALLED
from zoo.views.backtests import cells, count, percent, settings

if TYPE_CHECKING:
    from prediction.regret import Outcome

_MOST_OVERRUN = 12  # nets that the report names
_MOST_OFF = 12
_BANDS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))


def page(found: Backtest, phones: Sequence[Picks], everything: Picks) -> str:
    """The whole report.

    Args:
        found: every row, in every case.
        phones: picks on phones; new nets on known devices first.
        everything: the same case on all devices.
    """
    parts = [
        _head(found), _cases(found), _devices(found), _picks_of(phones[0], everything), _missed(phones[0]),
        _unknown(phones[1:]), _noise(found),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _head(found: Backtest) -> str:
    rows, devices = len(found.held), len({each.profile.id for each in found.held})
    phones = [each for each in found.held if is_phone(each.profile)]
    return f"""# What predicted latencies are worth

Made by `make backtest` (`zoo backtest --out docs`); `zoo backtest --json` has all of it, and `--device`, `--processor` and
`--case` narrow it down. The shipped model was fitted to {rows:,} measured latencies of {devices} devices; each of them is predicted
here without itself and without the block of rows that its case leaves out, which is exact and takes no new fit
([decision record](adr/0011-predicting.md)). The variances of the model and what operators cost were found with all rows: they flatter a
little. The interval is the 90 % interval, its widths learnt from trials on all *other* devices. An error is
|prediction / truth - 1|. Below are the {len(phones):,} rows of {len({each.profile.id for each in phones})} phones where nothing else is said.

![Predicted against measured latencies of phones, one panel a case](pictures/backtest-scatter.png)"""


def _cases(found: Backtest) -> str:
    words = "\n".join(f"* **{CALLED[case]}** (`{case}`): {CASES[case]}." for case in found.cases)
    lines = {(each.case, each.processor, each.name): each for each in found.by_runtime(is_phone)}
    sizes = Counter({(processor, name): each.summary.rows for (case, processor, name), each in lines.items() if case == found.cases[0]})
    places = [place for place, rows in sizes.most_common() if rows >= FEWEST]
    rows = [
        [f"{processor}, {name}", f"{sizes[processor, name]:,}", *(_short(lines.get((case, processor, name))) for case in found.cases)]
        for processor, name in sorted(places)
    ]
    small = sum(rows for place, rows in sizes.items() if place not in places)
    together = {(each.case, each.processor): each for each in found.by_processor(is_phone)}
    processors = list(dict.fromkeys(processor for _, processor in together))
    rows += [
        [f"**{processor}, all**", f"{max(together[case, processor].summary.rows for case in found.cases if (case, processor) in together):,}",
         *(_short(together.get((case, processor))) for case in found.cases)]
        for processor in processors
    ]  # fmt: skip
    return f"""## Errors by what is left out

{words}

Median error / its 90th percentile / coverage of the 90 % interval, in percent, on phones ({small} rows of processors and runtimes
with fewer than {FEWEST} are only in the last lines):

{_table(["on", "rows", *(CALLED[case] for case in found.cases)], rows)}

![How often the 90 % interval holds the truth, by case and processor](pictures/backtest-coverage.png)

{_worst(found)}"""


def _short(line: Line | None) -> str:
    if line is None:
        return "-"
    summary = line.summary
    numbers = (100 * each for each in (summary.median, summary.ninetieth, summary.coverage))
    return " / ".join(f"{each:.1f}" if each < 9.95 else f"{each:,.0f}" for each in numbers)  # noqa: PLR2004 - two digits


def _worst(found: Backtest) -> str:
    """The nets that are farthest off where nobody measured them."""
    case = Case.NET_EVERYWHERE
    nets: dict[str, list[Held]] = defaultdict(list)
    for each in found.held:
        if case in each.guesses and is_phone(each.profile):
            nets[each.variant.net].append(each)
    ranked = sorted(nets.items(), key=lambda net: -median(abs(each.guesses[case].trial.error) for each in net[1]))
    rows = [
        [name, str(len(held)), f"{median(each.latency_ms for each in held):.3g}", f"{median(each.predicted_ms(case) for each in held):.3g}", _known(held[0])]
        for name, held in ranked[:_MOST_OFF]
    ]
    vague = [each for each in found.held if case in each.guesses and is_phone(each.profile)]
    known = [each.guesses[case].trial.relative for each in vague if not _is_vague(each)]
    unknown = [each.guesses[case].trial.relative for each in vague if _is_vague(each)]
    told = f"{percent(median(known))} where it is, {percent(median(unknown))} where it is not" if known and unknown else ""
    return f"""What decides a net that nobody measured is whether its work by kind of operator is known: the median error is {told}. The nets
that are farthest off there (milliseconds, medians over phones):

{_table(["net", "rows", "measured", "predicted", "what is known of it"], rows)}"""


def _is_vague(held: Held) -> bool:
    from prediction.jobs import Job  # noqa: PLC0415 - only the report asks

    return bool(Job.of(held.observation.query).vague[3])


def _known(held: Held) -> str:
    from prediction.jobs import Job  # noqa: PLC0415 - only the report asks

    params, pixels, macs, kinds = Job.of(held.observation.query).vague
    if not kinds:
        return "work by kind"
    parts = [name for name, vague in (("parameters", params), ("resolution", pixels), ("MACs", macs)) if not vague]
    return ", ".join(parts) or "its name"


def _devices(found: Backtest) -> str:
    profiles = {each.profile.id: each.profile for each in found.held}
    lines = {(each.case, each.name, each.processor): each for each in found.by_device(is_phone)}
    rows = [
        [profiles[device].name, str(processor), f"{line.summary.rows:,}", _short(line), _short(lines.get((Case.NET_EVERYWHERE, device, processor))),
         _short(lines.get((Case.DEVICE, device, processor)))]
        for (case, device, processor), line in sorted(lines.items(), key=lambda one: (one[0][1], one[0][2]))
        if case is Case.NEW_NET
    ]  # fmt: skip
    return f"""## Errors by phone and processor

![Median error and 90th percentile of each phone and processor](pictures/backtest-devices.png)

Median error / its 90th percentile / coverage, in percent; all runtimes together:

{_table(["phone", "processor", "rows", *(CALLED[case] for case in (Case.NEW_NET, Case.NET_EVERYWHERE, Case.DEVICE))], rows)}"""


def _picks_of(phones: Picks, everything: Picks) -> str:
    return f"""## Picks of new nets on known devices

Among the variants of one model that were measured on one device with one runtime, version, processor and number of threads, the most
accurate one inside a budget of latency is picked, by predictions that have never seen the net on the device ({CALLED[Case.NEW_NET]}).
It is held against the pick from true latencies. Groups have {FEWEST} or more variants of known accuracy; each is asked {len(SHARES)}
budgets, within which 5, 10, ... 100 % of its variants are. An *overrun* takes more than {100 * (TOLERANCE - 1):.0f} % longer than
the budget. *Regret* is the accuracy lost, in points; where nothing is picked although something fits, all of the best pick's accuracy
is lost, and nothing is won back by an overrun. *Unanswered* is the share of budgets without a pick. The aim is overruns of
{OVERRUNS:.0%} or less with a regret of {REGRET:g} or less.

![Regret against overruns of predictions and of three baselines](pictures/backtest-regret.png)

The baselines: **MACs as proxy**, proportional by the median of the other nets of the group (of those in the same precision, where
there are five); **one variant for all devices**, the most accurate that runs inside the budget on a share of the other devices;
**nearest device**, the latency on the device that is most alike (same chip first), times the median ratio of what both ran. They see what
our predictions see. Each is swept by its own caution: a safety factor, or that share; ours by a multiple of half the interval
(0 is the value, 1 the high end). For a fair fight only variants count that another device ran, too ("shared nets"): {count(phones.compared)};
on all kinds of device {count(everything.compared)}.

{_ways("phones, shared nets", phones)}

{_ways("all devices, shared nets", everything)}

{_alone("phones, all nets", phones)}

{_verdict(phones, everything)}"""


def _ways(name: str, found: Picks) -> str:
    rows = [
        [way.name, setting, *(cells(point.worth) if point else ("-", "never so few overruns", "-"))]
        for way in found.ways
        for setting, point in settings(way)
    ]
    return _table([f"{name}: latencies from", "used how", "overruns", "regret", "unanswered"], rows)


def _alone(name: str, found: Picks) -> str:
    rows = [[setting, *cells(point.worth)] for setting, point in settings(found.alone) if point]
    return _table([f"{name} ({count(found.groups)}): predictions", "overruns", "regret", "unanswered"], rows)


def _reached(point: "Worth | None") -> bool:
    return point is not None and point.overruns <= OVERRUNS and point.regret <= REGRET


def _verdict(phones: Picks, everything: Picks) -> str:
    lines = []
    for name, found, way in (
        ("On shared nets of phones", phones, phones.ways[0]),
        ("On shared nets of all devices", everything, everything.ways[0]),
        ("On all nets of phones", phones, phones.alone),
    ):
        good = [each.caution for each in way.points if _reached(each.worth)]
        high = "is" if _reached(way.at(HIGH_END).worth) else "is not"
        range_ = f"reached with cautions of {min(good):g} to {max(good):g}" if good else "not reached with any caution"
        lines.append(f"* {name} the aim is {range_}; with the high end of the interval it {high}.")
    shares = [f"{name} {percent(share)} (phones), {percent(everything.beaten()[name])} (all devices)" for name, share in phones.beaten().items()]
    return "\n".join(
        [*lines, f"* The curve of predictions is on or below these shares of the baselines' points: {'; '.join(shares)}. What is not below are "
         "points of hardly any overruns, where a few figures that nothing explains keep ours from 0 % unless caution is large."]
    )  # fmt: skip


def _missed(found: Picks) -> str:
    cautions = (HIGH_END, VALUE)
    rows = [
        [each.profile.name, _place(each), str(len(each.nets)), str(len({one.net for one in each.sized})),
         *(cell for caution in cautions for cell in cells(each.worth(found.case, caution)))]
        for each in found.groups
    ]  # fmt: skip
    headings = ["phone", "on", "variants", "nets", "overruns", "regret", "unanswered", "by value: overruns", "regret", "unanswered"]
    bands = []
    for low, high in _BANDS:
        cell = []
        for caution in cautions:
            asked = [one for each in found.groups for one in each.outcomes(found.case, caution) if low < one.share <= high]
            cell += cells(Worth.of(asked))
        bands.append([f"{low:.0%} to {high:.0%}", *cell])
    return f"""### Where picks lose

By group, with the high end of the interval and with the value:

{_table(headings, rows)}

By budget, as the share of a group's variants that is inside it:

{_table(["budget", *headings[4:]], bands)}

The nets that overran when the value is compared, with what is known of them:

{_table(["phone", "on", "net", "measured, ms", "predicted, ms", "budgets overrun", "what is known of it"], _overran(found))}"""


def _overran(found: Picks) -> list[list[str]]:
    times: Counter[tuple[int, str]] = Counter()
    for number, each in enumerate(found.groups):
        for one in each.outcomes(found.case, VALUE):
            if one.is_overrun and one.pick:
                times[number, one.pick.name] += 1
    rows = []
    for (number, name), much in times.most_common(_MOST_OVERRUN):
        group = found.groups[number]
        held = next(each for each in group.held if each.variant.name == name)
        rows.append([group.profile.name, _place(group), name, f"{held.latency_ms:.3g}", f"{held.predicted_ms(found.case):.3g}", str(much), _known(held)])
    return rows


def _place(each: Group) -> str:
    row = each.row
    threads = f" x{row.threads}" if row.threads else ""
    return f"{row.processor}{threads}, {row.runtime_version or row.runtime}"


def _unknown(others: Sequence[Picks]) -> str:
    parts = ["## Picks of nets that nobody measured"]
    for found in others:
        rows = [
            [way.name, setting, *(cells(point.worth) if point else ("-", "never so few overruns", "-"))]
            for way in (found.alone,)
            for setting, point in settings(way)
        ]
        macs = found.ways[1]
        rows += [[macs.name, setting, *(cells(point.worth) if point else ("-", "never so few overruns", "-"))] for setting, point in settings(macs)]
        parts.append(
            f"The same on {count(found.groups)}, with predictions that have not seen the net on any device (`{found.case}`). Of the baselines only "
            f"MACs can guess then; they are asked on {count(found.compared)}.\n\n"
            + _table(["latencies from", "used how", "overruns", "regret", "unanswered"], rows)
        )
    return "\n\n".join(parts)


def _noise(found: Backtest) -> str:
    errors: dict[Processor, list[float]] = defaultdict(list)
    for each in found.held:
        if is_phone(each.profile) and Case.NEW_NET in each.guesses:
            errors[each.row.processor].append(each.guesses[Case.NEW_NET].trial.relative)
    rows = []
    for processor, noise in found.noise.items():
        typical = median(errors[processor])
        ninetieth = sorted(errors[processor])[int(0.9 * (len(errors[processor]) - 1))]
        if noise.pairs >= FEWEST:
            rows.append([processor, str(noise.pairs), percent(noise.median_error), percent(noise.ninetieth), percent(typical),
                         percent(ninetieth), percent(noise.share(typical))])  # fmt: skip
        else:
            rows.append([processor, str(noise.pairs), "-", "-", percent(typical), percent(ninetieth), "-"])
    return f"""## What part of the error is noise

A published figure moves by itself. Some sources print a row twice with other figures; some releases and versions timed the same
variants on one phone, and what is left of two such lists less the median of their ratios is noise, too, and what a version did to
single nets. From such pairs on phones: the median error that somebody would make who knew the truth of each row, and how far two
figures of one thing are apart at the 90th percentile; beside them our error on a new net, and which part of a typical squared
logarithmic error (from the medians) noise explains:

{_table(["processor", "pairs", "noise alone, median error", "two figures apart, 90th", "our median error", "our 90th percentile", "explained by noise"], rows)}

So on CPUs noise is a small part of a typical error, and a larger one of what remains when other phones ran the net; the tails are not
noise but nets of which too little is known, and accelerators that leave part of a net to the CPU. Where a dash stands, too few
figures were published twice."""
