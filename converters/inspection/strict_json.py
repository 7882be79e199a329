"""JSON of files that are not trusted: bounded in length, depth and numbers, without double keys."""

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from converters.inspection.reading import UnreadableError

MAX_DEPTH = 32
MAX_DIGITS = 400  # an integer of more digits costs Python quadratic time; the longest double has 309
# Strings and brackets; a string that does not end reaches to the end of the text, so that it is looked at once only.
BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
LONG_NUMBER = re.compile(f"[0-9]{{{MAX_DIGITS + 1}}}")


def parse(data: bytes, what: str, max_bytes: int, max_depth: int = MAX_DEPTH) -> Any:
    """Parse one JSON text.

    Args:
        data: the text in UTF-8.
        what: how problems call it.
        max_bytes: longest text that is parsed.
        max_depth: deepest nesting of objects and arrays.

    Raises:
        UnreadableError: it is too long or too deep, no JSON, or a key of one object comes twice.
    """

    def refuse(problem: str) -> NoReturn:
        raise UnreadableError([f"{what}: {problem}"])

    if len(data) > max_bytes:
        refuse(f"{len(data):,} bytes of JSON, at most {max_bytes:,} are read")
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        refuse(f"no UTF-8 at byte {problem.start:,}")
    if depth(text) > max_depth:
        refuse(f"JSON nested deeper than {max_depth}")
    if LONG_NUMBER.search(text):
        refuse(f"a number of more than {MAX_DIGITS} digits")
    try:
        return json.loads(text, object_pairs_hook=_unique(refuse), parse_constant=_no_constant)
    except ValueError as problem:
        refuse(f"no JSON: {problem}")


def depth(text: str) -> int:
    """How deep brackets nest, those inside of strings left out."""
    now = deepest = 0
    for each in BRACKETS.finditer(text):
        if text[each.start()] in "[{":
            now += 1
            deepest = max(deepest, now)
        elif text[each.start()] != '"':
            now -= 1
    return deepest


def _unique(refuse: Callable[[str], NoReturn]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            refuse(f"the key '{twice[:80]}' comes twice")
        return built

    return build


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")
