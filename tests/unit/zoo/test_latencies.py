"""What stands in for a predicted latency says what it is worth, and is refused where too little was measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch comes with the extra 'search'")

from device_profiles.profile import Processor, Support
from registry.candidates import Candidate, Latency
from registry.values import Evidence, Precision
from tests.builders import device, variant
from zoo import actions
from zoo.continuum.latencies import Macs, Predicted, Sized, fit, lines
from zoo.continuum.searching import Budget, pricing_for
from zoo.errors import UsageError

BASE_MS, MS_PER_MAC = 0.5, 4e-8
SIZES = [10_000_000 * each for each in range(1, 8)]


def way(macs, latency_ms, precision=Precision.FLOAT32, **changed):
    """A measured way to run a net."""
    evidence = changed.pop("evidence", Evidence.MEASURED)
    net = variant(f"net-{macs}-{precision}", precision=precision, macs=macs)
    told = {"processor": Processor.CPU, "runtime": "tflite", "era": 2020, "threads": 4} | changed
    return Candidate(
        net, latency=Latency(latency_ms, latency_ms, latency_ms, evidence, "mean", "s", "d"), **told
    )


def on_line(sizes, precision=Precision.FLOAT32, factor=1.0, **changed):
    return [way(each, factor * (BASE_MS + MS_PER_MAC * each), precision, **changed) for each in sizes]


def sized(macs, precision=Precision.FLOAT32):
    return Sized("net", "", macs, 1000, 4000, precision)


@given(st.floats(0.01, 10), st.floats(1e-9, 1e-6), st.lists(st.integers(1, 10**9), min_size=5, unique=True))
def test_a_line_through_nets_that_lie_on_one_is_that_line(base, slope, sizes):
    line = fit([(each, base + slope * each) for each in sizes])
    assert line.at(12345) == pytest.approx(base + slope * 12345, rel=1e-3)
    assert line.error == pytest.approx(0, abs=1e-3)
    assert (line.nets, line.least_macs, line.most_macs) == (len(sizes), min(sizes), max(sizes))


def test_no_net_takes_less_than_no_time():
    line = fit([(each, 1e-9 * each**1.5) for each in (100, 200, 400, 800, 1600)])
    assert line.base_ms == 0
    assert line.ms_per_mac > 0


@pytest.mark.parametrize(
    ("story", "rows"),
    [
        ("four nets are too few", [(each, each / 100) for each in (1, 2, 3, 4)]),
        ("nets of one size say nothing", [(7, 1.0), (7, 1.1), (7, 0.9), (7, 1.0), (7, 1.2)]),
        ("more work took less time", [(each, 10 - each) for each in (1, 2, 3, 4, 5, 6)]),
    ],
)
def test_no_line_is_better_than_a_bad_one(story, rows):
    assert fit(rows) is None


def test_what_is_not_comparable_is_not_pooled():
    slower = on_line(SIZES[:6], factor=3, threads=1)
    old = on_line(SIZES[:5], factor=9, era=2017)
    elsewhere = on_line(SIZES, factor=5, processor=Processor.GPU)
    other_device = on_line(SIZES, factor=7, runtime="ncnn", evidence=Evidence.SAME_SOC)
    found, comparable = lines("phone", [*slower, *old, *elsewhere, *other_device, *on_line(SIZES)])
    assert comparable == len(SIZES)
    assert found.of(sized(20_000_000)) == pytest.approx(BASE_MS + MS_PER_MAC * 20_000_000)
    assert found.way == "tflite 2020 on the CPU, 4 threads"


def test_int8_has_a_line_of_its_own_and_stored_bits_compute_in_floats():
    found, _ = lines("phone", [*on_line(SIZES), *on_line(SIZES, Precision.INT8, 0.5)])
    float_ms = found.of(sized(SIZES[0]))
    assert found.of(sized(SIZES[0], Precision.INT8)) == pytest.approx(float_ms / 2)
    assert found.of(sized(SIZES[0], Precision.INT4_WEIGHTS)) == float_ms
    assert [found.knows(each) for each in (1, SIZES[0], SIZES[-1], SIZES[-1] + 1)] == [
        False,
        True,
        True,
        False,
    ]


def test_where_int8_was_not_measured_it_says_so():
    found, _ = lines("phone", [*on_line(SIZES), *on_line(SIZES[:3], Precision.INT8, 0.5)])
    assert found.of(sized(SIZES[0], Precision.INT8)) == found.of(sized(SIZES[0]))
    assert "int8 is taken to be as slow as float32" in found.basis


def test_a_real_phone_says_what_its_line_is_worth():
    with actions.open_registry(None) as registry:
        shelf = registry.shelves("pixel3", "sdm845", "imagenet-classifier")["imagenet-classifier"]
    pricing = pricing_for("pixel3", shelf.candidates, Budget(latency_ms=10))
    assert pricing.unit == "ms"
    assert pricing.basis.startswith("latency is not predicted for pixel3: a line over MACs stands in")
    assert "tflite 2020 on the CPU, 4 threads" in pricing.basis
    assert pricing.floats.nets >= 15
    assert pricing.floats.error < 0.2
    assert pricing.of(sized(569_000_000)) == pytest.approx(24, rel=0.25)  # MobileNet V1, measured there


def test_a_device_that_nobody_measured_has_no_latency_to_search_by():
    with pytest.raises(
        UsageError, match=r"--max-latency-ms: .* 4 comparable nets .* Give --max-macs instead"
    ):
        pricing_for("phone", on_line(SIZES[:4]), Budget(latency_ms=10))
    pricing = pricing_for("phone", on_line(SIZES[:4]), Budget(macs=10**6))
    assert isinstance(pricing, Macs)
    assert pricing.basis == "latency is not predicted for phone: MACs stand in"
    assert pricing.of(sized(123)) == 123


class BySize:
    """Predicts from MACs, up to a size; a small, real `Predictor`."""

    def latency(self, variant, device, way, threads):
        if variant.macs > 1000:
            return None
        value = variant.macs / 100
        return Latency(value, value / 2, value * 2, Evidence.PREDICTED, "predicted", way.runtime, device.id)


def test_a_predictor_is_asked_where_there_is_one():
    support = Support("tflite", "tflite", Processor.CPU, ("float32",), (), "test")
    pricing = Predicted(BySize(), device(), support)
    assert pricing.of(sized(500)) == 5
    assert pricing.of(sized(2000)) is None
    assert pricing.basis.startswith("latency is predicted for ")
