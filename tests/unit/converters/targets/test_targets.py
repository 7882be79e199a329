"""Targets: what lies on a grid or codebook in torch arrives in every format to the last bit."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
import numpy as np  # noqa: E402

from converters import grids  # noqa: E402
from converters.converting import convert  # noqa: E402
from converters.making import Request  # noqa: E402
from converters.mil import load  # noqa: E402
from converters.recipes import Recipe, Target  # noqa: E402
from converters.sources.base import SourceKind  # noqa: E402
from converters.sources.torch_modules import from_module  # noqa: E402
from converters.targets.base import Settings, converter  # noqa: E402
from converters.weights import weights_digest  # noqa: E402
from zoo.errors import MissingExtraError  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))
import nets  # noqa: E402

pytestmark = pytest.mark.convert

FORMATS = (Target.TFLITE, Target.COREML, Target.ONNX)
GRIDS = ((Recipe.INT8_WEIGHTS, 8), (Recipe.INT4_WEIGHTS, 4))


def on_a_grid(bits):
    """A net whose weights are exactly integers times scales, as quantization-aware training leaves it."""
    net, example = nets.classifier()
    net = torch.nn.utils.fusion.fuse_conv_bn_eval(net[0], net[1]), net[2:]
    net = torch.nn.Sequential(net[0], *net[1])
    _replace(net, lambda weight: grids.fake_quantize(weight, bits))
    return from_module(net, [example], "net", SourceKind.PYTHON, "net")


def on_a_codebook(values):
    net, example = nets.classifier()
    net = torch.nn.Sequential(torch.nn.utils.fusion.fuse_conv_bn_eval(net[0], net[1]), *net[2:])
    random = np.random.default_rng(0)
    _replace(net, lambda weight: random.choice(np.float32(values), weight.shape))
    return from_module(net, [example], "net", SourceKind.PYTHON, "net")


def _replace(net, change):
    for each in net.parameters():
        if each.ndim > 1:
            each.data = torch.from_numpy(change(each.detach().numpy()))


def settings(source, **changes):
    random = np.random.default_rng(1)
    calibration = [[random.standard_normal(source.inputs[0].shape).astype(np.float32)] for _ in range(4)]
    return Settings(calibration, **changes)


def files(source, recipe, folder, targets=FORMATS):
    for target in targets:
        made = converter(target, source, folder)
        chosen = settings(source, exact=True)
        path = folder / f"{target}{made.suffix_of(recipe, chosen)}"
        made.write(recipe, chosen, path)
        yield target, made.weights(path)


def dequantized(weight):
    scales = np.asarray(weight.scales, np.float32).reshape(-1, *[1] * (weight.integers.ndim - 1))
    return np.asarray(weight.integers, np.float32) * scales


@pytest.mark.parametrize(("recipe", "bits"), GRIDS)
def test_weights_on_a_grid_are_the_same_in_three_formats_to_the_last_bit(recipe, bits, tmp_path):
    source = on_a_grid(bits)
    digests = set()
    for target, weights in files(source, recipe, tmp_path):
        wanted = source.weights()
        assert len(weights) == len(wanted), target
        for each in weights:
            values = dequantized(each)
            assert any(values.size == one.size and np.array_equal(values.reshape(one.shape), one) for one in wanted), (
                target, values.shape
            )  # fmt: skip
        digests.add(weights_digest(weights))
    assert len(digests) == 1


def test_static_int8_keeps_the_grid_that_the_weights_were_trained_on(tmp_path):
    source = on_a_grid(8)
    for target, weights in files(source, Recipe.INT8, tmp_path):
        found = [dequantized(each) for each in weights]
        for one in source.weights():
            assert any(
                each.size == one.size and np.array_equal(each.reshape(one.shape), one) for each in found
            ), target


@pytest.mark.parametrize(("recipe", "bits"), GRIDS)
def test_tiny_nets_with_batch_norms_carry_their_grid_too(recipe, bits, tmp_path):
    net, example = nets.classifier()
    _replace(net, lambda weight: grids.fake_quantize(weight, bits))
    source = from_module(
        net, [example], "net", SourceKind.PYTHON, "net"
    )  # folds the batch norm: off by an ulp
    made = convert(source, Request(FORMATS, (recipe,), tmp_path, tiny=True))
    assert made.refused == ()
    assert len({each.weights_sha256 for each in made.files}) == 1
    assert all(each.options["exact"] for each in made.files)
    assert all(each.main.parity.snr_db > 100 for each in made.files)


def test_four_bit_weights_lose_nothing_in_eight_bits(tmp_path):
    source = on_a_grid(4)
    digests = {weights_digest(weights) for _, weights in files(source, Recipe.INT8_WEIGHTS, tmp_path)}
    digests |= {weights_digest(weights) for _, weights in files(source, Recipe.INT8, tmp_path)}
    assert len(digests) == 1


def test_a_codebook_for_each_channel_arrives_in_core_ml_to_the_last_bit(tmp_path):
    source = on_a_grid(2)
    made = converter(Target.COREML, source, tmp_path)
    path = tmp_path / "net.mlpackage"
    made.write(Recipe.PALETTE2, settings(source, exact=True), path)
    found = [np.asarray(each.values) for each in load(path).weights().values()]
    for one in source.weights():
        assert any(each.size == one.size and np.array_equal(each.reshape(one.shape), one) for each in found)


def test_a_one_dimensional_net_becomes_static_int8_in_core_ml(tmp_path):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv1d(1, 8, 9, 4, 4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool1d(1), torch.nn.Flatten(),
        torch.nn.Linear(8, 4),
    )  # fmt: skip
    source = from_module(net, [torch.randn(1, 1, 80)], "sound", SourceKind.PYTHON, "sound")
    (made,) = convert(source, Request((Target.COREML,), (Recipe.INT8,), tmp_path)).files
    assert made.precision == "int8"


@pytest.mark.parametrize("recipe", [Recipe.INT8, Recipe.INT8_PER_TENSOR])
def test_static_int8_of_core_ml_cuts_no_weight_off(recipe, tmp_path):
    net, example = nets.classifier()
    source = from_module(net, [example], "net", SourceKind.PYTHON, "net")
    made = converter(Target.COREML, source, tmp_path)
    path = tmp_path / "net.mlpackage"
    made.write(recipe, settings(source), path)
    wanted = [
        grids.quantize(each, 8, per_channel=recipe is Recipe.INT8).integers for each in source.weights()
    ]
    found = [np.asarray(each.integers) for each in made.weights(path)]
    assert len(found) == len(wanted)
    for one in wanted:
        assert any(one.size == each.size and np.array_equal(each.reshape(one.shape), one) for each in found)


def test_two_bit_weights_of_onnx_are_exact(tmp_path):
    source = on_a_grid(2)
    ((_, weights),) = files(source, Recipe.INT2_WEIGHTS, tmp_path, (Target.ONNX,))
    assert all(any(np.array_equal(dequantized(each).reshape(one.shape), one)
                   for one in source.weights() if one.size == each.integers.size) for each in weights)  # fmt: skip
    assert {int(value) for each in weights for value in np.unique(each.integers)} <= {-1, 0, 1}


@pytest.mark.parametrize(
    ("recipe", "values"),
    [
        (Recipe.PALETTE1, [-0.5, 0.25]),
        (Recipe.PALETTE2, [-1, -0.1, 0.1, 0.7]),
        (Recipe.PALETTE4, list(np.linspace(-1, 1, 16))),
    ],
)
def test_shared_weights_arrive_in_core_ml_to_the_last_bit(recipe, values, tmp_path):
    source = on_a_codebook(values)
    made = converter(Target.COREML, source, tmp_path)
    path = tmp_path / "net.mlpackage"
    made.write(recipe, settings(source, exact=True), path)
    found = [np.asarray(each.values) for each in load(path).weights().values()]
    for one in source.weights():
        assert any(each.size == one.size and np.array_equal(each.reshape(one.shape), one) for each in found)


def test_zeros_are_left_out_of_sparse_files(tmp_path):
    _, example = nets.classifier()
    wide = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(768, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
    )
    random = np.random.default_rng(0)
    _replace(wide, lambda weight: weight * (random.random(weight.shape) < 0.1).astype(np.float32))
    source = from_module(wide, [example], "net", SourceKind.PYTHON, "net")
    for target in FORMATS:
        made = converter(target, source, tmp_path)
        sizes = {}
        for recipe in (Recipe.FLOAT32, Recipe.SPARSE):
            path = tmp_path / f"{recipe}{made.suffix_of(recipe, settings(source))}"
            made.write(recipe, settings(source, exact=True), path)
            sizes[recipe] = sum(each.stat().st_size for each in [path, *path.rglob("*")] if each.is_file())
        assert sizes[Recipe.SPARSE] < 0.5 * sizes[Recipe.FLOAT32], target


@pytest.mark.parametrize(
    ("target", "module", "extra"),
    [(Target.TFLITE, "litert_torch", "tflite"), (Target.TFLITE, "ai_edge_quantizer", "tflite"),
     (Target.COREML, "coremltools", "coreml"), (Target.COREML, "sklearn", "coreml"),
     (Target.ONNX, "onnxscript", "onnx"), (Target.C, "bakenn", "tflite")],
)  # fmt: skip
def test_what_is_not_installed_is_said_before_anything_is_converted(
    target, module, extra, monkeypatch, tmp_path
):
    source = on_a_grid(8)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"{module}.*pip install 'device-zoo\[{extra}\]'"):
        converter(target, source, tmp_path)


def test_tiny_files_carry_no_names(tmp_path):
    source = on_a_grid(8)
    for target in FORMATS:
        made = converter(target, source, tmp_path)
        sizes = []
        for tiny in (False, True):
            chosen = settings(source, tiny=tiny)
            path = tmp_path / f"{tiny}{made.suffix_of(Recipe.FLOAT32, chosen)}"
            made.write(Recipe.FLOAT32, chosen, path)
            sizes.append(sum(each.stat().st_size for each in [path, *path.rglob("*")] if each.is_file()))
        assert sizes[1] < sizes[0] or target is Target.ONNX  # ONNX files are stripped always
