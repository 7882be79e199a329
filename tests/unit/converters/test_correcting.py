"""Biases are moved by the mean error of quantized weights, and only where that helps."""

import copy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
import numpy as np  # noqa: E402

from converters.converting import convert  # noqa: E402
from converters.correcting import GRIDS, LEAST_SAMPLES, Corrections, corrected  # noqa: E402
from converters.grids import fake_quantize  # noqa: E402
from converters.making import Request  # noqa: E402
from converters.parity import compare  # noqa: E402
from converters.recipes import Recipe, Target  # noqa: E402
from converters.sources.base import SourceKind  # noqa: E402
from converters.sources.torch_modules import from_module  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
import nets  # noqa: E402

pytestmark = pytest.mark.convert


class Biased(torch.nn.Module):
    """Positive inputs and few bits: every layer's outputs are off by a constant."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 16, 3, padding=1)
        self.second = torch.nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.last = torch.nn.Linear(16, 5)

    def forward(self, image):
        return self.last(torch.relu(self.second(torch.relu(self.first(image)))).mean((2, 3)))


class OneByOne(Biased):
    """Takes one sample only: a batch would be taken for one large image."""

    def forward(self, image):
        return super().forward(image.reshape(1, 3, -1, 8))


class Twice(torch.nn.Module):
    """Calls its layer twice: no single bias is right for both."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(6, 6)

    def forward(self, rows):
        return self.layer(torch.relu(self.layer(rows)))


def source(net, *shape):
    torch.manual_seed(0)
    made = net() if isinstance(net, type) else net
    return from_module(made, [torch.zeros(1, *shape)], "net", SourceKind.PYTHON, "test:net")


def samples(count, *shape):
    random = np.random.default_rng(0)
    return [[np.abs(random.standard_normal((1, *shape))).astype(np.float32)] for _ in range(count)]


def quantized_snr_db(reference, module, bits, inputs):
    """Of the module with quantized weights, against the reference."""
    rough = copy.deepcopy(module)
    for name, each in rough.named_parameters():
        if name.endswith("weight"):
            each.data = torch.from_numpy(fake_quantize(each.detach().numpy(), bits))
    have = [[each.numpy() for each in rough(*map(torch.from_numpy, sample))] for sample in inputs]
    return compare([reference.run(sample) for sample in inputs], have).snr_db


@pytest.mark.parametrize("recipe", [Recipe.INT8_WEIGHTS, Recipe.INT4_WEIGHTS])
def test_quantized_weights_come_closer_to_the_source_on_samples_that_were_not_used(recipe):
    net = source(Biased, 3, 8, 8)
    seen, unseen = samples(48, 3, 8, 8)[:32], samples(48, 3, 8, 8)[32:]
    better = corrected(net, GRIDS[recipe], seen)
    bits = recipe.weight_bits
    before = quantized_snr_db(net, net.module, bits, unseen)
    after = quantized_snr_db(net, better.module, bits, unseen)
    assert after > before + 3


def test_only_biases_move_and_the_source_stays_as_it_was():
    net = source(Biased, 3, 8, 8)
    before = copy.deepcopy(net.module.state_dict())
    better = corrected(net, (4, True), samples(16, 3, 8, 8))
    assert all(torch.equal(before[name], each) for name, each in net.module.state_dict().items())
    moved = {name for name, each in better.module.state_dict().items() if not torch.equal(before[name], each)}
    assert moved == {"net.first.bias", "net.second.bias", "net.last.bias"}
    assert better.sha256 == net.sha256


def on_grid():
    net = Biased()
    for name, each in net.named_parameters():
        if name.endswith("weight"):
            each.data = torch.from_numpy(fake_quantize(each.detach().numpy(), 8))
    return net


def without_biases():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.Flatten())


@pytest.mark.parametrize(
    ("story", "net", "count"),
    [
        ("too few samples for a mean", lambda: source(Biased, 3, 8, 8), LEAST_SAMPLES - 1),
        ("weights on the grid lose nothing", lambda: source(on_grid(), 3, 8, 8), 16),
        ("no biases to move", lambda: source(without_biases(), 3, 8, 8), 16),
        ("a net for one sample", lambda: source(OneByOne, 3, 8, 8), 16),
        ("no torch module", lambda: replace(source(Biased, 3, 8, 8), module=None), 16),
    ],
)  # fmt: skip
def test_nothing_is_corrected_without_a_gain(story, net, count):
    assert corrected(net(), (8, True), samples(count, 3, 8, 8)) is None, story


def test_a_layer_that_is_called_twice_keeps_its_bias():
    assert corrected(source(Twice, 6), (4, True), samples(16, 6)) is None


def test_targets_share_one_correction():
    found = Corrections(source(Biased, 3, 8, 8), samples(16, 3, 8, 8))
    assert found.of((4, True)) is found.of((4, True))
    assert found.of((4, True)) is not found.of((8, True))


def test_files_of_real_samples_have_corrected_biases_and_the_same_weights(tmp_path):
    data = tmp_path / "samples.npz"
    np.savez(data, np.concatenate([each for (each,) in samples(40, 3, 8, 8)]))
    request = Request((Target.TFLITE, Target.ONNX), (Recipe.FLOAT32, Recipe.INT4_WEIGHTS),
                      tmp_path / "out", calibration=data, tiny=False)  # fmt: skip
    certificate = convert(source(Biased, 3, 8, 8), request)
    coded = [each for each in certificate.files if each.recipe == "int4_weights"]
    assert [each.options["corrected_biases"] for each in certificate.files] == [False, True] * 2
    assert len({each.weights_sha256 for each in coded}) == 1
    plain = source(Biased, 3, 8, 8)
    golden = samples(40, 3, 8, 8)[:8]
    rough = quantized_snr_db(plain, plain.module, 4, golden)
    assert all(each.main.parity.snr_db > rough + 3 for each in coded)


def test_seeded_noise_corrects_nothing(tmp_path):
    request = Request((Target.ONNX,), (Recipe.INT8_WEIGHTS,), tmp_path, tiny=False)
    (made,) = convert(from_module(*_classifier(), "net", SourceKind.PYTHON, "nets:net"), request).files
    assert made.options["corrected_biases"] is False


def _classifier():
    net, example = nets.classifier()
    return net, [example]
