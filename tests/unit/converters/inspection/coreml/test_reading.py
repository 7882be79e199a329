"""What a Core ML file says of itself."""

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")
if find_spec("coremltools") is None:
    pytest.skip("coremltools comes with the extra 'coreml'", allow_module_level=True)

import numpy as np

from converters.inspection import coreml as reader
from converters.inspection import packages
from converters.inspection.report import Granularity
from tests.unit.converters.inspection.coreml import mil_programs as programs

pytestmark = pytest.mark.convert


@pytest.fixture
def read(tmp_path):
    def read(program):
        return reader.read(program.save(tmp_path / "m.mlpackage"))

    return read


def weight(reading, name="w"):
    return next(each for each in reading.graph.tensors if each.name == name)


def operator(reading, kind):
    return next(each for each in reading.graph.operators if each.kind == kind)


def test_a_program_is_read_with_options_shapes_and_macs(read):
    reading = read(programs.convolution())
    conv = operator(reading, "conv")
    assert conv.options == {
        "pad_type": "custom", "pad": (1, 1, 1, 1), "strides": (2, 2), "dilations": (1, 1), "groups": 1,
    }  # fmt: skip
    assert [reading.graph.tensors[each].name for each in conv.inputs] == ["x", "w", "b"]
    assert reader.macs(reading.graph, conv) == 4 * 4 * 4 * 27
    assert reader.macs(reading.graph, operator(reading, "relu")) == 0
    assert [each.kind for each in reading.graph.operators] == ["conv", "relu"]
    assert (weight(reading).dtype, weight(reading).stored_bytes) == ("float16", 216)
    assert (reading.flavour, reading.warnings) == ("ML Program", ())
    assert reading.minimum == {"spec_version": "7", "os": "iOS 16", "macos": "macOS 13", "opset": "CoreML6"}


def test_an_open_batch_stays_open_and_counts_as_one(read):
    reading = read(programs.convolution(batch=None))
    conv = operator(reading, "conv")
    assert reading.graph.tensors[conv.outputs[0]].shape == (None, 4, 4, 4)
    assert reader.macs(reading.graph, conv) == 4 * 4 * 4 * 27


@pytest.mark.parametrize(
    ("name", "dtype", "granularity", "scales", "is_sparse"),
    [
        ("affine", "int8", Granularity.PER_CHANNEL, 4, False),
        ("palette", "palette4", Granularity.PER_TENSOR, 1, False),
        ("sparse", "float16", Granularity.NONE, 0, True),
        ("blockwise", "uint4", Granularity.PER_CHANNEL, 4, False),
        ("grouped palette", "palette2", Granularity.PER_BLOCK, 2, False),
        ("sparse palette", "palette2", Granularity.PER_TENSOR, 1, True),
        ("sparse blocks", "int8", Granularity.PER_CHANNEL, 4, True),
    ],
)
def test_compressed_weights_are_shown_as_they_are_stored(read, name, dtype, granularity, scales, is_sparse):
    version, make = programs.COMPRESSED[name]
    reading = read(programs.convolution(version, weight=make))
    found = weight(reading)
    assert (found.dtype, found.granularity, found.scales, found.sparse) == (
        dtype,
        granularity,
        scales,
        is_sparse,
    )
    assert found.shape == programs.SHAPE
    assert 0 < found.stored_bytes < programs.ELEMENTS * 2 + 20
    assert not any(each.kind.startswith("const") for each in reading.graph.operators)
    assert {each.name for each in reading.graph.tensors if each.constant} == {"w", "b"}


def test_blocks_are_told_from_channels(read):
    reading = read(programs.convolution(9, weight=lambda program: programs.blockwise(program, (4, 3, 1, 1))))
    assert (weight(reading).granularity, weight(reading).scales) == (Granularity.PER_BLOCK, 12)


def test_states_and_their_operations(read):
    reading = read(programs.states())
    assert [each.kind for each in reading.graph.operators] == ["read_state", "add", "write_state"]
    assert [reading.graph.tensors[each].name for each in reading.graph.inputs] == ["x", "sum"]
    assert reading.minimum["os"] == "iOS 18"


def test_bytes_that_nothing_uses_are_said(read):
    program = programs.convolution()
    program.weights.add(bytes(128), "float16")
    assert "128 bytes of its weights are used by nothing" in read(program).warnings[0]


def test_weights_that_two_constants_share_count_once(read):
    program = programs.convolution()
    twin = program.block.operations.add()
    twin.CopyFrom(next(each for each in program.block.operations if each.outputs[0].name == "w"))
    twin.outputs[0].name = "w2"
    conv = next(each for each in program.block.operations if each.type == "conv")
    conv.inputs["weight"].arguments[0].name = "w2"
    program.block.operations.sort(key=lambda each: each.type in {"conv", "relu"})
    assert (
        sum(each.stored_bytes for each in read(program).graph.tensors) == 8
    )  # the bias; "w" has the bytes, unused


