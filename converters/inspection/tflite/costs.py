"""Multiply-accumulates of TFLite operators."""

from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType

from converters.inspection.report import Graph, Operator


def _shape(graph: Graph, places: tuple[int, ...], at: int) -> tuple[int, ...] | None:
    """Lengths of the axes with an open first one, the batch, as 1; ``None`` where another is open."""
    if at >= len(places) or places[at] < 0:
        return None
    shape = graph.tensors[places[at]].shape
    if shape is None or any(each is None for each in shape[1:]):
        return None
    return tuple(1 if each is None else each for each in shape)


def _convolution(graph: Graph, operator: Operator) -> int | None:
    """Outputs x what one filter covers: (out, height, width, in), in 3-D (depth, height, width, in, out)."""
    out, weight = _shape(graph, operator.outputs, 0), _shape(graph, operator.inputs, 1)
    if out is None or weight is None:
        return None
    return prod(out) * (prod(weight[:-1]) if operator.kind == "CONV_3D" else prod(weight[1:]))


def _depthwise(graph: Graph, operator: Operator) -> int | None:
    out, weight = _shape(graph, operator.outputs, 0), _shape(graph, operator.inputs, 1)
    return None if out is None or weight is None else prod(out) * prod(weight[1:3])


def _transposed(graph: Graph, operator: Operator) -> int | None:
    """Every input element meets every tap: weights are (out, height, width, in)."""
    taken, weight = _shape(graph, operator.inputs, 2), _shape(graph, operator.inputs, 1)
    return None if taken is None or weight is None else prod(taken) * prod(weight[:-1])


def _dense(graph: Graph, operator: Operator) -> int | None:
    out, weight = _shape(graph, operator.outputs, 0), _shape(graph, operator.inputs, 1)
    return None if out is None or weight is None else prod(out) * weight[-1]


def _matmul(graph: Graph, operator: Operator) -> int | None:
    out, left = _shape(graph, operator.outputs, 0), _shape(graph, operator.inputs, 0)
    if out is None or left is None:
        return None
    return prod(out) * left[-2 if operator.options.get("adj_x") else -1]


_COUNTED: Mapping[str, Callable[[Graph, Operator], int | None]] = MappingProxyType(
    {
        "CONV_2D": _convolution,
        "CONV_3D": _convolution,
        "DEPTHWISE_CONV_2D": _depthwise,
        "TRANSPOSE_CONV": _transposed,
        "FULLY_CONNECTED": _dense,
        "BATCH_MATMUL": _matmul,
    }
)


def macs(graph: Graph, operator: Operator) -> int | None:
    """See `converters.inspection.reading.Reader`."""
    count = _COUNTED.get(operator.kind)
    return 0 if count is None else count(graph, operator)
