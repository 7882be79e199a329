"""VGG-11, VGG-16, VGG-19, and a small net in their style."""

from collections.abc import Sequence

import torch
from torch import nn

from architectures.nets.blocks import ConvUnit, Maps, PooledClassifier

_CHANNELS = (64, 128, 256, 512, 512)
_SMALL = (16, 16, 32, 32, 64, 64)
_DENSE = 4096


class VGG(nn.Module):
    """Stages of 3x3 convolutions, each closed by a max pool, and three dense layers.

    Args:
        shape: of one image: (channels, height, width); the first dense layer depends on it.
        classes: logits.
        convolutions: of each stage: (1, 1, 2, 2, 2) is configuration A, (2, 2, 3, 3, 3) is D, (2, 2, 4, 4, 4) is E
            (arXiv:1409.1556).
        width: multiplier of all channels and hidden neurons.
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, *, convolutions: Sequence[int], width: float = 1.0
    ) -> None:
        """Make the layers, with He's weights: with torch's usual ones nothing arrives behind so many layers."""
        super().__init__()
        maps, layers, hidden = Maps(*shape), [], round(_DENSE * width)
        for wide, count in zip(_CHANNELS, convolutions, strict=True):
            channels = round(wide * width)
            for _ in range(count):
                layers.append(ConvUnit(maps, channels, 3, norm=False, bias=True))
                maps = layers[-1].out
            layers.append(nn.MaxPool2d(2))
            maps = Maps(channels, maps.height // 2, maps.width // 2)
        self.features = nn.Sequential(*layers)
        self.dense = nn.Sequential(
            nn.Linear(maps.channels * maps.height * maps.width, hidden), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(0.5),
        )  # fmt: skip
        self.classifier = nn.Linear(hidden, classes)
        for each in self.modules():
            if isinstance(each, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(each.weight, nonlinearity="relu")
                nn.init.zeros_(each.bias)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes)."""
        return self.classifier(self.dense(self.features(image).flatten(1)))


def vgg_small(shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
    """Six convolutions with batch norms, pooled after the second and the fourth: 72,666 parameters at 1.0.

    Channels are rounded to whole numbers and not to multiples of 8, which would hardly narrow so small a net.
    """
    maps, layers = Maps(*shape), []
    for place, channels in enumerate(_SMALL):
        layers.append(ConvUnit(maps, max(1, round(channels * width)), 3))
        maps = layers[-1].out
        if place in (1, 3):
            layers.append(nn.MaxPool2d(2))
            maps = Maps(maps.channels, maps.height // 2, maps.width // 2)
    return PooledClassifier(nn.Sequential(*layers), maps, classes)
