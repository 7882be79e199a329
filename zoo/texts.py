"""How texts that a user types become values: numbers, sizes and words of a closed set; every face reads them alike."""

import re
from enum import StrEnum
from typing import TypeVar

from registry.values import Evidence
from zoo.errors import UnknownNameError, UsageError

_UNITS = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip
_Word = TypeVar("_Word", bound=StrEnum)


def word(text: str, kind: type[_Word], called: str) -> _Word:
    """Turn ``text`` into a member of a closed set.

    Raises:
        UnknownNameError: it is none of them; the message lists them.
    """
    try:
        return kind(text.strip().casefold())
    except ValueError:
        raise UnknownNameError(called, text, list(kind), advice=f"One of: {', '.join(kind)}") from None


def evidence(text: str) -> Evidence:
    """Read the least evidence accepted; ``none`` is no evidence to ask for.

    Raises:
        UnknownNameError: it is none of the others.
    """
    found = None if text.strip().casefold() == Evidence.NONE else text
    wanted = [each for each in Evidence if each is not Evidence.NONE]
    if found is None:
        raise UnknownNameError("evidence", text, [], advice=f"One of: {', '.join(wanted)}")
    return word(found, Evidence, "evidence")


def words(texts: list[str] | None, kind: type[_Word], called: str) -> tuple[_Word, ...]:
    """Turn repeated or comma-separated texts into members of a closed set."""
    return tuple(word(each, kind, called) for each in split(texts))


def split(texts: list[str] | None) -> list[str]:
    """Split repeated or comma-separated texts."""
    return [part.strip() for text in texts or [] for part in text.split(",") if part.strip()]


def size_bytes(text: str | None, option: str) -> int | None:
    """Read a size such as ``5MB``, ``256KB`` or ``64KiB``; kB, MB and GB are powers of ten.

    Raises:
        UsageError: it is no size above zero.
    """
    if text is None:
        return None
    match = re.fullmatch(
        r"\s*([-+]?[\d.]+(?:e[-+]?\d+)?|[-+]?nan|[-+]?inf)\s*([kmg]?i?b?)\s*", text, re.IGNORECASE
    )
    unit = (
        _UNITS.get(
            match[2].casefold()
            if match[2].casefold().endswith("b") or not match[2]
            else f"{match[2]}b".casefold()
        )
        if match
        else None
    )
    try:
        value = float(match[1]) * unit if match and unit else float("nan")
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise UsageError(
            f"{option} is {text!r}, but a size is a number above zero with B, KB, MB, GB, KiB, MiB or GiB, such as 5MB"
        )
    return max(1, int(value))


def number(text: str | None, option: str) -> float | None:
    """Read a number.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} is {text!r}, but a number above zero is wanted, such as 15") from None
