"""What one inference of a file does, read from an inspection of it.

`prediction` needs no framework, and is imported at use all the same: every command imports this module.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from converters.inspection.report import FileReport, Graph, Operator, Tensor
    from prediction.own import Operation, Sort
    from prediction.workload import Kind, Workload

_MATRIX = 2
_QUANTIZED_WEIGHTS = 3  # place of the weights among the inputs of ONNX's QLinearConv and QLinearMatMul
_BITS = {
    "float64": 64,
    "int64": 64,
    "float16": 16,
    "bfloat16": 16,
    "int16": 16,
    "int8": 8,
    "uint8": 8,
    "bool": 8,
    "int4": 4,
}
_FREE = {"reshape", "squeeze", "expand_dims", "unsqueeze", "flatten", "shape", "identity"}
_MEANS = {"mean", "reducemean"}
_ARITHMETIC = {"add", "sub", "mul"}
_FUNCTIONS = (
    "logistic",
    "sigmoid",
    "softmax",
    "gelu",
    "tanh",
    "exp",
    "rsqrt",
    "sqrt",
    "div",
    "squared_difference",
    "log",
    "pow",
    "erf",
)


def resolution(report: "FileReport") -> str:
    """Height and width of the first input, where it is a picture."""
    shape = _picture(report)
    return "" if shape is None else (f"{shape[0]}" if shape[0] == shape[1] else f"{shape[0]}x{shape[1]}")


def _picture(report: "FileReport") -> tuple[int, int] | None:
    if report.graph is None or not report.graph.inputs:
        return None
    shape = report.graph.tensors[report.graph.inputs[0]].shape or ()
    if len(shape) != 4 or any(each is None for each in shape[1:]):  # noqa: PLR2004 - a batch of pictures
        return None
    _, *sides = (each or 1 for each in shape)
    sides.remove(min(sides))  # the channels, first or last
    return sides[0], sides[1]


def workload_of(report: "FileReport") -> "Workload":
    """What one inference of a file does, operator by operator.

    Args:
        report: of `zoo.artifacts.inspect`.
    """
    from prediction.own import parts  # noqa: PLC0415 - only who predicts pays for it
    from prediction.workload import Operator, Workload  # noqa: PLC0415

    graph, picture = report.graph, _picture(report)
    params = None if report.params is None else float(report.params)
    pixels = None if picture is None else float(picture[0] * picture[1])
    if graph is None or report.macs is None:
        return Workload(params=params, macs=report.macs, pixels=pixels)
    operators = [
        Operator(_kind(graph, each) if macs else None, macs or 0, _elements(graph, each))
        for each, macs in zip(graph.operators, report.macs_by_operator, strict=True)
    ]
    operations = [
        _operation(graph, each, macs or 0)
        for each, macs in zip(graph.operators, report.macs_by_operator, strict=True)
    ]
    return replace(Workload.of_operators(operators, params, pixels), parts=parts(operations))


def _operation(graph: "Graph", operator: "Operator", macs: int) -> "Operation":
    from prediction.own import Operation, Sort  # noqa: PLC0415 - only who predicts pays for it

    given = [graph.tensors[each] for each in operator.inputs if each >= 0]
    made = [graph.tensors[each] for each in operator.outputs]
    shape = (made[0].shape or ()) if made else ()
    moved = [each for each in given if not each.constant]
    return Operation(
        _sort(graph, operator, has_work=macs > 0) if moved else Sort.FREE,
        macs,
        _elements(graph, operator),
        _channels(operator, shape),
        sum(map(_bytes, [*moved, *made])),
        sum(_bytes(each) for each in given if each.constant),
    )


def _channels(operator: "Operator", shape: "tuple[int | None, ...]") -> int:
    """Of an operator's output: last in TFLite, whose kinds are in capitals, else second."""
    return (shape[-1 if operator.kind.isupper() else 1] if len(shape) > 1 else None) or 1


def _bytes(tensor: "Tensor") -> int:
    return (tensor.elements or 0) * _BITS.get(tensor.dtype, 32) // 8


def _sort(graph: "Graph", operator: "Operator", *, has_work: bool) -> "Sort":
    from prediction.own import Sort  # noqa: PLC0415 - only who predicts pays for it
    from prediction.workload import Kind  # noqa: PLC0415

    name = operator.kind.casefold()
    if has_work:
        kind = _kind(graph, operator)
        return Sort.DENSE if kind is Kind.OTHER else Sort(kind.value)
    if name in _FREE:
        return Sort.FREE
    if name.replace("_", "") == "hardswish":
        return Sort.HARD_SWISH
    if "pool" in name or name in _MEANS:
        return Sort.MAX_POOL if "max" in name else Sort.MEAN_POOL
    if name in _ARITHMETIC:
        return Sort.ARITHMETIC
    return Sort.FUNCTION if any(each in name for each in _FUNCTIONS) else Sort.MOVE


def _elements(graph: "Graph", operator: "Operator") -> int:
    return sum(graph.tensors[each].elements or 0 for each in operator.outputs)


def _kind(graph: "Graph", operator: "Operator") -> "Kind":
    """What sort of work an operator with multiply-accumulates does, by its name and the shape of its weights."""
    from prediction.workload import Kind  # noqa: PLC0415 - only who predicts pays for it

    name = operator.kind.casefold()
    place = _QUANTIZED_WEIGHTS if name.startswith("qlinear") else 1
    weights = graph.tensors[operator.inputs[place]] if len(operator.inputs) > place else None
    shape = tuple(each or 1 for each in (weights.shape if weights and weights.shape else ()))
    if "conv" in name:
        groups = operator.options.get("group", operator.options.get("groups", 1))
        if "depthwise" in name or (isinstance(groups, int) and groups > 1 and shape[1:2] == (1,)):
            return Kind.DEPTHWISE
        # TFLite has channels last, others first
        sides = shape[1:-1] if operator.kind.isupper() else shape[2:]
        return Kind.CONV if any(each > 1 for each in sides) else Kind.POINTWISE
    of_weights = len(shape) == _MATRIX or (weights is not None and weights.constant)
    return Kind.DENSE if of_weights else Kind.OTHER
