"""Laws of the choice, each tried on thousands of random worlds."""

from collections.abc import Iterable, Sequence

import pytest

from registry.candidates import Candidate
from registry.choice import Choice, explain, pick
from registry.ranking import Relax
from registry.rules import Budgets
from registry.values import Evidence, Objective, Processor
from tests.unit.registry import brute_force
from tests.unit.registry.brute_force import Option
from tests.unit.registry.worlds import World, a_world, worlds

EVERY_FORMAT = ("tflite", "onnx", "coreml")
THOUSANDS = [pytest.param(range(start, start + 1000), id=f"from {start}") for start in range(0, 5000, 1000)]
MANY = [
    pytest.param(range(start, start + 20_000), id=f"from {start}", marks=pytest.mark.long)
    for start in range(5000, 105_000, 20_000)
]


def choose(world: World) -> Choice:
    return pick(world.shelf, world.device, world.request)


def key_of(found: Candidate) -> brute_force.Key:
    return (found.variant.name, found.processor, found.runtime, found.threads, found.cores)


def numbers_of(found: Candidate) -> tuple[object, ...]:
    latency, accuracy = found.latency, found.accuracy
    return (
        key_of(found),
        found.era,
        latency and latency.value,
        latency and latency.high,
        found.evidence,
        found.memory_bytes,
        found.energy_mj,
        accuracy and accuracy.value,
    )


def allowed(options: Iterable[Option]) -> list[tuple[object, ...]]:
    return [
        (each.key, each.era, each.value, each.high, each.evidence, each.memory, each.energy, each.accuracy)
        for each in options
    ]


@pytest.mark.parametrize("numbers", [*THOUSANDS, *MANY])
def test_the_pick_and_the_runner_up_are_what_brute_force_finds(numbers: Sequence[int]):
    for world in worlds(numbers):
        choice = choose(world)
        wanted = brute_force.answers(world.shelf, world.device, world.request)
        for found, options in ((choice.pick, wanted.picks), (choice.runner_up, wanted.runners_up)):
            if found is None:
                assert not options, world
            elif wanted.blind:
                assert found.variant.name in {each.variant.name for each in options}, world
                assert (found.processor, found.evidence) == (Processor.CPU, Evidence.NONE), world
            else:
                assert numbers_of(found) in allowed(options), world


def test_the_worlds_are_rich_enough_to_tell():
    stories = {
        "answer": 0,
        "blind": 0,
        "none": 0,
        "runner-up": 0,
        "same-soc": 0,
        "field": 0,
        "gpu": 0,
        "unknown": 0,
    }
    for world in worlds(range(1800)):
        choice = choose(world)
        found = choice.pick
        stories["none"] += found is None
        stories["runner-up"] += choice.runner_up is not None
        if found:
            stories["answer"] += found.latency is not None
            stories["blind"] += found.latency is None
            stories["same-soc"] += found.evidence is Evidence.SAME_SOC
            stories["field"] += found.evidence is Evidence.FIELD
            stories["gpu"] += found.processor is Processor.GPU
            stories["unknown"] += found.accuracy is None
    assert min(stories.values()) >= 20, stories


def test_the_order_of_variants_and_rows_changes_nothing():
    for world in worlds(range(1800)):
        other = world.shuffled()
        assert choose(other) == choose(world), world
        assert explain(other.shelf, other.device, other.request) == explain(
            world.shelf, world.device, world.request
        ), world


def test_every_candidate_but_the_answer_is_rejected_with_a_reason():
    for world in worlds(range(1800)):
        choice = choose(world)
        everything = sorted(str(each.key) for each in brute_force.options(world.shelf, world.device))
        rejections = explain(world.shelf, world.device, world.request)
        answer = [str(key_of(choice.pick))] if choice.pick else []
        assert sorted([str(key_of(each.candidate)) for each in rejections] + answer) == everything, world
        for each in rejections:
            assert each.broken, world
            assert all(str(broken) for broken in each.broken), world


