"""All operators of ONNX that can be rebuilt, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from converters.sources.onnx_ops import elementwise, products, quantizing, recurrent, reducing, shapes
from converters.sources.onnx_ops.settings import Operator

COVERED: Mapping[str, Operator] = MappingProxyType(
    {
        name: each
        for family in (elementwise, products, quantizing, recurrent, reducing, shapes)
        for name, each in family.OPERATORS.items()
    }
)
"""``If`` is not among them: `converters.sources.onnx_graph` follows the branch that a constant chooses."""
