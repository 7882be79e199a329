"""Recipes of sweeps, read against all that this project has: formats, precisions, and more that the caller knows."""

from collections.abc import Callable
from pathlib import Path

from compress.recipes.manual import manual as page
from compress.recipes.reading import Surroundings
from compress.recipes.reading import read_recipe as read
from compress.recipes.recipe import InputPlan, Recipe
from converters.recipes import Recipe as Precision
from converters.recipes import Target, refusal
from zoo.errors import BadRecipeError

PRETRAINED = ("efficientnet-lite0",)
"""Families that `architectures.pretrained` has weights of."""


def _no_problem(_: object) -> str:
    return ""


def surroundings(
    *,
    dataset_problem: Callable[[str], str] = _no_problem,
    model_problem: Callable[[str], str] = _no_problem,
    input_problem: Callable[[InputPlan], str] = _no_problem,
) -> Surroundings:
    """What a recipe is checked against; see `Surroundings`."""
    return Surroundings(
        formats=tuple(map(str, Target)),
        precisions=tuple(map(str, Precision)),
        refusal=lambda format_, precision: refusal(Target(format_), Precision(precision)) or "",
        dataset_problem=dataset_problem,
        model_problem=model_problem,
        input_problem=input_problem,
        pretrained=PRETRAINED,
    )


def read_recipe(path: Path, around: Surroundings | None = None, *, for_search: bool = False) -> Recipe:
    """Read a recipe's file.

    Args:
        path: of the file.
        around: what it is checked against; formats and precisions alone by default.
        for_search: whether it may have a ``[search]`` in place of nets.

    Raises:
        BadRecipeError: see `compress.recipes.reading.parse_recipe`.
    """
    recipe = read(path, around or surroundings())
    if not recipe.nets and not for_search:
        raise BadRecipeError(
            str(path),
            [
                "it has a [search] and no nets; search with --device or --max-macs, and --write-recipe writes nets"
            ],
        )
    return recipe


def manual() -> str:
    """docs/recipes.md."""
    return page(surroundings())
