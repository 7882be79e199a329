"""Which values an option takes, in words and as a check."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol

_LONGEST_SHOWN = 60


def shown(value: object) -> str:
    """A value as a message has it; never long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def suggestion(word: str, known: Sequence[str]) -> str:
    """The nearest known word as a question, or all of them."""
    close = get_close_matches(word, known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known)}"


class Domain(Protocol):
    """The values that one option takes; ``str`` gives them as a phrase."""

    def problems(self, value: object) -> list[tuple[str, str]]:
        """What is wrong with ``value``: pairs of a place inside it (such as ``[2]``) and a text."""
        ...

    def read(self, value: Any) -> Any:
        """The frozen form of a value without problems."""
        ...


@dataclass(frozen=True, slots=True)
class Number:
    """Numbers in a range.

    Attributes:
        least: the smallest.
        most: the largest; ``None`` for no limit.
        whole: whether fractions make no sense.
        open_below: whether ``least`` itself is too small.
        open_above: whether ``most`` itself is too large.
    """

    least: float = 0
    most: float | None = None
    whole: bool = False
    open_below: bool = False
    open_above: bool = False

    def __str__(self) -> str:
        """Render as a phrase."""
        kind = "a whole number" if self.whole else "a number"
        if not self.open_below and self.most is None:
            return f"{self.least} or more"
        if not self.open_below and not self.open_above:
            return f"{kind} from {self.least} to {self.most}"
        low = f"above {self.least}" if self.open_below else f"of {self.least} or more"
        if self.most is None:
            return f"{kind} {low}"
        return f"{kind} {low} and {'below' if self.open_above else 'at most'} {self.most}"

    def problems(self, value: object) -> list[tuple[str, str]]:
        """See `Domain`."""
        kind = "a whole number" if self.whole else "a number"
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return [("", f"{shown(value)}, but {kind} is wanted")]
        if self.whole and not isinstance(value, int):
            return [("", f"{shown(value)}, but {kind} is wanted")]
        low = value > self.least if self.open_below else value >= self.least
        high = self.most is None or (value < self.most if self.open_above else value <= self.most)
        if low and high:
            return []
        verb = "are" if str(self).endswith("or more") else "is"
        return [("", f"{shown(value)}, but {self} {verb} wanted")]

    def read(self, value: Any) -> Any:
        """See `Domain`."""
        return value if self.whole else float(value)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def __str__(self) -> str:
        """Render as a phrase."""
        return "true or false"

    def problems(self, value: object) -> list[tuple[str, str]]:
        """See `Domain`."""
        return [] if isinstance(value, bool) else [("", f"{shown(value)}, but true or false is wanted")]

    def read(self, value: Any) -> Any:
        """See `Domain`."""
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words or numbers.

    Attributes:
        of: what may be chosen.
    """

    of: tuple[str | int, ...]

    def __str__(self) -> str:
        """Render as a phrase."""
        return " or ".join(f"`{each}`" if isinstance(each, str) else str(each) for each in self.of)

    def problems(self, value: object) -> list[tuple[str, str]]:
        """See `Domain`."""
        if any(value == each and type(value) is type(each) for each in self.of):
            return []
        return [("", f"{shown(value)}, but {' or '.join(map(str, self.of))} is wanted")]

    def read(self, value: Any) -> Any:
        """See `Domain`."""
        return value


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is not empty.

    Attributes:
        called: what it says, as a phrase.
    """

    called: str = "a text"

    def __str__(self) -> str:
        """Render as a phrase."""
        return self.called

    def problems(self, value: object) -> list[tuple[str, str]]:
        """See `Domain`."""
        sound = isinstance(value, str) and value.strip() and value.isprintable()
        return [] if sound else [("", f"{shown(value)}, but {self.called} is wanted")]

    def read(self, value: Any) -> Any:
        """See `Domain`."""
        return value


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose items are all different.

    Attributes:
        each: what an item may be.
        called: the list as a phrase.
        least: the fewest items.
        repeats: whether items may be the same.
    """

    each: Domain
    called: str
    least: int = 1
    repeats: bool = False

    def __str__(self) -> str:
        """Render as a phrase."""
        return self.called

    def problems(self, value: object) -> list[tuple[str, str]]:
        """See `Domain`."""
        if not isinstance(value, list | tuple):
            return [("", f"{shown(value)}, but {self.called} is wanted")]
        if len(value) < self.least:
            return [("", f"it is empty, but {self.called} is wanted")]
        found = [
            (f"[{place}]{inner}", text)
            for place, item in enumerate(value)
            for inner, text in self.each.problems(item)
        ]
        if not found and not self.repeats:
            again = [item for place, item in enumerate(value) if item in value[:place]]
            found = [("", f"{shown(item)} is there twice") for item in dict.fromkeys(again)]
        return found

    def read(self, value: Any) -> Any:
        """See `Domain`."""
        return tuple(self.each.read(item) for item in value)


@dataclass(frozen=True, slots=True)
class TableOf:
    """A table of values by name.

    Attributes:
        each: what a value may be.
        called: the table as a phrase.
    """

    each: Domain
    called: str

    def __str__(self) -> str:
        """Render as a phrase."""
        return self.called

    def problems(self, value: object) -> list[tuple[str, str]]:
        """See `Domain`."""
        if not isinstance(value, Mapping):
            return [("", f"{shown(value)}, but {self.called} is wanted")]
        return [
            (f".{name}{inner}", text)
            for name, item in value.items()
            for inner, text in self.each.problems(item)
        ]

    def read(self, value: Any) -> Any:
        """See `Domain`."""
        return {name: self.each.read(item) for name, item in value.items()}


@dataclass(frozen=True, slots=True)
class Anything:
    """A number, a text, true or false, or a list of numbers: what others judge."""

    def __str__(self) -> str:
        """Render as a phrase."""
        return "a number, a text, true or false, or a list of numbers"

    def problems(self, value: object) -> list[tuple[str, str]]:
        """See `Domain`."""
        items = value if isinstance(value, list | tuple) else [value]
        kinds = (int, float) if isinstance(value, list | tuple) else (int, float, str, bool)
        sound = all(isinstance(each, kinds) for each in items)
        sound = sound and all(math.isfinite(each) for each in items if isinstance(each, float))
        return [] if sound else [("", f"{shown(value)}, but {self} is wanted")]

    def read(self, value: Any) -> Any:
        """See `Domain`."""
        return tuple(value) if isinstance(value, list | tuple) else value
