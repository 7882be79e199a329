"""The whole file: magic, checksum, header, tensors, padding.

    4 bytes   magic
    1 byte    version
    4 bytes   CRC-32 of all that follows, little-endian: damage is found before anything is decoded
    16 bytes  of the SHA-256 of the restored tensors: what is decoded is what was written
    varint    length of the header
    ...       header: JSON, deflated: what the writer wants to say, and each tensor's name, type and shape
    ...       the tensors, see `compress.container.tensors`
    ...       zeros, up to the length that the reader's limits want

Reading needs numpy and constriction.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress.container.fields import Part, Reader, bad, elements_of, least_length, varint
from compress.container.tensors import TYPES, read, write
from zoo.errors import BadFileError

MAGIC, VERSION = b"\x8dZDC", 1
_CRC_BYTES, _DIGEST_BYTES = 4, 16
_MOST_HEADER = 1 << 20
_MOST_AXES = 8
_CONVOLUTION_RANK = 4

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a file holds.

    Attributes:
        about: what its writer wanted to say.
        tensors: by name.
        parts: bytes of the file by part; together its length.
    """

    about: Any
    tensors: dict[str, NDArray[Any]]
    parts: dict[Part, int]


def encode(tensors: Tensors, about: Any, strides: tuple[int, ...] = ()) -> bytes:
    """Write tensors.

    Args:
        tensors: of the types in `compress.container.tensors.TYPES`.
        about: anything that JSON can say.
        strides: widths of the images that dense layers look at, see `compress.container.scan`.

    Returns:
        The file.

    Raises:
        BadFileError: a tensor has another type.
    """
    arrays = {name: _plain(name, each) for name, each in tensors.items()}
    told = [[name, each.dtype.name, list(each.shape)] for name, each in arrays.items()]
    header = zlib.compress(json.dumps([about, told], separators=(",", ":")).encode(), 9)
    written = [write(each, _strides(each, strides)) for each in arrays.values()]
    body = _digest(arrays) + varint(len(header)) + header + b"".join(each.data for each in written)
    least = least_length(
        sum(elements_of(each.shape) for each in arrays.values()), sum(each.steps for each in written)
    )
    body = body.ljust(least, b"\0")
    return MAGIC + bytes([VERSION]) + zlib.crc32(body).to_bytes(_CRC_BYTES, "little") + body


def _plain(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Little-endian and contiguous, zeros without a sign."""
    if values.dtype.name not in TYPES:
        raise BadFileError(
            name, [f"its type is {values.dtype.name}; one of {', '.join(sorted(TYPES))} is wanted"]
        )
    contiguous = np.ascontiguousarray(values, TYPES[values.dtype.name]).reshape(values.shape)
    return contiguous + 0.0 if contiguous.dtype == np.float32 else contiguous


def _strides(values: NDArray[Any], wide: tuple[int, ...]) -> tuple[int, ...]:
    """Distances that make sense: along an image for dense layers, along a filter for convolutions."""
    if values.ndim == _CONVOLUTION_RANK:
        return (1, values.shape[3], values.shape[2] * values.shape[3])
    return (1, *wide)


def _digest(tensors: Tensors) -> bytes:
    found = hashlib.sha256()
    for each in tensors.values():
        found.update(each.tobytes())
    return found.digest()[:_DIGEST_BYTES]


def decode(data: bytes) -> Decoded:
    """Read a file.

    Raises:
        BadFileError: it is no such file, or damaged, or wants more memory than its length allows.
    """
    reader = Reader(data)
    if reader.left < len(MAGIC) or reader.take(len(MAGIC), Part.HEADER) != MAGIC:
        raise bad(f"it begins with {data[: len(MAGIC)]!r}, not with {MAGIC!r}")
    (version,) = reader.take(1, Part.HEADER)
    if version != VERSION:
        raise bad(f"its version is {version}; {VERSION} is wanted")
    crc = int.from_bytes(reader.take(_CRC_BYTES, Part.HEADER), "little")
    if crc != zlib.crc32(data[len(data) - reader.left :]):
        raise bad("its checksum does not fit: it is damaged")
    digest = reader.take(_DIGEST_BYTES, Part.HEADER)
    about, told = _header(reader.take(reader.number(Part.HEADER), Part.HEADER))
    tensors = {}
    for name, kind, shape in told:
        reader.announce(elements_of(shape))
        tensors[name] = read(reader, kind, shape)
    reader.take(reader.left, Part.PADDING)
    if _digest(tensors) != digest:
        raise bad("its tensors are not those that were written")
    return Decoded(about, tensors, {part: reader.parts[part] for part in Part})


def _header(deflated: bytes) -> tuple[Any, list[tuple[str, str, tuple[int, ...]]]]:
    inflating = zlib.decompressobj()
    try:
        text = inflating.decompress(deflated, _MOST_HEADER)
        about, told = json.loads(text)
        listed = [(name, kind, tuple(shape)) for name, kind, shape in told]
    except (zlib.error, ValueError, TypeError, RecursionError) as problem:
        raise bad(f"its header cannot be read: {problem}") from problem
    for name, kind, shape in listed:
        words = isinstance(name, str) and isinstance(kind, str) and kind in TYPES
        sizes = len(shape) <= _MOST_AXES and all(type(each) is int and each >= 0 for each in shape)
        if not words or not sizes:
            raise bad("its header lists a tensor without a name, a known type or a shape")
    if len({name for name, _, _ in listed}) != len(listed):
        raise bad("its header gives a name twice")
    return about, listed


def account(data: bytes) -> dict[Part, int]:
    """Bytes of a file by what they are for; together its length.

    Raises:
        BadFileError: see `decode`.
    """
    return decode(data).parts
