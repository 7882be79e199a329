"""A row that was guessed without itself, and what many of them say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

NEW_NET = "new-net"
"""A case of `prediction.holding_back`; it teaches no widths."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One row, guessed without itself.

    Attributes:
        case: what was left out; see `prediction.validation`.
        row: index of the row.
        runtime: runtime and processor.
        device: where.
        basis: class of evidence that was left.
        error: logarithm of the true latency over the guess.
    """

    case: str
    row: int
    runtime: str
    device: str
    basis: str
    error: float

    @property
    def relative(self) -> float:
        """|guess / truth - 1|."""
        return abs(math.exp(-self.error) - 1)


@dataclass(frozen=True, slots=True)
class Guess:
    """A trial with its interval.

    Attributes:
        trial: the trial.
        width: half of the 90 % interval of the logarithm, learnt from other trials; see `prediction.backtesting`.
    """

    trial: Trial
    width: float

    @property
    def is_inside(self) -> bool:
        """Whether the truth is in the interval."""
        return abs(self.trial.error) <= self.width


@dataclass(frozen=True, slots=True)
class Summary:
    """What trials of one case say of one group.

    Attributes:
        case: what was left out; see `prediction.validation`.
        group: which rows.
        rows: how many.
        median: of |guess / truth - 1|.
        ninetieth: its 90th percentile.
        coverage: share of rows inside their 90 % interval, whose width was learnt on other devices.
    """

    case: str
    group: str
    rows: int
    median: float
    ninetieth: float
    coverage: float

    @classmethod
    def of(cls, case: str, group: str, found: Sequence[Guess]) -> Self:
        """Sum up the guesses of one group."""
        errors = sorted(each.trial.relative for each in found)
        return cls(
            case, group, len(errors), round(median(errors), 4), round(errors[math.ceil(0.9 * len(errors)) - 1], 4),
            round(sum(each.is_inside for each in found) / len(found), 3),
        )  # fmt: skip
