"""Regret and overruns of picks: what must hold for any nets, and small cases by hand."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prediction.regret import Net, Point, Worth, best_within, budgets, curve, outcomes, picked, unbeaten

NETS = (Net("small", 50, 1.0), Net("middle", 60, 10.0), Net("large", 70, 100.0))

groups = st.lists(
    st.tuples(st.floats(1, 100), st.floats(0.01, 1e4)), min_size=2, max_size=30
).map(lambda pairs: [Net(f"net {number}", *pair) for number, pair in enumerate(pairs)])  # fmt: skip


def worth(nets, bounds, asked=None):
    return Worth.of(outcomes(nets, bounds, asked or budgets(nets)))


@given(groups)
def test_who_knows_the_truth_loses_nothing_and_never_overruns(nets):
    found = worth(nets, [each.truth_ms for each in nets])
    assert (found.overruns, found.regret, found.unanswered) == (0, 0, 0)


@given(groups)
def test_who_is_infinitely_careful_picks_nothing_and_loses_everything(nets):
    found = worth(nets, [math.inf] * len(nets))
    assert (found.overruns, found.unanswered) == (0, 1)
    best = [each.best.accuracy for each in outcomes(nets, [math.inf] * len(nets), budgets(nets))]
    assert found.regret == pytest.approx(sum(best) / len(best))


@given(groups)
def test_who_thinks_that_everything_is_free_loses_no_accuracy(nets):
    assert worth(nets, [0.0] * len(nets)).regret == 0


@given(groups, st.randoms(use_true_random=False), st.floats(0.2, 5))
def test_the_order_of_nets_does_not_matter(nets, rng, factor):
    shuffled = rng.sample(nets, len(nets))
    guess = {each.name: each.truth_ms * factor ** random.Random(each.name).uniform(-1, 1) for each in nets}
    one, two = (worth(every, [guess[each.name] for each in every]) for every in (nets, shuffled))
    assert one == two


@given(groups)
def test_budgets_go_from_tight_to_loose_and_something_always_fits(nets):
    milliseconds = [each for _, each in budgets(nets)]
    truths = [each.truth_ms for each in nets]
    assert milliseconds == pytest.approx(sorted(milliseconds))
    assert milliseconds[-1] == max(truths)
    assert min(milliseconds) >= min(truths)


@pytest.mark.parametrize(
    ("bound", "overruns", "regret"),
    [(10.0, False, 0), (9.0, False, 0), (10.5, False, 10), (math.inf, False, 10)],
)
def test_a_net_that_is_thought_too_slow_costs_accuracy(bound, overruns, regret):
    (found,) = outcomes(NETS, [1.0, bound, 100.0], [(0.5, 10.0)])
    assert (found.is_overrun, found.regret) == (overruns, regret)


@pytest.mark.parametrize(("truth", "overruns"), [(10.4, False), (10.6, True)])
def test_an_overrun_is_more_than_five_percent_over_the_budget(truth, overruns):
    nets = (NETS[0], Net("middle", 60, truth))
    (found,) = outcomes(nets, [1.0, 9.0], [(0.5, 10.0)])
    assert found.is_overrun is overruns
    assert found.regret == 0


def test_of_equally_accurate_nets_the_one_with_the_least_bound_is_picked():
    nets = (Net("a", 60, 3.0), Net("b", 60, 2.0))
    assert picked(nets, [3.0, 2.0], 5.0).name == "b"


def test_a_budget_that_nothing_meets_is_not_asked():
    assert outcomes(NETS, [1.0, 10.0, 100.0], [(0.0, 0.5)]) == []


def test_a_curve_runs_from_bold_to_cautious():
    truths = [each.truth_ms for each in NETS]
    found = curve([NETS], [lambda factor: [factor * each for each in truths]], [0.1, 1.0, 20.0])
    assert [each.caution for each in found] == [0.1, 1.0, 20.0]
    bold, exact, careful = (each.worth for each in found)
    assert bold.overruns > exact.overruns == careful.overruns == 0
    assert careful.regret > exact.regret == bold.regret == 0


def test_the_best_point_is_that_of_least_regret_among_those_with_few_overruns():
    points = [Point(number, Worth(1, overruns, regret, regret, 0)) for number, (overruns, regret) in enumerate(
        [(0.2, 0.0), (0.04, 1.0), (0.03, 0.8), (0.0, 5.0)])]  # fmt: skip
    assert best_within(points, 0.05).caution == 2
    assert best_within(points[:1], 0.05) is None


def test_a_point_is_beaten_by_one_that_has_neither_more_overruns_nor_more_regret():
    ours = [Point(0, Worth(1, *pair, 0, 0)) for pair in ((0.1, 1.0), (0.0, 3.0))]
    theirs = [Point(0, Worth(1, *pair, 0, 0)) for pair in ((0.1, 1.0), (0.2, 2.0), (0.05, 2.0), (0.0, 4.0))]
    assert unbeaten(ours, theirs) == theirs[2:3]
    assert unbeaten(ours, ours) == []
