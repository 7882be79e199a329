"""Nets survive the deep-compression file, and words that build no net are refused."""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")
pytest.importorskip("constriction", reason="constriction comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parents[1]))
import learnable  # noqa: E402

from compress.container.files import decode, encode  # noqa: E402
from compress.container.packing import pack, unpack  # noqa: E402
from compress.layers import weight_layers  # noqa: E402
from compress.quantization import quantize_weights  # noqa: E402
from compress.sharing import Sharing, share_weights  # noqa: E402
from zoo.errors import BadFileError  # noqa: E402

pytestmark = pytest.mark.convert


def pruned(net, share=0.9):
    with torch.no_grad():
        for each in weight_layers(net.module).values():
            size = each.weight.abs()
            each.weight.mul_(size > size.flatten().kthvalue(max(1, int(share * size.numel()))).values)
    return net


def narrowed():
    net = learnable.net("lenet-300-100", 28, 1)
    with torch.no_grad():
        net.module.first.weight = torch.nn.Parameter(net.module.first.weight[:50])
        net.module.first.bias = torch.nn.Parameter(net.module.first.bias[:50])
        net.module.second.weight = torch.nn.Parameter(net.module.second.weight[:, :50].contiguous())
    return net


NETS = {
    "dense, with batch norms": learnable.net,
    "pruned": lambda: pruned(learnable.net()),
    "pruned and shared": lambda: share_weights(
        pruned(learnable.net("lenet-300-100", 28, 1)), None, None, Sharing(5), seed=0
    ),
    "shared": lambda: share_weights(learnable.net("ds-cnn-16", 16, 1), None, None, Sharing(4), seed=0),
    "2 bits": lambda: quantize_weights(learnable.net(), 2),
    "8 bits, pruned": lambda: quantize_weights(pruned(learnable.net("vgg-small-0.5-16", 16)), 8),
    "narrowed": narrowed,
}


@pytest.mark.parametrize("name", NETS)
def test_a_net_comes_back_equal(name):
    net = NETS[name]()
    data = pack(net)
    again = unpack(data)
    assert again.blueprint == net.blueprint
    for (key, old), (other, new) in zip(
        net.module.state_dict().items(), again.module.state_dict().items(), strict=True
    ):
        assert key == other
        assert old.dtype == new.dtype
        assert torch.equal(old, new), key
    assert pack(again) == data
    if name != "pruned":  # the sign of zeros is not kept
        assert again.to_bytes() == net.to_bytes()
    inputs = torch.randn((2, *net.blueprint.shape), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(again.module(inputs), net.module.eval()(inputs))


def test_pruning_and_sharing_make_a_small_file():
    net = NETS["pruned and shared"]()
    assert len(pack(net)) < len(net.to_bytes()) / 30


def of(net, **changed):
    """A file whose words were changed and whose checksums are right."""
    tensors = {name: each.numpy() for name, each in net.module.state_dict().items()}
    return encode(tensors, {**asdict(net.blueprint), **changed})


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"architecture": "resnet-9000"}, "resnet-9000"),
        ({"architecture": 7}, "make no sense"),
        ({"shape": [3, 1 << 30, 1 << 30]}, "do not fit its tensors"),
        ({"shape": [-3, 16, 16]}, "make no sense"),
        ({"architecture": "vgg-16-224"}, "maps of 0x0"),
        ({"classes": 10**12}, "do not fit its tensors"),
        ({"removed": ["nowhere.at.all"]}, "it holds no net"),
        ({"removed": [1]}, "make no sense"),
        ({"folded": "yes"}, "make no sense"),
        ({"more": 1}, "it holds no net"),
        ({"architecture": "vgg-16-224", "shape": [3, 32, 32]}, "vgg-16-224 has"),
        ({"architecture": "vgg-small"}, "not of vgg-small"),
    ],
    ids=str,
)  # fmt: skip
def test_words_that_build_no_net_are_refused_in_one_line(changed, reason):
    with pytest.raises(BadFileError) as refused:
        unpack(of(learnable.net(), **changed))
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_tensors_without_a_net_are_refused():
    for about in (None, [], {}, "net"):
        with pytest.raises(BadFileError, match="it holds no net of this project"):
            unpack(encode({"classifier.weight": np.zeros((4, 4), np.float32)}, about))


def test_reading_tensors_needs_no_torch():
    script = "import sys; import compress.container.files; assert not {'torch', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_parts_of_a_file_are_its_length():
    data = pack(NETS["pruned and shared"]())
    assert sum(decode(data).parts.values()) == len(data)
