"""Parameters and multiply-accumulates of a net, counted while it runs once."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, slots=True)
class Costs:
    """What a net costs.

    Attributes:
        params: learned numbers, shared ones once.
        statistics: running means and variances of batch norms, which Keras counts as parameters, too.
        macs: multiply-accumulates of convolutions and matrix products, attention's included. Not counted: biases, batch
            norms (folded before anything ships), activations, pools, sums, resizing.
    """

    params: int
    statistics: int
    macs: int


def count(module: Any, example: torch.Tensor) -> Costs:
    """Count the costs of ``module`` for one example of batch 1; works on the device ``meta``, too."""
    was_training = module.training
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            module.eval()(example)
    finally:
        module.train(was_training)
    statistics = sum(
        buffer.numel()
        for each in module.modules()
        if isinstance(each, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001 - the base of all three
        for buffer in (each.running_mean, each.running_var)
        if buffer is not None
    )
    return Costs(
        sum(each.numel() for each in module.parameters()), statistics, counter.get_total_flops() // 2
    )
