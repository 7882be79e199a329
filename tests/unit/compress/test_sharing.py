"""Weight sharing: every weight is one of few values, which the converters find and training improves."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402

from compress.layers import weight_layers  # noqa: E402
from compress.sharing import Codebooks, Sharing, cluster, share_weights  # noqa: E402
from compress.training import CrossEntropy, Settings, accuracy, fit  # noqa: E402
from converters import grids  # noqa: E402

pytestmark = pytest.mark.convert

QUICK = Settings(epochs=2, batch=32, learning_rate=5e-4)


@pytest.fixture(scope="module")
def trained():
    net = learnable.net("vgg-small-0.5-16", 16)
    fit(net.module, learnable.pictures(), Settings(epochs=3, batch=32, learning_rate=3e-3), seed=0)
    return net


@pytest.fixture(scope="module")
def pruned(trained):
    net = trained.copy()
    with torch.no_grad():
        for each in weight_layers(net.module).values():
            each.weight.mul_(each.weight.abs() > each.weight.abs().median())
    return net


@torch.no_grad()
def loss(net):
    return float(CrossEntropy().loss(net.module, next(learnable.pictures(256).batches())))


@given(
    st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=200),
    st.integers(1, 20),
    st.sampled_from([0.0, 0.5, 4.0]),
)
def test_centroids_are_the_means_of_their_members(values, most, rate):
    values = np.array(values, np.float64)
    centroids, members = cluster(values, most, rate)
    assert 1 <= len(centroids) <= most
    assert sorted(set(members)) == list(range(len(centroids)))
    assert (np.diff(centroids) > 0).all()
    for each in range(len(centroids)):
        assert centroids[each] == pytest.approx(values[members == each].mean(), abs=1e-9)


def test_without_a_rate_every_value_belongs_to_its_nearest_centroid():
    values = np.random.default_rng(0).laplace(size=5000)
    centroids, members = cluster(values, 16)
    assert (np.abs(values[:, None] - centroids).argmin(1) == members).mean() > 0.999


def test_few_distinct_values_are_kept_as_they_are():
    values = np.array([3.0, -1.0, 3.0, 2.0])
    centroids, members = cluster(values, 4)
    assert centroids[members].tolist() == values.tolist()


def test_a_rate_makes_indices_cheaper():
    values = np.random.default_rng(0).laplace(size=20_000)
    bits, errors = [], []
    for rate in (0.0, 1.0, 4.0):
        centroids, members = cluster(values, 32, rate)
        shares = np.bincount(members) / members.size
        bits.append(-(shares * np.log2(shares)).sum())
        errors.append(((centroids[members] - values) ** 2).mean())
    assert bits[0] - 0.4 > bits[1] > bits[2] + 0.4
    assert errors == sorted(errors)


@pytest.mark.parametrize("bits", [1, 2, 4, 6])
@pytest.mark.parametrize("kind", ["trained", "pruned"])
def test_every_layer_has_a_codebook_that_a_palette_of_as_many_bits_holds(kind, bits, request):
    net = request.getfixturevalue(kind)
    shared = share_weights(net, learnable.pictures(128), QUICK, Sharing(bits), seed=0)
    before = weight_layers(net.folded().module)
    for path, layer in weight_layers(shared.module).items():
        weight = layer.weight.detach()
        found = grids.find_codebook(weight.numpy(), 2**bits)
        assert found is not None, path
        assert np.array_equal(found, found.astype(np.float16).astype(np.float32))
        assert torch.equal(weight == 0, before[path].weight == 0), path


def test_fine_tuning_improves_the_values(trained):
    plain = share_weights(trained, None, None, Sharing(2, half=False), seed=0)
    tuned = share_weights(trained, learnable.pictures(), QUICK, Sharing(2, half=False), seed=0)
    assert loss(tuned) < 0.8 * loss(plain)
    assert accuracy(tuned.module, learnable.pictures(seed=1)) > 85


def test_a_centroid_s_gradient_is_the_sum_over_its_weights(trained):
    net = trained.folded()
    weight = net.module.classifier.weight
    codebooks = Codebooks(Sharing({"classifier": 2}))
    codebooks.begin(net.module, 1)
    loss = CrossEntropy().loss(net.module, next(learnable.pictures(64).batches()))
    loss.backward()
    plain = weight.grad.clone()
    codebooks.before_step(net.module)
    for value in weight.detach().unique():
        members = weight.detach() == value
        assert torch.allclose(weight.grad[members], plain[members].sum(), atol=1e-5)


def test_bits_may_differ_by_layer_and_the_others_stay(trained):
    shared = share_weights(trained, None, None, Sharing({"classifier": 3}, half=False), seed=0)
    layers, before = weight_layers(shared.module), weight_layers(trained.folded().module)
    assert len(layers.pop("classifier").weight.detach().unique()) <= 8
    assert all(torch.equal(each.weight, before[path].weight) for path, each in layers.items())


def test_the_net_does_not_change_and_the_same_seed_gives_the_same(trained):
    before = trained.to_bytes()
    first, second = (
        share_weights(trained, learnable.pictures(64), QUICK, Sharing(3, rate=1.0), seed=1) for _ in range(2)
    )
    assert first.to_bytes() == second.to_bytes()
    assert trained.to_bytes() == before
