"""What runs: the features of a net that its latency follows from."""

import math
from dataclasses import astuple, dataclass
from typing import Any, Self

from prediction.nets import workload
from prediction.query import Query
from prediction.workload import Workload

# Where the work by kind is unknown, the middle of the nets that were measured stands for it; see `Job.vague`.
_MIDDLE_SHARES = (0.06, 0.35, 0.01, 0.0)
_MIDDLE_ELEMENTS = -4.5
_MIDDLE_LAYERS = 3.9
_MIDDLE_PARAMS = math.log(4e6)
_MIDDLE_PIXELS = math.log(224 * 224)
_MIDDLE_MACS = math.log(500e6)

# How far a precision is from float32 on most processors: 2 is int8 throughout.
_PRECISIONS = {
    "float32": 0.0, "float16": 0.3, "sparse": 0.5, "int8": 2.0, "w8a16": 1.4, "int16": 1.2, "int8_dynamic": 1.2,
    "mixed": 1.0, "int8_weights": 1.0,
}  # fmt: skip
_ODD_PRECISION = 0.7

COSTS = ("conv", "depthwise", "pointwise", "dense", "elements", "params", "layers")
"""What takes time; see `Job.work`."""


@dataclass(frozen=True, slots=True)
class Job:
    """What runs.

    Attributes:
        net: with width and resolution.
        family: architecture.
        precision: see `registry.values.Precision`.
        falls: 1 where part of it is known to fall back to the CPU, else 0.
        size: logarithms of MACs, parameters and pixels, centred and scaled.
        mix: shares of depthwise, convolution, dense and other work, numbers put out a MAC, and layers; scaled.
        bits: how far the precision is from float32.
        vague: 1 or 0: parameters, pixels, MACs, work by kind are unknown.
        work: millions of MACs of convolutions, depthwise, pointwise and dense work, of numbers put out and of
            parameters, and layers; usual shares of what is known stand for what is not. In the order of `COSTS`.
    """

    net: str
    family: str
    precision: str
    falls: float
    size: tuple[float, float, float]
    mix: tuple[float, ...]
    bits: float
    vague: tuple[float, float, float, float]
    work: tuple[float, ...]

    @classmethod
    def of(cls, query: Query) -> Self:
        """The job that ``query`` asks about."""
        work = workload(query)
        vague = tuple(float(each is None) for each in (work.params, work.pixels, work.macs, work.by_kind))
        net = f"{query.net}/{'' if query.alpha is None else f'{query.alpha:g}'}/{query.resolution}"
        bits = _PRECISIONS.get(query.precision, _ODD_PRECISION)
        return cls(
            net, query.family, query.precision, float(query.falls_back), _size(work), _mix(work), bits,
            (vague[0], vague[1], vague[2], vague[3]), _work(work),
        )  # fmt: skip

    @property
    def known(self) -> bool:
        """Whether anything says how large it is."""
        return min(self.vague[0], self.vague[2]) == 0

    def to_list(self) -> list[Any]:
        """As plain values; `from_list` is the inverse."""
        return list(astuple(self))

    @classmethod
    def from_list(cls, values: list[Any]) -> Self:
        """Read what `to_list` wrote, through JSON or not."""
        net, family, precision, falls, size, mix, bits, vague, work = values
        return cls(net, family, precision, falls, tuple(size), tuple(mix), bits, tuple(vague), tuple(work))


def _work(work: Workload) -> tuple[float, ...]:
    kinds, macs = work.by_kind, math.exp(_size(work)[0] * 1.5 + _MIDDLE_MACS)
    if kinds is None:
        depthwise, conv, dense, other = _MIDDLE_SHARES
        parts = (conv, depthwise, 1 - depthwise - conv - dense - other, dense)
        kinds = (*(macs * share for share in parts), 0.0)
    elements = work.elements or macs * math.exp(_MIDDLE_ELEMENTS)
    layers = work.layers or math.exp(_MIDDLE_LAYERS + 0.5 * (math.log(macs) - _MIDDLE_MACS))
    millions = (*kinds[:3], kinds[3] + kinds[4], elements, work.params or math.exp(_MIDDLE_PARAMS))
    return (*(round(each / 1e6, 4) for each in millions), round(layers, 2))


def _size(work: Workload) -> tuple[float, float, float]:
    params = math.log(work.params) if work.params else None
    pixels = math.log(work.pixels) if work.pixels else _MIDDLE_PIXELS
    if work.macs:
        macs = math.log(work.macs)
    else:
        # the slopes of AI Hub's latencies over both (least absolute deviations); the model knows that it is vague
        macs = _MIDDLE_MACS + (0.0 if params is None else 0.65 * (params - _MIDDLE_PARAMS))
        macs += 0.85 * (pixels - _MIDDLE_PIXELS)
    params = _MIDDLE_PARAMS if params is None else params
    scaled = (macs - _MIDDLE_MACS) / 1.5, (params - _MIDDLE_PARAMS) / 1.5, pixels - _MIDDLE_PIXELS
    return round(scaled[0], 4), round(scaled[1], 4), round(scaled[2], 4)


def _mix(work: Workload) -> tuple[float, ...]:
    kinds = work.by_kind
    shares, elements, layers = _MIDDLE_SHARES, _MIDDLE_ELEMENTS, _MIDDLE_LAYERS
    if kinds is not None:
        conv, depthwise, _, dense, other = (each / sum(kinds) for each in kinds)
        shares = depthwise, conv, dense, other
        elements = math.log((work.elements or 1.0) / sum(kinds))
        layers = math.log(work.layers or 1.0)
    middles = (*_MIDDLE_SHARES, _MIDDLE_ELEMENTS, _MIDDLE_LAYERS)
    spreads = (0.1, 0.3, 0.2, 0.2, 0.7, 0.6)
    given = (*shares, elements, layers)
    return tuple(
        round((one - middle) / spread, 4) for one, middle, spread in zip(given, middles, spreads, strict=True)
    )
