"""Weights that become zero: exactly so many, by their schedule, and tickets that begin where they began."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from compress.net import Blueprint, Net, fresh  # noqa: E402
from compress.shares import Spread  # noqa: E402
from compress.training import Settings, accuracy, fit  # noqa: E402
from compress.weight_pruning import (  # noqa: E402
    GradualMagnitude,
    Lottery,
    Sparsity,
    draw,
    kept_weights,
    prune_weights,
    reinitialized,
    tickets,
)
from zoo.errors import TrainingError  # noqa: E402

pytestmark = pytest.mark.convert

QUICK = Settings(epochs=3, batch=32, learning_rate=3e-3)


def dense(seed=0):
    return fresh(Blueprint("lenet-300-100", (1, 8, 8), learnable.CLASSES), seed)


def pictures(count=256, seed=0):
    return learnable.pictures(count, size=8, channels=1, seed=seed)


def zeros(net):
    return {each.layer: each.total - each.kept for each in kept_weights(net)}


def stepped(module, sparsity, steps):
    """Run the constraint over steps that change every weight; give the share of zeros after each."""
    constraint, found = GradualMagnitude(sparsity), []
    constraint.begin(module, steps)
    generator = torch.Generator().manual_seed(0)
    weights = [each for each in module.parameters() if each.ndim > 1]
    for step in range(1, steps + 1):
        with torch.no_grad():
            for each in weights:
                each.add_(torch.randn(each.shape, generator=generator) * 0.01)
        constraint.after_step(module, step)
        total = sum(each.numel() for each in weights)
        found.append(1 - sum(int(each.count_nonzero()) for each in weights) / total)
    return found


def test_a_pruned_net_has_exactly_the_share_in_every_layer_and_still_answers_right():
    net = learnable.net("vgg-small")
    fit(net.module, learnable.pictures(), QUICK, seed=0)
    before = net.to_bytes()
    pruned = prune_weights(net, learnable.pictures(), QUICK, Sparsity(0.8, every=5), seed=0)
    assert net.to_bytes() == before
    assert all(each.total - each.kept == round(0.8 * each.total) for each in kept_weights(pruned))
    assert accuracy(pruned.module, learnable.pictures(seed=1)) > 90
    assert zeros(Net.from_bytes(pruned.to_bytes())) == zeros(pruned)


def test_the_schedule_is_the_cubic_one_and_renewed_every_few_steps():
    found = stepped(dense().module, Sparsity(0.9, ramp=0.5, every=10), 100)
    assert found[:9] == [0.0] * 9
    for step in (10, 20, 30, 40):
        assert found[step - 1] == pytest.approx(0.9 * (1 - (1 - step / 50) ** 3), abs=1e-3)
        assert found[step - 1] == found[step + 8]
    assert found[49:] == [pytest.approx(0.9, abs=1e-3)] * 51


@pytest.mark.parametrize("every", [7, 1000], ids=["the ramp ends between two", "never within the ramp"])
def test_the_end_of_the_ramp_always_reaches_the_share(every):
    assert stepped(dense().module, Sparsity(0.9, ramp=0.5, every=every), 20)[-1] == pytest.approx(
        0.9, abs=1e-3
    )


@settings(max_examples=15, deadline=None)
@given(
    share=st.floats(0, 0.99), steps=st.integers(1, 12), ramp=st.floats(0, 1), spread=st.sampled_from(Spread)
)
def test_the_share_is_exact_whatever_the_schedule(share, steps, ramp, spread):
    net = dense()
    stepped(net.module, Sparsity(share, ramp=ramp, every=3, spread=spread), steps)
    kept = kept_weights(net)
    if spread is Spread.UNIFORM:
        assert all(each.total - each.kept == round(share * each.total) for each in kept)
    assert sum(zeros(net).values()) == pytest.approx(share * sum(each.total for each in kept), abs=2)


def test_layers_that_are_named_have_their_own_share():
    net = dense()
    stepped(net.module, Sparsity(0.9, {"classifier": 0.5, "first": 0.0}, every=1), 4)
    totals = {each.layer: each.total for each in kept_weights(net)}
    assert zeros(net) == {
        "first": 0, "second": round(0.9 * totals["second"]), "classifier": round(0.5 * totals["classifier"])
    }  # fmt: skip


def test_a_global_ranking_takes_the_smallest_weights_wherever_they_are():
    net = dense()
    with torch.no_grad():
        net.module.first.weight.mul_(100)
    named = Sparsity(0.5, {"classifier": 0.25}, Spread.GLOBAL, every=1)
    stepped(net.module, named, 1)
    totals = {each.layer: each.total for each in kept_weights(net)}
    gone = zeros(net)
    assert gone["classifier"] == totals["classifier"] // 4
    assert gone["first"] < 0.01 * totals["first"]
    assert gone["first"] + gone["second"] == (totals["first"] + totals["second"]) // 2


def test_depthwise_kernels_stay_whole_unless_they_are_named():
    net = learnable.net("mobilenet-v1-0.25-32", 32)
    stepped(net.module, Sparsity(0.5, every=1), 1)
    gone = zeros(net)
    assert not any(count for path, count in gone.items() if "depthwise" in path)
    assert all(count for path, count in gone.items() if "depthwise" not in path)
    stepped(net.module, Sparsity(0.5, {"features.1.depthwise": 0.5}, every=1), 1)
    assert zeros(net)["features.1.depthwise.conv"]


def test_pruning_goes_on_where_it_ended():
    net = dense()
    stepped(net.module, Sparsity(0.6, every=1), 4)
    once = {path: each != 0 for path, each in net.module.named_parameters() if each.ndim > 1}
    found = stepped(net.module, Sparsity(0.8, every=1), 10)
    assert min(found) >= 0.6 - 1e-3
    assert all(not (net.module.get_parameter(path) != 0)[~mask].any() for path, mask in once.items())
    assert stepped(net.module, Sparsity(0.3, every=1), 4)[-1] == pytest.approx(0.8, abs=1e-3)


def test_shares_and_names_that_make_no_sense_are_refused_together():
    with pytest.raises(TrainingError, match=r"share 1\.5 is not.*there is no layer 'third'"):
        prune_weights(dense(), pictures(), QUICK, Sparsity(1.5, {"third": 0.5}), seed=0)


def masks(net):
    return {path: each != 0 for path, each in net.module.named_parameters() if each.ndim > 1}


def test_tickets_are_initial_weights_and_zeros_of_exactly_the_shares_asked_for():
    said = []
    drawn = draw(
        dense(), pictures(), QUICK, Lottery(), wanted=[0.55, 0.3, 0.5904], seed=0, report=said.append
    )
    total = sum(each.total for each in kept_weights(drawn[0]))
    for share, ticket in zip([0.55, 0.3, 0.5904], drawn, strict=True):
        assert sum(zeros(ticket).values()) == round(share * total)
        for path, mask in masks(ticket).items():
            assert torch.equal(ticket.module.get_parameter(path), dense().module.get_parameter(path) * mask)
    assert len(said) == 5
    assert said[0].startswith("round 1: 80.")
    head = next(each for each in kept_weights(drawn[0]) if each.layer == "classifier")
    assert head.kept / head.total == pytest.approx(0.9**4, abs=0.05)
    small, large = masks(drawn[0]), masks(drawn[1])
    assert all(not (small[path] & ~large[path]).any() for path in small)


def test_a_trained_ticket_learns_and_keeps_its_mask_and_its_rival_has_the_same_mask():
    parts = {"share": 0.6, "seed": 0}
    ticket = tickets(dense(), pictures(), QUICK, Lottery(), **parts)
    rival = tickets(dense(), pictures(), QUICK, Lottery(reinit=True), **parts)
    assert accuracy(ticket.module, pictures(seed=1)) > 80
    assert masks(ticket).keys() == masks(rival).keys()
    assert all(torch.equal(mask, masks(rival)[path]) for path, mask in masks(ticket).items())
    assert not torch.equal(ticket.module.first.weight, rival.module.first.weight)
    again = tickets(dense(), pictures(), QUICK, Lottery(), **parts)
    assert again.to_bytes() == ticket.to_bytes()


def test_a_reinitialized_ticket_has_weights_of_the_usual_start():
    (ticket,) = draw(dense(), pictures(64), replace(QUICK, epochs=1), Lottery(), wanted=[0.3], seed=0)
    other, start = reinitialized(ticket, 5), dense(5)
    for path, mask in masks(ticket).items():
        assert torch.equal(other.module.get_parameter(path), start.module.get_parameter(path) * mask)


def test_a_lottery_that_takes_nothing_is_refused():
    with pytest.raises(TrainingError, match="rounds take nothing any more"):
        draw(dense(), pictures(), QUICK, Lottery(per_round=0, head_per_round=0), wanted=[0.5], seed=0)
    with pytest.raises(TrainingError, match="share 1 is not"):
        draw(dense(), pictures(), QUICK, Lottery(), wanted=[1.0], seed=0)
