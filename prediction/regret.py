"""What a way to guess latencies is worth for the choice: accuracy lost and budgets overrun, from tight to loose.

A guess is a bound: what is compared with the budget. Of the nets whose bound is inside the budget the most accurate
one is picked, as `registry.choice` does it, and held against the pick from true latencies.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

TOLERANCE = 1.05
"""A true latency over this many budgets is an overrun."""

SHARES = tuple(step / 20 for step in range(1, 21))
"""Budgets, as shares of a group's nets that are inside them: from tight to loose."""


@dataclass(frozen=True, slots=True)
class Net:
    """One variant in a group: on one device, with one runtime, processor and number of threads.

    Attributes:
        name: of the variant.
        accuracy: in points; more is better.
        truth_ms: measured latency, in milliseconds.
    """

    name: str
    accuracy: float
    truth_ms: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one pick.

    Attributes:
        share: of the group's nets that are inside the budget.
        budget_ms: the budget, in milliseconds.
        pick: the net picked; ``None`` where no bound was inside the budget.
        best: the pick from true latencies.
    """

    share: float
    budget_ms: float
    pick: Net | None
    best: Net

    @property
    def is_overrun(self) -> bool:
        """Whether the pick takes more than 5 % longer than the budget."""
        return self.pick is not None and self.pick.truth_ms > TOLERANCE * self.budget_ms

    @property
    def regret(self) -> float:
        """Points of accuracy lost: all of them where nothing was picked, none where the pick is better than fits."""
        return max(0.0, self.best.accuracy - (self.pick.accuracy if self.pick else 0.0))


@dataclass(frozen=True, slots=True)
class Worth:
    """Outcomes together.

    Attributes:
        picks: how many budgets were asked.
        overruns: share of the nets picked that overran.
        regret: mean of all.
        answered_regret: mean of those where something was picked.
        unanswered: share without a pick.
    """

    picks: int
    overruns: float
    regret: float
    answered_regret: float
    unanswered: float

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Self:
        """Sum up; groups count by their budgets."""
        every = list(outcomes)
        answered = [each for each in every if each.pick]
        return cls(
            len(every),
            _mean([float(each.is_overrun) for each in answered]),
            _mean([each.regret for each in every]),
            _mean([each.regret for each in answered]),
            1 - len(answered) / len(every) if every else 0.0,
        )


@dataclass(frozen=True, slots=True)
class Point:
    """A way to guess at one setting of its caution.

    Attributes:
        caution: the setting.
        worth: what comes of it.
    """

    caution: float
    worth: Worth


def curve(
    groups: Sequence[Sequence[Net]],
    bounds: Sequence[Callable[[float], Sequence[float]]],
    cautions: Iterable[float],
) -> list[Point]:
    """Regret against overruns, from bold to cautious.

    Args:
        groups: nets, one sequence a group.
        bounds: one a group: the bound of each net at a caution.
        cautions: settings.
    """
    asked = [budgets(nets) for nets in groups]
    return [
        Point(
            each,
            Worth.of(
                outcome
                for nets, bound, budget in zip(groups, bounds, asked, strict=True)
                for outcome in outcomes(nets, bound(each), budget)
            ),
        )
        for each in cautions
    ]


def best_within(found: Iterable[Point], overruns: float) -> Point | None:
    """The point of least regret with no more than a share of overruns; ``None`` where there is none."""
    inside = [each for each in found if each.worth.overruns <= overruns]
    return min(inside, key=lambda each: (each.worth.regret, each.worth.overruns), default=None)


def unbeaten(ours: Sequence[Point], theirs: Sequence[Point]) -> list[Point]:
    """Those of their points that are below our curve: each of ours has more overruns or more regret."""
    return [
        each
        for each in theirs
        if all(
            mine.worth.overruns > each.worth.overruns or mine.worth.regret > each.worth.regret
            for mine in ours
        )
    ]


def budgets(nets: Sequence[Net], shares: Sequence[float] = SHARES) -> list[tuple[float, float]]:
    """Budgets that hold a share of the nets, between two measured latencies in the logarithm.

    Returns:
        Share and milliseconds.
    """
    truths = sorted(each.truth_ms for each in nets)
    found = []
    for share in shares:
        place = share * (len(truths) - 1)
        low, high = truths[int(place)], truths[math.ceil(place)]
        found.append((share, max(low, low * (high / low) ** (place % 1))))
    return found


def outcomes(
    nets: Sequence[Net], bounds: Sequence[float], asked: Iterable[tuple[float, float]]
) -> list[Outcome]:
    """Pick once a budget.

    Args:
        nets: of one group.
        bounds: one a net, in milliseconds; infinite where nothing is known.
        asked: share and milliseconds of each budget; see `budgets`.
    """
    truths = [each.truth_ms for each in nets]
    found = []
    for share, budget in asked:
        best = picked(nets, truths, budget)
        if best is not None:
            found.append(Outcome(share, budget, picked(nets, bounds, budget), best))
    return found


def picked(nets: Sequence[Net], bounds: Sequence[float], budget_ms: float) -> Net | None:
    """The most accurate net whose bound is inside the budget; of equals the one with the least bound."""
    inside = [(each, bound) for each, bound in zip(nets, bounds, strict=True) if bound <= budget_ms]
    if not inside:
        return None
    return min(inside, key=lambda one: (-one[0].accuracy, one[1], one[0].name))[0]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
