"""Blocks that are taken out: only those that can go, the least missed first, and heads that fit what is left."""

import re
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402

from architectures.catalogue import parse  # noqa: E402
from architectures.costs import count  # noqa: E402
from compress.filter_pruning import Cut, prune_filters  # noqa: E402
from compress.layer_pruning import harms, prune_layers, removable, remove_blocks, truncate  # noqa: E402
from compress.net import Blueprint, Net, fresh, from_scratch  # noqa: E402
from compress.training import CrossEntropy, Settings, accuracy, fit  # noqa: E402
from zoo.errors import TrainingError  # noqa: E402

pytestmark = pytest.mark.convert

QUICK = Settings(epochs=2, batch=32, learning_rate=3e-3)
SHAPES = {"resnet-18": (3, 32, 32), "resnet-20": (3, 16, 16), "vgg-small": (3, 16, 16), "vgg-16": (3, 32, 32)}


def net(name, seed=0):
    return fresh(Blueprint(name, SHAPES.get(name) or parse(name).shape, learnable.CLASSES), seed)


def outputs(made):
    with torch.no_grad():
        return made.module(
            torch.randn((2, *made.blueprint.shape), generator=torch.Generator().manual_seed(0))
        )


def costs(made):
    return count(made.module, torch.zeros(1, *made.blueprint.shape))


def numbers(paths):
    return [int(path.rpartition(".")[2]) for path in paths]


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        pytest.param("resnet-18", [2, 3, 5, 7, 9], id="the second of each stage, and both of the first"),
        pytest.param("mobilenet-v2-0.35-32", [3, 5, 6, 8, 9, 10, 12, 13, 15, 16], id="residuals that add"),
        pytest.param("mobilenet-v1-0.25-32", [3, 5, 7, 8, 9, 10, 11, 13], id="separable ones of stride 1"),
        pytest.param("efficientnet-lite0-32", [3, 5, 7, 8, 10, 11, 13, 14, 15], id="of a pretrained family"),
        pytest.param("ds-cnn-16", [1, 2, 3, 4], id="all but the first"),
        pytest.param("vgg-small", [1, 4, 7], id="plain convolutions"),
        pytest.param("squeezenet-1.1-64", [4, 7, 10, 12], id="fires of the same width"),
        pytest.param("transformer-encoder-3-32", [0, 1, 2], id="all layers"),
    ],
)
def test_blocks_that_keep_shapes_can_go_and_the_net_survives_its_bytes(name, blocks):
    made = net(name)
    possible = removable(made)
    if name == "squeezenet-1.1-64":
        assert possible == tuple(
            f"features.{place}" for place, each in enumerate(made.module.features)
            if hasattr(each, "squeeze") and each.squeeze.in_channels == 2 * each.one.out_channels
        )  # fmt: skip
    else:
        assert numbers(possible) == blocks
    shorter = remove_blocks(made, possible[-2:])
    assert costs(shorter).macs < costs(made).macs
    assert removable(shorter) == possible[:-2]
    again = Net.from_bytes(shorter.to_bytes())
    assert again.blueprint == shorter.blueprint
    assert torch.equal(outputs(again), outputs(shorter))


def test_a_residual_block_without_effect_is_missed_least():
    made = net("resnet-20")
    fit(made.module, learnable.pictures(), QUICK, seed=0)
    with torch.no_grad():
        made.module.features[5].body[1].norm.weight.zero_()
        made.module.features[5].body[1].norm.bias.zero_()
    samples, said = learnable.pictures(64, seed=1), []
    losses = harms(made, samples)
    batch = next(samples.batches())
    whole = CrossEntropy().loss(made.module, batch).item()
    assert losses["features.5"] == pytest.approx(whole, rel=1e-5)
    shorter = prune_layers(made, samples, 1, said.append)
    assert min(losses, key=losses.get) in said[0]
    without = remove_blocks(made, ["features.5"])
    assert torch.allclose(outputs(without), outputs(made), atol=1e-5)
    assert losses == harms(made, samples)
    assert len(shorter.blueprint.removed) == 1


def test_blocks_go_one_by_one_and_the_rest_still_answers():
    made, samples = net("resnet-20"), learnable.pictures()
    fit(made.module, samples, QUICK, seed=0)
    before, said = made.to_bytes(), []
    shorter = prune_layers(made, learnable.pictures(128, seed=1), 3, said.append)
    assert made.to_bytes() == before
    assert len(said) == len(set(shorter.blueprint.removed)) == 3
    fit(shorter.module, samples, QUICK, seed=0)
    assert accuracy(shorter.module, learnable.pictures(seed=1)) > 90


