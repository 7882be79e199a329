"""Layer lists of nets that `architectures` does not build, written down from their papers, to be counted only.

A test compares each with the count of a file where one is known (``prediction/data/ncnn_nets.csv``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution or, where ``height`` is 0, a dense layer of ``width`` rows.

    Attributes:
        into: channels that go in.
        out: channels that come out.
        kernel: its height.
        kernel_width: its width.
        groups: of channels.
        height: of the output, in pixels.
        width: of the output, in pixels.
    """

    into: int
    out: int
    kernel: int = 1
    kernel_width: int = 1
    groups: int = 1
    height: int = 0
    width: int = 1

    @property
    def params(self) -> int:
        """Weights and biases; a batch norm's shift counts as the bias."""
        return self.into // self.groups * self.out * self.kernel * self.kernel_width + self.out


@dataclass(frozen=True, slots=True)
class Sketch:
    """A net as a list of layers.

    Attributes:
        net: its name.
        source: where it is described.
        layers: gives its layers for a width and a size of input.
        alphas: widths to count; ``None`` where it has none.
        sizes: sizes of input to count.
        products: multiply-accumulates of activations with each other, by size.
        narrow: width of the input; 0 where it is as wide as high.
    """

    net: str
    source: str
    layers: Callable[[float | None, int], Iterator[Layer]]
    alphas: tuple[float | None, ...] = (None,)
    sizes: tuple[int, ...] = (224,)
    products: Callable[[int], int] = lambda _: 0
    narrow: int = 0


def conv(into: int, out: int, kernel: int, size: int, groups: int = 1) -> Layer:
    """A square convolution that gives maps of ``size``."""
    return Layer(into, out, kernel, kernel, groups, size, size)


# 1x1; 3x3 reduce, 3x3; 5x5 reduce, 5x5; pool's projection: table 1 of arXiv:1409.4842
_INCEPTIONS = (
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128),
    (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
)  # fmt: skip


def googlenet(_: float | None, size: int) -> Iterator[Layer]:
    """Inception V1."""
    yield conv(3, 64, 7, size // 2)
    yield conv(64, 64, 1, size // 4)
    yield conv(64, 192, 3, size // 4)
    channels = 192
    for index, (one, before3, three, before5, five, pool) in enumerate(_INCEPTIONS):
        side = size // 8 if index < 2 else size // 16 if index < 7 else size // 32  # noqa: PLR2004 - of the table
        yield conv(channels, one, 1, side)
        yield conv(channels, before3, 1, side)
        yield conv(before3, three, 3, side)
        yield conv(channels, before5, 1, side)
        yield conv(before5, five, 5, side)
        yield conv(channels, pool, 1, side)
        channels = one + three + five + pool
    yield Layer(channels, 1000)


# channels by stage, repeats: table 5 of arXiv:1807.11164
_SHUFFLES = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}


def shufflenet_v2(alpha: float | None, size: int) -> Iterator[Layer]:
    """ShuffleNet V2: half of the channels pass each unit by, but for the first of a stage."""
    *stages, last = _SHUFFLES[alpha or 1.0]
    yield conv(3, 24, 3, size // 2)
    into, side = 24, size // 4
    for channels, repeats in zip(stages, (4, 8, 4), strict=True):
        half = channels // 2
        yield conv(into, into, 3, side // 2, into)
        yield conv(into, half, 1, side // 2)
        yield conv(into, half, 1, side)
        yield conv(half, half, 3, side // 2, half)
        yield conv(half, half, 1, side // 2)
        side //= 2
        for _ in range(repeats - 1):
            yield conv(half, half, 1, side)
            yield conv(half, half, 3, side, half)
            yield conv(half, half, 1, side)
        into = channels
    yield conv(into, last, 1, side)
    yield Layer(last, 1000)


def regnet_y_400mf(_: float | None, size: int) -> Iterator[Layer]:
    """RegNetY-400MF of arXiv:2003.13678: group width 8, squeeze of a quarter of what goes in."""
    yield conv(3, 32, 3, size // 2)
    into, side = 32, size // 2
    for channels, repeats in ((48, 1), (104, 3), (208, 6), (440, 6)):
        for index in range(repeats):
            yield conv(into, channels, 1, side)
            side = side // 2 if index == 0 else side
            yield conv(channels, channels, 3, side, channels // 8)
            yield conv(channels, into // 4, 1, 1)
            yield conv(into // 4, channels, 1, 1)
            yield conv(channels, channels, 1, side)
            if index == 0:
                yield conv(into, channels, 1, side)
            into = channels
    yield Layer(into, 1000)


def vit_base(patch: int) -> Callable[[float | None, int], Iterator[Layer]]:
    """ViT-B of arXiv:2010.11929: twelve layers of width 768."""

    def layers(_: float | None, size: int) -> Iterator[Layer]:
        tokens = (size // patch) ** 2 + 1
        yield conv(3, 768, patch, size // patch)
        for _layer in range(12):
            yield Layer(768, 3 * 768, width=tokens)
            yield Layer(768, 768, width=tokens)
            yield Layer(768, 4 * 768, width=tokens)
            yield Layer(4 * 768, 768, width=tokens)
        yield Layer(768, 1000)

    return layers


def attention(patch: int) -> Callable[[int], int]:
    """Products of queries and keys, and of their scores and values, in twelve layers of width 768."""
    return lambda size: 12 * 2 * 768 * ((size // patch) ** 2 + 1) ** 2


def autoencoder(_: float | None, __: int) -> Iterator[Layer]:
    """MLPerf Tiny's detector of anomalies: dense layers around a bottleneck."""
    widths = (640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640)
    for into, out in pairwise(widths):
        yield Layer(into, out)


def ds_cnn_keywords(_: float | None, __: int) -> Iterator[Layer]:
    """MLPerf Tiny's keyword spotter: 49 frames of 10 features."""
    height, width = 25, 5
    yield Layer(1, 64, 10, 4, 1, height, width)
    for _block in range(4):
        yield Layer(64, 64, 3, 3, 64, height, width)
        yield Layer(64, 64, 1, 1, 1, height, width)
    yield Layer(64, 12)


SKETCHES = (
    Sketch("fc-autoencoder", "MLPerf Tiny, arXiv:2106.07597, section 4", autoencoder, sizes=(640,)),
    Sketch("ds-cnn-kws", "MLPerf Tiny, arXiv:2106.07597, section 4", ds_cnn_keywords, sizes=(49,), narrow=10),
    Sketch("inception-v1", "arXiv:1409.4842, table 1", googlenet),
    Sketch("shufflenet-v2", "arXiv:1807.11164, table 5", shufflenet_v2, tuple(_SHUFFLES)),
    Sketch("regnet-y-400mf", "arXiv:2003.13678", regnet_y_400mf),
    Sketch(
        "vit-base-patch32", "arXiv:2010.11929, table 1", vit_base(32), sizes=(384,), products=attention(32)
    ),
    Sketch("vit-base-patch16", "arXiv:2010.11929, table 1", vit_base(16), products=attention(16)),
)
