"""Training: learns, repeats itself, keeps what must stay, and stops when a loss is no number."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402

from compress.distillation import Hinton  # noqa: E402
from compress.net import from_scratch  # noqa: E402
from compress.samples import Samples  # noqa: E402
from compress.training import CrossEntropy, Settings, accuracy, fit, lesson  # noqa: E402
from zoo.errors import TrainingError  # noqa: E402

pytestmark = pytest.mark.convert

QUICK = Settings(epochs=3, batch=32, learning_rate=3e-3)


def trained(settings=QUICK, seed=0, samples=None, **parts):
    net = learnable.net()
    fit(net.module, samples or learnable.pictures(), settings, seed=seed, **parts)
    return net


def test_a_net_learns():
    test = learnable.pictures(seed=1)
    assert accuracy(learnable.net().module, test) < 50
    assert accuracy(trained().module, test) > 90


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_every_optimizer_lowers_the_loss(optimizer):
    said = []
    trained(replace(QUICK, optimizer=optimizer, warmup=0.1, label_smoothing=0.1), report=said.append)
    losses = [float(line.rsplit(" ", 1)[-1]) for line in said]
    assert len(losses) == 10
    assert losses[-1] < losses[0]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    assert trained(seed=5).to_bytes() == trained(seed=5).to_bytes() != trained(seed=6).to_bytes()


def test_weights_that_were_pruned_stay_zero():
    net = learnable.net()
    weight = net.module.classifier.weight
    with torch.no_grad():
        weight[:, ::2] = 0
    fit(net.module, learnable.pictures(), QUICK, seed=0)
    assert not net.module.classifier.weight[:, ::2].any()
    assert not torch.signbit(net.module.classifier.weight[:, ::2]).any()
    assert net.module.classifier.weight[:, 1::2].all()


class _Watching(CrossEntropy):
    """The usual loss, which notes how many neurons are dropped at each step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def loss(self, module, batch):
        self.seen.append(next(each.p for each in module.modules() if isinstance(each, torch.nn.Dropout)))
        return super().loss(module, batch)


def test_a_pruned_dense_layer_drops_fewer_of_its_neurons_while_it_learns():
    module = torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(768, 8),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.4),
        torch.nn.Linear(8, 4),
    )
    for kept, expected in ((1.0, 0.4), (0.25, 0.2)):
        with torch.no_grad():
            module[1].weight[:, round(kept * 768) :] = 0
        watching = _Watching()
        fit(module, learnable.pictures(), QUICK, seed=0, objective=watching)
        assert watching.seen == pytest.approx([expected] * len(watching.seen))
        assert module[3].p == 0.4


def test_a_loss_that_is_no_number_stops_the_training_with_the_reason():
    pictures = learnable.pictures()
    broken = replace(pictures, inputs=pictures.inputs.clone().fill_(float("nan")))
    with pytest.raises(TrainingError, match=r"the loss is nan at step 1 of 48, with learning rate 0\.003"):
        trained(samples=broken)


def test_half_an_epoch_takes_half_the_steps():
    said = []
    trained(replace(QUICK, epochs=0.5), report=said.append)
    assert len(said) == 8
    assert said[-1].startswith("epoch 1, step 8 of 8: loss ")


def test_a_last_batch_of_one_is_left_out_because_it_has_no_statistics():
    said = []
    trained(replace(QUICK, epochs=1), samples=learnable.pictures(33), report=said.append)
    assert said[0].startswith("epoch 1, step 1 of 1: ")


def test_images_stored_larger_are_made_smaller_and_scaled():
    stored = torch.full((4, 3, 8, 8), 200, dtype=torch.uint8)
    samples = Samples(
        stored, torch.zeros(4, dtype=torch.int64), (3, 4, 4), 1 / 255, (0.5, 0.25, 0), (0.5, 0.5, 1)
    )
    (batch,) = samples.batches()
    value = 200 / 255
    wanted = torch.tensor([(value - 0.5) / 0.5, (value - 0.25) / 0.5, value])
    assert batch.inputs.shape == (4, 3, 4, 4)
    assert torch.allclose(batch.inputs, wanted.reshape(1, 3, 1, 1).expand(4, 3, 4, 4), atol=1e-6)
    assert batch.full.shape == (4, 3, 8, 8)


def seen_twice():
    """Eight pictures, each seen as it is and upside down."""
    pictures = learnable.pictures(8)

    def augment(stored, places, _generator):
        return torch.where((places >= 8).reshape(-1, 1, 1, 1), stored.flip(2), stored)

    return replace(pictures, views=2, augment=augment)


def test_every_view_of_every_input_is_seen_once_an_epoch():
    samples = seen_twice()
    assert len(samples) == 16
    batches = list(samples.training_batches(6, torch.Generator().manual_seed(0)))
    seen = torch.cat([each.inputs for each in batches])
    wanted = torch.cat([samples.inputs, samples.inputs.flip(2)])
    places = [(wanted == each).flatten(1).all(1).nonzero().item() for each in seen]
    assert sorted(places) == list(range(16))
    assert torch.equal(torch.cat([each.labels for each in batches]), samples.labels[torch.tensor(places) % 8])
    assert torch.equal(torch.cat([each.inputs for each in samples.views_in_order(5)]), wanted)
    assert torch.equal(next(samples.batches(8)).inputs, samples.inputs)


def test_a_lesson_teaches_like_its_teacher():
    teacher, samples = trained(QUICK), seen_twice()
    said = lesson(teacher.module, samples)
    assert said.shape == (16, 4)
    students = [learnable.net(seed=1) for _ in range(2)]
    settings = Settings(epochs=3, batch=4)
    fit(students[0].module, samples, settings, seed=0, objective=Hinton(teacher))
    fit(students[1].module, replace(samples, soft=said), settings, seed=0, objective=Hinton(None))
    weights = [torch.cat([each.flatten() for each in one.module.state_dict().values()]) for one in students]
    assert torch.allclose(*weights, atol=1e-4)


def test_a_net_from_scratch_has_the_shapes_and_nothing_of_the_weights():
    net = trained()
    scratch = from_scratch(net, seed=1)
    before, after = net.module.state_dict(), scratch.module.state_dict()
    assert {name: each.shape for name, each in before.items()} == {
        name: each.shape for name, each in after.items()
    }
    changed = [name for name in before if name.endswith("weight") and before[name].ndim > 1]
    assert changed
    assert not any(torch.equal(before[name], after[name]) for name in changed)
    assert from_scratch(net, seed=1).to_bytes() == scratch.to_bytes()
