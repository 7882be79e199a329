"""ResNets: of ImageNet (18, 34, 50) and of CIFAR-10 (8, 20, 32, 56), where MLPerf Tiny's is the one with 8 layers.

They pad evenly, as the authors' Caffe nets: where a shortcut reads the same maps, a padding layer of its own would cost
two transposes in TFLite and save nothing.
"""

import math
from functools import partial

import torch
from torch import nn

from architectures.nets.blocks import ConvUnit, Maker, Maps, PooledClassifier, grow

# blocks a stage, and whether blocks are bottlenecks: table 1 of arXiv:1512.03385
_STAGES = {18: ((2, 2, 2, 2), False), 34: ((3, 4, 6, 3), False), 50: ((3, 4, 6, 3), True)}
_BOTTLENECK = 4


class Residual(nn.Module):
    """Convolutions beside a shortcut, which projects where shapes differ (He et al. 2015).

    Args:
        maps: what comes in.
        channels: of the 3x3 convolutions.
        stride: of the first 3x3 convolution, and of the projection.
        bottleneck: a 3x3 convolution between two 1x1, the last with 4 times the channels, and not two 3x3.
        plain_projection: the projection has a bias and no norm, and the other convolutions have both.
    """

    def __init__(
        self,
        maps: Maps,
        channels: int,
        *,
        stride: int = 1,
        bottleneck: bool = False,
        plain_projection: bool = False,
    ) -> None:
        """Make the layers."""
        super().__init__()
        unit = partial(ConvUnit, bias=plain_projection, even=True)
        makers = [
            partial(unit, channels=channels, kernel=3, stride=stride),
            partial(unit, channels=channels, kernel=3, activation=None),
        ]
        if bottleneck:
            makers = [
                partial(unit, channels=channels),
                partial(unit, channels=channels, kernel=3, stride=stride),
                partial(unit, channels=_BOTTLENECK * channels, activation=None),
            ]
        self.body, self.out = grow(maps, makers)
        self.shortcut: nn.Module = nn.Identity()
        if self.out != maps:
            self.shortcut = ConvUnit(
                maps, self.out.channels, stride=stride, activation=None,
                norm=not plain_projection, bias=plain_projection, even=True,
            )  # fmt: skip

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Give (N, channels, ceil(H / stride), ceil(W / stride)); bottlenecks 4 times the channels."""
        return torch.relu(self.body(maps) + self.shortcut(maps))


class MaxPool(nn.MaxPool2d):
    """3x3 with stride 2; rounding up, which the authors' Caffe nets do, needs no padding."""

    def __init__(self, maps: Maps) -> None:
        """Make the layer."""
        super().__init__(3, 2, ceil_mode=True)
        self.out = Maps(maps.channels, *(math.ceil((each - 1) / 2) for each in (maps.height, maps.width)))


def cifar(shape: tuple[int, int, int], classes: int, *, depth: int) -> nn.Module:
    """6n + 2 layers of 16, 32 and 64 channels; depth 8 is MLPerf Tiny's net, 12.5 M MACs at 32.

    Convolutions have biases and projections no norm, as in ``resnet_v1_eembc`` of mlcommons/tiny; Keras counts 78,666
    numbers in depth 8, running statistics included.
    """
    makers: list[Maker] = [partial(ConvUnit, channels=16, kernel=3, bias=True, even=True)]
    for channels in (16, 32, 64):
        for place in range((depth - 2) // 6):
            stride = 2 if place == 0 and channels > 16 else 1  # noqa: PLR2004 - the first stage keeps the size
            makers.append(partial(Residual, channels=channels, stride=stride, plain_projection=True))
    return PooledClassifier(*grow(Maps(*shape), makers), classes)


def imagenet(shape: tuple[int, int, int], classes: int, *, depth: int) -> nn.Module:
    """Depth 18 has 11,689,512 parameters and 1.81 G MACs at 224; strides of bottlenecks are in their 3x3 (V1.5)."""
    repeats, bottleneck = _STAGES[depth]
    makers: list[Maker] = [partial(ConvUnit, channels=64, kernel=7, stride=2, even=True), MaxPool]
    for stage, count in enumerate(repeats):
        makers += [
            partial(
                Residual,
                channels=64 * 2**stage,
                stride=2 if stage and place == 0 else 1,
                bottleneck=bottleneck,
            )
            for place in range(count)
        ]
    return PooledClassifier(*grow(Maps(*shape), makers), classes)
