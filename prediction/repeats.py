"""How far a published figure moves by itself: the same thing measured twice.

A source may print a row twice with other figures; their difference is noise. Two releases of a source, or two
versions of a runtime, may time the same nets on one device: the median ratio of the two is what changed for all of
them, and what is left is noise and what the version did to single nets.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from prediction.places import Place

FEWEST = 5
"""Nets that two releases must share."""

_MEDIAN_OF_NORMAL = 0.6745  # of the absolute value of a standard normal variable


@dataclass(frozen=True, slots=True)
class Noise:
    """What repeated figures say.

    Attributes:
        pairs: how many.
        deviation: standard deviation of the logarithm of one figure, robust: from the median of the differences.
        ninetieth: the 90th percentile of how far two figures are apart, as a share.
    """

    pairs: int
    deviation: float
    ninetieth: float

    @classmethod
    def of(cls, differences: Sequence[float]) -> Self:
        """From differences of two logarithms each."""
        if not differences:
            return cls(0, 0.0, 0.0)
        sizes = sorted(map(abs, differences))
        far = math.expm1(sizes[int(0.9 * (len(sizes) - 1))])
        return cls(len(sizes), median(sizes) / _MEDIAN_OF_NORMAL / math.sqrt(2), far)

    @property
    def median_error(self) -> float:
        """The median error that is left to who knows the truth, as a share."""
        return math.expm1(_MEDIAN_OF_NORMAL * self.deviation)

    def share(self, median_error: float) -> float:
        """The part of a typical squared logarithmic error that noise explains, 0 to 1.

        Args:
            median_error: median of |guess / truth - 1|.
        """
        typical = math.log1p(median_error)
        return min(1.0, (_MEDIAN_OF_NORMAL * self.deviation / typical) ** 2) if typical else 1.0


def differences(rows: Iterable[tuple[Place, str, float]]) -> list[float]:
    """Differences of two logarithms, each of which would be 0 without noise.

    Args:
        rows: place, name of the variant, and latency in milliseconds.
    """
    devices: dict[tuple[str, str, str], dict[str, dict[str, list[float]]]] = defaultdict(dict)
    for place, name, latency in rows:
        releases = devices[place.device, place.runtime, place.threads]
        releases.setdefault(place.source, {}).setdefault(name, []).append(math.log(latency))
    found = []
    for releases in devices.values():
        for timed in releases.values():
            for values in timed.values():
                found += [two - one for one, two in itertools.pairwise(sorted(set(values)))]
        for one, two in itertools.combinations(releases.values(), 2):
            shared = [median(two[name]) - median(one[name]) for name in one if name in two]
            if len(shared) >= FEWEST:
                middle = median(shared)
                found += [each - middle for each in shared]
    return found
