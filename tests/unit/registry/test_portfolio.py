"""What a model's variants are worth to a fleet: cover, domination, twins, front, gaps, marginal points."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.portfolio import EXACT_UP_TO, Dominated, portfolio, smallest_cover
from registry.values import Precision
from tests.builders import device, measurement, model, shelf, variant

# ---- the smallest cover -------------------------------------------------------------------------------------------

DEVICES = tuple("abcdef")
REACHES = st.dictionaries(
    st.sampled_from([f"net-{number}" for number in range(9)]),
    st.frozensets(st.sampled_from(DEVICES)),
    max_size=9,
)


def covers(chosen, reach) -> bool:
    reached = {device_id for name in chosen for device_id in reach[name]}
    return reached == {device_id for devices in reach.values() for device_id in devices}


@settings(derandomize=True, max_examples=500, deadline=None)
@given(REACHES)
def test_the_cover_is_as_small_as_brute_force_finds_it(reach):
    cover, exact = smallest_cover(reach)
    fewest = min(
        count
        for count in range(len(reach) + 1)
        for chosen in combinations(reach, count)
        if covers(chosen, reach)
    )
    assert exact
    assert covers(cover, reach)
    assert len(cover) == fewest


@settings(derandomize=True, max_examples=200, deadline=None)
@given(REACHES, st.randoms(use_true_random=False))
def test_the_cover_does_not_depend_on_the_order(reach, rng):
    names = list(reach)
    rng.shuffle(names)
    assert smallest_cover({name: reach[name] for name in names}) == smallest_cover(reach)


@pytest.mark.parametrize(
    ("reach", "cover"),
    [
        pytest.param({}, (), id="no variants"),
        pytest.param({"a": frozenset()}, (), id="a variant that serves nobody"),
        pytest.param({"a": frozenset("xy"), "b": frozenset("y")}, ("a",), id="one serves all"),
        pytest.param(
            {"most": frozenset("1234"), "left": frozenset("125"), "right": frozenset("346")},
            ("left", "right"),
            id="two that a greedy choice would miss",
        ),
    ],
)
def test_a_cover_by_hand(reach, cover):
    assert smallest_cover(reach) == (cover, True)


def test_with_too_many_useful_variants_the_cover_is_greedy_says_so_and_still_covers():
    many = EXACT_UP_TO + 5
    reach = {f"net-{number:02}": frozenset({number, number + 1}) for number in range(many)}
    cover, exact = smallest_cover(reach)
    assert not exact
    assert covers(cover, reach)
    assert len(cover) <= many


def test_variants_that_reach_no_more_than_another_do_not_count_as_many():
    reach = {f"net-{number:02}": frozenset("ab") for number in range(EXACT_UP_TO + 5)}
    assert smallest_cover(reach) == (("net-00",), True)


# ---- a fleet by hand ----------------------------------------------------------------------------------------------

TINY = variant("tiny", 50.0, size_bytes=1_000_000)
MID = variant("mid", 60.0, size_bytes=2_000_000)
BIG = variant("big", 70.0, size_bytes=6_000_000)
WASTE = variant("waste", 55.0, size_bytes=3_000_000)
FLEET = {
    "fast": [("tiny", 2.0), ("mid", 4.0), ("big", 20.0), ("waste", 9.0)],
    "slow": [("tiny", 10.0), ("mid", 30.0), ("big", 100.0), ("waste", 32.0)],
    "slowest": [("tiny", 40.0)],
}


def find(variants, fleet, within=1.0, of=None):
    of = of or model()
    shelves = {
        name: (device(name), shelf(variants, [measurement(net, time, device=name) for net, time in rows], of))
        for name, rows in fleet.items()
    }
    return portfolio(of, shelves, within)


def by_hand(within=1.0):
    return find([TINY, MID, BIG, WASTE], FLEET, within)


def test_each_device_has_its_best_under_the_default_budget():
    found = by_hand()
    assert found.best == {"fast": 70.0, "slow": 60.0}
    assert found.unserved == ("slowest",)


def test_the_cover_serves_each_device_within_a_point_of_its_best():
    found = by_hand()
    assert (found.cover, found.exact) == (("big", "mid"), True)
    assert found.served_by == {"fast": "big", "slow": "mid"}


def test_with_more_points_to_lose_fewer_variants_do():
    found = by_hand(within=10.0)
    assert found.cover == ("mid",)
    assert found.served_by == {"fast": "mid", "slow": "mid"}


def test_exactly_one_point_is_within_one_point():
    one, other = variant("one", 64.9, size_bytes=2), variant("other", 63.9, size_bytes=1)
    found = find(
        [one, other], {"wide": [("one", 5.0), ("other", 5.0)], "narrow": [("one", 50.0), ("other", 5.0)]}
    )
    assert found.cover == ("other",)


def test_a_variant_that_another_beats_everywhere_is_dominated():
    assert by_hand().dominated == (Dominated("waste", "mid", twin=False, devices=2),)


def test_a_variant_that_is_faster_on_one_device_is_not_dominated():
    fleet = {**FLEET, "odd": [("mid", 9.0), ("waste", 8.0)]}
    assert find([TINY, MID, BIG, WASTE], fleet).dominated == ()


def test_a_variant_measured_where_the_other_was_not_is_not_dominated():
    fleet = {**FLEET, "odd": [("waste", 8.0)]}
    assert find([TINY, MID, BIG, WASTE], fleet).dominated == ()


def test_equals_do_not_dominate_each_other():
    one, other = variant("one"), variant("other")
    assert find([one, other], {"fast": [("one", 5.0), ("other", 5.0)]}).dominated == ()


def test_a_twin_of_another_precision_is_named_before_a_stranger():
    wide = variant("net-float32", 60.0, net="net", size_bytes=4_000_000)
    narrow = variant("net-int8", 60.0, net="net", size_bytes=1_000_000, precision=Precision.INT8)
    stranger = variant("stranger", 65.0, size_bytes=900_000)
    fleet = {"fast": [("net-float32", 9.0), ("net-int8", 4.0), ("stranger", 5.0)]}
    found = find([wide, narrow, stranger], fleet)
    assert found.dominated == (Dominated("net-float32", "net-int8", twin=True, devices=1),)


def test_float_variants_without_a_quantized_twin_are_listed():
    variants = [
        variant("a-float32", net="a"),
        variant("a-int8", net="a", precision=Precision.INT8),
        variant("b-float32", net="b"),
        variant("b-float16", net="b", precision=Precision.FLOAT16),
        variant("c-float32", net="c"),
        variant("c-int8.onnx", net="c", format="onnx", precision=Precision.INT8),
        variant("d-unknown", net="d", precision=Precision.UNKNOWN),
    ]
    fleet = {"fast": [(each.name, 5.0) for each in variants]}
    assert find(variants, fleet).without_twin == ("b-float16", "b-float32", "c-float32")


def test_the_front_has_a_step_from_each_variant_to_the_next_larger_better_one():
    first, second = by_hand().front
    assert (first.smaller, first.larger, second.smaller, second.larger) == ("tiny", "mid", "mid", "big")
    assert (first.accuracy_gain, first.size_gain_bytes, first.devices) == (10.0, 1_000_000, 2)
    assert (second.accuracy_gain, second.size_gain_bytes, second.devices) == (10.0, 4_000_000, 2)


def test_marginal_points_by_hand():
    first, second = by_hand().front
    assert first.points_per_mb == pytest.approx(10.0)  # 10 points for 1 MB
    assert second.points_per_mb == pytest.approx(2.5)  # 10 points for 4 MB
    assert first.latency_gain_ms == pytest.approx(11.0)  # median of 2 and 20 ms
    assert first.points_per_ms == pytest.approx(10 / 11)
    assert second.latency_gain_ms == pytest.approx(43.0)  # median of 16 and 70 ms
    assert second.points_per_ms == pytest.approx(10 / 43)


def test_a_larger_variant_that_is_not_slower_has_no_points_per_millisecond():
    (step,) = find([TINY, MID], {"fast": [("tiny", 5.0), ("mid", 4.0)]}).front
    assert (step.latency_gain_ms, step.points_per_ms) == (-1.0, None)


def test_variants_that_never_met_on_a_device_have_no_latency_gain():
    (step,) = find([TINY, MID], {"one": [("tiny", 5.0)], "other": [("mid", 4.0)]}).front
    assert (step.latency_gain_ms, step.points_per_ms, step.devices) == (None, None, 0)


def test_a_gap_is_a_step_whose_sizes_differ_by_more_than_two():
    found = by_hand()
    assert [(each.smaller, each.larger) for each in found.gaps] == [("mid", "big")]


def test_of_an_error_metric_less_is_better_everywhere():
    error_rate = model(higher_is_better=False)
    good, bad = variant("good", 20.0, size_bytes=2_000_000), variant("bad", 30.0, size_bytes=1_000_000)
    fleet = {"fast": [("good", 5.0), ("bad", 4.0)], "slow": [("good", 50.0), ("bad", 20.0)]}
    found = find([good, bad], fleet, of=error_rate)
    assert found.best == {"fast": 20.0, "slow": 30.0}
    assert found.served_by == {"fast": "good", "slow": "bad"}
    assert [(each.smaller, each.larger, each.accuracy_gain) for each in found.front] == [
        ("bad", "good", 10.0)
    ]


def test_a_fleet_without_measurements_has_nothing_to_say():
    found = find([TINY, MID], {"fast": []})
    assert (found.cover, found.best, found.unserved, found.dominated) == ((), {}, (), ())
