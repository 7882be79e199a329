"""All operators of TensorFlow that can be rebuilt, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from converters.sources.tf_ops import elementwise, reducing, shapes, spatial
from converters.sources.tf_ops.attributes import Operator

COVERED: Mapping[str, Operator] = MappingProxyType(
    {
        name: each
        for family in (elementwise, reducing, shapes, spatial)
        for name, each in family.OPERATORS.items()
    }
)
"""Calls, branches and loops are followed by `converters.sources.tf_graph` itself."""
