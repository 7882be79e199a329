"""The report's graph of a TFLite model."""

from typing import Any

import numpy as np

from converters.inspection import elements
from converters.inspection.report import Granularity, Graph, Operator, OptionValue, Tensor
from converters.inspection.tflite.checked import Record, schema, word
from converters.inspection.tflite.semantics import DTYPES, builtin, data_of, has_data, shape_of

# Fields of options that are numbers of a closed set
_WORDS = {
    "padding": "Padding", "fused_activation_function": "ActivationFunctionType",
    "weights_format": "FullyConnectedOptionsWeightsFormat", "in_data_type": "TensorType", "out_data_type": "TensorType",
    "output_type": "TensorType", "kernel_type": "LSTMKernelType",
}  # fmt: skip
# Small constant inputs that rules of delegates look at: operator -> input -> name of the option
_CONSTANTS = {
    **{name: {1: "axes"} for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY",
    "REDUCE_ALL",
                                      "REVERSE_V2", "ARG_MAX", "ARG_MIN", "CUMSUM", "EXPAND_DIMS")},
    "PAD": {1: "paddings"}, "PADV2": {1: "paddings"}, "MIRROR_PAD": {1: "paddings"}, "TRANSPOSE": {1: "perm"},
    "RESHAPE": {1: "new_shape"}, "SLICE": {1: "begin", 2: "size"}, "STRIDED_SLICE": {1: "begin", 2: "end",
    3: "strides"},
    "SPLIT": {0: "axes"}, "SPLIT_V": {2: "axes"}, "TILE": {1: "multiples"}, "SPACE_TO_BATCH_ND": {1: "block",
    2: "paddings"},
    "BATCH_TO_SPACE_ND": {1: "block", 2: "crops"}, "RESIZE_BILINEAR": {1: "size"},
    "RESIZE_NEAREST_NEIGHBOR": {1: "size"},
    "TOPK_V2": {1: "k"}, "BROADCAST_TO": {1: "new_shape"},
}  # fmt: skip
_MOST_VALUES = 64


def build(model: Record, file_bytes: memoryview) -> Graph:
    """The first subgraph, as the report has it."""
    graph = model["subgraphs"][0]
    tensors = tuple(_tensor(each, model, file_bytes) for each in graph["tensors"] or [])
    operators = tuple(_operator(each, graph, model, file_bytes) for each in graph["operators"] or [])
    return Graph(
        tensors, operators, _places(graph["inputs"]), _places(graph["outputs"]), len(model["subgraphs"]) - 1
    )


def _places(found: Any) -> tuple[int, ...]:
    return () if found is None else tuple(int(each) for each in found)


def _tensor(tensor: Record, model: Record, file_bytes: memoryview) -> Tensor:
    dtype = DTYPES[word("TensorType", tensor["type"])]
    shape = shape_of(tensor)
    constant = has_data(tensor, model)
    granularity, axis, scales = _granularity(tensor["quantization"])
    if not constant:
        return Tensor(_name(tensor), shape, dtype, granularity=granularity, axis=axis, scales=scales)
    data = data_of(tensor, model, file_bytes)
    stored = len(data) + 4 * scales + _sparse_bytes(tensor["sparsity"])
    return Tensor(
        _name(tensor), shape, dtype, constant=True, stored_bytes=stored, granularity=granularity, axis=axis,
            scales=scales,
        zeros=_zeros(tensor, dtype, data), sparse=bool(tensor["sparsity"]),
    )  # fmt: skip


def _name(tensor: Record) -> str:
    return (tensor["name"] or b"").decode(errors="replace")


def _granularity(found: Record | None) -> tuple[Granularity, int | None, int]:
    if not found:
        return Granularity.NONE, None, 0
    if found["details"] is not None:
        return Granularity.PER_BLOCK, int(found["quantized_dimension"]), 0
    scales = 0 if found["scale"] is None else len(found["scale"])
    if scales == 0 or (scales == 1 and float(found["scale"][0]) == 0):
        return Granularity.NONE, None, 0
    if scales == 1:
        return Granularity.PER_TENSOR, None, 1
    return Granularity.PER_CHANNEL, int(found["quantized_dimension"]), scales


