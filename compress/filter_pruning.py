"""Filters and neurons that are really taken out: the net becomes narrower, and so does everything that reads them.

Layers that must lose the same channels (those that are added, a depthwise convolution and what it reads) are found by
torch-pruning's dependency graph (Fang et al. 2023, arXiv:2301.12900). The outputs of the net, its ``classifier``, stay.

A narrower student that starts from its teacher's most important channels is the same thing: ``prune_filters(teacher,
Cut(0.25))`` is three quarters as wide.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import torch
import torch_pruning
from torch import nn

from architectures.costs import count
from architectures.nets.transformer import Block
from compress import shares
from compress.net import Net
from compress.samples import Batch
from compress.shares import Spread
from compress.training import Objective
from zoo.errors import TrainingError

_HEAD = "classifier"
_LEAST = 2  # channels: torch-pruning takes a convolution of one channel for a depthwise one
# A global ranking may empty single layers (VainF/Torch-Pruning#144): so much of a layer goes at most.
_MOST = 0.9
_HALVINGS = 12
# What torch-pruning raises for nets that it cannot follow.
_UNTRACEABLE = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Importance(StrEnum):
    """What makes a filter worth keeping."""

    L1 = "l1"
    """The sum of its absolute weights (Li et al. 2016, arXiv:1608.08710), and of those that belong to it in other
    layers (Fang et al. 2023)."""
    NORM = "bn"
    """The scale of its batch norm (network slimming, Liu et al. 2017, arXiv:1708.06519); see `SparseNorms`."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is taken out.

    Attributes:
        share: of the filters of each layer, or of all layers together.
        macs_share: share of the multiply-accumulates that must go at least; ``share`` is then found.
        by: what makes a filter worth keeping.
        spread: whether layers are ranked each for itself or together; named ones are always ranked for themselves.
        round_to: widths become multiples of it, where they are large enough.
        layers: other shares of layers, by path; a path stands for all layers below it, too. Layers that must lose the
            same channels follow the one that is named.
    """

    share: float = 0.0
    macs_share: float | None = None
    by: Importance = Importance.L1
    spread: Spread = Spread.UNIFORM
    round_to: int = 1
    layers: Mapping[str, float] = field(default_factory=dict)


class SparseNorms:
    """An objective with the sum of the batch norms' absolute scales added: useless channels fade (Liu et al. 2017).

    Args:
        objective: what is minimised beside it.
        weight: of the sum; the paper has 1e-4 and 1e-5.
    """

    def __init__(self, objective: Objective, weight: float = 1e-4) -> None:
        """Keep both."""
        self.objective, self.weight = objective, weight

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        """See `compress.training.Objective.loss`."""
        scales = [each.weight.abs().sum() for each in module.modules() if isinstance(each, nn.BatchNorm2d)]
        return self.objective.loss(module, batch) + self.weight * sum(scales, torch.zeros(()))

    def parameters(self) -> Iterator[nn.Parameter]:
        """The other objective's."""
        return self.objective.parameters()


def prune_filters(net: Net, cut: Cut) -> Net:
    """Take the least important filters out of a copy of a net.

    Right after a large cut the net is near chance; training brings it back.

    Args:
        net: of any family; in Transformers only the hidden neurons of the dense layers go.
        cut: what is taken out.

    Returns:
        The narrower net.

    Raises:
        TrainingError: a share or a layer makes no sense, there is nothing to rank by, torch-pruning cannot follow the
            net, or no cut removes so many multiply-accumulates.
    """
    ranked = _ranked(net, cut.by)
    paths = [path for each in ranked for path in each.layers]
    shares.check(cut.share, cut.layers, paths)
    if cut.macs_share is None:
        return _without(net, _chosen(ranked, cut, cut.share))
    shares.check(cut.macs_share, {}, paths)
    return _cheaper(net, ranked, cut, cut.macs_share)


@dataclass(frozen=True, slots=True)
class _Coupled:
    """Layers that lose the same channels.

    Attributes:
        layers: paths of the convolutions and dense layers that give them; the first is torch-pruning's root.
        scores: importance of each channel.
    """

    layers: Sequence[str]
    scores: torch.Tensor


def _ranked(net: Net, by: Importance) -> list[_Coupled]:
    """All channels that may go, with their importance."""
    kind = torch_pruning.importance
    judge = (
        kind.MagnitudeImportance(p=1, normalizer=None)
        if by is Importance.L1
        else kind.BNScaleImportance(normalizer=None)
    )
    module, found = net.copy().module, []
    names = {each: path for path, each in module.named_modules()}
    with _translated(net):
        graph = _graph(net, module)
        for group in graph.get_all_groups(ignored_layers=_whole(module)):
            layers = [
                names[dep.target.module]
                for dep, _ in group
                if isinstance(dep.target.module, nn.Conv2d | nn.Linear)
                and graph.is_out_channel_pruning_fn(dep.handler)
            ]
            scores = judge(group)
            if scores is not None:
                found.append(_Coupled(list(dict.fromkeys(layers)), scores))
    if not found:
        raise TrainingError(
            f"{net.blueprint.architecture} has no batch norms to rank filters by; take 'l1', or prune before folding"
        )
    return found


