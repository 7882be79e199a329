"""Recipes: names decode, and every cell of target x recipe is either made or refused in words."""

import pytest

from converters.recipes import REFUSALS, SLOW, Recipe, Target, refusal, slowness
from registry.values import Precision


@pytest.mark.parametrize("recipe", list(Recipe))
def test_every_recipe_has_a_word_of_the_registry(recipe):
    assert recipe.precision in Precision


def test_refusals_say_why_and_never_bare():
    assert all(len(reason) > 20 for reason in REFUSALS.values())
    assert all(len(reason) > 20 for _, reason in SLOW.values())


@pytest.mark.parametrize(
    ("target", "recipe", "says"),
    [
        (Target.TFLITE, Recipe.INT2_WEIGHTS, "silently changes nothing"),
        (Target.TFLITE, Recipe.INT2_DYNAMIC, "garbage"),
        (Target.TFLITE, Recipe.PALETTE4, "no codebooks"),
        (Target.ONNX, Recipe.PALETTE1, "no codebooks"),
        (Target.COREML, Recipe.INT2_WEIGHTS, "palette2"),
        (Target.C, Recipe.FLOAT32, "static int8"),
    ],
)
def test_what_a_format_does_not_have_is_refused(target, recipe, says):
    assert says in refusal(target, recipe)


@pytest.mark.parametrize(
    ("target", "recipe", "operators", "says"),
    [
        (Target.TFLITE, Recipe.INT8, {"CONV_2D", "HARD_SWISH"}, "MobileNet V3"),
        (Target.TFLITE, Recipe.INT8_DYNAMIC, {"DEPTHWISE_CONV_2D"}, "depthwise"),
        (Target.TFLITE, Recipe.INT4_DYNAMIC, {"CONV_2D"}, "100x"),
        (Target.ONNX, Recipe.INT8_DYNAMIC, {"Conv"}, "convolutions"),
    ],
)
def test_what_is_known_to_be_slow_is_said_with_its_reason(target, recipe, operators, says):
    assert says in slowness(target, recipe, frozenset(operators))
    assert slowness(target, recipe, frozenset({"ADD"})) is None


def test_every_target_makes_something():
    for target in Target:
        assert any(refusal(target, recipe) is None for recipe in Recipe)
