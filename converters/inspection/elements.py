"""How elements of tensors lie in files: bits an element, and how many of them are zero.

Only the functions that look at values need numpy, so that the others serve where it is not installed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# Bits of one element, by numpy's and ml_dtypes' words. Types of less than a byte are packed without gaps,
# the lowest bits first (ONNX: onnx.proto, raw_data; Core ML: MILBlob/SubByteTypes.hpp).
BITS: Mapping[str, int] = MappingProxyType(
    {
        "bool": 8,
        **{f"{sign}int{bits}": bits for sign in ("", "u") for bits in (2, 4, 8, 16, 32, 64)},
        **{f"uint{bits}": bits for bits in (1, 3, 6)},
        "float4_e2m1fn": 4,
        "float6_e2m3fn": 6,
        "float6_e3m2fn": 6,
        **dict.fromkeys(
            ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"), 8
        ),
        "float16": 16,
        "bfloat16": 16,
        "float32": 32,
        "float64": 64,
        "complex64": 64,
        "complex128": 128,
    }
)
BYTE = 8  # bits
MAX_ELEMENTS = 2**40  # far above any file that is read, far below an overflow

# Types without a zero of their own: every pattern is a power of two.
NO_ZERO = frozenset({"float8_e8m0fnu"})
# Types with one zero only: the pattern of a negative zero means not-a-number.
ONE_ZERO = frozenset({"float8_e4m3fnuz", "float8_e5m2fnuz"})
# Sign and magnitude, read as bits because numpy alone does not know the type.
SIGNED_PATTERNS: Mapping[str, int] = MappingProxyType(
    {
        "bfloat16": 0x7FFF,
        "float8_e4m3fn": 0x7F,
        "float8_e5m2": 0x7F,
        "float6_e2m3fn": 0x1F,
        "float6_e3m2fn": 0x1F,
        "float4_e2m1fn": 0x07,
    }
)


def count(shape: tuple[int, ...]) -> int | None:
    """How many elements a shape has; ``None`` for a negative length or more than any file can hold."""
    product = 1
    for each in shape:
        if each < 0:
            return None
        product *= each
        if product > MAX_ELEMENTS and 0 not in shape:
            return None
    return product


def size_bytes(dtype: str, elements: int) -> int:
    """Bytes of ``elements`` packed elements of a type in `BITS`."""
    return (elements * BITS[dtype] + BYTE - 1) // BYTE


def unpack(data: bytes | memoryview, bits: int, elements: int) -> Any:
    """Unsigned values of packed elements of 1, 2, 3, 4, 6 or 8 bits, the lowest bits first; one dimension."""
    import numpy as np

    raw = np.frombuffer(data, np.uint8)
    if bits == BYTE:
        return raw[:elements]
    if BYTE % bits == 0:
        parts = BYTE // bits
        out = np.empty((raw.size, parts), np.uint8)
        for each in range(parts):
            out[:, each] = raw >> (bits * each) & ((1 << bits) - 1)
        return out.reshape(-1)[:elements]
    flat = np.unpackbits(raw, bitorder="little")[: elements * bits].reshape(-1, bits)
    return np.packbits(flat, axis=1, bitorder="little").reshape(-1)


def numbers(data: bytes | memoryview, dtype: str, shape: tuple[int, ...]) -> Any:
    """Packed little-endian elements as an array of a shape; bit patterns where numpy alone does not know the type."""
    import numpy as np

    total, bits = count(shape) or 0, BITS[dtype]
    if bits < BYTE:
        flat: Any = unpack(data, bits, total)
        if dtype.startswith("int"):
            spare = BYTE - bits
            flat = (flat << spare).view(np.int8) >> spare
        return flat.reshape(shape)
    name = dtype if dtype in np.sctypeDict else f"uint{bits}"
    return np.frombuffer(data, np.dtype(name).newbyteorder("<"), total).reshape(shape)


def zeros(data: bytes | memoryview, dtype: str, elements: int) -> int:
    """How many of the packed little-endian elements are exactly zero, negative zeros included."""
    import numpy as np

    if dtype in NO_ZERO or elements == 0:
        return 0
    bits = BITS[dtype]
    if bits < BYTE or dtype in SIGNED_PATTERNS or dtype in ONE_ZERO:
        patterns = unpack(data, bits, elements) if bits <= BYTE else np.frombuffer(data, np.uint16, elements)
        mask = SIGNED_PATTERNS.get(dtype)
        return elements - int(np.count_nonzero(patterns if mask is None else patterns & mask))
    return elements - int(np.count_nonzero(np.frombuffer(data, np.dtype(dtype).newbyteorder("<"), elements)))
