"""Distillation: losses are what the papers say, and students learn from teachers."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'compress'")

sys.path.insert(0, str(Path(__file__).parent))
import learnable  # noqa: E402
from torch.nn import functional  # noqa: E402

from compress.distillation import Hinton, Hints, LayerWise  # noqa: E402
from compress.net import Blueprint, fresh  # noqa: E402
from compress.samples import Batch, Samples  # noqa: E402
from compress.training import Settings, accuracy, fit  # noqa: E402
from zoo.errors import TrainingError  # noqa: E402

pytestmark = pytest.mark.convert

QUICK = Settings(epochs=3, batch=32, learning_rate=3e-3)


@pytest.fixture(scope="module")
def teacher():
    net = learnable.net()
    fit(net.module, learnable.pictures(), QUICK, seed=0)
    return net


def shuffled(samples):
    """The same inputs with labels that say nothing: what is learned then comes from the teacher."""
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(9))
    return Samples(samples.inputs, samples.labels[order], samples.shape)


def test_the_loss_is_hinton_s_formula(teacher):
    student, samples = learnable.net("vgg-small"), learnable.pictures(8)
    batch = next(samples.batches())
    own, taught = student.module(batch.inputs), teacher.module(batch.inputs)
    soft = (
        (taught.div(3).softmax(1) * (taught.div(3).log_softmax(1) - own.div(3).log_softmax(1))).sum(1).mean()
    )
    wanted = 0.7 * 9 * soft + 0.3 * functional.cross_entropy(own, batch.labels)
    assert torch.allclose(Hinton(teacher, 3.0, 0.7).loss(student.module, batch), wanted, atol=1e-5)


def test_logits_that_samples_carry_stand_for_the_teacher(teacher):
    student, samples = learnable.net("vgg-small"), learnable.pictures(8)
    batch = next(samples.batches())
    carried = Batch(batch.inputs, batch.full, batch.labels, teacher.module(batch.inputs))
    live = Hinton(teacher).loss(student.module, batch)
    assert torch.allclose(Hinton(None).loss(student.module, carried), live)
    with pytest.raises(TrainingError, match="neither a teacher nor its logits"):
        Hinton(None).loss(student.module, batch)


@pytest.mark.parametrize("kind", ["classes", "hints"])
def test_a_student_learns_from_the_teacher_where_labels_say_nothing(kind, teacher):
    student = learnable.net("vgg-small", seed=1)
    objective = (
        Hinton(teacher, soft=1.0)
        if kind == "classes"
        else Hints(teacher, student, ("features.4", "features"), soft=1.0)
    )
    before = [each.clone() for each in objective.parameters()]
    taught_by = teacher.to_bytes()
    fit(student.module, shuffled(learnable.pictures()), QUICK, seed=0, objective=objective)
    assert accuracy(student.module, learnable.pictures(seed=1)) > 85
    assert all(not torch.equal(old, new) for old, new in zip(before, objective.parameters(), strict=True))
    assert teacher.to_bytes() == taught_by


def test_a_teacher_sees_larger_images_than_its_student(teacher):
    student = learnable.net("vgg-small", size=8)
    samples = learnable.pictures(64).sized((3, 8, 8))
    fit(student.module, samples, QUICK, seed=0, objective=Hinton(teacher))
    assert accuracy(student.module, samples) > 25


def encoders():
    return [fresh(Blueprint(f"transformer-encoder-{layers}-32", (8, 32), 4), layers) for layers in (4, 2)]


def sequences(count=64):
    generator = torch.Generator().manual_seed(1)
    return Samples(
        torch.randn((count, 8, 32), generator=generator), torch.zeros(count, dtype=torch.int64), (8, 32)
    )


def test_layer_wise_losses_fall_together_and_vanish_for_the_teacher_itself():
    teacher, student = encoders()
    batch = next(sequences().batches())
    objective = LayerWise(teacher, student)
    assert objective.layers == [1, 3]
    before = objective.loss(student.module, batch).item()
    fit(
        student.module,
        sequences(),
        Settings(epochs=20, batch=32, learning_rate=3e-3),
        seed=0,
        objective=objective,
    )
    assert objective.loss(student.module, batch).item() < 0.7 * before
    same = LayerWise(teacher, teacher)
    with torch.no_grad():
        same.projection.weight.copy_(torch.eye(32))
    assert same.loss(teacher.module, batch).item() < 1e-9


def test_layers_that_do_not_divide_are_refused():
    teacher = fresh(Blueprint("transformer-encoder-3-32", (8, 32), 4), 0)
    with pytest.raises(TrainingError, match="2 layers cannot learn evenly from 3"):
        LayerWise(teacher, encoders()[1])


def test_a_hint_of_a_layer_that_is_not_there_is_refused(teacher):
    with pytest.raises(TrainingError, match="there is no layer 'nowhere'"):
        Hints(teacher, learnable.net("vgg-small"), ("nowhere", "features"))
