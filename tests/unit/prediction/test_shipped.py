"""The shipped model is what the shipped tables give, and as good as the decision record says."""

import json
from importlib import resources
from statistics import median

import pytest

from prediction.model import load

pytest.importorskip("scipy")

from prediction.fitting import fit_domain, in_domain, observations


@pytest.fixture(scope="module")
def fresh():
    settings = json.loads((resources.files("prediction") / "data" / "variances.json").read_text("utf-8"))
    return fit_domain(in_domain(observations(), "gpu"), settings["gpu"])


def test_fitting_the_tables_again_gives_the_shipped_guesses(fresh):
    domain, shipped = fresh[0], load().domains["gpu"]
    assert domain.places == shipped.places
    assert domain.jobs == shipped.jobs
    assert domain.widths == pytest.approx(shipped.widths, abs=0.01)
    for place, job, _ in domain.rows[::40]:
        pair = domain.places[place], domain.jobs[job]
        assert domain.guess(*pair) == pytest.approx(shipped.guess(*pair), abs=1e-3)


@pytest.mark.parametrize(
    ("case", "runtime", "most"),
    [("net", "ncnn gpu", 0.16), ("net", "tflite gpu", 0.12), ("family-everywhere", "ncnn gpu", 0.22)],
)
def test_rows_left_out_are_guessed_as_well_as_before(fresh, case, runtime, most):
    errors = [trial.relative for trial in fresh[1] if trial.case == case and trial.runtime == runtime]
    assert median(errors) < most
