"""Operations of ML Programs, one function each: from the operation's arguments to its output, or outputs.

A function takes the arguments by name: tensors as ``torch.Tensor`` (floats in float32), constants as numpy
or Python values.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from converters.mil.ops import convolution, elementwise, normalisation, recurrent, reduction, resizing, shapes

OPERATIONS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = MappingProxyType(
    {
        **elementwise.OPERATIONS,
        **convolution.OPERATIONS,
        **shapes.OPERATIONS,
        **normalisation.OPERATIONS,
        **reduction.OPERATIONS,
        **resizing.OPERATIONS,
        **recurrent.OPERATIONS,
    }
)
"""By the operation's name in the Model Intermediate Language."""
