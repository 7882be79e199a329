"""Which part of a file a Range header wants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.server.ranges import Part, wanted

numbers = st.integers(0, 60) | st.integers(0, 10**40)


@given(first=numbers, last=numbers, size=st.integers(1, 50))
def test_a_range_gives_the_bytes_between_its_ends(first, last, size):
    data = bytes(range(size))
    part = wanted(f"bytes={first}-{last}".encode(), size)
    if last < first:
        assert part is None
    else:
        assert data[part.start : part.end] == bytes(each for each in range(size) if first <= each <= last)


@given(first=numbers, size=st.integers(1, 50))
def test_an_open_range_gives_the_rest(first, size):
    part = wanted(f"bytes={first}-".encode(), size)
    assert list(range(part.start, part.end)) == [each for each in range(size) if each >= first]


@given(last=numbers, size=st.integers(1, 50))
def test_a_suffix_gives_the_last_bytes(last, size):
    part = wanted(f"bytes=-{last}".encode(), size)
    assert list(range(part.start, part.end)) == list(range(size))[max(0, size - last) :]


@given(st.binary(max_size=60), st.integers(0, 50))
def test_no_header_breaks_it(text, size):
    part = wanted(text, size)
    assert part is None or 0 <= part.start <= part.end <= size


@pytest.mark.parametrize("size", [0, 1, 7])
def test_what_lies_outside_is_an_empty_part(size):
    assert wanted(b"bytes=7-", size) == Part(size, size)
    assert wanted(b"bytes=-0", size) == Part(size, size)
