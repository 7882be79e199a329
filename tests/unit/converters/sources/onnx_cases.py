"""One case or more for each ONNX operator that can be rebuilt, to be compared with ONNX Runtime."""

from dataclasses import dataclass, field

import numpy as np

RANDOM = np.random.default_rng(3)


@dataclass(frozen=True)
class Case:
    """``inputs`` are computed from the net's input; constants stand in ``constants`` (``None`` leaves one out)."""

    op: str
    inputs: tuple
    constants: tuple = ()
    attributes: dict = field(default_factory=dict)
    opset: int = 21
    outputs: int = 1

    def __str__(self):
        told = ",".join(f"{key}={value}" for key, value in self.attributes.items() if np.ndim(value) < 2)
        return f"{self.op}-{self.opset}-{told}-{len(self.constants)}"


def f(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def positive(*shape):
    return RANDOM.uniform(0.1, 0.9, shape).astype(np.float32)


def ints(*shape, low=0, high=3):
    return RANDOM.integers(low, high, shape)


def i64(*numbers):
    return np.array(numbers, np.int64)


def f32(*numbers):
    return np.array(numbers, np.float32)


def flags(*shape):
    return RANDOM.integers(0, 2, shape).astype(bool)


X = f(2, 4, 6, 5)
UNARY = ["Abs", "Atan", "Asinh", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "HardSwish", "Identity",
    "IsNaN", "IsInf", "Mish", "Neg", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus",
    "Softsign", "Tan", "Tanh"]  # fmt: skip
SMALL_DOMAIN = ["Acos", "Asin", "Atanh", "Log", "Reciprocal", "Sqrt"]
BINARY = [
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Max",
    "Min",
    "Sum",
    "Mean",
    "Less",
    "LessOrEqual",
    "Greater",
    "GreaterOrEqual",
    "Equal",
]
REDUCE = ["Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp"]

ELEMENTWISE = [
    *(Case(op, (X,), opset=22) for op in UNARY),
    *(Case(op, (positive(3, 4),)) for op in SMALL_DOMAIN),
    Case("Acosh", (positive(3, 4) + 1,)),
    Case("Not", (flags(3, 4),)),
    *(Case(op, (X, f(4, 1, 5))) for op in BINARY),
    *(Case(op, (X,), (f(6, 5),)) for op in BINARY),
    *(Case(op, (X,), (f32(0.5),)) for op in BINARY),
    *(Case(op, (flags(3, 4), flags(3, 4))) for op in ("And", "Or", "Xor")),
    Case("Div", (ints(3, 4, low=-9, high=9),), (i64(4),)),
    Case("Mod", (ints(3, 4, low=-9, high=9),), (i64(4),)),
    Case("Mod", (f(3, 4),), (f32(0.7),), {"fmod": 1}),
    Case("Pow", (positive(3, 4),), (f32(2.0),)),
    Case("Pow", (positive(3, 4), f(3, 4))),
    Case("Where", (flags(3, 4), f(3, 4), f(4))),
    Case("Clip", (X,), (np.float32(-0.5), np.float32(0.5))),
    Case("Clip", (X,), (np.float32(0), np.float32(6))),
    Case("Clip", (X,), (np.float32(0),)),
    Case("Clip", (X,), (None, np.float32(0.3))),
    Case("Clip", (X,), (), {"min": -0.1, "max": 0.2}, opset=9),
    Case("Clip", (X,)),
    Case("LeakyRelu", (X,), (), {"alpha": 0.2}),
    Case("LeakyRelu", (X,)),
    Case("Elu", (X,), (), {"alpha": 0.7}),
    Case("Celu", (X,), (), {"alpha": 0.7}),
    Case("Selu", (X,)),
    Case("Selu", (X,), (), {"alpha": 1.2, "gamma": 1.1}),
    Case("HardSigmoid", (X,)),
    Case("HardSigmoid", (X,), (), {"alpha": 1 / 6, "beta": 0.5}),
    Case("Gelu", (X,)),
    Case("Gelu", (X,), (), {"approximate": "tanh"}),
    Case("Swish", (X,), (), {"alpha": 1.5}, opset=24),
    Case("ThresholdedRelu", (X,), (), {"alpha": 0.3}),
    Case("PRelu", (X,), (f(4, 1, 1),)),
    Case("PRelu", (X,), (f(1),)),
    Case("PRelu", (X,), (f(6, 5),)),
    Case("Cast", (X,), (), {"to": 7}),
    Case("Cast", (flags(3, 4),), (), {"to": 1}),
    Case("CastLike", (ints(3, 4), X)),
    Case("Dropout", (X,)),
    Case("Dropout", (X,), (), {"ratio": 0.3}, opset=9),
]

PRODUCTS = [
    Case("MatMul", (f(2, 3, 4), f(2, 4, 5))),
    Case("MatMul", (f(2, 3, 4),), (f(4, 5),)),
    Case("MatMul", (f(4),), (f(4, 5),)),
    Case("Gemm", (f(2, 4),), (f(5, 4), f(5)), {"transB": 1}),
    Case("Gemm", (f(2, 4),), (f(4, 5), f(2, 1)), {"alpha": 0.5, "beta": 2.0}),
    Case("Gemm", (f(4, 2), f(4, 5), f(5)), (), {"transA": 1, "alpha": 0.5}),
    Case("Einsum", (f(2, 3, 4), f(2, 5, 4)), (), {"equation": "bij, bkj -> bik"}),
    Case("Conv", (X,), (f(8, 4, 3, 3), f(8)), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    Case("Conv", (X,), (f(8, 4, 3, 2),), {"pads": [0, 1, 2, 1], "dilations": [1, 2]}),
    Case("Conv", (X,), (f(8, 1, 3, 3), f(8)), {"group": 4, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Case("Conv", (X,), (f(8, 4, 2, 2),), {"auto_pad": "SAME_LOWER"}),
    Case("Conv", (X,), (f(8, 4, 2, 2),), {"auto_pad": "VALID"}),
    Case("Conv", (f(1, 4, 9),), (f(3, 4, 3),)),
    Case("Conv", (f(1, 2, 4, 5, 6),), (f(3, 2, 2, 2, 2),)),
    Case("Conv", (X, f(8, 4, 3, 3))),
    Case(
        "ConvTranspose",
        (X,),
        (f(4, 3, 3, 3), f(3)),
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
    ),
    Case("ConvTranspose", (X,), (f(4, 3, 3, 3),), {"strides": [2, 2], "pads": [1, 0, 0, 1]}),
    Case("ConvTranspose", (X,), (f(4, 3, 2, 2),), {"group": 2, "pads": [0, 0, 1, 1], "dilations": [2, 2]}),
    Case("ConvTranspose", (X,), (f(4, 3, 3, 3),), {"strides": [2, 2], "output_shape": [12, 10]}),
    Case("ConvTranspose", (X,), (f(4, 3, 3, 3),), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("ConvTranspose", (f(1, 4, 9),), (f(4, 3, 4),), {"strides": [2]}),
    Case("MaxPool", (X,), (), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Case("MaxPool", (X,), (), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    Case("MaxPool", (X,), (), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}),
    Case("MaxPool", (X,), (), {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("MaxPool", (X,), (), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Case("MaxPool", (X,), (), {"kernel_shape": [3, 3], "pads": [2, 0, 1, 2]}),
    Case("MaxPool", (f(1, 4, 9),), (), {"kernel_shape": [3]}),
    Case("AveragePool", (X,), (), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Case("AveragePool", (X,), (), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    Case("AveragePool", (X,), (), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    Case("AveragePool", (X,), (), {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("AveragePool", (X,), (), {"kernel_shape": [3, 2], "pads": [0, 0, 1, 1], "count_include_pad": 1}),
    Case("AveragePool", (X,), (), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Case("DepthToSpace", (f(1, 8, 2, 3),), (), {"blocksize": 2}),
    Case("DepthToSpace", (f(1, 8, 2, 3),), (), {"blocksize": 2, "mode": "CRD"}),
    Case("SpaceToDepth", (f(1, 2, 4, 6),), (), {"blocksize": 2}),
    Case("CumSum", (X,), (np.int64(-2),)),
]

COORDINATES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
RESIZING = [
    *(Case("Resize", (X,), (None, None, i64(2, 4, 9, 10)), {"mode": "linear", "coordinate_transformation_mode": each})
      for each in COORDINATES),
    *(Case("Resize", (X,), (None, None, i64(2, 4, 9, 10)), {"mode": "nearest", "coordinate_transformation_mode": each})
      for each in COORDINATES),
    *(Case("Resize", (X,), (None, f32(1, 1, 2, 2)), {"mode": "nearest", "nearest_mode": each,
                                                      "coordinate_transformation_mode": "asymmetric"})
      for each in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")),
    Case("Resize", (X,), (None, f32(1, 1, 1.5, 0.5)), {"mode": "linear"}),
    Case("Resize", (X,), (None, f32(1, 1, 2, 2)), {"mode": "cubic"}),
    Case("Resize", (X,), (None, None, i64(2, 4, 7, 8)), {"mode": "cubic", "exclude_outside": 1, "cubic_coeff_a": -0.5}),
    Case("Resize", (X,), (None, None, i64(12, 5)), {"mode": "linear", "axes": [2, 3]}),
    Case("Resize", (X,), (f32(1, 1, 2, 3),), {"mode": "nearest"}, opset=10),
    Case("Upsample", (X,), (f32(1, 1, 2, 3),), {"mode": "nearest"}, opset=9),
    Case("Upsample", (X,), (f32(1, 1, 2, 2),), {"mode": "linear"}, opset=9),
]  # fmt: skip

SHAPES = [
    Case("Reshape", (X,), (i64(0, -1, 10),)),
    Case("Flatten", (X,), (), {"axis": 2}),
    Case("Flatten", (X,), (), {"axis": 0}),
    Case("Transpose", (X,), (), {"perm": [0, 2, 3, 1]}),
    Case("Transpose", (X,)),
    Case("Squeeze", (f(1, 3, 1, 2),), (i64(0, -2),)),
    Case("Squeeze", (f(1, 3, 1, 2),), (), {"axes": [2]}, opset=11),
    Case("Squeeze", (f(1, 3, 1, 2),)),
    Case("Unsqueeze", (X,), (i64(0, -1),)),
    Case("Unsqueeze", (X,), (), {"axes": [1]}, opset=11),
    Case("Expand", (f(3, 1),), (i64(2, 1, 4),)),
    Case("Tile", (f(2, 3),), (i64(2, 2),)),
    Case("Concat", (f(2, 3), f(2, 1)), (), {"axis": -1}),
    Case("Split", (X,), (i64(1, 3),), {"axis": 1}, outputs=2),
    Case("Split", (X,), (), {"axis": 3, "num_outputs": 2}, outputs=2),
    Case("Split", (X,), (), {"axis": 1, "split": [3, 1]}, opset=11, outputs=2),
    Case("Slice", (X,), (i64(1, -3), i64(9, -1), i64(2, 3))),
    Case("Slice", (X,), (i64(5, 1), i64(-99, 4), i64(2, 1), i64(-2, 2))),
    Case("Slice", (X,), (i64(0, 1), i64(1, 3))),
    Case("Slice", (X,), (), {"starts": [1], "ends": [3], "axes": [1]}, opset=9),
    Case("Gather", (X,), (i64(-1, 0, 2),), {"axis": 1}),
    Case("Gather", (X,), (i64(1, 2),), {"axis": 2}),
    Case("Gather", (X,), (np.int64(3),), {"axis": -1}),
    Case("Gather", (X,), (ints(2, 2),), {"axis": 1}),
    Case("GatherElements", (X,), (ints(2, 2, 6, 5, low=-4, high=4),), {"axis": 1}),
    Case("GatherElements", (X, ints(2, 2, 6, 5)), (), {"axis": 1}),
    Case("GatherND", (X,), (i64(0, 1, 1, 2).reshape(2, 2),)),
    Case("ScatterND", (f(4, 3),), (i64(1, 3).reshape(2, 1), f(2, 3))),
    Case("Trilu", (f(4, 5),)),
    Case("Trilu", (f(4, 5),), (np.int64(-1),), {"upper": 0}),
    Case("OneHot", (ints(2, 3, low=-1),), (np.int64(4), f32(0, 1))),
    Case("OneHot", (ints(2, 3),), (np.int64(4), f32(2, 5)), {"axis": 1}),
    Case("Pad", (X,), (i64(0, 0, 1, 2, 0, 0, 3, 0), np.float32(0.5))),
    Case("Pad", (X,), (i64(0, 0, -1, 2, 0, 0, 0, 0),)),
    Case("Pad", (X,), (i64(1, 2, 3, 0), None, i64(-1, 1))),
    *(
        Case("Pad", (X,), (i64(0, 0, 1, 2, 0, 0, 3, 1),), {"mode": mode})
        for mode in ("reflect", "edge", "wrap")
    ),
    Case("Pad", (f(4, 5, 6),), (i64(0, 2, 0, 1, 0, 0),), {"mode": "reflect"}),
    Case("Pad", (X,), (), {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 2.0}, opset=9),
]

REDUCING = [
    *(Case(f"Reduce{each}", (positive(2, 4, 6, 5),), (i64(1, -1),), opset=18) for each in REDUCE),
    *(
        Case(f"Reduce{each}", (positive(2, 4, 6, 5),), (), {"axes": [2], "keepdims": 0}, opset=11)
        for each in REDUCE
    ),
    Case("ReduceLogSum", (positive(2, 4),), (i64(1),)),
    Case("ReduceSum", (X,)),
    Case("ReduceMean", (X,), (), {"noop_with_empty_axes": 1}),
    Case("GlobalAveragePool", (X,)),
    Case("GlobalMaxPool", (X,)),
    Case("ArgMax", (X,), (), {"axis": 1}),
    Case("ArgMin", (X,), (), {"axis": -1, "keepdims": 0}),
    Case("TopK", (f(3, 8),), (i64(3),), outputs=2),
    Case("TopK", (f(3, 8),), (i64(2),), {"axis": 0, "largest": 0}, outputs=2),
    Case("TopK", (f(3, 8),), (), {"k": 3}, opset=9, outputs=2),
    Case("Softmax", (X,), (), {"axis": 1}),
    Case("Softmax", (X,), (), {"axis": 1}, opset=11),
    Case("Softmax", (f(2, 5, 1, 1),), (), {"axis": 1}, opset=11),
    Case("LogSoftmax", (X,)),
    Case("Hardmax", (X,), (), {"axis": 1}),
    Case("BatchNormalization", (X,), (f(4), f(4), f(4), positive(4))),
    Case("LayerNormalization", (X,), (f(5), f(5))),
    Case("LayerNormalization", (X,), (f(6, 5),), {"axis": 2, "epsilon": 1e-3}),
    Case("RMSNormalization", (X,), (f(5),), opset=23),
    Case("InstanceNormalization", (X,), (f(4), f(4))),
    Case("GroupNormalization", (X,), (f(4), f(4)), {"num_groups": 2}),
    Case("GroupNormalization", (X,), (f(2), f(2)), {"num_groups": 2}, opset=18),
    Case("MeanVarianceNormalization", (X,)),
    Case("LpNormalization", (X,), (), {"axis": 1}),
    Case("LpNormalization", (X,), (), {"axis": 1, "p": 1}),
    Case("LRN", (X,), (), {"size": 3, "alpha": 0.5, "bias": 2.0}),
]


def _recurrent(op, gates, direction="forward", steps=5, bias=True, states=0, **more):
    directions = 1 + (direction == "bidirectional")
    given = [f(directions, gates * 3, 4), f(directions, gates * 3, 3)]
    given += [f(directions, 2 * gates * 3) if bias else None]
    given += [None, *(f(directions, 2, 3) for _ in range(states))] if states else []
    return Case(op, (f(steps, 2, 4),), tuple(given), {"hidden_size": 3, "direction": direction, **more}, opset=14,
                outputs=3 if op == "LSTM" else 2)  # fmt: skip


RECURRENT = [
    *(_recurrent("LSTM", 4, each) for each in ("forward", "reverse", "bidirectional")),
    _recurrent("LSTM", 4, bias=False, states=2),
    _recurrent("LSTM", 4, states=1),
    *(_recurrent("GRU", 3, each, linear_before_reset=1) for each in ("forward", "reverse", "bidirectional")),
    *(_recurrent("GRU", 3, each) for each in ("forward", "reverse", "bidirectional")),
    _recurrent("GRU", 3, "bidirectional", states=1, bias=False),
    _recurrent("GRU", 3, states=1, linear_before_reset=1),
    _recurrent("RNN", 1, "bidirectional"),
    _recurrent("RNN", 1, activations=["Relu"]),
]

CASES = [*ELEMENTWISE, *PRODUCTS, *RESIZING, *SHAPES, *REDUCING, *RECURRENT]
ON_CONSTANTS = [
    "Constant",
    "ConstantOfShape",
    "DequantizeLinear",
    "EyeLike",
    "NonZero",
    "QuantizeLinear",
    "Range",
    "Shape",
    "Size",
]
"""Operators that are computed while a module is rebuilt, and are tested as part of a graph."""
