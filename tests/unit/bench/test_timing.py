"""Repeating ends when the median is known, or when time is up; a clock of the test's own decides what time it is."""

import random

from bench.timing import FEWEST_RUNS, WARM_UP_S, Plan, repeat, sustain, warm_up


class Machine:
    """A clock, and an inference that lets it advance."""

    def __init__(self, seconds):
        self.now, self.runs, self._seconds = 0.0, 0, seconds

    def clock(self):
        return self.now

    def infer(self):
        self.now += self._seconds(self)
        self.runs += 1


def ignore(done, total):
    pass


def test_warming_up_takes_half_a_second_of_a_fast_file():
    machine = Machine(lambda _: 0.01)
    assert warm_up(machine.infer, machine.clock) == machine.runs
    assert WARM_UP_S <= machine.now < 1.1 * WARM_UP_S


def test_warming_up_runs_a_slow_file_three_times():
    machine = Machine(lambda _: 10.0)
    assert warm_up(machine.infer, machine.clock) == 3


def test_a_steady_file_is_known_soon():
    machine = Machine(lambda _: 0.01)
    found = repeat(machine.infer, Plan(within=0.02, longest_s=30), ignore, machine.clock)
    assert found.runs == machine.runs >= FEWEST_RUNS
    assert machine.now < 2
    assert abs(found.median_ms - 10) < 1e-6


def test_a_restless_file_is_repeated_until_its_median_is_known():
    generator = random.Random(5)
    machine = Machine(lambda _: generator.lognormvariate(-5, 0.5))
    found = repeat(machine.infer, Plan(within=0.02, longest_s=600), ignore, machine.clock)
    assert found.half_width <= 0.02
    assert found.runs > 100 * FEWEST_RUNS // 2
    assert machine.now < 600


def test_time_is_up_for_a_file_that_never_settles():
    generator = random.Random(6)
    machine = Machine(lambda _: generator.choice([0.1, 5.0]))
    found = repeat(machine.infer, Plan(within=0.001, longest_s=20), ignore, machine.clock)
    assert found.half_width > 0.001
    assert 20 <= machine.now < 26


def test_progress_never_says_more_than_all():
    generator, told = random.Random(7), []
    machine = Machine(lambda _: generator.choice([0.1, 5.0]))
    repeat(machine.infer, Plan(0.001, 20), lambda *each: told.append(each), machine.clock)
    assert told[-1] == (20, 20)
    assert all(done <= total for done, total in told)
    assert told == sorted(told)


def test_a_sustained_run_compares_the_first_minute_with_the_last():
    machine = Machine(lambda self: 0.1 if self.now < 300 else 0.15)  # hot after five minutes
    found = sustain(machine.infer, 600, ignore, machine.clock)
    assert (round(found.first.median_ms), round(found.last.median_ms)) == (100, 150)
    assert abs(found.slowdown - 0.5) < 1e-6
    assert found.window_s == 60
    assert found.runs == machine.runs
    assert abs(found.first.runs - 600) <= 1
    assert abs(found.last.runs - 400) <= 2


def test_a_short_sustained_run_compares_its_halves():
    machine = Machine(lambda self: 0.1 if self.now < 10 else 0.2)
    found = sustain(machine.infer, 20, ignore, machine.clock)
    assert found.window_s == 10
    assert found.slowdown > 0.9


def test_a_sustained_run_of_one_inference_is_both_first_and_last():
    machine = Machine(lambda _: 100.0)
    found = sustain(machine.infer, 20, ignore, machine.clock)
    assert found.runs == found.first.runs == found.last.runs == 1
