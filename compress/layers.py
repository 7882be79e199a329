"""Layers whose weights are made smaller: convolutions and dense layers, with axis 0 as output channels."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.errors import UnknownNameError, UsageError

_KINDS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def weight_layers(module: Any) -> dict[str, Any]:
    """Every convolution and dense layer by its path, in the order of the module."""
    return {path: each for path, each in module.named_modules() if isinstance(each, _KINDS)}


def bits_by_layer(module: Any, bits: int | Mapping[str, int], allowed: tuple[int, ...]) -> dict[str, int]:
    """Say for every layer how many bits it gets.

    Args:
        module: whose layers are meant.
        bits: one number for all layers, or one a path; layers that a mapping leaves out are left out here, too.
        allowed: numbers that make sense.

    Raises:
        UnknownNameError: there is no layer of that path.
        UsageError: a number is none of ``allowed``.
    """
    layers = weight_layers(module)
    chosen = dict(bits) if isinstance(bits, Mapping) else dict.fromkeys(layers, bits)
    for path, number in chosen.items():
        if path not in layers:
            raise UnknownNameError("layer", path, list(layers))
        if number not in allowed:
            wanted = ", ".join(map(str, sorted(allowed)))
            raise UsageError(
                f"layer '{path}' cannot have weights of {number} bits; wanted is one of {wanted}"
            )
    return chosen


def round_to_half(module: Any) -> None:
    """Round every number of a module to the nearest float16, so that 2 bytes store it exactly.

    Equal numbers stay equal and zeros stay zeros; what is too large becomes the largest float16.
    """
    largest = torch.finfo(torch.float16).max
    with torch.no_grad():
        for values in module.state_dict().values():
            if values.dtype == torch.float32:
                values.copy_(values.clamp(-largest, largest).half().float())
