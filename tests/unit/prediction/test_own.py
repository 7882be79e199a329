"""A CPU that measured itself: what its operators take is found again from sums, and answers files only."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prediction.model import Fitted
from prediction.own import PARTS, Operation, Own, Sort, parts
from prediction.query import Prediction
from prediction.workload import Workload
from tests.unit.prediction.small import fitted, query

pytest.importorskip("scipy")
from prediction.own_fitting import fit_parts, left_out, width_of

COSTS = tuple(
    {
        "operators": 2e-3, "conv": 2e-8, "pointwise": 3e-8, "product_bytes": 2e-8, "weight_bytes": 4e-8,
        "depthwise": 2e-7, "depthwise_elements": 8e-8, "depthwise_bytes": 1e-8, "dense": 2e-8,
        "hard_swish": 1e-6, "functions": 7e-7,
        "max_pool_bytes": 1e-7, "mean_pool_bytes": 9e-7, "arithmetic": 3e-7, "moved_bytes": 3e-8,
    }[each]
    for each in PARTS
)  # fmt: skip


def nets(count, seed=0):
    """Amounts of nets whose parts take comparable times, in other proportions each."""
    shares = np.random.default_rng(seed).lognormal(0, 1.5, (count, len(PARTS)))
    return [tuple(row) for row in shares / np.array(COSTS)]


def times(amounts):
    return [float(np.dot(COSTS, each)) for each in amounts]


def operation(sort, **changed):
    return replace(Operation(sort, 0, 1000, 16, 8000, 0), **changed)


def test_what_the_parts_take_is_found_again():
    amounts = nets(60)
    assert fit_parts(amounts, times(amounts)) == pytest.approx(COSTS, rel=0.2)


def test_a_net_that_was_disturbed_hardly_moves_the_others():
    amounts, clean = nets(60), times(nets(60))
    disturbed = [clean[0] * 5, *clean[1:]]
    guesses = left_out(amounts, disturbed, range(1, 20))
    assert guesses == pytest.approx(clean[1:20], rel=0.15)


def test_nets_left_out_are_guessed_and_nine_in_ten_are_inside_the_interval():
    amounts = nets(40)
    noise = np.exp(np.random.default_rng(1).normal(0, 0.05, 40))
    measured = [float(each) for each in np.array(times(amounts)) * noise]
    guesses = left_out(amounts, measured, range(40))
    width = width_of(guesses, measured)
    inside = [abs(np.log(one / other)) <= width for one, other in zip(guesses, measured, strict=True)]
    assert 0.03 < width < 0.3
    assert sum(inside) >= 36


@given(st.lists(st.sampled_from(list(Sort)), max_size=20))
def test_parts_add_up_and_what_is_free_adds_nothing(sorts):
    every = [operation(each, macs=100) for each in sorts]
    one_by_one = np.sum([parts([each]) for each in every], axis=0) if every else np.zeros(len(PARTS))
    assert parts(every) == pytest.approx(tuple(one_by_one))
    assert parts([*every, operation(Sort.FREE, macs=100)]) == parts(every)


def test_channels_that_are_computed_in_vain_count():
    few, many = (parts([operation(Sort.CONV, macs=1000, channels=each)]) for each in (1, 16))
    assert few[PARTS.index("conv")] == 16 * many[PARTS.index("conv")]


def test_it_answers_for_files_on_its_own_device_alone():
    asked = query("fast", 0.6)
    own = Own("fast", asked.runtime, 1, asked.precision, COSTS, 0.1, 40)
    model = fitted().knowing([own])
    amounts = nets(1)[0]
    file = replace(asked, workload=Workload(params=1e6, macs=1e8, parts=amounts), threads=1)
    answer = model.predict(file)
    assert isinstance(answer, Prediction)
    assert answer.value_ms == pytest.approx(times([amounts])[0])
    assert answer.low_ms < answer.value_ms < answer.high_ms
    assert "40 nets" in answer.basis
    for other in (
        replace(file, workload=Workload(params=1e6, macs=1e8)),
        replace(file, device="slow"),
        replace(file, threads=4),
        replace(file, precision="int16"),
    ):
        assert not own.answers(other)


def test_it_is_kept_as_text_and_replaced_by_a_later_one():
    own = Own("fast", "tflite", 1, "float32", COSTS, 0.1, 40)
    model = fitted().knowing([own]).knowing([replace(own, nets=50), replace(own, precision="int8")])
    assert [each.nets for each in Fitted.from_json(model.to_json()).own] == [50, 40]
    assert Fitted.from_json(model.to_json()).own == model.own
