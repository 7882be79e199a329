"""What the pictures of a backtest show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from device_profiles.profile import Processor
from zoo.backtesting import Backtest, Case, is_phone
from zoo.backtesting_picks import OVERRUNS, REGRET, Group, Picks, Way

if TYPE_CHECKING:
    from prediction.trial import Summary

FEWEST = 5
"""Rows of a device on a processor from which on it is drawn."""

_FEWEST_COVERED = 20

DRAWN = (Case.NEW_NET, Case.NET_EVERYWHERE, Case.FAMILY_EVERYWHERE, Case.DEVICE)
"""Cases of the scatter, one panel each."""

CALLED = {
    Case.NEW_NET: "new net on the device", Case.NET: "new net on the machine", Case.NET_EVERYWHERE: "new net anywhere",
    Case.FAMILY: "new family on the machine", Case.FAMILY_EVERYWHERE: "new family anywhere",
    Case.MACHINE: "new runtime", Case.DEVICE: "new device", Case.DEVICE_5: "device with five rows",
}  # fmt: skip
"""Cases in few words."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A row: where it ran, and milliseconds measured and predicted."""

    processor: Processor
    measured_ms: float
    predicted_ms: float


@dataclass(frozen=True, slots=True)
class Scatter:
    """Predicted against measured, one panel a case.

    Attributes:
        panels: heading, median error, and rows.
    """

    panels: tuple[tuple[str, float, tuple[Dot, ...]], ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Errors of a group of rows: how many, and shares."""

    processor: Processor
    rows: int
    median: float
    ninetieth: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage of the 90 % interval by case and processor.

    Attributes:
        rows: case in words, and one mark a processor.
    """

    rows: tuple[tuple[str, tuple[Mark, ...]], ...]


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors by device and processor.

    Attributes:
        rows: name of the device; its errors on new nets, and from its facts alone; the smallest on top.
    """

    rows: tuple[tuple[str, Mark, Mark], ...]


@dataclass(frozen=True, slots=True)
class Regret:
    """Regret against overruns, one panel a set of devices.

    Attributes:
        panels: heading, and the ways to guess.
        overruns: the most that the aim allows, as a share.
        regret: the same, in points.
    """

    panels: tuple[tuple[str, tuple[Way, ...]], ...]
    overruns: float = OVERRUNS
    regret: float = REGRET


BacktestPicture = Scatter | Coverage | Errors | Regret


def pictures(found: Backtest, phones: Picks, everything: Picks) -> dict[str, BacktestPicture]:
    """Everything that the report draws, by name."""
    return {
        "scatter": scatter(found),
        "coverage": coverage(found),
        "devices": errors(found),
        "regret": Regret(
            (
                (f"phones, shared nets: {_groups(phones.compared)}", phones.ways),
                (f"all devices, shared nets: {_groups(everything.compared)}", everything.ways),
                (f"phones, predicted nets: {_groups(phones.guessed)}", (phones.known,)),
            )
        ),
    }


def _groups(found: Sequence[Group]) -> str:
    return f"{len(found)} group{'s'[: len(found) != 1]}"


def scatter(found: Backtest) -> Scatter:
    """Rows of phones."""
    panels = []
    for case in DRAWN:
        held = [each for each in found.held if is_phone(each.profile) and case in each.guesses]
        dots = [Dot(each.row.processor, each.latency_ms, each.predicted_ms(case)) for each in held]
        errors = sorted(each.guesses[case].trial.relative for each in held)
        panels.append((CALLED[case], errors[len(errors) // 2] if errors else 0.0, tuple(dots)))
    return Scatter(tuple(panels))


def coverage(found: Backtest) -> Coverage:
    """Of phones."""
    rows: dict[Case, list[Mark]] = {}
    for each in found.by_processor(is_phone):
        if each.summary.rows >= _FEWEST_COVERED:
            rows.setdefault(each.case, []).append(_mark(each.processor, each.summary))
    return Coverage(tuple((CALLED[case], tuple(marks)) for case, marks in rows.items()))


def _mark(processor: Processor, summary: "Summary") -> Mark:
    return Mark(processor, summary.rows, summary.median, summary.ninetieth, summary.coverage)


def errors(found: Backtest) -> Errors:
    """Of phones with enough rows, by device and processor."""
    names = {each.profile.id: each.profile.name for each in found.held}
    lines = {(each.case, each.name, each.processor): each.summary for each in found.by_device(is_phone)}
    rows = [
        (names[device], _mark(processor, summary), _mark(processor, lines[Case.DEVICE, device, processor]))
        for (case, device, processor), summary in lines.items()
        if case is Case.NEW_NET and summary.rows >= FEWEST
    ]
    return Errors(tuple(sorted(rows, key=lambda row: (row[1].median, row[0]))))
