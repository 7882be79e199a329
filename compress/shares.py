"""How much of each layer goes: one share for all, and others for layers that are named."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from zoo.errors import TrainingError


class Spread(StrEnum):
    """Where what goes is looked for."""

    UNIFORM = "uniform"
    """Each layer loses the same share."""
    GLOBAL = "global"
    """All layers together lose it: those with much that is small lose more."""


def check(share: float, layers: Mapping[str, float], paths: Collection[str]) -> None:
    """Refuse shares that cannot be taken, and names that no layer has.

    Args:
        share: of every layer that is not named.
        layers: shares of those that are, by path; a path stands for all layers below it, too.
        paths: of all layers that could be named.

    Raises:
        TrainingError: with all problems.
    """
    problems = [
        f"share {each:g}{where} is not from 0 to below 1"
        for where, each in (("", share), *((f" of '{path}'", each) for path, each in layers.items()))
        if not 0 <= each < 1
    ]
    problems += [
        f"there is no layer '{named}'; layers are {', '.join(paths)}"
        for named in layers
        if not any(_below(path, named) for path in paths)
    ]
    if problems:
        raise TrainingError(f"pruning: {'; '.join(problems)}")


def named_share(path: str, layers: Mapping[str, float]) -> float | None:
    """The share of the longest name that stands for ``path``; ``None`` where none does."""
    name = max((each for each in layers if _below(path, each)), key=len, default=None)
    return None if name is None else layers[name]


def _below(path: str, name: str) -> bool:
    return f"{path}.".startswith(f"{name}.")
