"""Pruned nets become files that compute the same."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")
pytest.importorskip("torch_pruning", reason="torch-pruning comes with the extra 'compress'")
pytest.importorskip("litert_torch", reason="litert-torch comes with the extra 'convert'")
pytest.importorskip("onnxscript", reason="onnxscript comes with the extra 'convert'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402
import onnx  # noqa: E402
from onnx.numpy_helper import to_array  # noqa: E402

from architectures.settling import settle  # noqa: E402
from compress.filter_pruning import Cut, prune_filters  # noqa: E402
from compress.layer_pruning import prune_layers, truncate  # noqa: E402
from compress.net import Net  # noqa: E402
from compress.training import Settings  # noqa: E402
from compress.weight_pruning import Sparsity, kept_weights, prune_weights  # noqa: E402
from converters.converting import convert  # noqa: E402
from converters.making import Request  # noqa: E402
from converters.recipes import Recipe, Target  # noqa: E402
from converters.sources.base import SourceKind  # noqa: E402
from converters.sources.torch_modules import from_module  # noqa: E402

pytestmark = pytest.mark.convert


def narrow():
    """Filters taken out, to widths that are no multiples of anything."""
    return prune_filters(learnable.net("resnet-8"), Cut(0.3))


def shallow():
    """Blocks taken out where they are missed least."""
    return prune_layers(learnable.net("vgg-small"), learnable.pictures(32), 2)


def truncated():
    """The last blocks cut off a net that was narrowed before, depthwise convolutions and all."""
    return truncate(prune_filters(learnable.net("mobilenet-v2-0.35-32", 32), Cut(0.5)), 8)


def sparse():
    settings = Settings(epochs=1, batch=32)
    return prune_weights(
        learnable.net("vgg-small"), learnable.pictures(64), settings, Sparsity(0.9, every=1), seed=0
    )


@pytest.mark.parametrize("make", [narrow, shallow, truncated])
def test_a_pruned_net_computes_the_same_in_tflite_and_onnx(make, tmp_path):
    net = Net.from_bytes(make().to_bytes())
    example = torch.randn((1, *net.blueprint.shape), generator=torch.Generator().manual_seed(0))
    settle(net.module, example)
    source = from_module(net.module, [example], make.__name__, SourceKind.PYTHON, f"test:{make.__name__}")
    certificate = convert(source, Request((Target.TFLITE, Target.ONNX), (Recipe.FLOAT32,), tmp_path))
    assert [each.path for each in certificate.files] == [
        f"{make.__name__}-float32.tflite", f"{make.__name__}-float32.onnx"
    ]  # fmt: skip
    assert all(each.main.parity.max_rel_error < 1e-4 for each in certificate.files)
    assert all(each.main.parity.top1_agreement == 1 for each in certificate.files)
    assert not certificate.refused


def test_zeros_of_pruned_weights_arrive_in_the_file(tmp_path):
    net = sparse()
    example = torch.randn((1, *net.blueprint.shape), generator=torch.Generator().manual_seed(0))
    source = from_module(net.module, [example], "sparse", SourceKind.PYTHON, "test:sparse")
    convert(source, Request((Target.ONNX,), (Recipe.FLOAT32,), tmp_path))
    stored = [to_array(each) for each in onnx.load(tmp_path / "sparse-float32.onnx").graph.initializer]
    kept = sum(each.kept for each in kept_weights(net))
    assert sum(int((each != 0).sum()) for each in stored if each.ndim > 1 and each.size > 16) == kept
