"""Operators that move elements, those that compute shapes, and lists of tensors, as loops carry them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch

from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value
from converters.sources.lowering.moving import gather, mirrored, part, strided
from converters.sources.tf_ops.attributes import Operator, dtype_of


def _constant(lower: Lowering, node: Node) -> Value:
    return lower.constant(node.get("value"), node.name)


def _reshape(lower: Lowering, _node: Node, x: Value, shape: Value) -> Value:
    wanted = torch.empty(x.shape, device="meta").reshape(lower.numbers(shape, "shape")).shape
    return lower.reshape(x, tuple(wanted))


def _squeeze(lower: Lowering, node: Node, x: Value) -> Value:
    axes = {each % x.rank for each in node.get("squeeze_dims") or range(x.rank)}
    return lower.reshape(
        x, [length for place, length in enumerate(x.shape) if place not in axes or length != 1]
    )


def _expand_dims(lower: Lowering, _node: Node, x: Value, axis: Value) -> Value:
    place = lower.numbers(axis, "axis")[0] % (x.rank + 1)
    return lower.reshape(x, (*x.shape[:place], 1, *x.shape[place:]))


def _transpose(lower: Lowering, _node: Node, x: Value, axes: Value) -> Value:
    return lower.permute(x, lower.numbers(axes, "perm"))


def _pack(lower: Lowering, node: Node, *given: Value) -> Value:
    axis = node.get("axis", 0) % (given[0].rank + 1)
    shape = (*given[0].shape[:axis], 1, *given[0].shape[axis:])
    return lower.concatenate([lower.reshape(each, shape) for each in given], axis)


def _unpack(lower: Lowering, node: Node, x: Value) -> list[Value]:
    axis = x.axis(node.get("axis", 0))
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    return [lower.reshape(part(lower, x, axis, place, place + 1), shape) for place in range(x.shape[axis])]


def _concat(lower: Lowering, _node: Node, *given: Value) -> Value:
    return lower.concatenate(given[:-1], lower.numbers(given[-1], "axis")[0])


def _split(lower: Lowering, node: Node, axis: Value, x: Value) -> list[Value]:
    place = x.axis(lower.numbers(axis, "axis")[0])
    size = x.shape[place] // node.get("num_split")
    return [part(lower, x, place, start, start + size) for start in range(0, x.shape[place], size)]


def _split_sizes(lower: Lowering, _node: Node, x: Value, sizes: Value, axis: Value) -> list[Value]:
    place, wanted = x.axis(lower.numbers(axis, "axis")[0]), lower.numbers(sizes, "sizes")
    rest = x.shape[place] - sum(each for each in wanted if each >= 0)
    made, start = [], 0
    for each in wanted:
        end = start + (rest if each < 0 else each)
        made.append(part(lower, x, place, start, end))
        start = end
    return made


def _slice(lower: Lowering, _node: Node, x: Value, begin: Value, size: Value) -> Value:
    slices = [
        slice(start, length if count < 0 else start + count, 1)
        for start, count, length in zip(
            lower.numbers(begin, "begin"), lower.numbers(size, "size"), x.shape, strict=True
        )
    ]
    return lower.slice(x, slices)


def _strided_slice(lower: Lowering, node: Node, x: Value, begin: Value, end: Value, strides: Value) -> Value:
    """Each bit of a mask says of one entry: from the start, to the end, the rest, a new axis, or an axis less."""
    starts, ends = lower.numbers(begin, "begin"), lower.numbers(end, "end")
    steps = lower.numbers(strides, "strides")
    masks = {
        each: node.get(f"{each}_mask", 0) for each in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    given = sum(1 for place in range(len(starts)) if not (masks["new_axis"] | masks["ellipsis"]) >> place & 1)
    shape: list[int] = []
    axis = 0
    for place, (start, stop, step) in enumerate(zip(starts, ends, steps, strict=True)):
        bits = {name for name, mask in masks.items() if mask >> place & 1}
        if "ellipsis" in bits:
            whole = x.rank - given
            shape += x.shape[axis : axis + whole]
            axis += whole
        elif "new_axis" in bits:
            shape.append(1)
        elif "shrink_axis" in bits:
            first = start % x.shape[axis]
            x = part(lower, x, axis, first, first + 1)
            axis += 1
        else:
            wanted = slice(None if "begin" in bits else start, None if "end" in bits else stop, step)
            x = strided(lower, x, axis, wanted)
            shape.append(x.shape[axis])
            axis += 1
    return lower.reshape(x, (*shape, *x.shape[axis:]))


def _gather(lower: Lowering, node: Node, x: Value, indices: Value, axis: Value | None = None) -> Value:
    if node.get("batch_dims"):
        raise NotCoveredError("it has batch_dims")
    place = 0 if axis is None else x.axis(lower.numbers(axis, "axis")[0])
    return gather(lower, x, indices, place, node.name.replace("/", "."))


def _tile(lower: Lowering, _node: Node, x: Value, repeats: Value) -> Value:
    wanted = lower.numbers(repeats, "multiples")
    return x if all(each == 1 for each in wanted) else lower.call("repeat", x, wanted)


def _broadcast(lower: Lowering, _node: Node, x: Value, shape: Value) -> Value:
    return lower.call("expand", x, lower.numbers(shape, "shape"))


def _broadcast_args(lower: Lowering, _node: Node, x: Value, y: Value) -> Value:
    shapes = [tuple(lower.numbers(each, "shape")) for each in (x, y)]
    return lower.constant(torch.tensor(torch.broadcast_shapes(*shapes), dtype=x.example.dtype))


def _fill(lower: Lowering, _node: Node, shape: Value, value: Value) -> Value:
    return lower.call("expand", value, lower.numbers(shape, "dims"))


def _range(lower: Lowering, _node: Node, start: Value, limit: Value, delta: Value) -> Value:
    ends = [
        lower.known(each, name).item()
        for each, name in ((start, "start"), (limit, "limit"), (delta, "delta"))
    ]
    return lower.constant(torch.arange(*ends, dtype=start.example.dtype))


def _shape(lower: Lowering, node: Node, *given: Value) -> list[Value]:
    dtype = dtype_of(node, "out_type") if node.get("out_type") else torch.int32
    return [lower.constant(torch.tensor(each.shape, dtype=dtype)) for each in given]


def _size(lower: Lowering, _node: Node, x: Value) -> Value:
    return lower.constant(torch.tensor(x.example.numel(), dtype=torch.int32))


def _rank(lower: Lowering, _node: Node, x: Value) -> Value:
    return lower.constant(torch.tensor(x.rank, dtype=torch.int32))


def _pad(lower: Lowering, _node: Node, x: Value, pads: Value, fill: Value | None = None) -> Value:
    pairs = [(before, after) for before, after in lower.known(pads, "paddings").tolist()]
    return lower.pad(x, pairs, fill=0 if fill is None else lower.known(fill, "value").item())


def _mirror_pad(lower: Lowering, node: Node, x: Value, pads: Value) -> Value:
    pairs = [(before, after) for before, after in lower.known(pads, "paddings").tolist()]
    return mirrored(lower, x, pairs, str(node.get("mode")).casefold())


def _reverse(lower: Lowering, _node: Node, x: Value, axes: Value) -> Value:
    return lower.call(torch.flip, x, lower.numbers(axes, "axis"))


def _one_hot(lower: Lowering, node: Node, indices: Value, *given: Value) -> Value:
    count = lower.numbers(given[0], "depth")[0]
    rank = indices.rank + 1
    axis = node.get("axis", -1) % rank
    spread = lower.reshape(indices, (*indices.shape[:axis], 1, *indices.shape[axis:]))
    places = torch.arange(count, dtype=indices.example.dtype).reshape((count,) + (1,) * (rank - 1 - axis))
    hot = lower.elementwise(torch.eq, spread, lower.constant(places))
    return lower.elementwise(torch.where, hot, given[1], given[2])


def _list_reserve(lower: Lowering, _node: Node, _shape: Value, count: Value) -> list[Any]:
    return [[None] * lower.numbers(count, "length")[0]]


def _list_from(lower: Lowering, _node: Node, x: Value, _shape: Value) -> list[Any]:
    return [_unpack(lower, Node("Unpack", "", {"axis": 0}), x)]


def _list_get(lower: Lowering, _node: Node, given: Sequence[Value], place: Value, _shape: Value) -> Value:
    found = given[lower.numbers(place, "index")[0]]
    if found is None:
        raise NotCoveredError("it reads what was never written")
    return found


def _list_set(lower: Lowering, _node: Node, given: Sequence[Value], place: Value, x: Value) -> list[Any]:
    made = list(given)
    made[lower.numbers(place, "index")[0]] = x
    return [made]


def _list_stack(lower: Lowering, _node: Node, given: Sequence[Value], _shape: Value) -> Value:
    if any(each is None for each in given):
        raise NotCoveredError("it stacks what was never written")
    return _pack(lower, Node("Pack", "", {"axis": 0}), *given)


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "Const": _constant, "Reshape": _reshape, "Squeeze": _squeeze, "ExpandDims": _expand_dims,
        "Transpose": _transpose, "Pack": _pack, "Unpack": _unpack, "ConcatV2": _concat, "Split": _split,
        "SplitV": _split_sizes, "Slice": _slice, "StridedSlice": _strided_slice, "GatherV2": _gather,
        "Gather": _gather, "Tile": _tile, "BroadcastTo": _broadcast, "BroadcastArgs": _broadcast_args, "Fill": _fill,
        "Range": _range, "Shape": _shape, "ShapeN": _shape, "Size": _size, "Rank": _rank, "Pad": _pad, "PadV2": _pad,
        "MirrorPad": _mirror_pad, "ReverseV2": _reverse, "OneHot": _one_hot, "TensorListReserve": _list_reserve,
        "TensorListFromTensor": _list_from, "TensorListGetItem": _list_get, "TensorListSetItem": _list_set,
        "TensorListStack": _list_stack,
    }
)  # fmt: skip
