"""Reads a TFLite FlatBuffer with every offset, length and type checked before it is followed.

FlatBuffers' Python library has no verifier: it follows whatever offset it finds. `decode` walks the whole
file by the schema in ``schema.txt`` (tables with their fields in order; ``i4`` is a 32-bit integer, ``[T]``
a vector, ``|U`` a union) and gives plain values. Format: FlatBuffers internals, https://flatbuffers.dev/internals.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np

from converters.inspection.reading import UnreadableError

MOST_TABLES = 2_000_000
MOST_ELEMENTS = 50_000_000  # of all vectors that are not bytes
DEEPEST = 32
_SCALARS = {
    "b1": "?",
    "i1": "b",
    "u1": "B",
    "i2": "h",
    "u2": "H",
    "i4": "i",
    "u4": "I",
    "i8": "q",
    "u8": "Q",
    "f4": "f",
    "f8": "d",
}
_SIZES = {code: int(code[1]) for code in _SCALARS}
_NUMPY = {"b1": "?", "i1": "i1", "u1": "u1", "i2": "<i2", "u2": "<u2", "i4": "<i4", "u4": "<u4", "i8": "<i8",
    "u8": "<u8", "f4": "<f4",
          "f8": "<f8"}  # fmt: skip
_ROOT_OFFSET, _LEAST_FILE = 4, 8

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a table.

    Attributes:
        name: in snake_case.
        kind: see the module's docstring.
        default: of a scalar that is left out.
    """

    name: str
    kind: str
    default: float


@cache
def schema() -> tuple[Mapping[str, tuple[Field | None, ...]], Mapping[str, Mapping[int, str]]]:
    """Tables by name, and enumerations by name: their words by number."""
    tables: dict[str, tuple[Field | None, ...]] = {}
    enumerations: dict[str, Mapping[int, str]] = {}
    for line in resources.files(__package__).joinpath("schema.txt").read_text(encoding="utf-8").splitlines():
        name, *parts = line.split()
        if name == "enum":
            pairs = [each.split("=") for each in parts[1:]]
            enumerations[parts[0]] = MappingProxyType({int(number): word for word, number in pairs})
        else:
            tables[name] = tuple(_field(each) for each in parts)
    return MappingProxyType(tables), MappingProxyType(enumerations)


def _field(text: str) -> Field | None:
    if text == "-":
        return None
    name, _, kind = text.partition(":")
    kind, _, default = kind.partition("=")
    return Field(name, kind, {"True": 1.0}.get(default) or float(default or 0))


def word(enumeration: str, number: int) -> str:
    """The word of a number.

    Raises:
        UnreadableError: there is none.
    """
    found = schema()[1][enumeration].get(number)
    if found is None:
        raise UnreadableError([f"{number} is no {enumeration}"])
    return found


def decode(data: bytes | memoryview) -> Record:
    """Decode the root table, ``Model``.

    Returns:
        Records by field name: numbers, ``bytes`` for strings, numpy arrays for vectors of numbers,
        ``memoryview`` for vectors of
        bytes, lists for other vectors; ``None`` for what is left out and no number.

    Raises:
        UnreadableError: an offset, length, alignment or nesting does not hold.
    """
    return _Decoder(data).root()


