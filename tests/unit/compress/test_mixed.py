"""Mixed precision: the least loss that fits, as trying every choice would find it."""

import itertools
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402

from compress.layers import weight_layers  # noqa: E402
from compress.mixed import Choice, Scan, choose_bits, fit_budget, scan, size_bytes  # noqa: E402
from compress.quantization import quantize_aware  # noqa: E402
from compress.training import Settings, accuracy, fit  # noqa: E402
from converters import grids  # noqa: E402
from zoo.errors import UsageError  # noqa: E402

pytestmark = pytest.mark.convert


@pytest.fixture(scope="module")
def trained():
    net = learnable.net("vgg-small-0.5-16", 16)
    fit(net.module, learnable.pictures(), Settings(epochs=3, batch=32, learning_rate=3e-3), seed=0)
    return net


def rows():
    choice = st.builds(Choice, st.just(0), st.integers(1, 30), st.integers(-5, 50).map(float))
    return st.lists(st.lists(choice, min_size=1, max_size=4), min_size=1, max_size=5)


@given(rows(), st.integers(0, 120))
def test_no_choice_that_fits_has_less_loss(rows, budget):
    named = {
        f"layer{place}": tuple(Choice(bits, each.size_bytes, each.loss) for bits, each in enumerate(row))
        for place, row in enumerate(rows)
    }
    possible = [
        sum(each.loss for each in picked)
        for picked in itertools.product(*named.values())
        if 7 + sum(each.size_bytes for each in picked) <= budget
    ]
    if not possible:
        with pytest.raises(UsageError, match="the fewest bits take"):
            fit_budget(Scan(named, 7), budget)
        return
    bits = fit_budget(Scan(named, 7), budget)
    assert list(bits) == list(named)
    picked = [named[path][number] for path, number in bits.items()]
    assert 7 + sum(each.size_bytes for each in picked) <= budget
    assert sum(each.loss for each in picked) == min(possible)


def test_many_layers_of_odd_sizes_are_chosen_within_the_budget():
    layers = {
        f"layer{place}": tuple(
            Choice(bits, 1000 * bits + 7919 * place % 997, 2.0**-bits * (1 + place % 5))
            for bits in (2, 3, 4, 8)
        )
        for place in range(60)
    }
    bits = fit_budget(Scan(layers, 0), 300_000)
    used = sum(1000 * number + 7919 * place % 997 for place, number in enumerate(bits.values()))
    assert 297_000 < used <= 300_000
    assert len(set(bits.values())) > 1


def test_a_scan_says_what_each_layer_minds_and_leaves_the_net_alone(trained):
    before = trained.to_bytes()
    found = scan(trained, learnable.pictures())
    assert trained.to_bytes() == before
    assert set(found.layers) == set(weight_layers(trained.module))
    for choices in found.layers.values():
        assert [each.bits for each in choices] == [2, 3, 4, 8]
        assert [each.size_bytes for each in choices] == sorted(each.size_bytes for each in choices)
        assert abs(choices[-1].loss) < 0.01
    assert sum(row[0].loss for row in found.layers.values()) > sum(
        row[2].loss for row in found.layers.values()
    )
    folded = trained.folded().module
    weights = sum(each.weight.numel() for each in weight_layers(folded).values())
    assert found.rest_bytes == 4 * (sum(each.numel() for each in folded.parameters()) - weights)


def test_size_counts_bits_and_scales():
    assert size_bytes(torch.zeros(5, 3), 3) == 6 + 20


def test_bits_under_a_budget_are_trained_and_fit(trained):
    found = scan(trained, learnable.pictures())
    budget = found.rest_bytes + sum(row[1].size_bytes for row in found.layers.values())
    bits = choose_bits(trained, learnable.pictures(), budget)
    chosen = {path: {each.bits: each for each in row}[bits[path]] for path, row in found.layers.items()}
    assert found.rest_bytes + sum(each.size_bytes for each in chosen.values()) <= budget
    settings = Settings(epochs=1, batch=32, learning_rate=1e-3)
    net = quantize_aware(trained, learnable.pictures(), settings, weight_bits=bits, seed=0)
    for path, layer in weight_layers(net.module).items():
        assert grids.find_grid(layer.weight.detach().numpy(), bits[path]).exact
    assert accuracy(net.module, learnable.pictures(seed=1)) > 90
