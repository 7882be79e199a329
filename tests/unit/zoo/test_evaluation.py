"""A file is scored with its own spec, and one that does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest

from converters.inspection.inspecting import Inspector
from converters.making import Request
from converters.recipes import Recipe, Target
from converters.sources.base import SourceKind
from registry.spec import ChannelOrder, Decoding, DecodingKind, InputKind, Port, Preprocessing
from tests.unit.zoo import bands
from tests.unit.zoo.bands import BANDS, NAMES, PER_BAND, part, spec, weights, write_onnx
from zoo.errors import BadFileError, UnknownNameError, UsageError

pytest.importorskip("onnxruntime")
evaluation = pytest.importorskip("zoo.evaluation")
pytestmark = pytest.mark.convert


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory):
    return write_onnx(tmp_path_factory.mktemp("onnx") / "bands.onnx")


@pytest.fixture(scope="module")
def score(tmp_path_factory):
    """Scores a file; all are inspected by one sandbox, because starting it takes a second."""
    with Inspector() as inspector:

        def run(path, given, samples, kernels="", **other):
            report = inspector.inspect(path, coverage=False)
            return evaluation.evaluate(path, given, samples, kernels, report=report, **other)

        yield run


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The net as TFLite and Core ML, in float32 and as TFLite in int8 with int8 ports."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("litert_torch")
    converting = pytest.importorskip("converters.converting")
    modules = pytest.importorskip("converters.sources.torch_modules")
    folder = tmp_path_factory.mktemp("tflite")
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(100, BANDS, bias=False))
    net[1].weight.data = torch.from_numpy(weights().T.copy())
    np.save(folder / "samples.npy", part().samples.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    source = modules.from_module(net.eval(), [torch.zeros(1, 1, 10, 10)], "bands", SourceKind.PYTHON, "bands")
    for targets, recipes in (
        ((Target.COREML,), (Recipe.FLOAT32,)),
        ((Target.TFLITE,), (Recipe.FLOAT32, Recipe.INT8)),
    ):
        request = Request(targets, recipes, folder, folder / "samples.npy")
        converting.convert(source, request, lambda _: None)
    return folder


def test_every_band_is_found(onnx_file, score):
    told = []
    found = score(onnx_file, spec(), part(), classes=NAMES, progress=told.append)
    assert found.predicted == found.labels == tuple(part().labels.tolist())
    assert found.correct == (True,) * 20
    assert (found.format, found.kernels) == ("onnx", "cpu")
    assert found.runtime.startswith("onnxruntime ")
    assert told[0] == 0
    assert told[-1] == 20
    accuracy = found.accuracy("bands", "all")
    assert (accuracy.value, accuracy.samples, accuracy.metric) == (100, 20, "top1")
    assert accuracy.interval()[0] == pytest.approx(83.89, abs=0.01)  # Wilson: n / (n + z^2)


def test_many_samples_are_fed_in_portions(onnx_file, score):
    many = part().take(list(range(20)) * 30)
    found = score(onnx_file, spec(), many, classes=NAMES)
    assert found.correct == (True,) * 600


def test_outputs_are_found_by_their_labels(onnx_file, score):
    classes = ("eva", "Dan", "cleo", "ben", "anna")  # the data set counts the other way
    mirrored = replace(part(), labels=4 - part().labels)
    assert all(score(onnx_file, spec(), mirrored, classes=classes).correct)
    bare = spec(labels=())
    assert score(onnx_file, bare, mirrored, classes=classes).accuracy("b", "a").value == 20


def test_an_answer_that_is_no_class_of_the_data_set_is_wrong(onnx_file, score):
    fewer = part().take(range(3 * PER_BAND))
    fewer = replace(fewer, labels=np.maximum(fewer.labels - 1, 0))  # anna's pictures are called ben
    found = score(onnx_file, spec(), fewer, classes=("ben", "cleo"))
    assert found.predicted == (evaluation.NO_CLASS,) * 4 + (0,) * 4 + (1,) * 4
    assert found.correct == (False,) * 4 + (True,) * 8


def test_scores_that_are_no_numbers_are_no_answer(tmp_path, score):
    matrix = weights()
    matrix[0, 0] = np.nan
    found = score(write_onnx(tmp_path / "nan.onnx", matrix), spec(), part(), classes=NAMES)
    assert set(found.predicted) == {evaluation.NO_CLASS}


@pytest.mark.parametrize("kernels", ["", "xnnpack", "reference", "tflm"])
def test_tflite_runs_with_each_of_its_kernels(files, kernels, score):
    if kernels == "tflm":
        pytest.importorskip("tflite_micro")
    path = files / "bands-float32.tflite"
    found = score(path, _fitting(path), part(), kernels, classes=NAMES)
    assert all(found.correct)
    assert found.kernels == {"": "xnnpack", "tflm": "reference"}.get(kernels, kernels)


@pytest.mark.parametrize("kernels", ["xnnpack", "tflm"])
def test_integer_ports_take_values_by_the_spec_s_scale(files, kernels, score):
    if kernels == "tflm":
        pytest.importorskip("tflite_micro")
    path = files / "bands-int8.tflite"
    given = _fitting(path)
    assert given.inputs[0].dtype == "int8"
    assert all(score(path, given, part(), kernels, classes=NAMES).correct)
    crushed = replace(given, inputs=(replace(given.inputs[0], zero_point=127, scale=1.0),))
    assert not all(score(path, crushed, part(), kernels, classes=NAMES).correct)


def _fitting(path):
    """The spec of a file, out of what LiteRT says of its ports."""
    opened = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(str(path))
    ports = []
    for details in (opened.get_input_details()[0], opened.get_output_details()[0]):
        scale, zero_point = details["quantization"]
        quantized = {"scale": scale, "zero_point": zero_point} if scale else {}
        shape = tuple(int(each) for each in details["shape"])
        layout = {4: "NHWC" if shape[-1] == 1 else "NCHW"}.get(len(shape), "")
        ports.append(Port("", shape, np.dtype(details["dtype"]).name, layout, **quantized))
    return spec(inputs=(ports[0],), outputs=(ports[1],))


def test_core_ml_files_are_run_by_the_evaluator(files, score):
    pytest.importorskip("coremltools")
    (path,) = (each for each in files.iterdir() if each.suffix in {".mlmodel", ".mlpackage"})
    shape = (1, 1, 10, 10)
    found = score(path, spec(inputs=(Port("", shape, "float32", "NCHW"),)), part(), classes=NAMES)
    assert all(found.correct)
    assert found.format == path.suffix.removeprefix(".")


SHORT = Port("input", (1, 1, 9, 10), "float32", "NCHW")
MISFITS = {
    "another shape": (spec(inputs=(SHORT,)), ["input input has shape 1x1x9x10 in the spec and 1x1x10x10 in the file"]),
    "another type": (
        spec(outputs=(Port("output", (1, 5), "int8", scale=0.1, zero_point=0),)),
        ["output output is int8 in the spec and float32 in the file"],
    ),
    "two inputs": (spec(inputs=(SHORT, Port("mask", (1,), "int32"))), ["2 inputs, but samples make one",
                                                                      "has 2 inputs, the file has 1"]),
    "no classifier": (spec(decoding=Decoding(DecodingKind.MASK, NAMES)), ["decoding.kind is mask"]),
    "too few labels": (spec(labels=NAMES[:4]), ["has 4 labels, its output has 5 scores",
                                               "classes eva are none of the spec's labels"]),
    "other labels": (spec(labels=("a", "ben", "cleo", "dan", "e")), ["classes anna, eva are none"]),
    "a batch": (spec(inputs=(replace(SHORT, shape=(8, 1, 10, 10)),)),
                ["takes 8 samples at once", "shape 8x1x10x10 in the spec"]),
    "colours": (spec(preprocessing=Preprocessing(InputKind.IMAGE, ChannelOrder.RGB)), ["RGB has 3"]),
    "sound": (spec(preprocessing=Preprocessing(InputKind.AUDIO)), ["features.kind is None"]),
}  # fmt: skip


@pytest.mark.parametrize("story", MISFITS)
def test_a_spec_that_does_not_fit_is_refused_in_one_line(onnx_file, story, score):
    given, said = MISFITS[story]
    with pytest.raises(UsageError) as raised:
        score(onnx_file, given, part(), classes=NAMES)
    text = str(raised.value)
    assert text.startswith(f"'{onnx_file}' cannot be scored with this spec: ")
    assert "\n" not in text
    assert text.count("; ") == len(said) - 1
    assert all(each in text for each in said)


def test_scores_without_labels_must_be_as_many_as_the_classes(onnx_file, score):
    with pytest.raises(
        UsageError, match="the output has 5 scores without labels, the data set has 4 classes"
    ):
        score(onnx_file, spec(labels=()), part(), classes=NAMES[:4])


def test_unknown_kernels_are_named_with_the_known_ones(onnx_file, score):
    with pytest.raises(UnknownNameError, match=r"unknown kernels for onnx 'gpu'\. Did you mean 'cpu'"):
        score(onnx_file, spec(), part(), "gpu")


def test_what_is_no_model_is_refused(tmp_path, score):
    (tmp_path / "x.tflite").write_bytes(b"hello")
    with pytest.raises(BadFileError):
        score(tmp_path / "x.tflite", spec(), part())
    np.save(tmp_path / "x.npy", np.zeros(3))
    with pytest.raises(UsageError, match="is a npy file; tflite, onnx, mlpackage, mlmodel files can be run"):
        score(tmp_path / "x.npy", spec(), part())


def test_a_sample_is_made_only_when_it_is_asked_for(onnx_file):
    feed = evaluation._Feed(part(), bands.spec(), lambda _: None)
    assert len(feed) == 20
    assert np.array_equal(feed[3][0], list(feed)[3][0])
    assert [len(each) for each in feed[2:4]] == [1, 1]
    assert feed[-1][0].shape == (1, 1, 10, 10)