def test_a_candidate_is_outranked_exactly_when_it_fits_and_is_inside_every_budget():
    for world in worlds(range(1800)):
        choice = choose(world)
        if choice.pick and choice.pick.latency:
            maximum = choice.max_latency_ms
            good = {
                each.key
                for each in brute_force.options(world.shelf, world.device)
                if brute_force.fits(each, world.shelf, world.device)
                and brute_force.trusted(each, world.budgets)
                and brute_force.pinned(each, world.budgets)
                and brute_force.inside(each, world.budgets, world.shelf.model, maximum)
            }
            for each in explain(world.shelf, world.device, world.request):
                outranked = [broken.rule for broken in each.broken] == ["outranked"]
                assert outranked == (key_of(each.candidate) in good), (key_of(each.candidate), world)


# ---- a looser budget never gives a worse answer --------------------------------------------------------------------

LOOSENED = {
    "latency twice as long": lambda budgets: {
        "max_latency_ms": budgets.max_latency_ms and 2 * budgets.max_latency_ms
    },
    "any latency": lambda budgets: {"max_latency_ms": budgets.max_latency_ms and 1e9},
    "latency taken optimistically": lambda _: {"optimistic": True},
    "size twice as large": lambda budgets: {
        "max_size_bytes": budgets.max_size_bytes and 2 * budgets.max_size_bytes
    },
    "any size": lambda _: {"max_size_bytes": None},
    "memory twice as large": lambda budgets: {
        "max_memory_bytes": budgets.max_memory_bytes and 2 * budgets.max_memory_bytes
    },
    "any memory": lambda _: {"max_memory_bytes": None},
    "energy twice as large": lambda budgets: {
        "max_energy_mj": budgets.max_energy_mj and 2 * budgets.max_energy_mj
    },
    "any energy": lambda _: {"max_energy_mj": None},
    "any accuracy": lambda _: {"min_accuracy": None},
    "another format": lambda budgets: {"formats": budgets.formats and (*budgets.formats, "onnx")},
    "every format": lambda _: {"formats": ()},
    "another processor": lambda budgets: {
        "processors": budgets.processors and (*budgets.processors, Processor.GPU)
    },
    "every processor": lambda _: {"processors": ()},
    "any number of threads": lambda _: {"threads": None},
    "files that are only catalogued": lambda _: {"available": False},
    "evidence of the same SoC": lambda budgets: {
        "evidence": max(budgets.evidence, Evidence.SAME_SOC, key=lambda each: each.rank)
    },
    "every evidence": lambda _: {"evidence": Evidence.PREDICTED},
}


@pytest.mark.parametrize("story", LOOSENED)
def test_a_looser_budget_never_gives_a_worse_answer(story: str):
    """The law of answers with a number under the objective accuracy.

    It holds of nothing else: the smallest variant of a device without numbers may be less accurate in a larger
    set, and so may the fastest, the smallest and the most frugal one.
    """
    tried = 0
    for world in worlds(range(2000)):
        strict = world.wanting(Objective.ACCURACY)
        loose = strict.wanting(**LOOSENED[story](strict.budgets))
        if loose == strict:
            continue
        before, after = choose(strict), choose(loose)
        if before.pick and before.pick.latency:
            tried += 1
            assert after.pick, loose
            assert after.pick.latency, loose
            assert _loss(after) <= _loss(before), loose
        elif before.pick:
            assert after.pick, loose
    assert tried >= 15


def _loss(choice: Choice) -> float:
    accuracy = choice.pick and choice.pick.accuracy
    if not accuracy:
        return brute_force.UNKNOWN
    return -accuracy.value if choice.model.higher_is_better else accuracy.value


# ---- a budget that the user set is never met by a missing number ----------------------------------------------------

READ = {
    "max_latency_ms": lambda each: each.latency,
    "max_size_bytes": lambda each: each.variant.size_bytes,
    "max_memory_bytes": lambda each: each.memory_bytes,
    "max_energy_mj": lambda each: each.energy_mj,
    "min_accuracy": lambda each: each.accuracy,
}
GENEROUS = {
    "max_latency_ms": 1e9,
    "max_size_bytes": 10**12,
    "max_memory_bytes": 10**12,
    "max_energy_mj": 1e9,
    "min_accuracy": 1e-9,
}


@pytest.mark.parametrize("budget", READ)
def test_a_missing_number_never_meets_a_budget_that_the_user_set(budget: str):
    kept_out = 0
    for number in range(1500):
        world = a_world(number)
        if not world.shelf.model.higher_is_better:
            continue
        free = world.wanting(**{budget: None})
        set_by_user = world.wanting(**{budget: GENEROUS[budget]})
        before, after = choose(free), choose(set_by_user)
        kept_out += bool(before.pick and READ[budget](before.pick) is None)
        for found in (after.pick, after.runner_up):
            assert found is None or READ[budget](found) is not None, set_by_user
    assert kept_out >= 20


