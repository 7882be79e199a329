"""Batch norms folded into the layers before them, so that every format gets the same weights."""

import copy
import inspect
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from torch.nn.utils.parametrize import is_parametrized

from zoo.errors import UsageError

_NORM_OF = {
    nn.Conv1d: nn.BatchNorm1d,
    nn.Conv2d: nn.BatchNorm2d,
    nn.Conv3d: nn.BatchNorm3d,
    nn.ConvTranspose1d: nn.BatchNorm1d,
    nn.ConvTranspose2d: nn.BatchNorm2d,
    nn.ConvTranspose3d: nn.BatchNorm3d,
    nn.Linear: nn.BatchNorm1d,
}
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_ROWS_RANK = 2
# Tracing runs the user's code on stand-ins for tensors: code that looks into them fails in any of these ways.
_UNTRACEABLE = (
    TypeError,
    ValueError,
    RuntimeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
)


def fold_batch_norms(module: Any) -> Any:
    """Copy a net in evaluation mode, without the batch norms that follow a convolution or a dense layer.

    The copy runs the same code: a folded norm is an identity. Kept are norms whose layer is used elsewhere, too, or has
    a parametrization, and all norms where `torch.fx` cannot follow the code.

    Args:
        module: any ``torch.nn.Module``; it is not changed.

    Returns:
        The copy. It gives the same outputs, up to rounding, when it is called with the module's required arguments.
    """
    folded = copy.deepcopy(module).eval()
    if not any(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in folded.modules()):  # noqa: SLF001
        return folded
    try:
        graph = fx.Tracer().trace(folded, concrete_args=_defaults(folded))
    except _UNTRACEABLE:
        return folded
    with torch.no_grad():
        for layer, norm in list(_pairs(folded, graph)):
            _fold(folded, layer, norm)
    return folded


class FoldedIntoDense(nn.Module):
    """Where a batch norm stood after a dense layer: an identity for rows.

    Over sequences (N, T, F) such a norm would be one of T and not of the layer's features, which shows only when the
    net runs.
    """

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Give ``rows`` (N, F) as they are.

        Raises:
            UsageError: they are not rows.
        """
        if rows.ndim != _ROWS_RANK:
            raise UsageError(
                f"a batch norm after a dense layer stands over {rows.ndim} axes; (batch, features) is wanted. "
                "Use a layer norm for sequences"
            )
        return rows


def _defaults(module: Any) -> dict[str, Any]:
    """Arguments that may be left out: tracing must take the branches that a call without them takes."""
    parameters = inspect.signature(module.forward).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}


def _pairs(module: Any, graph: fx.Graph) -> Iterator[tuple[str, str]]:
    """Paths of a layer and of the norm that alone reads it, where nothing else uses either."""
    names = Counter(id(each) for _, each in module.named_modules(remove_duplicate=False))
    calls = Counter(id(module.get_submodule(each.target)) for each in graph.nodes if each.op == "call_module")
    read = {each.target.rpartition(".")[0] for each in graph.nodes if each.op == "get_attr"}
    for node in graph.nodes:
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        layer, norm = module.get_submodule(before.target), module.get_submodule(node.target)
        used_once = all(names[id(each)] == calls[id(each)] == 1 for each in (layer, norm))
        if used_once and not read & {before.target, node.target} and _foldable(layer, norm):
            yield before.target, node.target


def _foldable(layer: Any, norm: Any) -> bool:
    return (
        type(norm) is _NORM_OF.get(type(layer))
        and norm.running_mean is not None
        and not is_parametrized(layer)
        and not is_parametrized(norm)
        and not (isinstance(layer, _TRANSPOSED) and layer.groups > 1)  # torch's fusion does not know these
    )


def _fold(module: Any, layer_path: str, norm_path: str) -> None:
    layer, norm = module.get_submodule(layer_path), module.get_submodule(norm_path)
    if isinstance(layer, nn.Linear):
        module.set_submodule(layer_path, fuse_linear_bn_eval(layer, norm))
        module.set_submodule(norm_path, FoldedIntoDense())
    else:
        module.set_submodule(layer_path, fuse_conv_bn_eval(layer, norm, isinstance(layer, _TRANSPOSED)))
        module.set_submodule(norm_path, nn.Identity())
