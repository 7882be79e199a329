"""What a search may propose: every net once, by its full name, and all that is wrong with a search at once."""

import pytest

from compress.recipes.files import unfit
from compress.recipes.orders import order_problems
from compress.recipes.recipe import InputPlan, SearchPlan
from compress.recipes.space import Candidate, space_of
from compress.recipes.steps import Training
from tests.unit.compress.recipes.plans import EMIT, TOP, read
from zoo.errors import BadRecipeError

GREY = '[input]\nchannels = "GRAY"\n'
NET = '[nets.a]\narchitecture = "lenet-5"\nsteps = [{ do = "train" }]\n'


def names(plan, inputs=None, nets=()):
    return {each.architecture for each in space_of(plan, nets, inputs or InputPlan()).points()}


@pytest.mark.parametrize(
    ("story", "plan", "inputs", "expected"),
    [
        ("a family has its usual width and size", SearchPlan(("mobilenet-v2",)), InputPlan(),
         {"mobilenet-v2-1.0-224"}),
        ("a name's own numbers stay where none are given", SearchPlan(("mobilenet-v2-0.35-96",), (0.5,)), InputPlan(),
         {"mobilenet-v2-0.5-96"}),
        ("widths and sizes go to those that have them", SearchPlan(("mobilenet-v1", "lenet-5"), (0.25, 1.0), (32, 64)),
         InputPlan(channels="GRAY"),
         {"lenet-5", *(f"mobilenet-v1-{width}-{size}-grey" for width in (0.25, "1.0") for size in (32, 64))}),
        ("whole widths count channels", SearchPlan(("ds-cnn",), (16.0, 64.0)), InputPlan(kind="audio"),
         {"ds-cnn-16", "ds-cnn-64"}),
    ],
)  # fmt: skip
def test_nets_have_full_names(story, plan, inputs, expected):
    assert names(plan, inputs) == expected


def test_two_ways_to_say_a_net_are_one_net():
    plan = SearchPlan(("vgg-small", "vgg-small-1.0-28"), (0.5, 1.0), filters=(0.0,), bits=(32, 8))
    assert len(space_of(plan, (), InputPlan(channels="GRAY")).points()) == 4


def test_a_point_gives_the_net_that_it_stands_for():
    space = space_of(
        SearchPlan(("vgg-small", "lenet-5"), (0.5, 1.0), (20, 28)), (), InputPlan(channels="GRAY")
    )
    assert all(space.candidate(point) == each for each, point in space.points().items())


def test_without_a_list_the_nets_of_the_recipe_are_varied():
    recipe = read(f"{TOP}{GREY}{NET}{EMIT}[search]\nbits = [8]\n")
    assert names(recipe.search, recipe.inputs, recipe.nets) == {"lenet-5"}


@pytest.mark.parametrize("bits", [32, 8, 4, 2])
@pytest.mark.parametrize("filters", [0.0, 0.5])
def test_the_steps_of_a_net_make_sense_and_fit_a_precision(filters, bits):
    steps = Candidate("lenet-5", filters, bits).steps(Training())
    assert (
        order_problems((), [(f"{place}", each) for place, each in enumerate(steps)], pretrained=False) == []
    )
    wanted = {32: "float32", 8: "int8", 4: "int4_weights", 2: "int2_weights"}[bits]
    assert unfit(steps, wanted) == ""


def test_a_recipe_may_be_there_for_a_search_alone():
    recipe = read(f'{TOP}{GREY}[search]\narchitectures = ["lenet-5"]\ntrials = 7\n')
    assert (recipe.nets, recipe.emissions, recipe.search.trials) == ((), (), 7)


def test_a_recipe_without_a_search_still_needs_nets():
    with pytest.raises(BadRecipeError, match="nets: missing") as caught:
        read(TOP)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("table", "problems"),
    [
        ("", ["search.architectures: missing; a list of architectures, or nets, is wanted"]),
        ('architectures = ["lenet-6"]', ["search.architectures[0]: unknown architecture 'lenet-6'"]),
        ('architectures = ["lenet-5"]\nwidths = [0.5]\nsizes = [32]',
         ["search.widths: none of lenet-5 has any", "search.sizes: none of lenet-5 has any"]),
        ('architectures = ["mobilenet-v1"]\nwidths = [0.05, 0.5]\nsizes = [28]',
         ["search.widths[0]: 0.05, but for mobilenet-v1 a number from 0.1 to 4 is wanted",
          "search.sizes[0]: 28, but for mobilenet-v1 a whole number from 32 to 1024 is wanted"]),
        ('architectures = ["lenet-5"]\nbits = [8, 16]\nfilters = [1.0]\nepochs = 0\nspeed = 1\ntrials = true',
         ["search.speed: unknown key", "search.filters[0]: 1.0", "search.bits[1]: 16", "search.epochs: 0",
          "search.trials: True"]),
        ('architectures = ["vgg-small"]\nwidths = [' + ", ".join(f"{each / 1000}" for each in range(100, 1300)) + "]",
         ["search: 10,800 nets, but at most 10,000 are wanted"]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_with_a_search_is_said_at_once(table, problems):
    with pytest.raises(BadRecipeError) as caught:
        read(f"{TOP}{GREY}[search]\n{table}\n")
    found = caught.value.problems
    assert len(found) == len(problems), found
    assert all(any(each.startswith(wanted) for each in found) for wanted in problems), found


def test_a_net_for_grey_pictures_does_not_take_colours():
    with pytest.raises(BadRecipeError, match="lenet-5 takes 1 channels, but RGB has 3"):
        read(f'{TOP}[search]\narchitectures = ["lenet-5"]\n')
