"""Matrix products, convolutions, pooling, resizing."""

import math
import operator
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch

from converters.sources.lowering import resizing, spatial
from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value
from converters.sources.lowering.spatial import Window
from converters.sources.onnx_ops.settings import Operator, numbers, only


def path_of(node: Node, weight: Value) -> str:
    """Where the module of a node is kept, so that its weight keeps its name where that ends in ``.weight``."""
    return (weight.name or node.name or node.op).removesuffix(".weight")


def _mat_mul(lower: Lowering, node: Node, x: Value, y: Value) -> Value:
    if y.is_constant and y.rank == 2 and x.rank > 1 and y.example.is_floating_point():  # noqa: PLR2004 - a matrix
        return spatial.dense(lower, path_of(node, y), x, lower.permute(y, (1, 0)))
    return lower.call(torch.matmul, x, y)


def _gemm(lower: Lowering, node: Node, x: Value, y: Value, z: Value | None = None) -> Value:
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    x = lower.permute(x, (1, 0)) if node.get("transA") else x
    y = lower.permute(y, (1, 0)) if node.get("transB") else y
    if z is not None and beta != 1:
        z = lower.elementwise(operator.mul, z, beta)
    if y.is_constant:
        weight = lower.permute(y, (1, 0))
        if alpha != 1:
            weight = lower.constant(weight.example * alpha, y.name)
        flat = z is not None and z.is_constant and z.rank == 1 and z.shape == (weight.shape[0],)
        made = spatial.dense(lower, path_of(node, y), x, weight, z if flat else None)
        return made if z is None or flat else lower.elementwise(operator.add, made, z)
    made = lower.call(torch.matmul, x, y)
    made = made if alpha == 1 else lower.elementwise(operator.mul, made, alpha)
    return made if z is None else lower.elementwise(operator.add, made, z)


def _einsum(lower: Lowering, node: Node, *given: Value) -> Value:
    return lower.call(torch.einsum, node.get("equation").replace(" ", ""), *given)


