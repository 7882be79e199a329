"""Weight files of ML Programs: the MIL blob storage format, version 2.

A header of 64 bytes (number of blobs, version), then for each blob 64 bytes that describe it and its data, both aligned
to 64 bytes. A program names the offset of a description.

Source: coremltools, mlmodel/src/MILBlob/Blob/StorageFormat.hpp, BlobDataType.hpp and StorageReader.cpp.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from converters.inspection import elements
from converters.inspection.reading import UnreadableError

HEADER = struct.Struct("<2I56x")
ENTRY = struct.Struct("<2I3Q32x")
SENTINEL = 0xDEADBEEF
VERSION = 2
ALIGNMENT = 64
MAX_BLOBS = 1_000_000
PREFIX = "@model_path/"

DTYPES: Mapping[int, str] = MappingProxyType(
    {
        1: "float16",
        2: "float32",
        3: "uint8",
        4: "int8",
        5: "bfloat16",
        6: "int16",
        7: "uint16",
        8: "int4",
        9: "uint1",
        10: "uint2",
        11: "uint4",
        12: "uint3",
        13: "uint6",
        14: "int32",
        15: "uint32",
        16: "float8_e4m3fn",
        17: "float8_e5m2",
    }
)


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob of a file.

    Attributes:
        dtype: of its elements.
        start: where its data begins in the file.
        size_bytes: of its data.
        count: how many elements it holds.
    """

    dtype: str
    start: int
    size_bytes: int
    count: int


class Blobs:
    """The weight files of one package.

    Args:
        files: their bytes, by path relative to the folder of the model file.

    Raises:
        UnreadableError: a file is no blob storage, or a blob lies out of bounds.
    """

    def __init__(self, files: Mapping[str, bytes | memoryview]) -> None:
        """Walk each file once."""
        self._files = {name: memoryview(data) for name, data in files.items()}
        self._blobs = {name: _walk(name, data) for name, data in self._files.items()}
        self._used: set[tuple[str, int]] = set()

    def read(self, name: str, offset: int, dtype: str, count: int) -> tuple[memoryview, int]:
        """Give the packed elements of a blob, and what it takes in the file; 0 when it was read before.

        Args:
            name: as the program has it, such as ``@model_path/weights/weight.bin``.
            offset: of its description.
            dtype: that the program declares.
            count: elements that the program declares.

        Raises:
            UnreadableError: there is no such blob, or it holds something else.
        """
        inside = name.removeprefix(PREFIX)
        if inside not in self._blobs or inside == name:
            raise UnreadableError([f"the weight file '{name[:80]}' is not in the package"])
        blob = self._blobs[inside].get(offset)
        if blob is None:
            raise UnreadableError([f"no blob lies at {offset:,} of '{inside[:80]}'"])
        if blob.dtype != dtype or blob.count != count:
            found = f"{blob.count:,} {blob.dtype}"
            raise UnreadableError(
                [f"the blob at {offset:,} holds {found}, the program says {count:,} {dtype}"]
            )
        again = (inside, offset) in self._used
        self._used.add((inside, offset))
        return self._files[inside][blob.start : blob.start + blob.size_bytes], 0 if again else blob.size_bytes

    @property
    def unused_bytes(self) -> int:
        """Bytes of all blobs that were never read."""
        return sum(
            blob.size_bytes
            for name, blobs in self._blobs.items()
            for offset, blob in blobs.items()
            if (name, offset) not in self._used
        )


def _walk(name: str, data: memoryview) -> dict[int, Blob]:
    """Find all blobs of one file by the offsets of their descriptions."""
    said = f"weight file '{name[:80]}'"
    if len(data) < HEADER.size:
        raise UnreadableError([f"{said}: {len(data)} bytes, its header alone has {HEADER.size}"])
    number, version = HEADER.unpack_from(data)
    if version != VERSION or number > min(MAX_BLOBS, len(data) // ENTRY.size):
        raise UnreadableError([f"{said}: version {version} with {number:,} blobs in {len(data):,} bytes"])
    blobs: dict[int, Blob] = {}
    at = HEADER.size
    for _ in range(number):
        if at + ENTRY.size > len(data):
            raise UnreadableError([f"{said}: ends inside of the description at {at:,}"])
        sentinel, kind, size, start, padding = ENTRY.unpack_from(data, at)
        dtype = DTYPES.get(kind)
        if sentinel != SENTINEL or dtype is None:
            raise UnreadableError(
                [f"{said}: no description of a blob at {at:,} (mark {sentinel:#x}, type {kind})"]
            )
        if start % ALIGNMENT or start < at + ENTRY.size or start + size > len(data):
            raise UnreadableError(
                [f"{said}: the blob at {at:,} claims {size:,} bytes at {start:,} of {len(data):,}"]
            )
        bits = elements.BITS[dtype]
        used = size * elements.BYTE
        if bits < elements.BYTE:
            if padding >= elements.BYTE or padding > used:
                raise UnreadableError([f"{said}: the blob at {at:,} has {padding} bits of padding"])
            used -= padding
        if used % bits:
            raise UnreadableError([f"{said}: the blob at {at:,} holds no whole number of {dtype}"])
        blobs[at] = Blob(dtype, start, size, used // bits)
        at = -(-(start + size) // ALIGNMENT) * ALIGNMENT
    return blobs
