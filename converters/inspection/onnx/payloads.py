"""The values of tensors: where they lie, whether their length fits their shape, and reading them.

Rules: onnx.proto, messages TensorProto and SparseTensorProto; docs/ExternalData.md of the onnx project.
"""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import onnx

from converters.inspection import archives, elements
from converters.inspection.reading import UnreadableError

MAX_AXES = 32
EXTERNAL_KEYS = frozenset({"location", "offset", "length", "checksum"})

DTYPES: Mapping[int, str] = MappingProxyType(
    {
        1: "float32",
        2: "uint8",
        3: "int8",
        4: "uint16",
        5: "int16",
        6: "int32",
        7: "int64",
        8: "string",
        9: "bool",
        10: "float16",
        11: "float64",
        12: "uint32",
        13: "uint64",
        14: "complex64",
        15: "complex128",
        16: "bfloat16",
        17: "float8_e4m3fn",
        18: "float8_e4m3fnuz",
        19: "float8_e5m2",
        20: "float8_e5m2fnuz",
        21: "uint4",
        22: "int4",
        23: "float4_e2m1fn",
        24: "float8_e8m0fnu",
        25: "uint2",
        26: "int2",
        27: "float6_e2m3fn",
        28: "float6_e3m2fn",
    }
)
# The typed field of each type, numbers an element takes there, and how numpy has one of its numbers.
_FIELDS: Mapping[str, tuple[str, int, str]] = MappingProxyType(
    {
        "float32": ("float_data", 1, "<f4"),
        "complex64": ("float_data", 2, "<f4"),
        "float64": ("double_data", 1, "<f8"),
        "complex128": ("double_data", 2, "<f8"),
        "int64": ("int64_data", 1, "<i8"),
        "uint32": ("uint64_data", 1, "<u4"),
        "uint64": ("uint64_data", 1, "<u8"),
        "int32": ("int32_data", 1, "<i4"),
        "int16": ("int32_data", 1, "<i2"),
        "int8": ("int32_data", 1, "<i1"),
        "bool": ("int32_data", 1, "<u1"),
        **dict.fromkeys(("uint16", "float16", "bfloat16"), ("int32_data", 1, "<u2")),
    }
)
_BYTES = ("int32_data", 1, "<u1")  # of the types that are left: whole bytes, or several elements in each
_TYPED = ("float_data", "double_data", "int64_data", "uint64_data", "int32_data", "string_data")


@dataclass(frozen=True, slots=True)
class Payload:
    """The values of one tensor.

    Attributes:
        dtype: see `converters.inspection.report.Tensor.dtype`.
        shape: its lengths.
        count: how many elements.
        stored_bytes: what they take, in the file or beside it.
        data: packed little-endian elements; empty for texts.
    """

    dtype: str
    shape: tuple[int, ...]
    count: int
    stored_bytes: int
    data: bytes | memoryview

    def numbers(self) -> Any:
        """The elements as an array in their shape; patterns where numpy does not know the type."""
        return elements.numbers(self.data, self.dtype, self.shape)

    def zeros(self) -> int:
        """How many elements are exactly zero."""
        return 0 if self.dtype == "string" else elements.zeros(self.data, self.dtype, self.count)


