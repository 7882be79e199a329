"""Operations that move elements: reshape, slice, gather, join, pad."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from converters.mil.ops.elementwise import Arguments, number, tensor


def ints(value: Any) -> list[int]:
    """A constant or computed vector of integers."""
    found = value.numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return [int(each) for each in np.atleast_1d(found)]


def _reshape(arguments: Arguments) -> torch.Tensor:
    x, shape = tensor(arguments["x"]), ints(arguments["shape"])
    return x.reshape([x.shape[place] if length == 0 else length for place, length in enumerate(shape)])


def _expand_dims(arguments: Arguments) -> torch.Tensor:
    x, axes = tensor(arguments["x"]), ints(arguments["axes"])
    rank = x.ndim + len(axes)
    for axis in sorted(each % rank for each in axes):
        x = x.unsqueeze(axis)
    return x


def _squeeze(arguments: Arguments) -> torch.Tensor:
    x, axes = tensor(arguments["x"]), arguments.get("axes")
    chosen = [place for place, length in enumerate(x.shape) if length == 1] if axes is None else ints(axes)
    for axis in sorted((each % x.ndim for each in chosen), reverse=True):
        x = x.squeeze(axis)
    return x


def _concat(arguments: Arguments) -> torch.Tensor:
    values, axis = [tensor(each) for each in arguments["values"]], int(arguments["axis"])
    if arguments.get("interleave"):
        return torch.stack(values, axis % values[0].ndim + 1).flatten(
            axis % values[0].ndim, axis % values[0].ndim + 1
        )
    return torch.cat(values, axis)


def _split(arguments: Arguments) -> tuple[torch.Tensor, ...]:
    x, axis = tensor(arguments["x"]), int(arguments["axis"])
    sizes = arguments.get("split_sizes")
    if sizes is not None:
        return torch.split(x, ints(sizes), axis)
    return torch.split(x, x.shape[axis] // int(arguments["num_splits"]), axis)


def _slice_by_index(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["x"])
    begin, end = ints(arguments["begin"]), ints(arguments["end"])
    rank = x.ndim
    strides = ints(arguments["stride"]) if arguments.get("stride") is not None else [1] * rank
    masks = {
        name: [bool(each) for each in np.atleast_1d(np.asarray(arguments[name]))]
        if arguments.get(name) is not None
        else [False] * rank
        for name in ("begin_mask", "end_mask", "squeeze_mask")
    }
    index: list[Any] = []
    for axis in range(rank):
        if masks["squeeze_mask"][axis]:
            index.append(begin[axis])
        else:
            first = None if masks["begin_mask"][axis] else begin[axis]
            last = None if masks["end_mask"][axis] else end[axis]
            index.append(slice(first, last, strides[axis]))
    return torch.from_numpy(np.array(x.numpy()[tuple(index)]))


def _slice_by_size(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["x"])
    for axis, (start, size) in enumerate(zip(ints(arguments["begin"]), ints(arguments["size"]), strict=True)):
        first = start % x.shape[axis] if start < 0 else start
        x = x.narrow(axis, first, x.shape[axis] - first if size == -1 else size)
    return x


def _gather(arguments: Arguments) -> torch.Tensor:
    x, indices = tensor(arguments["x"]), tensor(arguments["indices"]).long()
    axis = int(arguments.get("axis", 0)) % x.ndim
    batch = int(arguments.get("batch_dims", 0))
    indices = torch.where(indices < 0, indices + x.shape[axis], indices)
    if batch == 0:
        return torch.from_numpy(np.take(x.numpy(), indices.numpy(), axis=axis))
    rows = [_gather({"x": one, "indices": other, "axis": axis - 1, "batch_dims": batch - 1})
            for one, other in zip(x, indices, strict=True)]  # fmt: skip
    return torch.stack(rows)


def _gather_along_axis(arguments: Arguments) -> torch.Tensor:
    x, axis = tensor(arguments["x"]), int(arguments.get("axis", 0))
    indices = tensor(arguments["indices"]).long()
    return torch.gather(x, axis, torch.where(indices < 0, indices + x.shape[axis], indices))


def _gather_nd(arguments: Arguments) -> torch.Tensor:
    x, indices = tensor(arguments["x"]).numpy(), tensor(arguments["indices"]).long().numpy()
    batch = int(arguments.get("batch_dims", 0))
    if batch:
        rows = [_gather_nd({"x": one, "indices": other, "batch_dims": batch - 1})
                for one, other in zip(x, indices, strict=True)]  # fmt: skip
        return torch.stack(rows)
    return torch.from_numpy(np.array(x[tuple(np.moveaxis(indices, -1, 0))]))


_EDGES: dict[str, Any] = {"reflect": "reflect", "replicate": "edge"}  # by numpy's words


def _pad(arguments: Arguments) -> torch.Tensor:
    x, flat = tensor(arguments["x"]), ints(arguments["pad"])
    mode: Any = str(arguments.get("mode", "constant"))
    pairs = [(0, 0)] * (x.ndim - len(flat) // 2) + list(zip(flat[0::2], flat[1::2], strict=True))
    if mode == "constant":
        value = number(arguments.get("constant_val", 0.0))
        return torch.from_numpy(np.pad(x.numpy(), pairs, constant_values=np.asarray(value, x.numpy().dtype)))
    return torch.from_numpy(np.pad(x.numpy(), pairs, mode=_EDGES[mode]))


def _crop(arguments: Arguments) -> torch.Tensor:
    """Cut rows and columns off an image: (top, bottom) and (left, right)."""
    x = tensor(arguments["x"])
    (top, bottom), (left, right) = ints(arguments["crop_height"]), ints(arguments["crop_width"])
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


def _fill(arguments: Arguments) -> torch.Tensor:
    value = tensor(arguments.get("value", 0.0))
    return value.reshape(()).expand(ints(arguments["shape"])).clone()


def _fill_like(arguments: Arguments) -> torch.Tensor:
    return _fill({"shape": tensor(arguments["ref_tensor"]).shape, "value": arguments.get("value", 0.0)})


def _one_hot(arguments: Arguments) -> torch.Tensor:
    indices, size = tensor(arguments["indices"]).long(), int(arguments["one_hot_vector_size"])
    hot = functional.one_hot(indices, size).bool()
    made = torch.where(hot, tensor(arguments.get("on_value", 1)), tensor(arguments.get("off_value", 0)))
    return torch.movedim(made, -1, int(arguments.get("axis", -1)))


def _range(arguments: Arguments) -> torch.Tensor:
    start, end, step = (tensor(arguments[name]).item() for name in ("start", "end", "step"))
    return torch.arange(start, end, step, dtype=tensor(arguments["start"]).dtype)


def _space_to_depth(arguments: Arguments) -> torch.Tensor:
    x, block = tensor(arguments["x"]), int(arguments["block_size"])
    batch, channels, height, width = x.shape
    cut = x.reshape(batch, channels, height // block, block, width // block, block)
    return cut.permute(0, 3, 5, 1, 2, 4).reshape(batch, channels * block**2, height // block, width // block)


def _depth_to_space(arguments: Arguments) -> torch.Tensor:
    x, block = tensor(arguments["x"]), int(arguments["block_size"])
    batch, channels, height, width = x.shape
    cut = x.reshape(batch, block, block, channels // block**2, height, width)
    return cut.permute(0, 3, 4, 1, 5, 2).reshape(batch, channels // block**2, height * block, width * block)


OPERATIONS: dict[str, Callable[[Arguments], Any]] = {
    "reshape": _reshape,
    "transpose": lambda a: tensor(a["x"]).permute(ints(a["perm"])),
    "expand_dims": _expand_dims,
    "squeeze": _squeeze,
    "flatten2d": lambda a: (
        tensor(a["x"]).flatten(int(a.get("axis", 1))).flatten(0, int(a.get("axis", 1)) - 1)
    ),
    "concat": _concat,
    "stack": lambda a: torch.stack([tensor(each) for each in a["values"]], int(a["axis"])),
    "split": _split,
    "slice_by_index": _slice_by_index,
    "slice_by_size": _slice_by_size,
    "gather": _gather,
    "gather_along_axis": _gather_along_axis,
    "gather_nd": _gather_nd,
    "tile": lambda a: tensor(a["x"]).repeat(*ints(a["reps"])),
    "pad": _pad,
    "crop": _crop,
    "reverse": lambda a: torch.flip(
        tensor(a["x"]), ints(a["axes"]) if a.get("axes") is not None else list(range(tensor(a["x"]).ndim))
    ),
    "fill": _fill,
    "fill_like": _fill_like,
    "shape": lambda a: torch.tensor(tensor(a["x"]).shape, dtype=torch.int32),
    "one_hot": _one_hot,
    "range_1d": _range,
    "cumsum": lambda a: torch.cumsum(tensor(a["x"]), int(a.get("axis", 0))),
    "pixel_shuffle": lambda a: functional.pixel_shuffle(tensor(a["x"]), int(a["upscale_factor"])),
    "pixel_unshuffle": lambda a: functional.pixel_unshuffle(tensor(a["x"]), int(a["downscale_factor"])),
    "space_to_depth": _space_to_depth,
    "depth_to_space": _depth_to_space,
}
