"""What a node is told: by attributes in older opsets, by constant inputs in newer ones."""

from collections.abc import Callable, Sequence
from typing import Any

from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value

Operator = Callable[..., Value | Sequence[Value]]


def numbers(
    lower: Lowering, node: Node, attribute: str, value: Value | None, default: Sequence[int] | None = None
) -> list[int] | None:
    """Whole numbers of an input, else of an attribute, else ``default``."""
    if value is not None:
        return lower.numbers(value, attribute)
    found = node.get(attribute, default)
    return None if found is None else [int(each) for each in found]


def axes(lower: Lowering, node: Node, value: Value, given: Value | None) -> list[int] | None:
    """Axes counted from the front, sorted; ``None`` where none are given."""
    found = numbers(lower, node, "axes", given)
    return None if found is None else sorted(each % max(1, value.rank) for each in found)


def number(lower: Lowering, node: Node, attribute: str, value: Value | None) -> Any:
    """One number of an input, else of an attribute; ``None`` where none is given."""
    if value is None:
        return node.get(attribute)
    return lower.known(value, attribute).item()


def only(node: Node, attribute: str, *covered: Any) -> Any:
    """An attribute whose other values are not covered; the first is the default.

    Raises:
        NotCoveredError: it has another value.
    """
    found = node.get(attribute, covered[0])
    if found not in covered:
        listed = " or ".join(repr(each) for each in covered)
        raise NotCoveredError(f"its {attribute} is {found!r}, and only {listed} is covered")
    return found
