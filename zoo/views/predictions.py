"""Predicted latencies, and what calibrating gave, as tables and as documents."""

from statistics import median
from typing import TYPE_CHECKING, Any

from prediction.query import Prediction
from zoo.views.printer import Printer, device_line

if TYPE_CHECKING:
    from zoo.calibrating import Calibrated, Fold
    from zoo.predicting import Answer, Predicted

_PERCENT = 100


def predicted(printer: Printer, found: "Predicted") -> None:
    """Print what is predicted, one way to run the net a line, the fastest first."""
    printer.line(device_line(found.target), style="bold")
    if not found.answers:
        printer.line(
            f"nothing   {found.target.profile.name} has no such way to run {found.variant.format} files"
        )
        return
    printer.line(f"net       {found.variant.name}{_size(found)}")
    printer.line()
    printer.table(
        ("runs on", "predicted", "90 % interval", "basis"),
        [_row(each) for each in sorted(found.answers, key=_milliseconds)],
    )
    for each in found.answers:
        for broken in each.broken:
            printer.line(
                f"but       {each.way.runtime} on the {each.way.processor}: {broken}", style="yellow"
            )


def _size(found: "Predicted") -> str:
    parts = ((found.variant.macs, "M MACs"), (found.variant.params, "M parameters"))
    return "".join(f" · {number / 1e6:.3g} {unit}" for number, unit in parts if number)


def _row(each: "Answer") -> tuple[str, str, str, str]:
    threads = f" x{each.threads}" if each.threads else ""
    place = f"{each.way.processor}{threads}, {each.way.runtime}"
    if isinstance(each.found, Prediction):
        interval = f"{each.found.low_ms:.3g} to {each.found.high_ms:.3g} ms"
        return place, f"{each.found.value_ms:.3g} ms", interval, each.found.basis
    return place, "unknown", "", each.found.reason


def _milliseconds(each: "Answer") -> float:
    return each.found.value_ms if isinstance(each.found, Prediction) else float("inf")


def predicted_document(found: "Predicted") -> dict[str, Any]:
    """The same for programs."""
    return {
        "device": found.target.profile.id,
        "variant": found.variant.name,
        "format": found.variant.format,
        "precision": str(found.variant.precision),
        "macs": found.variant.macs,
        "params": found.variant.params,
        "predictions": [_document(each) for each in sorted(found.answers, key=_milliseconds)],
    }


def _document(each: "Answer") -> dict[str, Any]:
    known = isinstance(each.found, Prediction)
    return {
        "processor": str(each.way.processor),
        "runtime": each.way.runtime,
        "threads": each.threads,
        "latency_ms": {
            "value": each.found.value_ms, "low": each.found.low_ms, "high": each.found.high_ms, "evidence": "predicted",
            "source": each.found.basis,
        } if isinstance(each.found, Prediction) else None,
        "reason": None if known else each.found.reason,  # type: ignore[union-attr]
        "broken": [str(one) for one in each.broken],
    }  # fmt: skip


def calibrated(printer: Printer, found: "Calibrated") -> None:
    """Print how far predictions were off before and are off now."""
    before, after = (_errors(found, now=each) for each in (False, True))
    printer.line(f"{found.device}: {', '.join(found.places)}", style="bold")
    printer.line(
        f"error     {_PERCENT * median(before):.1f} % before, {_PERCENT * median(after):.1f} % now "
        f"(median of {len(found.folds)} rows, each predicted without itself)"
    )
    printer.line()
    printer.table(
        ("row", "net", "measured", "before", "now", "90 % interval", ""),
        [_fold(each) for each in found.folds],
        right="row measured before now",
    )
    if found.repeated:
        printer.line(f"note      rows {_list(found.repeated)} ask what one before them asks; all count")
    for number, reason in found.skipped:
        printer.line(f"note      row {number} is left out: {reason}", style="yellow")


def _fold(each: "Fold") -> tuple[str, ...]:
    numbers = (each.measured_ms, each.before_ms, each.after.value_ms)
    interval = f"{each.after.low_ms:.3g} to {each.after.high_ms:.3g} ms"
    outside = "outside: look at it" if each.is_outside else ""
    return (f"{each.row}", each.net, *(f"{one:.3g} ms" for one in numbers), interval, outside)


def _errors(found: "Calibrated", *, now: bool) -> list[float]:
    """Relative errors of all rows."""
    return [
        abs((each.after.value_ms if now else each.before_ms) / each.measured_ms - 1) for each in found.folds
    ]


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def calibrated_document(found: "Calibrated") -> dict[str, Any]:
    """The same for programs."""
    return {
        "device": found.device,
        "places": list(found.places),
        "median_error_before": median(_errors(found, now=False)),
        "median_error_now": median(_errors(found, now=True)),
        "rows": [
            {
                "row": each.row, "net": each.net, "measured_ms": each.measured_ms, "before_ms": each.before_ms,
                "now_ms": each.after.value_ms, "low_ms": each.after.low_ms, "high_ms": each.after.high_ms,
                "outside": each.is_outside,
            }
            for each in found.folds
        ],
        "repeated": list(found.repeated),
        "skipped": [{"row": number, "reason": reason} for number, reason in found.skipped],
    }  # fmt: skip
