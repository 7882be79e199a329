"""Wire-level checks of protobuf bytes, run before a protobuf library sees them.

A schema is data: for each message, its fields by number. `schema_of` works it out of the descriptors that generated
classes carry; where no generated classes are installed it is written by hand. `check` walks the bytes once, enters
only what the schema says is a message, and never builds a value. `values` reads single fields of bytes that `check`
accepted.

Wire format: https://protobuf.dev/programming-guides/encoding/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, NoReturn

from converters.inspection.reading import UnreadableError


class Wire(IntEnum):
    """The wire types in use; groups (3 and 4) belong to no format that is read here."""

    VARINT = 0
    FIXED64 = 1
    LENGTH = 2
    FIXED32 = 5


class Kind(StrEnum):
    """What one field holds."""

    VARINT = "varint"
    FIXED64 = "fixed64"
    FIXED32 = "fixed32"
    TEXT = "text"
    BYTES = "bytes"
    MESSAGE = "message"


WIRES: Mapping[Kind, Wire] = MappingProxyType(
    {
        Kind.VARINT: Wire.VARINT,
        Kind.FIXED64: Wire.FIXED64,
        Kind.FIXED32: Wire.FIXED32,
        Kind.TEXT: Wire.LENGTH,
        Kind.BYTES: Wire.LENGTH,
        Kind.MESSAGE: Wire.LENGTH,
    }
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    Attributes:
        kind: what it holds.
        message: the message's name in the schema, where it holds one.
        repeated: whether it may come many times; numbers may then also come packed.
    """

    kind: Kind
    message: str = ""
    repeated: bool = False


