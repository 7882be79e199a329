"""What the rules are written with: types and lengths of arguments, and what must hold of them."""

from collections.abc import Callable, Iterable

from converters.inspection.coreml.nodes import Operation
from converters.inspection.coreml.value_types import ValueType
from converters.inspection.reading import UnreadableError

Shape = tuple[int | None, ...]
Rule = Callable[[Operation], list[ValueType] | None]

FLOATS = frozenset({"float16", "float32"})


def require(holds: bool, problem: str) -> None:  # noqa: FBT001 - the condition
    """Refuse an operation unless something holds."""
    if not holds:
        raise UnreadableError([problem])


def type_of(operation: Operation, argument: str) -> ValueType:
    """The type of an argument that takes one value."""
    value = operation.value(argument)
    if value is None:
        raise UnreadableError([f"it has no one value for {argument}"])
    return value.type


def tensor(dtype: str, shape: Iterable[int | None]) -> ValueType:
    """A tensor type; refuses negative lengths."""
    lengths = tuple(shape)
    require(all(each is None or each >= 0 for each in lengths), f"it gives a shape of {lengths}")
    return ValueType("tensor", dtype, lengths)


def floating(operation: Operation, *arguments: str) -> None:
    """The named arguments that are there are floating-point; before iOS 17, all of one type."""
    found = {operation.arguments[name][0].type.dtype for name in arguments if name in operation.arguments}
    alike = len(found) == 1 or operation.version >= 8  # noqa: PLR2004 - iOS 17
    require(alike and found <= FLOATS, f"{', '.join(arguments)} are {', '.join(sorted(found))}")


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front; refuses one out of range."""
    require(-rank <= axis < rank, f"axis {axis} of a rank of {rank}")
    return axis % rank


def broadcast(one: Shape, other: Shape) -> Shape:
    """The shape that two shapes broadcast to."""
    rank = max(len(one), len(other))
    wide, tall = ((1,) * (rank - len(each)) + each for each in (one, other))
    lengths: list[int | None] = []
    for first, second in zip(wide, tall, strict=True):
        require(
            first == second or None in {first, second} or 1 in {first, second},
            f"{one} and {other} do not fit",
        )
        known = [each for each in (first, second) if each not in {1, None}]
        lengths.append(known[0] if known else (1 if first == second == 1 else None))
    return tuple(lengths)


def agree(declared: ValueType, found: ValueType) -> bool:
    """Whether a declared type can be the one worked out."""
    return (
        declared.kind == found.kind
        and declared.dtype == found.dtype
        and len(declared.shape) == len(found.shape)
        and all(
            None in {one, other} or one == other
            for one, other in zip(declared.shape, found.shape, strict=True)
        )
    )
