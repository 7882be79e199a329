"""The report of a backtest as a page in Markdown."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import TYPE_CHECKING

from device_profiles.profile import Processor
from prediction.regret import SHARES, TOLERANCE, Worth
from zoo.backtesting import CASES, Backtest, Case, Held, Line, is_phone
from zoo.backtesting_picks import FEWEST, HIGH_END, OVERRUNS, REGRET, VALUE, Group, Picks
from zoo.plot_backtest import CALLED
from zoo.views.backtests import cells, count, percent, sections, told

if TYPE_CHECKING:
    from prediction.regret import Point

_FEWEST_ROWS = 5
_MOST_OVERRUN = 12  # nets that the report names
_MOST_OFF = 12
_WORTH = ("latencies from", "used how", "overruns", "regret", "unanswered")
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
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


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
    sizes = Counter(
        {
            (processor, name): each.summary.rows
            for (case, processor, name), each in lines.items()
            if case == found.cases[0]
        }
    )
    places = [place for place, rows in sizes.most_common() if rows >= FEWEST]
    rows = [
        [
            f"{processor}, {name}",
            f"{sizes[processor, name]:,}",
            *(_short(lines.get((case, processor, name))) for case in found.cases),
        ]
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

{found.refused(is_phone)} rows of phones are refused in some case, as `zoo predict` would refuse them: without the rows left out nobody
measured the net, and nobody states its parameters or MACs. They count as errors nowhere; picks by prediction never take them.

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
    ranked = sorted(
        nets.items(), key=lambda net: -median(abs(each.guesses[case].trial.error) for each in net[1])
    )
    rows = [
        [
            name,
            str(len(held)),
            f"{median(each.latency_ms for each in held):.3g}",
            f"{median(each.predicted_ms(case) for each in held):.3g}",
            _known(held[0]),
        ]
        for name, held in ranked[:_MOST_OFF]
    ]
    vague = [each for each in found.held if case in each.guesses and is_phone(each.profile)]
    known = [each.guesses[case].trial.relative for each in vague if not _is_vague(each)]
    unknown = [each.guesses[case].trial.relative for each in vague if _is_vague(each)]
    told = (
        f"{percent(median(known))} where it is, {percent(median(unknown))} where it is not"
        if known and unknown
        else ""
    )
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
    parts = [
        name for name, vague in (("parameters", params), ("resolution", pixels), ("MACs", macs)) if not vague
    ]
    return ", ".join(parts) or "its name"


def _devices(found: Backtest) -> str:
    profiles = {each.profile.id: each.profile for each in found.held}
    lines = {(each.case, each.name, each.processor): each for each in found.by_device(is_phone)}
    rows = [
        [profiles[device].name, str(processor), f"{line.summary.rows:,}", _short(line), _short(lines.get((Case.NET_EVERYWHERE, device, processor))),
         _short(lines.get((Case.DEVICE, device, processor)))]
        for (case, device, processor), line in sorted(lines.items(), key=lambda one: (one[0][1], one[0][2]))
        if case is Case.NEW_NET and line.summary.rows >= _FEWEST_ROWS
    ]  # fmt: skip
    return f"""## Errors by phone and processor

![Median error and 90th percentile of each phone and processor](pictures/backtest-devices.png)

Median error / its 90th percentile / coverage, in percent; all runtimes together, and five rows or more (`--json` has all):

{_table(["phone", "processor", "rows", *(CALLED[case] for case in (Case.NEW_NET, Case.NET_EVERYWHERE, Case.DEVICE))], rows)}"""


def _picks_of(phones: Picks, everything: Picks) -> str:
    return f"""## Picks of new nets on known devices

Among the variants of one model that were measured on one device with one runtime, version, processor and number of threads, the
most accurate one inside a budget of latency is picked, by predictions that have never seen the net on the device
(`{Case.NEW_NET}`). It is held against the pick from true latencies. Groups have {FEWEST} or more variants of known accuracy; each is
asked {len(SHARES)} budgets, which 5, 10, ... 100 % of its variants meet. An *overrun* takes more than {100 * (TOLERANCE - 1):.0f} %
longer than the budget. *Regret* is the accuracy lost, in points: where nothing is picked although something fits, all of the best
pick's accuracy is lost, and an overrun wins nothing back. *Unanswered* is the share of budgets without a pick. The aim is overruns
of {percent(OVERRUNS)} or less with a regret of {REGRET:g} or less.

