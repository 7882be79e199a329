"""Mixed precision: bits for every layer, by how much it minds, under a size budget.

Each layer alone is quantized to each choice of bits, and the loss on a few hundred samples is what that costs. Losses
are taken to add up (as HAWQ-V3 does, Yao et al. 2020, arXiv:2011.10680), so the best choice under a budget is a
multiple-choice knapsack, solved by dynamic programming with dominance (Kellerer, Pferschy and Pisinger 2004, chapter
11): a partial choice that another one beats in both size and loss is dropped. It is exact, and so never worse than
lowering the layer with the least loss a byte, step by step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from compress.layers import weight_layers
from compress.net import Net
from compress.quantization import BITS, fitting_scales, on_grid
from compress.samples import Samples
from compress.training import CrossEntropy, Objective
from zoo.errors import UsageError

SAMPLES = 512
_FLOAT_BYTES = 4
_MOST_CHOICES = (
    50_000  # partial choices that are kept; beyond them every other one is dropped, and it is nearly exact
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One layer in one number of bits.

    Attributes:
        bits: of its weights.
        size_bytes: of its weights and scales.
        loss: by how much the net's loss rises.
    """

    bits: int
    size_bytes: int
    loss: float


@dataclass(frozen=True, slots=True)
class Scan:
    """What a net's layers mind.

    Attributes:
        layers: choices of every layer, by its path.
        rest_bytes: of biases and norms, which stay floats.
    """

    layers: dict[str, tuple[Choice, ...]]
    rest_bytes: int


def choose_bits(
    net: Net,
    samples: Samples,
    budget_bytes: int,
    *,
    choices: Sequence[int] = BITS,
    objective: Objective | None = None,
) -> dict[str, int]:
    """Bits of every layer, for `compress.quantization.quantize_aware`.

    Args:
        net: trained; it is not changed.
        samples: the first few hundred are looked at.
        budget_bytes: for weights at their bits, scales, biases and norms.
        choices: numbers of bits to choose from.
        objective: whose loss counts; cross entropy by default.

    Raises:
        UsageError: the budget is less than the fewest bits take.
    """
    return fit_budget(scan(net, samples, choices, objective), budget_bytes)


@torch.no_grad()
def scan(
    net: Net, samples: Samples, choices: Sequence[int] = BITS, objective: Objective | None = None
) -> Scan:
    """Quantize one layer at a time and measure the loss.

    Args:
        net: trained; it is not changed.
        samples: the first few hundred are looked at.
        choices: numbers of bits.
        objective: whose loss counts; cross entropy by default.
    """
    module = net.folded().module
    few, measure = samples.first(SAMPLES), objective or CrossEntropy()
    before = _loss(module, few, measure)
    layers = {}
    for path, layer in weight_layers(module).items():
        weight = layer.weight.detach().clone()
        found = []
        for bits in sorted(choices):
            layer.weight.copy_(on_grid(weight, fitting_scales(weight, bits), bits))
            found.append(Choice(bits, size_bytes(weight, bits), _loss(module, few, measure) - before))
        layer.weight.copy_(weight)
        layers[path] = tuple(found)
    held = {id(each.weight) for each in weight_layers(module).values()}
    rest = sum(each.numel() for each in module.parameters() if id(each) not in held)
    return Scan(layers, _FLOAT_BYTES * rest)


def size_bytes(weight: torch.Tensor, bits: int) -> int:
    """Of a layer's integers and its scales, one a channel."""
    return -(-weight.numel() * bits // 8) + _FLOAT_BYTES * weight.shape[0]


def _loss(module: Any, samples: Samples, objective: Objective) -> float:
    total = sum(float(objective.loss(module, each)) * len(each.labels) for each in samples.batches())
    return total / len(samples)


def fit_budget(scanned: Scan, budget_bytes: int) -> dict[str, int]:
    """The bits with the least sum of losses that fit.

    Args:
        scanned: what each layer costs.
        budget_bytes: for everything.

    Raises:
        UsageError: nothing fits.
    """
    sizes, losses = np.array([scanned.rest_bytes]), np.zeros(1)
    taken: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for choices in scanned.layers.values():
        grown = (sizes[:, None] + [each.size_bytes for each in choices]).ravel()
        lost = (losses[:, None] + [each.loss for each in choices]).ravel()
        kept = _unbeaten(grown, lost, budget_bytes)
        if not kept.size:
            least = scanned.rest_bytes + sum(
                min(each.size_bytes for each in row) for row in scanned.layers.values()
            )
            raise UsageError(
                f"mixed precision: {budget_bytes} bytes are wanted, and the fewest bits take {least}. "
                "Give more, or begin with a smaller net"
            )
        sizes, losses = grown[kept], lost[kept]
        taken.append(np.divmod(kept, len(choices)))
    place = int(losses.argmin())
    bits: dict[str, int] = {}
    for (path, choices), (before, choice) in zip(
        reversed(scanned.layers.items()), reversed(taken), strict=True
    ):
        bits[path] = choices[int(choice[place])].bits
        place = int(before[place])
    return dict(reversed(bits.items()))


def _unbeaten(sizes: NDArray[np.int64], losses: NDArray[np.float64], budget: int) -> NDArray[np.int64]:
    """Places of those that fit and that none beats in both, the smallest first."""
    order = np.lexsort((losses, sizes))
    order = order[sizes[order] <= budget]
    best = np.minimum.accumulate(losses[order])
    better = np.ones(order.size, np.bool_)
    better[1:] = best[1:] < best[:-1]
    kept = order[better]
    while kept.size > _MOST_CHOICES:
        kept = kept[::-1][::2][::-1]  # the largest, which has the least loss, stays
    return kept
