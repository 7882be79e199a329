"""Multiply-accumulates of ONNX operators, from shapes alone; where the batch is open, as counted at a batch of one."""

from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType

from converters.inspection.report import Graph, Operator, Tensor

Cost = Callable[[Operator, list[Tensor | None], list[Tensor | None]], int | None]

# Operators whose work depends on what only runs can tell, or on branches.
OPEN = frozenset(
    {"If", "Loop", "Scan", "SequenceMap", "Attention", "MultiHeadAttention", "GroupQueryAttention"}
)


def macs(graph: Graph, operator: Operator) -> int | None:
    """Multiply-accumulates of one operator; see `converters.inspection.reading.Reader`."""
    counted = operator.options.get("macs")
    if isinstance(counted, int):
        return counted
    inputs = [None if each < 0 else graph.tensors[each] for each in operator.inputs]
    outputs = [None if each < 0 else graph.tensors[each] for each in operator.outputs]
    cost = COSTS.get(operator.kind)
    if cost is not None:
        return cost(operator, inputs, outputs)
    return None if operator.custom or operator.kind in OPEN else 0


def _shape(tensors: list[Tensor | None], place: int) -> tuple[int, ...] | None:
    """Lengths of a value; ``None`` where one is open."""
    tensor = tensors[place] if place < len(tensors) else None
    if tensor is None or tensor.shape is None:
        return None
    known = tuple(each for each in tensor.shape if each is not None)
    return known if len(known) == len(tensor.shape) else None


def _convolution(weight: int) -> Cost:
    def cost(operator: Operator, inputs: list[Tensor | None], outputs: list[Tensor | None]) -> int | None:
        del operator
        kernel, out = _shape(inputs, weight), _shape(outputs, 0)
        return None if kernel is None or out is None else prod(out) * prod(kernel[1:])

    return cost


def _transposed(operator: Operator, inputs: list[Tensor | None], outputs: list[Tensor | None]) -> int | None:
    """Each input element meets the whole kernel of its group."""
    del operator, outputs
    data, kernel = _shape(inputs, 0), _shape(inputs, 1)
    return None if data is None or kernel is None else prod(data) * prod(kernel[1:])


def _gemm(operator: Operator, inputs: list[Tensor | None], outputs: list[Tensor | None]) -> int | None:
    left, out = _shape(inputs, 0), _shape(outputs, 0)
    if left is None or out is None or len(left) != 2:  # noqa: PLR2004 - Gemm takes matrices
        return None
    return prod(out) * left[0 if operator.options.get("transA") else 1]


def _product(right: int) -> Cost:
    """A matrix product: each output element sums over the second-last axis of the right side."""

    def cost(operator: Operator, inputs: list[Tensor | None], outputs: list[Tensor | None]) -> int | None:
        del operator
        factor, out = _shape(inputs, right), _shape(outputs, 0)
        if factor is None or out is None or not factor:
            return None
        return prod(out) * factor[-2 if len(factor) > 1 else 0]

    return cost


def _n_bits(operator: Operator, inputs: list[Tensor | None], outputs: list[Tensor | None]) -> int | None:
    del outputs
    left, columns = _shape(inputs, 0), operator.options.get("N")
    return None if left is None or not isinstance(columns, int) else prod(left) * columns


def _recurrent(gates: int) -> Cost:
    """Each step and direction: every gate takes the input and the last state."""

    def cost(operator: Operator, inputs: list[Tensor | None], outputs: list[Tensor | None]) -> int | None:
        del outputs
        data, weight, state = (_shape(inputs, each) for each in range(3))
        if data is None or weight is None or state is None or len(data) != 3 or len(state) != 3:  # noqa: PLR2004
            return None
        del operator
        steps = data[0] * data[1]  # in either layout, one is the batch
        directions, hidden, features = state[0], state[2], data[2]
        return steps * directions * gates * hidden * (hidden + features)

    return cost


def _einsum(operator: Operator, inputs: list[Tensor | None], outputs: list[Tensor | None]) -> int | None:
    """One multiplication for each combination of all indices, where there are two factors or more."""
    del outputs
    equation = str(operator.options.get("equation", "")).replace(" ", "")
    terms = equation.split("->")[0].split(",")
    if len(terms) < 2:  # noqa: PLR2004 - a transpose or a sum
        return 0
    lengths: dict[str, int] = {}
    for place, term in enumerate(terms):
        shape = _shape(inputs, place)
        if shape is None or len(shape) != len(term):  # an ellipsis, or repeated axes that broadcast
            return None
        lengths |= dict(zip(term, shape, strict=True))
    return prod(lengths.values()) * (len(terms) - 1)


COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "Conv": _convolution(1),
        "FusedConv": _convolution(1),
        "ConvInteger": _convolution(1),
        "DeformConv": _convolution(1),
        "QLinearConv": _convolution(3),
        "ConvTranspose": _transposed,
        "Gemm": _gemm,
        "FusedGemm": _gemm,
        "QGemm": _gemm,
        "MatMul": _product(1),
        "MatMulInteger": _product(1),
        "MatMulIntegerToFloat": _product(1),
        "DynamicQuantizeMatMul": _product(1),
        "QLinearMatMul": _product(3),
        "MatMulNBits": _n_bits,
        "LSTM": _recurrent(4),
        "GRU": _recurrent(3),
        "RNN": _recurrent(1),
        "Einsum": _einsum,
    }
)
