"""Constant values of ML Programs: written into the program, or in a weight file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from converters.inspection import elements
from converters.inspection.coreml import value_types
from converters.inspection.coreml.blobs import Blobs
from converters.inspection.coreml.value_types import ValueType
from converters.inspection.reading import UnreadableError
from converters.inspection.report import Granularity

Array = Any  # a numpy array

# The field of MIL.proto's TensorValue for each type, and how numpy has one of its numbers; types that are not here lie
# in ``bytes``, packed and little-endian (coremltools, converters/mil/backend/mil/helper.py).
_FIELDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "bool": ("bools", "<u1"),
        "float32": ("floats", "<f4"),
        "float64": ("doubles", "<f8"),
        "int16": ("ints", "<i2"),
        "uint16": ("ints", "<u2"),
        "int32": ("ints", "<i4"),
        "int64": ("longInts", "<i8"),
        "uint64": ("longInts", "<u8"),
    }
)


@dataclass(frozen=True, slots=True)
class Storage:
    """How a constant lies in the file; see `converters.inspection.report.Tensor` for the words.

    Attributes:
        stored_bytes: what it takes; 0 where another constant has the same bytes.
        zeros: how many of its elements are exactly zero.
    """

    dtype: str
    stored_bytes: int
    zeros: Callable[[], int]
    granularity: Granularity = Granularity.NONE
    axis: int | None = None
    scales: int = 0
    sparse: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """One constant.

    Attributes:
        type: what it is once unpacked.
        array: gives its values in its shape; patterns where numpy does not know the type, texts as a list.
        storage: how it lies in the file.
    """

    type: ValueType
    array: Callable[[], Array]
    storage: Storage

    @property
    def scalar(self) -> Any:
        """Its one value."""
        values = self.array()
        return values[0] if isinstance(values, list) else values.reshape(-1)[0].item()


def read(value: Any, blobs: Blobs) -> Constant:
    """Read a MIL.proto Value.

    Raises:
        UnreadableError: it does not hold what its type says.
    """
    declared = value_types.read(value.type)
    kind = value.WhichOneof("value")
    if kind is None:
        raise UnreadableError(["a constant without a value"])
    if declared.kind == "list" and kind == "immediateValue":
        return _list(value, declared, blobs)
    if declared.kind != "tensor" or declared.count is None:
        raise UnreadableError([f"a constant of type {declared}, wanted a tensor of known lengths"])
    shape = tuple(each for each in declared.shape if each is not None)
    if kind == "blobFileValue":
        if declared.dtype not in elements.BITS or declared.dtype == "bool":
            raise UnreadableError([f"{declared.dtype} in a weight file"])
        blob = value.blobFileValue
        data, stored = blobs.read(blob.fileName, blob.offset, declared.dtype, declared.count)
        return _packed(declared, data, stored, shape)
    if value.immediateValue.WhichOneof("value") != "tensor":
        raise UnreadableError([f"a constant of type {declared} holds no tensor"])
    return _immediate(declared, value.immediateValue.tensor, shape)


def _packed(declared: ValueType, data: bytes | memoryview, stored: int, shape: tuple[int, ...]) -> Constant:
    storage = Storage(
        declared.dtype, stored, partial(elements.zeros, data, declared.dtype, declared.count or 0)
    )
    return Constant(declared, partial(elements.numbers, data, declared.dtype, shape), storage)


def _immediate(declared: ValueType, tensor: Any, shape: tuple[int, ...]) -> Constant:
    """A value written into the program."""
    count = declared.count or 0
    field, number = (
        ("strings", "") if declared.dtype == "string" else _FIELDS.get(declared.dtype, ("bytes", ""))
    )
    held = tensor.WhichOneof("value")
    if held != field:
        raise UnreadableError([f"{declared} lies in {held}, wanted {field}"])
    values = getattr(tensor, field).values
    wanted = elements.size_bytes(declared.dtype, count) if field == "bytes" else count
    if len(values) != wanted:
        raise UnreadableError([f"{len(values):,} {field} for {declared}, wanted {wanted:,}"])
    if field == "strings":
        texts = list(values)
        return Constant(declared, lambda: texts, Storage("string", tensor.ByteSize(), lambda: 0))
    if field == "bytes":
        return _packed(declared, values, len(values), shape)
    wide = np.asarray(values)
    narrow = wide.astype(number)
    if number[1] in "iu" and not np.array_equal(wide, narrow):
        raise UnreadableError([f"a number that {declared.dtype} cannot hold"])
    return _packed(declared, narrow.tobytes(), tensor.ByteSize(), shape)


def _list(value: Any, declared: ValueType, blobs: Blobs) -> Constant:
    """A list of texts, as ``classify`` takes it."""
    held = value.immediateValue
    if held.WhichOneof("value") != "list":
        raise UnreadableError(["a list that holds no list"])
    parts = [read(each, blobs) for each in held.list.values]
    length = value.type.listType.length
    if length.WhichOneof("dimension") == "constant" and length.constant.size != len(parts):
        raise UnreadableError([f"a list of {len(parts):,}, its type says {length.constant.size:,}"])
    inner = value_types.read(value.type.listType.type)
    if any(each.type != inner for each in parts):
        raise UnreadableError([f"a list of {inner} holds another type"])
    return Constant(
        declared, lambda: [each.scalar for each in parts], Storage("", held.ByteSize(), lambda: 0)
    )
