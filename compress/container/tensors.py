"""One tensor in the file: as it is, or as positions, a dictionary and symbols, whichever is shorter."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.container import dictionaries, scan
from compress.container.dictionaries import Dictionary, Floats, Plain
from compress.container.fields import Part, Reader, bad, varint

TYPES: Mapping[str, str] = MappingProxyType({
    "float32": "<f4", "float64": "<f8", "float16": "<f2", "int64": "<i8", "int32": "<i4", "int16": "<i2",
    "int8": "|i1", "uint8": "|u1",
})  # fmt: skip
"""Types of elements, and how numpy writes them."""

_RAW, _CODED, _TURNED, _DENSE = 0, 1, 2, 4  # the first byte: raw, or coded with these flags
_KIND_SHIFT = 4
_MOST_STEPS = 65_536
_MOST_STRIDE = 4096
_FLOAT_BITS = 32


@dataclass(frozen=True, slots=True)
class Written:
    """A tensor's bytes.

    Attributes:
        data: the bytes.
        steps: of its scan.
    """

    data: bytes
    steps: int = 0


def write(values: NDArray[Any], strides: tuple[int, ...]) -> Written:
    """Write a tensor in its shortest form.

    Args:
        values: of any of `TYPES`, little-endian; zeros have no sign.
        strides: distances between neighbours in a row that are worth trying, see `scan.Table`.
    """
    raw = Written(bytes([_RAW]) + _raw(values))
    if values.dtype != np.float32 or values.size == 0 or not np.isfinite(values).all():
        return raw
    return min((raw, *_coded(values, strides)), key=lambda each: len(each.data))


def _raw(values: NDArray[Any]) -> bytes:
    if values.dtype == np.float32:
        return dictionaries.floats_to_bytes(values)
    return values.tobytes()


def _coded(values: Floats, strides: tuple[int, ...]) -> Iterator[Written]:
    """The tensor in every way to walk."""
    weight = values.reshape(values.shape[0], -1) if values.ndim else values.reshape(1, 1)
    mask, (dictionary, symbols) = weight != 0, _cheapest(weight)
    if isinstance(dictionary, Plain) and mask.all():
        return
    for turned in (False, True):
        rows, columns = weight.shape[::-1] if turned else weight.shape
        if scan.steps_of(rows, columns) > _MOST_STEPS:
            continue
        laid = mask if turned else np.ascontiguousarray(mask.T)
        arranged = symbols if turned else np.ascontiguousarray(symbols.T)
        flags = _CODED | _TURNED * turned | _DENSE * bool(mask.all()) | dictionary.kind << _KIND_SHIFT
        for stride in sorted({0, *strides}):
            if stride == 0 or stride < min(columns, _MOST_STRIDE + 1):
                table = scan.Table(rows, columns, stride)
                head = bytes([flags]) + varint(stride) + _start(laid, table)
                yield Written(head + _body(weight, dictionary, arranged, laid, table), table.steps)


def _cheapest(weight: Floats) -> tuple[Dictionary, scan.Symbols]:
    """The dictionary that would take the least with indices of fixed width."""
    found: list[tuple[Dictionary, scan.Symbols] | None] = [
        (Plain(), np.zeros(weight.shape, np.int32)), dictionaries.grid_of(weight), dictionaries.codebook_of(weight),
    ]  # fmt: skip
    count = int(np.count_nonzero(weight))

    def bits(choice: tuple[Dictionary, scan.Symbols]) -> float:
        dictionary = choice[0]
        index = _FLOAT_BITS if isinstance(dictionary, Plain) else float(np.log2(dictionary.signs.size))
        return 8 * len(dictionary.to_bytes()) + count * index

    return min((each for each in found if each is not None), key=bits)


def _start(mask: scan.Mask, table: scan.Table) -> bytes:
    """Density and positions; nothing for a tensor without zeros."""
    if mask.all():
        return b""
    density = min(scan.DENSITY_LEVELS - 1, int(mask.mean() * scan.DENSITY_LEVELS))
    stream = scan.write_positions(mask, table, density)
    return bytes([density]) + varint(len(stream)) + stream


def _body(
    weight: Floats, dictionary: Dictionary, symbols: scan.Symbols, mask: scan.Mask, table: scan.Table
) -> bytes:
    if isinstance(dictionary, Plain):
        return dictionaries.floats_to_bytes(weight[weight != 0])
    stream = scan.write_symbols(symbols, mask, table, dictionary.signs)
    return dictionary.to_bytes() + varint(len(stream)) + stream


def read(reader: Reader, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Read a tensor.

    Args:
        reader: stands at its first byte.
        name: of its type, one of `TYPES`.
        shape: of the tensor; its elements were announced.

    Raises:
        BadFileError: the bytes are none of a tensor like that.
    """
    (flags,) = reader.take(1, Part.REST)
    count = math.prod(shape)
    if flags == _RAW:
        if name == "float32":
            return dictionaries.read_floats(count, reader, Part.REST).reshape(shape)
        kind = np.dtype(TYPES[name])
        return np.frombuffer(reader.take(count * kind.itemsize, Part.REST), kind).reshape(shape)
    if not flags & _CODED or name != "float32" or not count:
        raise bad(f"a tensor of {count} elements of type {name} is written in the way {flags}, which is none")
    return _read_coded(reader, flags, shape, count)


def _read_coded(reader: Reader, flags: int, shape: tuple[int, ...], count: int) -> Floats:
    channels = shape[0] if shape else 1
    turned = bool(flags & _TURNED)
    rows, columns = (count // channels, channels) if turned else (channels, count // channels)
    stride = reader.number(Part.REST)
    if stride > _MOST_STRIDE:
        raise bad(f"a stride of {stride}; at most {_MOST_STRIDE} is wanted")
    table = scan.Table(rows, columns, stride)
    reader.announce(0, table.steps)
    mask = _read_mask(reader, table, dense=bool(flags & _DENSE))
    dictionary = dictionaries.read(flags >> _KIND_SHIFT, channels, reader)
    laid = mask if turned else mask.T
    if isinstance(dictionary, Plain):
        weight = np.zeros(laid.shape, np.float32)
        weight[laid] = dictionaries.read_floats(int(laid.sum()), reader, Part.VALUES)
        return weight.reshape(shape)
    stream = reader.take(reader.number(Part.INDICES), Part.INDICES)
    symbols = scan.read_symbols(stream, mask, table, dictionary.signs)
    numbers = dictionary.values(symbols if turned else symbols.T)
    return np.where(laid, numbers, np.float32(0)).reshape(shape)


def _read_mask(reader: Reader, table: scan.Table, *, dense: bool) -> scan.Mask:
    if dense:
        return np.ones((table.columns, table.rows), np.bool_)
    (density,) = reader.take(1, Part.POSITIONS)
    stream = reader.take(reader.number(Part.POSITIONS), Part.POSITIONS)
    return scan.read_positions(stream, table, density)
