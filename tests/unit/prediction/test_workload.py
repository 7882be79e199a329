"""What a net does, from a file, by its name, or from a row of a table."""

import pytest

from device_profiles.profile import Processor
from prediction import nets
from prediction.query import Query
from prediction.workload import Kind, Operator, Workload


def query(net="mobilenet-v1", alpha=1.0, resolution="224", **other):
    return Query(net, "mobilenet-v1", Processor.CPU, "tflite", alpha, resolution, **other)


def test_the_operators_of_a_file_are_summed_by_kind():
    operators = [
        Operator(Kind.CONV, 100, 10), Operator(Kind.DEPTHWISE, 20, 10), Operator(Kind.DENSE, 5, 5),
        Operator(None, 0, 99),
    ]  # fmt: skip
    work = Workload.of_operators(operators, 1000, 224 * 224)
    assert (work.macs, work.layers, work.elements) == (125, 3, 25)
    assert work.by_kind == (100, 20, 0, 5, 0)


def test_the_file_is_asked_before_the_name():
    mine = Workload(1.0, 2.0, 3.0)
    assert nets.workload(query(workload=mine)) is mine


def test_a_known_net_has_the_counts_of_its_architecture():
    work = nets.workload(query())
    assert work.macs == pytest.approx(568.74e6, rel=1e-4)
    assert work.depthwise == pytest.approx(17.39e6, rel=1e-3)


@pytest.mark.parametrize("size", [96, 128, 160, 192])
def test_a_smaller_picture_takes_less_work_in_proportion_to_its_area(size):
    small, whole = nets.workload(query(resolution=str(size))), nets.workload(query())
    assert small.pointwise == pytest.approx(whole.pointwise * (size / 224) ** 2)
    assert small.dense == whole.dense
    assert small.params == whole.params


def test_a_width_that_nobody_counted_lies_between_its_neighbours():
    low, middle, high = (nets.workload(query(alpha=alpha)) for alpha in (0.5, 0.6, 0.75))
    assert low.macs < middle.macs < high.macs
    assert low.params < middle.params < high.params


def test_a_width_beyond_those_counted_goes_on_growing():
    assert nets.workload(query(alpha=3.0)).macs > nets.workload(query(alpha=2.0)).macs


def test_an_unknown_net_does_what_its_row_says():
    work = nets.workload(query(net="nobody-knows", params_m=2.5, macs_m=300.0))
    assert (work.params, work.macs, work.by_kind) == (2.5e6, 300e6, None)


@pytest.mark.parametrize(
    ("text", "area"), [("224", 224 * 224), ("480x640", 480 * 640), ("", None), ("1x2x3", None)]
)
def test_a_resolution_is_an_area(text, area):
    assert nets.pixels(text) == area
