"""What several families are built of.

A block takes the `Maps` that reach it, and says in ``out`` what leaves it; `grow` puts blocks in a row. So paddings are
known when a net is built, and names of weights do not depend on the resolution.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

DIVISOR = 8
EPSILON = 1e-3
"""Of batch norms: what the TensorFlow code of the mobile nets uses, whose weights are read here."""

_LEAST_SHARE = 0.9
_SQUEEZE = 4

Activation = type[nn.Module] | None

# What keeps the variance of small signals: rectifiers pass half of it, hard swish a quarter.
_GAINS: dict[Activation, float] = {
    None: 1.0,
    nn.ReLU: math.sqrt(2),
    nn.ReLU6: math.sqrt(2),
    nn.Hardswish: 2.0,
}


@dataclass(frozen=True, slots=True)
class Maps:
    """Feature maps of one example.

    Attributes:
        channels: how many.
        height: in pixels, or time steps.
        width: in pixels, or features.
    """

    channels: int
    height: int
    width: int

    def __post_init__(self) -> None:
        """Refuse maps of nothing: a layer before has shrunk them away."""
        if min(self.channels, self.height, self.width) < 1:
            raise ValueError(f"a layer leaves {self.channels} maps of {self.height}x{self.width}")


def divisible(channels: float, divisor: int = DIVISOR) -> int:
    """Round to a multiple of ``divisor``, at least one, never below 90 % of ``channels``.

    Source: ``_make_divisible`` of tensorflow/models, research/slim/nets/mobilenet.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < _LEAST_SHARE * channels else rounded


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros before and after an axis that leave ceil(size / stride) places, the odd one after.

    Source: TensorFlow's definition of SAME padding.
    """
    reach = dilation * (kernel - 1) + 1
    total = max(0, (math.ceil(size / stride) - 1) * stride + reach - size)
    return total // 2, total - total // 2


Maker = Callable[[Maps], Any]
"""Makes a block, which has ``out``, for the maps that reach it."""


def grow(maps: Maps, makers: Iterable[Maker]) -> tuple[nn.Sequential, Maps]:
    """Put blocks in a row; each maker gets the maps that the block before leaves."""
    blocks = []
    for make in makers:
        blocks.append(make(maps))
        maps = blocks[-1].out
    return nn.Sequential(*blocks), maps


class ConvUnit(nn.Module):
    """Padding, convolution, batch norm, activation.

    Weights start with a variance that keeps the signal's (He et al. 2015, fan in): an untrained net tells inputs apart.
    With fan out, signals die in depthwise layers, logits are constant and every parity check passes.

    Args:
        maps: what comes in.
        channels: that go out.
        kernel: height and width, or one number for both.
        stride: of both axes.
        groups: of channels.
        dilation: of both axes.
        activation: class of it; ``None`` for none.
        norm: whether a batch norm follows.
        bias: whether the convolution has one beside the norm's.
        even: pad as much before as after, as Caffe and torch do, and not as TensorFlow.
    """

    def __init__(  # noqa: PLR0913 - a convolution has that many facts
        self,
        maps: Maps,
        channels: int,
        kernel: int | tuple[int, int] = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        activation: Activation = nn.ReLU,
        norm: bool = True,
        bias: bool = False,
        even: bool = False,
    ) -> None:
        """Make the layers; what is left out is an identity."""
        super().__init__()
        size = (kernel, kernel) if isinstance(kernel, int) else kernel
        rows = same_padding(maps.height, size[0], stride, dilation)
        columns = same_padding(maps.width, size[1], stride, dilation)
        if even:
            rows, columns = ((dilation * (each // 2),) * 2 for each in size)
        even = rows[0] == rows[1] and columns[0] == columns[1]
        self.pad = nn.Identity() if even else nn.ZeroPad2d((*columns, *rows))
        padding = (rows[0], columns[0]) if even else 0
        self.conv = nn.Conv2d(maps.channels, channels, size, stride, padding, dilation, groups, bias=bias)
        self.norm = nn.BatchNorm2d(channels, eps=EPSILON) if norm else nn.Identity()
        self.activation = nn.Identity() if activation is None else activation()
        self.out = Maps(channels, math.ceil(maps.height / stride), math.ceil(maps.width / stride))
        nn.init.normal_(self.conv.weight, std=_GAINS[activation] / math.sqrt(self.conv.weight[0].numel()))
        if bias:
            nn.init.zeros_(self.conv.bias)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Give (N, channels, ceil(H / stride), ceil(W / stride))."""
        return self.activation(self.norm(self.conv(self.pad(maps))))


