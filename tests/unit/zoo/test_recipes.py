"""The recipes that ship make sense: each is read, planned, and gives every file a name of its own."""

from pathlib import Path

import pytest

import zoo
from compress.recipes.planning import EMIT, plan
from compress.recipes.recipe import Protocol
from zoo.recipes import read_recipe

RECIPES = sorted((Path(zoo.__file__).parents[1] / "recipes").glob("*.toml"))


def test_there_are_recipes():
    assert "spoken-digits.toml" in [each.name for each in RECIPES]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_can_be_planned(path):
    recipe = read_recipe(path)
    groups = ("one", "other") if recipe.protocol is Protocol.LEAVE_ONE_GROUP_OUT else ()
    stages = plan(recipe, groups)
    names = [(each.spec["name"], each.spec["seed"]) for each in stages if each.kind == EMIT]
    assert len(names) == len(set(names)) > 0
