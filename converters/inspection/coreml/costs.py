"""Multiply-accumulates of Core ML operations and layers, from shapes alone; an open first axis is a batch of one."""

from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType

from converters.inspection.report import Graph, Operator, Tensor

Cost = Callable[[Operator, list[Tensor], list[Tensor]], int | None]

# Work that only a run tells, or that lies in blocks.
OPEN = frozenset({"cond", "while_loop", "loop", "branch", "einsum"})


def macs(graph: Graph, operator: Operator) -> int | None:
    """Multiply-accumulates of one operator; see `converters.inspection.reading.Reader`."""
    inputs = [graph.tensors[each] for each in operator.inputs]
    outputs = [graph.tensors[each] for each in operator.outputs]
    cost = COSTS.get(operator.kind)
    if cost is not None:
        return cost(operator, inputs, outputs)
    return None if operator.custom or operator.kind in OPEN else 0


def _shape(tensors: list[Tensor], place: int) -> tuple[int, ...] | None:
    """Lengths of a value with an open batch as one; ``None`` where anything else is open."""
    if place >= len(tensors) or tensors[place].shape is None:
        return None
    shape = tensors[place].shape or ()
    lengths = [1 if axis == 0 and each is None else each for axis, each in enumerate(shape)]
    known = tuple(each for each in lengths if each is not None)
    return known if len(known) == len(lengths) else None


def _filter(operator: Operator, inputs: list[Tensor], outputs: list[Tensor]) -> int | None:
    """Each output element meets a kernel: all but the first axis of the weight."""
    del operator
    weight, out = _shape(inputs, 1), _shape(outputs, 0)
    return None if weight is None or out is None else prod(out) * prod(weight[1:])


def _transposed(operator: Operator, inputs: list[Tensor], outputs: list[Tensor]) -> int | None:
    """Each input element meets the whole kernel of its group."""
    del operator, outputs
    data, weight = _shape(inputs, 0), _shape(inputs, 1)
    return None if data is None or weight is None else prod(data) * prod(weight[1:])


def _product(operator: Operator, inputs: list[Tensor], outputs: list[Tensor]) -> int | None:
    left, out = _shape(inputs, 0), _shape(outputs, 0)
    if left is None or out is None or not left:
        return None
    return prod(out) * left[-2 if operator.options.get("transpose_x") else -1]


def _recurrent(gates: int) -> Cost:
    """Each step and direction: every gate takes the input and the last state."""

    def cost(operator: Operator, inputs: list[Tensor], outputs: list[Tensor]) -> int | None:
        data, state = _shape(inputs, 0), _shape(outputs, 1)
        if data is None or state is None or len(data) != 3:  # noqa: PLR2004 - steps, batch, features
            return None
        ways = 2 if operator.options.get("direction") == "bidirectional" else 1
        hidden = state[-1] // ways
        return data[0] * data[1] * ways * gates * hidden * (hidden + data[2])

    return cost


def _attention(operator: Operator, inputs: list[Tensor], outputs: list[Tensor]) -> int | None:
    """Queries times keys, then weights times values."""
    del operator
    query, key, out = _shape(inputs, 0), _shape(inputs, 1), _shape(outputs, 0)
    if query is None or key is None or out is None:
        return None
    return (prod(query) + prod(out)) * key[-2]


COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "conv": _filter,
        "conv_transpose": _transposed,
        "linear": _filter,
        "matmul": _product,
        "lstm": _recurrent(4),
        "gru": _recurrent(3),
        "rnn": _recurrent(1),
        "scaled_dot_product_attention": _attention,
        # NeuralNetwork
        "convolution": _filter,
        "deconvolution": _transposed,
        "innerProduct": _filter,
        "batchedMatmul": _product,
        "simpleRecurrent": _recurrent(1),
        "uniDirectionalLSTM": _recurrent(4),
        "biDirectionalLSTM": _recurrent(4),
    }
)
