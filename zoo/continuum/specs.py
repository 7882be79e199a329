"""The input/output spec of a file that was just made, read back from its bytes."""

from collections.abc import Sequence
from pathlib import Path

from converters.certificate import FilePort, FileRecord
from converters.inspection.report import FileReport, Format
from registry.spec import Decoding, DecodingKind, Port, Preprocessing, Spec


def spec_of(
    path: Path, record: FileRecord, report: FileReport, preprocessing: Preprocessing, labels: Sequence[str]
) -> Spec:
    """The input/output spec of a classifier's file.

    Args:
        path: the file.
        record: of its certificate: layouts.
        report: of its inspection: names, shapes and types.
        preprocessing: how its input is made.
        labels: of its outputs.
    """
    inputs, outputs = _quantizations(path, report)
    graph = report.graph
    assert graph is not None  # noqa: S101 - what was converted has a graph
    return Spec(
        tuple(_ports(report, graph.inputs, record.inputs, inputs)),
        tuple(_ports(report, graph.outputs, record.outputs, outputs)),
        preprocessing,
        Decoding(DecodingKind.TOP1, tuple(labels)),
    )


_Scales = Sequence[tuple[float, int] | None]


def _quantizations(path: Path, report: FileReport) -> tuple[_Scales, _Scales]:
    if report.format is not Format.TFLITE:
        return (), ()
    from converters.runners.litert import quantizations

    return quantizations(path)


def _ports(
    report: FileReport, places: Sequence[int], layouts: Sequence[FilePort], scales: _Scales
) -> list[Port]:
    graph = report.graph
    assert graph is not None  # noqa: S101 - see above
    made = []
    for number, place in enumerate(places):
        tensor = graph.tensors[place]
        scale, zero_point = (scales[number] if number < len(scales) else None) or (None, None)
        made.append(
            Port(
                tensor.name,
                tensor.shape or (),
                tensor.dtype,
                layouts[number].layout,
                scale,
                zero_point,
            )
        )
    return made
