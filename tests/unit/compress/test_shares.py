"""Shares of layers: the longest name counts, and nonsense is refused, all of it at once."""

import pytest

from compress.shares import check, named_share
from zoo.errors import TrainingError

PATHS = ["features.1.conv", "features.10.conv", "classifier"]


@pytest.mark.parametrize(
    ("path", "share"),
    [
        pytest.param("classifier", None, id="not named"),
        pytest.param("features.1.conv", 0.2, id="below a name"),
        pytest.param("features.10.conv", 0.5, id="a name is no prefix of a longer number"),
        pytest.param("features.2.conv", 0.7, id="below the whole row"),
    ],
)
def test_the_longest_name_that_stands_for_a_layer_counts(path, share):
    named = {"features": 0.7, "features.1": 0.2, "features.10.conv": 0.5}
    assert named_share(path, named) == share


def test_all_problems_are_told_at_once():
    with pytest.raises(TrainingError) as caught:
        check(1.0, {"features.1": -0.5, "featur": 0.5}, PATHS)
    for part in ("share 1 is not", "share -0.5 of 'features.1' is not", "there is no layer 'featur'"):
        assert part in str(caught.value)


def test_what_makes_sense_passes():
    check(0.0, {"features": 0.99, "classifier": 0.0}, PATHS)
