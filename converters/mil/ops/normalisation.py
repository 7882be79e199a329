"""Norms. ``gamma`` and ``beta`` scale and shift; epsilon is added to the variance."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from converters.mil.ops.elementwise import Arguments, number, tensor
from converters.mil.ops.shapes import ints


def _channels(values: Any, x: torch.Tensor, default: float) -> torch.Tensor:
    if values is None:
        return torch.tensor(default)
    return tensor(values).reshape(1, -1, *[1] * (x.ndim - 2))


def _batch_norm(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["x"])
    mean, variance = _channels(arguments["mean"], x, 0.0), _channels(arguments["variance"], x, 1.0)
    normed = (x - mean) / torch.sqrt(variance + number(arguments.get("epsilon", 1e-5)))
    return normed * _channels(arguments.get("gamma"), x, 1.0) + _channels(arguments.get("beta"), x, 0.0)


def _instance_norm(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["x"])
    axes = list(range(2, x.ndim))
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
    normed = (x - mean) / torch.sqrt(variance + number(arguments.get("epsilon", 1e-5)))
    return normed * _channels(arguments.get("gamma"), x, 1.0) + _channels(arguments.get("beta"), x, 0.0)


def _layer_norm(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["x"])
    given = arguments.get("axes")
    axes = list(range(x.ndim)) if given is None else [each % x.ndim for each in ints(given)]
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
    normed = (x - mean) / torch.sqrt(variance + number(arguments.get("epsilon", 1e-5)))
    shape = [x.shape[each] if each in axes else 1 for each in range(x.ndim)]
    if arguments.get("gamma") is not None:
        normed = normed * tensor(arguments["gamma"]).reshape(shape)
    return normed if arguments.get("beta") is None else normed + tensor(arguments["beta"]).reshape(shape)


def _l2_norm(arguments: Arguments) -> torch.Tensor:
    x = tensor(arguments["x"])
    squares = (x * x).sum(list(range(max(1, x.ndim - 3), x.ndim)), keepdim=True)
    return x / torch.sqrt(squares + number(arguments.get("epsilon", 1e-6)))


def _local_response_norm(arguments: Arguments) -> torch.Tensor:
    return functional.local_response_norm(
        tensor(arguments["x"]), int(arguments["size"]), number(arguments.get("alpha", 1e-4)),
        number(arguments.get("beta", 0.75)), number(arguments.get("k", 1.0)),
    )  # fmt: skip


OPERATIONS: dict[str, Callable[[Arguments], Any]] = {
    "batch_norm": _batch_norm,
    "instance_norm": _instance_norm,
    "layer_norm": _layer_norm,
    "l2_norm": _l2_norm,
    "local_response_norm": _local_response_norm,
}
