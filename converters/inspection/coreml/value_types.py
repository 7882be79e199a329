"""Types of values in ML Programs, read from MIL.proto's ValueType."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from converters.inspection import elements
from converters.inspection.reading import UnreadableError

MAX_AXES = 16
MAX_DEPTH = 4  # lists of lists

# MIL.proto, enum DataType.
DTYPES: Mapping[int, str] = MappingProxyType(
    {
        1: "bool",
        2: "string",
        10: "float16",
        11: "float32",
        12: "float64",
        13: "bfloat16",
        21: "int8",
        22: "int16",
        23: "int32",
        24: "int64",
        25: "int4",
        31: "uint8",
        32: "uint16",
        33: "uint32",
        34: "uint64",
        35: "uint4",
        36: "uint2",
        37: "uint1",
        38: "uint6",
        39: "uint3",
        40: "float8_e4m3fn",
        41: "float8_e5m2",
    }
)


@dataclass(frozen=True, slots=True)
class ValueType:
    """What one value is.

    Attributes:
        kind: ``tensor``, ``list``, ``tuple``, ``dictionary`` or ``state``.
        dtype: of a tensor's elements, and of the tensor inside of a state.
        shape: of a tensor, and of the tensor inside of a state; ``None`` for an axis of open length.
    """

    kind: str
    dtype: str = ""
    shape: tuple[int | None, ...] = ()

    @property
    def count(self) -> int | None:
        """How many elements; ``None`` where a length is open."""
        known = tuple(each for each in self.shape if each is not None)
        return elements.count(known) if len(known) == len(self.shape) else None

    def __str__(self) -> str:
        """As problems show it."""
        return (
            f"{self.dtype or self.kind}{tuple('?' if each is None else each for each in self.shape)}".replace(
                "'", ""
            )
        )


def read(declared: Any, depth: int = 1) -> ValueType:
    """Read a MIL.proto ValueType.

    Raises:
        UnreadableError: it is no type, or its lengths make no sense.
    """
    kind = (declared.WhichOneof("type") or "").removesuffix("Type")
    if depth > MAX_DEPTH:
        raise UnreadableError([f"types lie inside each other over {MAX_DEPTH} deep"])
    if kind == "tensor":
        return _tensor(declared.tensorType)
    if kind == "state":
        wrapped = read(declared.stateType.wrappedType, depth + 1)
        if wrapped.kind != "tensor":
            raise UnreadableError([f"a state of {wrapped.kind}, wanted a tensor"])
        return ValueType("state", wrapped.dtype, wrapped.shape)
    if kind not in {"list", "tuple", "dictionary"}:
        raise UnreadableError(["a type that says nothing"])
    inside = {
        "list": [declared.listType.type],
        "tuple": declared.tupleType.types,
        "dictionary": [declared.dictionaryType.keyType, declared.dictionaryType.valueType],
    }
    for each in inside[kind]:
        read(each, depth + 1)
    return ValueType(kind)


def _tensor(declared: Any) -> ValueType:
    dtype = DTYPES.get(declared.dataType)
    if dtype is None:
        raise UnreadableError([f"data type {declared.dataType} is unknown"])
    if declared.rank != len(declared.dimensions) or declared.rank > MAX_AXES:
        raise UnreadableError(
            [f"rank {declared.rank} with {len(declared.dimensions)} lengths, at most {MAX_AXES}"]
        )
    if declared.attributes:
        raise UnreadableError(["a tensor type with attributes, which nothing reads"])
    shape: list[int | None] = []
    for each in declared.dimensions:
        kind = each.WhichOneof("dimension")
        if kind is None or (kind == "unknown" and each.unknown.variadic):
            raise UnreadableError(["a length that says nothing, or stands for many"])
        shape.append(each.constant.size if kind == "constant" else None)
    if elements.count(tuple(each for each in shape if each is not None)) is None:
        raise UnreadableError([f"a shape of {str(shape)[:80]} holds nothing or too much"])
    return ValueType("tensor", dtype, tuple(shape))
