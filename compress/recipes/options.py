"""An option: its key, meaning, values, unit and usual value. Dataclasses of recipes are made of them.

A field made with `option` is read from the key of its name; a field made with `options_of` is a dataclass of further
options, which are written side by side with the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from compress.recipes.domains import Domain, suggestion

_Value = TypeVar("_Value")
_OPTION, _PART = "option", "part"
REQUIRED = object()
"""The usual value of what must be there."""


@dataclass(frozen=True, slots=True)
class Option:
    """See the module's docstring.

    Attributes:
        key: in the recipe.
        meaning: one sentence without its full stop.
        takes: its values.
        unit: of a number; empty where it has none.
        usual: what is meant where it is left out; `REQUIRED` where it must be there.
    """

    key: str
    meaning: str
    takes: Domain
    unit: str = ""
    usual: Any = REQUIRED

    @property
    def is_required(self) -> bool:
        """Whether it must be there."""
        return self.usual is REQUIRED


def option(meaning: str, takes: Domain, usual: Any = REQUIRED, *, unit: str = "", key: str = "") -> Any:
    """A field that is read from a recipe: see `Option`."""
    metadata = {_OPTION: Option(key, meaning, takes, unit, usual)}
    if usual is REQUIRED:
        return field(metadata=metadata)
    if isinstance(usual, Mapping):
        return field(default_factory=lambda: usual, metadata=metadata)
    return field(default=usual, metadata=metadata)


def options_of(kind: type[Any], **usual: object) -> Any:
    """A field that is a dataclass of options, with other usual values where they are given."""
    return field(default_factory=lambda: kind(**usual), metadata={_PART: (kind, usual)})


def options(kind: type[Any]) -> Iterator[Option]:
    """Every option of a dataclass, in the order of its fields."""
    for each in fields(kind):
        if _OPTION in each.metadata:
            yield _own(each)
        elif _PART in each.metadata:
            part, usual = each.metadata[_PART]
            for inner in options(part):
                yield _with_usual(inner, usual.get(inner.key, inner.usual))


def build(
    kind: type[_Value],
    table: Mapping[str, object],
    where: str,
    problems: list[str],
    defaults: Mapping[str, object] | None = None,
) -> _Value | None:
    """Make a value of a table.

    Args:
        kind: dataclass of options.
        table: keys and values as TOML has them.
        where: place of the table, for messages.
        problems: gets what is wrong, one text a problem.
        defaults: checked values for keys that the table leaves out.

    Returns:
        The value, or ``None`` where there is a problem.
    """
    known = {each.key: each for each in options(kind)}
    before = len(problems)
    strangers = [key for key in table if key not in known]
    problems += [f"{_at(where, key)}: unknown key. {suggestion(key, list(known))}" for key in strangers]
    given = {key: value for key, value in (defaults or {}).items() if key in known} | dict(table)
    for key, each in known.items():
        if key in given:
            problems += [
                f"{_at(where, key)}{inner}: {text}" for inner, text in each.takes.problems(given[key])
            ]
        elif each.is_required:
            problems.append(f"{_at(where, key)}: missing; {each.takes} is wanted")
    return _made(kind, given) if len(problems) == before else None


def document(value: Any) -> dict[str, Any]:
    """The table of a value with every option, as JSON has it: `build` makes the value of it again."""
    found: dict[str, Any] = {}
    for each in fields(value):
        own = getattr(value, each.name)
        if _OPTION in each.metadata:
            if own is not None and own != ():  # nothing was said
                found[_own(each).key] = _plain(own)
        elif _PART in each.metadata:
            found |= document(own)
    return found


def _own(each: Any) -> Option:
    found: Option = each.metadata[_OPTION]
    return Option(found.key or each.name, found.meaning, found.takes, found.unit, found.usual)


def _with_usual(each: Option, usual: object) -> Option:
    return Option(each.key, each.meaning, each.takes, each.unit, usual)


def _made(kind: type[_Value], given: Mapping[str, object]) -> _Value:
    found: dict[str, Any] = {}
    for each in fields(kind):  # type: ignore[arg-type]  # a dataclass, by construction
        if _OPTION in each.metadata:
            own = _own(each)
            if own.key in given:
                found[each.name] = own.takes.read(given[own.key])
        elif _PART in each.metadata:
            part, usual = each.metadata[_PART]
            found[each.name] = _made(part, usual | given)
    return kind(**found)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _at(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
