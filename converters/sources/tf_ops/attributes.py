"""What nodes of TensorFlow are told, in Python's types."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch

from converters.sources.lowering.builder import Lowering, Node, NotCoveredError, Value

Operator = Callable[..., Any]

DTYPES: Mapping[int, torch.dtype] = MappingProxyType(
    {
        1: torch.float32, 2: torch.float64, 3: torch.int32, 4: torch.uint8, 5: torch.int16, 6: torch.int8,
        9: torch.int64, 10: torch.bool, 14: torch.bfloat16, 19: torch.float16,
    }
)  # fmt: skip
"""By number of ``DataType`` in types.proto."""

_FIRST = {3: (0, 2, 1), 4: (0, 3, 1, 2), 5: (0, 4, 1, 2, 3)}
_LAST = {3: (0, 2, 1), 4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}


def dtype_of(node: Node, attribute: str) -> torch.dtype:
    """A type that torch has, too.

    Raises:
        NotCoveredError: torch has none such.
    """
    found = DTYPES.get(node.get(attribute))
    if found is None:
        raise NotCoveredError(
            f"its {attribute} is type {node.get(attribute)} of TensorFlow, which torch does not take"
        )
    return found


def _is_first(node: Node) -> bool:
    return str(node.get("data_format", "NHWC")).startswith("NC")


def channels_first(lower: Lowering, node: Node, value: Value) -> Value:
    """The value as (N, C, ...), which it may be already."""
    return value if _is_first(node) else lower.permute(value, _FIRST[value.rank])


def channels_back(lower: Lowering, node: Node, value: Value) -> Value:
    """Undo `channels_first`."""
    return value if _is_first(node) else lower.permute(value, _LAST[value.rank])


def spatial(node: Node, attribute: str, rank: int) -> tuple[int, ...]:
    """The numbers of an attribute that has one an axis, without batch and channels."""
    found = node.get(attribute) or [1] * (rank + 2)
    return tuple(found[2:] if _is_first(node) else found[1:-1])


def explicit(node: Node, rank: int) -> Sequence[tuple[int, int]]:
    """Explicit padding, one pair an axis after batch and channels."""
    flat = node.get("explicit_paddings")
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    return pairs[2:] if _is_first(node) else pairs[1 : rank + 1]