Schema = Mapping[str, Mapping[int, Field]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may hold.

    Attributes:
        depth: messages inside each other.
        messages: messages altogether.
        fields: fields altogether; a packed vector is one.
        numbers: elements of packed varints altogether.
    """

    depth: int = 64
    messages: int = 1_000_000
    fields: int = 4_000_000
    numbers: int = 50_000_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What `check` walked over.

    Attributes:
        messages: messages, the root included.
        fields: fields of known numbers.
        unknown: fields whose number the schema does not have: of a newer version, or of another format.
    """

    messages: int
    fields: int
    unknown: int


FIXED: Mapping[Kind, int] = MappingProxyType({Kind.FIXED64: 8, Kind.FIXED32: 4})

CONTINUES = 0x80  # a byte of a varint from here on says that another one follows
MAX_VARINT_BITS = 70  # ten bytes of 7 bits
MAX_VARINT = 2**64
MAX_FIELD_NUMBER = 2**29 - 1
LONG_VARINT = re.compile(rb"[\x80-\xff]{10}")  # ten bytes that all say another follows
CONTINUED = bytes(range(0x80, 0x100))

# protobuf's descriptor.proto numbers the declared types; bool, enum and the integers are varints on the wire.
DECLARED: Mapping[int, Kind] = MappingProxyType(
    {
        **dict.fromkeys((3, 4, 5, 8, 13, 14, 17, 18), Kind.VARINT),
        **dict.fromkeys((1, 6, 16), Kind.FIXED64),
        **dict.fromkeys((2, 7, 15), Kind.FIXED32),
        9: Kind.TEXT,
        11: Kind.MESSAGE,
        12: Kind.BYTES,
    }
)


def schema_of(descriptor: Any) -> Schema:
    """Work out the schema of a message and of all that it can hold.

    Args:
        descriptor: ``DESCRIPTOR`` of a generated class; its ``full_name`` is the root's name in the schema.
    """
    schema: dict[str, Mapping[int, Field]] = {}
    waiting = [descriptor]
    while waiting:
        message = waiting.pop()
        if message.full_name in schema:
            continue
        fields = {}
        for each in message.fields:
            kind = DECLARED[each.type]
            inner = each.message_type.full_name if kind is Kind.MESSAGE else ""
            fields[each.number] = Field(kind, inner, each.is_repeated)
            if inner:
                waiting.append(each.message_type)
        schema[message.full_name] = fields
    return schema


def check(data: bytes, schema: Schema, root: str, limits: Limits = Limits()) -> Counts:
    """Walk over ``data`` as the message ``root`` of ``schema``.

    Raises:
        UnreadableError: a tag, a length or a number that the wire format does not allow, text that is not UTF-8, or
            more of something than ``limits`` allow.
    """
    walk = _Walk(data, {name: _by_tag(fields) for name, fields in schema.items()}, limits)
    walk.run(root)
    return Counts(walk.messages, walk.fields, walk.unknown)


_Tag = tuple[Kind, str, bool]


def _by_tag(fields: Mapping[int, Field]) -> dict[int, _Tag]:
    """Each tag that may come: kind, message, whether it is a packed vector."""
    tags: dict[int, _Tag] = {}
    for number, field in fields.items():
        wire = WIRES[field.kind]
        tags[number << 3 | wire] = (field.kind, field.message, False)
        if field.repeated and wire is not Wire.LENGTH:
            tags[number << 3 | Wire.LENGTH] = (field.kind, "", True)
    return tags


class _Walk:
    """One walk over the bytes; a class because seven running values go together."""

    def __init__(self, data: bytes, tags: Mapping[str, dict[int, _Tag]], limits: Limits) -> None:
        self.data, self.tags, self.limits = data, tags, limits
        self.messages = self.fields = self.unknown = self.numbers = 0

    def run(self, root: str) -> None:
        """Walk depth first; the stack holds where each open message ends."""
        data, limits = self.data, self.limits
        at, end, name, tags = 0, len(data), root, self.tags[root]
        stack: list[tuple[int, str]] = []
        self.messages = 1
        while True:
            while at >= end:
                if not stack:
                    return
                end, name = stack.pop()
                tags = self.tags[name]
            start = at
            tag, at = self.varint(at, end, name)
            known = tags.get(tag)
            if known is None:
                at = self.skip(tag, at, end, name, start)
                continue
            self.fields += 1
            kind, inner, packed = known
            if not inner:
                at = self.value(kind, packed, at, end, name)
                continue
            size, at = self.length(at, end, name)
            self.messages += 1
            stack.append((end, name))
            end, name, tags = at + size, inner, self.tags[inner]
            if len(stack) >= limits.depth:
                self.refuse(start, name, f"messages lie inside each other over {limits.depth} deep")
            if self.messages > limits.messages:
                self.refuse(start, name, f"over {limits.messages:,} messages")

    def varint(self, at: int, end: int, name: str) -> tuple[int, int]:
        """Read one varint: its value and where the next byte lies."""
        value = shift = 0
        start = at
        while at < end and shift < MAX_VARINT_BITS:
            byte = self.data[at]
            at += 1
            if byte < CONTINUES:
                value |= byte << shift
                if value >= MAX_VARINT:
                    break
                return value, at
            value |= (byte - CONTINUES) << shift
            shift += 7
        self.refuse(start, name, "a number that does not end within 64 bits")
        raise AssertionError

    def length(self, at: int, end: int, name: str) -> tuple[int, int]:
        """Read a length that must fit before ``end``: it, and where its bytes begin."""
        size, start = self.varint(at, end, name)
        if size > end - start:
            self.refuse(at, name, f"{size:,} bytes are announced where {end - start:,} are left")
        return size, start

    def value(self, kind: Kind, packed: bool, at: int, end: int, name: str) -> int:  # noqa: FBT001 - hot
        """Check one value that is no message; give where the next field begins."""
        if self.fields > self.limits.fields:
            self.refuse(at, name, f"over {self.limits.fields:,} fields")
        if kind is Kind.VARINT and not packed:
            return self.varint(at, end, name)[1]
        if not packed and kind in FIXED:
            return self.fixed(at, end, FIXED[kind], name)
        size, at = self.length(at, end, name)
        if kind is Kind.TEXT:
            self.text(at, at + size, name)
        elif packed:
            self.vector(kind, at, at + size, name)
        return at + size

    def fixed(self, at: int, end: int, size: int, name: str) -> int:
        """Step over a number of a fixed width."""
        if size > end - at:
            self.refuse(at, name, f"a number of {size} bytes where {end - at} are left")
        return at + size

    def skip(self, tag: int, at: int, end: int, name: str, start: int) -> int:
        """Step over a field that the schema does not have; bounds still hold."""
        number, wire = tag >> 3, tag & 7
        if not 0 < number <= MAX_FIELD_NUMBER:
            self.refuse(start, name, f"field number {number}")
        if any(each >> 3 == number for each in self.tags[name]):
            self.refuse(start, name, f"field {number} has wire type {wire}, which its type does not have")
        self.unknown += 1
        if self.unknown > self.limits.fields:
            self.refuse(start, name, f"over {self.limits.fields:,} fields of unknown numbers")
        if wire == Wire.VARINT:
            return self.varint(at, end, name)[1]
        if wire == Wire.LENGTH:
            return sum(self.length(at, end, name))
        if wire not in {Wire.FIXED64, Wire.FIXED32}:
            self.refuse(start, name, f"wire type {wire} of field {number}")
        return self.fixed(at, end, 8 if wire == Wire.FIXED64 else 4, name)

    def text(self, at: int, end: int, name: str) -> None:
        """Check that bytes are UTF-8."""
        try:
            self.data[at:end].decode()
        except UnicodeDecodeError:
            self.refuse(at, name, "text that is not UTF-8")

    def vector(self, kind: Kind, at: int, end: int, name: str) -> None:
        """Check a packed vector: whole elements, and none longer than it may be."""
        if kind is not Kind.VARINT:
            if (end - at) % FIXED[kind]:
                self.refuse(at, name, f"a vector of {end - at:,} bytes, no multiple of {FIXED[kind]}")
            return
        if at == end:
            return
        data = self.data[at:end]
        if data[-1] >= CONTINUES or LONG_VARINT.search(data):
            self.refuse(at, name, "a vector with a number that does not end")
        self.numbers += len(data.translate(None, CONTINUED))
        if self.numbers > self.limits.numbers:
            self.refuse(at, name, f"over {self.limits.numbers:,} packed numbers")

    def refuse(self, at: int, name: str, what: str) -> NoReturn:
        """Stop: after a bad length nothing that follows can be told apart."""
        raise UnreadableError([f"protobuf byte {at:,} in {name.rpartition('.')[2]}: {what}"])


def values(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Give each field of one message: its number and its value, bytes where it has a length.

    Args:
        data: one message that `check` accepted; fixed-width numbers come as their little-endian bytes.
    """
    walk, at = _Walk(data, {}, Limits()), 0
    while at < len(data):
        tag, at = walk.varint(at, len(data), "message")
        number, wire = tag >> 3, Wire(tag & 7)
        if wire is Wire.VARINT:
            value, at = walk.varint(at, len(data), "message")
            yield number, value
            continue
        size = 8 if wire is Wire.FIXED64 else 4
        if wire is Wire.LENGTH:
            size, at = walk.length(at, len(data), "message")
        yield number, data[at : at + size]
        at += size
