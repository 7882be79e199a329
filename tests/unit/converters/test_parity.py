"""Parity: errors are what they are defined to be, and tolerances hold files to them."""

import pytest

np = pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")

from converters.parity import TOLERANCES, compare  # noqa: E402
from converters.recipes import Recipe  # noqa: E402

pytestmark = pytest.mark.convert


def runs(*rows):
    return [[np.float32([row])] for row in rows]


def test_equal_outputs_have_no_error_and_the_highest_ratio():
    same = compare(runs([1, 2], [3, 4]), runs([1, 2], [3, 4]))
    assert (same.max_abs_error, same.max_rel_error, same.snr_db, same.top1_agreement) == (0, 0, 200, 1)


def test_errors_are_relative_to_the_largest_value_of_the_output():
    found = compare(runs([10, 0], [0, 4]), runs([10, 0.5], [0, 4]))
    assert found.max_abs_error == 0.5
    assert found.max_rel_error == 0.05
    assert found.snr_db == pytest.approx(10 * np.log10(116 / 0.25))


def test_top1_counts_samples_whose_largest_class_is_the_same():
    assert (
        compare(runs([1, 2], [5, 4], [0, 1], [1, 0]), runs([1, 2], [4, 5], [0, 1], [1, 0])).top1_agreement
        == 0.75
    )


def test_the_worst_output_counts():
    want = [[np.float32([[1, 1]]), np.float32([[1, 1]])]]
    have = [[np.float32([[1, 1]]), np.float32([[1, 2]])]]
    assert compare(want, have).max_rel_error == 1


@pytest.mark.parametrize(
    ("have", "says"),
    [
        (runs([np.nan, 1], [1, 2]), "not numbers"),
        (runs([np.inf, 1], [1, 2]), "not numbers"),
        (runs([7, 7], [7, 7]), "whatever the input"),
        (runs([9, 1], [1, 9]), "relative error"),
    ],
    ids=["nan", "inf", "constant", "far off"],
)
def test_garbage_misses_every_tolerance(have, says):
    found = compare(runs([1, 2], [3, 4]), have)
    assert says in TOLERANCES[Recipe.FLOAT32].missed_by(found)
    if says != "relative error":
        assert all(each.missed_by(found) for each in TOLERANCES.values())


def test_noise_below_the_ratio_of_a_recipe_is_refused():
    want = runs([1, -1, 1, -1], [-1, 1, -1, 1])
    have = runs([1.2, -1, 1, -1], [-1, 1.2, -1, 1])
    found = compare(want, have)
    assert TOLERANCES[Recipe.INT8].missed_by(found) == (
        "signal-to-noise ratio 20.0 dB, at least 20 dB is wanted" if found.snr_db < 20 else None
    )
    worse = compare(want, runs([1.5, -1, 1, -1], [-1, 1.5, -1, 1]))
    assert "dB is wanted" in TOLERANCES[Recipe.INT8].missed_by(worse)


def test_outputs_of_another_shape_are_no_outputs_of_this_net():
    with pytest.raises(ValueError, match="shape"):
        compare(runs([1, 2]), runs([1, 2, 3]))


def test_every_recipe_has_a_tolerance():
    assert set(TOLERANCES) == set(Recipe)