def test_weights_that_functions_share_count_once(read):
    program = programs.convolution(9)
    description = program.model.description
    for name in ("first", "second"):
        program.model.mlProgram.functions[name].CopyFrom(program.function)
        described = description.functions.add(name=name)
        described.input.extend(description.input)
        described.output.extend(description.output)
    program.model.mlProgram.functions.pop("main")
    description.ClearField("input")
    description.ClearField("output")
    description.defaultFunctionName = "second"
    reading = read(program)
    assert reading.graph.subgraphs == 1
    assert [each.name for each in reading.graph.tensors if each.constant] == ["w", "b"]
    assert weight(reading).stored_bytes == 216


@pytest.mark.parametrize("layout", ["canonical", "folder inside"])
def test_a_zipped_package_is_read_as_the_folder_is(tmp_path, layout):
    folder, out = programs.convolution().save(tmp_path / "m.mlpackage"), tmp_path / "m.zip"
    if layout == "folder inside":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
            for each in folder.rglob("*"):
                file.write(each, each.relative_to(tmp_path))
            file.writestr("__MACOSX/._m.mlpackage", b"left by a Mac")
    else:
        with out.open("wb") as sink:
            packages.pack(folder, sink)
    assert reader.read(out) == reader.read(folder)


def test_an_older_network_is_read_with_its_weights(tmp_path):
    path = tmp_path / "m.mlmodel"
    path.write_bytes(programs.network().SerializeToString())
    reading = reader.read(path)
    assert reading.flavour == "NeuralNetwork"
    assert [each.kind for each in reading.graph.operators] == [
        "convolution",
        "activation",
        "reshapeStatic",
        "innerProduct",
    ]
    conv, dense = operator(reading, "convolution"), operator(reading, "innerProduct")
    assert (reader.macs(reading.graph, conv), reader.macs(reading.graph, dense)) == (4 * 4 * 4 * 27, 640)
    assert conv.options["stride"] == (2, 2)
    assert weight(reading, "conv.weights").zeros == pytest.approx(1 / 108)
    assert weight(reading, "dense.weights").dtype == "float16"
    assert reading.minimum["os"] == "iOS 13"


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
def test_quantized_weights_of_older_networks(tmp_path, bits):
    model = programs.network()
    weights = model.neuralNetwork.layers[0].convolution.weights
    numbers = np.random.RandomState(0).randint(0, 2**bits, programs.ELEMENTS)
    flat = (numbers[:, None] >> np.arange(bits)[::-1]) & 1  # highest bits first
    del weights.floatValue[:]
    weights.rawValue = np.packbits(flat.reshape(-1)).tobytes()
    weights.quantization.numberOfBits = bits
    weights.quantization.linearQuantization.scale.extend([0.5] * 4)
    weights.quantization.linearQuantization.bias.extend([-0.5] * 4)
    path = tmp_path / "m.mlmodel"
    path.write_bytes(model.SerializeToString())
    found = weight(reader.read(path), "conv.weights")
    assert (found.dtype, found.granularity, found.scales) == (f"uint{bits}", Granularity.PER_CHANNEL, 4)
    assert found.zeros == pytest.approx(float(np.mean(numbers == 1)))


def test_layers_of_an_app_are_custom(tmp_path):
    model = programs.network()
    custom = model.neuralNetwork.layers.add(name="mine", input=["y"], output=["z"]).custom
    custom.className = "MyLayer"
    path = tmp_path / "m.mlmodel"
    path.write_bytes(model.SerializeToString())
    reading = reader.read(path)
    assert operator(reading, "MyLayer").custom
    assert reader.macs(reading.graph, operator(reading, "MyLayer")) is None


def test_models_that_are_no_nets_are_named(tmp_path):
    model = programs.proto.classes("Model_pb2").Model(specificationVersion=1)
    model.pipeline.models.add().treeEnsembleRegressor.SetInParent()
    path = tmp_path / "m.mlmodel"
    path.write_bytes(model.SerializeToString())
    reading = reader.read(path)
    assert (reading.flavour, reading.graph) == ("Pipeline of treeEnsembleRegressor", None)
    assert "no single net" in reading.warnings[0]


def test_reading_imports_neither_coremltools_nor_frameworks(tmp_path):
    path = programs.convolution().save(tmp_path / "m.mlpackage")
    code = f"""
import sys
from pathlib import Path
from converters.inspection import coreml
coreml.read(Path({str(path)!r}))
print(sorted({{'coremltools', 'torch', 'tensorflow', 'sklearn', 'onnx'}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform == "darwin", reason="on a Mac, Core ML is tried")
def test_core_ml_is_not_tried_elsewhere(tmp_path):
    load = reader.load(tmp_path)
    assert (load.loaded, load.reason) == (None, "Core ML runs on macOS only")


@pytest.mark.skipif(find_spec("basic_pitch") is None, reason="basic_pitch is not installed")
def test_a_published_package_is_read():
    path = Path(find_spec("basic_pitch").origin).parent / "saved_models/icassp_2022/nmp.mlpackage"
    reading = reader.read(path)
    assert sum(reader.macs(reading.graph, each) or 0 for each in reading.graph.operators) == 524_079_648
