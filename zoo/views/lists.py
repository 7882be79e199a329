"""What exists, as tables: devices, models, variants."""

from collections.abc import Sequence

from device_profiles.profile import DeviceProfile
from registry.rules import format_bytes
from registry.values import Accuracy, Measurement, Model, Variant
from zoo.actions import DeviceReport
from zoo.views.printer import Printer, accuracy, count, device_line, size


def devices(printer: Printer, found: Sequence[tuple[DeviceProfile, int]]) -> None:
    """Print the list of ``zoo devices``."""
    printer.table(
        ("id", "name", "kind", "tier", "year", "SoC", "processors", "rows"),
        [
            (
                each.id,
                each.name,
                str(each.kind),
                str(each.tier),
                str(each.year or "?"),
                each.soc.name,
                " ".join(sorted(each.processors)),
                str(count),
            )
            for each, count in found
        ],
        right="rows",
    )
    measured = sum(count > 0 for _, count in found)
    printer.line(f"{len(found)} devices, {measured} of them measured")


def device(printer: Printer, report: DeviceReport) -> None:
    """Print everything known of one device."""
    profile = report.target.profile
    printer.line(device_line(report.target), style="bold")
    printer.table(("fact", "value", "from"), _facts(profile))
    ways: dict[tuple[str, str], list[str]] = {}
    for each in profile.supports:
        ways.setdefault((each.runtime, each.format), []).append(str(each.processor))
    printer.table(
        ("runtime", "format", "processors"),
        [(runtime, kind, " ".join(dict.fromkeys(found))) for (runtime, kind), found in ways.items()],
    )
    if report.measured:
        printer.table(
            ("measured", "runtime", "processor", "era", "variants", "rows"),
            [
                (model, runtime, str(processor), str(era or "?"), str(variants), str(rows))
                for model, runtime, processor, era, variants, rows in report.measured
            ],
            right="era variants rows",
        )
    else:
        printer.line("Nothing is measured on it.")
    others = ", ".join(f"{name} ({rows} rows)" for name, rows in report.same_soc)
    if others:
        printer.line(f"Same SoC: {others}")


def _facts(profile: DeviceProfile) -> list[tuple[str, str, str]]:
    soc = profile.soc
    clusters = " + ".join(
        f"{each.cores}x {each.core}{f' {each.clock_hz / 1e9:.2f} GHz' if each.clock_hz else ''}"
        for each in profile.clusters
    )
    memory = ", ".join(f"{region} {_kib(bytes_)}" for region, bytes_ in profile.memory.items())
    cited = profile.cited
    facts = [
        ("kind", f"{profile.kind}, tier {profile.tier}", cited.get("kind", "")),
        ("year", str(profile.year or ""), cited.get("year", "")),
        ("SoC", f"{soc.name} ({soc.id})", cited.get("soc") or soc.cited.get("soc", "")),
        ("CPU", clusters, cited.get("cpu") or soc.cited.get("cpu", "")),
        ("GPU", soc.gpu, soc.cited.get("gpu", "")),
        ("DSP", soc.dsp, soc.cited.get("dsp", "")),
        ("NPU", soc.npu, soc.cited.get("npu", "")),
        ("RAM", _kib(profile.ram_bytes) if profile.ram_bytes else "", cited.get("ram_bytes", "")),
        ("memory", memory, cited.get("memory", "")),
        ("system", profile.os, cited.get("os", "")),
        ("also called", ", ".join(profile.aliases), cited.get("aliases", "")),
        ("note", " ".join(each for each in (profile.note, soc.note) if each), ""),
    ]
    return [(name, value, source or ("" if name == "note" else "common knowledge"))
            for name, value, source in facts if value]  # fmt: skip


def _kib(size_bytes: int) -> str:
    """Memory chips come in binary units."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if size_bytes >= factor and size_bytes % (factor // 4) == 0:
            return f"{size_bytes / factor:g} {unit}"
    return f"{size_bytes >> 10} KiB"


def models(printer: Printer, found: Sequence[tuple[Model, int, int]]) -> None:
    """Print the list of ``zoo models``."""
    ordered = sorted(found, key=lambda entry: (-entry[2], entry[0].name))
    printer.table(
        ("model", "task", "data set", "metric", "budget", "variants", "rows"),
        [
            (
                each.name,
                each.task,
                each.dataset,
                f"{each.metric} {each.unit}".strip(),
                f"{each.default_max_latency_ms:g} ms",
                str(variants),
                str(rows),
            )
            for each, variants, rows in ordered
        ],
        right="budget variants rows",
    )


def model(printer: Printer, found: Model, variants: Sequence[Variant]) -> None:
    """Print one model and its variants."""
    printer.line(f"{found.title} ({found.name})", style="bold")
    direction = "higher" if found.higher_is_better else "lower"
    printer.line(f"{found.description}")
    printer.line(
        f"task {found.task} · data {found.dataset} {found.split} · {found.metric} {found.unit} ({direction} is "
        f"better) · default latency budget {found.default_max_latency_ms:g} ms"
    )
    printer.table(
        ("variant", "precision", "params", "MACs", "size", "accuracy", "n", "file"),
        [
            (
                each.name,
                str(each.precision),
                count(each.params),
                count(each.macs),
                size(each),
                accuracy(each.accuracy(found), found),
                _samples(each.accuracy(found)),
                "withdrawn" if each.yanked else str(each.availability),
            )
            for each in variants
        ],
        right="params MACs size accuracy n",
    )
    printer.line(f"{len(variants)} variants")


def _samples(known: Accuracy | None) -> str:
    return str(known.samples) if known and known.samples else "?"


def measurements(printer: Printer, found: Sequence[Measurement]) -> None:
    """Print the rows behind the numbers."""
    printer.table(
        ("variant", "device", "processor", "runtime", "era", "latency", "memory", "source"),
        [
            (
                row.variant,
                row.device,
                f"{row.processor}{f' x{row.threads}' if row.threads else ''}{f' ({row.cores})' if row.cores else ''}",
                row.runtime,
                str(row.era or "?"),
                _speed(row),
                _memory(row),
                f"EXCLUDED: {row.excluded}" if row.excluded else row.source,
            )
            for row in found
        ],
        right="era latency memory",
    )
    excluded = sum(bool(row.excluded) for row in found)
    printer.line(f"{len(found)} measurements, {excluded} of them excluded")


def _speed(row: Measurement) -> str:
    if row.latency_ms is not None:
        return f"{row.latency_ms:.4g} ms"
    return "?" if row.instructions is None else f"{row.instructions:,} instructions"


def _memory(row: Measurement) -> str:
    used = row.ram_bytes or row.peak_memory_bytes
    return "?" if used is None else format_bytes(used)
