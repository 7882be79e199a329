"""How queries are read."""

import contextlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.profile import DeviceFacts
from zoo.errors import UsageError
from zoo.server import answers
from zoo.server.questions import FACTS, PICK, Query, QuestionError


def test_values_are_decoded_once():
    query = Query(b"device=a%2520b+c&format=tflite&format=onnx&explain=True&threads=4", PICK)
    assert query.text("device") == "a%20b c"
    assert query.texts("format") == ["tflite", "onnx"]
    assert query.flag("explain")
    assert query.count("threads") == 4
    assert (query.text("model"), query.texts("processor"), query.count("ram_bytes")) == (None, [], None)


def test_every_problem_is_named():
    with pytest.raises(QuestionError) as caught:
        Query(b"devise=a&threads=x&model=&available=1", PICK)
    for part in ("Did you mean 'device'?", "threads is 'x'", "model is empty", "true or false is wanted"):
        assert part in str(caught.value)


@given(st.binary(max_size=200))
def test_no_query_breaks_it(raw):
    for ask in (answers.pick, answers.devices, answers.models):
        with contextlib.suppress(UsageError):
            ask(raw)


@given(st.lists(st.tuples(st.sampled_from([each.name for each in PICK]), st.text(max_size=20)), max_size=6))
def test_no_values_break_it(pairs):
    with contextlib.suppress(UsageError):
        answers.pick(urlencode(pairs).encode())


def test_facts_of_the_query_are_facts_of_a_profile():
    known = set(DeviceFacts.__dataclass_fields__) | {"sram_bytes", "flash_bytes"}
    assert {each.name for each in FACTS} <= known
