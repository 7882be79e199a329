"""Small nets that spend nearly all their time in one kind of operator, to learn what it takes on a machine.

They are measured, never trained. Whole nets of `architectures.catalogue` say what operators take together; these tell
apart those that always come in company.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import nn

_DEPTH = 4


class _Map(nn.Module):
    """A function without weights, as a layer."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self._function = function

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return self._function(value)


def _stack(layer: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*(layer() for _ in range(_DEPTH)))


def _depthwise(channels: int, kernel: int) -> Callable[[], nn.Module]:
    return _stack(lambda: nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels))


PROBES: Mapping[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = MappingProxyType(
    {
        "swish": (_stack(nn.SiLU), (96, 56, 56)),
        "sigmoid": (_stack(nn.Sigmoid), (96, 28, 28)),
        "hard-swish": (_stack(nn.Hardswish), (96, 56, 56)),
        "largest-of-window": (_stack(lambda: nn.MaxPool2d(3, 1, 1)), (64, 56, 56)),
        "mean-of-window": (_stack(lambda: nn.AvgPool2d(2, 1)), (64, 56, 56)),
        "sum-and-product": (_stack(lambda: _Map(lambda value: value + value * 0.5)), (96, 56, 56)),
        "concatenation": (
            lambda: _Map(lambda value: torch.cat([value * 0.5, value, value], 1)),
            (64, 56, 56),
        ),
        "depthwise-3": (_depthwise(96, 3), (96, 56, 56)),
        "depthwise-3-small": (_depthwise(384, 3), (384, 14, 14)),
        "depthwise-5": (_depthwise(96, 5), (96, 28, 28)),
        "pointwise-few-channels": (_stack(lambda: nn.Conv2d(24, 24, 1)), (24, 112, 112)),
        "pointwise-many-channels": (_stack(lambda: nn.Conv2d(512, 512, 1)), (512, 7, 7)),
        "convolution-many-channels": (_stack(lambda: nn.Conv2d(128, 128, 3, padding=1)), (128, 14, 14)),
        "dense": (
            lambda: nn.Sequential(nn.Flatten(), *(nn.Linear(1024, 1024) for _ in range(_DEPTH))),
            (1024, 1, 1),
        ),
    }
)
"""How each is built, and the channels, height and width of its input."""
