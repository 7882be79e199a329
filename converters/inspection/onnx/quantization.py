"""Which constants of a model are quantized weights, and how."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx

from converters.inspection import elements
from converters.inspection.onnx.payloads import Payload, Payloads
from converters.inspection.reading import UnreadableError
from converters.inspection.report import Granularity


@dataclass(frozen=True, slots=True)
class Role:
    """Where an operator takes a weight, its scales and its zero points.

    Attributes:
        weight: position of the input.
        scale: position of the scales; ``None`` where a later operator has them.
        zero_point: position of the zero points.
        axis: the axis that scales go along, where no attribute says it.
    """

    weight: int
    scale: int | None
    zero_point: int
    axis: int


# Source: the operators' definitions (ONNX Operators.md; com.microsoft: ONNX Runtime's docs/ContribOperators.md).
ROLES: Mapping[str, tuple[Role, ...]] = MappingProxyType(
    {
        "DequantizeLinear": (Role(0, 1, 2, 1),),
        "QLinearConv": (Role(3, 4, 5, 0),),
        "QLinearMatMul": (Role(3, 4, 5, -1), Role(0, 1, 2, -2)),
        "ConvInteger": (Role(1, None, 3, 0),),
        "MatMulInteger": (Role(1, None, 3, -1),),
        "DynamicQuantizeMatMul": (Role(1, 2, 3, -1),),
        "MatMulIntegerToFloat": (Role(1, 3, 5, -1),),
        "QGemm": (Role(3, 4, 5, -1),),
        "QAttention": (Role(1, 4, 7, -1),),
    }
)


@dataclass(frozen=True, slots=True)
class Weight:
    """One quantized weight; see `converters.inspection.report.Tensor` for what is not told here.

    Attributes:
        name: of the constant.
        parts: names of the constants that hold its scales and zero points.
    """

    name: str
    parts: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    granularity: Granularity
    axis: int | None
    scales: int
    zeros: float | None


def weights(nodes: Any, constants: Mapping[str, Any], payloads: Payloads) -> Iterator[Weight]:
    """Find the quantized weights of a graph, each once.

    Args:
        nodes: NodeProtos in order.
        constants: TensorProtos by name.
        payloads: reads them.
    """
    seen: set[str] = set()
    dense = {name: each for name, each in constants.items() if isinstance(each, onnx.TensorProto)}
    for node in nodes:
        if node.op_type == "MatMulNBits" and len(node.input) > 2 and node.input[1] in dense:  # noqa: PLR2004 - scales
            roles: tuple[Role, ...] = (Role(1, 2, 3, 0),)
        else:
            roles = ROLES.get(node.op_type, ())
        for role in roles:
            names = [name if name in dense else "" for name in node.input] + [""] * 8
            name = names[role.weight]
            if not name or name in seen:
                continue
            seen.add(name)
            scale = "" if role.scale is None else names[role.scale]
            point = names[role.zero_point]
            parts = tuple(each for each in (scale, point) if each)
            values = [payloads.read(dense[each]) if each else None for each in (name, scale, point)]
            weight = _block_weight if node.op_type == "MatMulNBits" else _weight
            found = weight(node, role, name, parts, values)
            if found is not None:
                yield found


def _attribute(node: Any, name: str, default: int) -> int:
    return next((each.i for each in node.attribute if each.name == name), default)


def _weight(
    node: Any,
    role: Role,
    name: str,
    parts: tuple[str, ...],
    values: list[Payload | None],
) -> Weight | None:
    """A weight whose elements lie in the file in its own type and shape."""
    weight, scale, point = values
    along = scale or point
    if weight is None or "int" not in weight.dtype + "int" * weight.dtype.startswith("float8"):
        return None
    rank, axis = len(weight.shape), None
    granularity = Granularity.PER_TENSOR
    if along is not None and along.count > 1:
        granularity = Granularity.PER_BLOCK
        if len(along.shape) == 1:
            granularity, axis = Granularity.PER_CHANNEL, _attribute(node, "axis", role.axis) % max(rank, 1)
    numbers, points = weight.numbers(), None if point is None else point.numbers()
    if points is not None and points.size:
        block = _attribute(node, "block_size", 0)
        numbers = numbers != _spread(points, weight.shape, _attribute(node, "axis", role.axis), block)
    zeros = 1 - int(np.count_nonzero(numbers)) / weight.count if weight.count else None
    scales = 1 if along is None else along.count
    return Weight(name, parts, weight.shape, weight.dtype, granularity, axis, scales, zeros)


def _spread(points: Any, shape: tuple[int, ...], axis: int, block: int) -> Any:
    """Zero points in a shape that compares with the weight's; zero where the file's own does not."""
    axis %= max(len(shape), 1)
    if points.size == 1:
        return points.reshape(-1)[0]
    if points.ndim == 1 and points.size == shape[axis]:
        return points.reshape([-1 if each == axis else 1 for each in range(len(shape))])
    if block > 0 and points.ndim == len(shape):
        return np.repeat(points, block, axis)[tuple(slice(each) for each in shape)]
    return 0


def _block_weight(
    node: Any,
    role: Role,
    name: str,
    parts: tuple[str, ...],
    values: list[Payload | None],
) -> Weight | None:
    """The weight of MatMulNBits: (N, blocks, bytes) hold (N, K) numbers of some bits, a scale for each block."""
    del role
    weight, scale, point = values
    bits, rows, columns = (_attribute(node, each, 0) for each in ("bits", "N", "K"))
    bits = bits or 4
    block = _attribute(node, "block_size", 0)
    if weight is None or scale is None:
        return None
    blocks = -(-columns // block) if block > 0 else 0
    wanted = (rows, blocks, block * bits // elements.BYTE)
    if bits not in {2, 4, 8} or weight.dtype != "uint8" or weight.shape != wanted or 0 in wanted:
        found = f"{weight.dtype} {weight.shape} for N={rows}, K={columns}, bits={bits}, block_size={block}"
        raise UnreadableError([f"weight '{name[:80]}' of MatMulNBits is {found}"])
    numbers = elements.unpack(weight.data, bits, weight.count * 8 // bits).reshape(rows, -1)[:, :columns]
    middle = 1 << (bits - 1)  # the zero point where none is given
    zeros = None if point is not None else float(np.mean(numbers == middle))
    return Weight(
        name, parts, (rows, columns), f"uint{bits}", Granularity.PER_BLOCK, None, scale.count, zeros
    )
