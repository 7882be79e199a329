"""Convolutions, pooling, resizing, and what moves pixels between channels and space."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch

from converters.sources.lowering import resizing
from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value
from converters.sources.lowering.spatial import (
    Pads,
    Window,
    average_pool,
    convolution,
    max_pool,
    same,
    transposed,
)
from converters.sources.tf_ops.attributes import Operator, channels_back, channels_first, explicit
from converters.sources.tf_ops.attributes import spatial as numbers


def path_of(node: Node) -> str:
    """Where the module of a node is kept: its layer's name, such as ``functional.conv2d``."""
    return (node.name.rpartition("/")[0] or node.name).replace(".", "_").replace("/", ".")


def _window(node: Node, lengths: Sequence[int], kernel: Sequence[int]) -> Window:
    rank = len(lengths)
    strides, dilations = numbers(node, "strides", rank), numbers(node, "dilations", rank)
    plain = Window(tuple(kernel), strides, dilations, ((0, 0),) * rank)
    match node.get("padding"):
        case "VALID":
            return plain
        case "SAME":
            pads: Pads = same(lengths, plain)
        case _:
            pads = tuple(explicit(node, rank))
    return Window(plain.kernel, strides, dilations, pads)


def _conv(lower: Lowering, node: Node, x: Value, weight: Value) -> Value:
    """``weight`` is (..., inputs / groups, outputs)."""
    x = channels_first(lower, node, x)
    rank = x.rank - 2
    window = _window(node, x.shape[2:], weight.shape[:rank])
    groups = x.shape[1] // weight.shape[-2]
    weight = lower.permute(weight, (rank + 1, rank, *range(rank)))
    return channels_back(lower, node, convolution(lower, x, weight, None, window, groups, path_of(node)))


def _depthwise(lower: Lowering, node: Node, x: Value, weight: Value) -> Value:
    """``weight`` is (H, W, inputs, outputs of each)."""
    x = channels_first(lower, node, x)
    height, width, inputs, multiplier = weight.shape
    window = _window(node, x.shape[2:], (height, width))
    weight = lower.reshape(lower.permute(weight, (2, 3, 0, 1)), (inputs * multiplier, 1, height, width))
    return channels_back(lower, node, convolution(lower, x, weight, None, window, inputs, path_of(node)))


def _conv_transpose(lower: Lowering, node: Node, sizes: Value, weight: Value, x: Value) -> Value:
    """The gradient of a convolution: padded is what the convolution would have padded, and that is cut off."""
    x = channels_first(lower, node, x)
    rank = x.rank - 2
    wanted = lower.constant(torch.empty(lower.numbers(sizes, "output size")))
    outputs = channels_first(lower, node, wanted).shape[2:]
    window = _window(node, outputs, weight.shape[:rank])
    crops = []
    for place, (before, _) in enumerate(window.pads):
        full = (x.shape[2 + place] - 1) * window.strides[place] + window.reach[place]
        crops.append((before, full - before - outputs[place]))
    weight = lower.permute(weight, (rank + 1, rank, *range(rank)))
    window = Window(window.kernel, window.strides, window.dilations, tuple(crops))
    return channels_back(lower, node, transposed(lower, x, weight, None, window, 1, path_of(node)))


def _max_pool(lower: Lowering, node: Node, x: Value) -> Value:
    x = channels_first(lower, node, x)
    window = _window(node, x.shape[2:], numbers(node, "ksize", x.rank - 2))
    return channels_back(lower, node, max_pool(lower, x, window))


def _average_pool(lower: Lowering, node: Node, x: Value) -> Value:
    x = channels_first(lower, node, x)
    window = _window(node, x.shape[2:], numbers(node, "ksize", x.rank - 2))
    return channels_back(lower, node, average_pool(lower, x, window, counts_padding=False))


def _places(node: Node, length: int, outputs: int) -> torch.Tensor:
    """Where the output pixels lie, by the two flags of TensorFlow's resizing."""
    if node.get("half_pixel_centers"):
        nearest = node.op == "ResizeNearestNeighbor"
        return resizing.output_places(
            "tf_half_pixel_for_nn" if nearest else "half_pixel", outputs / length, length, outputs
        )
    corners = node.get("align_corners") and outputs > 1
    return resizing.output_places(
        "align_corners" if corners else "asymmetric", outputs / length, length, outputs
    )


