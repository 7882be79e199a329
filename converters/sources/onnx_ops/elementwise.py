"""Operators that act on each element."""

import math
import operator
from collections.abc import Callable, Mapping
from functools import partial, reduce
from types import MappingProxyType
from typing import Any

import torch
from torch.nn import functional

from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value
from converters.sources.onnx_ops.settings import Operator, number, only

DTYPES: Mapping[int, torch.dtype] = MappingProxyType(
    {
        1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64, 9: torch.bool,
        10: torch.float16, 11: torch.float64, 16: torch.bfloat16,
    }
)  # fmt: skip
"""By number of ``TensorProto.DataType``."""

_SELU = 1.67326319217681884765625, 1.05070102214813232421875


def _unary(function: Callable[..., Any]) -> Operator:
    return lambda lower, _node, x: lower.elementwise(function, x)


def _binary(function: Callable[..., Any]) -> Operator:
    return lambda lower, _node, x, y: lower.arithmetic(function, x, y)


def _tensors(function: Callable[..., Any]) -> Operator:
    return lambda lower, _node, *given: lower.elementwise(function, *given)


def _folded(function: Callable[..., Any]) -> Operator:
    """Any number of inputs, two at a time."""
    return lambda lower, _node, *given: reduce(partial(lower.elementwise, function), given)


def _div(lower: Lowering, _node: Node, x: Value, y: Value) -> Value:
    if x.example.is_floating_point():
        return lower.arithmetic(operator.truediv, x, y)
    return lower.elementwise(torch.div, x, y, rounding_mode="trunc")


def _mod(lower: Lowering, node: Node, x: Value, y: Value) -> Value:
    return lower.elementwise(torch.fmod if node.get("fmod") else torch.remainder, x, y)


def _pow(lower: Lowering, _node: Node, x: Value, y: Value) -> Value:
    made = lower.arithmetic(operator.pow, x, y)
    return cast(lower, made, x.example.dtype)


def _mean(lower: Lowering, _node: Node, *given: Value) -> Value:
    total = reduce(partial(lower.elementwise, torch.add), given)
    return lower.elementwise(torch.div, total, len(given))


def _clip(
    lower: Lowering, node: Node, x: Value, low: Value | None = None, high: Value | None = None
) -> Value:
    least, most = number(lower, node, "min", low), number(lower, node, "max", high)
    least = None if least is not None and least <= -3.4e38 else least  # noqa: PLR2004 - float32's lowest: older opsets' default
    most = None if most is not None and most >= 3.4e38 else most  # noqa: PLR2004
    match least, most:
        case None, None:
            return x
        case 0, None:
            return lower.elementwise(torch.relu, x)
        case 0, 6:
            return lower.elementwise(functional.relu6, x)
        case _:
            return lower.elementwise(torch.clamp, x, min=least, max=most)


def _leaky_relu(lower: Lowering, node: Node, x: Value) -> Value:
    return lower.elementwise(functional.leaky_relu, x, negative_slope=node.get("alpha", 0.01))


def _elu(lower: Lowering, node: Node, x: Value) -> Value:
    return lower.elementwise(functional.elu, x, alpha=node.get("alpha", 1.0))


def _celu(lower: Lowering, node: Node, x: Value) -> Value:
    return lower.elementwise(functional.celu, x, alpha=node.get("alpha", 1.0))


def _selu(lower: Lowering, node: Node, x: Value) -> Value:
    alpha, gamma = node.get("alpha", _SELU[0]), node.get("gamma", _SELU[1])
    if math.isclose(alpha, _SELU[0], rel_tol=1e-6) and math.isclose(gamma, _SELU[1], rel_tol=1e-6):
        return lower.elementwise(functional.selu, x)
    return lower.elementwise(operator.mul, lower.elementwise(functional.elu, x, alpha=alpha), gamma)