![Regret against overruns of predictions and of three baselines](pictures/backtest-regret.png)

The baselines see what our predictions see. **MACs as proxy**: proportional, by the median of the other nets of the group (of those in the
same precision, where there are five). **One variant for all devices**: the most accurate that meets the budget on a share of the other
devices. **Nearest device**: the latency on the device that is most alike (same chip first), times the median ratio of what both ran.
Each is swept by its caution: a safety factor, or that share; predictions by a multiple of half their interval, 0 for the value and 1
for the high end, which is what `zoo pick` compares (with `--optimistic` the value).

{_sections("phones", phones)}

{_sections("all devices", everything)}

{_verdict(phones, everything)}"""


def _sections(devices: str, found: Picks) -> str:
    return "\n\n".join(
        f"{devices.capitalize()}, {title} ({count(groups)}):\n\n{_table(_WORTH, told(ways))}"
        for title, groups, ways in sections(found)
    )


def _reached(point: Worth) -> bool:
    return point.overruns <= OVERRUNS and point.regret <= REGRET


def _verdict(phones: Picks, everything: Picks) -> str:
    lines = []
    for name, way in (
        ("all nets of phones", phones.alone),
        ("nets of phones that are predicted", phones.known),
        ("those of them that another phone or device ran, too", phones.ways[0]),
        ("nets of all devices that are predicted", everything.known),
    ):
        good = [each.caution for each in way.points if _reached(each.worth)]
        which = f"with cautions from {min(good):g} to {max(good):g}" if good else "with no caution"
        lines.append(
            f"* On {name} the aim is reached {which}: with the high end {_yes(way.at(HIGH_END))}, with the value {_yes(way.at(VALUE))}."
        )
    of_phones, of_all = phones.beaten(), everything.beaten()
    shares = [
        f"{name} {percent(of_phones[name])} on phones and {percent(of_all[name])} on all devices"
        for name in of_phones
    ]
    lines.append(
        f"* The curve of predictions lies below or on this share of the points of each baseline: {'; '.join(shares)}."
    )
    return "\n".join(lines)


def _yes(point: "Point") -> str:
    return "yes" if _reached(point.worth) else "no"


def _missed(found: Picks) -> str:
    cautions = (HIGH_END, VALUE)
    rows = [
        [each.profile.name, _place(each), str(len(each.nets)), str(len({one.net for one in each.sized})),
         *(cell for caution in cautions for cell in cells(each.worth(found.case, caution)))]
        for each in found.groups
    ]  # fmt: skip
    headings = [
        "phone",
        "on",
        "variants",
        "nets",
        "overruns",
        "regret",
        "unanswered",
        "by value: overruns",
        "regret",
        "unanswered",
    ]
    bands = []
    for low, high in _BANDS:
        cell = []
        for caution in cautions:
            asked = [
                one
                for each in found.groups
                for one in each.outcomes(found.case, caution)
                if low < one.share <= high
            ]
            cell += cells(Worth.of(asked))
        bands.append([f"{low:.0%} to {high:.0%}", *cell])
    refused = [each for each in found.groups if not any(found.case in held.guesses for held in each.held)]
    names = "; ".join(f"{each.profile.name} ({_place(each)})" for each in refused)
    wholly = (
        f"\n\nOf these groups every net is refused, for nobody states its size: {names}." if refused else ""
    )
    return f"""### Where picks lose

By group of phones, all nets, with the high end of the interval and with the value:{wholly}

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
        rows.append(
            [
                group.profile.name,
                _place(group),
                name,
                f"{held.latency_ms:.3g}",
                f"{held.predicted_ms(found.case):.3g}",
                str(much),
                _known(held),
            ]
        )
    return rows


def _place(each: Group) -> str:
    row = each.row
    threads = f" x{row.threads}" if row.threads else ""
    return f"{row.processor}{threads}, {row.runtime_version or row.runtime}"


def _unknown(others: Sequence[Picks]) -> str:
    return "\n\n".join(
        f"""## Picks of nets that nobody measured

The same with predictions that have not seen the net on any device (`{found.case}`). Of the baselines only MACs can guess then.

{_sections("phones", found)}"""
        for found in others
    )


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
