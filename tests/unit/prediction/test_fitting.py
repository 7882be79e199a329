"""Fitting and its trials, on a few rows; and the shipped model against the tables that it was fitted to."""

import math

import numpy as np
import pytest

from prediction.jobs import Job
from prediction.query import Observation
from tests.unit.prediction.small import NOISE, SPEEDS, VARIANCES, query, truth

pytest.importorskip("scipy")

from prediction.design import Design
from prediction.fitting import fit_domain
from prediction.validation import widths

SETTINGS = {"variances": VARIANCES, "noise": NOISE, "costs": {"": [1.0] * 7}}


def rows():
    return [
        Observation(query(device, alpha, size), truth(query(device, alpha, size), SPEEDS[device]))
        for device in SPEEDS
        for alpha in (0.25, 0.5, 0.75, 1.0)
        for size in ("128", "160", "192", "224")
    ]


def test_a_trial_is_the_error_of_a_fit_without_its_block():
    every = rows()
    domain, trials = fit_domain(every, SETTINGS)
    held = [index for index, row in enumerate(every) if row.query.device == "slow"]
    without, _ = fit_domain([row for index, row in enumerate(every) if index not in held], SETTINGS)
    found = {trial.row: trial.error for trial in trials if trial.case == "device"}
    # the mean of all rows is part of a fit, and a trial keeps it
    shift = domain.mean - without.mean
    for index in held:
        row = every[index]
        guess = math.log(without.predict(row.query, Job.of(row.query)).value_ms)
        assert found[index] == pytest.approx(math.log(row.latency_ms) - guess, abs=abs(shift) + 0.02)


def test_fitting_twice_gives_the_same_numbers():
    one, two = fit_domain(rows(), SETTINGS)[0], fit_domain(rows(), SETTINGS)[0]
    assert one == two


def test_guesses_from_the_fit_are_those_of_the_matrices():
    every = rows()
    domain, _ = fit_domain(every, SETTINGS)
    design = Design.of(every)
    target = design.over({"": (1.0,) * 7})
    covariance = design.covariance(VARIANCES, NOISE)
    weights = np.linalg.solve(covariance, target - target.mean())
    expected = design.target - (NOISE + 1e-5) * weights
    guesses = [math.log(domain.predict(row.query, Job.of(row.query)).value_ms) for row in every]
    assert guesses == pytest.approx(expected.tolist(), abs=1e-3)


def test_widths_cover_nine_in_ten_of_the_errors():
    _, trials = fit_domain(rows() * 3, SETTINGS)
    known = widths(trials)
    for basis, width in known.items():
        mine = [abs(trial.error) for trial in trials if trial.basis == basis and trial.case != "device-5"]
        if len(mine) >= 30:
            assert sum(error <= width + 1e-4 for error in mine) / len(mine) >= 0.9
