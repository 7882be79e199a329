"""The wire of protobuf: what the format allows passes, everything else is refused before a library sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.inspection.protobuf import Counts, Field, Kind, Limits, check, values
from converters.inspection.reading import UnreadableError

SCHEMA = {
    "Root": {
        1: Field(Kind.VARINT),
        2: Field(Kind.TEXT),
        3: Field(Kind.MESSAGE, "Root"),
        4: Field(Kind.VARINT, repeated=True),
        5: Field(Kind.FIXED32, repeated=True),
        6: Field(Kind.FIXED64),
        7: Field(Kind.BYTES),
    }
}


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number, wire, payload):
    return varint(number << 3 | wire) + payload


def text(number, payload):
    return field(number, 2, varint(len(payload)) + payload)


def nested(depth, inside=b""):
    for _ in range(depth):
        inside = text(3, inside)
    return inside


@pytest.mark.parametrize(
    ("story", "data", "counts"),
    [
        ("nothing at all", b"", Counts(1, 0, 0)),
        ("a number", field(1, 0, varint(2**64 - 1)), Counts(1, 1, 0)),
        ("a text", text(2, "größe".encode()), Counts(1, 1, 0)),
        ("a message inside", nested(2, field(1, 0, b"\x01")), Counts(3, 3, 0)),
        ("numbers one by one", field(4, 0, b"\x01") * 3, Counts(1, 3, 0)),
        ("numbers packed", text(4, varint(300) + b"\x01"), Counts(1, 1, 0)),
        ("floats packed", text(5, bytes(8)), Counts(1, 1, 0)),
        ("an empty vector", text(4, b""), Counts(1, 1, 0)),
        ("a field of a newer version", text(99, b"\xff\xfe"), Counts(1, 0, 1)),
        ("bytes that are no text", text(7, b"\xff\xfe"), Counts(1, 1, 0)),
    ],
)
def test_what_the_format_allows_passes(story, data, counts):
    assert check(data, SCHEMA, "Root") == counts, story


@pytest.mark.parametrize(
    ("story", "data", "said"),
    [
        ("a length beyond the end", field(2, 2, b"\x05ab"), "5 bytes are announced where 2 are left"),
        ("a length beyond the message around it", text(3, field(2, 2, b"\x05ab")) + bytes(9), "announced"),
        ("a huge length", field(2, 2, varint(2**63)), "announced"),
        ("a number that does not end", field(1, 0, b"\x80\x80"), "does not end"),
        ("a number of eleven bytes", field(1, 0, b"\x80" * 10 + b"\x01"), "does not end"),
        ("a number of more than 64 bits", field(1, 0, b"\xff" * 9 + b"\x02"), "64 bits"),
        ("a cut number of 4 bytes", field(5, 5, b"\0\0"), "a number of 4 bytes where 2 are left"),
        ("a cut number of 8 bytes", field(6, 1, bytes(7)), "a number of 8 bytes"),
        ("field number zero", field(0, 0, b"\x01"), "field number 0"),
        ("a field number out of range", varint(2**29 << 3) + b"\x01", "field number"),
        ("a group", varint(9 << 3 | 3), "wire type 3"),
        ("a text as a number", field(2, 0, b"\x01"), "wire type 0"),
        ("a message as a number", field(3, 5, bytes(4)), "wire type 5"),
        ("text that is not UTF-8", text(2, b"\xc3\x28"), "not UTF-8"),
        ("a vector with an open number", text(4, b"\x01\x80"), "does not end"),
        ("a vector with a long number", text(4, b"\xff" * 10 + b"\x01"), "does not end"),
        ("floats that are cut", text(5, bytes(6)), "no multiple of 4"),
        ("too deep", nested(65), "64 deep"),
    ],
)
def test_what_the_format_does_not_allow_is_refused(story, data, said):
    with pytest.raises(UnreadableError, match=said):
        check(data, SCHEMA, "Root")


@pytest.mark.parametrize(
    ("data", "limits", "said"),
    [
        (text(3, b"") * 5, Limits(messages=5), "over 5 messages"),
        (field(1, 0, b"\x01") * 5, Limits(fields=4), "over 4 fields"),
        (text(99, b"") * 5, Limits(fields=4), "over 4 fields of unknown"),
        (text(4, b"\x01" * 9), Limits(numbers=8), "over 8 packed numbers"),
        (nested(3), Limits(depth=3), "over 3 deep"),
    ],
)
def test_counts_are_limited(data, limits, said):
    with pytest.raises(UnreadableError, match=said):
        check(data, SCHEMA, "Root", limits)


@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_refused_and_nothing_else(data):
    try:
        counts = check(data, SCHEMA, "Root")
    except UnreadableError:
        return
    assert counts.messages >= 1
    assert all(0 < number < 2**29 for number, _ in values(data))


@given(st.lists(st.tuples(st.sampled_from([1, 2, 7]), st.integers(0, 2**64 - 1), st.text(max_size=9))))
def test_what_is_written_is_read_back(fields):
    data, wanted = b"", []
    for number, value, words in fields:
        data += field(1, 0, varint(value)) if number == 1 else text(number, words.encode())
        wanted.append((number, value if number == 1 else words.encode()))
    check(data, SCHEMA, "Root")
    assert list(values(data)) == wanted
