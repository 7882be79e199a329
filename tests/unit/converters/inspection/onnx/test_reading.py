"""What an ONNX file says of itself, read and held against ONNX Runtime."""

from importlib.util import find_spec
from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx", reason="onnx comes with the extra 'inspect'")

from converters.inspection import onnx as reader  # noqa: E402
from converters.inspection.report import Granularity  # noqa: E402
from tests.unit.converters.inspection.onnx import onnx_models as models  # noqa: E402

pytestmark = pytest.mark.convert


@pytest.fixture
def read(tmp_path):
    def read(model):
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return reader.read(path)

    return read


def weight(reading, name="w"):
    return next(each for each in reading.graph.tensors if each.name == name)


def operator(reading, kind):
    return next(each for each in reading.graph.operators if each.kind == kind)


@pytest.mark.parametrize("name", models.ALL)
def test_sound_models_are_read_and_load(tmp_path, name):
    path = tmp_path / "model.onnx"
    path.write_bytes(models.ALL[name]().SerializeToString())
    assert reader.read(path).graph.operators
    load = reader.load(path)
    assert load.loaded, load.reason
    assert load.runtime.startswith("onnxruntime ")


def test_a_net_is_read_with_shapes_options_and_macs(read):
    reading = read(models.convolution())
    conv = operator(reading, "Conv")
    assert conv.options["strides"] == (2, 2)
    assert (conv.label, conv.version, conv.custom) == ("conv", 11, False)
    assert reading.graph.tensors[conv.outputs[0]].shape == (1, 4, 4, 4)
    assert reader.macs(reading.graph, conv) == 4 * 4 * 4 * 27
    assert reader.macs(reading.graph, operator(reading, "Gemm")) == 5 * 16
    assert reader.macs(reading.graph, operator(reading, "Relu")) == 0
    assert operator(reading, "Reshape").options["shape"] == (-1, 16)
    assert (reading.flavour, reading.producer) == ("opset 17", "tests")
    assert reading.minimum == {"opset": "17", "ir_version": "8", "runtime": "onnxruntime 1.12"}


def test_an_open_batch_counts_as_one_for_macs_but_stays_open(read):
    reading = read(models.convolution(batch="n"))
    conv = operator(reading, "Conv")
    assert reading.graph.tensors[conv.outputs[0]].shape == (None, 4, 4, 4)
    assert reader.macs(reading.graph, conv) == 4 * 4 * 4 * 27
    lstm = operator(read(models.recurrent()), "LSTM")
    assert reader.macs(read(models.recurrent()).graph, lstm) == 5 * 4 * 4 * (4 + 3)


def test_stored_weights_have_their_own_type_and_granularity(read):
    reading = read(models.int4())
    found = weight(reading)
    assert (found.dtype, found.shape, found.granularity, found.axis, found.scales) == (
        "int4", (4, 3, 3, 3), Granularity.PER_CHANNEL, 0, 4,
    )  # fmt: skip
    assert found.stored_bytes > 54  # 108 elements of half a byte, and the scales
    assert weight(reading, "scale").stored_bytes == 0
    blocks = weight(read(models.int4((2, 3, 3, 3), 2)))
    assert (blocks.granularity, blocks.axis, blocks.scales) == (Granularity.PER_BLOCK, None, 54)


def test_zeros_are_counted_from_the_zero_point_on(read):
    model = models.integer_convolution()
    found = weight(read(model))
    numbers = onnx.numpy_helper.to_array(next(each for each in model.graph.initializer if each.name == "w"))
    wanted = sum(int((numbers[each] == each).sum()) for each in (0, 1))  # the zero points are 0 and 1
    assert found.zeros == pytest.approx(wanted / numbers.size)
    assert (found.dtype, found.granularity) == ("int8", Granularity.PER_CHANNEL)


def test_weights_of_the_runtime_s_own_operators_are_read_as_what_they_are(read):
    reading = read(models.blocks_of_bits())
    found = weight(reading)
    assert (found.dtype, found.shape, found.granularity) == ("uint4", (8, 32), Granularity.PER_BLOCK)
    assert found.stored_bytes == 128 + 32
    assert not operator(reading, "MatMulNBits").custom
    assert reading.minimum["contrib"] == "com.microsoft"
    assert "MatMulNBits" in reading.warnings[0]
    assert reader.macs(reading.graph, operator(reading, "MatMulNBits")) == 8 * 32


def test_branches_and_constants(read):
    reading = read(models.branches())
    assert [each.kind for each in reading.graph.operators] == ["If", "Mul"]
    assert reading.graph.subgraphs == 2
    assert weight(reading, "k").constant  # the weight of a branch counts
    assert weight(reading, "q").zeros == 0.5
    branch = operator(reading, "If")
    assert {reading.graph.tensors[each].name for each in branch.inputs} == {
        "c",
        "x",
    }  # what its branches read
    assert reader.macs(reading.graph, branch) is None


def test_functions_are_put_in_their_place(read):
    reading = read(models.function())
    assert [each.kind for each in reading.graph.operators] == ["Add"]
    assert reading.graph.subgraphs == 1


def test_sparse_weights_are_said(read):
    found = weight(read(models.sparse()))
    assert (found.sparse, found.zeros) == (True, 0.5)
    assert 12 < found.stored_bytes < 36  # three floats, and indices in a byte each


def test_operators_of_an_app_are_custom(read):
    reading = read(models.unknown_operator())
    assert operator(reading, "Secret").custom
    assert reader.macs(reading.graph, operator(reading, "Secret")) is None


def test_texts_that_inference_does_not_need_are_counted(read):
    model = models.convolution()
    before = read(model).metadata_bytes
    model.doc_string = "x" * 1_000
    model.graph.node[0].doc_string = "y" * 500
    assert read(model).metadata_bytes == before + 1_500


def test_declared_shapes_that_are_wrong_are_said(read):
    model = models.convolution()
    model.graph.value_info.append(models.value("c", [1, 4, 7, 7]))
    assert "other shapes than they announce" in read(model).warnings[0]
    model.graph.output[0].CopyFrom(models.value("y", [1, 6]))
    assert any("another shape than it announces" in each for each in read(model).warnings)


def test_fields_of_a_newer_onnx_are_said(read, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(models.convolution().SerializeToString() + b"\xf8\x06\x01")  # field 111
    assert "unknown numbers" in reader.read(path).warnings[0]


@pytest.mark.skipif(find_spec("basic_pitch") is None, reason="basic_pitch is not installed")
def test_a_published_model_is_read():
    path = Path(find_spec("basic_pitch").origin).parent / "saved_models/icassp_2022/nmp.onnx"
    reading = reader.read(path)
    assert sum(reader.macs(reading.graph, each) or 0 for each in reading.graph.operators) == 524_079_648
    assert reader.load(path).loaded
