"""Whether one file is more accurate than another, or the samples cannot tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
_LOW, _HIGH = 2.5, 97.5  # percentiles of a 95 % interval


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more accurate one file is than another on the same samples.

    Attributes:
        points: accuracy of the first less that of the second, in percentage points.
        low: low end of its 95 % interval.
        high: high end of its 95 % interval.
        samples: how many samples both were run on.
    """

    points: float
    low: float
    high: float
    samples: int

    @property
    def resolved(self) -> bool:
        """Whether the interval leaves out zero: otherwise the samples cannot tell which one is better."""
        return not self.low <= 0 <= self.high


def paired_bootstrap(
    correct_a: Sequence[bool], correct_b: Sequence[bool], seed: int, resamples: int = RESAMPLES
) -> Difference:
    """Compare two files by their answers to the same samples (Efron and Tibshirani 1993, percentile interval).

    A sample adds 1, 0 or -1 to the difference, so drawing samples with replacement is drawing how often each of the
    three comes: a multinomial distribution. That is the same bootstrap, without drawing single samples.

    Args:
        correct_a: whether each answer of the first is right.
        correct_b: whether each answer of the second is right, in the same order.
        seed: of the draws.
        resamples: how many times samples are drawn.

    Raises:
        ValueError: the lengths differ, or there is no sample.
    """
    if len(correct_a) != len(correct_b) or not len(correct_a):
        raise ValueError(f"{len(correct_a)} and {len(correct_b)} answers cannot be paired")
    changes = np.asarray(correct_a, np.int64) - np.asarray(correct_b, np.int64)
    count = len(changes)
    better, worse = int((changes > 0).sum()), int((changes < 0).sum())
    shares = np.array([better, worse, count - better - worse]) / count
    drawn = np.random.default_rng(seed).multinomial(count, shares, size=resamples)
    points = 100 * (drawn[:, 0] - drawn[:, 1]) / count
    low, high = np.percentile(points, (_LOW, _HIGH))
    return Difference(100 * (better - worse) / count, float(low), float(high), count)
