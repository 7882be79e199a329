"""Folds what scales or shifts the channels of a convolution or dense layer into its weights.

Batch norms come as a product and a sum with constants, or are made so: every format then gets the same weights.
"""

import operator
from typing import Any

import torch
from torch import fx, nn

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_FOLDED = {operator.mul, operator.truediv, operator.add, operator.sub}


def fold_channels(made: fx.GraphModule) -> None:
    """Fold products with and sums of constants along the channels, in place."""
    called = [each.target for each in made.graph.nodes if each.op == "call_module"]
    for node in list(made.graph.nodes):
        found = _layer_before(made, node)
        if found is None or called.count(found.target) > 1 or len(found.users) > 1:
            continue
        module = made.get_submodule(str(found.target))
        other = node.args[1] if node.args[0] is found else node.args[0]
        constant = _along_channels(made, module, other, found.meta["shape"])
        if constant is None or not module.weight.is_floating_point():
            continue
        _fold(node.target, module, constant)
        node.replace_all_uses_with(found)
        made.graph.erase_node(node)


def _layer_before(made: fx.GraphModule, node: fx.Node) -> fx.Node | None:
    """The call of the layer that ``node`` scales or shifts."""
    if node.op != "call_function" or node.target not in _FOLDED:
        return None
    commutes = node.target in {operator.mul, operator.add}
    for each in node.args if commutes else node.args[:1]:
        if isinstance(each, fx.Node) and each.op == "call_module":
            module = made.get_submodule(str(each.target))
            if isinstance(module, (*_CONVOLUTIONS, *_TRANSPOSED, nn.Linear)):
                return each
    return None


def _along_channels(
    made: fx.GraphModule, module: Any, other: Any, shape: tuple[int, ...]
) -> torch.Tensor | None:
    """A constant as one number a channel; ``None`` where it is no constant, or varies along another axis."""
    axis = len(shape) - 1 if isinstance(module, nn.Linear) else 1
    if isinstance(other, int | float):
        return torch.full((shape[axis],), other, dtype=module.weight.dtype)
    if not isinstance(other, fx.Node) or other.op != "get_attr":
        return None
    constant = made.get_buffer(str(other.target))
    if constant.ndim > len(shape):
        return None
    full = (1,) * (len(shape) - constant.ndim) + tuple(constant.shape)
    if any(length != 1 for place, length in enumerate(full) if place != axis):
        return None
    return constant.reshape(-1).expand(shape[axis]).to(module.weight.dtype)


def _fold(function: Any, module: Any, constant: torch.Tensor) -> None:
    bias = torch.zeros_like(constant) if module.bias is None else module.bias.data
    weight = module.weight.data
    if function in {operator.add, operator.sub}:
        bias = function(bias, constant)
    else:
        bias = function(bias, constant)
        weight = function(weight, _over_outputs(module, constant))
    module.weight = nn.Parameter(weight, requires_grad=False)
    if module.bias is not None or bias.any():
        module.bias = nn.Parameter(bias, requires_grad=False)


def _over_outputs(module: Any, constant: torch.Tensor) -> torch.Tensor:
    """The constant in a shape that scales the weight by output channel."""
    ones = (1,) * (module.weight.ndim - 1)
    if not isinstance(module, _TRANSPOSED):
        return constant.reshape(-1, *ones)
    each_group = constant.reshape(module.groups, 1, -1, *ones[1:])
    inputs = module.in_channels // module.groups
    return each_group.expand(-1, inputs, *each_group.shape[2:]).reshape(-1, *each_group.shape[2:])
