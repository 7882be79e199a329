"""Delegates: every rule has a case that fits and one that breaks it, and parts are counted as TFLite counts them."""

from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")

from converters.inspection.coverage import COREML, TFLITE, coverage, manual
from converters.inspection.coverage.rules import cover, partitions
from converters.inspection.report import Format, Granularity, Graph, Operator, Tensor

pytestmark = pytest.mark.convert

DELEGATES = {each.name: each for each in (*TFLITE, *COREML)}
IMAGE = Tensor("image", (1, 8, 8, 4), "float32")
INT8 = Tensor("image", (1, 8, 8, 4), "int8", granularity=Granularity.PER_TENSOR, scales=1)


def constant(*shape, dtype="float32", **more):
    return Tensor("weight", shape, dtype, constant=True, stored_bytes=1, **more)


def single(kind, *inputs, out=IMAGE, **options):
    """A graph of one operator."""
    tensors = (*inputs, out)
    places = tuple(range(len(inputs)))
    fed = tuple(place for place in places if not tensors[place].constant)
    return Graph(tensors, (Operator(kind, places, (len(inputs),), options=options),), fed, (len(inputs),))


def int8(kind, *inputs, out=INT8, **options):
    return single(kind, *(inputs or (INT8,)), out=out, **options)


FILTER, FILTER8 = (
    constant(4, 3, 3, 4),
    constant(4, 3, 3, 4, dtype="int8", granularity=Granularity.PER_CHANNEL, scales=4),
)
DEPTHWISE, DEPTHWISE8 = constant(1, 3, 3, 4), constant(1, 3, 3, 4, dtype="int8")
AXES, BIG = constant(2, dtype="int32"), Tensor("big", (1, 70, 70, 4), "int8")
COMPUTED, COMPUTED_AXES = Tensor("computed", (4, 3, 3, 4), "float32"), Tensor("axes", (2,), "int32")
PADS, ODD_PADS = constant(4, 2, dtype="int32"), constant(2, 2, dtype="int32")
DEEP = Tensor("deep", (1, 2, 2, 2, 2, 2, 2), "float32")
OPEN = Tensor("open", (None, 8, 8, 4), "int8")

