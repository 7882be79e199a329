"""What follows from a graph whatever its format: parameters, weights by type, precision, memory.

Parameters are the elements of all constants that operators compute with: weights, biases, norms, codebooks
decoded; not shapes, axes and the like (integers that are not quantized), and not scales and zero points.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from converters.inspection.elements import BITS
from converters.inspection.report import Granularity, Graph, Tensor, WeightGroup
from registry.values import Precision

_FLOATS = {"float32", "float16", "bfloat16", "float64"}
_LEAST_SHARE = 0.5  # a precision is named when it holds more weight elements than this
_SMALL_INTEGERS = {"int8", "uint8", "int4", "uint4", "int2", "uint2", "int16"}
# Operators that turn stored integers into floats: what they feed computes in float
_DEQUANTIZES = {"DEQUANTIZE", "DequantizeLinear"}


@dataclass(frozen=True, slots=True)
class Costs:
    """See the fields of the same names of `FileReport`."""

    params: int
    weights: tuple[WeightGroup, ...]
    activations: Mapping[str, int]
    precision: Precision
    granularity: Granularity
    zeros: float | None
    peak_activation_bytes: int | None
    weight_bytes: int


def costs(graph: Graph) -> Costs:
    """Work out the costs of a graph."""
    apart = _scales(graph)
    weights = [each for place, each in enumerate(graph.tensors) if place not in apart and _is_weight(each)]
    params = sum(each.elements or 0 for each in weights)
    activations = _activations(graph)
    precision, granularity = _precision(graph, weights, activations)
    known = [each for each in weights if each.zeros is not None and each.elements]
    total = sum(each.elements or 0 for each in known)
    return Costs(
        params=params,
        weights=_groups(weights),
        activations=activations,
        precision=precision,
        granularity=granularity,
        zeros=sum((each.zeros or 0) * (each.elements or 0) for each in known) / total if total else None,
        peak_activation_bytes=peak_activation_bytes(graph),
        weight_bytes=sum(each.stored_bytes for each in weights),
    )


def _scales(graph: Graph) -> set[int]:
    """Constants that are scales or zero points, where a format keeps them in tensors of their own."""
    return {
        place
        for operator in graph.operators
        if operator.kind in {"QuantizeLinear", "DequantizeLinear", "quantize", "dequantize"}
        for place in operator.inputs[1:]
    }


def _is_weight(tensor: Tensor) -> bool:
    return tensor.constant and (
        tensor.quantized or tensor.dtype in _FLOATS or tensor.dtype.startswith("palette")
    )


def _groups(weights: Sequence[Tensor]) -> tuple[WeightGroup, ...]:
    groups: dict[tuple[str, Granularity], list[Tensor]] = {}
    for each in weights:
        groups.setdefault((each.dtype, each.granularity), []).append(each)
    made = [
        WeightGroup(
            dtype, granularity, len(members), sum(each.elements or 0 for each in members),
            sum(each.stored_bytes for each in members),
        )
        for (dtype, granularity), members in groups.items()
    ]  # fmt: skip
    return tuple(sorted(made, key=lambda each: (-each.stored_bytes, each.dtype, each.granularity)))


def _activations(graph: Graph) -> dict[str, int]:
    counts = Counter(
        graph.tensors[place].dtype
        for operator in graph.operators
        for place in operator.outputs
        if place >= 0 and not graph.tensors[place].constant
    )
    return dict(counts.most_common())


def _precision(  # noqa: PLR0911 - one return a precision
    graph: Graph, weights: Sequence[Tensor], activations: Mapping[str, int]
) -> tuple[Precision, Granularity]:
    """The registry's word for the matrices that hold most weights: vectors (biases, norms) do not count.

    Static int8: activations are integers, or every float between quantized operators is one that was just
    dequantized (ONNX's
    QDQ form). Dynamic: an operator takes integer weights and float activations itself.
    """
    matrices = [each for each in weights if len(each.shape or ()) > 1] or list(weights)
    total = sum(each.elements or 0 for each in matrices)
    if not total:
        return Precision.UNKNOWN, Granularity.NONE
    shares: Counter[tuple[str, bool]] = Counter()
    for each in matrices:
        shares[(each.dtype, each.sparse)] += each.elements or 0
    (dtype, sparse), most = shares.most_common(1)[0]
    if most <= _LEAST_SHARE * total:
        return Precision.MIXED, Granularity.NONE
    members = [each for each in matrices if each.dtype == dtype]
    kinds = Counter(each.granularity for each in members if each.granularity)
    granularity = kinds.most_common(1)[0][0] if kinds else Granularity.NONE
    if dtype.startswith("palette"):
        return Precision(dtype) if dtype in set(Precision) else Precision.MIXED, granularity
    if sparse:
        return Precision.SPARSE, granularity
    plain = {"float32": Precision.FLOAT32, "float16": Precision.FLOAT16}
    if dtype in plain:
        return plain[dtype], Granularity.NONE
    if dtype not in _SMALL_INTEGERS or not granularity:
        return Precision.UNKNOWN, Granularity.NONE
    return _integer_precision(graph, dtype, activations), granularity


def _integer_precision(graph: Graph, dtype: str, activations: Mapping[str, int]) -> Precision:
    bits = BITS[dtype]
    if bits < 8:  # noqa: PLR2004 - bits
        return {4: Precision.INT4_WEIGHTS, 2: Precision.INT2_WEIGHTS}.get(bits, Precision.MIXED)
    if bits == 16:  # noqa: PLR2004 - bits
        return Precision.INT16
    integers = sum(count for kind, count in activations.items() if kind in {"int8", "uint8"})
    floats = sum(count for kind, count in activations.items() if kind in _FLOATS)
    if activations.get("int16", 0) > integers:
        return Precision.W8A16
    if integers and (integers >= floats or _quantizes_between(graph)):
        return Precision.INT8
    fed_integers = any(
        operator.kind not in _DEQUANTIZES and graph.tensors[place].constant and graph.tensors[place].dtype == dtype
        and graph.tensors[place].quantized
        for operator in graph.operators
        for place in operator.inputs[1:]
        if place >= 0
    )  # fmt: skip
    is_folded = all(each.kind not in _DEQUANTIZES for each in graph.operators)
    dynamic = any(
        each.kind.startswith(("DynamicQuantize", "MatMulInteger", "ConvInteger")) for each in graph.operators
    )
    return (
        Precision.INT8_DYNAMIC
        if dynamic or (fed_integers and is_folded and _is_tflite(graph))
        else Precision.INT8_WEIGHTS
    )


def _is_tflite(graph: Graph) -> bool:
    """Core ML's constants are decoded when a program is loaded; TFLite's operators take them as they are."""
    return all(each.kind.isupper() or each.custom for each in graph.operators)


def _quantizes_between(graph: Graph) -> bool:
    """Whether activations are quantized on their way: ONNX's QuantizeLinear, Core ML's quantize."""
    return any(each.kind in {"QuantizeLinear", "quantize"} for each in graph.operators)


def peak_activation_bytes(graph: Graph) -> int | None:  # noqa: C901 - one sweep over the operators
    """Most bytes of activations that live at once, operators in file order, nothing computed in place.

    A tensor lives from the operator that writes it (an input: from the start) to the last one that reads it
    (an output: to the end).
    ``None`` where a shape is open in more than its first axis, the batch, which counts as 1.
    """
    last: dict[int, int] = dict.fromkeys(graph.outputs, len(graph.operators))
    for place, operator in enumerate(graph.operators):
        for each in operator.inputs:
            last[each] = max(last.get(each, -1), place)
    live = 0
    sizes: dict[int, int] = {}
    ends: dict[int, list[int]] = {}

    def begin(tensor: int) -> bool:
        nonlocal live
        size = _bytes(graph.tensors[tensor])
        if size is None:
            return False
        sizes[tensor] = size
        live += size
        ends.setdefault(last.get(tensor, -1), []).append(tensor)
        return True

    for each in graph.inputs:
        if each not in sizes and not graph.tensors[each].constant and not begin(each):
            return None
    peak = live
    for place, operator in enumerate(graph.operators):
        for each in operator.outputs:
            if each >= 0 and each not in sizes and not graph.tensors[each].constant:
                last.setdefault(each, place)
                if not begin(each):
                    return None
        peak = max(peak, live)
        for each in ends.pop(place, ()):
            live -= sizes[each]
    return peak


def _bytes(tensor: Tensor) -> int | None:
    if tensor.shape is None or any(each is None for each in tensor.shape[1:]) or tensor.dtype not in BITS:
        return None
    count = 1
    for each in tensor.shape:
        count *= 1 if each is None else each
    return (count * BITS[tensor.dtype] + 7) // 8
