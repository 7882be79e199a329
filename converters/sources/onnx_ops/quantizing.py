"""Quantization: of constants it is computed; of activations it stays out, for a rebuilt net would be another net."""

from collections.abc import Mapping
from types import MappingProxyType

import torch

from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value
from converters.sources.onnx_ops.elementwise import DTYPES
from converters.sources.onnx_ops.settings import Operator

_QUANTIZED = "it is quantized already: convert the float net that it was made from"


def _dequantize(lower: Lowering, node: Node, x: Value, scale: Value, zero: Value | None = None) -> Value:
    if not x.is_constant:
        raise NotCoveredError(_QUANTIZED)
    steps = _spread(node, lower.known(scale, "scale"), x)
    offset = torch.tensor(0) if zero is None else _spread(node, lower.known(zero, "zero point"), x)
    return lower.constant(
        (x.example.to(torch.int32) - offset.to(torch.int32)).to(steps.dtype) * steps, x.name
    )


def _quantize(lower: Lowering, node: Node, x: Value, scale: Value, zero: Value | None = None) -> Value:
    if not x.is_constant:
        raise NotCoveredError(_QUANTIZED)
    steps = _spread(node, lower.known(scale, "scale"), x)
    offset = (
        torch.tensor(0, dtype=torch.uint8)
        if zero is None
        else _spread(node, lower.known(zero, "zero point"), x)
    )
    dtype = DTYPES.get(node.get("output_dtype", 0), offset.dtype)
    if dtype not in {torch.int8, torch.uint8, torch.int16, torch.int32}:
        raise NotCoveredError(f"it quantizes to {dtype}")
    limits = torch.iinfo(dtype)
    made = torch.round(x.example / steps) + offset.to(torch.int32)
    return lower.constant(made.clamp(limits.min, limits.max).to(dtype), x.name)


def _spread(node: Node, given: torch.Tensor, x: Value) -> torch.Tensor:
    """Scales or zero points in a shape that fits the elements: one, one along an axis, or one a block of it."""
    if given.numel() == 1:
        return given.reshape(())
    axis = node.get("axis", 1) % x.rank
    if node.get("block_size"):
        return given.repeat_interleave(node.get("block_size"), axis).narrow(axis, 0, x.shape[axis])
    return given.reshape([-1 if place == axis else 1 for place in range(x.rank)])


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "DequantizeLinear": _dequantize, "QuantizeLinear": _quantize,
    }
)  # fmt: skip

REFUSED: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        ("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear"), _QUANTIZED
    )
)
"""By operator, why it is not covered."""
