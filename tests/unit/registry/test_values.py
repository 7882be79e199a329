"""Accuracies, intervals and digests."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.values import Evidence, Precision
from tests.builders import CPU, GPU, accuracy, coverage, model, spec, variant

# Newcombe 1998, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, table I,
# method 3 (score method without continuity correction), to four digits.
NEWCOMBE = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]


@pytest.mark.parametrize(("right", "samples", "low", "high"), NEWCOMBE)
def test_the_interval_is_the_published_score_interval(right, samples, low, high):
    found = accuracy(100 * right / samples, samples=samples).interval()
    assert found == pytest.approx((100 * low, 100 * high), abs=0.006)


def test_fifty_thousand_samples_give_about_four_tenths_of_a_point_each_way():
    assert accuracy(70.8, samples=50_000).interval() == pytest.approx((70.40, 71.20), abs=0.005)


@settings(derandomize=True)
@given(st.integers(1, 60_000), st.floats(0, 1))
def test_an_interval_holds_its_value_and_stays_a_percentage(samples, share):
    value = 100 * round(share * samples) / samples
    found = accuracy(value, samples=samples).interval()
    assert found
    low, high = found
    assert -1e-9 <= low <= value + 1e-9
    assert value - 1e-9 <= high <= 100 + 1e-9


@settings(derandomize=True)
@given(st.integers(1, 10_000), st.integers(0, 100))
def test_more_samples_make_a_narrower_interval(samples, value):
    few, many = accuracy(value, samples=samples).interval(), accuracy(value, samples=4 * samples).interval()
    assert few
    assert many
    assert many[1] - many[0] < few[1] - few[0]


@pytest.mark.parametrize(
    "known",
    [accuracy(70.0, samples=None), accuracy(70.0, samples=0), accuracy(30.0, metric="map"), accuracy(130.0)],
    ids=["no samples known", "no samples", "a metric that counts no samples", "no percentage"],
)
def test_without_samples_that_count_there_is_no_interval(known):
    assert known.interval() is None


COUNTS = [
    pytest.param(
        [accuracy(70.0, samples=50_000), accuracy(72.0, samples=1000)], None, 70.0, id="most samples"
    ),
    pytest.param(
        [accuracy(70.0, samples=1), accuracy(72.0, samples=None)], None, 70.0, id="unknown samples are few"
    ),
    pytest.param(
        [accuracy(70.0), accuracy(66.0, processor=GPU, samples=100)],
        GPU,
        66.0,
        id="measured on that processor",
    ),
    pytest.param(
        [accuracy(70.0), accuracy(66.0, processor=GPU)], CPU, 70.0, id="never that of another processor"
    ),
    pytest.param([accuracy(66.0, processor=GPU)], CPU, None, id="not even where there is no other"),
    pytest.param([accuracy(66.0, processor=GPU)], None, 66.0, id="any processor where none is asked for"),
    pytest.param([accuracy(90.0, metric="top5"), accuracy(70.0)], None, 70.0, id="the metric of the model"),
    pytest.param([accuracy(90.0, dataset="flowers"), accuracy(70.0)], None, 70.0, id="the data of the model"),
    pytest.param(
        [accuracy(71.0, evidence="joined"), accuracy(70.0)],
        None,
        70.0,
        id="measured before joined at equal samples",
    ),
    pytest.param([], None, None, id="none known"),
]


@pytest.mark.parametrize(("known", "processor", "value"), COUNTS)
def test_of_several_accuracies_one_counts_in_any_order(known, processor, value):
    for ordered in permutations(known):
        found = variant(accuracies=ordered).accuracy(model(), processor)
        assert (found and found.value) == value


ON_A_DEVICE = [
    pytest.param([accuracy(70.0, processor=CPU), accuracy(12.0, processor=CPU, device="board", samples=9)],
                 "board", 12.0, id="its own before any other, however few samples"),
    pytest.param([accuracy(70.0, processor=CPU), accuracy(12.0, processor=CPU, device="board")],
                 "phone", 70.0, id="what stands for all before another device's"),
    pytest.param([accuracy(70.0, processor=CPU), accuracy(99.0, processor=CPU, device="board")],
                 "", 70.0, id="for no device in particular, too"),
    pytest.param([accuracy(12.0, processor=CPU, device="board")], "phone", 12.0, id="another device's before none"),
    pytest.param([accuracy(70.0), accuracy(12.0, processor=GPU, device="board")],
                 "board", 70.0, id="never its other processor's"),
]  # fmt: skip


@pytest.mark.parametrize(("known", "device", "value"), ON_A_DEVICE)
def test_the_kernels_of_a_device_count_there(known, device, value):
    for ordered in permutations(known):
        found = variant(accuracies=ordered).accuracy(model(), CPU, device)
        assert found is not None
        assert found.value == value


def test_a_variant_is_named_by_its_file_where_that_is_known():
    assert variant(sha256="ab" * 32).digest == "ab" * 32


@pytest.mark.parametrize(
    "change",
    [{"model": "other"}, {"net": "other"}, {"name": "other"}, {"precision": Precision.INT8}, {"format": "onnx"},
     {"weights": "theirs"}],
)  # fmt: skip
def test_without_a_file_a_variant_is_named_by_what_it_is(change):
    assert replace(variant(), **change).digest != variant().digest


@pytest.mark.parametrize(
    "change",
    [{"note": "x"}, {"size_bytes": 5}, {"accuracies": ()}, {"source": "other"}, {"spec": spec()},
     {"certificate": "ab" * 32}, {"coverage": (coverage(),)}],
)  # fmt: skip
def test_what_is_only_said_of_a_variant_does_not_rename_it(change):
    assert replace(variant(), **change).digest == variant().digest


def test_evidence_ranks_from_measured_down_to_none():
    ranked = sorted(Evidence, key=lambda each: each.rank)
    assert [str(each) for each in ranked] == ["measured", "field", "same-soc", "predicted", "none"]


@pytest.mark.parametrize(
    ("precision", "quantized"),
    [(Precision.FLOAT32, False), (Precision.FLOAT16, False), (Precision.SPARSE, False), (Precision.UNKNOWN, False),
     (Precision.INT8, True), (Precision.PALETTE4, True), (Precision.W8A16, True), (Precision.MIXED, True)],
)  # fmt: skip
def test_which_precisions_are_quantized(precision, quantized):
    assert precision.is_quantized is quantized


def test_a_net_with_random_weights_has_no_trained_ones():
    assert not variant(weights="random").has_trained_weights
    assert variant(weights="ours").has_trained_weights


LEAST = [
    pytest.param(variant(size_bytes=5, params=100), 5, id="the file, where it is known"),
    pytest.param(variant(size_bytes=None, params=100), 400, id="four bytes a float32 weight"),
    pytest.param(
        variant(size_bytes=None, params=100, precision=Precision.INT8), 100, id="one byte an int8 weight"
    ),
    pytest.param(
        variant(size_bytes=None, params=100, precision=Precision.PALETTE2), 25, id="two bits a weight"
    ),
    pytest.param(
        variant(size_bytes=None, params=100, precision=Precision.MIXED), None, id="bits that differ"
    ),
    pytest.param(variant(size_bytes=None, params=None), None, id="nothing known"),
]


@pytest.mark.parametrize(("known", "least"), LEAST)
def test_a_file_takes_at_least_what_its_weights_take(known, least):
    assert known.least_bytes == least


COVERAGES = [
    (coverage(), "52 of 64 operators in 3 parts: CONV_3D (not in its list) falls back to the CPU"),
    (
        coverage(partitions=1, reasons=("A", "B")),
        "52 of 64 operators in 1 part: A and B fall back to the CPU",
    ),
    (coverage(reasons=("A", "B", "C")), "52 of 64 operators in 3 parts: A, B and C fall back to the CPU"),
    (
        coverage(reasons=tuple("ABCDE")),
        "52 of 64 operators in 3 parts: A, B, C and 2 more fall back to the CPU",
    ),
    (coverage(0, reasons=()), "none of 64 operators: the rest falls back to the CPU"),
    (coverage(64, reasons=(), partitions=1), "64 of 64 operators in 1 part"),
]


@pytest.mark.parametrize(("found", "words"), COVERAGES)
def test_what_a_delegate_takes_is_said_in_a_sentence(found, words):
    assert str(found) == f"tflite-gpu takes {words}"


@settings(derandomize=True)
@given(st.integers(0, 64), st.integers(0, 64))
def test_a_file_is_taken_whole_exactly_when_nothing_is_said_to_fall_back(taken, of):
    found = coverage(min(taken, of), of_operators=of)
    assert found.whole == ("back to the CPU" not in str(found))
