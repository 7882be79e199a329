"""TFLite's GPU delegate. TensorFlow's own analyzer calls everything compatible, so its rules are here as data."""

from collections.abc import Sequence

from converters.inspection.coverage.rules import Delegate, Rule, lengths, plain, runtime_inputs, tensor
from converters.inspection.report import Graph, Operator

_SOURCE = "google-ai-edge/LiteRT:tflite/tools/versioning/gpu_compatibility.cc"
_FUSED = {"NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGMOID", 0}
_CHANNEL_AXIS, _BOX_RANK, _PAIR = 3, 4, 2


def _inputs(*counts: int) -> Rule:
    def broken(graph: Graph, operator: Operator) -> str | None:
        found = len(runtime_inputs(graph, operator))
        return None if found in counts else str(found)

    return Rule(f"runtime inputs number {' or '.join(map(str, counts))}", broken)


def _option(name: str, wanted: Sequence[object], text: str) -> Rule:
    def broken(_: Graph, operator: Operator) -> str | None:
        found = operator.options.get(name)
        return None if found is None or found in wanted else str(found)

    return Rule(text, broken)


def _positive(*names: str) -> Rule:
    def broken(_: Graph, operator: Operator) -> str | None:
        found = {
            name: value
            for name in names
            if isinstance(value := operator.options.get(name), int) and value <= 0
        }
        return ", ".join(f"{name} {value}" for name, value in found.items()) or None

    return Rule("strides, kernels and dilations are above 0", broken)


def _constant(at: int, what: str, dtype: str = "") -> Rule:
    def broken(graph: Graph, operator: Operator) -> str | None:
        found = tensor(graph, operator.inputs, at)
        if found is None or (found.constant and dtype in {"", found.dtype}):
            return None
        return "computed" if not found.constant else found.dtype

    return Rule(f"{what} are constant{f' {dtype}' if dtype else ''}", broken)


def _ranks(*accepted: int) -> Rule:
    def broken(graph: Graph, operator: Operator) -> str | None:
        shape = lengths(tensor(graph, operator.inputs, 0))
        return None if shape is None or len(shape) in accepted else f"{len(shape)}"

    return Rule(f"the input has {' or '.join(map(str, accepted))} axes", broken)


def _depthwise(graph: Graph, operator: Operator) -> str | None:
    image, weight = lengths(tensor(graph, operator.inputs, 0)), lengths(tensor(graph, operator.inputs, 1))
    multiplier = operator.options.get("depth_multiplier")
    if not image or not weight or not isinstance(multiplier, int):
        return None
    if len(image) != _BOX_RANK or len(weight) != _BOX_RANK:
        return f"{len(image)} and {len(weight)} axes"
    channels, filters = image[_CHANNEL_AXIS], weight[_CHANNEL_AXIS]
    if channels is not None and multiplier and filters != channels * multiplier:
        return f"{channels} x {multiplier} and {filters}"
    return None


def _broadcast(graph: Graph, operator: Operator) -> str | None:
    one, other = (lengths(tensor(graph, operator.inputs, at)) for at in (0, 1))
    if not one or not other:
        return None
    pairs = zip(reversed(one), reversed(other), strict=False)
    return (
        f"{one} and {other}" if any(a not in {b, 1, None} and b not in {1, None} for a, b in pairs) else None
    )


def _casts(graph: Graph, operator: Operator) -> str | None:
    taken, given = tensor(graph, operator.inputs, 0), tensor(graph, operator.outputs, 0)
    if taken is None or given is None:
        return None
    pair = (taken.dtype, given.dtype)
    floats = {"float16", "float32"}
    fits = (
        (pair[0] == "bool" and pair[1] in floats) or (pair[1] == "bool" and pair[0] in floats)
        or pair in {("float32", "int32"), ("int32", "float32")}
    )  # fmt: skip
    return None if fits else f"{pair[0]} to {pair[1]}"


def _paddings(graph: Graph, operator: Operator) -> str | None:
    shape = lengths(tensor(graph, operator.inputs, 1))
    return None if shape is None or shape in {(3, 2), (4, 2)} else str(shape)


def _resize(_: Graph, operator: Operator) -> str | None:
    both = operator.options.get("align_corners") and operator.options.get("half_pixel_centers")
    return "both" if both else None


def _masks(_: Graph, operator: Operator) -> str | None:
    found = [
        name for name in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask") if operator.options.get(name)
    ]
    return ", ".join(found) or None


def _block(_: Graph, operator: Operator) -> str | None:
    block = operator.options.get("block_size")
    return str(block) if isinstance(block, int) and block <= 1 else None


