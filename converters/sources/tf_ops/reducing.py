"""Matrix products, and operators that reduce axes or order elements."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch

from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value
from converters.sources.lowering.spatial import dense
from converters.sources.tf_ops.attributes import DTYPES, Operator
from converters.sources.tf_ops.spatial import path_of

_MATRIX = 2


def _mat_mul(lower: Lowering, node: Node, x: Value, y: Value) -> Value:
    """Both spellings of transposing: of a matrix, and (``adj``) of the last two axes."""
    swapped = [node.get(f"transpose_{each}") or node.get(f"adj_{'xy'['ab'.index(each)]}") for each in "ab"]
    x, y = (_swapped(lower, each) if swap else each for each, swap in zip((x, y), swapped, strict=True))
    if y.is_constant and y.rank == _MATRIX and x.rank >= _MATRIX and y.example.is_floating_point():
        return dense(lower, path_of(node), x, lower.permute(y, (1, 0)))
    return lower.call(torch.matmul, x, y)


def _swapped(lower: Lowering, value: Value) -> Value:
    last = value.rank - 1
    return lower.permute(value, (*range(last - 1), last, last - 1))


def _einsum(lower: Lowering, node: Node, *given: Value) -> Value:
    return lower.call(torch.einsum, node.get("equation"), *given)


def _reduced(function: Callable[..., Any]) -> Operator:
    def reduce(lower: Lowering, node: Node, x: Value, axes: Value) -> Value:
        found = [each % max(1, x.rank) for each in lower.numbers(axes, "axes")]
        if not found:
            return x
        made = lower.reduce(function, x, found, keep=bool(node.get("keep_dims")))
        return (
            made if made.example.dtype == x.example.dtype else lower.elementwise("to", made, x.example.dtype)
        )

    return reduce


def _product(lower: Lowering, node: Node, x: Value, axes: Value) -> Value:
    for axis in sorted((each % x.rank for each in lower.numbers(axes, "axes")), reverse=True):
        made = lower.call(torch.prod, x, axis, keepdim=bool(node.get("keep_dims")))
        x = made if made.example.dtype == x.example.dtype else lower.elementwise("to", made, x.example.dtype)
    return x


def _extreme(function: Callable[..., Any]) -> Operator:
    def choose(lower: Lowering, node: Node, x: Value, axis: Value) -> Value:
        made = lower.call(function, x, dim=lower.numbers(axis, "dimension")[0])
        return lower.elementwise("to", made, DTYPES[node.get("output_type", 9)])

    return choose


def _top_k(lower: Lowering, _node: Node, x: Value, count: Value) -> list[Value]:
    made = lower.call(torch.topk, x, lower.numbers(count, "k")[0], dim=-1)
    return [lower.item(made, 0), lower.elementwise("to", lower.item(made, 1), torch.int32)]


def _soft(function: Callable[..., Any]) -> Operator:
    return lambda lower, _node, x: lower.along(function, x, x.rank - 1)


def _cumulative(lower: Lowering, node: Node, x: Value, axis: Value) -> Value:
    if node.get("exclusive") or node.get("reverse"):
        raise NotCoveredError("it is exclusive or in reverse")
    return lower.along(torch.cumsum, x, lower.numbers(axis, "axis")[0])


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "MatMul": _mat_mul, "BatchMatMul": _mat_mul, "BatchMatMulV2": _mat_mul, "Einsum": _einsum,
        "Mean": _reduced(torch.mean), "Sum": _reduced(torch.sum), "Max": _reduced(torch.amax),
        "Min": _reduced(torch.amin), "Prod": _product, "ArgMax": _extreme(torch.argmax),
        "ArgMin": _extreme(torch.argmin), "TopKV2": _top_k, "Softmax": _soft(torch.softmax),
        "LogSoftmax": _soft(torch.log_softmax), "Cumsum": _cumulative,
    }
)  # fmt: skip
