"""Times an inference: warms up, then repeats until the median is known well enough or time is up."""

import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bench.latency import Latency, summarize

FEWEST_RUNS = 20  # that count as independent, see `bench.latency`
MOST_RUNS = 100_000
WARM_UP_RUNS = 3
WARM_UP_S = 0.5
_FIRST_LOOK_S = 0.5  # the interval is worked out this long after the start, then each time half as long again
_LOOK_FACTOR = 1.5
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """When a latency is known well enough.

    Attributes:
        within: half of the median's 95 % interval that is narrow enough, as a share of the median.
        longest_s: seconds after which repeating ends, narrow or not.
        sustained_s: seconds that a sustained run takes; ``None`` for none.
    """

    within: float = 0.02
    longest_s: float = 30.0
    sustained_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sustained:
    """A long run without a pause: a device that becomes hot becomes slow.

    Attributes:
        first: latency in the first minute; in the first half of a run that is shorter than two minutes.
        last: latency in the last minute, or half.
        seconds: how long it ran.
        window_s: seconds of the first and of the last part.
        runs: all of them.
    """

    first: Latency
    last: Latency
    seconds: float
    window_s: float
    runs: int

    @property
    def slowdown(self) -> float:
        """How much longer the last part took, as a share; below zero where it was faster."""
        return self.last.median_ms / self.first.median_ms - 1


Clock = Callable[[], float]
Progress = Callable[[float, float], None]
"""Told how many seconds of how many, at most, are done."""


def warm_up(infer: Callable[[], object], clock: Clock = time.perf_counter) -> int:
    """Run until caches, clocks and threads are awake, and return how often that was.

    The first runs also allocate: at least three runs and half a second.
    """
    end, runs = clock() + WARM_UP_S, 0
    while runs < WARM_UP_RUNS or clock() < end:
        infer()
        runs += 1
    return runs


def repeat(
    infer: Callable[[], object], plan: Plan, progress: Progress, clock: Clock = time.perf_counter
) -> Latency:
    """Time runs until the interval of their median is as narrow as planned, or until the longest time.

    Args:
        infer: one inference; must be warm.
        plan: when to end.
        progress: see `Progress`.
        clock: seconds.
    """
    times_ms = array("d")
    begun = clock()
    look_s = _FIRST_LOOK_S
    while True:
        start = clock()
        infer()
        end = clock()
        times_ms.append(1000 * max(end - start, 1e-9))
        spent = end - begun
        if spent < look_s and spent < plan.longest_s:
            continue
        look_s = spent * _LOOK_FACTOR
        found = summarize(times_ms)
        progress(min(spent, plan.longest_s), plan.longest_s)
        if _is_known(found, plan) or spent >= plan.longest_s or found.runs >= MOST_RUNS:
            return found


def _is_known(found: Latency, plan: Plan) -> bool:
    """Whether the interval is narrow, and of enough runs: of few it could be narrow by chance.

    Where all times are alike, how they follow each other does not matter.
    """
    enough = found.runs if (found.spread or 0.0) <= plan.within else found.independent_runs
    return found.half_width <= plan.within and enough >= FEWEST_RUNS


def sustain(
    infer: Callable[[], object], seconds: float, progress: Progress, clock: Clock = time.perf_counter
) -> Sustained:
    """Run without a pause, and compare the first minute with the last one.

    Args:
        infer: one inference. It need not be warm: a sustained run begins as an app does.
        seconds: how long.
        progress: see `Progress`.
        clock: seconds.
    """
    window_s = min(_MINUTE_S, seconds / 2)
    first, last = array("d"), deque[tuple[float, float]]()
    begun, shown_s, runs = clock(), 0.0, 0
    while True:
        start = clock()
        infer()
        end = clock()
        spent, taken = end - begun, 1000 * max(end - start, 1e-9)
        runs += 1
        if spent <= window_s or not first:
            first.append(taken)
        last.append((spent, taken))
        while last[0][0] < spent - window_s:
            last.popleft()
        if spent - shown_s >= 1:
            shown_s = spent
            progress(min(spent, seconds), seconds)
        if spent >= seconds:
            return Sustained(summarize(first), summarize([each for _, each in last]), spent, window_s, runs)
