"""Samples in memory, as training wants them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

Augment = Callable[[torch.Tensor, torch.Tensor, torch.Generator], torch.Tensor]
"""Changes a stored batch, (N, *stored shape), to the same shape and type; told its places among the samples, and where
chances come from."""

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

    With several views every input stands for as many samples: its place, then its place in the second view, and so on.

    Attributes:
        inputs: (N, *stored shape), float32 or uint8.
        labels: int64, (N,).
        shape: of one input of the net; images stored larger are made smaller.
        scale: factor of stored values: ``value = (stored * scale - mean) / std``.
        mean: one number a channel (axis 1), or none.
        std: one number a channel (axis 1), or none.
        augment: of a training batch; ``None`` for none.
        soft: logits of a teacher for each sample, (views N, classes); ``None`` where there are none.
        views: how often an input is a sample, each time changed in another way by ``augment``.
    """

    inputs: torch.Tensor
    labels: torch.Tensor
    shape: tuple[int, ...]
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    augment: Augment | None = None
    soft: torch.Tensor | None = None
    views: int = 1

    def __len__(self) -> int:
        """How many samples."""
        return self.views * len(self.labels)

    def training_batches(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """All samples once, in random order, augmented; a last batch of one is left out: it has no statistics."""
        order = torch.randperm(len(self), generator=generator)
        for places in order.split(size):
            if len(places) > 1 or len(self) == 1:
                yield self._augmented(places, generator)

    def batches(self, size: int = _EVALUATION_BATCH) -> Iterator[Batch]:
        """All inputs in their order, as they are."""
        for places in torch.arange(len(self.labels)).split(size):
            yield self._batch(self.inputs[places], places)

    def views_in_order(self, size: int = _EVALUATION_BATCH) -> Iterator[Batch]:
        """All samples in their order, augmented, where that depends on their places alone."""
        for places in torch.arange(len(self)).split(size):
            yield self._augmented(places, torch.Generator().manual_seed(0))

    def first(self, count: int) -> "Samples":
        """The first ``count`` of them."""
        return self.take(torch.arange(min(count, len(self.labels))))

    def take(self, places: torch.Tensor) -> "Samples":
        """The inputs at these places, in this order; of several views only the inputs themselves are left."""
        few = replace(self, inputs=self.inputs[places], labels=self.labels[places], views=1)
        if self.views > 1:
            return replace(few, augment=None, soft=None)
        return replace(few, soft=None if self.soft is None else self.soft[places])

    def sized(self, shape: tuple[int, ...]) -> "Samples":
        """The same samples for a net of another input."""
        return replace(self, shape=shape)

    def _augmented(self, places: torch.Tensor, generator: torch.Generator) -> Batch:
        stored = self.inputs[places % len(self.labels)]
        if self.augment is not None:
            stored = self.augment(stored, places, generator)
        return self._batch(stored, places)

    def _batch(self, stored: torch.Tensor, places: torch.Tensor) -> Batch:
        full = self._scaled(stored)
        soft = None if self.soft is None else self.soft[places]
        return Batch(fitted(full, self.shape), full, self.labels[places % len(self.labels)], soft)

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
