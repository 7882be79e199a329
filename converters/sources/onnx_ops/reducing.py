"""Operators that reduce axes, order elements, or normalize over axes."""

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch.nn import functional

from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value
from converters.sources.onnx_ops.settings import Operator, axes, number, only

_SOFTMAX_ON_AXIS = 13
_GROUP_PER_CHANNEL = 21


def _reduced(function: Callable[..., Any], before: Any = None, after: Any = None) -> Operator:
    """Reduce axes, with a function of elements before and after."""

    def reduce(lower: Lowering, node: Node, x: Value, given: Value | None = None) -> Value:
        found = axes(lower, node, x, given)
        if not found:
            if node.get("noop_with_empty_axes"):
                return x
            found = list(range(x.rank))
        made = x if before is None else lower.elementwise(before, x)
        made = lower.reduce(function, made, found, keep=bool(node.get("keepdims", 1)))
        return made if after is None else lower.elementwise(after, made)

    return reduce


def _product(lower: Lowering, node: Node, x: Value, given: Value | None = None) -> Value:
    """Torch multiplies along one axis at a time."""
    found = axes(lower, node, x, given)
    if not found:
        found = [] if node.get("noop_with_empty_axes") else list(range(x.rank))
    for axis in reversed(found):
        x = lower.call(torch.prod, x, axis, keepdim=bool(node.get("keepdims", 1)))
    return x


def _global(function: Callable[..., Any]) -> Operator:
    return lambda lower, _node, x: lower.reduce(function, x, range(2, x.rank), keep=True)


def _extreme(function: Callable[..., Any]) -> Operator:
    def choose(lower: Lowering, node: Node, x: Value) -> Value:
        only(node, "select_last_index", 0)
        axis = x.axis(node.get("axis", 0))
        return lower.call(function, x, dim=axis, keepdim=bool(node.get("keepdims", 1)))

    return choose


def _top_k(lower: Lowering, node: Node, x: Value, k: Value | None = None) -> list[Value]:
    count = int(number(lower, node, "k", k))
    made = lower.call(
        torch.topk,
        x,
        count,
        dim=x.axis(node.get("axis", -1)),
        largest=bool(node.get("largest", 1)),
        sorted=True,
    )
    return [lower.item(made, 0), lower.item(made, 1)]


def _soft(function: Callable[..., Any]) -> Operator:
    """Before opset 13 all axes from the given one on count as one."""

    def apply(lower: Lowering, node: Node, x: Value) -> Value:
        if node.opset >= _SOFTMAX_ON_AXIS:
            return lower.along(function, x, node.get("axis", -1))
        axis = x.axis(node.get("axis", 1))
        if all(length == 1 for length in x.shape[axis + 1 :]):
            return lower.along(function, x, axis)
        flat = lower.reshape(x, (*x.shape[:axis], -1) if axis else (1, x.example.numel()))
        return lower.reshape(lower.along(function, flat, -1), x.shape)

    return apply


def _hardmax(lower: Lowering, node: Node, x: Value) -> Value:
    axis = x.axis(node.get("axis", -1 if node.opset >= _SOFTMAX_ON_AXIS else 1))
    if node.opset < _SOFTMAX_ON_AXIS and axis != x.rank - 1:
        raise NotCoveredError("before opset 13 only its last axis is covered")
    largest = lower.call(torch.argmax, x, dim=axis, keepdim=True)
    places = torch.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.rank - 1 - axis))
    return lower.elementwise(
        "to", lower.elementwise(torch.eq, largest, lower.constant(places)), x.example.dtype
    )


def _batch_normalization(
    lower: Lowering, node: Node, x: Value, scale: Value, shift: Value, mean: Value, variance: Value
) -> Value:
    only(node, "training_mode", 0)
    only(node, "spatial", 1)
    named = {"scale": scale, "B": shift, "mean": mean, "var": variance}
    gain, offset, center, spread = (lower.known(each, name).double() for name, each in named.items())
    factor = gain / torch.sqrt(spread + node.get("epsilon", 1e-5))
    return lower.scaled(x, factor, offset - center * factor)


