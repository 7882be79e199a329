"""A short, robust latency: enough to see that a file is several times slower than another, no benchmark."""

import statistics
import time
from collections.abc import Callable

WARM_UP_RUNS = 2
LONGEST_S = 0.5
MOST_RUNS = 30


def median_ms(infer: Callable[[], object]) -> float:
    """Median of up to 30 runs within half a second, after two to warm up."""
    for _ in range(WARM_UP_RUNS):
        infer()
    taken: list[float] = []
    end = time.perf_counter() + LONGEST_S
    while len(taken) < MOST_RUNS and (not taken or time.perf_counter() < end):
        start = time.perf_counter()
        infer()
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)
