"""From single times to a latency: median, its confidence interval, p90 and spread.

The interval is of order statistics, so it asks nothing of the distribution of times (Conover, Practical
Nonparametric Statistics, 3rd ed., section 3.2). Times that follow each other are alike, because a busy neighbour stays
busy for a while: they count for as few as their correlation says.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
_Z = 1.959964  # quantile of the normal distribution for 95 %
_FEWEST = 6  # times without which no two of them enclose the median with 95 %: 2 * 0.5**6 < 0.05
_LOOKED_AT = 20_000  # times that the correlation is worked out from, the last ones
_LAGS = (
    100  # that the correlation is looked at; a neighbour that is busy for longer is the load that is reported
)


@dataclass(frozen=True, slots=True)
class Latency:
    """How long one inference takes.

    Attributes:
        median_ms: of all runs.
        low_ms: low end of the 95 % confidence interval of the median.
        high_ms: high end of it.
        p10_ms: a tenth of the runs took less; ``None`` where a tool does not say.
        p90_ms: nine tenths of the runs took no more; ``None`` where a tool does not say.
        least_ms: the shortest run.
        most_ms: the longest one.
        runs: how many there were, those to warm up left out.
        independent_runs: how many they count for, because times that follow each other are alike.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    p10_ms: float | None
    p90_ms: float | None
    least_ms: float
    most_ms: float
    runs: int
    independent_runs: float

    @property
    def half_width(self) -> float:
        """Half of the confidence interval, as a share of the median."""
        return (self.high_ms - self.low_ms) / 2 / self.median_ms

    @property
    def spread(self) -> float | None:
        """From p10 to p90, as a share of the median; ``None`` where they are unknown."""
        if self.p10_ms is None or self.p90_ms is None:
            return None
        return (self.p90_ms - self.p10_ms) / self.median_ms


def summarize(times_ms: Sequence[float]) -> Latency:
    """Summarize the times of runs.

    Args:
        times_ms: in the order they were taken, milliseconds; at least one.

    Raises:
        ValueError: there is none, or one is not above zero.
    """
    if not times_ms or min(times_ms) <= 0:
        raise ValueError("times of runs are wanted, each above zero")
    ordered = sorted(times_ms)
    median = quantile(ordered, 0.5)
    independent = _independent(times_ms, median)
    low, high = _interval(ordered, independent)
    return Latency(
        median, low, high, quantile(ordered, 0.1), quantile(ordered, 0.9), ordered[0], ordered[-1], len(ordered),
        independent,
    )  # fmt: skip


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of sorted values lies, between two of them linearly (Hyndman and Fan's type 7)."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _interval(ordered: Sequence[float], independent: float) -> tuple[float, float]:
    """Low and high end of the median's interval; everything where too few runs count."""
    if independent < _FEWEST:
        return ordered[0], ordered[-1]
    # The normal approximation of the binomial, in shares of the runs, widened to whole runs.
    half = _Z * 0.5 / math.sqrt(independent)
    count = len(ordered)
    low = max(0, math.floor(count * (0.5 - half)) - 1)
    high = min(count - 1, math.ceil(count * (0.5 + half)))
    return ordered[low], ordered[high]


def _independent(times_ms: Sequence[float], median: float) -> float:
    """How many independent runs they count for.

    The interval depends on how many times lie above the median, so the correlation of just that counts:
    n / (1 + 2 * sum of its autocorrelations), summed in pairs until the first pair that is not above zero (Geyer 1992,
    initial positive sequence).
    """
    looked_at = times_ms[-_LOOKED_AT:]
    signs = [1.0 if each > median else -1.0 if each < median else 0.0 for each in looked_at]
    mean = sum(signs) / len(signs)
    centred = [each - mean for each in signs]
    power = sum(each * each for each in centred)
    if not power:
        return float(len(times_ms))
    total = -1.0
    for lag in range(0, min(_LAGS, len(centred) // 4) + 1, 2):
        pair = sum(_correlation(centred, each) for each in (lag, lag + 1)) / power
        if pair <= 0:
            break
        total += 2 * pair
    return len(times_ms) / max(1.0, total)


def _correlation(centred: Sequence[float], lag: int) -> float:
    return sum(one * other for one, other in zip(centred[lag:], centred, strict=False))