class Separable(nn.Module):
    """A depthwise 3x3 convolution and a pointwise one (Howard et al. 2017).

    Args:
        maps: what comes in.
        channels: that go out.
        stride: of the depthwise convolution.
        activation: after the depthwise convolution.
        last: activation after the pointwise one.
        bias: whether the convolutions have biases beside their norms'.
    """

    def __init__(
        self,
        maps: Maps,
        channels: int,
        *,
        stride: int = 1,
        activation: Activation = nn.ReLU6,
        last: Activation = nn.ReLU6,
        bias: bool = False,
    ) -> None:
        """Make the layers."""
        super().__init__()
        self.depthwise = ConvUnit(
            maps, maps.channels, 3, stride=stride, groups=maps.channels, activation=activation, bias=bias
        )
        self.pointwise = ConvUnit(self.depthwise.out, channels, activation=last, bias=bias)
        self.out = self.pointwise.out

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Give (N, channels, ceil(H / stride), ceil(W / stride))."""
        return self.pointwise(self.depthwise(maps))


class SqueezeExcite(nn.Module):
    """Channels weighted by what their means say (Hu et al. 2017, with MobileNet V3's hard sigmoid and quarter)."""

    def __init__(self, channels: int) -> None:
        """Make the two dense layers, as 1x1 convolutions."""
        super().__init__()
        squeezed = divisible(channels / _SQUEEZE)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.expand = nn.Conv2d(squeezed, channels, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Scale (N, C, H, W) by weights of shape (N, C, 1, 1)."""
        weights = torch.relu(self.reduce(maps.mean((2, 3), keepdim=True)))
        return maps * nn.functional.hardsigmoid(self.expand(weights))


class InvertedResidual(nn.Module):
    """Expand, depthwise, project; added to its input where shapes allow (Sandler et al. 2018).

    Args:
        maps: what comes in.
        channels: that go out.
        expansion: channels between, over channels in; 1 leaves the expansion out.
        kernel: of the depthwise convolution.
        stride: of the depthwise convolution.
        dilation: of the depthwise convolution.
        squeezes: whether squeeze-and-excite stands before the projection.
        activation: after the expansion and the depthwise convolution.
    """

    def __init__(  # noqa: PLR0913 - a row of the papers' tables
        self,
        maps: Maps,
        channels: int,
        *,
        expansion: float,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        squeezes: bool = False,
        activation: type[nn.Module] = nn.ReLU6,
    ) -> None:
        """Make the layers; what is left out is an identity."""
        super().__init__()
        expanded, between = maps.channels, maps
        self.expand: nn.Module = nn.Identity()
        if expansion != 1:
            expanded = divisible(maps.channels * expansion)
            self.expand = ConvUnit(maps, expanded, activation=activation)
            between = self.expand.out
        self.depthwise = ConvUnit(
            between,
            expanded,
            kernel,
            stride=stride,
            groups=expanded,
            dilation=dilation,
            activation=activation,
        )
        self.squeeze = SqueezeExcite(expanded) if squeezes else nn.Identity()
        self.project = ConvUnit(self.depthwise.out, channels, activation=None)
        self.out = self.project.out
        self.adds = self.out == maps

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Give (N, channels, ceil(H / stride), ceil(W / stride))."""
        found = self.project(self.squeeze(self.depthwise(self.expand(maps))))
        return maps + found if self.adds else found


class PooledClassifier(nn.Module):
    """Features, their mean over the whole map, one dense layer.

    The mean is an average pool with a fixed window, which microcontrollers' runtimes have.

    Args:
        features: the trunk.
        maps: what the trunk leaves.
        classes: logits.
        dropout: share of the means dropped in training.
    """

    def __init__(self, features: nn.Module, maps: Maps, classes: int, *, dropout: float = 0.0) -> None:
        """Make the head."""
        super().__init__()
        self.features = features
        self.pool = nn.AvgPool2d((maps.height, maps.width))
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(maps.channels, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes)."""
        return self.classifier(self.dropout(self.pool(self.features(image)).flatten(1)))