def test_a_trunk_is_cut_after_a_block_and_gets_a_new_head():
    made = net("efficientnet-lite0-32")
    shorter = truncate(made, 6, seed=1)
    assert numbers(shorter.blueprint.removed) == [12, 13, 14, 15, 16, 17]
    assert shorter.module.classifier.in_features == 112
    state = made.module.state_dict()
    kept = shorter.module.state_dict()
    assert all(torch.equal(each, state[path]) for path, each in kept.items() if path.startswith("features"))
    assert truncate(made, 6, seed=1).to_bytes() == shorter.to_bytes() != truncate(made, 6, seed=2).to_bytes()
    assert torch.equal(outputs(Net.from_bytes(shorter.to_bytes())), outputs(shorter))


@pytest.mark.parametrize(
    "name",
    ["resnet-18", "vgg-small", "vgg-16", "mobilenet-v3-small-0.5-32", "squeezenet-1.1-64", "mnasnet-0.35-32",
     "ds-cnn-16", "transformer-encoder-3-32"],
)  # fmt: skip
def test_every_family_with_blocks_can_be_truncated_to_its_first(name):
    made = net(name)
    with pytest.raises(
        TrainingError, match=rf"99 blocks cannot be cut off {made.blueprint.architecture}"
    ) as told:
        truncate(made, 99)
    most = int(re.search(r"0 to (\d+) can", str(told.value))[1])
    left = costs(made).macs
    for blocks in sorted({1, most // 2, most} - {0}):
        shorter = truncate(made, blocks)
        assert costs(shorter).macs < left
        left = costs(shorter).macs
        assert outputs(shorter).shape == outputs(made).shape
        assert torch.equal(outputs(Net.from_bytes(shorter.to_bytes())), outputs(shorter))
    shorter.module.train()(torch.randn(2, *made.blueprint.shape)).sum().backward()


def test_narrowing_and_shortening_combine_in_any_order():
    made = net("mobilenet-v2-0.35-32")
    one = truncate(prune_filters(made, Cut(0.5)), 4)
    other = prune_filters(truncate(made, 4), Cut(0.5))
    for each in (
        one,
        other,
        remove_blocks(one, ["features.9"]),
        prune_filters(one, Cut(0.5)),
        from_scratch(one, 0),
    ):
        again = Net.from_bytes(each.to_bytes())
        assert torch.equal(outputs(again), outputs(each))
        folded = each.folded()
        assert torch.equal(outputs(Net.from_bytes(folded.to_bytes())), outputs(folded))
    assert costs(one).macs == costs(other).macs


def test_a_segmenter_loses_blocks_but_not_the_end_that_its_pyramid_reads():
    made = net("deeplab-v3-mobilenet-v2-0.35-32")
    shorter = remove_blocks(made, removable(made)[:3])
    assert torch.equal(outputs(Net.from_bytes(shorter.to_bytes())), outputs(shorter))
    with pytest.raises(TrainingError, match=r"its head cannot be fitted to the net without 'trunk\.17'"):
        truncate(made, 1)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        pytest.param(
            ["features.99"], "there is no block 'features.99'; blocks are features.0, ", id="unknown"
        ),
        pytest.param(
            ["features.2"],
            "block 'features.2' changes the shape and is not one of the last; features.3, features.5",
            id="changes the shape",
        ),
        pytest.param([f"features.{place}" for place in range(19)], "no block would be left", id="everything"),
    ],
)
def test_blocks_that_cannot_go_are_refused_with_those_that_can(names, told):
    with pytest.raises(TrainingError, match=r"^mobilenet-v2-0\.35-32: ") as caught:
        remove_blocks(net("mobilenet-v2-0.35-32"), names)
    assert told in str(caught.value)


def test_nets_without_blocks_and_counts_that_are_too_large_are_refused():
    with pytest.raises(TrainingError, match="lenet-5 has no row of blocks"):
        removable(net("lenet-5"))
    with pytest.raises(TrainingError, match=r"4 blocks cannot go from vgg-small: features\.1, .* can"):
        prune_layers(net("vgg-small"), learnable.pictures(8), 4)