def _sparse_bytes(sparsity: Record | None) -> int:
    if not sparsity:
        return 0
    return sum(
        np.asarray(each[name]["values"]).nbytes
        for each in sparsity["dim_metadata"] or []
        for name in ("array_segments", "array_indices")
        if each[name]
    )


def _zeros(tensor: Record, dtype: str, data: memoryview) -> float | None:
    """Share of zeros once decoded: elements equal to their zero point."""
    count = elements.count(tuple(int(each) for each in tensor["shape"])) if tensor["shape"] is not None else 1
    if not count or dtype not in elements.BITS:
        return None
    if tensor["sparsity"]:
        stored = len(data) * 8 // elements.BITS[dtype]
        return 1 - (stored - elements.zeros(data, dtype, stored)) / count
    quantization = tensor["quantization"]
    zero_points = None if not quantization else quantization["zero_point"]
    if zero_points is not None and len(zero_points) and np.any(zero_points):
        if len(zero_points) > 1:
            return None
        values = elements.numbers(data, dtype, (count,))
        return float((np.asarray(values) == int(zero_points[0])).mean())
    return elements.zeros(data, dtype, count) / count


def _operator(operator: Record, graph: Record, model: Record, file_bytes: memoryview) -> Operator:
    code = model["operator_codes"][operator["opcode_index"]]
    name = schema()[1]["BuiltinOperator"][builtin(code)]
    custom = name == "CUSTOM"
    kind = code["custom_code"].decode(errors="replace") if custom else name
    options = {} if custom else _options(operator)
    inputs = _places(operator["inputs"])
    for place, called in _CONSTANTS.get(name, {}).items():
        values = (
            _small(graph, inputs[place], model, file_bytes)
            if place < len(inputs) and inputs[place] >= 0
            else None
        )
        if values is not None:
            options[called] = values
    outputs = _places(operator["outputs"])
    label = _name(graph["tensors"][outputs[0]]) if outputs else ""
    return Operator(kind, inputs, outputs, label, options, int(code["version"]), custom)


def _options(operator: Record) -> dict[str, OptionValue]:
    found = operator["builtin_options"] or operator["builtin_options2"] or {}
    options: dict[str, OptionValue] = {}
    for name, value in found.items():
        if name == "mode" and isinstance(value, int):
            options[name] = schema()[1]["MirrorPadMode"].get(value, str(value))
        elif name in _WORDS and isinstance(value, int):
            options[name] = schema()[1][_WORDS[name]].get(value, str(value))
        elif isinstance(value, int | float):
            options[name] = value
        elif isinstance(value, np.ndarray):
            options[name] = tuple(each.item() for each in value[:_MOST_VALUES])
    return options


def _small(
    graph: Record, index: int, model: Record, file_bytes: memoryview
) -> tuple[OptionValue, ...] | None:
    """Values of a short constant vector or matrix of integers; rows as tuples."""
    tensor = graph["tensors"][index]
    dtype = DTYPES[word("TensorType", tensor["type"])]
    shape = tuple(int(each) for each in tensor["shape"]) if tensor["shape"] is not None else ()
    count = elements.count(shape)
    if dtype not in {"int32", "int64"} or not count or count > _MOST_VALUES or not has_data(tensor, model):
        return None
    values = np.frombuffer(data_of(tensor, model, file_bytes), dtype).reshape(shape)
    if values.ndim > 1:
        return tuple(tuple(each.item() for each in row.reshape(-1)) for row in values)
    return tuple(each.item() for each in values.reshape(-1))


def metadata_bytes(model: Record) -> int:
    """Names, descriptions, signatures and metadata buffers, in bytes."""
    texts = [model["description"]]
    for graph in model["subgraphs"]:
        texts += [graph["name"], *(each["name"] for each in graph["tensors"] or [])]
    for each in model["signature_defs"] or []:
        texts.append(each["signature_key"])
        texts += [one["name"] for one in [*(each["inputs"] or []), *(each["outputs"] or [])]]
    total = sum(len(each) for each in texts if each)
    for each in model["metadata"] or []:
        total += len(each["name"] or b"") + len(model["buffers"][each["buffer"]]["data"] or b"")
    return total
