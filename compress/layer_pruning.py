"""Whole blocks that are taken out: shallower nets.

A block that gives as many channels and pixels as it takes can go from anywhere: an identity stands in its place, which
for residual blocks is their own shortcut. The last blocks can always go: what stood behind them, the head, then starts
again with random weights that fit. (A student as deep as its teacher and narrower: see `compress.filter_pruning`.)
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from compress.net import Net, fit_head
from compress.samples import Samples
from compress.training import Report, logits_of
from zoo.errors import TrainingError

_TRUNKS = ("features", "trunk", "blocks")


@dataclass(frozen=True, slots=True)
class _Block:
    """One block of a net.

    Attributes:
        path: of the module.
        keeps_shape: whether an identity could stand in its place.
    """

    path: str
    keeps_shape: bool


def removable(net: Net) -> tuple[str, ...]:
    """Paths of the blocks that can go from anywhere, in the order in which they run.

    Raises:
        TrainingError: the net has no row of blocks.
    """
    return tuple(each.path for each in _blocks(net) if each.keeps_shape)


def harms(net: Net, samples: Samples) -> dict[str, float]:
    """The loss of the net without each block that can go, by path.

    Args:
        net: any with a row of blocks.
        samples: a few hundred that the net was not trained on.

    Raises:
        TrainingError: the net has no row of blocks.
    """
    found = {}
    for path in removable(net):
        handle = net.module.get_submodule(path).register_forward_hook(
            lambda _block, inputs, _output: inputs[0]
        )
        try:
            loss = functional.cross_entropy(logits_of(net.module, samples), samples.labels)
        finally:
            handle.remove()
        found[path] = float(loss)
    return found


def prune_layers(net: Net, samples: Samples, count: int, report: Report = lambda _: None) -> Net:
    """Take out the blocks that are missed least, one after the other; after each, the others are judged again.

    Args:
        net: any with a row of blocks.
        samples: a few hundred that the net was not trained on.
        count: how many.
        report: told which went, and what the loss is without it.

    Raises:
        TrainingError: there are not so many blocks that can go.
    """
    possible = removable(net)
    if not 0 <= count <= len(possible):
        raise TrainingError(
            f"{count} blocks cannot go from {net.blueprint.architecture}: {_listed(possible)} can"
        )
    for _ in range(count):
        losses = harms(net, samples)
        least = min(losses, key=lambda path: losses[path])
        report(f"without {least} the loss is {losses[least]:.4f}")
        net = remove_blocks(net, [least])
    return net


def truncate(net: Net, blocks: int, *, seed: int = 0) -> Net:
    """Cut off the last blocks before the head.

    EfficientNet-Lite0 after its block 11 is ``truncate(net, 6)``: five blocks and the last convolution go.

    Args:
        net: any with a row of blocks.
        blocks: how many go; pools between and behind them stay.
        seed: of the new head's weights.

    Raises:
        TrainingError: nothing would be left, or the head cannot be fitted to what is.
    """
    paths = [each.path for each in _blocks(net)]
    if not 0 <= blocks < len(paths):
        raise TrainingError(
            f"{blocks} blocks cannot be cut off {net.blueprint.architecture}: 0 to {len(paths) - 1} can"
        )
    return remove_blocks(net, paths[len(paths) - blocks :], seed=seed)


def remove_blocks(net: Net, names: Collection[str], *, seed: int = 0) -> Net:
    """Take out the blocks of these paths.

    Args:
        net: any with a row of blocks.
        names: paths, such as ``features.12``: of `removable` ones, and of the last ones of the row.
        seed: of the new head's weights, where one is needed.

    Returns:
        A copy without them.

    Raises:
        TrainingError: a block is not there or cannot go, or the head cannot be fitted to what is left.
    """
    problems = _problems(net, names)
    if problems:
        raise TrainingError(f"{net.blueprint.architecture}: {'; '.join(problems)}")
    gone = tuple(dict.fromkeys(names))
    shorter = net.copy()
    for path in gone:
        shorter.module.set_submodule(path, nn.Identity())
    torch.manual_seed(seed)
    fit_head(shorter.module, net.blueprint.shape)
    shorter.module.eval()
    return Net(replace(net.blueprint, removed=(*net.blueprint.removed, *gone)), shorter.module)


def _problems(net: Net, names: Collection[str]) -> list[str]:
    blocks = _blocks(net)
    known = {each.path: each for each in blocks}
    possible = [each.path for each in blocks if each.keeps_shape]
    staying = [place for place, each in enumerate(blocks) if each.path not in names]
    tail = [each.path for each in blocks[staying[-1] + 1 :]] if staying else list(known)
    problems = [
        f"there is no block '{name}'; blocks are {_listed(known)}" for name in names if name not in known
    ]
    problems += [
        f"block '{name}' changes the shape and is not one of the last; {_listed(possible)} can go from anywhere"
        for name in names
        if name in known and name not in tail and not known[name].keeps_shape
    ]
    if not staying:
        problems.append("no block would be left")
    reshaped = [each for each in tail if not known[each].keeps_shape]
    if reshaped and not hasattr(net.module, _TRUNKS[0]):
        problems.append(f"its head cannot be fitted to the net without '{reshaped[0]}'")
    return problems


@torch.no_grad()
def _blocks(net: Net) -> list[_Block]:
    """Those of the net's row that are still there; pools are none."""
    trunk = next(
        (each for each in _TRUNKS if isinstance(getattr(net.module, each, None), nn.Sequential)), None
    )
    if trunk is None:
        raise TrainingError(f"{net.blueprint.architecture} has no row of blocks to take some out of")
    blocks: list[_Block] = []
    handles = [
        block.register_forward_hook(_noting(f"{trunk}.{name}", blocks))
        for name, block in getattr(net.module, trunk).named_children()
        if next(block.parameters(), None) is not None
    ]
    net.module.eval()(torch.zeros(1, *net.blueprint.shape))
    for each in handles:
        each.remove()
    return blocks


def _noting(path: str, blocks: list[_Block]) -> Any:
    def note(_block: Any, inputs: Any, output: torch.Tensor) -> None:
        blocks.append(_Block(path, inputs[0].shape == output.shape))

    return note


def _listed(names: Collection[str]) -> str:
    return ", ".join(names) or "none"