class _Decoder:
    def __init__(self, data: bytes | memoryview) -> None:
        self._data, self._size = memoryview(data), len(data)
        self._tables, self._enumerations = schema()
        self._seen = self._elements = 0

    def root(self) -> Record:
        if self._size < _LEAST_FILE or bytes(self._data[4:8]) != b"TFL3":
            raise UnreadableError(["it has no TFL3 identifier at byte 4"])
        return self._table(self._offset(0, "the root"), "Model", 0)

    def _refuse(self, what: str) -> NoReturn:
        raise UnreadableError([what])

    def _number(self, at: int, code: str, what: str) -> Any:
        size = _SIZES[code]
        if not 0 <= at <= self._size - size:
            self._refuse(f"{what} lies at byte {at}, outside of the file ({self._size} bytes)")
        if at % size:
            self._refuse(f"{what} lies at byte {at}, which is not aligned to {size}")
        if code == "b1" and self._data[at] > 1:
            self._refuse(f"{what} is {self._data[at]}, no truth value")
        return struct.unpack_from("<" + _SCALARS[code], self._data, at)[0]

    def _offset(self, at: int, what: str) -> int:
        """Follow an unsigned offset, relative to where it lies."""
        distance = self._number(at, "u4", what)
        target = at + distance
        if distance == 0 or target > self._size - 4:
            self._refuse(f"{what} points to byte {target}, outside of the file ({self._size} bytes)")
        return int(target)

    def _table(self, at: int, name: str, depth: int) -> Record:
        self._seen += 1
        if depth > DEEPEST or self._seen > MOST_TABLES:
            self._refuse(f"tables are nested deeper than {DEEPEST}, or there are more than {MOST_TABLES}")
        if at % 4:
            self._refuse(f"a table {name} lies at byte {at}, which is not aligned to 4")
        vtable = at - self._number(at, "i4", f"the layout of a {name}")
        if not 0 <= vtable <= self._size - 4 or vtable % 2:
            self._refuse(f"the layout of a {name} lies at byte {vtable}, outside of the file or unaligned")
        length, inline = (self._number(vtable + place, "u2", f"the layout of a {name}") for place in (0, 2))
        if length < 4 or length % 2 or vtable + length > self._size or inline < 4 or at + inline > self._size:  # noqa: PLR2004
            self._refuse(
                f"the layout of a {name} at byte {vtable} has impossible lengths ({length}, {inline})"
            )
        record: Record = {}
        places = struct.unpack_from(f"<{(length - 4) // 2}H", self._data, vtable + 4)
        for number, field in enumerate(self._tables.get(name, ())):
            if field is None:
                continue
            place = places[number] if number < len(places) else 0
            if place and not 4 <= place <= inline - _SIZES.get(field.kind, 4):  # noqa: PLR2004
                self._refuse(f"{name}.{field.name} lies at {place} in a table of {inline} bytes")
            record[field.name] = self._value(at + place if place else 0, field, name, record, depth)
        return record

    def _value(self, at: int, field: Field, table: str, record: Record, depth: int) -> Any:  # noqa: PLR0911
        kind, what = field.kind, f"{table}.{field.name}"
        if kind in _SCALARS:
            if not at:
                return field.default if kind[0] == "f" else int(field.default)
            found = self._number(at, kind, what)
            return int(found) if kind[0] in "iub" else found
        if not at:
            return None
        target = self._offset(at, what)
        if kind == "s":
            return self._string(target, what)
        if kind[0] == "[":
            return self._vector(target, kind[1:-1], what, depth)
        if kind[0] == "|":
            return self._union(target, kind[1:], record.get(f"{field.name}_type", 0), what, depth)
        return self._table(target, kind, depth + 1)

    def _union(self, target: int, enumeration: str, choice: int, what: str, depth: int) -> Record:
        name = self._enumerations[enumeration].get(choice)
        if name is None or choice == 0:
            self._refuse(f"{what} is of kind {choice}, which {enumeration} does not have")
        return self._table(target, name, depth + 1)

    def _length(self, at: int, size: int, what: str) -> int:
        count = int(self._number(at, "u4", what))
        if at + 4 + count * size > self._size:
            self._refuse(f"{what} has {count} elements of {size} bytes at byte {at}, more than the file has")
        return count

    def _string(self, at: int, what: str) -> bytes:
        count = self._length(at, 1, what)
        if at + 4 + count >= self._size or self._data[at + 4 + count]:
            self._refuse(f"{what} does not end with a zero")
        return bytes(self._data[at + 4 : at + 4 + count])

    def _vector(self, at: int, kind: str, what: str, depth: int) -> Any:
        if kind in _SCALARS:
            size = _SIZES[kind]
            count = self._length(at, size, what)
            if kind == "u1":
                return self._data[at + 4 : at + 4 + count]
            self._elements += count
            if self._elements > MOST_ELEMENTS:
                self._refuse(f"vectors have more than {MOST_ELEMENTS} elements together")
            if count and (at + 4) % size:
                self._refuse(f"{what} lies at byte {at + 4}, which is not aligned to {size}")
            return np.frombuffer(self._data, _NUMPY[kind], count, at + 4)
        count = self._length(at, 4, what)
        found = []
        for place in range(count):
            target = self._offset(at + 4 + 4 * place, f"{what}[{place}]")
            found.append(self._string(target, what) if kind == "s" else self._table(target, kind, depth + 1))
        return found
