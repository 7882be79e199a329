"""Measurements of files as tables and as documents; and what the runners lack."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.latency import Latency
from bench.operators import OperatorTime, by_kind
from registry.rules import format_bytes
from zoo.views.printer import Printer

if TYPE_CHECKING:
    from bench.runners.base import Measured
    from zoo.benching import Bench
    from zoo.recording import Filled

_PERCENT = 100
_MOST_OPERATORS = 10


def bench(printer: Printer, found: "Bench") -> None:
    """Print what was measured of a file, and with what."""
    measured = found.measured
    threads = f", {measured.threads} thread{'' if measured.threads == 1 else 's'}" if measured.threads else ""
    printer.line(
        f"{found.asked.variant or found.asked.file.name} · {found.format} · {format_bytes(found.size_bytes)}",
        style="bold",
    )
    printer.line(
        f"run by    {measured.runtime_version}, kernels {measured.kernels}, {measured.processor}{threads}"
    )
    if measured.latency is not None:
        printer.line(f"latency   {latency(measured.latency, measured.statistic)}")
    if measured.sustained is not None:
        long = measured.sustained
        printer.line(
            f"sustained {long.first.median_ms:.4g} ms in the first {long.window_s:.0f} s, "
            f"{long.last.median_ms:.4g} ms in the last: {_PERCENT * long.slowdown:+.1f} % over {long.seconds:.0f} s, "
            f"{long.runs:,} runs"
        )
    emulated(printer, measured)
    if measured.arena_bytes is not None:
        printer.line(f"arena     {measured.arena_bytes:,} bytes of working memory")
    if measured.peak_memory_bytes is not None:
        printer.line(f"memory    {format_bytes(measured.peak_memory_bytes)} at most")
    printer.line(f"machine   {found.environment}")
    for each in found.notes:
        printer.line(f"note      {each}", style="yellow")
    if measured.operators:
        operators(printer, measured.operators)
    printer.line(f"again     {found.command}")


def emulated(printer: Printer, measured: "Measured") -> None:
    """Print what an emulator counted, and whether its outputs are right."""
    if measured.instructions is not None:
        printer.line(f"count     {measured.instructions:,} instructions for one inference (no time)")
    if measured.flash_bytes is not None:
        printer.line(f"flash     {measured.flash_bytes:,} bytes of the model's code and constants")
    if measured.ram_bytes is not None:
        stack = (
            "" if measured.stack_bytes is None else f"; the stack took {measured.stack_bytes:,} more at most"
        )
        printer.line(f"RAM       {measured.ram_bytes:,} bytes of working memory, input and output{stack}")
    for compared in measured.comparisons:
        printer.line(f"outputs   {compared}", style="" if compared.same else "yellow")
    if measured.fit is not None:
        printer.line(f"fit       {measured.fit}", style="" if measured.fit.holds else "red")


def latency(found: Latency, statistic: str) -> str:
    """A latency in words: the median with its interval, p90, the spread and n."""
    interval = (
        f"95 % interval {found.low_ms:.4g} to {found.high_ms:.4g}, ±{_PERCENT * found.half_width:.1f} %"
    )
    parts = [f"{found.median_ms:.4g} ms ({statistic}; {interval})"]
    if found.p10_ms is not None and found.p90_ms is not None:
        parts.append(f"p10 {found.p10_ms:.4g}, p90 {found.p90_ms:.4g}")
    parts.append(f"{found.least_ms:.4g} to {found.most_ms:.4g} in all")
    return " · ".join((*parts, f"n = {found.runs:,}"))


def operators(printer: Printer, found: Sequence[OperatorTime]) -> None:
    """Print which operators take the time: by kind, then the slowest single ones."""
    total = sum(each.milliseconds for each in found)
    printer.table(
        ("operator", "count", "ms", "share"),
        [
            (each.kind, str(each.count), f"{each.milliseconds:.3f}", f"{_PERCENT * each.share:.1f} %")
            for each in by_kind(found)
        ],
        right="count ms share",
    )
    slowest = sorted(enumerate(found), key=lambda pair: -pair[1].milliseconds)[:_MOST_OPERATORS]
    printer.table(
        ("slowest", "kind", "ms", "share"),
        [
            (
                f"{place}: {each.name}", each.kind, f"{each.milliseconds:.3f}",
                f"{_PERCENT * each.milliseconds / total if total else 0:.1f} %",
            )
            for place, each in slowest
        ],
        right="ms share",
    )  # fmt: skip


def document(found: "Bench") -> dict[str, Any]:
    """The JSON of ``zoo bench``, see docs/json.md."""
    measured = found.measured
    return {
        "file": str(found.asked.file),
        "sha256": found.sha256,
        "format": found.format,
        "size_bytes": found.size_bytes,
        "device": found.asked.device,
        "runtime": measured.runtime,
        "runtime_version": measured.runtime_version,
        "kernels": measured.kernels,
        "processor": measured.processor,
        "threads": measured.threads,
        "latency_ms": None if measured.latency is None else _numbers(measured.latency, measured.statistic),
        "warm_up_runs": measured.warm_up_runs,
        "sustained": None if measured.sustained is None else {
            "first_ms": _numbers(measured.sustained.first, "median"),
            "last_ms": _numbers(measured.sustained.last, "median"),
            "slowdown": measured.sustained.slowdown,
            "seconds": measured.sustained.seconds,
            "window_seconds": measured.sustained.window_s,
            "runs": measured.sustained.runs,
        },
        "arena_bytes": measured.arena_bytes,
        "peak_memory_bytes": measured.peak_memory_bytes,
        "instructions": measured.instructions,
        "flash_bytes": measured.flash_bytes,
        "ram_bytes": measured.ram_bytes,
        "stack_bytes": measured.stack_bytes,
        "comparisons": [{**asdict(each), "same": each.same} for each in measured.comparisons],
        "fit": None if measured.fit is None else {**asdict(measured.fit), "holds": measured.fit.holds},
        "operators": [{"kind": each.kind, "name": each.name, "ms": each.milliseconds} for each in measured.operators],
        "kinds": [{"kind": each.kind, "count": each.count, "ms": each.milliseconds, "share": each.share}
                  for each in by_kind(measured.operators)],
        "environment": asdict(found.environment),
        "before": asdict(found.before),
        "after": asdict(found.after),
        "date": found.date,
        "notes": list(found.notes),
        "command": found.command,
    }  # fmt: skip


def _numbers(found: Latency, statistic: str) -> dict[str, Any]:
    return {
        "value": found.median_ms, "statistic": statistic, "low": found.low_ms, "high": found.high_ms,
        "p10": found.p10_ms, "p90": found.p90_ms, "least": found.least_ms, "most": found.most_ms, "runs": found.runs,
        "independent_runs": found.independent_runs,
    }  # fmt: skip


def filled(printer: Printer, found: Sequence["Filled"], registry: str) -> None:
    """Print what became of every variant."""
    rows = []
    for each in found:
        said = each.bench.measured.latency if each.bench else None
        rows.append(
            (
                each.variant,
                each.bench.measured.runtime if each.bench else "",
                f"{said.median_ms:.4g}" if said else "",
                f"{said.p90_ms:.4g}" if said and said.p90_ms is not None else "",
                str(said.runs) if said else "",
                each.reason,
            )
        )
    printer.table(("variant", "runtime", "ms", "p90", "n", "note"), rows, right="ms p90 n")
    measured, failed = sum(each.bench is not None for each in found), sum(each.failed for each in found)
    before = len(found) - measured - failed
    printer.line(f"{registry}: {measured} measured and written, {before} measured before, {failed} failed")


def filled_document(found: Sequence["Filled"]) -> list[dict[str, Any]]:
    """The JSON of ``zoo bench --all``."""
    return [
        {
            "variant": each.variant,
            "measured": None if each.bench is None else document(each.bench),
            "failed": each.failed,
            "reason": each.reason,
        }
        for each in found
    ]


def doctor(printer: Printer, found: Sequence[tuple[str, str, str]]) -> None:
    """Print what each runner lacks, with the remedy."""
    for name, measures, lacks in found:
        printer.line(
            f"{name}: {'ready' if not lacks else 'not ready'} · {measures}", style="" if lacks else "green"
        )
        if lacks:
            printer.line(f"  {lacks}")


def doctor_document(found: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """The JSON of ``zoo doctor``."""
    return [
        {"runner": name, "measures": measures, "ready": not lacks, "lacks": lacks or None}
        for name, measures, lacks in found
    ]
