"""MobileNet V1 and V2."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from torch import nn

from architectures.nets.blocks import (
    ConvUnit,
    InvertedResidual,
    Maker,
    Maps,
    PooledClassifier,
    Separable,
    divisible,
    grow,
)


class Row(NamedTuple):
    """A row of the papers' tables: ``repeats`` inverted residuals, the first with ``stride``."""

    expansion: int
    channels: int
    repeats: int
    stride: int
    kernel: int = 3


# channels, stride: table 1 of arXiv:1704.04861
_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
# table 2 of arXiv:1801.04381
_V2 = (
    Row(1, 16, 1, 1), Row(6, 24, 2, 2), Row(6, 32, 3, 2), Row(6, 64, 4, 2), Row(6, 96, 3, 1), Row(6, 160, 3, 2),
    Row(6, 320, 1, 1),
)  # fmt: skip
_LAST = 1280


def mobilenet_v1(shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
    """Thirteen separable convolutions: 4,231,976 parameters and 569 M MACs at 1.0 and 224."""
    makers: list[Maker] = [
        partial(ConvUnit, channels=divisible(32 * width), kernel=3, stride=2, activation=nn.ReLU6)
    ]
    makers += [
        partial(Separable, channels=divisible(channels * width), stride=stride) for channels, stride in _V1
    ]
    return PooledClassifier(*grow(Maps(*shape), makers), classes, dropout=0.001)


def mobilenet_v2(shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
    """Seventeen inverted residuals: 3,504,872 parameters and 301 M MACs at 1.0 and 224.

    The last convolution is not narrowed with widths below 1, as in the authors' code.
    """
    last = partial(ConvUnit, channels=divisible(_LAST * max(1.0, width)), activation=nn.ReLU6)
    return PooledClassifier(*grow(Maps(*shape), [*trunk_v2(width), last]), classes, dropout=0.2)


def trunk_v2(width: float, output_stride: int = 32) -> list[Maker]:
    """MobileNet V2 up to its last inverted residual, for `grow`.

    Args:
        width: multiplier of channels.
        output_stride: of the whole trunk; below 32, late strides become dilations (Chen et al. 2017).
    """
    first = partial(ConvUnit, channels=divisible(32 * width), kernel=3, stride=2, activation=nn.ReLU6)
    return [first, *residuals(_V2, width, nn.ReLU6, output_stride)]


def residuals(
    rows: Sequence[Row], width: float, activation: type[nn.Module], output_stride: int = 32
) -> list[Maker]:
    """The inverted residuals of a table, for `grow`; the maps before them are half the image's size."""
    makers: list[Maker] = []
    reached, dilation = 2, 1
    for row in rows:
        for repeat in range(row.repeats):
            stride = row.stride if repeat == 0 else 1
            after = dilation
            if reached * stride > output_stride:
                stride, after = 1, dilation * stride
            reached *= stride
            makers.append(
                partial(
                    InvertedResidual,
                    channels=divisible(row.channels * width),
                    expansion=row.expansion,
                    kernel=row.kernel,
                    stride=stride,
                    dilation=dilation,
                    activation=activation,
                )
            )
            dilation = after
    return makers
