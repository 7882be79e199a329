"""JSON of files that are not trusted."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.inspection import strict_json
from converters.inspection.reading import UnreadableError

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(ANY_JSON)
def test_json_is_read_as_it_was_written(value):
    assert strict_json.parse(json.dumps(value).encode(), "it", 1 << 20) == value


@pytest.mark.parametrize(
    ("story", "data", "said"),
    [
        ("two keys of one name", b'{"a": 1, "a": 2}', "'a' comes twice"),
        ("a bomb of brackets", b"[" * 100_000, "nested deeper than 32"),
        ("a bomb of digits", b"[" + b"9" * 5_000 + b"]", "more than 400 digits"),
        ("no UTF-8", b'"\xff"', "no UTF-8 at byte 1"),
        ("not a number", b'{"a": NaN}', "NaN is no JSON number"),
        ("no JSON", b"{'a': 1}", "no JSON"),
        ("too long", b" " * 101, "at most 100"),
    ],
)
def test_bad_json_is_refused_in_one_line(story, data, said):
    with pytest.raises(UnreadableError, match=said) as problem:
        strict_json.parse(data, "it", 100 if story == "too long" else 1 << 20)
    assert "\n" not in str(problem.value), story


def test_brackets_inside_of_strings_do_not_nest():
    assert strict_json.depth('{"a[[[[": ["\\"{{{"]}') == 2