def _resize(lower: Lowering, node: Node, x: Value, size: Value) -> Value:
    x = lower.permute(x, (0, 3, 1, 2))
    wanted = zip((2, 3), lower.numbers(size, "size"), strict=True)
    places = {axis: _places(node, x.shape[axis], outputs) for axis, outputs in wanted}
    if node.op == "ResizeBilinear":
        # Resizing gives float32 whatever it takes.
        x = x if x.example.is_floating_point() else lower.elementwise("to", x, torch.float32)
        made = resizing.linear(
            lower, x, {axis: resizing.linear_matrix(each, x.shape[axis]) for axis, each in places.items()}
        )
    else:
        rounding = resizing.ROUNDINGS["round_prefer_ceil" if node.get("align_corners") else "floor"]
        made = resizing.nearest(
            lower, x, {axis: rounding(each).clamp(0, x.shape[axis] - 1) for axis, each in places.items()}
        )
    return lower.permute(made, (0, 2, 3, 1))


def _depth_to_space(lower: Lowering, node: Node, x: Value) -> Value:
    block = node.get("block_size")
    x = channels_first(lower, node, x)
    n, c, h, w = x.shape
    split = lower.reshape(x, (n, block, block, c // block**2, h, w))
    moved = lower.permute(split, (0, 3, 4, 1, 5, 2))
    return channels_back(lower, node, lower.reshape(moved, (n, c // block**2, h * block, w * block)))


def _space_to_depth(lower: Lowering, node: Node, x: Value) -> Value:
    block = node.get("block_size")
    x = channels_first(lower, node, x)
    n, c, h, w = x.shape
    split = lower.reshape(x, (n, c, h // block, block, w // block, block))
    moved = lower.permute(split, (0, 3, 5, 1, 2, 4))
    return channels_back(lower, node, lower.reshape(moved, (n, c * block**2, h // block, w // block)))


def _space_to_batch(lower: Lowering, _node: Node, x: Value, blocks: Value, pads: Value) -> Value:
    """How TensorFlow writes dilated convolutions; `converters.sources.tf_graph` takes most for what they are."""
    sizes = lower.numbers(blocks, "block_shape")
    pairs = lower.known(pads, "paddings").tolist()
    rank = len(sizes)
    x = lower.pad(x, [(0, 0), *map(tuple, pairs), *[(0, 0)] * (x.rank - 1 - rank)])
    n, *lengths = x.shape
    split = [each for size, length in zip(sizes, lengths, strict=False) for each in (length // size, size)]
    apart = lower.reshape(x, (n, *split, *lengths[rank:]))
    rest = range(1 + 2 * rank, apart.rank)
    moved = lower.permute(apart, (*range(2, 2 + 2 * rank, 2), 0, *range(1, 1 + 2 * rank, 2), *rest))
    shape = [length // size for size, length in zip(sizes, lengths, strict=False)]
    return lower.reshape(moved, (n * int(torch.tensor(sizes).prod()), *shape, *lengths[rank:]))


def _batch_to_space(lower: Lowering, _node: Node, x: Value, blocks: Value, crops: Value) -> Value:
    sizes = lower.numbers(blocks, "block_shape")
    pairs = lower.known(crops, "crops").tolist()
    rank, (n, *lengths) = len(sizes), x.shape
    batch = n // int(torch.tensor(sizes).prod())
    apart = lower.reshape(x, (*sizes, batch, *lengths))
    woven = [axis for place in range(rank) for axis in (rank + 1 + place, place)]
    moved = lower.permute(apart, (rank, *woven, *range(2 * rank + 1, apart.rank)))
    shape = [length * size for size, length in zip(sizes, lengths, strict=False)]
    made = lower.reshape(moved, (batch, *shape, *lengths[rank:]))
    cut = [(0, 0), *((-before, -after) for before, after in pairs), *[(0, 0)] * (made.rank - 1 - rank)]
    return lower.pad(made, cut)


def _fused_batch_norm(
    lower: Lowering, node: Node, x: Value, scale: Value, shift: Value, mean: Value, variance: Value
) -> Value:
    if node.get("is_training", True):
        raise NotCoveredError("it is in training mode")
    named = {"scale": scale, "offset": shift, "mean": mean, "variance": variance}
    gain, offset, center, spread = (lower.known(each, name).double() for name, each in named.items())
    factor = gain / torch.sqrt(spread + node.get("epsilon", 1e-4))
    first = channels_first(lower, node, x)
    return channels_back(lower, node, lower.scaled(first, factor, offset - center * factor))


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "Conv2D": _conv, "Conv3D": _conv, "DepthwiseConv2dNative": _depthwise, "Conv2DBackpropInput": _conv_transpose,
        "MaxPool": _max_pool, "MaxPool3D": _max_pool, "AvgPool": _average_pool, "AvgPool3D": _average_pool,
        "ResizeBilinear": _resize, "ResizeNearestNeighbor": _resize, "DepthToSpace": _depth_to_space,
        "SpaceToDepth": _space_to_depth, "SpaceToBatchND": _space_to_batch, "BatchToSpaceND": _batch_to_space,
        "FusedBatchNormV3": _fused_batch_norm, "FusedBatchNorm": _fused_batch_norm,
    }
)  # fmt: skip
