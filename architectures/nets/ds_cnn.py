"""DS-CNN, the keyword spotter of MLPerf Tiny."""

from functools import partial

from torch import nn

from architectures.nets.blocks import ConvUnit, Maker, Maps, PooledClassifier, Separable, grow

_SEPARABLE = 4


def ds_cnn(shape: tuple[int, int, int], classes: int, width: int) -> nn.Module:
    """A 10x4 convolution, four separable ones, the mean: 64 channels have 2.66 M MACs for 49x10 features.

    With 64 channels Keras counts 24,908 numbers, running statistics included: convolutions have biases beside their
    norms', as in ``keras_model.py`` of mlcommons/tiny, keyword_spotting.
    """
    makers: list[Maker] = [
        partial(ConvUnit, channels=width, kernel=(10, 4), stride=2, bias=True),
        *[partial(Separable, channels=width, activation=nn.ReLU, last=nn.ReLU, bias=True)] * _SEPARABLE,
    ]
    return PooledClassifier(*grow(Maps(*shape), makers), classes, dropout=0.4)
