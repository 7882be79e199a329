"""Filters that are taken out: nothing changes where they did nothing, and the narrower net survives everything."""

import copy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")
torch_pruning = pytest.importorskip("torch_pruning", reason="torch-pruning comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402

from architectures.catalogue import parse  # noqa: E402
from architectures.costs import count  # noqa: E402
from architectures.settling import settle  # noqa: E402
from compress.filter_pruning import Cut, Importance, SparseNorms, prune_filters  # noqa: E402
from compress.net import Blueprint, Net, fresh, from_scratch  # noqa: E402
from compress.shares import Spread  # noqa: E402
from compress.training import CrossEntropy, Settings, accuracy, fit  # noqa: E402
from zoo.errors import TrainingError  # noqa: E402

pytestmark = pytest.mark.convert

QUICK = Settings(epochs=2, batch=32, learning_rate=3e-3)
FAMILIES = {
    "resnet-8": (3, 16, 16), "resnet-18": (3, 32, 32), "vgg-small": (3, 16, 16), "mobilenet-v1-0.25-32": None,
    "mobilenet-v2-0.35-32": None, "mobilenet-v3-small-0.5-32": None, "mnasnet-0.35-32": None,
    "squeezenet-1.1-64": None, "ds-cnn-16": None, "efficientnet-lite0-32": None, "lenet-5": None,
    "lenet-300-100": None, "deeplab-v3-mobilenet-v2-0.35-32": None, "transformer-encoder-2-32": None,
}  # fmt: skip


def net(name, seed=0):
    made = fresh(Blueprint(name, FAMILIES[name] or parse(name).shape, learnable.CLASSES), seed)
    settle(made.module, torch.zeros(1, *made.blueprint.shape))
    return made


def outputs(made, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        return made.module(torch.randn((2, *made.blueprint.shape), generator=generator))


def macs(made):
    return count(made.module, torch.zeros(1, *made.blueprint.shape)).macs


def silenced(made, share, seed):
    """Make a random share of the channels of each group of layers that belong together zero."""
    generator = torch.Generator().manual_seed(seed)
    graph = torch_pruning.DependencyGraph().build_dependency(
        made.module, torch.zeros(1, *made.blueprint.shape), verbose=False
    )
    for group in graph.get_all_groups(ignored_layers=[made.module.classifier]):
        width = len(group[0].idxs)
        for place in torch.randperm(width, generator=generator)[: round(share * width)].tolist():
            part = graph.get_pruning_group(group[0].dep.target.module, group[0].dep.handler, [place])
            for dep, places in part:
                layer = dep.target.module
                gives = isinstance(layer, nn.Conv2d | nn.Linear) and "out" in dep.handler.__name__
                if gives or isinstance(layer, nn.BatchNorm2d):
                    with torch.no_grad():
                        layer.weight[places] = 0
                        if layer.bias is not None:
                            layer.bias[places] = 0


def widths(made):
    return {
        path: each.weight.shape[0]
        for path, each in made.module.named_modules()
        if isinstance(each, nn.Conv2d | nn.Linear)
    }


@pytest.mark.parametrize("name", [each for each in FAMILIES if not each.startswith("transformer")])
def test_filters_that_did_nothing_are_found_and_nobody_misses_them(name):
    made = net(name)
    silenced(made, 0.25, seed=3)
    pruned = prune_filters(made, Cut(0.25))
    before, after = widths(made), widths(pruned)
    assert after.pop("classifier") == before.pop("classifier")
    assert all(after[path] == width - round(0.25 * width) for path, width in before.items())
    wanted = outputs(made)
    assert wanted.std() > 1e-3
    assert torch.allclose(outputs(pruned), wanted, atol=1e-4 * float(wanted.abs().max()))


@settings(max_examples=10, deadline=None)
@given(share=st.floats(0.05, 0.8), seed=st.integers(0, 1000), by=st.sampled_from(Importance))
def test_whatever_is_silent_goes_first(share, seed, by):
    made = net("ds-cnn-16", seed)
    silenced(made, share, seed)
    wanted = outputs(made)
    pruned = prune_filters(made, Cut(share, by=by))
    assert torch.allclose(outputs(pruned), wanted, atol=1e-4 * float(wanted.abs().max()) + 1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_narrower_net_survives_its_bytes_folding_and_training(name):
    made = net(name)
    before = made.to_bytes()
    pruned = prune_filters(made, Cut(0.5))
    assert made.to_bytes() == before
    assert macs(pruned) < 0.75 * macs(made)
    assert outputs(pruned).shape == outputs(made).shape
    again = Net.from_bytes(pruned.to_bytes())
    assert torch.equal(outputs(again), outputs(pruned))
    folded = pruned.folded()
    wanted = outputs(pruned)
    assert torch.allclose(outputs(folded), wanted, atol=1e-4 * float(wanted.abs().max()))
    assert torch.equal(outputs(Net.from_bytes(folded.to_bytes())), outputs(folded))
    twice = prune_filters(again, Cut(0.5))
    assert macs(twice) < macs(pruned)
    assert widths(from_scratch(twice, 0)) == widths(twice)
    twice.module.train()(torch.randn(2, *made.blueprint.shape)).sum().backward()


@torch.no_grad()
def test_filters_go_where_gradients_were_turned_off_too():
    assert widths(prune_filters(net("ds-cnn-16"), Cut(0.5)))["features.0.conv"] == 8


def test_only_hidden_neurons_of_transformers_go():
    pruned = widths(prune_filters(net("transformer-encoder-2-32"), Cut(0.5)))
    assert {path: width for path, width in pruned.items() if width != 32} == {
        "blocks.0.dense.0": 64, "blocks.1.dense.0": 64, "classifier": 4
    }  # fmt: skip


def test_a_pruned_net_learns_again():
    made, samples, test = learnable.net("vgg-small"), learnable.pictures(), learnable.pictures(seed=1)
    fit(made.module, samples, QUICK, seed=0)
    pruned = prune_filters(made, Cut(0.75))
    fit(pruned.module, samples, QUICK, seed=0)
    assert macs(pruned) < 0.12 * macs(made)
    assert accuracy(pruned.module, test) > 85


@pytest.mark.parametrize("spread", Spread)
@pytest.mark.parametrize("wanted", [0.3, 0.5, 0.8])
def test_the_widest_net_without_so_many_macs_is_found(wanted, spread):
    made = learnable.net("vgg-small")
    gone = 1 - macs(prune_filters(made, Cut(macs_share=wanted, spread=spread))) / macs(made)
    assert wanted <= gone < wanted + 0.06


def test_macs_that_no_filter_holds_are_refused_with_what_is_possible():
    with pytest.raises(TrainingError, match=r"hold at most \d+\.\d % of its multiply-accumulates; 99\.99 %"):
        prune_filters(learnable.net("vgg-small"), Cut(macs_share=0.9999))


def test_widths_are_rounded_to_the_nearest_multiple_but_never_away():
    pruned = widths(prune_filters(learnable.net("vgg-small"), Cut(0.4, round_to=8)))
    assert sorted(set(pruned.values())) == [4, 8, 16, 40]
    assert min(widths(prune_filters(learnable.net("vgg-small"), Cut(0.99))).values()) == 2


def test_a_named_layer_and_all_that_belong_to_it_have_their_own_share():
    pruned = widths(
        prune_filters(net("resnet-8"), Cut(0.5, layers={"features.1": 0.0, "features.2.body.1": 0.25}))
    )
    assert pruned["features.0.conv"] == 16  # added to what features.1 gives
    assert pruned["features.2.body.1.conv"] == pruned["features.2.shortcut.conv"] == 24
    assert pruned["features.2.body.0.conv"] == 16
    assert pruned["features.3.body.0.conv"] == 32


def test_a_global_ranking_takes_more_where_there_is_more_that_is_small_and_empties_nothing():
    made = learnable.net("vgg-small")
    with torch.no_grad():
        for layer in (made.module.features[0], made.module.features[7]):
            layer.conv.weight[2:] *= 1e-3
            layer.norm.weight[2:] *= 1e-3
    pruned = widths(prune_filters(made, Cut(0.2, spread=Spread.GLOBAL)))
    taken = {path: 1 - pruned[path] / width for path, width in widths(made).items()}
    assert max(taken, key=taken.get) in {"features.0.conv", "features.7.conv"}
    assert max(taken.values()) <= 0.9
    assert sum(widths(made).values()) - sum(pruned.values()) == round(0.2 * 224)


def test_norms_that_are_made_sparse_fall():
    scales, quick = [], replace(QUICK, learning_rate=1e-2, epochs=4)
    for weight in (0.0, 0.05):
        made = learnable.net("vgg-small")
        objective = SparseNorms(CrossEntropy(), weight)
        fit(made.module, learnable.pictures(), quick, seed=0, objective=objective)
        norms = [each for each in made.module.modules() if isinstance(each, nn.BatchNorm2d)]
        scales.append(sum(float(each.weight.detach().abs().sum()) for each in norms))
    assert scales[1] < 0.8 * scales[0]
    pruned = prune_filters(made, Cut(0.5, by=Importance.NORM))
    kept = pruned.module.features[0].norm.weight
    assert torch.equal(kept.sort().values, made.module.features[0].norm.weight.sort().values[8:])


@pytest.mark.parametrize("made", [net("lenet-5"), net("resnet-8").folded()], ids=["without norms", "folded"])
def test_ranking_by_norms_that_are_not_there_is_refused(made):
    with pytest.raises(TrainingError, match="has no batch norms to rank filters by"):
        prune_filters(made, Cut(0.5, by=Importance.NORM))


class Heads(nn.Module):
    """Features that the code splits into two halves of a fixed size."""

    def __init__(self):
        super().__init__()
        self.first, self.classifier = nn.Linear(8, 16), nn.Linear(8, learnable.CLASSES)

    def forward(self, rows):
        return self.classifier(self.first(rows).reshape(-1, 2, 8).mean(1))


class Foreign(Net):
    """A net whose module no name builds."""

    def copy(self):
        return Foreign(self.blueprint, copy.deepcopy(self.module))


def test_a_net_that_torch_pruning_cannot_follow_is_refused_in_words():
    made = Foreign(Blueprint("heads", (8,), learnable.CLASSES), Heads())
    with pytest.raises(TrainingError, match="torch-pruning cannot take filters out of heads"):
        prune_filters(made, Cut(0.5))


def test_shares_and_layers_that_make_no_sense_are_refused_together():
    with pytest.raises(
        TrainingError, match=r"share 1 is not.*there is no layer 'stem'; layers are .*features"
    ):
        prune_filters(net("vgg-small"), Cut(1.0, layers={"stem": 0.5}))
