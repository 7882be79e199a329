"""The report of a backtest as a page in Markdown."""

import math
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import TYPE_CHECKING

from prediction.jobs import Job
from prediction.regret import SHARES, TOLERANCE, Worth
from zoo.backtesting import CASES, Backtest, Case, Held, Line, is_phone
from zoo.backtesting_picks import FEWEST, HIGH_END, OVERRUNS, REGRET, VALUE, Group, Picks
from zoo.plot_backtest import CALLED
from zoo.views.backtests import cells, count, percent, sections, told

if TYPE_CHECKING:
    from device_profiles.profile import Processor
    from prediction.regret import Point

_FEWEST_ROWS = 5
_LINE = 118  # characters
_NAMED = 12  # nets that a table of the worst names
_BANDS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
_WORTH = ("latencies from", "used how", "overruns", "regret", "unanswered")


def page(found: Backtest, phones: Sequence[Picks], everything: Picks) -> str:
    """The whole report.

    Args:
        found: every row, in every case.
        phones: picks on phones; new nets on known devices first.
        everything: the same case on all devices.
    """
    new, *others = phones
    parts = [_head(found), _cases(found), _worst(found), _devices(found), _picks(new, everything), _lost(new)]
    paragraphs = "\n\n".join([*parts, *map(_unknown, others), _noise(found)]).split("\n\n")
    return "\n\n".join(map(_flowed, paragraphs)) + "\n"


def _flowed(paragraph: str) -> str:
    """Prose in lines of about the same length, whatever numbers it has."""
    if paragraph.startswith(("|", "#", "!", "*")):
        return paragraph
    return textwrap.fill(paragraph, _LINE, break_long_words=False, break_on_hyphens=False)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _head(found: Backtest) -> str:
    rows, devices = len(found.held), len({each.profile.id for each in found.held})
    of_phones = [each for each in found.held if is_phone(each.profile)]
    phones = len({each.profile.id for each in of_phones})
    return f"""# What predicted latencies are worth

`make backtest` makes this page (`zoo backtest --out docs`); `zoo backtest --json` prints all figures behind it, and
`--device`, `--processor` and `--case` narrow them down.

The shipped model was fitted to {rows:,} measured latencies of {devices} devices. Each of them is predicted here
without itself and without all that its case leaves out, which is exact and takes no new fit
([decision record](adr/0011-predicting.md)). The variances of the model and what operators cost were found with all
rows, which flatters a little. Intervals are 90 % intervals, their widths learnt from trials on other families
of nets, or on other devices where devices are left out.
An error is |predicted / measured - 1|. Where nothing else is said, the {len(of_phones):,} rows of {phones} phones
count.

![Predicted against measured latencies of phones, one panel a case](pictures/backtest-scatter.png)"""


def _cases(found: Backtest) -> str:
    words = "\n".join(f"* **{CALLED[case]}** (`{case}`): {CASES[case]}." for case in found.cases)
    lines = {(each.case, each.processor, each.name): each for each in found.by_runtime(is_phone)}
    together = {(each.case, each.processor, ""): each for each in found.by_processor(is_phone)}
    sizes: Counter[tuple[Processor, str]] = Counter()
    for (_, processor, name), line in [*lines.items(), *together.items()]:
        sizes[processor, name] = max(sizes[processor, name], line.summary.rows)
    rows = [
        [
            f"{processor}, {name}" if name else f"**{processor}, all**",
            f"{size:,}",
            *(_short((lines if name else together).get((case, processor, name))) for case in found.cases),
        ]
        for (processor, name), size in sorted(sizes.items())
        if size >= FEWEST or not name
    ]
    return f"""## Errors by what is left out

{words}

{found.refused(is_phone)} rows of phones are refused in some case, as `zoo predict` would refuse them: without the
rows left out nobody measured the net, and its parameters and MACs are not stated. They are no errors, and no pick by
prediction takes them.

Median error / its 90th percentile / coverage of the interval, in percent, on phones; runtimes with fewer than
{FEWEST} rows are only in the lines of all:

{_table(["on", "rows", *(CALLED[case] for case in found.cases)], rows)}

![How often the 90 % interval holds the truth, by case and processor](pictures/backtest-coverage.png)"""


def _short(line: Line | None) -> str:
    if line is None:
        return "-"
    summary = line.summary
    return " / ".join(
        percent(each).removesuffix(" %") for each in (summary.median, summary.ninetieth, summary.coverage)
    )


def _worst(found: Backtest) -> str:
    """The nets that are farthest off where nobody measured them."""
    case = Case.NET_EVERYWHERE
    held = [each for each in found.held if case in each.guesses and is_phone(each.profile)]
    nets: dict[str, list[Held]] = defaultdict(list)
    errors: dict[bool, list[float]] = {True: [], False: []}
    for each in held:
        nets[each.variant.net].append(each)
        errors[bool(Job.of(each.observation.query).vague[3])].append(each.guesses[case].trial.relative)
    known, vague = (percent(median(errors[each])) if errors[each] else "-" for each in (False, True))
    ranked = sorted(nets.items(), key=lambda net: -_off(net[1], case))
    rows = [
        [
            name,
            str(len(rows)),
            _ms(median(each.latency_ms for each in rows)),
            _ms(median(each.predicted_ms(case) for each in rows)),
            _facts(rows[0]),
        ]
        for name, rows in ranked[:_NAMED]
    ]
    return f"""What decides of a net that nobody measured is whether its work by kind of operator is known: the median
error is
{known} where it is and {vague} where it is not (`{case}`). The nets that are farthest off, medians over phones:

{_table(["net", "rows", "measured, ms", "predicted, ms", "what is known of it"], rows)}"""


