"""XNNPACK on a phone's CPU, and TFLM with CMSIS-NN on a microcontroller's."""

from converters.inspection.coverage.rules import (
    Delegate,
    Rule,
    highest_rank,
    plain,
    runtime_inputs,
    tensor,
    tensors,
)
from converters.inspection.report import Granularity, Graph, Operator

_FLOATS = {"float32", "float16"}
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL")
_INT8_KINDS = {
    "ADD", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "ELU", "FULLY_CONNECTED",
    "LEAKY_RELU", "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "QUANTIZE", "RESHAPE", "RESIZE_BILINEAR",
    "SLICE", "SPLIT", "STRIDED_SLICE",
    "SUB", "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV", "EXPAND_DIMS", "SQUEEZE",
}  # fmt: skip


def _types(graph: Graph, operator: Operator) -> str | None:
    stored = tensor(graph, operator.inputs, 0)
    if operator.kind == "DEQUANTIZE" and stored is not None and stored.dtype == "int4":
        return "int4"
    flowing = [
        each for each in tensors(graph, (*operator.inputs[:1], *operator.outputs)) if not each.constant
    ]
    kinds = {each.dtype for each in flowing}
    converts = operator.kind in {"QUANTIZE", "DEQUANTIZE"}
    if kinds <= {"float32"} or (converts and kinds <= {"float32", "int8", "uint8"}):
        return None
    if kinds <= {"int8", "uint8"}:
        return None if operator.kind in _INT8_KINDS else f"{operator.kind} of {', '.join(sorted(kinds))}"
    return ", ".join(sorted(kinds - {"float32", "int8", "uint8"})) or "mixed types"


