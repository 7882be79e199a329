"""A CPU that was measured by itself: what each kind of operator takes there.

A latency is the sum over a net's operators, each a line in what it computes and moves (nn-Meter, Zhang et al. 2021,
sums up kernels, too; its kernels are forests, these are lines). It needs the operators, so it answers for files only.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from device_profiles.profile import Processor
from prediction.query import Prediction, Query

PARTS = (
    "operators", "conv", "pointwise", "product_bytes", "weight_bytes", "depthwise", "depthwise_elements",
    "depthwise_bytes", "dense", "hard_swish", "functions", "max_pool_bytes", "mean_pool_bytes", "arithmetic",
    "moved_bytes",
)  # fmt: skip
"""What takes time; see `parts`."""

_LANES, _DEPTHWISE_LANES = 16, 8  # channels that kernels for CPUs compute side by side, at the usual widths


class Sort(StrEnum):
    """What an operator is for its cost.

    ``free``: no work, as a reshape. ``function``: exponentials and divisions. ``arithmetic``: sums and products by
    element. ``move``: all that only reads and writes.
    """

    CONV = "conv"
    POINTWISE = "pointwise"
    DEPTHWISE = "depthwise"
    DENSE = "dense"
    HARD_SWISH = "hard_swish"
    FUNCTION = "function"
    MAX_POOL = "max_pool"
    MEAN_POOL = "mean_pool"
    ARITHMETIC = "arithmetic"
    MOVE = "move"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operator of a file.

    Attributes:
        sort: what it is.
        macs: multiply-accumulates.
        elements: numbers that it puts out.
        channels: of its output.
        moved_bytes: of activations, in and out.
        weight_bytes: of constants.
    """

    sort: Sort
    macs: int
    elements: int
    channels: int
    moved_bytes: int
    weight_bytes: int


def parts(operations: Iterable[Operation]) -> tuple[float, ...]:
    """The sums that a latency follows from, in the order of `PARTS`.

    Multiply-accumulates count channels that kernels compute in vain because they compute several at a time.
    """
    sums = dict.fromkeys(PARTS, 0.0)
    for each in operations:
        if each.sort is Sort.FREE:
            continue
        sums["operators"] += 1
        match each.sort:
            case Sort.CONV | Sort.POINTWISE:
                sums[each.sort.value] += each.macs * _padded(each.channels, _LANES)
                sums["product_bytes"] += each.moved_bytes
                sums["weight_bytes"] += each.weight_bytes
            case Sort.DEPTHWISE:
                sums["depthwise"] += each.macs * _padded(each.channels, _DEPTHWISE_LANES)
                sums["depthwise_elements"] += each.elements
                sums["depthwise_bytes"] += each.moved_bytes
            case Sort.DENSE:
                sums["dense"] += each.macs
                sums["weight_bytes"] += each.weight_bytes
            case Sort.HARD_SWISH:
                sums["hard_swish"] += each.elements
            case Sort.FUNCTION:
                sums["functions"] += each.elements
            case Sort.MAX_POOL | Sort.MEAN_POOL:
                sums[f"{each.sort.value}_bytes"] += each.moved_bytes
            case Sort.ARITHMETIC:
                sums["arithmetic"] += each.elements
            case _:
                sums["moved_bytes"] += each.moved_bytes
    return tuple(sums.values())


def _padded(channels: int, lanes: int) -> float:
    """How much more is computed than is wanted."""
    return math.ceil(channels / lanes) * lanes / channels


@dataclass(frozen=True, slots=True)
class Own:
    """What the parts of a net take on one CPU.

    Attributes:
        device: id of it.
        runtime: the registry's word.
        threads: of the CPU.
        precision: of the nets.
        costs: milliseconds a unit, in the order of `PARTS`.
        width: half of the 90 % interval of the logarithm.
        nets: how many were measured.
    """

    device: str
    runtime: str
    threads: int
    precision: str
    costs: tuple[float, ...]
    width: float
    nets: int

    def answers(self, query: Query) -> bool:
        """Whether ``query`` asks about this CPU, and tells the net's operators."""
        return (
            query.workload is not None
            and query.workload.parts is not None
            and (query.device, query.runtime, query.precision) == (self.device, self.runtime, self.precision)
            and query.processor is Processor.CPU
            and query.threads in {None, self.threads}
        )

    def predict(self, amounts: Iterable[float]) -> Prediction:
        """The latency of a net with these `parts`."""
        value = sum(cost * amount for cost, amount in zip(self.costs, amounts, strict=True))
        basis = f"its operators, as {self.nets} nets took on this device with {self.threads} thread"
        return Prediction(
            value,
            value * math.exp(-self.width),
            value * math.exp(self.width),
            basis + "s" * (self.threads > 1),
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**{**data, "costs": tuple(data["costs"])})
