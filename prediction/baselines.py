"""What people do without a model of latencies: three ways to guess, for `prediction.regret` to hold against ours.

Each gets what a held-back guess of ours has: other nets of the device, and all rows of other devices. No net's own row
on the device is used.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

_ENOUGH = 5  # nets of a precision from which on it has a constant of its own


@dataclass(frozen=True, slots=True)
class Sized:
    """A variant in a group.

    Attributes:
        name: of the variant; the same on every device.
        net: what is left out together, in all precisions.
        precision: see `registry.values.Precision`.
        macs_m: millions of multiply-accumulates.
        truth_ms: measured latency, in milliseconds.
    """

    name: str
    net: Hashable
    precision: str
    macs_m: float
    truth_ms: float


def by_macs(group: Sequence[Sized]) -> list[float]:
    """Latency is proportional to MACs: the median of milliseconds a MAC of the group's other nets.

    Of those in the same precision, where there are five or more.

    Returns:
        Milliseconds, one a variant.
    """
    found = []
    for each in group:
        others = [one for one in group if one.net != each.net]
        alike = [one for one in others if one.precision == each.precision]
        rates = [one.truth_ms / one.macs_m for one in (alike if len(alike) >= _ENOUGH else others)]
        found.append(median(rates) * each.macs_m if rates else math.inf)
    return found


def one_for_all(group: Sequence[Sized], others: Sequence[Mapping[str, float]], share: float) -> list[float]:
    """The same variant goes to all devices: the latency within which a share of the other devices runs it.

    Args:
        group: the variants.
        others: milliseconds by variant, one mapping a device.
        share: of those devices that run the variant; above 0, up to 1.
    """
    found = []
    for each in group:
        known = sorted(other[each.name] for other in others if each.name in other)
        found.append(known[math.ceil(share * len(known)) - 1] if known else math.inf)
    return found


def by_nearest(group: Sequence[Sized], others: Sequence[Mapping[str, float]]) -> list[float]:
    """The nearest device that ran the variant, times the median ratio of what both ran; 1 where that is nothing.

    Args:
        group: the variants.
        others: milliseconds by variant, one mapping a device, the nearest first.
    """
    found = []
    for each in group:
        theirs = next((other for other in others if each.name in other), None)
        if theirs is None:
            found.append(math.inf)
            continue
        ratios = [
            one.truth_ms / theirs[one.name] for one in group if one.net != each.net and one.name in theirs
        ]
        found.append(theirs[each.name] * (median(ratios) if ratios else 1.0))
    return found
