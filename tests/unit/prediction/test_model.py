"""Guesses, their intervals, and what a few measurements change."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_profiles.profile import Kind, Processor
from prediction.model import Fitted, load, solved
from prediction.query import Observation, Prediction, Unknown
from tests.unit.prediction.small import PROFILES, fitted, query, truth

FITTED = fitted()


def guess(asked, model=FITTED):
    answer = model.predict(asked)
    assert isinstance(answer, Prediction)
    return answer


@pytest.mark.parametrize("device", ["fast", "slow"])
@pytest.mark.parametrize(("alpha", "size"), [(0.6, "176"), (0.9, "208"), (0.35, "144")])
def test_a_width_and_size_between_measured_ones_is_guessed_within_a_tenth(device, alpha, size):
    asked = query(device, alpha, size)
    assert guess(asked).value_ms == pytest.approx(truth(asked, {"fast": 1, "slow": 4}[device]), rel=0.1)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.25, 0.95), st.sampled_from(["fast", "slow", "new"]))
def test_a_wider_net_takes_longer_and_the_interval_holds_the_value(alpha, device):
    one, two = guess(query(device, alpha)), guess(query(device, alpha + 0.3))
    assert one.value_ms < two.value_ms
    assert one.low_ms < one.value_ms < one.high_ms


def test_less_evidence_gives_a_wider_interval():
    measured, kin = guess(query("fast", 0.6)), guess(query("new", 1.0))
    assert measured.high_ms / measured.low_ms < kin.high_ms / kin.low_ms


def test_the_basis_is_said_in_words():
    assert "16 measurements of this device" in guess(query("fast", 0.6)).basis
    assert "hardware facts alone" in guess(query("new")).basis


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_five_measurements_of_a_new_device_pull_its_guesses_to_them(factor):
    asked = [
        query("new", alpha, size)
        for alpha, size in [(0.25, "128"), (0.5, "192"), (0.75, "160"), (1.0, "224"), (1.0, "128")]
    ]
    sharper = FITTED.calibrated([Observation(each, truth(each, factor)) for each in asked])
    other = query("new", 0.75, "224")
    before, after = (
        abs(guess(other, model).value_ms / truth(other, factor) - 1) for model in (FITTED, sharper)
    )
    assert after < before / 2
    assert after < 0.15


def test_a_calibration_hardly_moves_other_devices():
    sharper = FITTED.calibrated([Observation(query("new"), 30.0)])
    before, after = (guess(query("slow", 0.6), model).value_ms for model in (FITTED, sharper))
    assert after == pytest.approx(before, rel=0.1)


def test_calibrating_twice_is_calibrating_with_all_rows():
    rows = [Observation(query("new", alpha), truth(query("new", alpha), 2.0)) for alpha in (0.25, 0.5, 1.0)]
    at_once = FITTED.calibrated(rows)
    one_by_one = FITTED
    for row in rows:
        one_by_one = one_by_one.calibrated([row])
    assert guess(query("new", 0.75), one_by_one) == guess(query("new", 0.75), at_once)


def test_json_gives_the_same_model_back():
    sharper = FITTED.calibrated([Observation(query("new"), 30.0)])
    again = Fitted.from_json(sharper.to_json())
    assert again == sharper
    assert again.predict(query("new", 0.6)) == sharper.predict(query("new", 0.6))


def test_a_net_of_which_nothing_is_known_gives_the_reason():
    answer = FITTED.predict(query(net="mystery", family="mystery", alpha=None, resolution=""))
    assert isinstance(answer, Unknown)
    assert "mystery" in answer.reason


def test_a_processor_that_nobody_measured_gives_the_reason():
    answer = FITTED.predict(query(processor="npu"))
    assert isinstance(answer, Unknown)
    assert "npu" in answer.reason


@pytest.mark.parametrize("processor", [Processor.CPU, Processor.NPU])
def test_a_microcontroller_is_not_guessed_from_phones(processor):
    board = replace(PROFILES["fast"], kind=Kind.MCU)
    answer = FITTED.predict(query(profile=board, processor=processor))
    assert isinstance(answer, Unknown)
    assert "no model is fitted" in answer.reason


def test_equations_are_solved():
    assert solved([[4.0, 2.0], [2.0, 3.0]], [8.0, 7.0]) == pytest.approx([1.25, 1.5])


def test_the_shipped_model_guesses_a_phone_that_it_knows():
    asked = query("pixel3", 0.75, "160", version="TFLite (docs 2020)", threads=4, cores="")
    answer = guess(asked, load())
    assert answer.low_ms < 8.2 < answer.high_ms
    assert answer.value_ms == pytest.approx(8.2, rel=0.1)
