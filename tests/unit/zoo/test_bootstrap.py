"""What a paired bootstrap says, and what it cannot tell."""

import numpy as np
import pytest

from zoo.bootstrap import paired_bootstrap

RIGHT = [True] * 90 + [False] * 10


def test_a_clear_difference_is_resolved():
    found = paired_bootstrap(RIGHT, [True] * 60 + [False] * 40, seed=0)
    assert found.points == 30
    assert 20 < found.low < 30 < found.high < 40
    assert found.resolved
    assert found.samples == 100


def test_a_small_one_is_not():
    found = paired_bootstrap(RIGHT, [True] * 88 + [False] * 12, seed=0)
    assert found.points == pytest.approx(2)
    assert not found.resolved


def test_equal_answers_cannot_be_told_apart():
    found = paired_bootstrap(RIGHT, RIGHT, seed=0)
    assert (found.points, found.low, found.high, found.resolved) == (0, 0, 0, False)


def test_the_sides_mirror_each_other():
    random = np.random.default_rng(3)
    one, other = (random.random(500) < 0.8).tolist(), (random.random(500) < 0.75).tolist()
    forth, back = paired_bootstrap(one, other, seed=1), paired_bootstrap(other, one, seed=1)
    assert forth.points == -back.points
    assert forth.low == pytest.approx(-back.high, abs=0.4)
    assert paired_bootstrap(one, other, seed=1) == forth


def test_it_equals_drawing_single_samples():
    random = np.random.default_rng(4)
    one, other = random.random(300) < 0.9, random.random(300) < 0.85
    changes = one.astype(int) - other.astype(int)
    drawn = 100 * changes[random.integers(0, 300, (10_000, 300))].mean(axis=1)
    found = paired_bootstrap(one.tolist(), other.tolist(), seed=5)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, (2.5, 97.5))), abs=0.35)


@pytest.mark.parametrize(("one", "other"), [([], []), ([True], [True, False])])
def test_answers_that_cannot_be_paired_are_refused(one, other):
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_bootstrap(one, other, seed=0)
