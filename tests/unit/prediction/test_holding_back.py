"""Rows held back from a fitted domain: exact, and only of rows that it was fitted to."""

import math
from dataclasses import replace

import numpy as np
import pytest

from prediction.evidence import width_of
from prediction.jobs import Job
from prediction.query import Observation
from prediction.trial import NEW_NET
from tests.unit.prediction.small import NOISE, SPEEDS, VARIANCES, query, truth
from zoo.errors import RegistryError

pytest.importorskip("scipy")

from prediction.backtesting import OF_DEVICES, guesses
from prediction.design import Design
from prediction.fitting import fit_domain
from prediction.holding_back import fitted_rows, held_back

SETTINGS = {"variances": VARIANCES, "noise": NOISE, "costs": {"": [1.0] * 7}}


def rows():
    return [
        Observation(each, truth(each, SPEEDS[device]) * math.exp(0.02 * number))
        for number, (device, alpha, size, version) in enumerate(
            (device, alpha, size, version)
            for device in SPEEDS
            for alpha in (0.25, 0.5, 0.75, 1.0)
            for size in ("128", "224")
            for version in ("one", "two")
        )
        for each in [query(device, alpha, size, version=version)]
    ]


def test_a_new_net_is_guessed_from_the_rows_that_are_left_alone():
    every = rows()
    domain, _ = fit_domain(every, SETTINGS)
    found = {trial.row: trial for trial in held_back(domain, every) if trial.case == NEW_NET}
    assert set(found) == set(range(len(every)))
    design = Design.of(every)
    covariance = design.covariance(domain.variances, domain.noise)
    surprise = design.over(domain.costs) - domain.mean
    for asked in (0, 5, 30):
        mine = every[asked].query.device, Job.of(every[asked].query).net
        left = [
            index for index, each in enumerate(every) if (each.query.device, Job.of(each.query).net) != mine
        ]
        assert len(left) == len(every) - 2  # two versions of the runtime
        weights = np.linalg.solve(covariance[np.ix_(left, left)], surprise[left])
        assert found[asked].error == pytest.approx(
            surprise[asked] - covariance[asked, left] @ weights, abs=1e-5
        )


def test_the_order_of_rows_does_not_matter():
    every = rows()
    domain, _ = fit_domain(every, SETTINGS)
    turned = every[::-1]
    one = {(trial.case, trial.row): trial.error for trial in held_back(domain, every)}
    for trial in held_back(domain, turned):
        if trial.case != "device-5":  # draws five rows
            assert trial.error == pytest.approx(one[trial.case, len(every) - 1 - trial.row], abs=1e-6)


def test_rows_that_came_later_are_no_rows_of_the_fit():
    every = rows()
    domain, _ = fit_domain(every[4:], SETTINGS)
    assert fitted_rows(domain, every) == list(range(4, len(every)))
    assert fitted_rows(domain, [*every[4:], every[4]]) == list(range(len(every) - 4))


def test_a_registry_that_lacks_rows_or_has_other_latencies_is_refused():
    every = rows()
    domain, _ = fit_domain(every, SETTINGS)
    with pytest.raises(RegistryError, match="lacks 2 of the measurements"):
        fitted_rows(domain, every[2:])
    with pytest.raises(RegistryError, match="not those"):
        held_back(domain, [replace(every[0], latency_ms=every[0].latency_ms * 3), *every[1:]])


def test_an_interval_is_learnt_without_what_its_trial_left_out():
    every = rows()
    domain, _ = fit_domain(every, SETTINGS)
    found = held_back(domain, every)
    worse = [replace(each, error=each.error * 100) if each.device == "fast" else each for each in found]
    for one, two in zip(guesses(found, every), guesses(worse, every), strict=True):
        if one.trial.device == "fast" and one.trial.case in OF_DEVICES:
            assert one.width == two.width
    # all nets are of one family: without it nothing is learnt
    of_nets = {each.width for each in guesses(found, every) if each.trial.case not in OF_DEVICES}
    assert of_nets == {width_of({}, "many-same", "")}