# delegate, what must hold, a graph that fits, a graph that does not
CASES = (
    ("tflite-gpu", "a fused activation is none, ReLU, ReLU6, ReLU -1 to 1, tanh or sigmoid",
     single("ADD", IMAGE, IMAGE, fused_activation_function="RELU6"), single("ADD", IMAGE, IMAGE,
     fused_activation_function="SIGN_BIT")),
    ("tflite-gpu", "runtime inputs number 1 or 2", single("CONV_2D", IMAGE, FILTER), single("CONV_2D", IMAGE,
    COMPUTED, COMPUTED)),
    ("tflite-gpu", "runtime inputs number 1", single("TANH", IMAGE), single("TANH", constant(4))),
    ("tflite-gpu", "runtime inputs number 2", single("ADD_N", IMAGE, IMAGE), single("ADD_N", IMAGE, IMAGE, IMAGE)),
    ("tflite-gpu", "strides, kernels and dilations are above 0", single("CONV_2D", IMAGE, FILTER, stride_h=1),
    single("CONV_2D", IMAGE, FILTER, stride_h=0)),
    ("tflite-gpu", "filters number the input's channels times the multiplier, all with 4 axes",
     single("DEPTHWISE_CONV_2D", IMAGE, DEPTHWISE, depth_multiplier=1), single("DEPTHWISE_CONV_2D", IMAGE,
     DEPTHWISE, depth_multiplier=2)),
    ("tflite-gpu", "weights have the default format", single("FULLY_CONNECTED", IMAGE, FILTER,
    weights_format="DEFAULT"),
     single("FULLY_CONNECTED", IMAGE, FILTER, weights_format="SHUFFLED4x16INT8")),
    ("tflite-gpu", "inputs are two, not both constant", single("SUB", IMAGE, FILTER), single("SUB", FILTER, FILTER)),
    ("tflite-gpu", "shapes broadcast", single("MUL", IMAGE, constant(4)), single("MUL", IMAGE, constant(3))),
    ("tflite-gpu", "axes are constant int32", single("MEAN", IMAGE, AXES), single("MEAN", IMAGE, COMPUTED_AXES)),
    ("tflite-gpu", "casts are between bool and floats, or float32 and int32", single("CAST", IMAGE,
    out=Tensor("o", (1,), "int32")),
     single("CAST", IMAGE, out=Tensor("o", (1,), "int64"))),
    ("tflite-gpu", "inputs are not int16", single("DEQUANTIZE", INT8), single("DEQUANTIZE", Tensor("i", (1,),
    "int16"))),
    ("tflite-gpu", "inputs are constant", single("DENSIFY", FILTER), single("DENSIFY", IMAGE)),
    ("tflite-gpu", "blocks are larger than 1", single("DEPTH_TO_SPACE", IMAGE, block_size=2),
    single("DEPTH_TO_SPACE", IMAGE, block_size=1)),
    ("tflite-gpu", "the input has 3 or 4 axes", single("SLICE", IMAGE), single("SLICE", Tensor("i", (4, 4),
    "float32"))),
    ("tflite-gpu", "there is no ellipsis, new axis or shrunk axis", single("STRIDED_SLICE", IMAGE, shrink_axis_mask=0),
     single("STRIDED_SLICE", IMAGE, shrink_axis_mask=1)),
    ("tflite-gpu", "beta is 1", single("SOFTMAX", IMAGE, beta=1.0), single("SOFTMAX", IMAGE, beta=0.5)),
    ("tflite-gpu", "paddings have shape 3x2 or 4x2", single("PAD", IMAGE, PADS), single("PAD", IMAGE, ODD_PADS)),
    ("tflite-gpu", "the mode is REFLECT", single("MIRROR_PAD", IMAGE, PADS, mode="REFLECT"),
    single("MIRROR_PAD", IMAGE, PADS, mode="SYMMETRIC")),
    ("tflite-gpu", "corners are not aligned and centers half a pixel off at once", single("RESIZE_BILINEAR",
    IMAGE, align_corners=1, half_pixel_centers=0),
     single("RESIZE_BILINEAR", IMAGE, align_corners=1, half_pixel_centers=1)),
    ("tflite-gpu", "indices are constant int32", single("GATHER", IMAGE, AXES), single("GATHER", IMAGE, COMPUTED_AXES)),
    ("nnapi", "shapes are fixed", single("RELU", IMAGE), single("RELU", OPEN)),
    ("nnapi", "tensors have at most 4 axes", single("RELU", IMAGE), single("RELU", DEEP)),
    ("nnapi", "values are float, 8-bit, int32 or bool", single("RELU", IMAGE), single("RELU", Tensor("i", (1,
    ), "int64"))),
    ("hexagon", "shapes are fixed", int8("RELU"), int8("RELU", OPEN)),
    ("hexagon", "values are 8-bit integers", int8("RELU"), single("RELU", IMAGE)),
    ("hexagon", "tensors have at most 4 axes", int8("RELU"), int8("RELU", Tensor("i", (1, 1, 1, 1, 4), "int8"))),
    ("hexagon", "strides are at most 3", int8("CONV_2D", INT8, FILTER8, stride_h=3), int8("CONV_2D", INT8,
    FILTER8, stride_h=4)),
    ("hexagon", "filters are 3 wide", int8("DEPTHWISE_CONV_2D", INT8, DEPTHWISE8), int8("DEPTHWISE_CONV_2D",
    INT8, constant(1, 5, 5, 4, dtype="int8"))),
    ("hexagon", "the depth multiplier is 1", int8("DEPTHWISE_CONV_2D", INT8, DEPTHWISE8, depth_multiplier=1),
     int8("DEPTHWISE_CONV_2D", INT8, DEPTHWISE8, depth_multiplier=2)),
    ("hexagon", "outputs are at most 65 wide and high", int8("RESIZE_BILINEAR"), int8("RESIZE_BILINEAR", out=BIG)),
    ("edgetpu", "shapes are fixed", int8("RELU"), int8("RELU", OPEN)),
    ("edgetpu", "values are 8-bit integers", int8("RELU"), single("RELU", IMAGE)),
    ("edgetpu", "of more than 3 axes only the 3 innermost are longer than 1", int8("RELU"), int8("RELU",
    Tensor("i", (2, 8, 8, 4), "int8"))),
    ("edgetpu", "dilations are equal in both directions", int8("CONV_2D", INT8, FILTER8, dilation_h_factor=2,
    dilation_w_factor=2),
     int8("CONV_2D", INT8, FILTER8, dilation_h_factor=2, dilation_w_factor=1)),
    ("edgetpu", "weights are constant", int8("FULLY_CONNECTED", INT8, FILTER8), int8("FULLY_CONNECTED", INT8, INT8)),
    ("edgetpu", "the batch is not reduced", int8("MEAN", INT8, AXES, axes=(1, 2)), int8("MEAN", INT8, AXES,
    axes=(0, 1))),
    ("edgetpu", "inputs have at most 16,000 elements", int8("SOFTMAX"), int8("SOFTMAX", BIG)),
    ("xnnpack", "values are float32, or 8-bit in an operator that has an 8-bit kernel", int8("CONV_2D", INT8,
    FILTER8), int8("HARD_SWISH")),
    ("xnnpack", "tensors have at most 6 axes", single("RELU", IMAGE), single("RELU", DEEP, out=DEEP)),
    ("xnnpack", "axes are constant", single("MEAN", IMAGE, AXES), single("MEAN", IMAGE, COMPUTED_AXES)),
    ("xnnpack", "float activations meet integer weights only in dense layers and plain convolutions",
    single("CONV_2D", IMAGE, FILTER8),
     single("DEPTHWISE_CONV_2D", IMAGE, DEPTHWISE8)),
    ("tflm", "tensors are float32, bool or integers", single("RELU", IMAGE), single("RELU", Tensor("i", (1,),
    "float16"))),
    ("tflm", "float activations do not meet integer weights", int8("CONV_2D", INT8, FILTER8),
    single("CONV_2D", IMAGE, FILTER8)),
    ("tflm", "inputs are whole bytes of integers", single("DEQUANTIZE", INT8), single("DEQUANTIZE",
    constant(4, dtype="int4"))),
    ("tflm", "there is one scale: others would be ignored", single("DEQUANTIZE", INT8), single("DEQUANTIZE", FILTER8)),
    ("cmsis-nn", "tensors are float32, bool or integers", int8("SOFTMAX"), int8("SOFTMAX", out=Tensor("o", (1,
    ), "float16"))),
    ("cmsis-nn", "float activations do not meet integer weights", int8("CONV_2D", INT8, FILTER8),
    single("CONV_2D", IMAGE, FILTER8)),
    ("cmsis-nn", "activations are int8 or int16", int8("SOFTMAX"), single("SOFTMAX", IMAGE)),
    ("coreml-ane", "tensors have at most 5 axes", single("relu", IMAGE), single("relu", DEEP, out=DEEP)),
    ("coreml-ane", "convolutions are not dilated", single("conv", IMAGE, dilations=(1, 1)), single("conv",
    IMAGE, dilations=(2, 2))),
    ("coreml-ane", "kernels are at most 13, strides at most 2", single("max_pool", IMAGE, kernel_sizes=(3, 3),
    strides=(2, 2)),
     single("max_pool", IMAGE, kernel_sizes=(14, 14), strides=(1, 1))),
    ("coreml-ane", "images grow at most twofold", single("upsample_bilinear", IMAGE, scale_factor_height=2.0),
     single("upsample_bilinear", IMAGE, scale_factor_height=4.0)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("delegate", "text", "fitting", "breaking"), CASES, ids=[f"{each[0]}: {each[1]}" for each in CASES]
)
def test_rule(delegate, text, fitting, breaking):
    assert DELEGATES[delegate].breaks(fitting, 0) is None
    found = DELEGATES[delegate].breaks(breaking, 0)
    assert found is not None
    assert found.reason.startswith(f"{text}, here ")
    assert found.source == DELEGATES[delegate].source


def test_every_rule_has_a_case():
    rules = {(name, rule.text) for name, each in DELEGATES.items()
             for rule in (*each.general, *(one for found in each.kinds.values() for one in found))}  # fmt: skip
    assert rules - {(delegate, text) for delegate, text, *_ in CASES} == set()


@pytest.mark.parametrize("name", DELEGATES)
def test_an_operator_that_nobody_knows_is_not_taken(name):
    kind = "lstm" if name.startswith("coreml") else "CONV_3D"
    assert "not among" in DELEGATES[name].breaks(single(kind, INT8, out=INT8), 0).reason
    custom = Graph((INT8, INT8), (Operator("Mine", (0,), (1,), custom=True),), (0,), (1,))
    assert DELEGATES[name].breaks(custom, 0) is not None


def chain(*kinds):
    tensors = tuple(IMAGE for _ in range(len(kinds) + 1))
    return Graph(
        tensors, tuple(Operator(kind, (at,), (at + 1,)) for at, kind in enumerate(kinds)), (0,), (len(kinds),)
    )


@pytest.mark.parametrize(
    ("taken", "parts"),
    [([1, 1, 1], 1), ([1, 0, 1], 2), ([0, 0], 0), ([0, 1, 0, 1, 0], 2), ([1, 1, 0], 1)],
)
def test_a_chain_is_cut_where_an_operator_is_not_taken(taken, parts):
    assert partitions(chain(*["RELU"] * len(taken)), [bool(each) for each in taken]) == parts


def test_branches_of_one_side_are_one_part():
    """Two branches that are taken, one operator that is not beside them: TFLite runs both branches as one part."""
    graph = Graph(
        tuple(IMAGE for _ in range(5)),
        (Operator("RELU", (0,), (1,)), Operator("CONV_3D", (0,), (2,)), Operator("RELU", (0,), (3,)),
            Operator("ADD", (1, 3), (4,))),
        (0,), (4, 2),
    )  # fmt: skip
    assert partitions(graph, [True, False, True, True]) == 1


def test_coverage_counts_operators_macs_and_parts():
    found = cover(DELEGATES["tflite-gpu"], chain("RELU", "CONV_3D", "RELU"), [10, 100, 30])
    assert (found.operators, found.of_operators, found.macs, found.of_macs, found.partitions) == (
        2,
        3,
        40,
        140,
        2,
    )
    assert not found.whole


def test_an_edge_tpu_runs_the_first_part_only():
    graph = Graph(
        tuple(INT8 for _ in range(4)),
        (*(Operator(kind, (at,), (at + 1,)) for at, kind in enumerate(("RELU", "CONV_3D", "RELU"))),),
        (0,),
        (3,),
    )
    found = cover(DELEGATES["edgetpu"], graph, [1, 1, 1])
    assert (found.operators, found.partitions) == (1, 1)
    assert [each.operator for each in found.breaks] == [1, 2]


def test_formats_without_delegates_have_no_coverage():
    assert coverage(Format.SAFETENSORS, chain("RELU"), [0], Path("x")) == ()


def test_the_manual_is_made_from_the_rules():
    page = Path(__file__).parents[5] / "docs" / "delegates.md"
    assert page.read_text(encoding="utf-8") == manual()
