"""Inputs to time a file with: their numbers do not matter to dense kernels, but they must be ordinary ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_SEED = 0


def made_input(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """One input.

    Floats are drawn from the standard normal distribution, 8-bit integers evenly from all; wider integers are zero,
    because they may be places in a table, and booleans are false.

    Args:
        shape: of the input.
        dtype: of the input.
    """
    kind = np.dtype(dtype)
    random = np.random.default_rng(_SEED)
    if kind.kind == "f":
        return random.standard_normal(tuple(shape)).astype(kind)
    if kind.kind in "iu" and kind.itemsize == 1:
        limits = np.iinfo(kind)
        return random.integers(limits.min, limits.max, tuple(shape), dtype=kind, endpoint=True)
    return np.zeros(tuple(shape), kind)