def _beta(_: Graph, operator: Operator) -> str | None:
    beta = operator.options.get("beta")
    return str(beta) if isinstance(beta, int | float) and beta != 1 else None


_FUSED_RULE = _option(
    "fused_activation_function",
    tuple(_FUSED),
    "a fused activation is none, ReLU, ReLU6, ReLU -1 to 1, tanh or sigmoid",
)
_AXES = _constant(1, "axes", "int32")
_ONE = _inputs(1)
_TWO = Rule(
    "inputs are two, not both constant",
    lambda graph, operator: (
        None
        if runtime_inputs(graph, operator) and len(operator.inputs) == _PAIR
        else str(len(operator.inputs))
    ),
)
_STRIDES = _positive(
    "stride_h", "stride_w", "dilation_h_factor", "dilation_w_factor", "filter_height", "filter_width"
)

DELEGATE = Delegate(
    name="tflite-gpu",
    runtime="tflite",
    processor="gpu",
    source=_SOURCE,
    general=(_FUSED_RULE,),
    note="computes in float even for an int8 file; a graph cut in several parts is often slower than the CPU",
    kinds={
        "CONV_2D": (_inputs(1, 2), _STRIDES),
        "TRANSPOSE_CONV": (_inputs(1, 2), _STRIDES),
        "DEPTHWISE_CONV_2D": (
            _inputs(1, 2), _STRIDES,
                Rule("filters number the input's channels times the multiplier, all with 4 axes", _depthwise),
        ),
        "FULLY_CONNECTED": (
            _inputs(1, 2), _option("weights_format", ("DEFAULT", 0), "weights have the default format"),
        ),
        **dict.fromkeys(("ADD", "MUL"), (_TWO, Rule("shapes broadcast", _broadcast))),
        "ADD_N": (_inputs(2),),
        "BATCH_MATMUL": (_inputs(1, 2),),
        **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), (_ONE, _STRIDES)),
        **dict.fromkeys(
            ("MEAN", "SUM", "REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD",
                "REVERSE_V2", "CUMSUM"), (_AXES,)
        ),
        "CAST": (Rule("casts are between bool and floats, or float32 and int32", _casts),),
        "DEQUANTIZE": (
            Rule("inputs are not int16", lambda graph, operator: "int16" if (found := tensor(graph,
                operator.inputs, 0)) and found.dtype == "int16" else None),
        ),
        "DENSIFY": (_constant(0, "inputs"),),
        **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"), (Rule("blocks are larger than 1", _block),)),
        **dict.fromkeys(("SLICE", "STRIDED_SLICE"), (_ranks(3, 4),
        Rule("there is no ellipsis, new axis or shrunk axis", _masks))),
        "SOFTMAX": (Rule("beta is 1", _beta),),
        **dict.fromkeys(("PAD", "PADV2"), (Rule("paddings have shape 3x2 or 4x2", _paddings),)),
        "MIRROR_PAD": (
            Rule("paddings have shape 3x2 or 4x2", _paddings), _option("mode", ("REFLECT",), "the mode is REFLECT"),
        ),
        "RESIZE_BILINEAR": (Rule("corners are not aligned and centers half a pixel off at once", _resize),),
        "TOPK_V2": (_ONE,),
        "GATHER": (_constant(1, "indices", "int32"),),
        **dict.fromkeys(
            ("QUANTIZE", "RESHAPE", "TILE", "TRANSPOSE", "HARD_SWISH", "RESIZE_NEAREST_NEIGHBOR", "BITCAST",
            "ABS", "CEIL", "COS", "ELU",
             "EXP", "FLOOR", "GELU", "LOG", "LOGICAL_NOT", "LOGISTIC", "NEG", "ROUND", "RSQRT", "SIGN", "SIN",
             "SQRT", "SQUARE", "TANH"),
            (_ONE,),
        ),
        **dict.fromkeys(
            ("ATAN2", "DIV", "EQUAL", "FLOOR_DIV", "FLOOR_MOD", "GREATER", "GREATER_EQUAL", "LESS",
            "LESS_EQUAL", "LOGICAL_AND",
             "LOGICAL_OR", "MAXIMUM", "MINIMUM", "NOT_EQUAL", "POW", "RIGHT_SHIFT", "SQUARED_DIFFERENCE", "SUB"),
            (_TWO,),
        ),
        **plain("CONCATENATION", "PACK", "PRELU", "RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "SPLIT",
        "SPLIT_V", "SELECT", "SELECT_V2",
                "ONE_HOT", "EMBEDDING_LOOKUP", "DYNAMIC_UPDATE_SLICE", "LSTM"),
    },
)  # fmt: skip
