"""Reductions over axes, and sorting."""

from collections.abc import Callable
from typing import Any

import torch

from converters.mil.ops.elementwise import Arguments, tensor
from converters.mil.ops.shapes import ints


def _over(function: Callable[..., torch.Tensor]) -> Callable[[Arguments], torch.Tensor]:
    def reduce(arguments: Arguments) -> torch.Tensor:
        x = tensor(arguments["x"])
        axes = list(range(x.ndim)) if arguments.get("axes") is None else ints(arguments["axes"])
        return function(x, axes, keepdim=bool(arguments.get("keep_dims", False)))

    return reduce


def _product(x: torch.Tensor, axes: list[int], *, keepdim: bool) -> torch.Tensor:
    for axis in sorted((each % x.ndim for each in axes), reverse=True):
        x = x.prod(axis, keepdim=keepdim)
    return x


def _arg(function: Callable[..., torch.Tensor]) -> Callable[[Arguments], torch.Tensor]:
    def reduce(arguments: Arguments) -> torch.Tensor:
        keep = bool(arguments.get("keep_dims", False))
        return function(tensor(arguments["x"]), int(arguments.get("axis", -1)), keepdim=keep).int()

    return reduce


def _log_sum(x: torch.Tensor, axes: list[int], *, keepdim: bool) -> torch.Tensor:
    return torch.log(x.sum(axes, keepdim=keepdim))


def _topk(arguments: Arguments) -> tuple[torch.Tensor, torch.Tensor]:
    x, axis = tensor(arguments["x"]), int(arguments.get("axis", -1))
    count = x.shape[axis] if int(arguments.get("k", 1)) == -1 else int(arguments.get("k", 1))
    found = torch.topk(x, count, axis, largest=not arguments.get("ascending", False))
    return found.values, found.indices.int()


def _argsort(arguments: Arguments) -> torch.Tensor:
    descending = not arguments.get("ascending", False)
    return torch.argsort(tensor(arguments["x"]), int(arguments.get("axis", -1)), descending=descending).int()


OPERATIONS: dict[str, Callable[[Arguments], Any]] = {
    "reduce_mean": _over(torch.mean),
    "reduce_sum": _over(torch.sum),
    "reduce_max": _over(torch.amax),
    "reduce_min": _over(torch.amin),
    "reduce_prod": _over(_product),
    "reduce_sum_square": _over(lambda x, axes, keepdim: (x * x).sum(axes, keepdim=keepdim)),
    "reduce_l1_norm": _over(lambda x, axes, keepdim: x.abs().sum(axes, keepdim=keepdim)),
    "reduce_l2_norm": _over(lambda x, axes, keepdim: torch.sqrt((x * x).sum(axes, keepdim=keepdim))),
    "reduce_log_sum_exp": _over(torch.logsumexp),
    "reduce_log_sum": _over(_log_sum),
    "reduce_argmax": _arg(torch.argmax),
    "reduce_argmin": _arg(torch.argmin),
    "topk": _topk,
    "argsort": _argsort,
}
