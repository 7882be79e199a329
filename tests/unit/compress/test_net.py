"""Nets survive their bytes: whole, narrowed, shortened, folded."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402

from architectures.catalogue import known, parse  # noqa: E402
from compress.net import Blueprint, Net, fit_head, fresh  # noqa: E402
from zoo.errors import BadFileError  # noqa: E402

pytestmark = pytest.mark.convert

SMALL = [each for each in known() if parse(each).shape[-1] <= 64 or "lenet" in each]


def outputs(net, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        return net.module(torch.randn((3, *net.blueprint.shape), generator=generator))


@pytest.mark.parametrize(
    "name", [*SMALL, "mobilenet-v2-0.35-32", "mobilenet-v3-small-0.5-32", "squeezenet-1.1-64"]
)
def test_a_net_comes_back_from_its_bytes(name):
    net = fresh(Blueprint(name, parse(name).shape, 7), seed=3)
    again = Net.from_bytes(net.to_bytes())
    assert again.blueprint == net.blueprint
    assert torch.equal(outputs(again), outputs(net))
    assert again.to_bytes() == net.to_bytes()


def test_a_folded_net_computes_the_same_and_comes_back():
    net = learnable.net("mobilenet-v2-0.35-32", 32)
    folded = net.folded()
    assert not any(isinstance(each, torch.nn.BatchNorm2d) for each in folded.module.modules())
    assert torch.allclose(outputs(folded), outputs(net), atol=1e-4)
    again = Net.from_bytes(folded.to_bytes())
    assert again.blueprint.folded
    assert torch.equal(outputs(again), outputs(folded))


def test_a_net_without_its_last_blocks_comes_back_with_a_head_that_fits():
    net = learnable.net("mobilenet-v2-0.35-32", 32)
    last = len(net.module.features) - 1
    removed = tuple(f"features.{place}" for place in (last, last - 1, last - 2))
    for path in removed:
        net.module.set_submodule(path, torch.nn.Identity())
    fit_head(net.module, net.blueprint.shape)
    shorter = Net(replace(net.blueprint, removed=removed), net.module)
    assert torch.equal(outputs(Net.from_bytes(shorter.to_bytes())), outputs(shorter))


@pytest.mark.parametrize(
    "data", [b"", b"no checkpoint", b"\x08\0\0\0\0\0\0\0{}      "], ids=["empty", "text", "no net"]
)
def test_what_is_no_checkpoint_is_refused(data):
    with pytest.raises(BadFileError, match="holds no net"):
        Net.from_bytes(data)


def test_tensors_of_another_net_are_refused():
    net = learnable.net()
    net.blueprint = replace(net.blueprint, architecture="vgg-small")
    with pytest.raises(BadFileError, match="not of vgg-small"):
        Net.from_bytes(net.to_bytes())
