"""Operators that move elements, and those that compute shapes: on fixed shapes the latter are constants."""

import operator
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch

from converters.sources.lowering.builder import Lowering, Node, Value
from converters.sources.lowering.moving import gather, mirrored, part, strided
from converters.sources.onnx_ops.settings import Operator, axes, number, numbers, only

_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _reshape(lower: Lowering, node: Node, x: Value, shape: Value) -> Value:
    wanted = numbers(lower, node, "shape", shape) or []
    if not node.get("allowzero"):
        wanted = [x.shape[place] if each == 0 else each for place, each in enumerate(wanted)]
    return lower.reshape(x, tuple(torch.empty(x.shape, device="meta").reshape(wanted).shape))


def _flatten(lower: Lowering, node: Node, x: Value) -> Value:
    axis = node.get("axis", 1)
    axis = axis + x.rank if axis < 0 else axis
    return lower.reshape(x, (int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:]))))


def _transpose(lower: Lowering, node: Node, x: Value) -> Value:
    return lower.permute(x, node.get("perm", range(x.rank)[::-1]))


def _squeeze(lower: Lowering, node: Node, x: Value, given: Value | None = None) -> Value:
    gone = axes(lower, node, x, given)
    if gone is None:
        gone = [place for place, length in enumerate(x.shape) if length == 1]
    return lower.reshape(x, tuple(length for place, length in enumerate(x.shape) if place not in gone))


def _unsqueeze(lower: Lowering, node: Node, x: Value, given: Value | None = None) -> Value:
    found = numbers(lower, node, "axes", given) or []
    rank = x.rank + len(found)
    new = {each % rank for each in found}
    lengths = iter(x.shape)
    return lower.reshape(x, tuple(1 if place in new else next(lengths) for place in range(rank)))


def _expand(lower: Lowering, node: Node, x: Value, shape: Value) -> Value:
    wanted = torch.broadcast_shapes(x.shape, tuple(numbers(lower, node, "shape", shape) or []))
    return x if wanted == x.shape else lower.call("expand", x, list(wanted))


def _tile(lower: Lowering, _node: Node, x: Value, repeats: Value) -> Value:
    return lower.call("repeat", x, lower.numbers(repeats, "repeats"))


def _concat(lower: Lowering, node: Node, *given: Value) -> Value:
    filled_ones = [each for each in given if each.example.numel() or len(given) == 1]
    return lower.concatenate(filled_ones or given[:1], node.get("axis", 0))


