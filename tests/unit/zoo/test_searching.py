"""A search on real data, from a recipe to a recipe of the nets worth having, in seconds."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch comes with the extra 'compress'")
pytest.importorskip("optuna", reason="optuna comes with the extra 'search'")

from compress.net import Blueprint, fresh
from compress.recipes.recipe import Protocol, SearchPlan
from compress.recipes.space import Candidate
from compress.search import front
from datasets.catalogue import FASHION_MNIST
from datasets.finding import VARIABLE, find
from datasets.loading import load
from datasets.values import Part
from zoo.continuum import compressing, searching
from zoo.continuum.latencies import Macs
from zoo.errors import BadRecipeError, DatasetError

pytestmark = pytest.mark.convert

TOP = """
model = "fashion-classifier"
dataset = "fashion-mnist"
[input]
channels = "GRAY"
scale = 0.00392156862745098
[train]
epochs = 20
batch = 64
learning_rate = 3e-3
"""
SEARCH = """
[search]
architectures = ["lenet-5", "lenet-300-100", "vgg-small-0.25"]
sizes = [14, 28]
filters = [0, 0.5]
bits = [32, 8, 4]
trials = 4
samples = 1000
"""
BUDGET = searching.Budget(macs=400_000)
MACS = Macs("MACs")


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    try:
        find(FASHION_MNIST)
    except DatasetError as problem:
        pytest.skip(str(problem))
    path = tmp_path_factory.mktemp("search") / "fashion.toml"
    path.write_text(TOP + SEARCH)
    return path


@pytest.fixture(scope="module")
def searched(recipe_file):
    recipe, space = searching.read(recipe_file)
    return searching.run(recipe, space, MACS, BUDGET, work=recipe_file.parent / "work")


def test_nets_learn_and_none_is_over_the_budget(searched):
    assert len(searched.found.judged) == 4
    assert all(each.cost.macs <= BUDGET.macs for each in searched.found.judged)
    assert searched.found.front == front(searched.found.judged) != ()
    assert max(each.accuracy for each in searched.found.judged) > 50  # of ten classes, after one epoch


def test_the_same_command_goes_on_and_trains_nothing_again(recipe_file, searched):
    recipe, space = searching.read(recipe_file)
    again = searching.run(recipe, space, MACS, BUDGET, work=recipe_file.parent / "work")
    assert again.found == searched.found


def test_one_more_trial_on_another_day_is_the_trial_that_was_next(recipe_file, searched):
    recipe, space = searching.read(recipe_file, trials=2)
    work = recipe_file.parent / "elsewhere"
    few = searching.run(recipe, space, MACS, BUDGET, work=work)
    assert few.found.judged == searched.found.judged[:2]


def test_the_recipe_of_the_front_can_be_swept(recipe_file, searched):
    path = recipe_file.parent / "front.toml"
    path.write_text(searching.recipe_of(searched))
    recipe, stages = compressing.read(path)
    best_first = sorted(searched.found.front, key=lambda each: -each.accuracy)
    assert [each.architecture for each in recipe.nets] == [each.candidate.architecture for each in best_first]
    assert [recipe.steps(each) for each in recipe.nets] == [
        each.candidate.steps(searched.recipe.training) for each in best_first
    ]
    wanted = {32: "float32", 8: "int8", 4: "int4_weights"}
    for net, each in zip(recipe.nets, best_first, strict=True):
        assert {precision for _, precision in recipe.files(net)} == {wanted[each.candidate.bits]}
    assert stages


def test_a_recipe_for_a_search_alone_is_no_sweep(recipe_file):
    with pytest.raises(BadRecipeError, match="it has a \\[search\\] and no nets"):
        compressing.read(recipe_file)


def test_a_missing_data_set_is_said_beside_everything_else(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text(
        (TOP + SEARCH).replace('"fashion-mnist"', '"fashion-minst"').replace("trials = 4", "trials = 0")
    )
    with pytest.raises(BadRecipeError) as caught:
        searching.read(path)
    assert [each.partition(":")[0] for each in caught.value.problems] == ["dataset", "search.trials"]


@pytest.mark.parametrize(("bits", "of_a_weight"), [(32, 4.0), (8, 1.0), (4, 0.5)])
def test_the_size_of_a_net_is_that_of_its_weights_in_their_bits(bits, of_a_weight):
    net = fresh(Blueprint("lenet-300-100", (1, 28, 28), 10), 0)
    macs, params, size_bytes = searching.size_of(net, bits)
    weights, biases = 784 * 300 + 300 * 100 + 100 * 10, 410
    assert (macs, params) == (weights, weights + biases)
    scales = 0 if bits == 32 else biases  # one a row, and every row has a bias
    assert size_bytes == weights * of_a_weight + 4 * (biases + scales)


def test_what_a_pruned_net_costs_is_known_before_it_is_trained(recipe_file):
    recipe, space = searching.read(recipe_file)
    trials = searching._Trials(recipe, space.plan, MACS)
    whole, half = (trials.price(Candidate("lenet-5", share, 32)) for share in (0.0, 0.5))
    assert half.macs < 0.5 * whole.macs
    assert half.size_bytes < 0.5 * whole.size_bytes


def part(groups=()):
    count = len(groups) or 200
    return Part(
        np.zeros((count, 4, 4, 1), np.uint8), np.zeros(count, np.int64), tuple(map(str, range(count))), groups
    )


def test_held_out_samples_are_a_fifth_and_the_rest_trains():
    chosen, held = searching.split(part(), SearchPlan(samples=100), Protocol.HOLDOUT)
    assert len(chosen) == len(set(chosen)) == 100
    assert len(held) == len(set(held)) == 20
    assert chosen != searching.split(part(), SearchPlan(samples=100, seed=1), Protocol.HOLDOUT)[0]


def test_speakers_are_held_out_whole():
    groups = tuple(f"speaker {row % 6}" for row in range(300))
    chosen, held = searching.split(part(groups), SearchPlan(samples=250), Protocol.LEAVE_ONE_GROUP_OUT)
    inside = {groups[chosen[place]] for place in held}
    outside = {groups[row] for place, row in enumerate(chosen) if place not in set(held)}
    assert not inside & outside
    assert len(held) >= 50
    assert outside


def test_the_test_split_is_never_read(recipe_file, monkeypatch, tmp_path):
    real = find(FASHION_MNIST)
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for each in real.iterdir():
        if each.name.startswith("train"):
            (folder / each.name).symlink_to(each)
        else:
            (folder / each.name).write_bytes(b"not to be read")
    recipe, space = searching.read(recipe_file, trials=1)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(DatasetError):
        load("fashion-mnist", splits=["test"])
    assert len(searching.run(recipe, space, MACS, BUDGET, work=tmp_path / "work").found.judged) == 1
