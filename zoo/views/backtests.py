"""What predictions are worth, as tables and as a document."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from zoo.backtesting import CASES, Backtest, Line, Wanted
from zoo.backtesting_picks import FEWEST, HIGH_END, OVERRUNS, REGRET, VALUE, Group, Picks, Way
from zoo.views.printer import Printer

if TYPE_CHECKING:
    from prediction.regret import Point, Worth

_MOST_LINES = 60  # beyond, runtimes are put together
_HEADINGS = ("left out", "on", "rows", "median", "90th", "coverage")


def backtest(
    printer: Printer, found: Backtest, picked: Sequence[Picks], wanted: Wanted, devices: str
) -> None:
    """Print errors by case, processor and runtime, and what picks are worth.

    Args:
        printer: prints.
        found: the rows.
        picked: one a case.
        wanted: which devices count.
        devices: they in words.
    """
    rows = sum(wanted(each.profile) for each in found.held)
    lines = found.by_runtime(wanted)
    if len(lines) > _MOST_LINES:
        lines = found.by_processor(wanted)
    printer.line(f"{rows:,} measured rows of {devices}, each predicted without itself", style="bold")
    printer.line("median and 90th percentile of |prediction / truth - 1|; coverage of the 90 % interval")
    printer.line()
    printer.table(_HEADINGS, map(_line, lines), right="rows median 90th coverage")
    printer.line()
    for case in found.cases:
        printer.line(f"{case:<18}{CASES[case]}", style="dim")
    refused = found.refused(wanted)
    if refused:
        printer.line(
            f"{refused} rows are refused: without those left out nobody measured the net, and its size is not stated"
        )
    for each in picked:
        if each.groups:
            printer.line()
            _picks(printer, each)


def _line(each: Line) -> tuple[str, ...]:
    summary = each.summary
    return (
        each.case, f"{each.processor}{each.name and ', '}{each.name}", f"{summary.rows:,}", percent(summary.median),
        percent(summary.ninetieth), percent(summary.coverage),
    )  # fmt: skip


def percent(share: float) -> str:
    """A share with as many digits as it bears."""
    value = 100 * share
    few = 0 < value < 9.95 and value != round(value)  # noqa: PLR2004 - two digits
    return f"{value:.1f} %" if few else f"{value:,.0f} %"


def _picks(printer: Printer, found: Picks) -> None:
    aim = f"aim: overruns <= {percent(OVERRUNS)}, regret <= {REGRET:g}"
    printer.line(f"picks, {found.case} · {aim}", style="bold")
    for title, groups, ways in sections(found):
        printer.line(f"{title}: {count(groups)}")
        rows = [(name, setting, *worth) for name, setting, *worth in told(ways)]
        printer.table(
            ("latencies from", "used how", "overruns", "regret", "unanswered"),
            rows,
            "overruns regret unanswered",
        )


def sections(found: Picks) -> list[tuple[str, Sequence[Group], Sequence[Way]]]:
    """What is told of one case: a title, groups, and the ways to guess."""
    every = [
        ("all nets", found.groups, (found.alone,)),
        ("nets that are predicted", found.guessed, (found.known,)),
        ("nets that are predicted and that another device ran", found.compared, found.ways),
    ]
    return [each for each in every if each[1]]


def told(ways: Sequence[Way]) -> list[tuple[str, ...]]:
    """Name, setting, overruns, regret and unanswered of every way and setting that is told."""
    return [
        (way.name, setting, *(cells(point.worth) if point else ("never so few", "-", "-")))
        for way in ways
        for setting, point in _settings(way)
    ]


def count(groups: Sequence[Group]) -> str:
    """How many groups of how many devices."""
    devices = len({each.profile.id for each in groups})
    nets = sum(len(each.nets) for each in groups)
    return f"{len(groups)} group{'s'[: len(groups) != 1]} on {devices} device{'s'[: devices != 1]}, {nets:,} nets"


def _settings(way: Way) -> list[tuple[str, "Point | None"]]:
    """The settings of a way that are told: as it is used, and at its best within the aim."""
    found: list[tuple[str, Point | None]] = []
    if way.is_ours:
        found += [("high end of the interval", way.at(HIGH_END)), ("value (--optimistic)", way.at(VALUE))]
    elif way.plain is not None:
        found.append(("as it is", way.at(way.plain)))
    best = way.best
    caution = "" if best is None else f" (caution {best.caution:.2g})"
    return [*found, (f"best with overruns <= {percent(OVERRUNS)}{caution}", best)]


def cells(worth: "Worth") -> tuple[str, str, str]:
    """Overruns, regret and the share without a pick."""
    return percent(worth.overruns), f"{worth.regret:.2f}", percent(worth.unanswered)


def backtest_document(found: Backtest, picked: Sequence[Picks], wanted: Wanted) -> dict[str, Any]:
    """The same for programs, and every device."""
    return {
        "rows": sum(wanted(each.profile) for each in found.held),
        "cases": {str(each): CASES[each] for each in found.cases},
        "by_runtime": [_line_document(each, "runtime") for each in found.by_runtime(wanted)],
        "by_device": [_line_document(each, "device") for each in found.by_device(wanted)],
        "noise": [
            {"processor": str(name), "pairs": each.pairs, "deviation": each.deviation,
             "median_error": each.median_error, "ninetieth_move": each.ninetieth}
            for name, each in found.noise.items() if each.pairs
        ],
        "aim": {"overruns": OVERRUNS, "regret": REGRET},
        "picks": [_picks_document(each) for each in picked if each.groups],
    }  # fmt: skip


def _line_document(each: Line, what: str) -> dict[str, Any]:
    summary = each.summary
    return {
        "case": str(each.case), "processor": str(each.processor), what: each.name, "rows": summary.rows,
        "median_error": summary.median, "ninetieth_error": summary.ninetieth, "coverage": summary.coverage,
    }  # fmt: skip


def _picks_document(found: Picks) -> dict[str, Any]:
    return {
        "case": str(found.case),
        "fewest_nets": FEWEST,
        "groups": [
            {**place(each), "nets": len(each.nets),
             "high_end": asdict(each.worth(found.case, HIGH_END)), "value": asdict(each.worth(found.case, VALUE))}
            for each in found.groups
        ],
        "predicted": [{**place(each), "nets": len(each.nets)} for each in found.guessed],
        "compared": [{**place(each), "nets": len(each.nets)} for each in found.compared],
        "all_nets": _way(found.alone),
        "predicted_nets": _way(found.known),
        "ways": [_way(each) for each in found.ways] if found.compared else [],
        "unbeaten": {name: list(map(_point, points)) for name, points in found.unbeaten().items()},
    }  # fmt: skip


def place(each: Group) -> dict[str, Any]:
    """Where a group was measured."""
    row = each.row
    return {
        "model": each.held[0].variant.model, "device": row.device, "processor": str(row.processor),
        "runtime": row.runtime, "version": row.runtime_version, "threads": row.threads, "cores": row.cores,
    }  # fmt: skip


def _way(way: Way) -> dict[str, Any]:
    return {"name": way.name, "points": list(map(_point, way.points))}


def _point(point: "Point") -> dict[str, Any]:
    return {"caution": point.caution, **asdict(point.worth)}
