"""Statistics for batch norms of nets that nobody trained yet."""

from typing import Any

import torch
from torch import nn

_BATCH = 16
_SEED = 1


def settle(module: Any, example: torch.Tensor) -> Any:
    """Give every batch norm the statistics of a batch of standard normal inputs.

    With random weights and the usual statistics (mean 0, variance 1) signals die out on their way through a
    deep net: its
    outputs are its last biases, and errors of arithmetic do not show. With these, every layer's signal has
    unit variance,
    as in a trained net.

    Args:
        module: changed in place, left in evaluation mode.
        example: one input of batch 1; only its shape is used.
    """
    norms = [each for each in module.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]  # noqa: SLF001
    if norms:
        before = [each.momentum for each in norms]
        for each in norms:
            each.momentum = 1.0
        noise = torch.randn((_BATCH, *example.shape[1:]), generator=torch.Generator().manual_seed(_SEED))
        with torch.no_grad():
            module.train()(noise)
        for each, momentum in zip(norms, before, strict=True):
            each.momentum = momentum
    return module.eval()
