"""The table of families: data, read by `catalogue`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers that a name may say.

    Attributes:
        usual: the one that is meant where a name says none.
        least: the smallest.
        largest: the largest.
        whole: whether fractions make no sense.
        step: what a whole number must be a multiple of.
    """

    usual: float
    least: float
    largest: float
    whole: bool = True
    step: int = 1

    def holds(self, number: float) -> bool:
        """Whether ``number`` is one of them."""
        return self.least <= number <= self.largest and (not self.whole or number % self.step == 0)

    def __str__(self) -> str:
        """Render as a phrase."""
        kind = (
            "a number"
            if not self.whole
            else "a whole number"
            if self.step == 1
            else f"a multiple of {self.step}"
        )
        return f"{kind} from {self.least:g} to {self.largest:g}"


@dataclass(frozen=True, slots=True)
class Family:
    """What is known of a family.

    Attributes:
        builder: ``module:function`` under ``architectures.nets``.
        shape: of one example without its batch: (channels, height, width), (channels, time, features) or
            (tokens, features).
        classes: outputs of its head, as published.
        about: one line.
        paper: where it is described.
        width: multipliers, or counts of channels or layers, that it takes; ``None`` where it has no width.
        size: heights and widths of images, or features of tokens; ``None`` where the shape is fixed.
        settings: further arguments of its builder.
    """

    builder: str
    shape: tuple[int, ...]
    classes: int
    about: str
    paper: str
    width: Range | None = None
    size: Range | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


_WIDTH = Range(1.0, 0.1, 4.0, whole=False)
_PUBLISHED_WIDTH = Range(
    1.0, 0.35, 4.0, whole=False
)  # below, its first separable convolution would get a shortcut
_IMAGE = Range(224, 32, 1024)
_THUMBNAIL = Range(32, 8, 256)

_VGG = "Simonyan and Zisserman 2014, arXiv:1409.1556"
_RESNET = "He et al. 2015, arXiv:1512.03385"
_SQUEEZENET = "Iandola et al. 2016, arXiv:1602.07360"
_V3 = "Howard et al. 2019, arXiv:1905.02244"
_LITE = "Tan and Le 2019, arXiv:1905.11946; tensorflow/tpu, models/official/efficientnet/lite"


def _cifar(depth: int, about: str, paper: str = _RESNET) -> Family:
    return Family("resnet:cifar", (3, 32, 32), 10, about, paper, size=_THUMBNAIL, settings={"depth": depth})


def _imagenet(depth: int, about: str) -> Family:
    return Family(
        "resnet:imagenet", (3, 224, 224), 1000, about, _RESNET, size=_IMAGE, settings={"depth": depth}
    )


def _v3(builder: str, about: str, *, minimalistic: bool = False) -> Family:
    return Family(
        f"mobilenet_v3:{builder}",
        (3, 224, 224),
        1000,
        about,
        _V3,
        _WIDTH,
        _IMAGE,
        {"minimalistic": minimalistic},
    )