# ---- the budget to relax --------------------------------------------------------------------------------------------


def relaxed(world: World, relax: Relax) -> World:
    """Apply what `Relax` says; a value of ``None`` drops the budget."""
    value = relax.value
    if value is None:
        value = getattr(Budgets(), relax.budget)
    elif relax.budget in {"formats", "processors"}:
        value = tuple(Processor(each) if relax.budget == "processors" else each for each in value)
    elif relax.budget == "evidence":
        value = Evidence(value)
    return world.wanting(**{relax.budget: value})


def test_the_budget_to_relax_really_gives_an_answer():
    tried = 0
    for world in worlds(range(2500)):
        relax = choose(world).relax
        if relax:
            tried += 1
            assert choose(relaxed(world, relax)).pick, (relax, world)
    assert tried >= 300


def test_a_little_less_than_the_value_to_relax_to_gives_no_answer():
    tried = 0
    for world in worlds(range(2500)):
        relax = choose(world).relax
        if relax and isinstance(relax.value, int | float) and relax.budget.startswith("max_"):
            tried += 1
            tight = world.wanting(
                **{relax.budget: relax.value - (1 if isinstance(relax.value, int) else 1e-6)}
            )
            assert not choose(tight).pick, (relax, world)
    assert tried >= 100


def test_no_other_number_would_have_cost_less_to_relax():
    for world in worlds(range(1500)):
        choice = choose(world)
        if (
            choice.relax
            and isinstance(choice.relax.value, int | float)
            and choice.relax.budget.startswith("max_")
        ):
            wanted = getattr(world.budgets, choice.relax.budget) or choice.max_latency_ms
            cost = choice.relax.value / wanted - 1e-6
            for budget in ("max_latency_ms", "max_size_bytes", "max_memory_bytes", "max_energy_mj"):
                limit = getattr(world.budgets, budget)
                if limit is None and budget == "max_latency_ms":
                    limit = choice.max_latency_ms
                if limit is not None:
                    cheaper = type(limit)(limit * cost)
                    assert not choose(world.wanting(**{budget: cheaper})).pick, (budget, cheaper, world)


def test_where_no_budget_is_named_dropping_any_one_gives_no_answer():
    for world in worlds(range(2500)):
        choice = choose(world)
        if choice.pick is None and choice.relax is None and world.budgets.max_latency_ms is None:
            for budget in ("max_size_bytes", "max_memory_bytes", "max_energy_mj", "min_accuracy", "formats",
                           "processors", "available"):  # fmt: skip
                dropped = world.wanting(**{budget: getattr(Budgets(), budget)})
                assert choose(dropped).pick is None, (budget, world)


def test_the_pick_is_never_its_own_runner_up_or_fallback():
    for world in worlds(range(1800)):
        choice = choose(world)
        if choice.pick:
            assert choice.runner_up is None or choice.runner_up.variant.name != choice.pick.variant.name, (
                world
            )
            rungs = [key_of(each) for each in (choice.pick, *choice.fallbacks)]
            assert len(set(rungs)) == len(rungs), world


def test_every_fallback_but_the_last_is_inside_the_budgets_and_the_last_is_on_the_cpu():
    for world in worlds(range(1800)):
        choice = choose(world)
        options = {each.key: each for each in brute_force.options(world.shelf, world.device)}
        if choice.pick and choice.pick.latency:
            for each in choice.fallbacks:
                assert brute_force.fits(options[key_of(each)], world.shelf, world.device), world
            for each in choice.fallbacks[:-1]:
                assert brute_force.trusted(options[key_of(each)], world.budgets), world
                assert brute_force.inside(
                    options[key_of(each)], world.budgets, world.shelf.model, choice.max_latency_ms
                ), world
            another = {
                each.variant.name
                for each in options.values()
                if each.processor is Processor.CPU
                and each.variant.name != choice.pick.variant.name
                and (not world.budgets.available or each.variant.availability == "held")
                and brute_force.fits(each, world.shelf, world.device)
            }
            if another or choice.pick.processor is not Processor.CPU:
                last = choice.fallbacks[-1].processor if choice.fallbacks else None
                assert not another or last is Processor.CPU, world
