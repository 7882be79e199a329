"""Weights that share few values: a codebook a layer, by k-means, with centroids fine-tuned (deep compression).

Han, Mao and Dally 2015, arXiv:1510.00149, section 3: centroids start evenly between the smallest and the largest
weight, which keeps the rare large ones; the gradient of a centroid is the sum over its weights. Zero is a value of its
own in a pruned layer and stays where it is; it is one of the 2^bits, so that a palette of as many bits holds all.

``rate`` makes indices cheaper to store: a value is taken if its squared error and the length of its code together are
least (entropy-constrained quantization: Chou, Lookabaugh and Gray 1989; for nets Choi et al. 2016, arXiv:1612.01543).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from compress.layers import bits_by_layer, round_to_half, weight_layers
from compress.net import Net
from compress.samples import Samples
from compress.training import KeepZeros, Objective, Report, Settings, fit

BITS = (1, 2, 3, 4, 5, 6, 7, 8)
_ROUNDS = 60

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sharing:
    """How weights are shared.

    Attributes:
        bits: of every layer, or by path; a layer has at most 2^bits values, zero among them.
        rate: price of a bit of code, in units of the mean squared distance that evenly spread values would leave;
            0 is plain k-means, 1 already gives much shorter codes.
        half: round all numbers of the net to float16, so that 2 bytes store them exactly.
    """

    bits: int | Mapping[str, int]
    rate: float = 0.0
    half: bool = True


def share_weights(
    net: Net,
    samples: Samples | None,
    settings: Settings | None,
    sharing: Sharing,
    *,
    seed: int,
    objective: Objective | None = None,
    report: Report = lambda _: None,
) -> Net:
    """Give every layer a codebook and fine-tune its values.

    Batch norms are folded first.

    Args:
        net: trained, perhaps pruned; it is not changed.
        samples: to fine-tune on.
        settings: of the fine-tuning; ``None`` for none.
        sharing: how many values, and which.
        seed: see `fit`.
        objective: what is minimised; cross entropy by default.
        report: told how far it is.

    Returns:
        A folded net whose every weight is exactly one of its layer's values.

    Raises:
        UnknownNameError: there is no such layer.
        UsageError: no such number of bits.
        TrainingError: the loss is no number any more.
    """
    made = net.folded()
    codebooks = Codebooks(sharing)
    codebooks.begin(made.module, 0)
    if settings is not None and samples is not None:
        fit(
            made.module,
            samples,
            settings,
            seed=seed,
            objective=objective,
            constraints=[KeepZeros(), codebooks],
            report=report,
        )
    if sharing.half:
        round_to_half(made.module)
    return made


class Codebooks:
    """A constraint: every weight is one of its layer's values.

    Args:
        sharing: how many values, and which.
    """

    def __init__(self, sharing: Sharing) -> None:
        """Know no layer yet."""
        self.sharing = sharing
        self._layers: list[_Layer] = []

    def begin(self, module: Any, steps: int) -> None:  # noqa: ARG002 - of the protocol
        """See `compress.training.Constraint.begin`; codebooks are made once and stay for a second training."""
        if self._layers:
            return
        layers = weight_layers(module)
        for path, bits in bits_by_layer(module, self.sharing.bits, BITS).items():
            self._layers.append(_Layer(layers[path].weight, 2**bits, self.sharing.rate))

    def before_step(self, module: Any) -> None:  # noqa: ARG002 - of the protocol
        """See `compress.training.Constraint.before_step`."""
        for each in self._layers:
            each.sum_gradients()

    def after_step(self, module: Any, step: int) -> None:  # noqa: ARG002 - of the protocol
        """See `compress.training.Constraint.after_step`."""
        for each in self._layers:
            each.tie()


class _Layer:
    """One weight: which of its elements are one value.

    Every element carries its value; an optimizer that gets the same gradient for all of them moves them together, and
    the first of them is what the others are set to, should rounding tell them apart.
    """

    def __init__(self, weight: torch.Tensor, most: int, rate: float) -> None:
        flat = weight.detach().flatten()
        self.weight = weight
        self.kept = flat != 0
        values = flat[self.kept].double().numpy()
        room = most if bool(self.kept.all()) else most - 1
        codebook, members = cluster(values, max(1, room), rate)
        self.members = torch.from_numpy(members)
        self.count = len(codebook)
        places = self.kept.nonzero().flatten()
        first = np.unique(members, return_index=True)[1]
        self.first = places[torch.from_numpy(first)]
        with torch.no_grad():
            self._write(torch.from_numpy(codebook.astype(np.float32)))

    def sum_gradients(self) -> None:
        """Equation 3 of Han et al.: each element gets the sum over all that share its value."""
        gradient = self.weight.grad
        if gradient is None:
            return
        flat = gradient.flatten()
        sums = torch.zeros(self.count).index_add_(0, self.members, flat[self.kept])
        flat = torch.zeros_like(flat)
        flat[self.kept] = sums[self.members]
        gradient.copy_(flat.reshape(gradient.shape))

    def tie(self) -> None:
        with torch.no_grad():
            self._write(self.weight.detach().flatten()[self.first])

    def _write(self, codebook: torch.Tensor) -> None:
        flat = torch.zeros(self.weight.numel())
        flat[self.kept] = codebook[self.members]
        self.weight.copy_(flat.reshape(self.weight.shape))


def cluster(values: Array, most: int, rate: float = 0.0) -> tuple[Array, NDArray[np.int64]]:
    """One-dimensional k-means (Lloyd 1982) from evenly spread centroids.

    Args:
        values: (N,).
        most: centroids.
        rate: see `Sharing`.

    Returns:
        Centroids that have members, ascending, and which of them each value belongs to, (N,).
    """
    distinct = np.unique(values)
    if distinct.size == 1 or (distinct.size <= most and rate == 0.0):
        return distinct, np.searchsorted(distinct, values)
    if distinct.size == 0:
        return np.zeros(0), np.zeros(0, np.int64)
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    sums = np.concatenate(([0.0], np.cumsum(ascending)))
    centroids = np.linspace(distinct[0], distinct[-1], most)
    price = rate * ((distinct[-1] - distinct[0]) / max(1, most)) ** 2 / 12
    lengths = np.zeros(most)
    edges = np.zeros(0, np.int64)
    for _ in range(_ROUNDS):
        before = edges
        centroids, lengths, edges = _cells(ascending, centroids, price * lengths)
        counts = np.diff(edges)
        centroids = np.diff(sums[edges]) / counts
        lengths = -np.log2(counts / values.size)
        if np.array_equal(edges, before):
            break
    members = np.empty(values.size, np.int64)
    members[order] = np.repeat(np.arange(len(centroids)), np.diff(edges))
    return centroids, members


def _cells(ascending: Array, centroids: Array, costs: Array) -> tuple[Array, Array, NDArray[np.int64]]:
    """Cells of least squared distance plus cost: in one dimension they are intervals.

    Returns:
        The centroids that have members, their costs, and where their cells begin and end in ``ascending``.
    """
    while True:
        # Left and right cost the same at the midpoint, moved towards the dearer one.
        middles = (centroids[1:] + centroids[:-1]) / 2 + np.diff(costs) / (2 * np.diff(centroids))
        inner = np.searchsorted(ascending, middles)
        edges = np.concatenate(([0], np.maximum.accumulate(inner), [ascending.size]))
        kept = np.diff(edges) > 0
        if kept.all():
            return centroids, costs, edges
        centroids, costs = centroids[kept], costs[kept]
