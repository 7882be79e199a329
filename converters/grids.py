"""Finds out whether trained weights already lie on a quantization grid or on a codebook.

Quantization-aware training and weight sharing leave weights that are exactly ``integer x scale``, or one of a few
values. Such a tensor loses nothing when it is stored in few bits, provided that every format gets the same integers
and the same scales: this module finds them, the targets carry them over.

The grid of one channel, as `fake_quantize` makes it: ``q = 2**(bits-1) - 1``, ``s = max|w| / q``,
``w = clip(round(w / s), -q, q) * s``. It is idempotent because the largest weight maps to exactly q.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
GRID_BITS = (2, 3, 4, 8)
_ULPS = 4  # how far, in units in the last place, a folded batch norm may have moved a weight off its grid


@dataclass(frozen=True, slots=True)
class Grid:
    """A tensor as integers and scales.

    Attributes:
        bits: of the integers, which lie in -(2^(bits-1)-1) ... 2^(bits-1)-1.
        integers: int8, of the tensor's shape.
        scales: float32, one an output channel (axis 0), or one alone.
        exact: whether ``integers * scales`` in float32 is the tensor to the last bit; otherwise to within a few ulp.
    """

    bits: int
    integers: NDArray[np.int8]
    scales: FloatArray
    exact: bool

    @property
    def per_channel(self) -> bool:
        """Whether each output channel has its own scale."""
        return self.scales.size > 1

    def dequantized(self) -> FloatArray:
        """``integers * scales`` in float32."""
        return self.integers.astype(np.float32) * _spread(self.scales, self.integers.ndim)


def _spread(scales: FloatArray, rank: int) -> FloatArray:
    return scales.reshape(-1, *[1] * (rank - 1)) if scales.size > 1 else scales.reshape([1] * rank)


def scales_of(weight: FloatArray, bits: int, *, per_channel: bool = True) -> FloatArray:
    """Symmetric scales of a weight tensor whose axis 0 is the output channel; 1 for a channel of zeros."""
    q = np.float32(2 ** (bits - 1) - 1)
    rest = tuple(range(1, weight.ndim)) if per_channel else None
    largest = np.atleast_1d(np.abs(weight).max(axis=rest)).astype(np.float32)
    return np.where(largest > 0, largest / q, np.float32(1)).astype(np.float32)


def quantize(weight: FloatArray, bits: int, *, per_channel: bool = True) -> Grid:
    """The nearest point of the grid: what a weight quantizer without calibration makes of a tensor."""
    scales = scales_of(weight, bits, per_channel=per_channel)
    q = 2 ** (bits - 1) - 1
    integers = np.clip(np.rint(weight / _spread(scales, weight.ndim)), -q, q).astype(np.int8)
    grid = Grid(bits, integers, scales, exact=False)
    return Grid(bits, integers, scales, exact=bool(np.array_equal(grid.dequantized(), weight)))


def fake_quantize(weight: FloatArray, bits: int, *, per_channel: bool = True) -> FloatArray:
    """Move a tensor onto its grid."""
    return quantize(weight, bits, per_channel=per_channel).dequantized()


def find_grid(weight: FloatArray, bits: int) -> Grid | None:
    """The grid of ``bits`` that a tensor lies on, per output channel (axis 0) or per tensor; ``None`` if on none.

    The scale is looked for among the float32 values next to ``max|w| / q``, because that division need not give back
    the scale that was multiplied with. A tensor within 4 ulp of a grid (a batch norm was folded into it) counts.
    """
    if weight.size == 0 or not np.isfinite(weight).all():
        return None
    for per_channel in (False, True):
        near = quantize(weight, bits, per_channel=per_channel)
        refined = _refine(weight, near)
        if refined.exact:
            return refined
        error = np.abs(refined.dequantized() - weight)
        if bool((error <= _ULPS * np.spacing(np.abs(weight))).all()):
            return refined
    return None


def _refine(weight: FloatArray, near: Grid) -> Grid:
    """Per channel, the neighbouring float32 scale that gives the weights back best."""
    candidates = np.stack([near.scales, np.nextafter(near.scales, np.float32(0)),
                           np.nextafter(near.scales, np.float32(np.inf))])  # fmt: skip
    rest = tuple(range(1, weight.ndim)) if near.per_channel else None
    errors = np.stack([
        np.atleast_1d(np.abs(near.integers.astype(np.float32) * _spread(each, weight.ndim) - weight).max(axis=rest))
        for each in candidates
    ])  # fmt: skip
    scales = candidates[errors.argmin(axis=0), np.arange(near.scales.size)].astype(np.float32)
    best = Grid(near.bits, near.integers, scales, exact=False)
    return Grid(near.bits, near.integers, scales, exact=bool(np.array_equal(best.dequantized(), weight)))


def find_codebook(weight: FloatArray, most: int = 256) -> FloatArray | None:
    """The distinct values of a tensor, ascending, if there are at most ``most`` and fewer than elements."""
    values = np.unique(weight)
    return values.astype(np.float32) if values.size <= most and values.size < weight.size else None
