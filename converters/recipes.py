"""How a net is compressed on its way into a file, and which format truly has it.

A recipe's name decodes: ``int8`` is static (weights per channel, activations calibrated), ``int8_per_tensor`` has one
scale a weight tensor, ``int8_dynamic`` computes scales of activations at run time, ``intN_weights`` stores N bits and
computes in float, ``paletteN`` is a k-means codebook of 2^N values, ``sparse`` leaves zeros out of the file.

What a format does not have, or has only in a broken form, is refused in words: `REFUSALS`. Some of it works and is
only slow: `SLOW`; ``--keep-slow`` writes it all the same, for processors other than a CPU.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from registry.values import Precision


class Target(StrEnum):
    """What a source can be turned into."""

    TFLITE = "tflite"
    COREML = "coreml"
    ONNX = "onnx"
    C = "c"


class Recipe(StrEnum):
    """See the module's docstring."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    INT8_PER_TENSOR = "int8_per_tensor"
    INT8_DYNAMIC = "int8_dynamic"
    INT8_WEIGHTS = "int8_weights"
    INT4_WEIGHTS = "int4_weights"
    INT2_WEIGHTS = "int2_weights"
    INT4_DYNAMIC = "int4_dynamic"
    INT2_DYNAMIC = "int2_dynamic"
    PALETTE8 = "palette8"
    PALETTE6 = "palette6"
    PALETTE4 = "palette4"
    PALETTE2 = "palette2"
    PALETTE1 = "palette1"
    SPARSE = "sparse"

    @property
    def precision(self) -> Precision:
        """The registry's word for it."""
        return _PRECISIONS.get(self) or Precision(self.value)

    @property
    def weight_bits(self) -> int:
        """Bits of one stored weight."""
        return int(self.precision.weight_bits or 32)

    @property
    def is_static(self) -> bool:
        """Whether activations are integers, with scales found by calibration."""
        return self in {Recipe.INT8, Recipe.INT8_PER_TENSOR}

    @property
    def is_palette(self) -> bool:
        """Whether weights are indices into a codebook."""
        return self.value.startswith("palette")


_PRECISIONS = {
    Recipe.INT8_PER_TENSOR: Precision.INT8,
    Recipe.INT4_DYNAMIC: Precision.MIXED,
    Recipe.INT2_DYNAMIC: Precision.MIXED,
}

_NO_CODEBOOKS = "has no codebooks; Core ML has. Values that lie on a codebook are carried exactly by float32"
_NO_DYNAMIC = "Core ML has no integer arithmetic with scales found at run time; use int8_weights"

REFUSALS: Mapping[tuple[Target, Recipe], str] = MappingProxyType(
    {
        (Target.TFLITE, Recipe.INT2_WEIGHTS): (
            "TFLite has no 2-bit convolution: the quantizer's 2-bit weight-only recipe silently changes nothing"
        ),
        (Target.TFLITE, Recipe.INT2_DYNAMIC): (
            "the quantizer's 2-bit dynamic recipe writes garbage (outputs of 1e33, nan or inf)"
        ),
        **{(Target.TFLITE, each): f"TFLite {_NO_CODEBOOKS}" for each in Recipe if each.is_palette},
        **{(Target.ONNX, each): f"ONNX {_NO_CODEBOOKS}" for each in Recipe if each.is_palette},
        (Target.ONNX, Recipe.INT4_DYNAMIC): "ONNX Runtime has no 4-bit arithmetic for it; use int4_weights",
        (Target.ONNX, Recipe.INT2_DYNAMIC): "ONNX Runtime has no 2-bit arithmetic for it; use int2_weights",
        (Target.COREML, Recipe.INT8_DYNAMIC): _NO_DYNAMIC,
        (Target.COREML, Recipe.INT4_DYNAMIC): _NO_DYNAMIC,
        (Target.COREML, Recipe.INT2_DYNAMIC): _NO_DYNAMIC,
        (
            Target.COREML,
            Recipe.INT2_WEIGHTS,
        ): "Core ML has no linear 2-bit type; use palette2, a codebook of 4 values",
        **{
            (Target.C, each): "C is made from the static int8 TFLite file only; use int8 or int8_per_tensor"
            for each in Recipe
            if not each.is_static
        },
    }
)
"""What a format cannot say, or says in a broken form, by target and recipe."""

SLOW: Mapping[tuple[Target, Recipe], tuple[frozenset[str], str]] = MappingProxyType(
    {
        (Target.TFLITE, Recipe.INT8): (
            frozenset({"HARD_SWISH"}),
            "int8 HARD_SWISH makes MobileNet V3 slower than float32 on a CPU (0.49 -> 0.97 ms measured)",
        ),
        (Target.TFLITE, Recipe.INT8_PER_TENSOR): (
            frozenset({"HARD_SWISH"}),
            "int8 HARD_SWISH makes MobileNet V3 slower than float32 on a CPU (0.49 -> 0.97 ms measured)",
        ),
        (Target.TFLITE, Recipe.INT8_DYNAMIC): (
            frozenset({"DEPTHWISE_CONV_2D"}),
            "dynamic int8 depthwise convolutions fall to reference kernels, 24-70x slower than float32",
        ),
        (Target.TFLITE, Recipe.INT4_DYNAMIC): (
            frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}),
            "int4 arithmetic falls to reference kernels, 100x slower than float32; use int4_weights for size",
        ),
        (Target.ONNX, Recipe.INT8_DYNAMIC): (
            frozenset({"Conv"}),
            "dynamic quantization of ONNX convolutions is 5-18x slower than float32; use int8",
        ),
    }
)
"""What works and is known to be slow on a CPU: the operators of the float32 file that make it so, and the reason."""


def refusal(target: Target, recipe: Recipe) -> str | None:
    """Why ``target`` cannot carry ``recipe`` whatever the net, or ``None``."""
    return REFUSALS.get((target, recipe))


def slowness(target: Target, recipe: Recipe, operators: frozenset[str]) -> str | None:
    """Why a net of these operators is known to be slow, or ``None``."""
    culprits, reason = SLOW.get((target, recipe), (frozenset(), ""))
    return reason if culprits & operators else None
