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
    """The grid of ``bits`` that a tensor lies on, per tensor or per output channel (axis 0); ``None`` if on none.

    Training may have used any scale: the largest integer of a channel is looked for, from 1 up to the grid's own
    end, so that a learned scale, or the grid of fewer bits, is found, too. A tensor within 4 ulp of a grid (a
    batch norm was folded into it) counts.
    """
    if weight.size == 0 or bits > max(GRID_BITS) or not np.isfinite(weight).all():
        return None
    most = 2 ** (bits - 1) - 1
    for rows in (weight.reshape(1, -1), weight.reshape(weight.shape[0], -1)):
        scales = _scales(rows, most)
        if scales is not None:
            integers = np.rint(weight / _spread(scales, weight.ndim)).astype(np.int8)
            near = Grid(bits, integers, scales, exact=False)
            return Grid(bits, integers, scales, exact=bool(np.array_equal(near.dequantized(), weight)))
    return None


def _scales(rows: FloatArray, most: int) -> FloatArray | None:
    """A scale for each row, so that it is integers up to ``most`` times that scale; ``None`` if a row has none."""
    found = []
    for row in rows:
        magnitudes = np.unique(np.abs(row))
        scale = _scale(magnitudes[magnitudes > 0], most)
        if scale is None:
            return None
        found.append(scale)
    return np.array(found, np.float32)


def _scale(magnitudes: FloatArray, most: int) -> np.float32 | None:
    """The largest scale that divides all ``magnitudes`` (ascending, above 0); to the last bit rather than nearly.

    The scale is looked for among the float32 values next to ``largest / integer``, because that division need not
    give back the scale that was multiplied with.
    """
    if not magnitudes.size:
        return np.float32(1)
    if magnitudes.size > most:  # as many integers are wanted as there are magnitudes
        return None
    largest = np.arange(magnitudes.size, most + 1, dtype=np.float32)
    middle = (magnitudes[-1] / largest).astype(np.float32)
    scales = np.stack(
        [middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))], 1
    )
    usable = scales[scales > 0]  # row by row, so that the largest comes first
    integers = np.rint(magnitudes / usable[:, None])
    errors = np.abs((integers * usable[:, None]).astype(np.float32) - magnitudes)
    exact = (errors == 0).all(axis=1) & (integers[:, -1] <= most)
    near = (errors <= _ULPS * np.spacing(magnitudes)).all(axis=1) & (integers[:, -1] <= most)
    for fits in (exact, near):
        if fits.any():
            return np.float32(usable[int(fits.argmax())])
    return None


def find_codebook(weight: FloatArray, most: int = 256) -> FloatArray | None:
    """The distinct values of a tensor, ascending, if there are at most ``most`` and fewer than elements."""
    values = np.unique(weight)
    return values.astype(np.float32) if values.size <= most and values.size < weight.size else None


def find_codebooks(weight: FloatArray, most: int = 256) -> FloatArray | None:
    """The distinct values of each output channel (axis 0), if each has at most ``most`` and fewer than elements.

    Returns:
        Shape (channels, ``most``), ascending; where a channel has fewer values, its last one is repeated.
    """
    if weight.size == 0 or weight[0].size <= most:
        return None
    books = [np.unique(row) for row in weight.reshape(weight.shape[0], -1)]
    if max(each.size for each in books) > most:
        return None
    return np.stack([np.pad(each, (0, most - each.size), mode="edge") for each in books]).astype(np.float32)
