"""A stage's key is the digest of all that decides its result; the order of stages is the first one that works."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.sweep.stages import Stage, ordered
from tests.unit.compress.sweep.graphs import by_brute_force, graphs

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
SPECS = st.dictionaries(st.text(max_size=4), JSON, max_size=4)


@given(graphs())
def test_the_order_is_the_first_in_which_parents_come_first(stages):
    assert ordered(stages) == by_brute_force(stages)


@given(graphs())
def test_a_stage_that_is_there_twice_is_there_once(stages):
    assert ordered([*stages, *stages]) == ordered(stages)


@given(SPECS)
def test_the_order_of_keys_in_a_spec_does_not_matter(spec):
    assert Stage("a", "x", spec).key == Stage("a", "y", dict(reversed(spec.items())), weight=3, pace="z").key


@given(SPECS, SPECS)
def test_stages_share_a_key_only_if_their_specs_say_the_same(one, other):
    said = [json.dumps(each, sort_keys=True) for each in (one, other)]
    assert (Stage("a", "", one).key == Stage("a", "", other).key) == (said[0] == said[1])


def test_kind_parents_and_their_roles_decide_too():
    first = Stage("a", "", {})
    keys = [
        Stage("a", "", {}).key, Stage("b", "", {}).key, Stage("a", "", {}, {"net": first.key}).key,
        Stage("a", "", {}, {"teacher": first.key}).key,
    ]  # fmt: skip
    assert len(set(keys)) == 4


def test_a_key_stays_what_it_was():
    assert Stage("a", "x", {"seed": 0, "what": "é"}).key == (
        "b8d10b240471d3c7901aa34fc762d97776996e18aad105fa667dd6fbcd88cb8c"
    )


def test_a_parent_that_is_no_stage_is_a_bug():
    with pytest.raises(ValueError, match="parents that are no stages: x: net"):
        ordered([Stage("a", "x", {}, {"net": "0" * 64})])


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_spec_that_json_does_not_have_is_a_bug(number):
    with pytest.raises(ValueError, match="JSON"):
        Stage("a", "x", {"rate": number})