def _hard_sigmoid(lower: Lowering, node: Node, x: Value) -> Value:
    alpha, beta = node.get("alpha", 0.2), node.get("beta", 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:  # noqa: PLR2004 - torch's own
        return lower.elementwise(functional.hardsigmoid, x)
    line = lower.elementwise(operator.add, lower.elementwise(operator.mul, x, alpha), beta)
    return lower.elementwise(torch.clamp, line, min=0.0, max=1.0)


def _gelu(lower: Lowering, node: Node, x: Value) -> Value:
    return lower.elementwise(functional.gelu, x, approximate=only(node, "approximate", "none", "tanh"))


def _swish(lower: Lowering, node: Node, x: Value) -> Value:
    alpha = node.get("alpha", 1.0)
    scaled = x if alpha == 1 else lower.elementwise(operator.mul, x, alpha)
    return lower.elementwise(operator.mul, x, lower.elementwise(torch.sigmoid, scaled))


def _thresholded_relu(lower: Lowering, node: Node, x: Value) -> Value:
    return lower.elementwise(functional.threshold, x, node.get("alpha", 1.0), 0.0)


def _prelu(lower: Lowering, _node: Node, x: Value, slope: Value) -> Value:
    if slope.is_constant and slope.example.numel() == 1:
        return lower.elementwise(functional.leaky_relu, x, negative_slope=slope.example.item())
    if slope.is_constant and x.rank > 1 and slope.shape == (x.shape[1],) + (1,) * (x.rank - 2):
        return lower.call(functional.prelu, x, lower.constant(slope.example.reshape(-1), slope.name))
    falling = lower.elementwise(operator.mul, slope, lower.elementwise(torch.clamp, x, max=0.0))
    return lower.elementwise(operator.add, lower.elementwise(torch.relu, x), falling)


def _is_inf(lower: Lowering, node: Node, x: Value) -> Value:
    only(node, "detect_negative", 1)
    only(node, "detect_positive", 1)
    return lower.elementwise(torch.isinf, x)


def _cast(lower: Lowering, node: Node, x: Value) -> Value:
    dtype = DTYPES.get(node.get("to"))
    if dtype is None:
        raise NotCoveredError(
            f"it casts to type {node.get('to')} of ONNX, which torch's operators do not take"
        )
    return cast(lower, x, dtype)


def cast(lower: Lowering, x: Value, dtype: torch.dtype) -> Value:
    """Change the type of elements, where it is not that already."""
    return x if x.example.dtype == dtype else lower.elementwise("to", x, dtype)


def _cast_like(lower: Lowering, _node: Node, x: Value, like: Value) -> Value:
    return cast(lower, x, like.example.dtype)


def _first(_lower: Lowering, _node: Node, x: Value, *_rest: Value | None) -> Value:
    return x


def _constant(lower: Lowering, node: Node) -> Value:
    if len(node.attributes) != 1 or next(iter(node.attributes)) not in {
        "value", "value_float", "value_floats", "value_int", "value_ints",
    }:  # fmt: skip
        raise NotCoveredError(f"its value is given as {', '.join(node.attributes)}")
    name, value = next(iter(node.attributes.items()))
    dtype = {"value": None, "value_float": torch.float32, "value_floats": torch.float32}.get(
        name, torch.int64
    )
    return lower.constant(value if dtype is None else torch.tensor(value, dtype=dtype), node.name)


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        **{
            name: _unary(function)
            for name, function in {
                "Abs": torch.abs, "Acos": torch.acos, "Acosh": torch.acosh, "Asin": torch.asin, "Asinh": torch.asinh,
                "Atan": torch.atan, "Atanh": torch.atanh, "Ceil": torch.ceil, "Cos": torch.cos, "Cosh": torch.cosh,
                "Erf": torch.erf, "Exp": torch.exp, "Floor": torch.floor, "HardSwish": functional.hardswish,
                "IsNaN": torch.isnan, "Log": torch.log, "Mish": functional.mish, "Neg": torch.neg,
                "Not": torch.logical_not, "Reciprocal": torch.reciprocal, "Relu": torch.relu, "Round": torch.round,
                "Sigmoid": torch.sigmoid, "Sign": torch.sign, "Sin": torch.sin, "Sinh": torch.sinh,
                "Softplus": functional.softplus, "Softsign": functional.softsign, "Sqrt": torch.sqrt,
                "Tan": torch.tan, "Tanh": torch.tanh,
            }.items()
        },
        **{
            name: _binary(function)
            for name, function in {
                "Add": operator.add, "Sub": operator.sub, "Mul": operator.mul, "Equal": operator.eq,
                "Less": operator.lt, "LessOrEqual": operator.le, "Greater": operator.gt, "GreaterOrEqual": operator.ge,
            }.items()
        },
        "And": _tensors(torch.logical_and), "Or": _tensors(torch.logical_or), "Xor": _tensors(torch.logical_xor),
        "Where": _tensors(torch.where),
        "Max": _folded(torch.maximum), "Min": _folded(torch.minimum), "Sum": _folded(torch.add), "Mean": _mean,
        "Div": _div, "Mod": _mod, "Pow": _pow, "Clip": _clip, "LeakyRelu": _leaky_relu, "Elu": _elu, "Celu": _celu,
        "Selu": _selu, "HardSigmoid": _hard_sigmoid, "Gelu": _gelu, "Swish": _swish,
        "ThresholdedRelu": _thresholded_relu, "PRelu": _prelu, "IsInf": _is_inf,
        "Cast": _cast, "CastLike": _cast_like, "Identity": _first, "Dropout": _first, "Constant": _constant,
    }
)  # fmt: skip
