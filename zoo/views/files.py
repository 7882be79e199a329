"""Model files as tables and documents: what inspection found, what a certificate says."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.rules import format_bytes
from zoo.views.printer import Printer, count

if TYPE_CHECKING:
    from converters.certificate import Certificate, Check, FileRecord
    from converters.inspection.report import Coverage, FileReport, Graph, Tensor

_MOST_BREAKS = 3
_MOST_ENTRIES = 12


def report(printer: Printer, name: str, found: "FileReport", *, all_breaks: bool) -> None:
    """Print what inspection found."""
    printer.line(
        f"{name} · {found.format} ({found.flavour}) · {format_bytes(found.size_bytes)}", style="bold"
    )
    printer.table(("fact", "value"), _facts(found))
    if found.graph is not None and found.graph.operators:
        _operators(printer, found)
    if found.weights:
        printer.table(
            ("weights", "granularity", "tensors", "elements", "bytes"),
            [
                (each.dtype, str(each.granularity) or "-", str(each.tensors), count(each.elements),
                 format_bytes(each.stored_bytes))
                for each in found.weights
            ],
            right="tensors elements bytes",
        )  # fmt: skip
    if found.coverage:
        _coverage(printer, found.coverage, most=None if all_breaks else _MOST_BREAKS)
    for entry in found.entries[:_MOST_ENTRIES]:
        printer.line(f"  {entry}")
    if len(found.entries) > _MOST_ENTRIES:
        printer.line(f"  and {len(found.entries) - _MOST_ENTRIES} more")
    for warning in found.warnings:
        printer.line(f"note  {warning}", style="yellow")


def _facts(found: "FileReport") -> list[tuple[str, str]]:
    graph = found.graph
    facts = [
        ("sha256", found.sha256),
        ("producer", found.producer),
        ("inputs", _ports(graph, graph.inputs) if graph else ""),
        ("outputs", _ports(graph, graph.outputs) if graph else ""),
        ("parameters", "" if found.params is None else count(found.params)),
        ("MACs", "" if found.macs is None or graph is None or not graph.operators else count(found.macs)),
        (
            "precision",
            " ".join(each for each in (found.precision, str(found.granularity)) if each) if graph else "",
        ),
        ("activations", ", ".join(f"{dtype} x{number}" for dtype, number in found.activations.items())),
        ("zero weights", "" if found.zeros is None else f"{100 * found.zeros:.1f} %"),
        (
            "peak activations",
            "" if not found.peak_activation_bytes else format_bytes(found.peak_activation_bytes),
        ),
        ("needs at least", ", ".join(f"{kind} {value}" for kind, value in found.minimum.items())),
        ("custom operators", ", ".join(found.custom_operators)),
        ("overhead", _overhead(found) if graph else ""),
        ("loads in", "; ".join(_load(each.runtime, each.reason, loaded=each.loaded) for each in found.loads)),
    ]
    return [(fact, value) for fact, value in facts if value]


def _overhead(found: "FileReport") -> str:
    share = 100 * found.overhead_bytes / found.size_bytes if found.size_bytes else 0.0
    metadata = (
        f", of it {format_bytes(found.metadata_bytes)} names and metadata" if found.metadata_bytes else ""
    )
    return f"{format_bytes(found.overhead_bytes)} ({share:.0f} % of the file){metadata}"


def _load(runtime: str, reason: str, *, loaded: bool | None) -> str:
    if loaded:
        return runtime
    return f"{runtime}: {'no' if loaded is False else 'not tried'} ({reason})".removeprefix(": ")


def _ports(graph: "Graph", places: Iterable[int]) -> str:
    return ", ".join(_tensor(graph.tensors[place]) for place in places)


def _tensor(tensor: "Tensor") -> str:
    shape = (
        "?" if tensor.shape is None else "x".join("?" if each is None else str(each) for each in tensor.shape)
    )
    return " ".join(each for each in (tensor.name, tensor.dtype, shape) if each)


def _operators(printer: Printer, found: "FileReport") -> None:
    assert found.graph is not None  # noqa: S101 - for the type checker; the caller looked
    counts: Counter[str] = Counter(each.kind for each in found.graph.operators)
    macs: Counter[str] = Counter()
    for operator, cost in zip(found.graph.operators, found.macs_by_operator, strict=False):
        macs[operator.kind] += cost or 0
    total = sum(macs.values())
    printer.table(
        ("operator", "count", "MACs", "share"),
        [
            (
                kind,
                str(number),
                count(macs[kind]) if macs[kind] else "-",
                f"{100 * macs[kind] / total:.1f} %" if macs[kind] else "-",
            )
            for kind, number in sorted(counts.items(), key=lambda pair: (-macs[pair[0]], -pair[1], pair[0]))
        ],
        right="count MACs share",
    )


def _coverage(printer: Printer, coverage: Iterable["Coverage"], most: int | None) -> None:
    coverage = list(coverage)
    printer.table(
        ("delegate", "on", "operators", "MACs", "parts", "verdict"),
        [
            (
                each.delegate,
                each.processor,
                f"{each.operators}/{each.of_operators}",
                f"{100 * each.macs / each.of_macs:.0f} %" if each.of_macs else "-",
                str(each.partitions),
                _verdict(each),
            )
            for each in coverage
        ],
        right="operators MACs parts",
    )
    for each in coverage:
        reasons = Counter((one.kind, one.reason, one.source) for one in each.breaks)
        for (kind, reason, source), number in list(reasons.items())[:most]:
            times = f" x{number}" if number > 1 else ""
            printer.line(f"{each.delegate}: {kind}{times}: {reason} [{source}]")
        if most is not None and len(reasons) > most:
            printer.line(f"{each.delegate}: and {len(reasons) - most} more reasons; --all names them")
        if each.note:
            printer.line(f"{each.delegate}: {each.note}", style="dim")


def _verdict(each: "Coverage") -> str:
    if each.whole:
        return "whole"
    return "nothing" if not each.operators else "falls back"


def report_document(found: "FileReport") -> dict[str, Any]:
    """The JSON of ``zoo inspect``, see docs/json.md: tensors by name, operators by count and one by one."""
    graph = found.graph
    document = asdict(found)
    del document["graph"], document["macs_by_operator"]
    if graph is not None:
        document["inputs"] = [asdict(graph.tensors[place]) for place in graph.inputs]
        document["outputs"] = [asdict(graph.tensors[place]) for place in graph.outputs]
        document["operators"] = dict(Counter(each.kind for each in graph.operators))
        document["subgraphs"] = graph.subgraphs
        document["nodes"] = [
            {
                "kind": each.kind,
                "label": each.label,
                "macs": cost,
                "inputs": [_name(graph, place) for place in each.inputs],
                "outputs": [_name(graph, place) for place in each.outputs],
                "options": dict(each.options),
            }
            for each, cost in zip(graph.operators, found.macs_by_operator, strict=False)
        ]
    for each, record in zip(document["coverage"], found.coverage, strict=True):
        each["whole"] = record.whole
    return document


def _name(graph: "Graph", place: int) -> str | None:
    return (graph.tensors[place].name or f"#{place}") if place >= 0 else None


def certificate(printer: Printer, made: "Certificate", out: Path) -> None:
    """Print what was converted, how far each file is from its source, and what was refused."""
    source, golden = made.source, made.golden
    printer.line(
        f"{source['name']} · {source['kind']} · {golden['samples']} golden {golden['kind']}", style="bold"
    )
    if made.files:
        printer.table(
            ("file", "size", "overhead", "error", "SNR", "top-1", "latency", "checked by"),
            [_row(each) for each in made.files],
            right="size overhead error SNR top-1 latency",
        )
    for each in made.files:
        for check in each.checks[1:]:
            printer.line(f"{each.path}: {_says(check)}", style="dim")
        for flag in each.flags:
            printer.line(f"{each.path}: {flag}", style="yellow")
    _identical(printer, made)
    for refused in made.refused:
        printer.line(f"refused {refused.format} {refused.recipe}: {refused.reason}", style="red")
    if made.files:
        printer.line(f"{len(made.files)} files and certificate.json in {out}")


def _row(each: "FileRecord") -> tuple[str, ...]:
    parity = each.main.parity
    return (
        each.path,
        format_bytes(each.size_bytes),
        "?" if each.overhead_bytes is None else format_bytes(each.overhead_bytes),
        "?" if parity is None else f"{parity.max_rel_error:.1e}",
        "?" if parity is None else f"{parity.snr_db:.0f} dB",
        "-" if parity is None or parity.top1_agreement is None else f"{100 * parity.top1_agreement:.0f} %",
        "-" if each.latency_ms is None else f"{each.latency_ms:.3g} ms",
        f"{each.main.runtime} ({each.main.kernels})" if each.main.kernels else "not checked",
    )


def _says(check: "Check") -> str:
    if check.parity is None:
        return f"{check.runtime}: {check.reason}"
    found = check.parity
    return (
        f"{check.runtime} ({check.kernels}): rel. error {found.max_rel_error:.1e}, SNR {found.snr_db:.0f} dB"
    )


def _identical(printer: Printer, made: "Certificate") -> None:
    """Say which files carry the same integer weights to the last bit."""
    by_weights: dict[str, list[str]] = {}
    for each in made.files:
        if each.weights_sha256:
            by_weights.setdefault(each.weights_sha256, []).append(each.path)
    for paths in by_weights.values():
        if len(paths) > 1:
            printer.line(f"identical integer weights: {', '.join(paths)}", style="green")
