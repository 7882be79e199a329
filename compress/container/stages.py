"""The accounting of Han et al. (arXiv:1510.00149, tables 2 and 3): what pruning, sharing and coding each bring.

Pruned: 32 bits a weight, and its position as a gap of fixed width, with a filler zero where a gap is wider. Shared: an
index into the codebook in place of the weight, and the codebook. Coded: the file as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FLOAT_BITS = 32
_GAP_BITS = range(1, 17)


@dataclass(frozen=True, slots=True)
class Stages:
    """Sizes of one net, step by step.

    Attributes:
        dense_bytes: 4 a number.
        pruned_bytes: positions and floats.
        shared_bytes: positions, indices and codebooks.
        coded_bytes: the file.
        weights: numbers of all tensors.
        kept: how many of them are not zero.
    """

    dense_bytes: int
    pruned_bytes: int
    shared_bytes: int
    coded_bytes: int
    weights: int
    kept: int


def stages(tensors: Mapping[str, NDArray[Any]], coded_bytes: int) -> Stages:
    """Account for a net.

    Args:
        tensors: of the net; those with fewer than two axes count as they are.
        coded_bytes: length of its deep-compression file.
    """
    dense = sum(each.size for each in tensors.values())
    kept = sum(int(np.count_nonzero(each)) for each in tensors.values())
    sizes = [_tensor_bits(each) for each in tensors.values()]
    pruned, shared = (-(-sum(each[place] for each in sizes) // 8) for place in (0, 1))
    return Stages(4 * dense, pruned, shared, coded_bytes, dense, kept)


def _tensor_bits(weight: NDArray[Any]) -> tuple[int, int]:
    """Bits when pruned, and when shared as well; never more than dense or pruned."""
    dense = _FLOAT_BITS * weight.size
    if weight.ndim < 2:  # noqa: PLR2004 - biases and norms
        return dense, dense
    places = np.flatnonzero(weight)
    values = np.unique(weight.ravel()[places]).size
    index = max(1, int(np.ceil(np.log2(max(values, 1)))))
    sparse = [(bits, places.size + fillers(places, bits)) for bits in _GAP_BITS]
    pruned = min((dense, *(entries * (bits + _FLOAT_BITS) for bits, entries in sparse)))
    entries = ((weight.size, 0), *((count, bits) for bits, count in sparse))
    zero = int(places.size < weight.size)  # without positions, zero is a value, too
    shared = min(
        count * (bits + (index if bits else max(1, int(np.ceil(np.log2(max(values + zero, 1)))))))
        + _FLOAT_BITS * values
        for count, bits in entries
    )
    return pruned, min(pruned, shared)


def fillers(places: NDArray[np.int64], bits: int) -> int:
    """Filler zeros for gaps of ``bits``: one for every 2^bits places that are skipped."""
    gaps = np.diff(places, prepend=-1) - 1
    return int((gaps >> bits).sum())
