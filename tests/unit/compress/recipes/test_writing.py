"""A recipe that is written is the same recipe when it is read."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from compress.recipes.kinds import DO, KINDS, kind_of
from compress.recipes.options import build
from compress.recipes.recipe import InputPlan, NetPlan, Protocol, Recipe
from compress.recipes.steps import Scratch
from compress.recipes.writing import text_of
from tests.unit.compress.recipes.plans import SPOKEN_DIGITS, STEPS, TRAININGS, read

SHIPPED = sorted((Path(__file__).parents[4] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("text", [SPOKEN_DIGITS, *(each.read_text(encoding="utf-8") for each in SHIPPED)])
def test_recipes_come_back(text):
    recipe = read(text)
    assert read(text_of(recipe)) == recipe


def test_comments_stay_comments():
    recipe = read(SPOKEN_DIGITS)
    text = text_of(recipe, {"": "what it is", "small": "why it is there"})
    assert text.startswith("# what it is\n")
    assert "# why it is there\n[nets.small]" in text
    assert read(text) == recipe


@given(STEPS.filter(lambda each: not isinstance(each, Scratch)), TRAININGS)
def test_every_step_comes_back_whatever_training_is_usual(step, training):
    net = NetPlan("a", "lenet-5", (step,))
    recipe = Recipe("m", "d", Protocol.HOLDOUT, (0,), InputPlan(), (net,), (), training)
    document = tomllib.loads(text_of(replace(recipe)))
    (table,) = document["nets"]["a"]["steps"]
    word, problems = table.pop(DO), []
    again = build(KINDS[word].step, table, "", problems, document.get("train", {}))
    assert (word, again, problems) == (kind_of(step).word, step, [])
