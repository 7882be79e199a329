"""Specs: round trips, and what contradicts itself is refused in words."""

import json
import math
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.spec import (
    ChannelOrder,
    Decoding,
    DecodingKind,
    InputKind,
    Port,
    Preprocessing,
    Resize,
    Spec,
    parse_spec,
)
from tests.builders import spec
from zoo.errors import UsageError

numbers = st.floats(allow_nan=False, allow_infinity=False)
divisors = numbers.filter(bool)
axes = st.one_of(st.none(), st.integers(1, 10**6))


@st.composite
def ports(draw, name: str) -> Port:
    shape = tuple(draw(st.lists(axes, max_size=5)))
    layout = draw(st.sampled_from(("", "NCHWD"[: len(shape)])))
    if draw(st.booleans()):
        return Port(name, shape, draw(st.sampled_from(("float32", "float16", "bool", "int64"))), layout)
    scale = draw(st.floats(0, exclude_min=True, allow_infinity=False))
    return Port(
        name, shape, draw(st.sampled_from(("int8", "uint8", "int4"))), layout, scale, draw(st.integers())
    )


@st.composite
def several_ports(draw) -> tuple[Port, ...]:
    names = draw(st.lists(st.text(), min_size=1, max_size=3, unique=True))
    return tuple(draw(ports(name)) for name in names)


@st.composite
def preprocessings(draw) -> Preprocessing:
    channels = draw(st.integers(0, 4))
    return Preprocessing(
        draw(st.sampled_from(InputKind)),
        draw(st.sampled_from(ChannelOrder)),
        draw(divisors),
        draw(st.sampled_from(((), (0.5,) * channels))),
        tuple(draw(st.lists(divisors, min_size=channels, max_size=channels))),
        draw(st.sampled_from(Resize)),
        draw(st.floats(0, 1, exclude_min=True)),
        draw(st.dictionaries(st.text(), st.one_of(numbers, st.integers(), st.text()), max_size=4)),
    )


specs = st.builds(
    Spec,
    several_ports(),
    several_ports(),
    preprocessings(),
    st.builds(Decoding, st.sampled_from(DecodingKind), st.lists(st.text(), max_size=5).map(tuple)),
)


@settings(derandomize=True, max_examples=300)
@given(specs)
def test_a_spec_is_read_as_it_was_written(found):
    assert Spec.from_json(found.to_json()) == found


@settings(derandomize=True, max_examples=150)
@given(specs)
def test_a_spec_of_ours_is_accepted_from_outside_with_every_type_kept(found):
    again = parse_spec(found.to_json(), "x")
    assert again == found
    assert again.to_json() == found.to_json()


def test_a_spec_is_standard_json():
    def refuse(word: str) -> None:
        raise AssertionError(word)

    found = json.loads(spec().to_json(), parse_constant=refuse)
    assert list(found) == ["inputs", "outputs", "preprocessing", "decoding"]


def test_what_has_a_default_may_be_left_out():
    port = {"name": "x", "shape": [1, None], "dtype": "float32"}
    found = parse_spec(json.dumps({"inputs": [port], "outputs": [port]}), "x")
    assert found == Spec((Port("x", (1, None), "float32"),), (Port("x", (1, None), "float32"),))


def changed(where: str, **other) -> str:
    document = json.loads(spec().to_json())
    part = document[where]
    (part[0] if isinstance(part, list) else part).update(other)
    return json.dumps(document)


REFUSED = [
    pytest.param("[]", "should be an object", id="a list"),
    pytest.param("{", "Invalid JSON", id="no JSON"),
    pytest.param("[" * 100_000, "Invalid JSON", id="endless lists"),
    pytest.param("{}", "inputs: Field required", id="nothing"),
    pytest.param('{"inputs": [], "outputs": []}', "there is no input", id="no ports"),
    pytest.param(changed("inputs", shape=[1, 0]), "inputs.0: .*an axis without elements", id="an empty axis"),
    pytest.param(
        changed("inputs", shape=[1, "224"]), r"inputs.0.shape.1: .*integer, found .224", id="an axis in words"
    ),
    pytest.param(changed("inputs", layout="HWC"), "layout .HWC. does not name the 4 axes", id="a layout"),
    pytest.param(changed("inputs", zero_point=None), "belong together", id="a scale without a zero point"),
    pytest.param(changed("inputs", scale=0), "scale is 0.0, but", id="a scale of zero"),
    pytest.param(changed("inputs", scale=math.nan), "scale is nan, but", id="a scale that is no number"),
    pytest.param(changed("inputs", dtype="float32"), "only integers are quantized", id="floats with a scale"),
    pytest.param(changed("inputs", layuot="NHWC"), "inputs.0.layuot: Unexpected", id="an unknown key"),
    pytest.param(changed("preprocessing", kind="video"), "preprocessing.kind: ", id="an unknown kind"),
    pytest.param(changed("preprocessing", std=[1, 0, 1]), "none may be zero", id="division by zero"),
    pytest.param(changed("preprocessing", scale=math.inf), "not finite", id="an infinite factor"),
    pytest.param(changed("preprocessing", features={"hop_ms": math.nan}), "not finite", id="a feature"),
    pytest.param(changed("preprocessing", mean=[1]), "mean has 1 channels and std has 3", id="channels"),
    pytest.param(changed("preprocessing", crop=1.5), "crop is 1.5", id="more than the whole"),
    pytest.param(changed("decoding", labels="cat"), "decoding.labels: ", id="labels that are one text"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_what_is_no_sound_spec_is_refused_in_one_line_that_names_the_file(text, words):
    with pytest.raises(UsageError, match=words) as refused:
        parse_spec(text, "net.json")
    assert str(refused.value).startswith("bad spec 'net.json': ")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_all_problems_are_named_at_once():
    document = json.loads(changed("inputs", shape="wide"))
    document["outputs"][0]["dtype"] = 8
    with pytest.raises(UsageError, match=r"inputs\.0\.shape: .*; outputs\.0\.dtype: "):
        parse_spec(json.dumps(document), "x")


@pytest.mark.parametrize(
    "text", ["[]", "{", "7", "null", "{}", changed("inputs", crop=1), changed("inputs", scale="1")]
)
def test_a_damaged_spec_of_ours_raises_what_the_reader_takes_for_damage(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        Spec.from_json(text)


def test_two_ports_without_a_name_are_told_apart_by_their_order():
    port = Port("", (1,), "float32")
    assert Spec((port, port), (port,)).inputs == (port, port)
    with pytest.raises(ValueError, match="two inputs bear one name: a, a"):
        Spec((Port("a", (1,), "int8"), Port("a", (2,), "int8")), (port,))


def test_features_may_be_numbers_of_any_size():
    found = spec(preprocessing=Preprocessing(InputKind.AUDIO, features={"seed": 10**400}))
    assert Spec.from_json(found.to_json()) == found
    assert asdict(found)["preprocessing"]["features"] == {"seed": 10**400}