def _lite(number: int, size: int, wider: float, deeper: float, dropout: float) -> Family:
    return Family(
        "efficientnet_lite:efficientnet_lite", (3, size, size), 1000,
        f"EfficientNet-B{number} without squeeze-and-excite and swish", _LITE, size=Range(size, 32, 1024),
        settings={"wider": wider, "deeper": deeper, "dropout": dropout},
    )  # fmt: skip


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "lenet-300-100": Family(
            "lenet:lenet_300_100", (1, 28, 28), 10, "two hidden dense layers of 300 and 100",
            "LeCun et al. 1998, Gradient-based learning; Han et al. 2015, arXiv:1506.02626",
        ),
        "lenet-5": Family(
            "lenet:lenet_5", (1, 28, 28), 10, "Caffe's LeNet-5: two convolutions, two dense layers",
            "LeCun et al. 1998; BVLC/caffe, examples/mnist; Han et al. 2015, arXiv:1506.02626",
        ),
        "vgg-small": Family(
            "vgg:vgg_small", (1, 28, 28), 10, "six convolutions in three stages, for small images", _VGG,
            _WIDTH, Range(28, 8, 256),
        ),
        "vgg-11": Family(
            "vgg:VGG", (3, 224, 224), 1000, "configuration A", _VGG, _WIDTH, Range(224, 32, 1024, step=32),
            {"convolutions": (1, 1, 2, 2, 2)},
        ),
        "vgg-16": Family(
            "vgg:VGG", (3, 224, 224), 1000, "configuration D", _VGG, size=Range(224, 32, 1024, step=32),
            settings={"convolutions": (2, 2, 3, 3, 3)},
        ),
        "vgg-19": Family(
            "vgg:VGG", (3, 224, 224), 1000, "configuration E", _VGG, size=Range(224, 32, 1024, step=32),
            settings={"convolutions": (2, 2, 4, 4, 4)},
        ),
        "resnet-8": _cifar(8, "MLPerf Tiny's image classifier", "Banbury et al. 2021, arXiv:2106.07597"),
        "resnet-20": _cifar(20, "of CIFAR-10, nine blocks"),
        "resnet-32": _cifar(32, "of CIFAR-10, fifteen blocks"),
        "resnet-56": _cifar(56, "of CIFAR-10, twenty-seven blocks"),
        "resnet-18": _imagenet(18, "eight residual blocks"),
        "resnet-34": _imagenet(34, "sixteen residual blocks"),
        "resnet-50": _imagenet(50, "sixteen bottlenecks, strides in their 3x3 convolutions"),
        "squeezenet-1.0": Family(
            "squeezenet:SqueezeNet", (3, 224, 224), 1000, "fire modules", _SQUEEZENET, size=_IMAGE,
            settings={"version": "1.0"},
        ),
        "squeezenet-1.1": Family(
            "squeezenet:SqueezeNet", (3, 224, 224), 1000, "fire modules, pooled earlier", _SQUEEZENET, size=_IMAGE,
            settings={"version": "1.1"},
        ),
        "mobilenet-v1": Family(
            "mobilenet:mobilenet_v1", (3, 224, 224), 1000, "depthwise separable convolutions",
            "Howard et al. 2017, arXiv:1704.04861", _WIDTH, _IMAGE,
        ),
        "mobilenet-v2": Family(
            "mobilenet:mobilenet_v2", (3, 224, 224), 1000, "inverted residuals, linear bottlenecks",
            "Sandler et al. 2018, arXiv:1801.04381", _WIDTH, _IMAGE,
        ),
        "mobilenet-v3-small": _v3("small", "searched for cores that are slow"),
        "mobilenet-v3-large": _v3("large", "searched for cores that are fast"),
        "mobilenet-v3-small-minimalistic": _v3("small", "the plain one, for GPUs and DSPs", minimalistic=True),
        "mobilenet-v3-large-minimalistic": _v3("large", "the plain one, for GPUs and DSPs", minimalistic=True),
        "mnasnet": Family(
            "mnasnet:mnasnet", (3, 224, 224), 1000, "MnasNet-B1, searched for phones",
            "Tan et al. 2018, arXiv:1807.11626", _PUBLISHED_WIDTH, _IMAGE,
        ),
        "efficientnet-lite0": _lite(0, 224, 1.0, 1.0, 0.2),
        "efficientnet-lite1": _lite(1, 240, 1.0, 1.1, 0.2),
        "efficientnet-lite2": _lite(2, 260, 1.1, 1.2, 0.3),
        "efficientnet-lite3": _lite(3, 280, 1.2, 1.4, 0.3),
        "efficientnet-lite4": _lite(4, 300, 1.4, 1.8, 0.3),
        "ds-cnn": Family(
            "ds_cnn:ds_cnn", (1, 49, 10), 12, "MLPerf Tiny's keyword spotter over MFCCs; its width counts channels",
            "Zhang et al. 2017, arXiv:1711.07128; Banbury et al. 2021, arXiv:2106.07597", Range(64, 4, 512),
        ),
        "deeplab-v3-mobilenet-v2": Family(
            "deeplab:DeepLab", (3, 256, 256), 21, "a segmenter: atrous trunk and pyramid, output stride 16",
            "Chen et al. 2017, arXiv:1706.05587; Sandler et al. 2018, arXiv:1801.04381", _WIDTH, Range(256, 32, 1024),
        ),
        "transformer-encoder": Family(
            "transformer:Encoder", (32, 64), 10, "over 32 tokens; its width counts layers, its size features",
            "Vaswani et al. 2017, arXiv:1706.03762", Range(2, 1, 48), Range(64, 32, 2048, step=32),
        ),
    }
)  # fmt: skip

ALIASES: Mapping[str, str] = MappingProxyType({"ds-cnn-kws-49x10": "ds-cnn-64"})
"""Names of the registry for nets of the same shape that are called otherwise here."""