def _split(lower: Lowering, node: Node, x: Value, sizes: Value | None = None) -> list[Value]:
    axis = x.axis(node.get("axis", 0))
    lengths = numbers(lower, node, "split", sizes)
    if lengths is None:
        each = -(-x.shape[axis] // node.outputs)
        lengths = [max(0, min(each, x.shape[axis] - place * each)) for place in range(node.outputs)]
    ends = np.cumsum(lengths).tolist()
    return [part(lower, x, axis, end - length, end) for end, length in zip(ends, lengths, strict=True)]


def _slice(lower: Lowering, node: Node, x: Value, *given: Value | None) -> Value:
    starts, ends, places, steps = (*given, None, None, None, None)[:4]
    first = numbers(lower, node, "starts", starts) or []
    last = numbers(lower, node, "ends", ends) or []
    along = numbers(lower, node, "axes", places, range(len(first))) or []
    strides = numbers(lower, node, "steps", steps, [1] * len(first)) or []
    for start, end, axis, step in zip(first, last, along, strides, strict=True):
        x = strided(lower, x, x.axis(axis), slice(start, end, step))
    return x


def _gather(lower: Lowering, node: Node, x: Value, indices: Value) -> Value:
    return gather(lower, x, indices, x.axis(node.get("axis", 0)), node.name)


def _gather_elements(lower: Lowering, node: Node, x: Value, indices: Value) -> Value:
    if indices.is_constant:
        axis = x.axis(node.get("axis", 0))
        indices = lower.constant(indices.example.long() % max(1, x.shape[axis]))
    return lower.call(torch.gather, x, x.axis(node.get("axis", 0)), indices)


def _gather_nd(lower: Lowering, node: Node, x: Value, indices: Value) -> Value:
    only(node, "batch_dims", 0)
    places = lower.known(indices, "indices").long()
    return lower.call(operator.getitem, x, tuple(lower.constant(each) for each in places.unbind(-1)))


def _scatter_nd(lower: Lowering, node: Node, x: Value, indices: Value, updates: Value) -> Value:
    """With constant indices: every element comes from ``x`` or from one place of ``updates``."""
    only(node, "reduction", "none")
    places = lower.known(indices, "indices").long()
    chosen = torch.arange(x.example.numel()).reshape(x.shape)
    chosen[places.unbind(-1)] = (
        torch.arange(updates.example.numel()).reshape(updates.shape) + x.example.numel()
    )
    flat = [lower.reshape(each, (each.example.numel(),)) for each in (x, updates)]
    made = lower.call(torch.index_select, lower.concatenate(flat, 0), 0, lower.constant(chosen.reshape(-1)))
    return lower.reshape(made, x.shape)


def _shape(lower: Lowering, node: Node, x: Value) -> Value:
    return lower.constant(
        torch.tensor(x.shape[slice(node.get("start", 0), node.get("end"))], dtype=torch.int64)
    )


def _size(lower: Lowering, _node: Node, x: Value) -> Value:
    return lower.constant(torch.tensor(x.example.numel()))


def _constant_of_shape(lower: Lowering, node: Node, shape: Value) -> Value:
    value = node.get("value", torch.zeros(1))
    return lower.constant(torch.full(lower.numbers(shape, "shape"), value.item(), dtype=value.dtype))


def _range(lower: Lowering, _node: Node, start: Value, limit: Value, delta: Value) -> Value:
    ends = [
        lower.known(each, name).item()
        for each, name in ((start, "start"), (limit, "limit"), (delta, "delta"))
    ]
    return lower.constant(torch.arange(*ends, dtype=start.example.dtype))


def _eye_like(lower: Lowering, node: Node, x: Value) -> Value:
    only(node, "k", 0)
    only(node, "dtype", None)
    return lower.constant(torch.eye(*x.shape, dtype=x.example.dtype))


def _trilu(lower: Lowering, node: Node, x: Value, diagonal: Value | None = None) -> Value:
    keep = torch.triu if node.get("upper", 1) else torch.tril
    return lower.call(keep, x, int(number(lower, node, "k", diagonal) or 0))


def _one_hot(lower: Lowering, node: Node, indices: Value, depth: Value, values: Value) -> Value:
    """Compares with a range along the new axis: that is what every format can say."""
    count = lower.numbers(depth, "depth")[0]
    off, on = lower.known(values, "values").unbind()
    axis = node.get("axis", -1) % (indices.rank + 1)
    shape = (*indices.shape[:axis], 1, *indices.shape[axis:])
    places = lower.constant(torch.arange(count).reshape((count,) + (1,) * (indices.rank - axis)))
    whole = lower.elementwise(torch.remainder, lower.reshape(indices, shape), count)  # -1 is the last
    hot = lower.elementwise(torch.eq, whole, places)
    return lower.elementwise(torch.where, hot, lower.constant(on), lower.constant(off))


def _pad(lower: Lowering, node: Node, x: Value, *given: Value | None) -> Value:
    pads, fill, places = (*given, None, None, None)[:3]
    flat = numbers(lower, node, "pads", pads) or []
    along = [
        x.axis(each) for each in (lower.numbers(places, "axes") if places is not None else range(x.rank))
    ]
    mode = _PAD_MODES[only(node, "mode", *_PAD_MODES)]
    pairs = [(0, 0)] * x.rank
    for axis, before, after in zip(along, flat[: len(along)], flat[len(along) :], strict=True):
        pairs[axis] = (before, after)
    if mode == "constant":
        value = node.get("value", 0.0) if fill is None else lower.known(fill, "value").item()
        return lower.pad(x, pairs, fill=value)
    return mirrored(lower, x, pairs, mode)


def _non_zero(lower: Lowering, _node: Node, x: Value) -> Value:
    return lower.constant(lower.known(x, "input").nonzero().T.contiguous())


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "Reshape": _reshape, "Flatten": _flatten, "Transpose": _transpose, "Squeeze": _squeeze,
        "Unsqueeze": _unsqueeze, "Expand": _expand, "Tile": _tile, "Concat": _concat, "Split": _split,
        "Slice": _slice, "Gather": _gather, "GatherElements": _gather_elements, "GatherND": _gather_nd,
        "ScatterND": _scatter_nd, "Shape": _shape, "Size": _size, "ConstantOfShape": _constant_of_shape,
        "Range": _range, "EyeLike": _eye_like, "Trilu": _trilu, "OneHot": _one_hot, "Pad": _pad, "NonZero": _non_zero,
    }
)  # fmt: skip
