"""From bytes to a report, inside the sandbox."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from converters.inspection.costs import costs
from converters.inspection.reading import Reader, Reading, UnreadableError, reader
from converters.inspection.report import FileReport, Format, Load
from converters.inspection.sniffing import sniff
from zoo.errors import BadFileError, MissingExtraError

_PICKLED = (
    "it is a pickle, and pickles run code when they are read. "
    "Save weights as safetensors, nets with torch.export"
)


def assemble(path: Path, *, coverage: bool, loads: bool) -> dict[str, Any]:
    """Read a file whose length, links and number of files were checked.

    Returns:
        ``{"report": text}`` (digest and size left out), ``{"problems": [...]}`` or ``{"missing": text}``.
    """
    try:
        format_ = sniff(path)
        if format_ is Format.PICKLE:
            return {"problems": [_PICKLED]}
        reads = reader(format_)
        report = _report(format_, reads.read(path), reads)
        if loads:
            report = replace(report, loads=_loads(reads, path, report))
        if coverage and report.graph is not None and report.graph.operators:
            report = replace(report, coverage=_coverage(report, path))
    except UnreadableError as problem:
        return {"problems": list(problem.problems)}
    except BadFileError as problem:
        return {"problems": list(problem.problems)}
    except MissingExtraError as problem:
        return {"missing": str(problem)}
    return {"report": report.to_json()}


def _report(format_: Format, reading: Reading, reads: Reader) -> FileReport:
    report = FileReport(
        format_, reading.flavour, 0, "", reading.graph, reading.producer, minimum=reading.minimum,
        metadata_bytes=reading.metadata_bytes, entries=reading.entries, warnings=reading.warnings,
    )  # fmt: skip
    graph = reading.graph
    if graph is None:
        return report
    found = costs(graph)
    macs = tuple(reads.macs(graph, each) for each in graph.operators)
    return replace(
        report,
        params=found.params,
        macs=None if any(each is None for each in macs) else sum(each or 0 for each in macs),
        macs_by_operator=macs,
        weights=found.weights,
        activations=found.activations,
        precision=str(found.precision),
        granularity=found.granularity,
        zeros=found.zeros,
        peak_activation_bytes=found.peak_activation_bytes,
        custom_operators=tuple(sorted({each.kind for each in graph.operators if each.custom})),
        overhead_bytes=-found.weight_bytes,  # the caller adds the length of the file
    )


def _loads(reads: Reader, path: Path, report: FileReport) -> tuple[Load, ...]:
    """What the runtime says; a file that it rejects is refused, unless it only lacks custom operators.

    Raises:
        UnreadableError: the runtime rejects the file.
    """
    if report.custom_operators:
        return (Load("", None, f"custom operators: {', '.join(report.custom_operators)}"),)
    load = reads.load(path)
    if load.loaded is False:
        raise UnreadableError([f"{load.runtime} rejects it: {load.reason}"])
    return (load,)


def _coverage(report: FileReport, path: Path) -> tuple[Any, ...]:
    from converters.inspection.coverage import coverage

    assert report.graph is not None  # noqa: S101 - the caller looked
    return coverage(report.format, report.graph, report.macs_by_operator, path)
