"""SqueezeNet 1.0 and 1.1."""

import torch
from torch import nn

_FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
# stem: channels, kernel; numbers of the fires that a pool stands before
_STEMS = {"1.0": (96, 7), "1.1": (64, 3)}
_POOLS = {"1.0": (0, 3, 7), "1.1": (0, 2, 4)}


class Fire(nn.Module):
    """Squeeze to few channels, expand by 1x1 and 3x3 convolutions side by side (arXiv:1602.07360)."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        """Make the three convolutions; the output has twice ``expanded`` channels."""
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.one = nn.Conv2d(squeezed, expanded, 1)
        self.three = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Give (N, 2 * expanded, H, W)."""
        squeezed = torch.relu(self.squeeze(maps))
        return torch.cat([torch.relu(self.one(squeezed)), torch.relu(self.three(squeezed))], 1)


class SqueezeNet(nn.Module):
    """Fires, and a convolution to classes whose maps are averaged.

    Args:
        shape: of one image: (channels, height, width).
        classes: logits.
        version: "1.0" or "1.1" (forresti/SqueezeNet), which has the same accuracy at 2.4 times fewer MACs.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, *, version: str) -> None:
        """Make the layers; pools round up and the stem does not pad, as in the authors' Caffe nets."""
        super().__init__()
        channels, kernel = _STEMS[version]
        layers: list[nn.Module] = [nn.Conv2d(shape[0], channels, kernel, 2), nn.ReLU()]
        for place, (squeezed, expanded) in enumerate(_FIRES):
            if place in _POOLS[version]:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            layers.append(Fire(channels, squeezed, expanded))
            channels = 2 * expanded
        self.features, self.dropout = nn.Sequential(*layers), nn.Dropout(0.5)
        self.classifier = nn.Conv2d(channels, classes, 1)
        for each in self.modules():
            if isinstance(each, nn.Conv2d):
                nn.init.kaiming_normal_(each.weight, nonlinearity="relu")
                nn.init.zeros_(each.bias)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes), none below 0."""
        return torch.relu(self.classifier(self.dropout(self.features(image)))).mean((2, 3))
