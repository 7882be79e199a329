"""Compressed constants of ML Programs, decoded as the documents of their operations say.

Source: coremltools' MIL reference, ``constexpr_*`` of iOS 16 (values of few bits are packed, the first in
the lowest bits) and of iOS 18 (blocks: each axis of a scale or codebook divides the axis of the data).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from converters.mil.base import Array, Weight

Arguments = Mapping[str, Any]


def _unpacked(packed: Array, bits: int, count: int) -> Array:
    """Unsigned integers of ``bits`` bits out of bytes."""
    flat = np.unpackbits(np.asarray(packed).astype(np.uint8), bitorder="little")[: bits * count]
    return (flat.reshape(count, bits) * (1 << np.arange(bits))).sum(axis=1).astype(np.int64)


def _spread(small: Array, shape: tuple[int, ...]) -> Array:
    """Repeat every axis of ``small`` until it has ``shape``."""
    small = np.asarray(small)
    for axis, length in enumerate(shape):
        if small.shape[axis] != length:
            small = np.repeat(small, length // small.shape[axis], axis=axis)
    return small


def _affine_dequantize(arguments: Arguments) -> tuple[Array, ...]:
    data = np.asarray(arguments["quantized_data"])
    along = [1] * data.ndim
    if np.ndim(arguments["scale"]):
        along[int(arguments["axis"])] = -1
    scale = np.asarray(arguments["scale"]).reshape(along)
    zero_point = np.asarray(arguments["zero_point"], np.float32)
    zero_point = zero_point.reshape(along) if zero_point.ndim else zero_point
    return ((scale.astype(np.float32) * (data.astype(np.float32) - zero_point)).astype(scale.dtype),)


def _lut_to_dense(arguments: Arguments) -> tuple[Array, ...]:
    if "shape" not in arguments:
        return (_lut_blocks(arguments["indices"], arguments["lut"], arguments.get("vector_axis")),)
    shape, lut = tuple(int(each) for each in arguments["shape"]), np.asarray(arguments["lut"])
    bits = int(lut.size).bit_length() - 1
    return (lut[_unpacked(arguments["indices"], bits, int(np.prod(shape)))].reshape(shape),)


def _lut_blocks(indices: Array, lut: Array, vector_axis: Any) -> Array:
    indices, lut = np.asarray(indices).astype(np.int64), np.asarray(lut)
    vector = lut.shape[-1]
    tables = _spread(lut, (*indices.shape, *lut.shape[-2:]))
    chosen = np.take_along_axis(tables, indices[..., None, None].repeat(vector, -1), axis=-2)[..., 0, :]
    if vector == 1:
        return chosen[..., 0]
    axis = int(vector_axis) % indices.ndim
    shape = tuple(length * (vector if place == axis else 1) for place, length in enumerate(indices.shape))
    return np.moveaxis(chosen, -1, axis + 1).reshape(shape)


def _sparse_to_dense(arguments: Arguments) -> tuple[Array, ...]:
    values = np.asarray(arguments["nonzero_data"])
    mask = np.asarray(arguments["mask"])
    if "shape" in arguments:
        shape = tuple(int(each) for each in arguments["shape"])
        mask = _unpacked(mask, 1, int(np.prod(shape))).reshape(shape)
    dense = np.zeros(mask.shape, values.dtype)
    dense[mask != 0] = values.reshape(-1)
    return (dense,)


def _blockwise_shift_scale(arguments: Arguments) -> tuple[Array, ...]:
    data, scale = np.asarray(arguments["data"]), np.asarray(arguments["scale"])
    shifted = data.astype(np.float32)
    if arguments.get("offset") is not None:
        shifted = shifted - _spread(np.asarray(arguments["offset"]).astype(np.float32), data.shape)
    return ((shifted * _spread(scale.astype(np.float32), data.shape)).astype(scale.dtype),)


def _cast(arguments: Arguments) -> tuple[Array, ...]:
    return (np.asarray(arguments["source_val"]).astype(np.float32),)


def _lut_to_sparse(arguments: Arguments) -> tuple[Array, ...]:
    mask = np.asarray(arguments["indices_mask"])
    (indices,) = _sparse_to_dense({"nonzero_data": arguments["indices_nonzero_data"], "mask": mask})
    dense = _lut_blocks(indices, arguments["lut"], arguments.get("vector_axis"))
    if dense.shape != mask.shape:
        axis = int(arguments["vector_axis"])
        mask = np.repeat(mask, dense.shape[axis] // mask.shape[axis], axis=axis)
    return mask, dense[mask != 0]


def _sparse_blockwise_shift_scale(arguments: Arguments) -> tuple[Array, ...]:
    mask = np.asarray(arguments["data_mask"])
    (dense,) = _sparse_to_dense({"nonzero_data": arguments["nonzero_data"], "mask": mask})
    (scaled,) = _blockwise_shift_scale({**arguments, "data": dense})
    return mask, scaled[mask != 0]


DECODERS: Mapping[str, Callable[[Arguments], tuple[Array, ...]]] = MappingProxyType(
    {
        "constexpr_affine_dequantize": _affine_dequantize,
        "constexpr_lut_to_dense": _lut_to_dense,
        "constexpr_sparse_to_dense": _sparse_to_dense,
        "constexpr_blockwise_shift_scale": _blockwise_shift_scale,
        "constexpr_cast": _cast,
        "constexpr_lut_to_sparse": _lut_to_sparse,
        "constexpr_sparse_blockwise_shift_scale": _sparse_blockwise_shift_scale,
    }
)
"""By operation: from its arguments to its outputs, as numpy arrays."""


def weight(kind: str, arguments: Arguments, values: Array, channels: int) -> Weight:
    """A weight with its integers, where it is stored as symmetric integers times scales along one axis.

    Args:
        kind: the operation that gives it.
        arguments: of that operation.
        values: decoded.
        channels: axis of the output channels.
    """
    floats = np.asarray(values, np.float32)
    if kind == "constexpr_affine_dequantize" and not np.any(arguments["zero_point"]):
        data, scales = np.asarray(arguments["quantized_data"]), np.atleast_1d(np.asarray(arguments["scale"]))
        if scales.size == 1 or int(arguments["axis"]) == channels:
            return Weight(floats, np.moveaxis(data.astype(np.int8), channels, 0), scales.astype(np.float32))
    if kind == "constexpr_blockwise_shift_scale" and arguments.get("offset") is None:
        data, scales = np.asarray(arguments["data"]), np.asarray(arguments["scale"])
        if scales.size in {1, scales.shape[channels]}:
            return Weight(
                floats, np.moveaxis(data.astype(np.int8), channels, 0), scales.reshape(-1).astype(np.float32)
            )
    return Weight(floats)
