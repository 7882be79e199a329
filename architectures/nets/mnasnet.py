"""MnasNet-B1, the one without squeeze-and-excite."""

from functools import partial

from torch import nn

from architectures.nets.blocks import ConvUnit, Maker, Maps, PooledClassifier, Separable, divisible, grow
from architectures.nets.mobilenet import Row, residuals

# ``mnasnet_b1`` of tensorflow/tpu, models/official/mnasnet
_ROWS = (
    Row(3, 24, 3, 2), Row(3, 40, 3, 2, 5), Row(6, 80, 3, 2, 5), Row(6, 96, 2, 1), Row(6, 192, 4, 2, 5),
    Row(6, 320, 1, 1),
)  # fmt: skip


def mnasnet(shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
    """4,383,312 parameters and 314 M MACs at 1.0 and 224."""
    makers: list[Maker] = [
        partial(ConvUnit, channels=divisible(32 * width), kernel=3, stride=2),
        partial(Separable, channels=divisible(16 * width), activation=nn.ReLU, last=None),
        *residuals(_ROWS, width, nn.ReLU),
        partial(ConvUnit, channels=1280),
    ]
    return PooledClassifier(*grow(Maps(*shape), makers), classes, dropout=0.2)