def _hybrid(graph: Graph, operator: Operator) -> str | None:
    """Float activations with integer weights: XNNPACK has them for dense layers and plain convolutions."""
    image, weight = tensor(graph, operator.inputs, 0), tensor(graph, operator.inputs, 1)
    if (
        image is None
        or weight is None
        or image.dtype not in _FLOATS
        or weight.dtype in _FLOATS
        or not weight.constant
    ):
        return None
    return (
        f"{weight.dtype} weights"
        if operator.kind in {"DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "BATCH_MATMUL"}
        else None
    )


def _reduced_axes(graph: Graph, operator: Operator) -> str | None:
    axes = tensor(graph, operator.inputs, 1)
    return "computed" if axes is not None and not axes.constant else None


_HYBRID = Rule("float activations meet integer weights only in dense layers and plain convolutions", _hybrid)
_TYPES = Rule("values are float32, or 8-bit in an operator that has an 8-bit kernel", _types)
_CONSTANT_AXES = Rule("axes are constant", _reduced_axes)

XNNPACK = Delegate(
    name="xnnpack",
    runtime="tflite",
    processor="cpu",
    source="tensorflow/tensorflow:tensorflow/lite/delegates/xnnpack/README.md",
    general=(_TYPES, highest_rank(6)),
    note="what it leaves runs in TFLite's own kernels on the same CPU",
    kinds={
        **plain(
            "ABS", "ADD", "AVERAGE_POOL_2D", "CEIL", "CONCATENATION", "COS", "DEPTH_TO_SPACE", "DEQUANTIZE",
            "DIV", "ELU", "EXP", "EXPAND_DIMS",
            "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "MAXIMUM", "MAX_POOL_2D",
            "MINIMUM", "MUL", "NEG", "PACK", "PAD",
            "PRELU", "QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR", "ROUND",
            "RSQRT", "SIGN", "SIN", "SLICE",
            "SOFTMAX", "SPACE_TO_DEPTH", "SPLIT", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SQUEEZE",
            "STRIDED_SLICE", "SUB", "TANH",
            "TRANSPOSE",
        ),
        **dict.fromkeys(("MEAN", "SUM"), (_CONSTANT_AXES,)),
        **dict.fromkeys(_WEIGHTED, (_HYBRID,)),
    },
)  # fmt: skip


def _tflm_types(graph: Graph, operator: Operator) -> str | None:
    found = {each.dtype for each in tensors(graph, (*operator.inputs, *operator.outputs))}
    foreign = sorted(found - {"float32", "int8", "uint8", "int16", "int32", "int64", "bool", "int4"})
    return ", ".join(foreign) or None


def _tflm_hybrid(graph: Graph, operator: Operator) -> str | None:
    image, weight = tensor(graph, operator.inputs, 0), tensor(graph, operator.inputs, 1)
    if operator.kind not in _WEIGHTED or image is None or weight is None:
        return None
    return (
        f"{image.dtype} with {weight.dtype}"
        if image.dtype == "float32" and weight.dtype != "float32"
        else None
    )


def _one_scale(graph: Graph, operator: Operator) -> str | None:
    found = tensor(graph, operator.inputs, 0)
    return "one a channel" if found is not None and found.granularity is Granularity.PER_CHANNEL else None


def _no_packed(graph: Graph, operator: Operator) -> str | None:
    found = tensor(graph, operator.inputs, 0)
    return found.dtype if found is not None and found.dtype in {"int4", "float16"} else None


_TFLM_KINDS = (
    "ABS", "ADD", "ADD_N", "ARG_MAX", "ARG_MIN", "ASSIGN_VARIABLE", "AVERAGE_POOL_2D", "BATCH_MATMUL",
    "BATCH_TO_SPACE_ND", "BROADCAST_ARGS",
    "BROADCAST_TO", "CALL_ONCE", "CAST", "CEIL", "CONCATENATION", "CONV_2D", "COS", "CUMSUM",
    "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DIV",
    "ELU", "EMBEDDING_LOOKUP", "EQUAL", "EXP", "EXPAND_DIMS", "FILL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD",
    "FULLY_CONNECTED", "GATHER", "GATHER_ND",
    "GREATER", "GREATER_EQUAL", "HARD_SWISH", "IF", "L2_NORMALIZATION", "L2_POOL_2D", "LEAKY_RELU", "LESS",
    "LESS_EQUAL", "LOG", "LOGICAL_AND",
    "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "LOG_SOFTMAX", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM",
    "MIRROR_PAD", "MUL", "NEG", "NOT_EQUAL",
    "PACK", "PAD", "PADV2", "PRELU", "QUANTIZE", "READ_VARIABLE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6",
    "RESHAPE", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "ROUND", "RSQRT", "SELECT", "SELECT_V2", "SHAPE", "SIN", "SLICE",
    "SOFTMAX", "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SQUEEZE", "STRIDED_SLICE",
    "SUB", "SUM", "SVDF", "TANH",
    "TRANSPOSE", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNPACK", "VAR_HANDLE", "WHILE", "ZEROS_LIKE",
)  # fmt: skip
_TFLM_GENERAL = (
    Rule("tensors are float32, bool or integers", _tflm_types),
    Rule("float activations do not meet integer weights", _tflm_hybrid),
)
_TFLM_DEQUANTIZE = (
    Rule("inputs are whole bytes of integers", _no_packed),
    Rule("there is one scale: others would be ignored", _one_scale),
)

TFLM = Delegate(
    name="tflm",
    runtime="tflm",
    processor="cpu",
    source="tensorflow/tflite-micro:tensorflow/lite/micro/micro_mutable_op_resolver.h",
    general=_TFLM_GENERAL,
    note="here nothing falls back: one operator that is not taken, and the file does not run",
    kinds={**plain(*_TFLM_KINDS), "DEQUANTIZE": _TFLM_DEQUANTIZE},
)


def _integers(graph: Graph, operator: Operator) -> str | None:
    kinds = {each.dtype for each in runtime_inputs(graph, operator)}
    return ", ".join(sorted(kinds)) if kinds and not kinds <= {"int8", "int16"} else None


_CMSIS_RULE = Rule("activations are int8 or int16", _integers)

CMSIS_NN = Delegate(
    name="cmsis-nn",
    runtime="tflm-cmsis-nn",
    processor="cpu",
    source="tensorflow/tflite-micro:tensorflow/lite/micro/kernels/cmsis_nn",
    general=(*_TFLM_GENERAL, _CMSIS_RULE),
    note="what it leaves runs in TFLM's reference kernels on the same core, about 3-8 times slower",
    kinds=plain(
        "ADD", "AVERAGE_POOL_2D", "BATCH_MATMUL", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED",
        "MAXIMUM", "MAX_POOL_2D", "MINIMUM", "MUL",
        "PAD", "SOFTMAX", "SVDF", "TRANSPOSE", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM",
    ),
)  # fmt: skip
