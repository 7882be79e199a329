"""NNAPI, Qualcomm's Hexagon and Google's Edge TPU: delegates of TFLite that want small tensors, mostly of 8 bits."""

from converters.inspection.coverage.rules import (
    STATIC_SHAPES,
    Delegate,
    Rule,
    dtypes,
    highest_rank,
    lengths,
    option_at_most,
    plain,
    tensor,
    tensors,
)
from converters.inspection.report import Graph, Operator

_INT8 = dtypes("int8", "uint8", "int32", what="8-bit integers")
_WIDEST_DEPTHWISE, _LARGEST_SOFTMAX, _BOX_RANK = 3, 16_000, 4
_LARGEST_RESIZE, _INNER_AXES = 65, 3


def _multiplier(_: Graph, operator: Operator) -> str | None:
    found = operator.options.get("depth_multiplier")
    return str(found) if isinstance(found, int) and found > 1 else None


def _width(graph: Graph, operator: Operator) -> str | None:
    shape = lengths(tensor(graph, operator.inputs, 1))
    if shape is None or len(shape) != _BOX_RANK or shape[2] == _WIDEST_DEPTHWISE:
        return None
    return str(shape[2])


def _resized(graph: Graph, operator: Operator) -> str | None:
    shape = lengths(tensor(graph, operator.outputs, 0))
    sizes = [each for each in (shape or ())[1:3] if each is not None]
    return "x".join(map(str, sizes)) if sizes and max(sizes) > _LARGEST_RESIZE else None


def _dilations(_: Graph, operator: Operator) -> str | None:
    one, other = operator.options.get("dilation_h_factor", 1), operator.options.get("dilation_w_factor", 1)
    return f"{one} and {other}" if one != other else None


def _three_axes(graph: Graph, operator: Operator) -> str | None:
    for each in tensors(graph, (*operator.inputs[:1], *operator.outputs)):
        if (
            each.shape is not None
            and len(each.shape) > _INNER_AXES
            and any(length not in {1, None} for length in each.shape[:-3])
        ):
            return f"shape {each.shape}"
    return None


def _parameters(graph: Graph, operator: Operator) -> str | None:
    weight = tensor(graph, operator.inputs, 1)
    return "computed" if weight is not None and not weight.constant else None


def _softmax(graph: Graph, operator: Operator) -> str | None:
    found = tensor(graph, operator.inputs, 0)
    count = None if found is None else found.elements
    return f"{count:,}" if count is not None and count > _LARGEST_SOFTMAX else None


def _axes(graph: Graph, operator: Operator) -> str | None:
    axes, shape = operator.options.get("axes"), lengths(tensor(graph, operator.inputs, 0))
    if not isinstance(axes, tuple) or shape is None:
        return None
    found = {int(each) % len(shape) for each in axes if isinstance(each, int)}
    return f"axes {sorted(found)}" if 0 in found and len(shape) > 1 else None


_STRIDES_3 = option_at_most(("stride_h", "stride_w"), 3, "strides are at most 3")
_SQUARE_DILATION = Rule("dilations are equal in both directions", _dilations)

