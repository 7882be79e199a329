"""Weights that become zero one by one: little by little while the net learns, or as lottery tickets.

A pruned net has its old shapes; the mask is where its weights are not zero, and `compress.training.KeepZeros` keeps it.
Depthwise kernels stay whole unless they are named: they hold few weights and lose much. Zhu and Gupta (2017) leave
those of MobileNet whole, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from compress import shares
from compress.net import Net, fresh, from_scratch
from compress.samples import Samples
from compress.shares import Spread
from compress.training import Constraint, KeepZeros, Objective, Report, Settings, fit
from zoo.errors import TrainingError

_HEAD = "classifier"


@dataclass(frozen=True, slots=True)
class Sparsity:
    """What is to become zero, and when.

    Attributes:
        share: of the weights of each layer, or of all layers together.
        layers: other shares of layers, by path; a path stands for all layers below it, too.
        spread: whether layers are ranked each for itself or together; named ones are always ranked for themselves.
        ramp: share of the steps in which the zeros become more; in the rest the net recovers.
        every: steps after which they become more.
    """

    share: float
    layers: Mapping[str, float] = field(default_factory=dict)
    spread: Spread = Spread.UNIFORM
    ramp: float = 0.6
    every: int = 50


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of a layer.

    Attributes:
        layer: its path.
        kept: weights that are not zero.
        total: all weights, without biases.
    """

    layer: str
    kept: int
    total: int


def kept_weights(net: Net) -> tuple[Kept, ...]:
    """What is left of every convolution and dense layer."""
    return tuple(
        Kept(path, int(torch.count_nonzero(each.weight)), each.weight.numel())
        for path, each in _layers(net.module).items()
    )


def prune_weights(
    net: Net,
    samples: Samples,
    settings: Settings,
    sparsity: Sparsity,
    *,
    seed: int,
    objective: Objective | None = None,
    report: Report = lambda _: None,
) -> Net:
    """Train a copy of a net while its smallest weights become zero: see `GradualMagnitude` and `fit`.

    Raises:
        TrainingError: a share or a layer makes no sense, or the loss is no number.
    """
    pruned = net.copy()
    constraints: list[Constraint] = [KeepZeros(), GradualMagnitude(sparsity)]
    fit(
        pruned.module,
        samples,
        settings,
        seed=seed,
        objective=objective,
        constraints=constraints,
        report=report,
    )
    return pruned


@dataclass(slots=True)
class _Pool:
    """Weights that are ranked together.

    Attributes:
        weights: of one layer or of many.
        masks: ones and zeros, one tensor a weight.
        start: share of zeros before the training.
        goal: share of zeros at its end.
    """

    weights: list[torch.Tensor]
    masks: list[torch.Tensor]
    start: float
    goal: float

    def rank(self, share: float) -> None:
        """Make so many of the smallest weights zero in the masks."""
        sizes = torch.cat([each.detach().abs().flatten() for each in self.weights])
        mask = torch.ones_like(sizes)
        mask[sizes.topk(round(share * len(sizes)), largest=False).indices] = 0
        parts = mask.split([each.numel() for each in self.weights])
        self.masks = [part.view_as(each) for part, each in zip(parts, self.weights, strict=True)]

    def apply(self) -> None:
        """Make zero what the masks say."""
        with torch.no_grad():
            for weight, mask in zip(self.weights, self.masks, strict=True):
                weight.mul_(mask).add_(0.0)


class GradualMagnitude:
    """A `compress.training.Constraint`: more and more of the smallest weights are zero.

    After step t of T, ``goal + (start - goal) (1 - t / (ramp T))^3`` of the weights are (Zhu and Gupta 2017,
    arXiv:1710.01878, equation 1); at the end of the ramp exactly ``goal``, rounded to whole weights. Zeros that a net
    comes with count, and stay.

    Args:
        sparsity: what is to become zero.
    """

    def __init__(self, sparsity: Sparsity) -> None:
        """Nothing is known before training begins."""
        self.sparsity = sparsity
        self._pools: list[_Pool] = []
        self._end = 0.0
        self._done = False

    def begin(self, module: Any, steps: int) -> None:
        """See `Constraint.begin`.

        Raises:
            TrainingError: a share or a layer makes no sense.
        """
        found, named = _layers(module), self.sparsity.layers
        shares.check(self.sparsity.share, named, found)
        self._end, self._done = self.sparsity.ramp * steps, False
        own = {path: shares.named_share(path, named) for path in found}
        rest = [path for path in found if own[path] is None and not _depthwise(found[path])]
        together = [rest] if self.sparsity.spread is Spread.GLOBAL and rest else [[path] for path in rest]
        goals = [([path], share) for path, share in own.items() if share is not None]
        goals += [(paths, self.sparsity.share) for paths in together]
        self._pools = [_pool([found[path].weight for path in paths], goal) for paths, goal in goals]

    def before_step(self, module: Any) -> None:
        """See `Constraint.before_step`."""

    def after_step(self, module: Any, step: int) -> None:  # noqa: ARG002 - of the protocol
        """See `Constraint.after_step`."""
        for pool in self._pools:
            pool.apply()
        over = step >= self._end
        if not self._done and (over or step % self.sparsity.every == 0):
            left = 0.0 if over else (1 - step / self._end) ** 3
            for pool in self._pools:
                pool.rank(pool.goal + (pool.start - pool.goal) * left)
                pool.apply()
        self._done = over


def _pool(weights: list[torch.Tensor], goal: float) -> _Pool:
    masks = [(each.detach() != 0).to(each.dtype) for each in weights]
    start = 1 - float(sum(each.sum(dtype=torch.float64) for each in masks)) / sum(
        each.numel() for each in masks
    )
    return _Pool(weights, masks, start, max(start, goal))


