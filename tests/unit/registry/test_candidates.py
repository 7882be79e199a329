"""Rows become candidates; ways become candidates without a number."""

from dataclasses import replace
from itertools import permutations

import pytest

from registry.candidates import Candidate, measured, unmeasured
from registry.values import Evidence
from tests.builders import (
    CPU,
    GPU,
    NPU,
    accuracy,
    candidate,
    coverage,
    device,
    latency,
    measurement,
    model,
    twin_row,
    variant,
)

NET = variant()
VARIANTS = {"net": NET}


def line_up(*rows) -> list[Candidate]:
    found = measured(model(), VARIANTS, rows)
    return sorted(found, key=lambda each: (each.processor or "", each.runtime, each.threads or 0, each.cores))


def test_threads_cores_processor_and_runtime_tell_candidates_apart():
    rows = [
        measurement(latency_ms=1),
        measurement(latency_ms=2, threads=4),
        measurement(latency_ms=3, threads=None),
        measurement(latency_ms=4, cores="1 big"),
        measurement(latency_ms=5, processor=GPU),
        measurement(latency_ms=6, runtime="xnnpack"),
    ]
    assert sorted(each.latency.value for each in line_up(*rows) if each.latency) == [1, 2, 3, 4, 5, 6]


def test_the_version_of_a_runtime_does_not_tell_candidates_apart():
    (only,) = line_up(
        measurement(runtime_version="2.3", era=2020, latency_ms=9),
        measurement(runtime_version="2.9", era=2022, latency_ms=8),
    )
    assert (only.era, only.latency and only.latency.value) == (2022, 8)


def test_the_accuracy_of_a_candidate_is_that_of_the_device_which_was_timed():
    here = measurement(latency_ms=2)
    kernels = (accuracy(70.0, processor=CPU), accuracy(12.0, processor=CPU, device=here.device))
    wrong = replace(NET, accuracies=kernels)
    (timed,) = measured(model(), {"net": wrong}, [here])
    (elsewhere,) = measured(model(), {"net": wrong}, [replace(here, device="other")])
    assert [each.accuracy and each.accuracy.value for each in (timed, elsewhere)] == [12.0, 70.0]


def test_excluded_rows_and_rows_of_other_models_make_no_candidate():
    assert line_up(measurement(excluded="a slip"), measurement("stranger")) == []


def test_no_rows_make_no_candidates():
    assert line_up() == []


def test_a_latency_keeps_where_it_comes_from():
    (only,) = line_up(twin_row(latency_ms=9, low_ms=8, high_ms=11, statistic="median", source="a page"))
    assert only.latency == latency(
        9, low=8, high=11, evidence=Evidence.SAME_SOC, statistic="median", source="a page", device="twin"
    )


def test_a_latency_without_a_spread_is_its_own_spread():
    (only,) = line_up(measurement(latency_ms=9))
    assert only.latency
    assert (only.latency.low, only.latency.high) == (9, 9)


def test_of_two_rows_the_one_with_the_higher_high_end_counts():
    (only,) = line_up(measurement(latency_ms=9, high_ms=20), measurement(latency_ms=10, high_ms=11))
    assert only.latency
    assert (only.latency.value, only.latency.high) == (9, 20)


def test_a_row_that_carries_only_energy_has_no_latency_and_no_evidence():
    (only,) = line_up(measurement(latency_ms=None, energy_mj=3.5))
    assert (only.latency, only.evidence, only.energy_mj) == (None, Evidence.NONE, 3.5)


def test_latency_and_energy_of_one_era_meet_in_one_candidate():
    (only,) = line_up(
        measurement(latency_ms=9), measurement(latency_ms=None, energy_mj=3.5, note="energy run")
    )
    assert (only.latency and only.latency.value, only.energy_mj) == (9, 3.5)


def test_numbers_of_two_eras_never_meet_in_one_candidate():
    rows = [
        measurement(latency_ms=9, era=2023),
        measurement(latency_ms=12, era=2022, energy_mj=3.5, ram_bytes=1, flash_bytes=2, peak_memory_bytes=3),
    ]
    for ordered in (rows, rows[::-1]):
        (only,) = line_up(*ordered)
        assert (only.era, only.energy_mj, only.memory_bytes, only.flash_bytes) == (2023, None, None, None)


def test_of_several_figures_of_memory_and_energy_the_largest_counts():
    (only,) = line_up(
        measurement(ram_bytes=10, flash_bytes=5, energy_mj=1.0),
        measurement(ram_bytes=20, flash_bytes=4, energy_mj=2.0),
    )
    assert (only.memory_bytes, only.flash_bytes, only.energy_mj) == (20, 5, 2.0)


