"""MobileNet V3, small and large, whole and minimalistic."""
# ruff: noqa: FBT003 - rows of a table

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from architectures.nets.blocks import ConvUnit, InvertedResidual, Maker, Maps, divisible, grow


class Row(NamedTuple):
    """A row of the paper's tables 1 and 2 (arXiv:1905.02244); ``expanded`` belongs to width 1."""

    kernel: int
    expanded: int
    channels: int
    squeezes: bool
    swishes: bool
    stride: int


_FIRST = 16
_LARGE = (
    Row(3, 16, 16, False, False, 1), Row(3, 64, 24, False, False, 2), Row(3, 72, 24, False, False, 1),
    Row(5, 72, 40, True, False, 2), Row(5, 120, 40, True, False, 1), Row(5, 120, 40, True, False, 1),
    Row(3, 240, 80, False, True, 2), Row(3, 200, 80, False, True, 1), Row(3, 184, 80, False, True, 1),
    Row(3, 184, 80, False, True, 1), Row(3, 480, 112, True, True, 1), Row(3, 672, 112, True, True, 1),
    Row(5, 672, 160, True, True, 2), Row(5, 960, 160, True, True, 1), Row(5, 960, 160, True, True, 1),
)  # fmt: skip
_SMALL = (
    Row(3, 16, 16, True, False, 2), Row(3, 72, 24, False, False, 2), Row(3, 88, 24, False, False, 1),
    Row(5, 96, 40, True, True, 2), Row(5, 240, 40, True, True, 1), Row(5, 240, 40, True, True, 1),
    Row(5, 120, 48, True, True, 1), Row(5, 144, 48, True, True, 1), Row(5, 288, 96, True, True, 2),
    Row(5, 576, 96, True, True, 1), Row(5, 576, 96, True, True, 1),
)  # fmt: skip


class MobileNetV3(nn.Module):
    """Inverted residuals, the mean, two dense layers.

    Args:
        shape: of one image: (channels, height, width).
        classes: logits.
        width: multiplier of channels; the dense layer is not narrowed below 1, as in the authors' code.
        rows: see `Row`.
        dense: features of the first dense layer at width 1.
        minimalistic: without squeeze-and-excite, hard swish and 5x5 kernels, for GPUs and DSPs.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        width: float,
        rows: Sequence[Row],
        dense: int,
        *,
        minimalistic: bool,
    ) -> None:
        """Make the layers."""
        super().__init__()
        swish: type[nn.Module] = nn.ReLU if minimalistic else nn.Hardswish
        makers: list[Maker] = [
            partial(ConvUnit, channels=divisible(_FIRST * width), kernel=3, stride=2, activation=swish)
        ]
        before = _FIRST
        for row in rows:
            makers.append(
                partial(
                    InvertedResidual,
                    channels=divisible(row.channels * width),
                    expansion=row.expanded / before,
                    kernel=3 if minimalistic else row.kernel,
                    stride=row.stride,
                    squeezes=row.squeezes and not minimalistic,
                    activation=swish if row.swishes else nn.ReLU,
                )
            )
            before = row.channels
        makers.append(lambda maps: ConvUnit(maps, 6 * maps.channels, activation=swish))
        self.features, maps = grow(Maps(*shape), makers)
        self.pool = nn.AvgPool2d((maps.height, maps.width))
        self.dense = nn.Linear(maps.channels, divisible(dense * max(1.0, width)))
        self.activation, self.dropout = swish(), nn.Dropout(0.2)
        self.classifier = nn.Linear(self.dense.out_features, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes)."""
        means = self.pool(self.features(image)).flatten(1)
        return self.classifier(self.dropout(self.activation(self.dense(means))))


def large(
    shape: tuple[int, int, int], classes: int, width: float, *, minimalistic: bool = False
) -> nn.Module:
    """5,483,032 parameters and 217 M MACs at 1.0 and 224."""
    return MobileNetV3(shape, classes, width, _LARGE, 1280, minimalistic=minimalistic)


def small(
    shape: tuple[int, int, int], classes: int, width: float, *, minimalistic: bool = False
) -> nn.Module:
    """2,542,856 parameters and 56 M MACs at 1.0 and 224."""
    return MobileNetV3(shape, classes, width, _SMALL, 1024, minimalistic=minimalistic)
