"""Samples in memory, as training wants them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""Changes a stored batch at random: (N, *stored shape) to the same shape and type."""

_IMAGE_RANK = 4
_EVALUATION_BATCH = 256


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of training looks at.

    Attributes:
        inputs: for the net, float32, (N, *shape).
        full: the same samples as they are stored: a teacher may want them larger.
        labels: int64, (N,).
        soft: logits of a teacher, (N, classes); ``None`` where there are none.
    """

    inputs: torch.Tensor
    full: torch.Tensor
    labels: torch.Tensor
    soft: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Inputs with their labels.

    Attributes:
        inputs: (N, *stored shape), float32 or uint8.
        labels: int64, (N,).
        shape: of one input of the net; images stored larger are made smaller.
        scale: factor of stored values: ``value = (stored * scale - mean) / std``.
        mean: one number a channel (axis 1), or none.
        std: one number a channel (axis 1), or none.
        augment: of a training batch; ``None`` for none.
        soft: logits of a teacher for each sample, (N, classes); ``None`` where there are none.
    """

    inputs: torch.Tensor
    labels: torch.Tensor
    shape: tuple[int, ...]
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    augment: Augment | None = None
    soft: torch.Tensor | None = None

    def __len__(self) -> int:
        """How many."""
        return len(self.labels)

    def training_batches(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """All samples once, in random order, augmented; a last batch of one is left out: it has no statistics."""
        order = torch.randperm(len(self), generator=generator)
        for places in order.split(size):
            if len(places) > 1 or len(self) == 1:
                stored = self.inputs[places]
                if self.augment is not None:
                    stored = self.augment(stored, generator)
                yield self._batch(stored, places)

    def batches(self, size: int = _EVALUATION_BATCH) -> Iterator[Batch]:
        """All samples in their order, as they are."""
        for places in torch.arange(len(self)).split(size):
            yield self._batch(self.inputs[places], places)

    def first(self, count: int) -> "Samples":
        """The first ``count`` of them."""
        return self.take(torch.arange(min(count, len(self))))

    def take(self, places: torch.Tensor) -> "Samples":
        """The samples at these places, in this order."""
        soft = None if self.soft is None else self.soft[places]
        return replace(self, inputs=self.inputs[places], labels=self.labels[places], soft=soft)

    def sized(self, shape: tuple[int, ...]) -> "Samples":
        """The same samples for a net of another input."""
        return replace(self, shape=shape)

    def _batch(self, stored: torch.Tensor, places: torch.Tensor) -> Batch:
        full = self._scaled(stored)
        soft = None if self.soft is None else self.soft[places]
        return Batch(fitted(full, self.shape), full, self.labels[places], soft)

    def _scaled(self, stored: torch.Tensor) -> torch.Tensor:
        values = stored.float()
        rest = [1] * (values.ndim - 2)
        if self.scale != 1.0:
            values = values * self.scale
        if self.mean:
            values = values - torch.tensor(self.mean).reshape(1, -1, *rest)
        if self.std:
            values = values / torch.tensor(self.std).reshape(1, -1, *rest)
        return values


def fitted(images: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Images of the height and width that a net wants; whatever has them already stays as it is."""
    if images.shape[1:] == shape or images.ndim != _IMAGE_RANK:
        return images
    return functional.interpolate(images, shape[1:], mode="bilinear", antialias=True, align_corners=False)
