"""Operations that unpack a compressed weight before the model runs: ``constexpr_*``.

Each takes constants and gives constants; what their definitions demand is checked, and how the weight is stored is
kept: its type in the file, over what one scale or codebook stretches, and how many elements are zero once unpacked.

Source: the definitions in coremltools 9.0, ``converters/mil/mil/ops/defs/iOS16/constexpr_ops.py`` and
``iOS18/compression.py``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from types import MappingProxyType

import numpy as np

from converters.inspection import elements
from converters.inspection.coreml.constants import Array, Constant, Storage
from converters.inspection.coreml.value_types import ValueType
from converters.inspection.reading import UnreadableError
from converters.inspection.report import Granularity

Arguments = Mapping[str, Constant]

PALETTES = {2: 1, 4: 2, 16: 4, 64: 6, 256: 8}  # entries: bits, in the first version
SOURCES = frozenset({"int4", "uint4", "int8", "uint8", "float16", "float32"})
FLOATS = frozenset({"float16", "float32"})
INDICES = frozenset({"uint1", "uint2", "uint3", "uint4", "uint6", "uint8"})
VALUES = frozenset({"int8", "uint8", "float16", "float32"})


def evaluate(kind: str, arguments: Arguments, version: int) -> list[Constant]:
    """Unpack one weight.

    Args:
        kind: name of the operation.
        arguments: its constants by name; those that must be there are.
        version: specification version; the older form of an operation has other arguments.

    Returns:
        Its outputs in order; nothing is unpacked before their arrays are asked for.

    Raises:
        UnreadableError: arguments do not fit together.
    """
    operation = OLD.get(kind) if version < 9 else None  # noqa: PLR2004 - iOS 18
    return (operation or NEW[kind])(arguments)


def _require(holds: bool, problem: str) -> None:  # noqa: FBT001 - the condition
    if not holds:
        raise UnreadableError([problem])


def _shape(constant: Constant) -> tuple[int, ...]:
    return tuple(each or 0 for each in constant.type.shape)


def _tensor(dtype: str, shape: tuple[int | None, ...]) -> ValueType:
    return ValueType("tensor", dtype, shape)


def _stored(*constants: Constant | None) -> int:
    return sum(each.storage.stored_bytes for each in constants if each is not None)


def _dense_shape(arguments: Arguments) -> tuple[int, ...]:
    """The argument ``shape`` of the older forms."""
    given = arguments["shape"]
    _require(given.type.dtype == "uint32" and len(given.type.shape) == 1, f"shape is {given.type}")
    shape = tuple(int(each) for each in given.array())
    _require(elements.count(shape) is not None, f"shape {shape} holds too much")
    return shape


def _affine(arguments: Arguments) -> list[Constant]:
    data, scale, point = (arguments[each] for each in ("quantized_data", "scale", "zero_point"))
    shape, axis = _shape(data), int(arguments["axis"].scalar)
    _require(data.type.dtype in {"int8", "uint8"}, f"quantized_data is {data.type}")
    _require(scale.type.dtype in FLOATS, f"scale is {scale.type}")
    _require(point.type.dtype in {"int8", "uint8", "float32"}, f"zero_point is {point.type}")
    _require(-len(shape) <= axis < len(shape), f"axis {axis} of shape {shape}")
    for each in (scale, point):
        _require(_shape(each) in {(), (shape[axis],)}, f"{each.type} along axis {axis} of shape {shape}")
    along = tuple(-1 if each == axis % len(shape) else 1 for each in range(len(shape)))

    def points() -> Array:
        return point.array() if not _shape(point) else point.array().reshape(along)

    def unpack() -> Array:
        scales = scale.array() if not _shape(scale) else scale.array().reshape(along)
        return (data.array().astype(scales.dtype) - points().astype(scales.dtype)) * scales

    channels = max(scale.type.count or 1, point.type.count or 1)
    storage = Storage(
        data.type.dtype,
        _stored(data, scale, point),
        lambda: int(np.count_nonzero(data.array() == points())),
        Granularity.PER_CHANNEL if channels > 1 else Granularity.PER_TENSOR,
        axis % len(shape) if channels > 1 else None,
        channels,
    )
    return [Constant(_tensor(scale.type.dtype, shape), unpack, storage)]


def _cast(arguments: Arguments) -> list[Constant]:
    source = arguments["source_val"]
    _require(source.type.dtype == "float16", f"source_val is {source.type}")
    _require(arguments["output_dtype"].scalar == "fp32", "output_dtype is not fp32")
    return [
        Constant(
            _tensor("float32", source.type.shape), lambda: source.array().astype(np.float32), source.storage
        )
    ]


def _old_palette(arguments: Arguments) -> list[Constant]:
    indices, lut, shape = arguments["indices"], arguments["lut"], _dense_shape(arguments)
    bits = PALETTES.get(lut.type.count or 0, 0)
    _require(lut.type.dtype in VALUES and len(lut.type.shape) == 1 and bool(bits), f"a codebook {lut.type}")
    count = prod(shape)
    wanted = -(-count * bits // elements.BYTE)
    _require(
        _shape(indices) == (wanted,) and indices.type.dtype == "uint8",
        f"indices {indices.type}, wanted {wanted}",
    )

    def unpacked() -> Array:
        return elements.unpack(indices.array().tobytes(), bits, count)

    def zeros() -> int:
        return int(np.bincount(unpacked(), minlength=1 << bits)[lut.array() == 0].sum())

    storage = Storage(f"palette{bits}", _stored(indices, lut), zeros, Granularity.PER_TENSOR, None, 1)
    return [Constant(_tensor(lut.type.dtype, shape), lambda: lut.array()[unpacked()].reshape(shape), storage)]


def _old_sparse(arguments: Arguments) -> list[Constant]:
    data, mask, shape = arguments["nonzero_data"], arguments["mask"], _dense_shape(arguments)
    count = prod(shape)
    wanted = -(-count // elements.BYTE)
    _require(
        _shape(mask) == (wanted,) and mask.type.dtype == "uint8", f"mask {mask.type}, wanted {wanted} bytes"
    )
    bits = np.unpackbits(mask.array(), bitorder="little")
    _require(not bits[count:].any(), "bits of the mask beyond its elements are set")
    return [_scatter(data, lambda: bits[:count].reshape(shape), _stored(mask), shape, int(bits.sum()))]


def _scatter(
    data: Constant, mask: Callable[[], Array], mask_bytes: int, shape: tuple[int, ...], present: int
) -> Constant:
    """Values that lie where a mask is set; the others are zero and left out of the file."""
    _require(data.type.dtype in VALUES, f"nonzero_data is {data.type}")
    _require(_shape(data) == (present,), f"{data.type} for {present:,} set bits of the mask")

    def unpack() -> Array:
        values = data.array()
        dense = np.zeros(prod(shape), values.dtype)
        dense[mask().reshape(-1) != 0] = values
        return dense.reshape(shape)

    absent = prod(shape) - present
    storage = replace(
        data.storage,
        stored_bytes=data.storage.stored_bytes + mask_bytes,
        zeros=lambda: absent + data.storage.zeros(),
        sparse=True,
    )
    return Constant(_tensor(data.type.dtype, shape), unpack, storage)


def _stretch(shape: tuple[int, ...], groups: tuple[int, ...]) -> tuple[Granularity, int | None]:
    """Over what one scale or codebook stretches, from the numbers of them along each axis."""
    split = [axis for axis, number in enumerate(groups) if number > 1]
    if not split:
        return Granularity.PER_TENSOR, None
    if len(split) == 1 and groups[split[0]] == shape[split[0]]:
        return Granularity.PER_CHANNEL, split[0]
    return Granularity.PER_BLOCK, None


def _spread(values: Array, shape: tuple[int, ...]) -> Array:
    """Repeat the values of blocks so that they meet each element."""
    for axis, (length, number) in enumerate(zip(shape, values.shape, strict=True)):
        if number not in {1, length}:
            values = np.repeat(values, length // number, axis)
    return values


def _check_blocks(data: Constant, shape: tuple[int, ...], scale: Constant, offset: Constant | None) -> None:
    groups = _shape(scale)
    _require(data.type.dtype in SOURCES, f"data is {data.type}")
    _require(scale.type.dtype in FLOATS, f"scale is {scale.type}")
    _require(len(groups) == len(shape) > 0, f"scale {scale.type} for data of shape {shape}")
    _require(
        all(number > 0 and length % number == 0 for length, number in zip(shape, groups, strict=True)),
        f"scale {scale.type} does not divide data of shape {shape}",
    )
    if offset is not None:
        _require(_shape(offset) == groups, f"offset {offset.type} beside scale {scale.type}")
        _require(
            offset.type.dtype in {data.type.dtype, *FLOATS}, f"offset {offset.type} for data {data.type}"
        )


def _blockwise(arguments: Arguments) -> list[Constant]:
    data, scale, offset = arguments["data"], arguments["scale"], arguments.get("offset")
    shape = _shape(data)
    _check_blocks(data, shape, scale, offset)

    def unpack() -> Array:
        scales = scale.array()
        values = data.array().astype(scales.dtype)
        if offset is not None:
            values = values - _spread(offset.array().astype(scales.dtype), shape)
        return values * _spread(scales, shape)

    def zeros() -> int:
        if offset is None:
            return data.storage.zeros()
        return int(np.count_nonzero(data.array() == _spread(offset.array(), shape)))

    granularity, axis = _stretch(shape, _shape(scale))
    storage = replace(
        data.storage,
        stored_bytes=_stored(data, scale, offset),
        zeros=zeros,
        granularity=granularity,
        axis=axis,
        scales=scale.type.count or 0,
    )
    return [Constant(_tensor(scale.type.dtype, shape), unpack, storage)]


def _check_palette(
    shape: tuple[int, ...], indices: Constant, lut: Constant, given: Constant | None
) -> tuple[int, int]:
    """Bits of an index, and the axis along which vectors of the codebook lie."""
    books = _shape(lut)
    _require(indices.type.dtype in INDICES, f"indices are {indices.type}")
    _require(lut.type.dtype in VALUES, f"the codebook is {lut.type}")
    _require(len(books) == len(shape) + 2 > 2, f"a codebook {lut.type} for indices of shape {shape}")  # noqa: PLR2004
    bits = elements.BITS[indices.type.dtype]
    _require(books[-2] == 1 << bits, f"a codebook {lut.type} for indices of {bits} bits")
    _require(
        all(number > 0 and length % number == 0 for length, number in zip(shape, books[:-2], strict=True)),
        f"the codebooks {lut.type} do not divide indices of shape {shape}",
    )
    _require(
        books[-1] > 0 and (books[-1] == 1 or given is not None), "codebook vectors without a vector_axis"
    )
    axis = int(given.scalar) if given is not None else 0
    _require(-len(shape) <= axis < len(shape), f"vector_axis {axis} of shape {shape}")
    return bits, axis % len(shape)


def _look_up(indices: Array, books: Array, axis: int) -> Array:
    """Replace indices by entries of their codebook; entries of several values follow each other along an axis."""
    table = books.reshape(-1, *books.shape[-2:])
    if len(table) == 1:
        found = table[0][indices]
    else:
        place = np.zeros((1,) * indices.ndim, np.int64)
        for each, (length, number) in enumerate(zip(indices.shape, books.shape[:-2], strict=True)):
            along = tuple(-1 if each == other else 1 for other in range(indices.ndim))
            place = place * number + (np.arange(length) // (length // number)).reshape(along)
        found = table[place, indices]
    shape = list(indices.shape)
    shape[axis] *= books.shape[-1]
    return np.moveaxis(found, -1, axis + 1).reshape(shape)


def _palette(arguments: Arguments) -> list[Constant]:
    indices, lut = arguments["indices"], arguments["lut"]
    shape = _shape(indices)
    bits, axis = _check_palette(shape, indices, lut, arguments.get("vector_axis"))
    books = _shape(lut)
    dense = tuple(length * (books[-1] if each == axis else 1) for each, length in enumerate(shape))
    _require(elements.count(dense) is not None, f"shape {dense} holds too much")
    granularity, along = _stretch(shape, books[:-2])

    def zeros() -> int:
        zero = lut.array() == 0
        return int(np.count_nonzero(_look_up(indices.array(), zero, axis))) if zero.any() else 0

    storage = Storage(f"palette{bits}", _stored(indices, lut), zeros, granularity, along, prod(books[:-2]))
    return [
        Constant(
            _tensor(lut.type.dtype, dense), lambda: _look_up(indices.array(), lut.array(), axis), storage
        )
    ]


def _mask(constant: Constant, values: Constant) -> tuple[tuple[int, ...], int]:
    """The shape of a mask, and how many of its bits are set."""
    shape = _shape(constant)
    _require(constant.type.dtype == "uint1" and bool(shape), f"the mask is {constant.type}")
    present = int(np.count_nonzero(constant.array()))
    _require(_shape(values) == (present,), f"{values.type} for {present:,} set bits of the mask")
    return shape, present


def _sparse(arguments: Arguments) -> list[Constant]:
    data, mask = arguments["nonzero_data"], arguments["mask"]
    shape, present = _mask(mask, data)
    return [_scatter(data, mask.array, _stored(mask), shape, present)]


def _again(mask: Constant) -> Constant:
    """The same mask, which counts where it is used first."""
    return replace(mask, storage=replace(mask.storage, stored_bytes=0))


def _dense(values: Array, mask: Array) -> Array:
    full = np.zeros(mask.shape, values.dtype)
    full[mask != 0] = values
    return full


def _sparse_palette(arguments: Arguments) -> list[Constant]:
    mask, indices, lut = (arguments[each] for each in ("indices_mask", "indices_nonzero_data", "lut"))
    shape, _ = _mask(mask, indices)
    bits, axis = _check_palette(shape, indices, lut, arguments.get("vector_axis"))
    size = _shape(lut)[-1]

    def masks() -> Array:
        return np.repeat(mask.array(), size, axis)

    def unpack(books: Callable[[], Array] = lut.array) -> Array:
        return _look_up(_dense(indices.array(), mask.array()), books(), axis)[masks() != 0]

    granularity, along = _stretch(shape, _shape(lut)[:-2])
    storage = Storage(
        f"palette{bits}",
        _stored(mask, indices, lut),
        lambda: int(np.count_nonzero(unpack(lambda: lut.array() == 0))),
        granularity,
        along,
        prod(_shape(lut)[:-2]),
    )
    wide = tuple(length * (size if each == axis else 1) for each, length in enumerate(shape))
    return [
        Constant(_tensor("uint1", wide), masks, replace(mask.storage, stored_bytes=0)),
        Constant(_tensor(lut.type.dtype, (_shape(indices)[0] * size,)), unpack, storage),
    ]


def _sparse_blockwise(arguments: Arguments) -> list[Constant]:
    mask, data, scale = (arguments[each] for each in ("data_mask", "nonzero_data", "scale"))
    offset = arguments.get("offset")
    shape, _ = _mask(mask, data)
    _check_blocks(data, shape, scale, offset)

    def pick(values: Array) -> Array:
        return np.broadcast_to(_spread(values, shape), shape)[mask.array() != 0]

    def unpack() -> Array:
        scales = scale.array()
        values = data.array().astype(scales.dtype)
        if offset is not None:
            values = values - pick(offset.array().astype(scales.dtype))
        return values * pick(scales)

    def zeros() -> int:
        return (
            data.storage.zeros()
            if offset is None
            else int(np.count_nonzero(data.array() == pick(offset.array())))
        )

    granularity, axis = _stretch(shape, _shape(scale))
    storage = replace(
        data.storage,
        stored_bytes=_stored(mask, data, scale, offset),
        zeros=zeros,
        granularity=granularity,
        axis=axis,
        scales=scale.type.count or 0,
    )
    return [
        _again(mask),
        Constant(_tensor(scale.type.dtype, data.type.shape), unpack, storage),
    ]


Operation = Callable[[Arguments], list[Constant]]

NEW: Mapping[str, Operation] = MappingProxyType(
    {
        "constexpr_affine_dequantize": _affine,
        "constexpr_cast": _cast,
        "constexpr_lut_to_dense": _palette,
        "constexpr_sparse_to_dense": _sparse,
        "constexpr_blockwise_shift_scale": _blockwise,
        "constexpr_lut_to_sparse": _sparse_palette,
        "constexpr_sparse_blockwise_shift_scale": _sparse_blockwise,
    }
)
OLD: Mapping[str, Operation] = MappingProxyType(
    {"constexpr_lut_to_dense": _old_palette, "constexpr_sparse_to_dense": _old_sparse}
)
