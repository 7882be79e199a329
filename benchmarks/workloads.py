"""Counts what nets do, layer by layer, and writes the table that `prediction.nets` reads.

Run with the extra ``keras``: ``python -m benchmarks.workloads``. Nets come from `architectures` (built on torch's
device ``meta``), from ``tensorflow.keras.applications`` with random weights, and from `benchmarks.sketches` (lists of
layers). Only convolutions and matrix products count, as in `architectures.costs`.
"""

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from benchmarks.sketches import SKETCHES, Sketch

DATA = Path(__file__).parent.parent / "prediction" / "data"
SIZES = (224,)
WIDTHS = (0.25, 0.35, 0.5, 0.75, 1.0, 1.25, 1.3, 1.4, 1.5, 1.75, 2.0)


@dataclass(slots=True)
class Count:
    """One row of the table; see `prediction.workload.Workload` for the meaning."""

    net: str
    alpha: str
    height: int
    width: int
    params: int = 0
    conv: int = 0
    depthwise: int = 0
    pointwise: int = 0
    dense: int = 0
    other: int = 0
    elements: int = 0
    layers: int = 0
    source: str = field(default="", kw_only=True)

    def add(self, kind: str, macs: int, elements: int) -> None:
        """Count one layer."""
        setattr(self, kind, getattr(self, kind) + macs)
        self.elements += elements
        self.layers += 1

    def convolution(
        self, kernel: tuple[int, ...], channels: tuple[int, int], groups: int, elements: int
    ) -> None:
        """Count a convolution from ``channels[0]`` to ``channels[1]`` that gives ``elements`` numbers."""
        taps = math.prod(kernel)
        kind = "conv"
        if groups > 1 and groups == channels[0]:
            kind = "depthwise"
        elif taps == 1:
            kind = "pointwise"
        self.add(kind, elements * taps * (channels[0] // groups), elements)


def from_torch(name: str, net: str, alpha: str) -> Count:
    """Count a net of `architectures`."""
    import torch
    from torch import nn

    from architectures.catalogue import parse
    from architectures.costs import count

    architecture = parse(name)
    with torch.device("meta"):
        module = architecture.build()
        example = torch.empty((1, *architecture.shape))
    found = Count(net, alpha, *architecture.shape[-2:], source=f"architectures: {name}")

    def look(layer: Any, _: Any, out: Any) -> None:
        if isinstance(layer, nn.Linear):
            found.add("dense", out.numel() * layer.in_features, out.numel())
        else:
            found.convolution(
                layer.kernel_size, (layer.in_channels, layer.out_channels), layer.groups, out.numel()
            )

    layers = [each for each in module.modules() if isinstance(each, nn.Linear | nn.Conv1d | nn.Conv2d)]
    hooks = [each.register_forward_hook(look) for each in layers]
    costs = count(module, example)
    for hook in hooks:
        hook.remove()
    known = found.conv + found.depthwise + found.pointwise + found.dense
    found.params, found.other = costs.params, max(0, costs.macs - known)
    return found


def from_keras(function: str, net: str, alpha: str, size: int, **settings: Any) -> Count:
    """Count a net of ``tensorflow.keras.applications``."""
    import tensorflow as tf

    tf.keras.backend.clear_session()
    make: Callable[..., Any] = getattr(tf.keras.applications, function)
    model = make(weights=None, input_shape=(size, size, 3), **settings)
    found = Count(
        net, alpha, size, size, source=f"tensorflow.keras.applications {tf.__version__}: {function}"
    )
    found.params = int(sum(math.prod(each.shape) for each in model.trainable_weights))
    for layer in _layers(model):
        _count_keras(layer, found)
    return found


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def _count_keras(layer: Any, found: Count) -> None:
    kind = type(layer).__name__
    if kind not in {"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense"}:
        return
    inputs, outputs = layer.input.shape, layer.output.shape
    elements = math.prod(outputs[1:])
    if kind == "Dense":
        found.add("dense", elements * inputs[-1], elements)
    elif kind == "Conv2D":
        found.convolution(tuple(layer.kernel_size), (inputs[-1], outputs[-1]), layer.groups, elements)
    elif kind == "DepthwiseConv2D":
        found.convolution(tuple(layer.kernel_size), (inputs[-1], outputs[-1]), inputs[-1], elements)
    else:
        between = math.prod(outputs[1:-1]) * inputs[-1] * layer.depth_multiplier
        found.convolution(tuple(layer.kernel_size), (inputs[-1], inputs[-1]), inputs[-1], between)
        found.convolution((1, 1), (inputs[-1] * layer.depth_multiplier, outputs[-1]), 1, elements)


def from_sketch(sketch: Sketch, alpha: float | None, size: int) -> Count:
    """Count a list of layers of `benchmarks.sketches`."""
    width = sketch.narrow or size
    found = Count(sketch.net, "" if alpha is None else f"{alpha:g}", size, width, source=sketch.source)
    for layer in sketch.layers(alpha, size):
        elements = layer.out * max(1, layer.height) * layer.width
        if layer.height == 0:
            found.add("dense", layer.into * elements, elements)
        else:
            found.convolution(
                (layer.kernel, layer.kernel_width), (layer.into, layer.out), layer.groups, elements
            )
        found.params += layer.params
    found.other = sketch.products(size)
    return found


def torch_nets() -> Iterator[Count]:
    """Every family of `architectures` for pictures, at each width and size that measurements name or may name."""
    from architectures.families import FAMILIES

    picture = 3
    for key, family in FAMILIES.items():
        if len(family.shape) != picture or key.startswith(("lenet", "vgg-small", "vgg-11", "ds-cnn")):
            continue
        widths = [each for each in WIDTHS if family.width and family.width.holds(each)] or [None]
        if family.size is None or family.shape[-1] != 224:  # noqa: PLR2004 - the size of ImageNet's nets
            sizes = [family.shape[-1]]
        else:
            sizes = [each for each in SIZES if family.size.holds(each)]
        for width in widths:
            for size in sizes:
                name = key if width is None else f"{key}-{width}"
                name = name if family.size is None else f"{name}-{size}"
                yield from_torch(name, key, "" if width is None else f"{width:g}")


KERAS = (
    *[(f"ResNet{depth}", f"resnet-{depth}", 224, {}) for depth in (101, 152)],
    *[(f"ResNet{depth}V2", f"resnet-v2-{depth}", 224, {}) for depth in (50, 101, 152)],
    *[(f"ResNet{depth}V2", f"resnet-v2-{depth}", 299, {}) for depth in (50, 101, 152)],
    ("InceptionV3", "inception-v3", 299, {}), ("InceptionV3", "inception-v3", 224, {}),
    ("InceptionResNetV2", "inception-resnet-v2", 299, {}), ("Xception", "xception", 299, {}),
    *[(f"DenseNet{depth}", f"densenet-{depth}", 224, {}) for depth in (121, 169, 201)],
    ("NASNetMobile", "nasnet-mobile", 224, {}), ("NASNetLarge", "nasnet-large", 331, {}),
    *[(f"EfficientNetB{n}", f"efficientnet-b{n}", size, {})
      for n, size in enumerate((224, 240, 260, 300, 380, 456, 528, 600))],
    *[(f"EfficientNetV2{n}", f"efficientnet-v2-{n.lower()}", size, {})
      for n, size in (("B0", 224), ("B1", 240), ("B2", 260), ("B3", 300), ("S", 384), ("M", 480), ("L", 480))],
    *[(f"ConvNeXt{n}", f"convnext-{n.lower()}", 224, {}) for n in ("Tiny", "Small", "Base", "Large")],
)  # fmt: skip


def every_net() -> Iterator[Count]:
    """All rows of the table."""
    yield from torch_nets()
    for function, net, size, settings in KERAS:
        yield from_keras(function, net, "", size, **settings)
    for sketch in SKETCHES:
        for alpha in sketch.alphas:
            for size in sketch.sizes:
                yield from_sketch(sketch, alpha, size)


def main() -> None:
    """Write the table."""
    rows = sorted(every_net(), key=lambda each: (each.net, each.alpha, each.height, each.width))
    with (DATA / "workloads.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [each.name for each in fields(Count)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(each) for each in rows)
    print(f"{len(rows)} nets")


if __name__ == "__main__":
    main()
