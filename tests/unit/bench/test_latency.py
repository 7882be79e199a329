"""A latency says how sure it is, and times that follow each other alike do not make it surer."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.latency import quantile, summarize

TIMES = st.lists(st.floats(1e-3, 1e4), min_size=1, max_size=80)


@given(TIMES)
def test_the_median_lies_in_its_interval_and_that_among_the_times(times):
    found = summarize(times)
    assert found.least_ms <= found.low_ms <= found.median_ms <= found.high_ms <= found.most_ms
    assert found.least_ms <= found.p10_ms <= found.median_ms <= found.p90_ms <= found.most_ms
    assert 0 < found.independent_runs <= found.runs == len(times)


@given(TIMES, st.floats(0.01, 100))
def test_another_unit_gives_the_same_shares(times, factor):
    one, other = summarize(times), summarize([each * factor for each in times])
    assert other.half_width == pytest.approx(one.half_width)
    assert other.median_ms == pytest.approx(one.median_ms * factor)


def test_too_few_runs_know_nothing_but_the_extremes():
    found = summarize([3.0, 1.0, 2.0])
    assert (found.low_ms, found.median_ms, found.high_ms) == (1.0, 2.0, 3.0)


def test_the_interval_holds_the_true_median_as_often_as_it_says():
    generator = random.Random(1)
    held = 0
    for _ in range(400):
        found = summarize([generator.lognormvariate(0, 0.3) for _ in range(60)])
        held += found.low_ms <= 1.0 <= found.high_ms
    assert held >= 0.94 * 400


def slow_and_fast_minutes(generator: random.Random, runs: int) -> list[float]:
    """Times on a machine whose neighbour comes and goes: each state lasts for twenty runs or so."""
    times, is_busy = [], generator.random() < 0.5
    for _ in range(runs):
        is_busy = is_busy != (generator.random() < 0.05)
        times.append(generator.gauss(2.0 if is_busy else 1.0, 0.02))
    return times


def test_times_that_follow_each_other_alike_count_for_fewer():
    times = slow_and_fast_minutes(random.Random(2), 1000)
    alike = summarize(times)
    shuffled = summarize(random.Random(3).sample(times, len(times)))
    assert alike.independent_runs < 0.2 * shuffled.independent_runs
    assert alike.half_width >= shuffled.half_width


def test_correlated_times_still_hold_the_true_median():
    generator, held = random.Random(4), 0
    for _ in range(100):
        found = summarize(slow_and_fast_minutes(generator, 1500))
        held += found.low_ms <= 1.5 <= found.high_ms  # the midpoint of the two states
    assert held >= 80  # of 100; without looking at the correlation it would be a third of them


def test_quantiles_lie_between_values_linearly():
    assert [quantile([1.0, 2.0, 4.0], share) for share in (0, 0.25, 0.5, 0.75, 1)] == [1, 1.5, 2, 3, 4]


@pytest.mark.parametrize("times", [[], [1.0, 0.0], [-1.0]], ids=["none", "zero", "below zero"])
def test_what_is_no_time_is_a_bug(times):
    with pytest.raises(ValueError, match="above zero"):
        summarize(times)
