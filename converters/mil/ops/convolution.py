"""Convolutions and pools.

``pad`` lists (before, after) for each spatial axis in order. ``same`` pads so that the output has ceil(input
/ stride) elements, the larger half after the input (``same_lower``: before it).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from converters.mil.ops.elementwise import Arguments, tensor

_CONVOLVE = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
_MAXIMUM = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}


def _numbers(value: Any, rank: int, default: int) -> list[int]:
    return [default] * rank if value is None else [int(each) for each in np.atleast_1d(np.asarray(value))]


def padding(
    arguments: Arguments,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> list[tuple[int, int]]:
    """Zeros before and after each spatial axis."""
    kind = str(arguments.get("pad_type", "valid"))
    if kind == "valid":
        return [(0, 0)] * len(sizes)
    if kind == "custom":
        flat = _numbers(arguments.get("pad"), 2 * len(sizes), 0)
        return list(zip(flat[0::2], flat[1::2], strict=True))
    found = []
    for size, length, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + (length - 1) * dilation + 1 - size)
        small, large = total // 2, total - total // 2
        found.append((small, large) if kind == "same" else (large, small))
    return found


def padded(x: torch.Tensor, pads: Sequence[tuple[int, int]], value: float = 0.0) -> torch.Tensor:
    """Pad the last axes; torch lists them from the last."""
    flat = [each for pair in reversed(pads) for each in pair]
    return functional.pad(x, flat, value=value) if any(flat) else x


def _conv(arguments: Arguments) -> torch.Tensor:
    x, weight = tensor(arguments["x"]), tensor(arguments["weight"])
    rank = x.ndim - 2
    strides, dilations = (
        _numbers(arguments.get("strides"), rank, 1),
        _numbers(arguments.get("dilations"), rank, 1),
    )
    pads = padding(arguments, x.shape[2:], weight.shape[2:], strides, dilations)
    bias = arguments.get("bias")
    return _CONVOLVE[rank](
        padded(x, pads), weight, None if bias is None else tensor(bias), strides, 0, dilations,
        int(arguments.get("groups", 1)),
    )  # fmt: skip


def _conv_transpose(arguments: Arguments) -> torch.Tensor:
    x, weight = tensor(arguments["x"]), tensor(arguments["weight"])
    rank = x.ndim - 2
    strides, dilations = (
        _numbers(arguments.get("strides"), rank, 1),
        _numbers(arguments.get("dilations"), rank, 1),
    )
    bias = arguments.get("bias")
    whole = _TRANSPOSED[rank](
        x,
        weight,
        None if bias is None else tensor(bias),
        strides,
        0,
        0,
        int(arguments.get("groups", 1)),
        dilations,
    )
    kind = str(arguments.get("pad_type", "valid"))
    pads = _numbers(arguments.get("pad"), 2 * rank, 0) if kind == "custom" else [0] * 2 * rank
    wanted = arguments.get("output_shape")
    for axis in range(rank):
        length = whole.shape[2 + axis]
        if wanted is not None:
            size = int(np.asarray(wanted)[2 + axis])
        elif kind == "custom":
            size = length - pads[2 * axis] - pads[2 * axis + 1]
        else:
            size = x.shape[2 + axis] * strides[axis] if kind == "same" else length
        start = pads[2 * axis] if kind == "custom" else max(0, length - size) // 2
        if start + size > length:
            whole = padded(
                whole, [(0, start + size - length if place == axis else 0) for place in range(rank)]
            )
        whole = whole.narrow(2 + axis, start, size)
    return whole


def _pool_frame(arguments: Arguments) -> tuple[torch.Tensor, list[int], list[int], list[tuple[int, int]]]:
    """Input, kernel, strides and padding; with ``ceil_mode`` the end is padded until the last window is whole."""
    x = tensor(arguments["x"])
    kernel = _numbers(arguments["kernel_sizes"], x.ndim - 2, 1)
    strides = _numbers(arguments.get("strides"), len(kernel), 1)
    pads = padding(arguments, x.shape[2:], kernel, strides, [1] * len(kernel))
    return x, kernel, strides, pads


def _ceiled(
    arguments: Arguments, x: torch.Tensor, kernel: list[int], strides: list[int], pads: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Extra room after the padded input for a last window that begins inside it."""
    extra = []
    for size, length, stride, (before, after) in zip(x.shape[2:], kernel, strides, pads, strict=True):
        rest = (size + before + after - length) % stride
        more = stride - rest if arguments.get("ceil_mode") and rest else 0
        starts = (size + before + after - length + more) // stride * stride
        extra.append((0, more if starts < size + before else 0))
    return extra


def _max_pool(arguments: Arguments) -> torch.Tensor:
    x, kernel, strides, pads = _pool_frame(arguments)
    room = [
        (a, b + c) for (a, b), (_, c) in zip(pads, _ceiled(arguments, x, kernel, strides, pads), strict=True)
    ]
    return _MAXIMUM[len(kernel)](padded(x, room, float("-inf")), kernel, strides)


def _sums(x: torch.Tensor, kernel: list[int], strides: list[int]) -> torch.Tensor:
    channels = x.shape[1]
    ones = torch.ones(channels, 1, *kernel)
    return _CONVOLVE[len(kernel)](x, ones, None, strides, 0, 1, channels)


def _avg_pool(arguments: Arguments) -> torch.Tensor:
    x, kernel, strides, pads = _pool_frame(arguments)
    extra = _ceiled(arguments, x, kernel, strides, pads)
    total = _sums(padded(padded(x, pads), extra), kernel, strides)
    exclude = bool(arguments.get("exclude_padding_from_average", False))
    counted = torch.ones_like(x[:, :1])
    counted = padded(padded(counted, pads, 0.0 if exclude else 1.0), extra)
    return total / _sums(counted, kernel, strides)


def _l2_pool(arguments: Arguments) -> torch.Tensor:
    x, kernel, strides, pads = _pool_frame(arguments)
    return torch.sqrt(_sums(padded(x * x, pads), kernel, strides))


OPERATIONS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "l2_pool": _l2_pool,
}
