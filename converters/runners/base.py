"""What every runner is, and the table of runners by file format.

A runner on another machine, such as an emulated Arm64 core, fits the same protocol.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from numpy.typing import NDArray

from zoo.errors import ZooError

Array = NDArray[Any]


class CannotRunError(ZooError):
    """A runner does not take this file, or is not installed; the message says why. Parity is then not checked."""


class Runner(Protocol):
    """Runs a file on golden inputs.

    Attributes:
        runtime: such as ``ai-edge-litert 2.3.0``.
        kernels: which of the runtime's kernels compute: ``xnnpack``, ``reference``, ``cpu`` ...
    """

    runtime: str
    kernels: str

    def run(self, path: Path, samples: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """Run every sample.

        Args:
            path: the file.
            samples: one list of float arrays (one an input) a sample, in the file's layout. A file with integer
                inputs gets them quantized by its own scale; integer outputs come back dequantized.

        Raises:
            CannotRunError: the runtime does not take the file.
        """
        ...

    def latency_ms(self, path: Path, sample: Sequence[Array]) -> float | None:
        """Median latency of one inference on this machine, one thread; ``None`` where it means nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a runner lives.

    Attributes:
        factory: ``module:callable`` that makes it; importing it fails where its package is not installed.
        package: what must be installed.
        extra: the extra that brings it.
    """

    factory: str
    package: str
    extra: str


RUNNERS: Mapping[str, tuple[Entry, ...]] = MappingProxyType(
    {
        ".tflite": (
            Entry("converters.runners.litert:xnnpack", "ai-edge-litert", "tflite"),
            Entry("converters.runners.litert:reference", "ai-edge-litert", "tflite"),
            Entry("converters.runners.tflm:tflm", "tflite-micro", "tflm"),
        ),
        ".onnx": (Entry("converters.runners.onnxruntime:cpu", "onnxruntime", "onnx"),),
        ".mlpackage": (Entry("converters.runners.coreml:coreml", "coremltools", "coreml"),),
        ".csource": (
            Entry("converters.runners.c_program:array", "ai-edge-litert", "tflite"),
            Entry("converters.runners.c_program:program", "bakenn", "tflite"),
        ),
        ".mlmodel": (Entry("converters.runners.coreml:coreml", "coremltools", "coreml"),),
    }
)
"""By suffix of the files that this project writes; the first is the one that an app would use."""


def runner(entry: Entry) -> Runner:
    """Make a runner.

    Raises:
        CannotRunError: its package is not installed.
    """
    module, _, name = entry.factory.partition(":")
    try:
        made: Runner = getattr(import_module(module), name)()
    except ModuleNotFoundError as problem:
        raise CannotRunError(
            f"{entry.package} is not installed. Install it with: pip install 'device-zoo[{entry.extra}]'"
        ) from problem
    return made
