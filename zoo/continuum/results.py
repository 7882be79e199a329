"""What a conversion and its evaluation gave, as a variant of the registry: every fact read back from the bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from converters.inspection.coverage.registering import delegates
from converters.inspection.report import Format
from registry.values import Accuracy, Availability, Precision, Variant
from zoo.continuum.files import Made

WEIGHTS = "device-zoo"

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
        largest_held: bytes of the largest file that is kept.
    """

    model: str
    net: str
    family: str
    alpha: float | None
    resolution: str
    source: str
    largest_held: int


def variant_of(lineage: Lineage, made: Made, *, accuracies: Sequence[Accuracy], certificate: str) -> Variant:
    """The registry's record of a file: held, or only rebuildable where it is too large.

    Args:
        lineage: what it was made from.
        made: the file.
        accuracies: measured on its bytes, or on those of its twins.
        certificate: digest of its certificate.
    """
    record, report = made.record, made.report
    held = report.size_bytes <= lineage.largest_held
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
