"""Objectives that make a student learn from a teacher.

* `Hinton`: the teacher's softened classes beside the labels (Hinton, Vinyals and Dean 2015, arXiv:1503.02531). With a
  student whose weights are quantized while it learns, this is quantized distillation (Polino et al. 2018,
  arXiv:1802.05668).
* `Hints`: the student's features, projected, become the teacher's (Romero et al. 2014, arXiv:1412.6550).
* `LayerWise`: attention, hidden states, embeddings and classes, layer by layer (TinyBERT, Jiao et al. 2019,
  arXiv:1909.10351).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from compress.net import Net
from compress.samples import Batch, fitted
from zoo.errors import TrainingError

_IMAGE_RANK = 4


class Hinton:
    """``soft T^2 KL(teacher/T, student/T) + (1 - soft) cross entropy``.

    Args:
        teacher: whose logits are learned; ``None`` where the samples carry them.
        temperature: T, by which logits are divided.
        soft: weight of the teacher's word against the labels'.
        smoothing: of the labels.
    """

    def __init__(
        self, teacher: Net | None, temperature: float = 4.0, soft: float = 0.9, smoothing: float = 0.0
    ) -> None:
        """Freeze the teacher."""
        self.teacher, self.temperature, self.soft, self.smoothing = teacher, temperature, soft, smoothing
        _freeze(teacher)

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        """See `compress.training.Objective.loss`."""
        return self._of(module(batch.inputs), batch)

    def _of(self, student: torch.Tensor, batch: Batch) -> torch.Tensor:
        teacher = self._taught(batch)
        soft = functional.kl_div(
            functional.log_softmax(student / self.temperature, 1),
            functional.log_softmax(teacher / self.temperature, 1),
            reduction="batchmean",
            log_target=True,
        )
        hard = functional.cross_entropy(student, batch.labels, label_smoothing=self.smoothing)
        return self.soft * self.temperature**2 * soft + (1 - self.soft) * hard

    def _taught(self, batch: Batch) -> torch.Tensor:
        if batch.soft is not None:
            return batch.soft
        if self.teacher is None:
            raise TrainingError("there is neither a teacher nor its logits: give one of them")
        return _asked(self.teacher, batch)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Nothing."""
        yield from ()


class Hints(Hinton):
    """`Hinton`, and the mean squared difference between features of a middle layer.

    The projection is a 1x1 convolution or a dense layer, trained with the student and left behind.

    Args:
        teacher: must be there: its features are needed.
        student: only its shapes are looked at.
        layers: paths of the student's and the teacher's layer.
        weight: of the hint against the rest.
        temperature: see `Hinton`.
        soft: see `Hinton`.
    """

    def __init__(
        self,
        teacher: Net,
        student: Net,
        layers: tuple[str, str],
        weight: float = 1.0,
        temperature: float = 4.0,
        soft: float = 0.9,
    ) -> None:
        """Find the shapes of both features and make the projection."""
        super().__init__(teacher, temperature, soft)
        self.layers, self.weight = layers, weight
        own = _feature(student.module, layers[0], torch.zeros(1, *student.blueprint.shape))
        theirs = _feature(teacher.module, layers[1], torch.zeros(1, *teacher.blueprint.shape))
        if own.ndim != theirs.ndim:
            raise TrainingError(
                f"hint: '{layers[0]}' gives {own.ndim} axes and the teacher's '{layers[1]}' {theirs.ndim}"
            )
        image = own.ndim == _IMAGE_RANK
        place = 1 if image else -1
        sizes = own.shape[place], theirs.shape[place]
        self.projection: nn.Module = nn.Conv2d(*sizes, 1) if image else nn.Linear(*sizes)

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        """See `compress.training.Objective.loss`."""
        assert self.teacher is not None  # noqa: S101 - by construction
        found: list[torch.Tensor] = []
        with _watched(module, self.layers[0], found):
            student = module(batch.inputs)
        with torch.no_grad():
            inputs = fitted(batch.full, self.teacher.blueprint.shape)
            theirs = _feature(self.teacher.module, self.layers[1], inputs)
        own = self.projection(found[0])
        if own.ndim == _IMAGE_RANK and own.shape[2:] != theirs.shape[2:]:
            theirs = functional.adaptive_avg_pool2d(theirs, own.shape[2:])
        return self._of(student, batch) + self.weight * functional.mse_loss(own, theirs)

    def parameters(self) -> Iterator[nn.Parameter]:
        """The projection's."""
        return self.projection.parameters()


class LayerWise(Hinton):
    """TinyBERT's four losses: attention scores, hidden states, embeddings and classes.

    Student layer k learns from teacher layer ``k N / n``; hidden states and embeddings go through a learned projection
    to the teacher's width. Both must be Transformer encoders of this project with the same number of heads.

    Args:
        teacher: must be there.
        student: only its shapes are looked at.
        temperature: see `Hinton`; the paper has 1.
        soft: see `Hinton`; the paper has 1.
    """

    def __init__(self, teacher: Net, student: Net, temperature: float = 1.0, soft: float = 1.0) -> None:
        """Map the layers."""
        super().__init__(teacher, temperature, soft)
        ours, theirs = len(student.module.blocks), len(teacher.module.blocks)
        if theirs % ours:
            raise TrainingError(
                f"{ours} layers cannot learn evenly from {theirs}: give a divisor of {theirs}"
            )
        self.layers: Sequence[int] = [(place + 1) * theirs // ours - 1 for place in range(ours)]
        widths = student.blueprint.shape[-1], teacher.blueprint.shape[-1]
        self.projection = nn.Linear(*widths, bias=False)

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        """See `compress.training.Objective.loss`."""
        assert self.teacher is not None  # noqa: S101 - by construction
        logits, states, scores = module.trace(batch.inputs)
        with torch.no_grad():
            taught, their_states, their_scores = self.teacher.module.trace(batch.full)
        loss = self._of(logits, Batch(batch.inputs, batch.full, batch.labels, taught))
        loss = loss + functional.mse_loss(self.projection(states[0]), their_states[0])
        for own, other in enumerate(self.layers):
            loss = loss + functional.mse_loss(self.projection(states[own + 1]), their_states[other + 1])
            loss = loss + functional.mse_loss(scores[own], their_scores[other])
        return loss

    def parameters(self) -> Iterator[nn.Parameter]:
        """The projection's."""
        return self.projection.parameters()


def _freeze(teacher: Net | None) -> None:
    if teacher is not None:
        teacher.module.eval().requires_grad_(requires_grad=False)


@torch.no_grad()
def _asked(teacher: Net, batch: Batch) -> torch.Tensor:
    answer: torch.Tensor = teacher.module(fitted(batch.full, teacher.blueprint.shape))
    return answer


def _feature(module: Any, path: str, inputs: torch.Tensor) -> torch.Tensor:
    found: list[torch.Tensor] = []
    training = module.training
    with torch.no_grad(), _watched(module.eval(), path, found):
        module(inputs)
    module.train(training)
    return found[0]


class _watched:  # noqa: N801 - used as a statement
    """Collects what a layer gives while the block runs."""

    def __init__(self, module: Any, path: str, found: list[torch.Tensor]) -> None:
        try:
            layer = module.get_submodule(path)
        except AttributeError as problem:
            names = ", ".join(name for name, _ in module.named_children())
            raise TrainingError(f"hint: there is no layer '{path}'; its first parts are {names}") from problem
        self._handle = layer.register_forward_hook(lambda _layer, _inputs, output: found.append(output))

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self._handle.remove()