class Payloads:
    """Reads tensors of one model.

    Args:
        folder: where the model lies; external data must lie in it.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is opened yet."""
        self._folder = folder
        self._files: dict[str, memoryview] = {}

    def read(self, tensor: Any) -> Payload:
        """Find a tensor's values.

        Raises:
            UnreadableError: they do not fit what the tensor announces.
        """
        said = f"tensor '{tensor.name[:80]}'"
        dtype = DTYPES.get(tensor.data_type)
        if dtype is None:
            raise UnreadableError([f"{said}: data type {tensor.data_type} is unknown"])
        shape = tuple(tensor.dims)
        count = elements.count(shape) if len(shape) <= MAX_AXES else None
        if count is None:
            raise UnreadableError([f"{said}: a shape of {str(shape)[:80]} holds nothing or too much"])
        if tensor.HasField("segment"):
            raise UnreadableError([f"{said}: it comes in segments, which nothing reads"])
        try:
            return self._payload(tensor, dtype, shape, count)
        except UnreadableError as problem:
            raise UnreadableError([f"{said}: {each}" for each in problem.problems]) from problem

    def _payload(self, tensor: Any, dtype: str, shape: tuple[int, ...], count: int) -> Payload:
        raw = tensor.raw_data
        external = tensor.data_location == onnx.TensorProto.EXTERNAL
        fields = [name for name in _TYPED if len(getattr(tensor, name))] + ["raw_data"] * bool(raw)
        if external and (fields or dtype == "string"):
            raise UnreadableError(["its values lie both inside and outside, or are texts outside"])
        if not external and (len(fields) != bool(count) or len(tensor.external_data)):
            found = ", ".join(fields) or "nothing"
            raise UnreadableError([f"{count:,} elements lie in {found}; one field holds them all"])
        if dtype == "string":
            if fields not in ([], ["string_data"]) or len(tensor.string_data) != count:
                raise UnreadableError([f"{len(tensor.string_data):,} texts for {count:,} elements"])
            return Payload(dtype, shape, count, sum(map(len, tensor.string_data)), b"")
        wanted = elements.size_bytes(dtype, count)
        if external:
            return Payload(dtype, shape, count, wanted, self._external(tensor, wanted))
        if fields and fields != ["raw_data"]:
            data, stored = _typed(tensor, dtype, fields[0], count)
        else:
            data, stored = raw, len(raw)
        if len(data) != wanted:
            raise UnreadableError([f"{len(data):,} bytes for {dtype} of shape {shape}, wanted {wanted:,}"])
        return Payload(dtype, shape, count, stored, data)

    def _external(self, tensor: Any, wanted: int) -> memoryview:
        """The bytes beside the model that a tensor names."""
        facts = {each.key: each.value for each in tensor.external_data}
        if len(facts) != len(tensor.external_data) or "location" not in facts or set(facts) - EXTERNAL_KEYS:
            raise UnreadableError(
                [f"external data with keys {sorted(facts)}; location, offset and length are read"]
            )
        numbers = [facts.get("offset", "0"), facts.get("length", str(wanted))]
        if not all(each.isascii() and each.isdigit() and len(each) < 20 for each in numbers):  # noqa: PLR2004 - 64 bits
            raise UnreadableError([f"external data at {numbers[0][:20]!r} of length {numbers[1][:20]!r}"])
        offset, length = map(int, numbers)
        file = self._file(facts["location"])
        if length != wanted or offset + length > len(file):
            where = f"{length:,} bytes at {offset:,} of {len(file):,}"
            raise UnreadableError([f"external data of {where}, wanted {wanted:,}"])
        return file[offset : offset + length]

    def _file(self, location: str) -> memoryview:
        """A file beside the model, mapped."""
        if location in self._files:
            return self._files[location]
        unsafe = archives.unsafe_name(location.removeprefix("./"))
        if unsafe or not location:
            raise UnreadableError([f"the external data file '{location[:80]}' {unsafe or 'has no name'}"])
        path = self._folder / location
        inside = [path, *path.parents][: len(path.relative_to(self._folder).parts)]
        if any(each.is_symlink() for each in inside) or not path.is_file():
            raise UnreadableError([f"the external data file '{location[:80]}' is missing, or no plain file"])
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
        self._files[location] = memoryview(mapped)
        return self._files[location]

    def check_sparse(self, sparse: Any) -> Payload:
        """Check a sparse tensor: indices in range, ascending, one a value.

        Returns:
            Its values that are not left out, with the dense shape.

        Raises:
            UnreadableError: values, indices and dims do not fit together.
        """
        values, indices = self.read(sparse.values), self.read(sparse.indices)
        said = f"sparse tensor '{sparse.values.name[:80]}'"
        shape = tuple(sparse.dims)
        dense = elements.count(shape) if 0 < len(shape) <= MAX_AXES else None
        if dense is None or len(values.shape) != 1 or indices.dtype != "int64":
            raise UnreadableError(
                [f"{said}: of shape {shape}, values {values.shape}, indices {indices.dtype}"]
            )
        places = indices.numbers()
        if places.shape not in {(values.count,), (values.count, len(shape))}:
            raise UnreadableError(
                [f"{said}: indices {places.shape} for {values.count:,} values, {len(shape)} axes"]
            )
        limits = np.asarray(shape if places.ndim > 1 else (dense,), np.int64)
        if places.size and (np.any(places < 0) or np.any(places >= limits)):
            raise UnreadableError([f"{said}: an index lies outside of {shape}"])
        if places.ndim > 1:
            places = np.ravel_multi_index(tuple(places.T), shape) if places.size else places[:, 0]
        if np.any(places[1:] <= places[:-1]):
            raise UnreadableError([f"{said}: its indices do not ascend"])
        stored = values.stored_bytes + indices.stored_bytes
        return Payload(values.dtype, shape, values.count, stored, values.data)


def _typed(tensor: Any, dtype: str, field: str, count: int) -> tuple[bytes, int]:
    """The packed bytes of values that lie in a typed field, and what they take there."""
    wanted, per_element, number = _FIELDS.get(dtype, _BYTES)
    if field != wanted:
        raise UnreadableError([f"{dtype} lies in {field}, wanted {wanted}"])
    values = np.asarray(getattr(tensor, field))
    packed = elements.BITS[dtype] < elements.BYTE and not dtype.startswith("float6")
    numbers = elements.size_bytes(dtype, count) if packed else count * per_element
    if values.size != numbers:
        raise UnreadableError(
            [f"{values.size:,} numbers in {field} for {count:,} elements, wanted {numbers:,}"]
        )
    narrow = values.astype(number)
    unsigned = values.astype(np.int64) & 0xFF if packed else values
    if number[1] in "iu" and not np.array_equal(narrow, unsigned):
        raise UnreadableError([f"a number in {field} that {dtype} cannot hold"])
    if dtype.startswith("float6"):
        bits = np.unpackbits(narrow.reshape(-1, 1), axis=1, bitorder="little")[:, :6]
        narrow = np.packbits(bits.reshape(-1), bitorder="little")
    alone = onnx.TensorProto()
    getattr(alone, field).extend(getattr(tensor, field))
    return narrow.tobytes(), cast("int", alone.ByteSize())
