"""Comparisons as tables: a variant over devices, two variants, a fleet."""

from collections.abc import Sequence

from rich.text import Text

from registry.portfolio import Portfolio
from registry.rules import format_bytes
from registry.values import Variant
from zoo.actions import DiffReport, PlanLine
from zoo.views.printer import EVIDENCE_STYLES, Printer, accuracy, count, device_line, latency, place, size


def plan(printer: Printer, variant: Variant, lines: Sequence[PlanLine]) -> None:
    """Print on which devices a variant runs."""
    printer.line(f"{variant.name} · {variant.model} · {size(variant)}", style="bold")
    running = [each for each in lines if not each.broken]
    printer.table(
        ("device", "kind", "runs on", "latency", "evidence"),
        [
            (
                each.device.id,
                str(each.device.kind),
                place(each.candidate),
                latency(each.candidate),
                Text(str(each.candidate.evidence), style=EVIDENCE_STYLES[each.candidate.evidence]),
            )
            for each in running
        ],
        right="latency",
    )
    reasons: dict[str, list[str]] = {}
    for each in lines:
        if each.broken:
            reasons.setdefault("; ".join(map(str, each.broken)), []).append(each.device.id)
    printer.line(f"runs on {len(running)} of {len(lines)} devices")
    for reason, names in sorted(reasons.items(), key=lambda entry: -len(entry[1])):
        printer.line(f"not on {', '.join(names)}: {reason}")


def diff(printer: Printer, report: DiffReport) -> None:
    """Print two variants side by side."""
    printer.line(device_line(report.target), style="bold")
    one, other = report.variants
    model = report.model
    pairs = [
        ("precision", str(one.precision), str(other.precision)),
        ("format", one.format, other.format),
        ("params", count(one.params), count(other.params)),
        ("MACs", count(one.macs), count(other.macs)),
        ("size", size(one), size(other)),
        ("accuracy", accuracy(one.accuracy(model), model), accuracy(other.accuracy(model), model)),
    ]
    for mine, theirs in report.ways:
        where = place(mine or theirs) if (mine or theirs) else ""  # type: ignore[arg-type]
        pairs.append((where, latency(mine) if mine else "?", latency(theirs) if theirs else "?"))
    printer.table(("", one.name, other.name), pairs)
    if not report.ways:
        printer.line(f"Neither is measured on {report.target.profile.name} or its SoC.")


def portfolio(printer: Printer, found: Portfolio) -> None:
    """Print what a fleet needs."""
    model = found.model
    how = "the fewest possible" if found.exact else "found greedily"
    printer.line(
        f"{model.name}: {len(found.cover)} variants serve {len(found.best)} devices ({how})", style="bold"
    )
    served: dict[str, list[str]] = {}
    for device, name in found.served_by.items():
        served.setdefault(name, []).append(device)
    printer.table(
        ("variant", "serves"), [(name, ", ".join(sorted(served.get(name, [])))) for name in found.cover]
    )
    if found.unserved:
        printer.line(
            f"Measured, but nothing inside {model.default_max_latency_ms:g} ms with a known accuracy: "
            f"{', '.join(found.unserved)}"
        )
    if found.front:
        printer.line()
        printer.line("The accuracy-size front, and what each step up buys", style="bold")
        gaps = set(found.gaps)
        printer.table(
            ("from", "to", "points", "bytes", "points/MB", "ms", "points/ms", "gap"),
            [
                (
                    each.smaller,
                    each.larger,
                    f"{each.accuracy_gain:+.3g}",
                    f"+{format_bytes(each.size_gain_bytes)}",
                    f"{each.points_per_mb:.3g}",
                    "?" if each.latency_gain_ms is None else f"{each.latency_gain_ms:+.3g}",
                    "?" if each.points_per_ms is None else f"{each.points_per_ms:.3g}",
                    "gap" if each in gaps else "",
                )
                for each in found.front
            ],
            right="points bytes points/MB ms points/ms",
        )
    if found.dominated:
        printer.line()
        printer.line(
            f"{len(found.dominated)} variants are beaten in accuracy, size and every latency", style="bold"
        )
        printer.table(
            ("variant", "beaten by", "devices"),
            [
                (each.variant, each.by + (" (its twin)" if each.twin else ""), str(each.devices))
                for each in found.dominated
            ],
            right="devices",
        )
    if found.without_twin:
        printer.line()
        printer.line(
            f"{len(found.without_twin)} float variants have no quantized twin: {', '.join(found.without_twin)}"
        )
