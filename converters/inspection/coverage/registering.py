"""What the registry keeps of a report's coverage, so that ``zoo pick`` knows what falls back to the CPU.

The registry asks for a delegate by runtime and processor, so a delegate of one vendor's chips goes under a word of its
own: ``tflite`` on an ``npu`` is an Edge TPU on one device and a Hexagon on another.
"""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from converters.inspection.report import Coverage, FileReport
from registry.values import DelegateCoverage, Processor

RUNTIMES: Mapping[str, str] = MappingProxyType(
    {
        "tflite-gpu": "tflite",
        "nnapi": "tflite",
        "hexagon": "tflite",
        "edgetpu": "edgetpu",
        "ethos-u": "ethos-u",
        "coreml-ane": "coreml",
        "ort-nnapi": "onnxruntime",
        "ort-coreml-nn": "onnxruntime-coreml",
        "ort-coreml-mlprogram": "onnxruntime-coreml",
    }
)
"""By delegate: the word of the runtime that hands it the graph. Delegates of a CPU are not kept: nothing falls back."""


def delegates(report: FileReport) -> tuple[DelegateCoverage, ...]:
    """The coverage of a file as a variant of the registry has it."""
    return tuple(_kept(each) for each in report.coverage if each.delegate in RUNTIMES)


def _kept(each: Coverage) -> DelegateCoverage:
    found = Counter((one.kind, one.reason) for one in each.breaks)
    return DelegateCoverage(
        delegate=each.delegate,
        runtime=RUNTIMES[each.delegate],
        processor=Processor(each.processor),
        operators=each.operators,
        of_operators=each.of_operators,
        macs=each.macs,
        of_macs=each.of_macs,
        partitions=each.partitions,
        reasons=tuple(f"{kind} ({reason})" for (kind, reason), _ in found.most_common()),
    )
