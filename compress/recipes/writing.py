"""A recipe as TOML: what `compress.recipes.reading` makes the same recipe of again."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from compress.recipes.kinds import DO, kind_of, step_document
from compress.recipes.options import document, options
from compress.recipes.recipe import LARGEST_HELD_BYTES, Emission, InputPlan, NetPlan, Recipe
from compress.recipes.steps import Step, Training


def text_of(recipe: Recipe, comments: Mapping[str, str] | None = None) -> str:
    """Write a recipe; its ``[search]`` is left out.

    Args:
        recipe: to write.
        comments: lines above nets, by handle; under the key ``""`` that at the top.
    """
    said = comments or {}
    usual = _without_usual(document(recipe.training), Training, {})
    lines = [
        *([f"# {said['']}"] if said.get("") else []),
        f"model = {_toml(recipe.model)}",
        f"dataset = {_toml(recipe.dataset)}",
        f"protocol = {_toml(recipe.protocol.value)}",
        f"seeds = {_toml(list(recipe.seeds))}",
        *([f"largest_held = {recipe.largest_held}"] if recipe.largest_held != LARGEST_HELD_BYTES else []),
        *([f"extra = {_toml(list(recipe.extra))}"] if recipe.extra else []),
        *_table("input", _without_usual(document(recipe.inputs), InputPlan, {})),
        *_table("train", usual),
    ]
    for net in recipe.nets:
        lines += ["", *([f"# {said[net.handle]}"] if said.get(net.handle) else []), *_net(net, usual)]
    for each in recipe.emissions:
        lines += ["", *_emission(each)]
    return "\n".join(lines) + "\n"


def _table(key: str, found: Mapping[str, Any]) -> list[str]:
    return ["", f"[{key}]", *(f"{name} = {_toml(value)}" for name, value in found.items())] if found else []


def _net(net: NetPlan, usual: Mapping[str, Any]) -> Iterator[str]:
    yield f"[nets.{net.handle}]"
    texts = {"from": net.base} if net.base else {"architecture": net.architecture}
    texts |= {key: text for key, text in (("teacher", net.teacher), ("label", net.label)) if text}
    yield from (f"{key} = {_toml(text)}" for key, text in texts.items())
    yield from (
        f"{key} = true" for key, is_so in (("pretrained", net.pretrained), ("control", net.control)) if is_so
    )
    yield "steps = ["
    yield from (f"  {_toml(_step(each, usual))}," for each in net.steps)
    yield "]"


def _step(step: Step, usual: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that say something that ``[train]`` and the usual values do not."""
    found = step_document(step)
    return {DO: found.pop(DO), **_without_usual(found, kind_of(step).step, usual)}


def _without_usual(found: Mapping[str, Any], kind: type[Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    meant = {each.key: each.usual for each in options(kind)} | dict(defaults)
    meant = {key: list(each) if isinstance(each, tuple) else each for key, each in meant.items()}
    return {key: value for key, value in found.items() if value != meant[key]}


def _emission(each: Emission) -> Iterator[str]:
    yield "[[emit]]"
    for key, words in (("nets", each.nets), ("formats", each.formats), ("precisions", each.precisions)):
        yield f"{key} = {_toml(list(words))}"


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)
