"""The baselines see other nets of the device and other devices, and nothing of the net on the device."""

import math
from dataclasses import replace

import pytest

from prediction.baselines import Sized, by_macs, by_nearest, one_for_all

GROUP = [Sized(f"net-{macs}", macs, "float32", float(macs), 2.0 * macs) for macs in (1, 2, 4, 8, 16, 32)]


def altered(changed):
    """The group with another latency for one net."""
    return [replace(each, truth_ms=1e6) if each.net == changed else each for each in GROUP]


def test_macs_are_a_rate_of_the_other_nets():
    assert by_macs(GROUP) == pytest.approx([each.truth_ms for each in GROUP])


def test_macs_have_a_rate_for_each_precision_where_it_is_known_well():
    fast = [Sized(f"int8-{each.macs_m}", each.net, "int8", each.macs_m, each.macs_m) for each in GROUP]
    assert by_macs([*GROUP, *fast]) == pytest.approx([each.truth_ms for each in [*GROUP, *fast]])


def test_macs_know_nothing_of_the_only_net():
    assert by_macs(GROUP[:1]) == [math.inf]


@pytest.mark.parametrize("guess", [by_macs, lambda group: by_nearest(group, [{"net-4": 1.0, "net-8": 2.0}])])
def test_a_nets_own_latency_is_never_used(guess):
    index = next(index for index, each in enumerate(GROUP) if each.net == 4)
    assert guess(altered(4))[index] == guess(GROUP)[index]


def test_one_for_all_is_the_latency_that_a_share_of_the_other_devices_keeps():
    others = [{"net-1": 1.0}, {"net-1": 2.0}, {"net-1": 3.0}, {"net-1": 4.0}]
    assert [one_for_all(GROUP[:1], others, share)[0] for share in (0.25, 0.5, 0.51, 1.0)] == [1, 2, 3, 4]
    assert one_for_all(GROUP[1:2], others, 0.5) == [math.inf]


def test_the_nearest_device_that_ran_the_net_is_scaled_by_what_both_ran():
    near = {"net-1": 1.0, "net-2": 2.0, "net-4": 4.0}
    far = {"net-1": 7.0, "net-8": 7.0}
    found = by_nearest(GROUP, [near, far])
    assert found[:3] == pytest.approx([2.0, 4.0, 8.0])
    assert found[3] == pytest.approx(7.0 * 2.0 / 7.0)
    assert found[4] == math.inf


def test_a_device_that_shares_nothing_else_is_taken_as_it_is():
    assert by_nearest(GROUP[:1], [{"net-1": 5.0}]) == [5.0]