def _off(rows: Sequence[Held], case: Case) -> float:
    return median(abs(each.guesses[case].trial.error) for each in rows)


def _ms(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"  # noqa: PLR2004 - three digits


def _facts(held: Held) -> str:
    params, pixels, macs, kinds = Job.of(held.observation.query).vague
    if not kinds:
        return "work by kind"
    facts = (("parameters", params), ("resolution", pixels), ("MACs", macs))
    return ", ".join(name for name, vague in facts if not vague) or "its name"


def _devices(found: Backtest) -> str:
    names = {each.profile.id: each.profile.name for each in found.held}
    lines = {(each.case, each.name, each.processor): each for each in found.by_device(is_phone)}
    cases = (Case.NEW_NET, Case.NET_EVERYWHERE, Case.FAMILY_EVERYWHERE, Case.DEVICE)
    sizes: Counter[tuple[str, Processor]] = Counter()
    for (_, device, processor), line in lines.items():
        sizes[device, processor] = max(sizes[device, processor], line.summary.rows)
    rows = [
        [
            names[device],
            str(processor),
            f"{size:,}",
            *(_short(lines.get((case, device, processor))) for case in cases),
        ]
        for (device, processor), size in sorted(sizes.items())
        if size >= _FEWEST_ROWS
    ]
    return f"""## Errors by phone and processor

![Median error and 90th percentile of each phone and processor](pictures/backtest-devices.png)

Median error / its 90th percentile / coverage, in percent, of all runtimes together, where there are {_FEWEST_ROWS}
rows or more (`--json` has all):

{_table(["phone", "processor", "rows", *(CALLED[case] for case in cases)], rows)}"""


def _picks(phones: Picks, everything: Picks) -> str:
    return f"""## Picks of new nets on known devices

Of the variants of one model that were measured on one device with one runtime, version, processor and number of
threads, the most accurate one inside a budget of latency is picked, by predictions that have never seen the net on
the device (`{phones.case}`), and held against the pick from true latencies. Groups have {FEWEST} or more variants of
known accuracy; each is asked {len(SHARES)} budgets, which 5, 10, ... 100 % of its variants meet. An *overrun* takes
more than
{100 * (TOLERANCE - 1):.0f} % longer than the budget. *Regret* is the accuracy lost, in points: without a pick, where
something fits, all of the best pick's accuracy is lost, and an overrun wins nothing back. *Unanswered* is the share
of budgets without a pick. The aim: overruns of {percent(OVERRUNS)} or less with a regret of {REGRET:g} or less.

![Regret against overruns of predictions and of three baselines](pictures/backtest-regret.png)

The baselines see what predictions see. **MACs as proxy**: proportional, by the median of the other nets of the group
(of those in the same precision, where there are five). **One variant for all devices**: the most accurate that meets
the budget on a share of the other devices. **Nearest device**: the latency on the device that is most alike (the same
chip first), times the median ratio of what both ran. Each is swept by its caution: a safety factor, or that share;
predictions by a multiple of half their interval, 0 for the value and 1 for the high end. `zoo pick` compares the high
end, and with `--optimistic` the value.

{_sections("phones", phones)}

{_sections("all devices", everything)}

{_verdict(phones, everything)}"""


def _sections(devices: str, found: Picks) -> str:
    return "\n\n".join(
        f"{devices.capitalize()}, {title} ({count(groups)}):\n\n{_table(_WORTH, told(ways))}"
        for title, groups, ways in sections(found)
    )


def _verdict(phones: Picks, everything: Picks) -> str:
    lines = []
    for name, way in (
        ("all nets of phones", phones.alone),
        ("nets of phones that are predicted", phones.known),
        ("nets of phones that are predicted and that another device ran", phones.ways[0]),
        ("nets of all devices that are predicted", everything.known),
    ):
        good = [each.caution for each in way.points if _reached(each)]
        which = f"with cautions from {min(good):g} to {max(good):g}" if good else "with no caution"
        high, value = (_yes(way.at(caution)) for caution in (HIGH_END, VALUE))
        lines.append(
            f"* On {name} the aim is reached {which}; with the high end: {high}, with the value: {value}."
        )
    lines.append(f"* {_why(phones)}")
    for devices, found in (("phones", phones), ("all devices", everything)):
        left = [f"{name} {_left(points)}" for name, points in found.unbeaten().items()]
        lines.append(f"* Points of the baselines that are below our curve, on {devices}: {'; '.join(left)}.")
    return "\n".join(lines)


def _left(points: Sequence["Point"]) -> str:
    if not points:
        return "none"
    least = min(each.worth.overruns for each in points)
    return f"{len(points)}, which overrun {percent(least)} of the budgets or more"


def _why(found: Picks) -> str:
    guesses = [held.guesses[found.case] for group in found.guessed for held in group.held]
    above = percent(median(math.expm1(each.width) for each in guesses))
    off = percent(median(each.trial.relative for each in guesses))
    return (
        f"Why the high end costs accuracy: on the phones' nets that are predicted it lies {above} above the value "
        f"(median), and the median error is {off}. One width serves a whole class of evidence, and the hardest tenth "
        "of its nets sets it."
    )


def _reached(point: "Point") -> bool:
    return point.worth.overruns <= OVERRUNS and point.worth.regret <= REGRET


def _yes(point: "Point") -> str:
    return "yes" if _reached(point) else "no"


def _lost(found: Picks) -> str:
    """Which groups, budgets and nets cost most."""
    both = ("overruns", "regret", "unanswered", "by value: overruns", "regret", "unanswered")
    groups = [
        [each.profile.name, _place(each), str(len(each.nets)), *_both([each], found.case)]
        for each in found.groups
    ]
    refused = [each for each in found.groups if not any(found.case in held.guesses for held in each.held)]
    names = "; ".join(f"{each.profile.name}, {_place(each)}" for each in refused)
    wholly = f"Refused as a whole, because no source states the nets' sizes: {names}." if refused else ""
    bands = [
        [f"{100 * low:.0f} to {100 * high:.0f} %", *_both(found.guessed, found.case, low, high)]
        for low, high in _BANDS
    ]
    overran = (
        "phone",
        "on",
        "net",
        "measured, ms",
        "predicted, ms",
        "budgets overrun",
        "what is known of it",
    )
    return f"""### Where picks lose

By group of phones, all nets, first with the high end of the interval, then with the value. {wholly}

{_table(["phone", "on", "variants", *both], groups)}

By budget, as the share of a group's variants that meet it, on nets that are predicted:

{_table(["budget", *both], bands)}

The nets that overran most budgets when the value was compared:

{_table(overran, _overran(found))}"""


def _both(groups: Sequence[Group], case: Case, low: float = 0.0, high: float = 1.0) -> list[str]:
    """What picks are worth by the high end and by the value, for budgets that a share of the variants meets."""
    found: list[str] = []
    for caution in (HIGH_END, VALUE):
        asked = [one for each in groups for one in each.outcomes(case, caution) if low < one.share <= high]
        found += cells(Worth.of(asked))
    return found


def _overran(found: Picks) -> list[list[str]]:
    times: Counter[tuple[int, str]] = Counter()
    for number, group in enumerate(found.groups):
        for one in group.outcomes(found.case, VALUE):
            if one.is_overrun and one.pick:
                times[number, one.pick.name] += 1
    rows = []
    for (number, name), much in times.most_common(_NAMED):
        group = found.groups[number]
        held = next(each for each in group.held if each.variant.name == name)
        numbers = _ms(held.latency_ms), _ms(held.predicted_ms(found.case))
        rows.append([group.profile.name, _place(group), name, *numbers, str(much), _facts(held)])
    return rows


def _place(each: Group) -> str:
    row = each.row
    threads = f" x{row.threads}" if row.threads else ""
    return f"{row.processor}{threads}, {row.runtime}, {row.runtime_version}"


def _unknown(found: Picks) -> str:
    return f"""## Picks of nets that nobody measured

The same with predictions that have not seen the net on any device (`{found.case}`). Of the baselines only MACs can
guess then.

{_sections("phones", found)}"""


def _noise(found: Backtest) -> str:
    errors: dict[Processor, list[float]] = defaultdict(list)
    for each in found.held:
        if is_phone(each.profile) and Case.NEW_NET in each.guesses:
            errors[each.row.processor].append(each.guesses[Case.NEW_NET].trial.relative)
    rows = []
    for processor, noise in found.noise.items():
        ranked = sorted(errors[processor])
        if ranked and noise.pairs >= FEWEST:
            typical = median(ranked)
            shares = noise.median_error, noise.ninetieth, typical, ranked[math.ceil(0.9 * len(ranked)) - 1]
            rows.append([processor, f"{noise.pairs:,}", *map(percent, shares), percent(noise.share(typical))])
    headings = (
        "processor", "pairs", "noise alone: median error", "two figures apart: 90th percentile", "our median error",
        "our 90th percentile", "explained by noise",
    )  # fmt: skip
    none = [str(each) for each, noise in found.noise.items() if noise.pairs < FEWEST]
    without = f" Too few figures were published twice on: {', '.join(none)}." if none else ""
    return f"""## What part of the error is noise

A published figure moves by itself. Some sources print a row twice with other figures. Some releases and versions
timed the same variants on one phone: what is left of the ratios of two such lists over their median is noise, too,
and what a version did to single nets. From such pairs on phones: the median error of somebody who knew the truth, and
how far two figures of one thing are apart at the 90th percentile. Beside them our errors on new nets
(`{Case.NEW_NET}`), and which part of a typical squared logarithmic error (by the medians) noise explains.{without}

{_table(headings, rows)}"""
