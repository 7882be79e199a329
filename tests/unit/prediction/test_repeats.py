"""Noise is read from figures that were published twice."""

import random
from dataclasses import replace

import pytest

from prediction.places import Place
from prediction.repeats import Noise, differences
from tests.unit.prediction.small import query

PLACE = Place.of(query())
NEWER = replace(PLACE, source="tflite cpu newer")


def noisy(place, count, deviation, speed=1.0, seed=0):
    rng = random.Random(seed)
    return [
        (place, f"net {number}", speed * (number + 1) * rng.lognormvariate(0, deviation))
        for number in range(count)
    ]


def test_two_releases_give_the_noise_whatever_the_newer_one_gained():
    rows = noisy(PLACE, 2000, 0.05, seed=1) + noisy(NEWER, 2000, 0.05, speed=0.3, seed=2)
    found = Noise.of(differences(rows))
    assert found.pairs == 2000
    assert found.deviation == pytest.approx(0.05, rel=0.1)
    assert found.median_error == pytest.approx(0.6745 * 0.05, rel=0.1)


def test_a_row_that_one_release_prints_twice_counts_and_the_same_figure_again_does_not():
    assert differences(
        [(PLACE, "net", 10.0), (PLACE, "net", 11.0), (PLACE, "other", 5.0), (PLACE, "other", 5.0)]
    ) == [pytest.approx(0.0953, abs=1e-4)]


def test_releases_that_share_few_nets_and_other_devices_say_nothing():
    rows = noisy(PLACE, 4, 0.1, seed=1) + noisy(NEWER, 4, 0.1, seed=2)
    assert differences(rows) == []
    rows = noisy(PLACE, 50, 0.1, seed=1) + noisy(replace(NEWER, device="another"), 50, 0.1, seed=2)
    assert differences(rows) == []


def test_the_share_that_noise_explains_is_between_nothing_and_all():
    noise = Noise.of(differences(noisy(PLACE, 200, 0.05, seed=1) + noisy(NEWER, 200, 0.05, seed=2)))
    assert noise.share(noise.median_error) == pytest.approx(1)
    assert noise.share(0.0) == 1
    assert noise.share(0.5) < 0.02
    assert Noise.of([]).share(0.1) == 0
