"""What a conversion and its evaluation gave, as a variant of the registry: every fact read back from the bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from converters.certificate import FilePort, FileRecord
from converters.inspection.coverage.registering import delegates
from converters.inspection.report import FileReport, Format
from registry.spec import Decoding, DecodingKind, Port, Preprocessing, Spec
from registry.values import Accuracy, Availability, Precision, Variant

if TYPE_CHECKING:
    from zoo.continuum.files import Made

WEIGHTS = "device-zoo"
LARGEST_HELD_BYTES = 6_000_000

_FORMATS = {
    Format.TFLITE: "tflite",
    Format.ONNX: "onnx",
    Format.MLPACKAGE: "coreml",
    Format.MLMODEL: "coreml",
}


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a file was made from.

    Attributes:
        model: of the registry.
        net: name of the net that its recipe's steps make.
        family: of its architecture.
        alpha: its width; ``None`` where the family has none.
        resolution: of its input, such as ``28`` or ``49x10``.
        source: id of what its figures cite.
    """

    model: str
    net: str
    family: str
    alpha: float | None
    resolution: str
    source: str


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


def variant_of(
    lineage: Lineage, made: "Made", *, accuracies: Sequence[Accuracy], certificate: str
) -> Variant:
    """The registry's record of a file: held, or only rebuildable where it is too large.

    Args:
        lineage: what it was made from.
        made: the file.
        accuracies: measured on its bytes, or on those of its twins.
        certificate: digest of its certificate.
    """
    record, report = made.record, made.report
    held = report.size_bytes <= LARGEST_HELD_BYTES
    kinds = {each.kind for each in report.graph.operators} if report.graph else set()
    return Variant(
        name=record.path,
        model=lineage.model,
        net=lineage.net,
        family=lineage.family,
        alpha=lineage.alpha,
        resolution=lineage.resolution,
        precision=Precision(record.precision),
        format=_FORMATS[report.format],
        weights=WEIGHTS,
        params=report.params,
        macs=report.macs,
        size_bytes=report.size_bytes,
        operators=tuple(sorted(kinds)),
        min_os=record.min_os,
        availability=Availability.HELD if held else Availability.REBUILDABLE,
        sha256=report.sha256,
        source=lineage.source,
        note=_memory(made.arena_bytes),
        accuracies=tuple(accuracies),
        spec=made.spec,
        certificate=certificate,
        coverage=delegates(report),
    )


def _memory(arena_bytes: int | None) -> str:
    return "" if arena_bytes is None else f"TFLM takes {arena_bytes:,} bytes of working memory"