@dataclass(frozen=True, slots=True)
class Lottery:
    """How tickets are drawn (Frankle and Carbin 2018, arXiv:1803.03635: the output layer loses half as much).

    Attributes:
        per_round: share of what survives that each layer loses in a round.
        head_per_round: the same of the layer of the classes, which is small.
        reinit: train new random weights under the mask, and not the initial ones: what a ticket is compared with.
    """

    per_round: float = 0.2
    head_per_round: float = 0.1
    reinit: bool = False


def tickets(
    initial: Net,
    samples: Samples,
    settings: Settings,
    lottery: Lottery,
    *,
    share: float,
    seed: int,
    report: Report = lambda _: None,
) -> Net:
    """Draw the ticket of that share (see `draw`) and train it.

    Args:
        initial: an untrained net.
        samples: to train on.
        settings: of each round's training, and of the last.
        lottery: how tickets are drawn.
        share: of the weights that go.
        seed: of all trainings.
        report: told of every round and of the last training.

    Raises:
        TrainingError: the share makes no sense, or the loss is no number.
    """
    (ticket,) = draw(initial, samples, settings, lottery, wanted=[share], seed=seed, report=report)
    if lottery.reinit:
        ticket = reinitialized(ticket, seed + 1)
    fit(ticket.module, samples, settings, seed=seed, report=report)
    return ticket


def draw(
    initial: Net,
    samples: Samples,
    settings: Settings,
    lottery: Lottery,
    *,
    wanted: Sequence[float],
    seed: int,
    report: Report = lambda _: None,
) -> list[Net]:
    """Find sparse nets of initial weights that learn well.

    Each round trains what survives, takes the smallest weights of every layer away, and puts the others back to where
    they began. A share between two rounds is reached by a round that takes less.

    Args:
        initial: an untrained net.
        samples: to train on.
        settings: of each round's training.
        lottery: how much a round takes.
        wanted: shares of the weights that are gone, one ticket each; they cost no more rounds than the largest.
        seed: of all trainings.
        report: told of every round.

    Returns:
        For each share a net whose weights are the initial ones or zero, not trained.

    Raises:
        TrainingError: a share makes no sense, or the loss is no number.
    """
    for share in wanted:
        shares.check(share, {}, ())
    ticket, found, number = initial.copy(), dict[float, Net](), 0
    total = sum(_counts(initial).values())
    while len(found) < len(set(wanted)):
        number += 1
        before = _counts(ticket)
        after = _after_round(before, lottery, 1.0)
        if after == before:
            raise TrainingError(f"lottery: rounds take nothing any more at {sum(before.values())} weights")
        trained = ticket.copy()
        fit(trained.module, samples, settings, seed=seed)
        for share in set(wanted) - set(found):
            if sum(after.values()) <= round((1 - share) * total):
                exact = _between(before, lottery, round((1 - share) * total))
                found[share] = _rewound(initial, trained, exact)
        ticket = _rewound(initial, trained, after)
        report(f"round {number}: {100 * sum(after.values()) / total:.1f} % of the weights are left")
    return [found[share] for share in wanted]


def reinitialized(ticket: Net, seed: int) -> Net:
    """New random weights of the same kind under the mask of a ticket."""
    other = fresh(ticket.blueprint, seed)
    shapes = [{path: each.shape for path, each in net.module.state_dict().items()} for net in (other, ticket)]
    if shapes[0] != shapes[1]:
        other = from_scratch(ticket, seed)
    found = _layers(other.module)
    with torch.no_grad():
        for path, layer in _layers(ticket.module).items():
            found[path].weight.mul_(layer.weight != 0).add_(0.0)
    return other


def _counts(net: Net) -> dict[str, int]:
    """Weights that survive, by layer."""
    layers = _layers(net.module).items()
    return {path: int(torch.count_nonzero(each.weight)) for path, each in layers if not _depthwise(each)}


def _after_round(counts: Mapping[str, int], lottery: Lottery, part: float) -> dict[str, int]:
    """What survives a round, or a part of one; a layer never loses its last weight."""
    rates = {path: lottery.head_per_round if path == _HEAD else lottery.per_round for path in counts}
    return {path: max(1, round(each * (1 - part * rates[path]))) for path, each in counts.items()}


def _between(counts: Mapping[str, int], lottery: Lottery, target: int) -> dict[str, int]:
    """What survives the part of a round that leaves ``target`` weights; the largest layer makes up for rounding."""
    before, after = sum(counts.values()), sum(_after_round(counts, lottery, 1.0).values())
    found = _after_round(counts, lottery, (before - target) / (before - after))
    largest = max(found, key=lambda path: found[path])
    found[largest] += target - sum(found.values())
    return found


def _rewound(initial: Net, trained: Net, counts: Mapping[str, int]) -> Net:
    """The initial weights where the trained ones are the ``counts`` largest of their layer, and zeros."""
    ticket = initial.copy()
    layers = _layers(ticket.module)
    with torch.no_grad():
        for path, layer in _layers(trained.module).items():
            if path in counts:
                kept = layer.weight.abs().flatten().topk(counts[path]).indices
                mask = torch.zeros(layer.weight.numel())
                mask[kept] = 1
                layers[path].weight.mul_(mask.view_as(layer.weight)).add_(0.0)
    return ticket


def _layers(module: Any) -> dict[str, Any]:
    return {path: each for path, each in module.named_modules() if isinstance(each, nn.Conv2d | nn.Linear)}


def _depthwise(layer: Any) -> bool:
    return isinstance(layer, nn.Conv2d) and layer.groups > 1
