"""EfficientNet-Lite 0 to 4: without squeeze-and-excite, with ReLU6, stem and head not scaled."""

import math
from functools import partial

from torch import nn

from architectures.nets.blocks import ConvUnit, Maker, Maps, PooledClassifier, grow
from architectures.nets.mobilenet import Row, residuals

# table 1 of arXiv:1905.11946 (B0)
_ROWS = (
    Row(1, 16, 1, 1), Row(6, 24, 2, 2), Row(6, 40, 2, 2, 5), Row(6, 80, 3, 2), Row(6, 112, 3, 1, 5),
    Row(6, 192, 4, 2, 5), Row(6, 320, 1, 1),
)  # fmt: skip


def efficientnet_lite(
    shape: tuple[int, int, int], classes: int, *, wider: float, deeper: float, dropout: float
) -> nn.Module:
    """Lite0 has 4,652,008 parameters.

    Args:
        shape: of one image: (channels, height, width).
        classes: logits.
        wider: multiplier of channels.
        deeper: multiplier of repeats; the first and the last row are not repeated more often.
        dropout: before the classifier.
    """
    rows = [
        row if row in (_ROWS[0], _ROWS[-1]) else row._replace(repeats=math.ceil(row.repeats * deeper))
        for row in _ROWS
    ]
    makers: list[Maker] = [
        partial(ConvUnit, channels=32, kernel=3, stride=2, activation=nn.ReLU6),
        *residuals(rows, wider, nn.ReLU6),
        partial(ConvUnit, channels=1280, activation=nn.ReLU6),
    ]
    return PooledClassifier(*grow(Maps(*shape), makers), classes, dropout=dropout)
