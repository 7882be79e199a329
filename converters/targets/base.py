"""What every target is, and the table of targets: all that is known of each before it is imported."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from numpy.typing import NDArray

from converters.recipes import Recipe, Target
from converters.sources.base import Source
from zoo.errors import MissingExtraError

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a conversion may be told beside its recipe.

    Attributes:
        calibration: samples for static int8, one list of arrays (one an input) a sample, in the source's layout.
        tiny: whether every byte counts: names and metadata are stripped, Core ML uses its older, smaller format.
        exact: whether the weights lie on a grid or codebook, so that they must arrive to the last bit.
        onnx_activations: ``uint8`` or ``int8``, of static int8 in ONNX.
        core: core that C source is made for, such as ``cortex-m4``; ``portable`` for none.
    """

    calibration: Sequence[Sequence[Array]]
    tiny: bool = False
    exact: bool = False
    onnx_activations: str = "uint8"
    core: str = "portable"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file's inputs or outputs differ from the source's.

    Attributes:
        channels_last: positions of the ports that are (N, H, W, C) in the file and (N, C, H, W) in the source.
    """

    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class QuantizedWeight:
    """One weight tensor of a written file, in the layout that torch has it.

    Attributes:
        integers: int8, output channels first.
        scales: float32, one an output channel, or one alone.
    """

    integers: Array
    scales: Array


class Converter(Protocol):
    """Turns one source into files of one format. The slow part is done once, at the first `write`.

    Attributes:
        layout: see `Layout`.
    """

    layout: Layout

    def suffix_of(self, recipe: Recipe, settings: Settings) -> str:
        """How the name of such a file ends."""
        ...

    def operators(self) -> frozenset[str]:
        """Kinds of operators in the float32 file."""
        ...

    def write(self, recipe: Recipe, settings: Settings, out: Path) -> None:
        """Write the file of one recipe.

        Raises:
            ConversionError: the net uses something the format cannot say.
        """
        ...

    def model_file(self, path: Path) -> Path:
        """What of a written file or folder can be inspected."""
        ...

    def weights(self, path: Path) -> list[QuantizedWeight]:
        """The integer weights of a written file, read back from its bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a converter lives, and what must be installed to use it.

    Attributes:
        converter: ``module:class``; the class takes the source and a scratch folder.
        extra: the extra that brings what it needs.
        packages: whose versions the certificate names.
        modules: what is imported on the way; all are looked for before anything is converted.
    """

    converter: str
    extra: str
    packages: tuple[str, ...]
    modules: tuple[str, ...]


_TFLITE = ("torch", "litert_torch", "ai_edge_quantizer", "ai_edge_litert")

TARGETS: Mapping[Target, Entry] = MappingProxyType(
    {
        Target.TFLITE: Entry(
            "converters.targets.tflite:TfliteConverter",
            "tflite",
            ("torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert"),
            _TFLITE,
        ),
        Target.COREML: Entry(
            "converters.targets.coreml:CoremlConverter",
            "coreml",
            ("torch", "coremltools", "scikit-learn"),
            ("torch", "coremltools", "sklearn"),
        ),
        Target.ONNX: Entry(
            "converters.targets.onnx:OnnxConverter",
            "onnx",
            ("torch", "onnx", "onnxscript", "onnxruntime"),
            ("torch", "onnx", "onnxscript", "onnxruntime"),
        ),
        Target.C: Entry(
            "converters.targets.c_source:CConverter", "tflite", ("bakenn",), (*_TFLITE, "bakenn")
        ),
    }
)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # loaded in an odd way, or kept from being loaded
        return sys.modules.get(module) is not None


def converter(target: Target, source: Source, scratch: Path) -> Converter:
    """Import the converter to ``target`` and give it the source.

    Raises:
        MissingExtraError: its frameworks are not installed; all that are missing are named.
    """
    entry = TARGETS[target]
    missing = [each for each in entry.modules if not _is_installed(each)]
    if missing:
        raise MissingExtraError(
            f"converting to {target} needs {' and '.join(map(repr, missing))}. "
            f"Install it with: pip install 'device-zoo[{entry.extra}]'"
        )
    module, _, name = entry.converter.partition(":")
    try:
        made: Converter = getattr(import_module(module), name)(source, scratch)
    except ModuleNotFoundError as problem:
        raise MissingExtraError(
            f"converting to {target} needs '{problem.name}'. "
            f"Install it with: pip install 'device-zoo[{entry.extra}]'"
        ) from problem
    return made
