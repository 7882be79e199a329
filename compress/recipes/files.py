"""Which precisions a net can be written in without undoing what it was trained for.

A file's grid holds a trained grid of as many bits or fewer: the converters find the trained scales and keep them, so
each trained integer is an integer of the file.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from compress.recipes.steps import Mixed, PruneWeights, Qat, Rewind, Share, Step

_EXACT = frozenset({"float32"})
_HALF = "float16"
_GRID_BITS: Mapping[str, int] = MappingProxyType(
    {
        "int8": 8, "int8_dynamic": 8, "int8_weights": 8, "int4_dynamic": 4, "int4_weights": 4, "int2_dynamic": 2,
        "int2_weights": 2,
    }
)  # fmt: skip
"""Bits of a file's grid, one scale a channel, by its precision."""
_PALETTE = re.compile(r"palette(\d+)", re.ASCII)


def unfit(steps: Sequence[Step], precision: str) -> str:
    """Why a net cannot be written in a precision; empty where it can.

    Args:
        steps: all that was done to the net, in order.
        precision: a word of the converters, such as ``int8``.
    """
    last = next((each for each in reversed(steps) if isinstance(each, Qat | Share | Mixed)), None)
    if precision == "sparse":
        pruned = any(isinstance(each, PruneWeights | Rewind) for each in steps)
        return "" if pruned else "none of its weights were pruned, so it has no zeros to leave out"
    if last is None or precision in _EXACT:
        return ""
    if isinstance(last, Share):
        return _unfit_codebook(last, precision)
    trained = (last.weight_bits,) if isinstance(last, Qat) else last.choices
    return _unfit_grid(trained, precision)


def _unfit_codebook(step: Share, precision: str) -> str:
    palette = _PALETTE.fullmatch(precision)
    if precision == _HALF or (palette and int(palette[1]) >= step.most_bits):
        return ""
    if palette:
        return f"its codebooks have {step.most_bits} bits, and this palette has fewer"
    return f"its weights share the values of a codebook, which no grid of {precision} holds; use palettes or floats"


def _unfit_grid(trained: Sequence[int], precision: str) -> str:
    if precision == _HALF:
        return ""
    if _PALETTE.fullmatch(precision):
        return "its weights lie on one grid a channel, and a palette has one codebook a layer"
    bits = _GRID_BITS.get(precision)
    if bits is None:
        return f"its weights lie on one grid a channel, which {precision} does not have"
    off = [each for each in trained if each > bits]
    if off:
        grid = " and ".join(map(str, off))
        return f"its weights lie on a grid of {grid} bits, which the {bits}-bit grid of {precision} does not hold"
    return ""