def test_ram_goes_before_the_peak_of_a_process():
    (only,) = line_up(measurement(ram_bytes=10, peak_memory_bytes=99))
    assert only.memory_bytes == 10


def test_rows_of_another_device_lend_no_energy_to_a_candidate_measured_here():
    (only,) = line_up(measurement(latency_ms=9), twin_row(latency_ms=9, energy_mj=3.5))
    assert only.energy_mj is None


def test_all_rows_stay_visible_the_one_that_counts_first():
    rows = [measurement(latency_ms=5, era=2018), measurement(latency_ms=8), measurement(latency_ms=9)]
    (only,) = line_up(*rows)
    assert [row.latency_ms for row in only.rows] == [9, 8, 5]
    assert [row.latency_ms for row in only.also] == [8]


def test_the_order_of_equal_rows_changes_nothing():
    rows = [
        measurement(latency_ms=9, energy_mj=1.0),
        measurement(latency_ms=9, energy_mj=2.0),
        measurement(latency_ms=9, low_ms=8, statistic="median"),
        measurement(latency_ms=None, energy_mj=3.0),
        measurement(latency_ms=None, energy_mj=4.0, os="Android 10"),
    ]
    assert line_up(*rows) == line_up(*rows[::-1])


def test_an_accuracy_measured_on_the_processor_goes_with_it():
    both = {"net": replace(NET, accuracies=(accuracy(70.0), accuracy(66.0, processor=GPU)))}
    found = measured(model(), both, [measurement(), measurement(processor=GPU)])
    assert {each.processor: each.accuracy and each.accuracy.value for each in found} == {CPU: 70.0, GPU: 66.0}


# ---- what nobody measured -----------------------------------------------------------------------------------------


def test_every_way_of_the_device_makes_a_candidate_without_a_number():
    found = list(unmeasured(model(), [NET, variant("other", format="onnx")], device()))
    assert [(each.variant.name, each.processor, each.runtime, each.latency) for each, _ in found] == [
        ("net", CPU, "tflite", None),
        ("net", GPU, "tflite", None),
        ("other", CPU, "onnxruntime", None),
    ]
    assert all(way and way.runtime == each.runtime for each, way in found)


def test_a_way_that_was_measured_makes_none():
    known = [candidate(NET)]
    found = [(each.processor, each.runtime) for each, _ in unmeasured(model(), [NET], device(), known)]
    assert found == [(GPU, "tflite")]


def test_a_format_that_nothing_takes_makes_one_candidate_without_a_processor():
    ((only, way),) = unmeasured(model(), [variant(format="coreml")], device())
    assert (only.processor, only.runtime, way) == (None, "", None)


def test_a_format_that_nothing_takes_makes_none_where_it_was_measured_all_the_same():
    odd = variant(format="coreml")
    assert list(unmeasured(model(), [odd], device(), [candidate(odd, processor=NPU)])) == []


HEXAGON, PART = coverage(delegate="hexagon"), coverage(20, macs=500)
LEFT = [
    pytest.param([], GPU, "tflite", None, id="nothing inspected"),
    pytest.param([PART], GPU, "tflite", PART, id="a part"),
    pytest.param([coverage(64)], GPU, "tflite", None, id="all is taken"),
    pytest.param([coverage(64, partitions=2)], GPU, "tflite", None, id="all is taken, though in two parts"),
    pytest.param([PART], NPU, "tflite", None, id="another processor"),
    pytest.param([PART], GPU, "onnxruntime", None, id="another runtime"),
    pytest.param([coverage(processor=CPU)], CPU, "tflite", None, id="the CPU has nothing to fall back to"),
    pytest.param([PART, coverage(64)], GPU, "tflite", None, id="one delegate that takes all is enough"),
    pytest.param([PART, HEXAGON], GPU, "tflite", HEXAGON, id="the one that takes most of the work speaks"),
    pytest.param([coverage(), HEXAGON], GPU, "tflite", coverage(), id="of equals always the same one"),
    pytest.param(
        [coverage(0, partitions=0)], GPU, "tflite", coverage(0, partitions=0), id="nothing is taken"
    ),
]


@pytest.mark.parametrize(("known", "processor", "runtime", "left"), LEFT)
def test_what_falls_back_is_known_of_the_way_in_any_order(known, processor, runtime, left):
    for ordered in permutations(known):
        found = candidate(variant(coverage=ordered), processor=processor, runtime=runtime)
        assert found.falls_back == left
