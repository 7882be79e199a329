"""DeepLab V3 over MobileNet V2 with output stride 16, a segmenter (Mobile DeepLab V3 of arXiv:1801.04381)."""

from functools import partial

import torch
from torch import nn

from architectures.nets.blocks import ConvUnit, Maps, grow
from architectures.nets.mobilenet import trunk_v2

OUTPUT_STRIDE = 16
_RATES = (6, 12, 18)  # of output stride 16: arXiv:1706.05587
_PYRAMID = 256


class DeepLab(nn.Module):
    """Atrous trunk, atrous pyramid, one logit a class and pixel.

    Args:
        shape: of one image: (channels, height, width).
        classes: logits a pixel.
        width: multiplier of the trunk.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, width: float) -> None:
        """Make trunk, pyramid and head."""
        super().__init__()
        self.size = shape[1:]
        self.trunk, maps = grow(Maps(*shape), trunk_v2(width, OUTPUT_STRIDE))
        self.map_size = (maps.height, maps.width)
        branch = partial(ConvUnit, maps, _PYRAMID)
        self.branches = nn.ModuleList([branch(), *(branch(3, dilation=rate) for rate in _RATES)])
        self.image = ConvUnit(Maps(maps.channels, 1, 1), _PYRAMID)
        joined = Maps(_PYRAMID * (len(self.branches) + 1), *self.map_size)
        self.merge = ConvUnit(joined, _PYRAMID)
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Conv2d(_PYRAMID, classes, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes, H, W)."""
        maps = self.trunk(image)
        whole = self.image(maps.mean((2, 3), keepdim=True))
        whole = nn.functional.interpolate(whole, self.map_size, mode="bilinear", align_corners=False)
        merged = self.merge(torch.cat([*(branch(maps) for branch in self.branches), whole], 1))
        logits = self.classifier(self.dropout(merged))
        return nn.functional.interpolate(logits, self.size, mode="bilinear", align_corners=False)
