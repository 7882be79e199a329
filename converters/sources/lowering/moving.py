"""What moves elements in ways that torch has no one word for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from converters.sources.lowering.builder import Lowering, NotCoveredError, Value
from converters.sources.lowering.spatial import filled

_MATRIX = 2


def part(lower: Lowering, x: Value, axis: int, start: int, end: int, step: int = 1) -> Value:
    """A slice along one axis; ``step`` is positive."""
    whole = [slice(0, length, 1) for length in x.shape]
    whole[axis] = slice(start, end, step)
    return lower.slice(x, whole)


def strided(lower: Lowering, x: Value, axis: int, wanted: slice) -> Value:
    """A slice along one axis, also backwards."""
    length = x.shape[axis]
    clamped = slice(
        wanted.start, max(wanted.stop, -length - 1) if wanted.stop is not None else None, wanted.step
    )
    places = range(*clamped.indices(length))
    if not places:
        return part(lower, x, axis, 0, 0)
    if places.step > 0:
        return part(lower, x, axis, places.start, places[-1] + 1, places.step)
    flipped = lower.call(torch.flip, part(lower, x, axis, places[-1], places[0] + 1), [axis])
    return part(lower, flipped, axis, 0, flipped.shape[axis], -places.step)


def gather(lower: Lowering, x: Value, indices: Value, axis: int, path: str) -> Value:
    """Choose along one axis; indices that are computed must not be negative."""
    if indices.is_constant:
        return _gather_constant(lower, x, indices.example.long() % max(1, x.shape[axis]), axis)
    if x.is_constant and axis == 0 and x.rank == _MATRIX and x.example.is_floating_point():
        module = nn.Embedding(*x.shape, device="meta")
        return lower.module((x.name or path).removesuffix(".weight"), filled(module, x, None), indices)
    flat = lower.reshape(indices, (-1,) if indices.rank == 0 else (indices.example.numel(),))
    made = lower.call(torch.index_select, x, axis, flat)
    return lower.reshape(made, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def _gather_constant(lower: Lowering, x: Value, indices: torch.Tensor, axis: int) -> Value:
    places = indices.reshape(-1).tolist()
    if not x.is_constant and places and places == list(range(places[0], places[-1] + 1)):
        made = part(lower, x, axis, places[0], places[-1] + 1)
    else:
        made = lower.call(torch.index_select, x, axis, lower.constant(indices.reshape(-1)))
    return lower.reshape(made, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def mirrored(lower: Lowering, x: Value, pairs: Sequence[tuple[int, int]], mode: str) -> Value:
    """Pad with elements of the value itself: by torch's padding where it has it, else by choosing along each axis."""
    padded = [axis for axis, pair in enumerate(pairs) if any(pair)]
    if x.rank in {3, 4} and min(padded, default=2) >= 2 and x.example.is_floating_point():  # noqa: PLR2004 - (N, C, ...)
        return lower.pad(x, pairs, mode)
    named = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "symmetric": "symmetric"}[mode]
    for axis in padded:
        if min(pairs[axis]) < 0:
            raise NotCoveredError("it cuts off with a mode other than constant")
        chosen: Any = np.pad(np.arange(x.shape[axis]), pairs[axis], mode=named)  # type: ignore[call-overload]
        x = lower.call(torch.index_select, x, axis, lower.constant(torch.from_numpy(chosen)))
    return x
