"""Weights of few bits: exactly on a grid that converters find, nearly as good, and zeros stay zeros."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402

from compress.distillation import Hinton  # noqa: E402
from compress.layers import weight_layers  # noqa: E402
from compress.net import Net  # noqa: E402
from compress.quantization import (  # noqa: E402
    BITS,
    ActivationGrids,
    LearnedGrid,
    fitting_scales,
    largest_scales,
    on_grid,
    quantize_aware,
    quantize_weights,
)
from compress.training import Settings, accuracy, fit  # noqa: E402
from converters import grids  # noqa: E402
from zoo.errors import UsageError  # noqa: E402

pytestmark = pytest.mark.convert

QUICK = Settings(epochs=2, batch=32, learning_rate=2e-3)


@pytest.fixture(scope="module")
def trained():
    net = learnable.net("vgg-small-0.5-16", 16)
    fit(net.module, learnable.pictures(), Settings(epochs=3, batch=32, learning_rate=3e-3), seed=0)
    return net


def weights(net):
    return {path: each.weight.detach() for path, each in weight_layers(net.module).items()}


def noise(shape=(6, 5, 3, 3), seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bits", BITS)
def test_the_grid_is_the_one_that_converters_make(bits):
    weight = noise()
    weight[2] = 0
    assert torch.equal(
        on_grid(weight, largest_scales(weight, bits), bits),
        torch.from_numpy(grids.fake_quantize(weight.numpy(), bits)),
    )


def test_a_channel_that_weight_decay_all_but_emptied_becomes_zeros():
    weight = noise()
    weight[1] = 1e-42
    for scales in (largest_scales(weight, 2), fitting_scales(weight, 2)):
        found = on_grid(weight, scales, 2)
        assert bool(found.isfinite().all())
        assert not found[1].any()


@pytest.mark.parametrize("bits", BITS)
def test_clipping_has_no_more_error_than_scales_that_clip_nothing(bits):
    weight = torch.distributions.Laplace(0.0, 0.1).sample((8, 500))
    fitted, plain = (
        (on_grid(weight, scales, bits) - weight).square().sum(1)
        for scales in (fitting_scales(weight, bits), largest_scales(weight, bits))
    )
    assert bool((fitted <= plain).all())
    assert bits == 8 or float(fitted.sum()) < 0.8 * float(plain.sum())


@pytest.mark.parametrize("bits", BITS)
def test_weights_that_were_trained_lie_on_a_grid_that_converters_find_without_loss(bits, trained):
    net = quantize_aware(trained, learnable.pictures(), QUICK, weight_bits=bits, seed=0)
    for path, weight in weights(net).items():
        grid = grids.find_grid(weight.numpy(), bits)
        assert grid is not None, path
        assert grid.exact, path
    assert (
        accuracy(net.module, learnable.pictures(seed=1)) > accuracy(trained.module, learnable.pictures()) - 5
    )
    assert Net.from_bytes(net.to_bytes()).to_bytes() == net.to_bytes()


@pytest.mark.parametrize("bits", BITS)
def test_weights_that_were_only_rounded_lie_on_a_grid_too(bits, trained):
    for weight in weights(quantize_weights(trained, bits)).values():
        assert grids.find_grid(weight.numpy(), bits).exact


def test_training_makes_up_for_what_rounding_to_2_bits_loses(trained):
    test = learnable.pictures(seed=1)
    rounded = accuracy(quantize_weights(trained, 2).module, test)
    aware = quantize_aware(trained, learnable.pictures(), QUICK, weight_bits=2, activation_bits=8, seed=0)
    assert rounded < 90 < accuracy(aware.module, test)


def test_neither_the_net_nor_its_bytes_change_and_the_same_seed_gives_the_same(trained):
    before = trained.to_bytes()
    first, second = (
        quantize_aware(
            trained, learnable.pictures(64), QUICK, weight_bits=4, activation_bits=8, seed=3
        ).to_bytes()
        for _ in range(2)
    )
    assert trained.to_bytes() == before
    assert first == second


def test_zeros_of_pruned_weights_stay_zero(trained):
    pruned = trained.copy()
    with torch.no_grad():
        for each in weight_layers(pruned.module).values():
            each.weight.mul_(each.weight.abs() > each.weight.abs().median())
    net = quantize_aware(pruned, learnable.pictures(), QUICK, weight_bits=4, seed=0)
    for path, weight in weights(pruned.folded()).items():
        assert not weights(net)[path][weight == 0].any()


def test_layers_that_get_no_bits_stay_floats(trained):
    net = quantize_aware(trained, learnable.pictures(64), QUICK, weight_bits={"classifier": 2}, seed=0)
    found = weights(net)
    assert len(found.pop("classifier").unique()) <= 3 * 4
    assert all(grids.find_grid(each.numpy(), 8) is None for each in found.values())


def test_a_teacher_can_teach_a_student_of_2_bits(trained):
    student = learnable.net("vgg-small-0.25-16", 16, seed=1)
    objective = Hinton(trained, soft=1.0)
    net = quantize_aware(
        student,
        learnable.pictures(),
        Settings(epochs=6, batch=32, learning_rate=3e-3),
        weight_bits=2,
        seed=0,
        objective=objective,
    )
    assert accuracy(net.module, learnable.pictures(seed=1)) > 80


def test_clipped_weights_get_no_gradient_and_push_the_scale():
    layer = torch.nn.Linear(4, 1, bias=False)
    grid = LearnedGrid(torch.tensor([[1.0, 0.1, -0.4, 0.2]]), 2)
    with torch.no_grad():
        grid.log_scales.fill_(torch.tensor(0.5).log())
        layer.weight.copy_(torch.tensor([[1.0, 0.1, -0.4, 0.2]]))
    snapped = grid(layer.weight)
    assert snapped.tolist() == [[0.5, 0.0, -0.5, 0.0]]
    snapped.backward(torch.ones(1, 4))
    assert layer.weight.grad.tolist() == [[0.0, 1.0, 1.0, 1.0]]
    ratio = torch.tensor([2.0, 0.2, -0.8, 0.4])
    wanted = (1 - ratio[1:].sum() + ratio[1:].round().sum()) / 4**0.5 * 0.5  # LSQ, and d scale / d log scale
    assert grid.log_scales.grad.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_ranges_of_activations_are_watched_then_used_then_frozen(trained):
    net, batch = trained.folded(), next(learnable.pictures(64).batches())
    plain = net.module(batch.inputs)
    activations = ActivationGrids(4)
    activations.begin(net.module, 30)
    net.module.train()
    assert torch.equal(net.module(batch.inputs), plain)
    activations.after_step(net.module, 6)
    assert not torch.equal(net.module(batch.inputs), plain)
    assert all(low <= 0 <= high for low, high in activations.ranges.values())
    assert set(activations.ranges) == set(weight_layers(net.module))
    net.module(10 * batch.inputs)
    activations.after_step(net.module, 20)
    frozen = dict(activations.ranges)
    net.module(100 * batch.inputs)
    assert activations.ranges == frozen
    activations.remove()
    assert torch.equal(net.module(batch.inputs), plain)


def test_what_makes_no_sense_is_refused(trained):
    with pytest.raises(UsageError, match="'classifier' cannot have weights of 5 bits; wanted is one of 2, 3"):
        quantize_weights(trained, {"classifier": 5})
    with pytest.raises(UsageError, match="activations cannot have 1 bits"):
        ActivationGrids(1)


def test_norms_that_turn_channels_around_leave_them_on_their_grid():
    net = learnable.net("mobilenet-v2-0.35-32", 32)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for each in net.module.modules():
            if isinstance(each, torch.nn.BatchNorm2d):
                each.weight.copy_(torch.randn(each.weight.shape, generator=generator))
    samples = learnable.pictures(32, 32)
    aware = quantize_aware(
        net, samples, Settings(epochs=1, batch=16), weight_bits=3, activation_bits=8, seed=0
    )
    assert aware.blueprint.folded
    assert all(grids.find_grid(each.numpy(), 3).exact for each in weights(aware).values())