NNAPI = Delegate(
    name="nnapi",
    runtime="tflite",
    processor="nnapi",
    source="tensorflow/tensorflow:tensorflow/lite/delegates/nnapi/nnapi_delegate.cc (Android API level 30)",
    general=(
        STATIC_SHAPES, highest_rank(4), dtypes("float32", "float16", "int8", "uint8", "int32", "bool",
            what="float, 8-bit, int32 or bool"),
    ),
    note="the phone's driver decides what runs where, and may be slower than the CPU; deprecated since Android 15",
    kinds=plain(
        "ABS", "ADD", "ARG_MAX", "ARG_MIN", "AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND", "CAST", "CONCATENATION",
        "CONV_2D", "DEPTHWISE_CONV_2D",
        "DEPTH_TO_SPACE", "DEQUANTIZE", "DIV", "ELU", "EQUAL", "EXP", "EXPAND_DIMS", "FILL", "FLOOR",
        "FULLY_CONNECTED", "GATHER", "GREATER",
        "GREATER_EQUAL", "HARD_SWISH", "L2_NORMALIZATION", "LESS", "LESS_EQUAL", "LOG", "LOGICAL_AND",
        "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC",
        "LOG_SOFTMAX", "LSTM", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "NEG", "NOT_EQUAL", "PACK",
        "PAD", "PADV2", "POW", "PRELU",
        "QUANTIZE", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "RELU", "RELU6", "RELU_N1_TO_1",
        "RESHAPE", "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR", "RNN", "RSQRT", "SELECT", "SIN", "SLICE", "SOFTMAX", "SPACE_TO_BATCH_ND",
        "SPACE_TO_DEPTH", "SPLIT", "SQRT",
        "SQUEEZE", "STRIDED_SLICE", "SUB", "SUM", "SVDF", "TANH", "TILE", "TOPK_V2", "TRANSPOSE", "TRANSPOSE_CONV",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    ),
)  # fmt: skip

HEXAGON = Delegate(
    name="hexagon",
    runtime="tflite",
    processor="dsp",
    source="tensorflow/tensorflow:tensorflow/lite/delegates/hexagon/utils.cc",
    general=(STATIC_SHAPES, _INT8, highest_rank(4)),
    note="Snapdragon 660 to 855; later ones run their HTP through Qualcomm's own delegate",
    kinds={
        **plain(
            "ADD", "ARG_MAX", "ARG_MIN", "AVERAGE_POOL_2D", "CONCATENATION", "DEPTH_TO_SPACE",
            "FULLY_CONNECTED", "HARD_SWISH",
            "L2_NORMALIZATION", "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MIRROR_PAD", "MUL",
            "PACK", "PAD", "QUANTIZE", "RELU",
            "RELU6", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SLICE", "SOFTMAX", "SPACE_TO_DEPTH",
            "SPLIT", "SQUARED_DIFFERENCE",
            "STRIDED_SLICE", "SUB", "TANH", "TRANSPOSE", "TRANSPOSE_CONV",
        ),
        "CONV_2D": (_STRIDES_3,),
        "DEPTHWISE_CONV_2D": (
            Rule("filters are 3 wide", _width), Rule("the depth multiplier is 1", _multiplier), _STRIDES_3,
        ),
        "RESIZE_BILINEAR": (Rule("outputs are at most 65 wide and high", _resized),),
    },
)  # fmt: skip

EDGETPU = Delegate(
    name="edgetpu",
    runtime="edgetpu",
    processor="npu",
    source="https://coral.ai/docs/edgetpu/models-intro/#supported-operations",
    general=(
        STATIC_SHAPES, _INT8,
        Rule("of more than 3 axes only the 3 innermost are longer than 1", _three_axes),
    ),
    first_part_only=True,
    note="a file must be compiled by edgetpu_compiler first, which maps one part only",
    kinds={
        **plain(
            "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "EXPAND_DIMS", "L2_NORMALIZATION", "LOGISTIC",
            "MAXIMUM", "MAX_POOL_2D", "MINIMUM", "MUL",
            "PACK", "PAD", "PRELU", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RELU_N1_TO_1",
            "RESHAPE", "RESIZE_BILINEAR",
            "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SLICE", "SPACE_TO_DEPTH", "SPLIT", "SQUARED_DIFFERENCE",
            "SQUEEZE", "STRIDED_SLICE", "SUB",
            "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM",
        ),
        **dict.fromkeys(
            ("CONV_2D", "DEPTHWISE_CONV_2D"), (_SQUARE_DILATION, Rule("weights are constant", _parameters))
        ),
        "FULLY_CONNECTED": (Rule("weights are constant", _parameters),),
        "MEAN": (Rule("the batch is not reduced", _axes),),
        "SOFTMAX": (Rule("inputs have at most 16,000 elements", _softmax),),
    },
)  # fmt: skip