def _layer_normalization(
    lower: Lowering, node: Node, x: Value, scale: Value, shift: Value | None = None
) -> Value:
    shape = list(x.shape[x.axis(node.get("axis", -1)) :])
    weights = [
        each if each is None or each.shape == tuple(shape) else lower.call("expand", each, shape)
        for each in (scale, shift)
    ]
    return lower.call(functional.layer_norm, x, shape, *weights, node.get("epsilon", 1e-5))


def _rms_normalization(lower: Lowering, node: Node, x: Value, scale: Value) -> Value:
    places = list(range(x.axis(node.get("axis", -1)), x.rank))
    mean = lower.reduce(torch.mean, lower.elementwise(torch.square, x), places, keep=True)
    inverse = lower.elementwise(torch.rsqrt, lower.elementwise(operator.add, mean, node.get("epsilon", 1e-5)))
    return lower.elementwise(operator.mul, lower.elementwise(operator.mul, x, inverse), scale)


def _instance_normalization(lower: Lowering, node: Node, x: Value, scale: Value, shift: Value) -> Value:
    return lower.call(functional.instance_norm, x, weight=scale, bias=shift, eps=node.get("epsilon", 1e-5))


def _group_normalization(lower: Lowering, node: Node, x: Value, scale: Value, shift: Value) -> Value:
    groups = node.get("num_groups")
    if node.opset < _GROUP_PER_CHANNEL:  # one number a group
        size = x.shape[1] // groups
        scale, shift = (lower.call(torch.repeat_interleave, each, size) for each in (scale, shift))
    return lower.call(functional.group_norm, x, groups, scale, shift, node.get("epsilon", 1e-5))


def _mean_variance_normalization(lower: Lowering, node: Node, x: Value) -> Value:
    places = [x.axis(each) for each in node.get("axes", [0, 2, 3])]
    centered = lower.elementwise(operator.sub, x, lower.reduce(torch.mean, x, places, keep=True))
    variance = lower.reduce(torch.mean, lower.elementwise(torch.square, centered), places, keep=True)
    deviation = lower.elementwise(operator.add, lower.elementwise(torch.sqrt, variance), 1e-9)
    return lower.elementwise(operator.truediv, centered, deviation)


def _lp_normalization(lower: Lowering, node: Node, x: Value) -> Value:
    axis = [x.axis(node.get("axis", -1))]
    if only(node, "p", 2, 1) == 1:
        norm = lower.reduce(torch.sum, lower.elementwise(torch.abs, x), axis, keep=True)
    else:
        squares = lower.reduce(torch.sum, lower.elementwise(torch.square, x), axis, keep=True)
        norm = lower.elementwise(torch.sqrt, squares)
    return lower.elementwise(operator.truediv, x, norm)


def _local_response(lower: Lowering, node: Node, x: Value) -> Value:
    size = node.get("size")
    if size % 2 == 0:
        raise NotCoveredError("its size is even, and only odd sizes are covered")
    return lower.call(
        functional.local_response_norm,
        x,
        size,
        node.get("alpha", 1e-4),
        node.get("beta", 0.75),
        node.get("bias", 1.0),
    )


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "ReduceMean": _reduced(torch.mean), "ReduceSum": _reduced(torch.sum), "ReduceMax": _reduced(torch.amax),
        "ReduceMin": _reduced(torch.amin), "ReduceProd": _product, "ReduceL1": _reduced(torch.sum, torch.abs),
        "ReduceL2": _reduced(torch.sum, torch.square, torch.sqrt), "ReduceSumSquare": _reduced(torch.sum, torch.square),
        "ReduceLogSum": _reduced(torch.sum, None, torch.log), "ReduceLogSumExp": _reduced(torch.logsumexp),
        "GlobalAveragePool": _global(torch.mean), "GlobalMaxPool": _global(torch.amax),
        "ArgMax": _extreme(torch.argmax), "ArgMin": _extreme(torch.argmin), "TopK": _top_k,
        "Softmax": _soft(torch.softmax), "LogSoftmax": _soft(torch.log_softmax), "Hardmax": _hardmax,
        "BatchNormalization": _batch_normalization, "LayerNormalization": _layer_normalization,
        "RMSNormalization": _rms_normalization, "InstanceNormalization": _instance_normalization,
        "GroupNormalization": _group_normalization, "MeanVarianceNormalization": _mean_variance_normalization,
        "LpNormalization": _lp_normalization, "LRN": _local_response,
    }
)  # fmt: skip