def _window(node: Node, lengths: Sequence[int], kernel: Sequence[int]) -> Window:
    rank = len(lengths)
    flat = node.get("pads", [0] * (2 * rank))
    plain = Window(
        tuple(kernel),
        tuple(node.get("strides", [1] * rank)),
        tuple(node.get("dilations", [1] * rank)),
        tuple(zip(flat[:rank], flat[rank:], strict=True)),
    )
    match only(node, "auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        case "NOTSET":
            return plain
        case "VALID":
            pads: spatial.Pads = ((0, 0),) * rank
        case named:
            pads = spatial.same(lengths, plain, lower=named == "SAME_LOWER")
    return Window(plain.kernel, plain.strides, plain.dilations, pads)


def _conv(lower: Lowering, node: Node, x: Value, weight: Value, bias: Value | None = None) -> Value:
    window = _window(node, x.shape[2:], weight.shape[2:])
    return spatial.convolution(lower, x, weight, bias, window, node.get("group", 1), path_of(node, weight))


def _conv_transpose(lower: Lowering, node: Node, x: Value, weight: Value, bias: Value | None = None) -> Value:
    lengths = x.shape[2:]
    plain = _window(
        Node(node.op, node.name, {**node.attributes, "auto_pad": "NOTSET"}), lengths, weight.shape[2:]
    )
    longer = node.get("output_padding", [0] * len(lengths))
    wanted = node.get("output_shape")
    auto = only(node, "auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
    if auto.startswith("SAME") and wanted is None:
        wanted = [length * stride for length, stride in zip(lengths, plain.strides, strict=True)]
    crops = []
    for place, (before, after) in enumerate(plain.pads):
        if wanted is None:
            crops.append((before, after - longer[place]))
            continue
        full = (lengths[place] - 1) * plain.strides[place] + plain.reach[place] + longer[place]
        total = full - wanted[place]
        # ONNX: the larger half is cut off before, unless SAME_UPPER says after.
        first = total // 2 if auto == "SAME_UPPER" else total - total // 2
        crops.append((first, total - first - longer[place]))
    window = Window(plain.kernel, plain.strides, plain.dilations, tuple(crops))
    return spatial.transposed(lower, x, weight, bias, window, node.get("group", 1), path_of(node, weight))


def _max_pool(lower: Lowering, node: Node, x: Value) -> Value:
    window = _window(node, x.shape[2:], node.get("kernel_shape"))
    return spatial.max_pool(lower, x, window, ceil=bool(node.get("ceil_mode")))


def _average_pool(lower: Lowering, node: Node, x: Value) -> Value:
    window = _window(node, x.shape[2:], node.get("kernel_shape"))
    counts, ceil = bool(node.get("count_include_pad")), bool(node.get("ceil_mode"))
    return spatial.average_pool(lower, x, window, counts_padding=counts, ceil=ceil)


def _resize(lower: Lowering, node: Node, x: Value, *given: Value | None) -> Value:
    """Inputs are scales (opset 10), or region, scales and sizes; opset 10 has asymmetric coordinates only."""
    older = node.opset < 11  # noqa: PLR2004 - the opset that brought coordinates
    _, scales, sizes = (None, *given, None)[:3] if older else (*given, None, None, None)[:3]
    only(node, "exclude_outside", 0, 1)
    only(node, "keep_aspect_ratio_policy", "stretch")
    mode = node.get("coordinate_transformation_mode", "asymmetric" if older else "half_pixel")
    axes = [each % x.rank for each in node.get("axes", range(x.rank))]
    if sizes is not None and sizes.example.numel():
        outputs = lower.numbers(sizes, "sizes")
        factors = [size / x.shape[axis] for size, axis in zip(outputs, axes, strict=True)]
    else:
        factors = [float(each) for each in lower.known(scales, "scales").tolist()]
        outputs = [math.floor(x.shape[axis] * factor) for axis, factor in zip(axes, factors, strict=True)]
    where = {
        axis: resizing.output_places(mode, factor, x.shape[axis], output)
        for axis, factor, output in zip(axes, factors, outputs, strict=True)
        if (factor, output) != (1, x.shape[axis])
    }
    if node.get("antialias") and any(each < 1 for each in factors):
        raise NotCoveredError("it shrinks with antialias, which is not covered")
    return _interpolated(lower, node, x, where, floors=older)


def _interpolated(lower: Lowering, node: Node, x: Value, where: dict[int, Any], *, floors: bool) -> Value:
    match only(node, "mode", "nearest", "linear", "cubic"):
        case "nearest":
            rounding = resizing.ROUNDINGS[
                node.get("nearest_mode", "floor" if floors else "round_prefer_floor")
            ]
            return resizing.nearest(
                lower, x, {axis: rounding(each).clamp(0, x.shape[axis] - 1) for axis, each in where.items()}
            )
        case "linear":
            matrices = {axis: resizing.linear_matrix(each, x.shape[axis]) for axis, each in where.items()}
        case _:
            matrices = {
                axis: resizing.cubic_matrix(
                    each, x.shape[axis], node.get("cubic_coeff_a", -0.75),
                    excludes_outside=bool(node.get("exclude_outside")),
                )
                for axis, each in where.items()
            }  # fmt: skip
    return resizing.linear(lower, x, matrices)


def _upsample(lower: Lowering, node: Node, x: Value, scales: Value | None = None) -> Value:
    """Resize of opsets 7 to 9: asymmetric, and nearest rounds down."""
    given = scales if scales is not None else lower.constant(torch.tensor(node.get("scales")))
    return _resize(lower, Node(node.op, node.name, node.attributes, 10), x, given)


def _blocks(lower: Lowering, node: Node, x: Value) -> Value:
    block = node.get("blocksize")
    n, c, h, w = x.shape
    if node.op == "SpaceToDepth":
        split = lower.call(torch.reshape, x, [n, c, h // block, block, w // block, block])
        moved = lower.permute(split, (0, 3, 5, 1, 2, 4))
        return lower.reshape(moved, (n, c * block**2, h // block, w // block))
    if only(node, "mode", "DCR", "CRD") == "CRD":
        return lower.call(torch.pixel_shuffle, x, block)
    split = lower.call(torch.reshape, x, [n, block, block, c // block**2, h, w])
    moved = lower.permute(split, (0, 3, 4, 1, 5, 2))
    return lower.reshape(moved, (n, c // block**2, h * block, w * block))


def _cumulative(lower: Lowering, node: Node, x: Value, axis: Value) -> Value:
    only(node, "exclusive", 0)
    only(node, "reverse", 0)
    (place,) = numbers(lower, node, "axis", axis) or [0]
    return lower.along(torch.cumsum, x, place)


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "MatMul": _mat_mul, "Gemm": _gemm, "Einsum": _einsum, "Conv": _conv, "ConvTranspose": _conv_transpose,
        "MaxPool": _max_pool, "AveragePool": _average_pool, "Resize": _resize, "Upsample": _upsample,
        "DepthToSpace": _blocks, "SpaceToDepth": _blocks, "CumSum": _cumulative,
    }
)  # fmt: skip
