"""Operators that act on each element."""

import operator
from collections.abc import Callable, Mapping
from functools import partial, reduce
from types import MappingProxyType
from typing import Any

import torch
from torch.nn import functional

from converters.sources.lowering.builder import Lowering, Node, Value
from converters.sources.tf_ops.attributes import Operator, dtype_of


def _unary(function: Callable[..., Any]) -> Operator:
    return lambda lower, _node, x: lower.elementwise(function, x)


def _binary(function: Callable[..., Any]) -> Operator:
    return lambda lower, _node, x, y: lower.arithmetic(function, x, y)


def _tensors(function: Callable[..., Any]) -> Operator:
    return lambda lower, _node, *given: lower.elementwise(function, *given)


def _divided(rounding: str) -> Operator:
    return lambda lower, _node, x, y: lower.elementwise(torch.div, x, y, rounding_mode=rounding)


def _first(_lower: Lowering, _node: Node, x: Any, *_rest: Value) -> Any:
    return x


def _all(_lower: Lowering, _node: Node, *given: Any) -> list[Any]:
    return list(given)


def _division(lower: Lowering, _node: Node, x: Value, y: Value) -> Value:
    if x.example.is_floating_point():
        return lower.arithmetic(operator.truediv, x, y)
    return lower.elementwise(torch.div, x, y, rounding_mode="trunc")


def _divide_or_zero(lower: Lowering, _node: Node, x: Value, y: Value) -> Value:
    nothing = lower.arithmetic(operator.eq, y, lower.constant(torch.zeros((), dtype=y.example.dtype)))
    safe = lower.elementwise(torch.where, nothing, lower.constant(torch.ones((), dtype=y.example.dtype)), y)
    zero = lower.constant(torch.zeros((), dtype=x.example.dtype))
    return lower.elementwise(torch.where, nothing, zero, lower.arithmetic(operator.truediv, x, safe))


def _complement(lower: Lowering, _node: Node, x: Value) -> Value:
    """Erfc: the formats have erf."""
    return lower.elementwise(operator.sub, 1.0, lower.elementwise(torch.erf, x))


def _exp_minus(lower: Lowering, _node: Node, x: Value) -> Value:
    return lower.elementwise(operator.sub, lower.elementwise(torch.exp, x), 1.0)


def _log_plus(lower: Lowering, _node: Node, x: Value) -> Value:
    return lower.elementwise(torch.log, lower.elementwise(operator.add, x, 1.0))


def _squared_difference(lower: Lowering, _node: Node, x: Value, y: Value) -> Value:
    return lower.elementwise(torch.square, lower.arithmetic(operator.sub, x, y))


def _sum(lower: Lowering, _node: Node, *given: Value) -> Value:
    return reduce(partial(lower.arithmetic, operator.add), given)


def _bias_add(lower: Lowering, node: Node, x: Value, bias: Value) -> Value:
    if str(node.get("data_format")).startswith("NC"):
        bias = lower.reshape(bias, (-1,) + (1,) * (x.rank - 2))
    return lower.arithmetic(operator.add, x, bias)


def _leaky_relu(lower: Lowering, node: Node, x: Value) -> Value:
    return lower.elementwise(functional.leaky_relu, x, negative_slope=node.get("alpha", 0.2))


def _clip(lower: Lowering, _node: Node, x: Value, low: Value, high: Value) -> Value:
    limits = {
        "min": lower.known(low, "clip_value_min").item(),
        "max": lower.known(high, "clip_value_max").item(),
    }
    return lower.elementwise(torch.clamp, x, **limits)


def _select(lower: Lowering, _node: Node, condition: Value, x: Value, y: Value) -> Value:
    """A condition of one axis chooses along the first, as the older operator does."""
    if _node.op == "Select" and condition.rank == 1 and x.rank > 1:
        condition = lower.reshape(condition, (-1,) + (1,) * (x.rank - 1))
    return lower.elementwise(torch.where, condition, x, y)


def _cast(lower: Lowering, node: Node, x: Value) -> Value:
    dtype = dtype_of(node, "DstT")
    return x if x.example.dtype == dtype else lower.elementwise("to", x, dtype)


def _zeros_like(lower: Lowering, _node: Node, x: Value) -> Value:
    return lower.constant(torch.zeros_like(x.example))


def _ones_like(lower: Lowering, _node: Node, x: Value) -> Value:
    return lower.constant(torch.ones_like(x.example))


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        **{
            name: _unary(function)
            for name, function in {
                "Abs": torch.abs, "Acos": torch.acos, "Acosh": torch.acosh, "Asin": torch.asin, "Asinh": torch.asinh,
                "Atan": torch.atan, "Atanh": torch.atanh, "Ceil": torch.ceil, "Cos": torch.cos, "Cosh": torch.cosh,
                "Elu": functional.elu, "Erf": torch.erf, "Exp": torch.exp, "Floor": torch.floor,
                "IsNan": torch.isnan, "Log": torch.log, "LogicalNot": torch.logical_not, "Neg": torch.neg,
                "Reciprocal": torch.reciprocal, "Relu": torch.relu, "Relu6": functional.relu6, "Rint": torch.round,
                "Round": torch.round, "Rsqrt": torch.rsqrt, "Selu": functional.selu, "Sigmoid": torch.sigmoid,
                "Sign": torch.sign, "Sin": torch.sin, "Sinh": torch.sinh, "Softplus": functional.softplus,
                "Softsign": functional.softsign, "Sqrt": torch.sqrt, "Square": torch.square, "Tan": torch.tan,
                "Tanh": torch.tanh,
            }.items()
        },
        **{
            name: _binary(function)
            for name, function in {
                "Add": operator.add, "AddV2": operator.add, "Sub": operator.sub, "Mul": operator.mul,
                "Pow": operator.pow, "Equal": operator.eq, "NotEqual": operator.ne, "Less": operator.lt,
                "LessEqual": operator.le, "Greater": operator.gt, "GreaterEqual": operator.ge,
            }.items()
        },
        "Maximum": _tensors(torch.maximum), "Minimum": _tensors(torch.minimum),
        "LogicalAnd": _tensors(torch.logical_and), "LogicalOr": _tensors(torch.logical_or),
        "FloorMod": _tensors(torch.remainder), "FloorDiv": _divided("floor"), "RealDiv": _division, "Div": _division,
        "DivNoNan": _divide_or_zero, "Erfc": _complement, "Expm1": _exp_minus, "Log1p": _log_plus,
        "SquaredDifference": _squared_difference, "AddN": _sum, "BiasAdd": _bias_add, "LeakyRelu": _leaky_relu,
        "ClipByValue": _clip, "Select": _select, "SelectV2": _select, "Cast": _cast,
        "ZerosLike": _zeros_like, "OnesLike": _ones_like,
        **dict.fromkeys(("Identity", "StopGradient", "PreventGradient", "Snapshot", "EnsureShape"), _first),
        "IdentityN": _all,
    }
)  # fmt: skip