def _chosen(ranked: Sequence[_Coupled], cut: Cut, share: float) -> dict[str, list[int]]:
    """Numbers of the channels that go, by root."""
    own = [_named(each, cut) for each in ranked]
    rest = [each for each, named in zip(ranked, own, strict=True) if named is None]
    if cut.spread is Spread.GLOBAL:
        gone = _least_of_all(rest, share)
    else:
        gone = {each.layers[0]: round(share * len(each.scores)) for each in rest}
    for each, named in zip(ranked, own, strict=True):
        if named is not None:
            gone[each.layers[0]] = round(named * len(each.scores))
    chosen = {}
    for each in ranked:
        width = len(each.scores)
        left = _width(width - gone[each.layers[0]], width, cut.round_to)
        chosen[each.layers[0]] = sorted(each.scores.argsort(stable=True)[: width - left].tolist())
    return chosen


def _named(coupled: _Coupled, cut: Cut) -> float | None:
    found = [shares.named_share(path, cut.layers) for path in coupled.layers]
    return next((each for each in found if each is not None), None)


def _least_of_all(ranked: Sequence[_Coupled], share: float) -> dict[str, int]:
    """How many channels each root loses when all are ranked together, each in terms of its layer's mean."""
    gone = {each.layers[0]: 0 for each in ranked}
    means = [each.scores / each.scores.mean().clamp(min=1e-30) for each in ranked]
    owners = torch.cat([torch.full((len(each),), place) for place, each in enumerate(means)])
    left = round(share * len(owners))
    for place in owners[torch.cat(means).argsort(stable=True)].tolist():
        root = ranked[place].layers[0]
        if left and gone[root] + 1 <= _MOST * len(means[place]):
            gone[root] += 1
            left -= 1
    return gone


def _width(wanted: int, width: int, round_to: int) -> int:
    """The multiple of ``round_to`` that is nearest, not above ``width`` and not below what a layer needs."""
    rounded = round_to * max(1, round(wanted / round_to))
    return min(width, max(rounded, _LEAST))


def _without(net: Net, gone: Mapping[str, Sequence[int]]) -> Net:
    """A copy without those channels, built again from its bytes: so it is sure to survive them."""
    narrow = net.copy()
    with _translated(net):
        graph = _graph(net, narrow.module)
        for path, places in gone.items():
            layer = narrow.module.get_submodule(path)
            if places:
                graph.get_pruning_group(
                    layer, graph.get_pruner_of_module(layer).prune_out_channels, list(places)
                ).prune()
        narrow.module(torch.zeros(1, *net.blueprint.shape))
    return narrow.copy()


def _cheaper(net: Net, ranked: Sequence[_Coupled], cut: Cut, macs_share: float) -> Net:
    """The widest net that does without so many multiply-accumulates, by halving an interval of shares."""
    example = torch.zeros(1, *net.blueprint.shape)
    allowed = (1 - macs_share) * count(net.module, example).macs
    low, high = 0.0, 1.0
    best = _without(net, _chosen(ranked, cut, high))
    least = count(best.module, example).macs
    if least > allowed:
        whole = count(net.module, example).macs
        raise TrainingError(
            f"filters of {net.blueprint.architecture} hold at most {100 * (1 - least / whole):.1f} % of its "
            f"multiply-accumulates; {100 * macs_share:g} % was asked for"
        )
    tried: dict[tuple[int, ...], bool] = {}
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        chosen = _chosen(ranked, cut, middle)
        widths = tuple(len(each) for each in chosen.values())
        if widths not in tried:
            found = _without(net, chosen)
            tried[widths] = count(found.module, example).macs <= allowed
            best = found if tried[widths] else best
        low, high = (low, middle) if tried[widths] else (middle, high)
    return best


def _graph(net: Net, module: Any) -> Any:
    with torch.enable_grad():
        return torch_pruning.DependencyGraph().build_dependency(
            module.eval(), torch.zeros(1, *net.blueprint.shape), verbose=False
        )


def _whole(module: Any) -> list[Any]:
    """Layers whose outputs all stay: the classes, and what a Transformer splits into heads or adds to its tokens."""
    found = [module.get_submodule(_HEAD)]
    if any(isinstance(each, Block) for each in module.modules()):
        hidden = [each.dense[0] for each in module.modules() if isinstance(each, Block)]
        found = [
            each
            for each in module.modules()
            if isinstance(each, nn.Linear | nn.LayerNorm) and each not in hidden
        ]
    return found


@contextmanager
def _translated(net: Net) -> Iterator[None]:
    try:
        yield
    except _UNTRACEABLE as problem:
        found = " ".join(str(problem).split())[:200] or type(problem).__name__
        raise TrainingError(
            f"torch-pruning cannot take filters out of {net.blueprint.architecture}: {found}"
        ) from problem
