"""Operations on each element, and those that read or write states and labels."""

from collections.abc import Mapping
from types import MappingProxyType

from converters.inspection.coreml.nodes import Operation, Value
from converters.inspection.coreml.shapes.terms import (
    FLOATS,
    Rule,
    agree,
    axis_of,
    broadcast,
    floating,
    require,
    tensor,
    type_of,
)
from converters.inspection.coreml.value_types import ValueType

CASTS: Mapping[str, str] = MappingProxyType(
    {
        "fp16": "float16",
        "fp32": "float32",
        **{name: name for name in ("int8", "uint8", "int16", "uint16", "int32", "bool")},
    }
)


def like(operation: Operation) -> list[ValueType]:
    """What comes in goes out."""
    return [type_of(operation, "x")]


def float_like(operation: Operation) -> list[ValueType]:
    """What comes in goes out, and it is floating-point, as its parameters are."""
    floating(operation, "x", "alpha", "beta", "epsilon")
    return like(operation)


def binary(result: str) -> Rule:
    """Two values of one type that broadcast; ``result`` is the type that comes out where it is another."""

    def rule(operation: Operation) -> list[ValueType]:
        one, other = type_of(operation, "x"), type_of(operation, "y")
        require(one.dtype == other.dtype, f"x is {one}, y is {other}")
        return [tensor(result or one.dtype, broadcast(one.shape, other.shape))]

    return rule


def softmax(operation: Operation) -> list[ValueType]:
    """Softmax along an axis."""
    axis_of(operation.given("axis", -1), len(type_of(operation, "x").shape))
    return float_like(operation)


def cast(operation: Operation) -> list[ValueType]:
    """The same shape in another type."""
    return [tensor(CASTS[operation.given("dtype")], type_of(operation, "x").shape)]


def select(operation: Operation) -> list[ValueType]:
    """Elements of one value or another."""
    cond, one, other = (type_of(operation, each) for each in ("cond", "a", "b"))
    require(cond.dtype == "bool" and one.dtype == other.dtype, f"select of {cond}, {one}, {other}")
    return [tensor(one.dtype, broadcast(cond.shape, broadcast(one.shape, other.shape)))]


def along(operation: Operation) -> None:
    """Scales and zero points of activations: one, or one for each length of an axis."""
    data, axis = type_of(operation, "input"), operation.given("axis")
    for name in ("scale", "zero_point"):
        shape = type_of(operation, name).shape if name in operation.arguments else ()
        if shape:
            length = data.shape[axis_of(axis, len(data.shape))]
            require(
                len(shape) == 1 and length in {None, shape[0]},
                f"{name} of shape {shape} along axis {axis} of {data}",
            )


def quantize(operation: Operation) -> list[ValueType]:
    """Activations to 8 bits."""
    along(operation)
    dtype = operation.given("output_dtype")
    require(
        dtype in {"int8", "uint8"} and type_of(operation, "input").dtype in FLOATS, f"to '{str(dtype)[:40]}'"
    )
    return [tensor(dtype, type_of(operation, "input").shape)]


def dequantize(operation: Operation) -> list[ValueType]:
    """Activations from 8 bits."""
    along(operation)
    require(type_of(operation, "input").dtype in {"int8", "uint8"}, f"input is {type_of(operation, 'input')}")
    return [tensor(type_of(operation, "scale").dtype, type_of(operation, "input").shape)]


def state(operation: Operation) -> list[ValueType]:
    """Reading a state, or writing it."""
    state = type_of(operation, "input")
    require(state.kind == "state", f"input is {state.kind}, wanted a state")
    inside = ValueType("tensor", state.dtype, state.shape)
    if operation.kind == "read_state":
        return [inside]
    require(
        agree(type_of(operation, "data"), inside), f"{type_of(operation, 'data')} for a state of {inside}"
    )
    return []


def classify(operation: Operation) -> list[ValueType]:
    """Labels from probabilities: the best label, and a dictionary of all."""
    chances, classes = type_of(operation, "probabilities"), operation.given("classes")
    require(chances.dtype == "float32", f"probabilities are {chances}")
    labels: Value | None = operation.value("classes")
    require(
        labels is not None and labels.type.kind == "list" and isinstance(classes, list), "classes are no list"
    )
    require(chances.count in {None, len(classes)}, f"{len(classes)} classes for {chances}")
    return [
        ValueType("tensor", "string" if isinstance(classes[0], str) else "int64"),
        ValueType("dictionary"),
    ]
