"""The evaluator: saved Core ML files compute what torch computes, and what is not known is said."""

import importlib
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
ct = pytest.importorskip("coremltools", reason="coremltools comes with the extra 'coreml'")
import numpy as np  # noqa: E402

from converters.mil import load  # noqa: E402
from converters.mil.constants import DECODERS  # noqa: E402
from converters.mil.neural_network import LAYERS  # noqa: E402
from converters.mil.ops import OPERATIONS  # noqa: E402
from converters.parity import compare  # noqa: E402
from converters.quiet import quiet  # noqa: E402
from converters.recipes import Recipe, Target  # noqa: E402
from converters.sources.base import SourceKind  # noqa: E402
from converters.sources.torch_modules import from_module  # noqa: E402
from converters.targets.base import Settings, converter  # noqa: E402
from zoo.errors import ConversionError  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))
import nets  # noqa: E402

pytestmark = pytest.mark.convert

PAGE = (Path(__file__).parents[4] / "docs" / "mil-evaluator.md").read_text(encoding="utf-8")


class Styler(torch.nn.Module):
    """Instance norm, reflection padding, nearest and bilinear upsampling."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = torch.nn.Conv2d(3, 8, 3), torch.nn.InstanceNorm2d(8, affine=True)

    def forward(self, image):
        features = torch.relu(
            self.norm(self.conv(torch.nn.functional.pad(image, (1, 1, 1, 1), mode="reflect")))
        )
        grown = torch.nn.functional.interpolate(features, scale_factor=2.0, mode="nearest")
        return torch.nn.functional.interpolate(grown, (24, 24), mode="bilinear", align_corners=False)


class Listener(torch.nn.Module):
    """A bidirectional LSTM."""

    def __init__(self):
        super().__init__()
        self.cells, self.head = (
            torch.nn.LSTM(6, 5, batch_first=True, bidirectional=True),
            torch.nn.Linear(10, 3),
        )

    def forward(self, frames):
        return self.head(self.cells(frames)[0][:, -1])


class Shaper(torch.nn.Module):
    """Slices, splits, gathers, joins, reductions, comparisons."""

    def forward(self, x):
        left, right = x[:, 1:, ::2].chunk(2, 2)
        joined = torch.cat([left * torch.sigmoid(right), torch.where(left > 0, left, right.exp())], 1)
        return torch.softmax(joined.flip(1).amax(2) + joined.mean(2), 1).unsqueeze(2).transpose(1, 2)


CASES = {
    "classifier": nets.classifier,
    "segmenter": nets.segmenter,
    "swishes": nets.swishes,
    "two inputs": nets.two_inputs,
    "styler": lambda: (Styler(), torch.randn(1, 3, 12, 12)),
    "listener": lambda: (Listener(), torch.randn(1, 7, 6)),
    "shaper": lambda: (Shaper(), torch.randn(1, 4, 8)),
    "attention": lambda: (
        torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0), torch.randn(1, 5, 8),
    ),
    "pools": lambda: (
        torch.nn.Sequential(
            torch.nn.AvgPool2d(3, 2, 1), torch.nn.MaxPool2d(3, 2, 1, ceil_mode=True),
            torch.nn.ConvTranspose2d(2, 3, 3, 2, 1, output_padding=1), torch.nn.PReLU(3), torch.nn.ELU(),
        ),
        torch.randn(1, 2, 17, 17),
    ),
}  # fmt: skip


def source(name):
    torch.manual_seed(0)
    net, example = CASES[name]()
    examples = [example] if isinstance(example, torch.Tensor) else list(example)
    return from_module(net, examples, "net", SourceKind.PYTHON, name)


def error(made, path):
    with quiet():
        program = load(path)
    assert program.unknown_operators() == ()
    dice = np.random.default_rng(0)
    samples = [
        [dice.standard_normal(port.shape).astype(np.float32) for port in made.inputs] for _ in range(3)
    ]
    runs = []
    for sample in samples:
        outputs = program.run(dict(zip([port.name for port in program.inputs], sample, strict=True)))
        runs.append([outputs[port.name] for port in program.outputs])
    return compare([made.run(sample) for sample in samples], runs)


@pytest.mark.parametrize("name", CASES)
def test_a_saved_program_computes_what_torch_computes(name, tmp_path):
    made = source(name)
    target = converter(Target.COREML, made, tmp_path)
    for recipe, most in ((Recipe.FLOAT32, 1e-5), (Recipe.FLOAT16, 1e-2)):
        path = tmp_path / f"{recipe}.mlpackage"
        target.write(recipe, Settings([]), path)
        assert error(made, path).max_rel_error <= most


@pytest.mark.parametrize("name", ["classifier", "segmenter", "pools"])
def test_a_saved_neural_network_computes_what_torch_computes(name, tmp_path):
    made = source(name)
    target = converter(Target.COREML, made, tmp_path)
    for recipe, most in ((Recipe.FLOAT32, 1e-5), (Recipe.FLOAT16, 5e-3), (Recipe.INT8_WEIGHTS, 5e-2)):
        path = tmp_path / f"{recipe}.mlmodel"
        target.write(recipe, Settings([], tiny=True), path)
        assert error(made, path).max_rel_error <= most


@pytest.mark.parametrize(
    "recipe",
    [Recipe.INT8_WEIGHTS, Recipe.INT4_WEIGHTS, Recipe.PALETTE8, Recipe.PALETTE6, Recipe.PALETTE4, Recipe.PALETTE2,
     Recipe.PALETTE1],
)  # fmt: skip
def test_compressed_weights_decode_as_coremltools_decodes_them(recipe, tmp_path):
    load_mil = importlib.import_module("coremltools.converters.mil.frontend.milproto.load").load
    path = tmp_path / "net.mlpackage"
    converter(Target.COREML, source("classifier"), tmp_path).write(recipe, Settings([]), path)
    with quiet():
        model = ct.models.MLModel(str(path), skip_model_load=True)
        spec = model.get_spec()
        program = load_mil(spec, spec.specificationVersion, model.weights_dir)
        ours = load(path).weights()
    theirs = [
        each.weight.op.materialized_val_inference()
        for each in program.functions["main"].operations
        if each.op_type in {"conv", "linear"} and each.weight.val is None
    ]
    assert len(theirs) == len(ours) == 4
    for one, other in zip(ours.values(), theirs, strict=True):
        assert np.array_equal(one.values, np.asarray(other, np.float32))


def test_an_operation_that_is_not_known_is_named(tmp_path, monkeypatch):
    path = tmp_path / "net.mlpackage"
    converter(Target.COREML, source("classifier"), tmp_path).write(Recipe.FLOAT32, Settings([]), path)
    with quiet():
        program = load(path)
    monkeypatch.setattr(
        "converters.mil.program.OPERATIONS", {key: each for key, each in OPERATIONS.items() if key != "conv"}
    )
    assert program.unknown_operators() == ("conv",)
    with pytest.raises(ConversionError, match=r"parity not checked: .* conv"):
        program.run({"input": np.zeros((1, 3, 16, 16), np.float32)})


def test_the_page_names_all_that_is_known():
    assert [each for each in (*OPERATIONS, *LAYERS, *DECODERS) if each not in PAGE] == []
