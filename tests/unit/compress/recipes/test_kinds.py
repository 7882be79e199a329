"""The one table of kinds: every step goes through JSON and TOML and comes back."""

import json
import tomllib

import pytest
from hypothesis import given

from compress.recipes.kinds import DO, KINDS, WORDS, kind_of, read_step, step_document
from compress.recipes.options import build, options
from tests.unit.compress.recipes.plans import STEPS, toml


@given(STEPS)
def test_a_step_comes_back_from_its_document(step):
    document = json.loads(json.dumps(step_document(step)))
    assert read_step(document) == step
    assert step_document(read_step(document)) == document


@given(STEPS)
def test_a_document_is_also_what_a_recipe_could_say(step):
    read = tomllib.loads(f"step = {{ {toml(step_document(step))} }}")["step"]
    problems = []
    assert build(kind_of(step).step, {key: read[key] for key in read if key != DO}, "", problems) == step
    assert problems == []


@pytest.mark.parametrize("word", KINDS)
def test_every_option_has_a_meaning_and_its_usual_value_is_one_it_takes(word):
    for each in options(KINDS[word].step):
        assert each.meaning
        assert not each.meaning.endswith(".")
        assert str(each.takes)
        if not each.is_required and each.usual is not None and each.usual != ():
            assert each.takes.problems(each.usual) == [], each


def test_a_broken_document_is_refused_with_its_reasons():
    with pytest.raises(ValueError, match=r"train.epochs: 0, but 1 or more are wanted"):
        read_step({"do": "train", "epochs": 0})


def test_a_recipe_can_say_every_kind_but_the_control():
    assert set(KINDS) - set(WORDS) == {"scratch"}
