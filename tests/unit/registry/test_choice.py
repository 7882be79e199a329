"""Every rule of the choice, as stories."""

from dataclasses import dataclass, replace

import pytest

from device_profiles.profile import DeviceProfile, Support
from registry.candidates import Latency
from registry.choice import Choice, explain, pick
from registry.ranking import Relax
from registry.values import Availability, Evidence, Objective, Precision, Variant
from tests.builders import (
    CPU,
    DSP,
    GPU,
    NNAPI,
    NPU,
    accuracy,
    device,
    measurement,
    microcontroller,
    model,
    request,
    shelf,
    twin_row,
    variant,
    way,
)

SMALL, LARGE = variant("small", 60.0, size_bytes=1_000_000), variant("large", 75.0, size_bytes=4_000_000)
FIELD = Evidence.FIELD
PHONE = device()


def choose(variants, rows=(), *, on=PHONE, of=None, predictor=None, **wishes) -> Choice:
    return pick(shelf(variants, rows, of), on, request(**wishes), predictor)


def reasons(variants, rows=(), *, on=PHONE, of=None, predictor=None, **wishes) -> dict[tuple, list[str]]:
    """Read `explain` as words by (variant, processor, threads)."""
    found = explain(shelf(variants, rows, of), on, request(**wishes), predictor)
    return {
        (each.candidate.variant.name, each.candidate.processor, each.candidate.threads): [
            str(broken) for broken in each.broken
        ]
        for each in found
    }


# ---- which row counts ---------------------------------------------------------------------------------------------

ROWS_THAT_COUNT = [
    pytest.param([measurement(latency_ms=9)], 9, 2020, id="the only row"),
    pytest.param(
        [measurement(latency_ms=9, era=2019)], 9, 2019, id="measured only in 2019: stays, labelled 2019"
    ),
    pytest.param(
        [measurement(latency_ms=5, era=2018), measurement(latency_ms=9, era=2020)],
        9,
        2020,
        id="newest era, though slower",
    ),
    pytest.param(
        [measurement(latency_ms=9, era=2018), measurement(latency_ms=5, era=2020)],
        5,
        2020,
        id="newest era, and faster",
    ),
    pytest.param(
        [measurement(latency_ms=9, era=None), measurement(latency_ms=5, era=2017)],
        5,
        2017,
        id="an unknown era is the oldest",
    ),
    pytest.param([measurement(latency_ms=9, era=None)], 9, None, id="an unknown era stays unknown"),
    pytest.param(
        [measurement(latency_ms=24.0), measurement(latency_ms=23.9, note="again")],
        24.0,
        2020,
        id="two in one era: the slower",
    ),
    pytest.param(
        [measurement(latency_ms=30, era=2019), measurement(latency_ms=7), measurement(latency_ms=8)],
        8,
        2020,
        id="the slower of the newest era only",
    ),
    pytest.param(
        [measurement(latency_ms=9), measurement(latency_ms=30, excluded="a slip")],
        9,
        2020,
        id="excluded rows never",
    ),
    pytest.param(
        [measurement(latency_ms=9), measurement("stranger", 30)], 9, 2020, id="rows of other models never"
    ),
    pytest.param(
        [measurement(latency_ms=9), twin_row(latency_ms=30)], 9, 2020, id="own rows before same-soc rows"
    ),
    pytest.param(
        [measurement(latency_ms=9, era=2018), twin_row(latency_ms=5, era=2022)],
        9,
        2018,
        id="own rows even when older",
    ),
    pytest.param(
        [twin_row(latency_ms=8), twin_row(latency_ms=9, device="other twin")],
        9,
        2020,
        id="the slower of two twins",
    ),
    pytest.param(
        [measurement(latency_ms=9), measurement(latency_ms=30, evidence=FIELD)],
        9,
        2020,
        id="measured before telemetry",
    ),
    pytest.param(
        [measurement(latency_ms=9), measurement(latency_ms=None, energy_mj=2.0)],
        9,
        2020,
        id="an energy row is no latency",
    ),
]


@pytest.mark.parametrize(("rows", "latency_ms", "era"), ROWS_THAT_COUNT)
@pytest.mark.parametrize("reverse", [False, True])
def test_of_several_rows_one_counts(rows, latency_ms, era, reverse):
    found = choose([variant()], rows[::-1] if reverse else rows).pick
    assert found
    assert found.latency
    assert (found.latency.value, found.era) == (latency_ms, era)


def test_the_faster_row_of_the_same_era_is_shown_beside_the_one_that_counts():
    rows = [measurement(latency_ms=23.9, source="two"), measurement(latency_ms=24.0, source="one"),
            measurement(latency_ms=50.0, era=2018)]  # fmt: skip
    found = choose([variant()], rows).pick
    assert found
    assert [row.latency_ms for row in found.also] == [23.9]
    assert [row.latency_ms for row in found.rows] == [24.0, 23.9, 50.0]


def test_a_net_of_an_old_era_competes_with_its_own_label():
    rows = [measurement("small", 5.0), measurement("large", 9.0, era=2019)]
    found = choose([SMALL, LARGE], rows)
    assert found.pick
    assert (found.pick.variant, found.pick.era) == (LARGE, 2019)
    assert found.runner_up
    assert found.runner_up.era == 2020


def test_energy_of_another_era_is_not_mixed_into_the_answer():
    rows = [measurement(latency_ms=9, era=2023), measurement(latency_ms=12, energy_mj=5.0, era=2022)]
    found = choose([variant()], rows).pick
    assert found
    assert (found.era, found.energy_mj) == (2023, None)


# ---- evidence -----------------------------------------------------------------------------------------------------

OF_EACH = [
    variant("own", 60.0), variant("telemetry", 65.0), variant("twin", 70.0),
]  # fmt: skip
ROWS_OF_EACH = [measurement("own"), measurement("telemetry", evidence=FIELD), twin_row("twin")]
LEAST_EVIDENCE = [
    pytest.param(Evidence.MEASURED, "own", id="measured only"),
    pytest.param(FIELD, "telemetry", id="telemetry will do"),
    pytest.param(Evidence.SAME_SOC, "twin", id="another device with the SoC will do"),
    pytest.param(Evidence.PREDICTED, "twin", id="the default takes all numbers"),
]


@pytest.mark.parametrize(("least", "name"), LEAST_EVIDENCE)
def test_evidence_filters_and_then_only_the_objective_ranks(least, name):
    found = choose(OF_EACH, ROWS_OF_EACH, evidence=least).pick
    assert found
    assert found.variant.name == name


def test_evidence_that_is_too_weak_is_said():
    found = reasons(OF_EACH, ROWS_OF_EACH, evidence=Evidence.MEASURED)
    assert found["twin", CPU, 1] == ["its latency is only same-soc, and measured is wanted"]
    assert found["own", GPU, None][0] == "not measured"


# ---- budgets ------------------------------------------------------------------------------------------------------

KNOWN = variant(accuracies=(accuracy(70.0),), size_bytes=2_000_000, availability=Availability.HELD)
ROW = measurement(latency_ms=10.0, peak_memory_bytes=3_000_000, energy_mj=4.0, threads=4)
BUDGETS = [
    pytest.param("max_latency_ms", 10.0, 9.9, id="latency"),
    pytest.param("max_size_bytes", 2_000_000, 1_999_999, id="download size"),
    pytest.param("max_memory_bytes", 3_000_000, 2_999_999, id="memory"),
    pytest.param("max_energy_mj", 4.0, 3.9, id="energy"),
    pytest.param("min_accuracy", 70.0, 70.1, id="accuracy"),
    pytest.param("formats", ("onnx", "tflite"), ("onnx",), id="formats"),
    pytest.param("processors", (GPU, CPU), (GPU,), id="processors"),
    pytest.param("threads", 4, 2, id="threads"),
]


@pytest.mark.parametrize(("budget", "met", "missed"), BUDGETS)
def test_a_budget_lets_in_up_to_its_limit_and_not_beyond(budget, met, missed):
    inside = choose([KNOWN], [ROW], **{budget: met})
    assert inside.pick
    outside = choose([KNOWN], [ROW], **{budget: missed})
    assert outside.pick is None
    assert outside.relax
    assert outside.relax.budget == budget
    assert outside.reason


def test_only_held_files_are_answers_where_that_is_asked_for():
    assert choose([KNOWN], [ROW], available=True).pick
    for availability in (Availability.CATALOGUED, Availability.REBUILDABLE):
        absent = choose([replace(KNOWN, availability=availability)], [ROW], available=True)
        assert absent.pick is None
        assert absent.relax == Relax("available", value=False, variant="net")


@pytest.mark.parametrize(
    ("budget", "limit"),
    [("max_latency_ms", 1e9), ("max_size_bytes", 10**12), ("max_memory_bytes", 10**12), ("max_energy_mj", 1e9),
     ("min_accuracy", 0.1)],
)  # fmt: skip
def test_a_missing_number_never_meets_a_budget_that_the_user_set(budget, limit):
    unknown = variant(accuracies=(), size_bytes=None)
    rows = [] if budget == "max_latency_ms" else [measurement()]
    assert choose([unknown], rows).pick
    assert choose([unknown], rows, **{budget: limit}).pick is None


def test_an_error_metric_takes_the_accuracy_budget_as_the_most_that_is_allowed():
    error_rate = model(metric="top1", higher_is_better=False)
    assert choose([variant(top1=20.0)], [measurement()], of=error_rate, min_accuracy=20.0).pick
    assert choose([variant(top1=20.1)], [measurement()], of=error_rate, min_accuracy=20.0).pick is None


@dataclass(frozen=True)
class Spread:
    """A measured latency and its spread, and whether 15 ms takes it."""

    value: float
    high: float | None
    strict: bool
    optimistic: bool


SPREADS = [
    pytest.param(Spread(15, None, strict=True, optimistic=True), id="no spread known: its value"),
    pytest.param(Spread(14, 15, strict=True, optimistic=True), id="its high end is just inside"),
    pytest.param(Spread(14, 16, strict=False, optimistic=True), id="its high end is outside"),
    pytest.param(Spread(16, 20, strict=False, optimistic=False), id="all of it is outside"),
]


@pytest.mark.parametrize("spread", SPREADS)
def test_a_measured_latency_is_compared_by_its_high_end_and_by_an_optimist_by_its_value(spread):
    rows = [measurement(latency_ms=spread.value, low_ms=13, high_ms=spread.high)]
    assert bool(choose([KNOWN], rows, max_latency_ms=15).pick) == spread.strict
    assert bool(choose([KNOWN], rows, max_latency_ms=15, optimistic=True).pick) == spread.optimistic


def test_a_latency_that_straddles_the_budget_is_said():
    rows = [measurement(latency_ms=14, low_ms=13, high_ms=16)]
    optimist = choose([KNOWN], rows, max_latency_ms=15, optimistic=True)
    assert optimist.warnings == ("its latency straddles the budget: 13 to 16 ms",)
    assert reasons([KNOWN], rows, max_latency_ms=15)["net", CPU, 1] == [
        "latency 16 ms is over the budget of 15 ms, though its typical 14 ms is not (--optimistic accepts it)"
    ]


# ---- the default budget -------------------------------------------------------------------------------------------


def test_without_a_latency_budget_the_default_of_the_model_holds():
    rows = [measurement("small", 33.0), measurement("large", 33.1)]
    found = choose([SMALL, LARGE], rows)
    assert (found.pick and found.pick.variant, found.max_latency_ms, found.default_budget) == (
        SMALL,
        33.0,
        True,
    )
    wide = choose([SMALL, LARGE], rows, max_latency_ms=40)
    assert (wide.pick and wide.pick.variant, wide.max_latency_ms, wide.default_budget) == (LARGE, 40, False)


BLIND = [
    pytest.param([SMALL, LARGE], {}, "small", id="the smallest that fits the CPU"),
    pytest.param([LARGE, SMALL], {}, "small", id="in any order"),
    pytest.param([SMALL, LARGE], {"min_accuracy": 70}, "large", id="the smallest that is accurate enough"),
    pytest.param([SMALL, LARGE], {"max_size_bytes": 5_000_000}, "small", id="within the size asked for"),
    pytest.param(
        [replace(SMALL, format="coreml"), LARGE], {}, "large", id="not one whose format nothing takes"
    ),
    pytest.param(
        [replace(SMALL, min_os="Android 14"), LARGE], {}, "large", id="not one that needs a newer system"
    ),
    pytest.param(
        [variant("unsized", size_bytes=None), LARGE], {}, "large", id="an unknown size is not the smallest"
    ),
    pytest.param([variant("unsized", size_bytes=None)], {}, "unsized", id="unless there is no other"),
    pytest.param(
        [SMALL, replace(LARGE, availability=Availability.HELD)],
        {"available": True},
        "large",
        id="only held files",
    ),
    pytest.param(
        [SMALL, replace(LARGE, format="onnx")], {"formats": ("onnx",)}, "large", id="only formats asked for"
    ),
    pytest.param([SMALL, LARGE], {"processors": (CPU,)}, "small", id="the CPU asked for"),
]


@pytest.mark.parametrize(("variants", "budgets", "name"), BLIND)
def test_where_no_latency_is_known_at_all_the_smallest_that_fits_the_cpu_is_the_answer(
    variants, budgets, name
):
    found = choose(variants, **budgets)
    assert found.pick
    assert (found.pick.variant.name, found.pick.processor) == (name, CPU)
    assert (found.pick.evidence, found.pick.latency) == (Evidence.NONE, None)
    assert found.warnings == ("no latency is known on The Phone: this is the smallest variant for its CPU",)
    assert not found.runner_up or found.runner_up.variant.name != name


NOT_BLIND = [
    pytest.param([], {"max_latency_ms": 1e6}, id="the user set a latency budget"),
    pytest.param([], {"max_size_bytes": 10}, id="another budget is unmet too"),
    pytest.param([], {"max_energy_mj": 10.0}, id="a budget on a number that nobody knows"),
    pytest.param([], {"evidence": Evidence.MEASURED}, id="the user wants it measured"),
    pytest.param([], {"processors": (GPU,)}, id="the user wants another processor"),
    pytest.param([measurement("small", 40.0)], {}, id="a number is known and is over the default budget"),
    pytest.param(
        [measurement("large", 10.0)], {"min_accuracy": 80}, id="a number is known and another budget unmet"
    ),
]


@pytest.mark.parametrize(("rows", "budgets"), NOT_BLIND)
def test_otherwise_no_number_means_no_answer(rows, budgets):
    found = choose([SMALL, LARGE], rows, **budgets)
    assert found.pick is None
    assert found.reason


def test_memory_that_is_known_meets_a_memory_budget_though_no_latency_is_known():
    net = variant(precision=Precision.INT8)
    row = measurement(latency_ms=None, runtime="tflm", threads=None, ram_bytes=250_000, device="board")
    found = choose([net], [row], on=microcontroller(), max_memory_bytes=256_000)
    assert found.pick
    assert (found.pick.variant, found.pick.evidence) == (net, Evidence.NONE)


# ---- objectives and ties ------------------------------------------------------------------------------------------

TRADES = [
    variant("best", 75.0, size_bytes=9_000_000),
    variant("fast", 74.5, size_bytes=8_000_000),
    variant("light", 74.0, size_bytes=1_000_000),
    variant("frugal", 74.2, size_bytes=7_000_000),
    variant("fastest", 73.9, size_bytes=100_000),
    variant("unknown", None, size_bytes=50_000),
]
TRADE_ROWS = [
    measurement("best", 20.0, energy_mj=9.0), measurement("fast", 5.0, energy_mj=8.0),
    measurement("light", 15.0, energy_mj=7.0), measurement("frugal", 14.0, energy_mj=1.0),
    measurement("fastest", 1.0, energy_mj=0.1), measurement("unknown", 0.5, energy_mj=0.05),
]  # fmt: skip
OBJECTIVES = [
    pytest.param(Objective.ACCURACY, {}, "best", id="the most accurate"),
    pytest.param(Objective.LATENCY, {}, "fast", id="the fastest within one point of the best"),
    pytest.param(Objective.SIZE, {}, "light", id="the smallest, exactly one point below the best"),
    pytest.param(Objective.ENERGY, {}, "frugal", id="the most frugal within one point of the best"),
    pytest.param(
        Objective.LATENCY, {"min_accuracy": 70}, "fastest", id="the fastest above the user's own minimum"
    ),
    pytest.param(
        Objective.SIZE, {"min_accuracy": 74.1}, "frugal", id="the smallest above the user's own minimum"
    ),
    pytest.param(
        Objective.LATENCY, {"max_latency_ms": 3}, "fastest", id="one point below the best inside the budgets"
    ),
]


@pytest.mark.parametrize(("objective", "budgets", "name"), OBJECTIVES)
def test_an_objective_takes_the_least_among_the_accurate_enough(objective, budgets, name):
    found = choose(TRADES, TRADE_ROWS, objective=objective, **budgets).pick
    assert found
    assert found.variant.name == name


@pytest.mark.parametrize(("best", "other"), [(64.9, 63.9), (70.8, 69.8), (32.3, 31.3), (16.1, 15.1)])
def test_one_point_below_is_within_one_point_whatever_the_binary_digits(best, other):
    variants = [variant("best", best), variant("other", other, size_bytes=1)]
    found = choose(variants, [measurement("best"), measurement("other")], objective=Objective.SIZE).pick
    assert found
    assert found.variant.name == "other"


def test_one_point_of_a_ratio_is_a_hundredth_of_it():
    ratio = model(unit="")
    variants = [
        variant("best", 0.90),
        variant("near", 0.892, size_bytes=2),
        variant("far", 0.88, size_bytes=1),
    ]
    rows = [measurement(each.name) for each in variants]
    found = choose(variants, rows, of=ratio, objective=Objective.SIZE).pick
    assert found
    assert found.variant.name == "near"


def test_of_an_error_metric_the_least_is_the_best():
    error_rate = model(higher_is_better=False)
    rows = [measurement("small", 5.0), measurement("large", 5.0)]
    found = choose([SMALL, LARGE], rows, of=error_rate)
    assert found.pick
    assert found.pick.variant == SMALL


def digest(letter: str) -> str:
    return letter * 64


TIES = [
    pytest.param(
        (variant("one", 70.0), measurement("one", 9.0)),
        (variant("two", 69.9), measurement("two", 1.0)),
        id="accuracy goes before latency",
    ),
    pytest.param(
        (variant("one", 60.0), measurement("one", 9.0)),
        (variant("two", None), measurement("two", 1.0)),
        id="an unknown accuracy comes last",
    ),
    pytest.param(
        (variant("one"), measurement("one", 9.0)),
        (variant("two"), twin_row("two", 1.0)),
        id="at equal accuracy better evidence",
    ),
    pytest.param(
        (variant("one"), measurement("one", 9.0, evidence=FIELD)),
        (variant("two"), twin_row("two", 1.0)),
        id="telemetry is better than another device",
    ),
    pytest.param(
        (variant("one", size_bytes=9_000_000), measurement("one", 8.0)),
        (variant("two"), measurement("two", 9.0)),
        id="at equal evidence lower latency",
    ),
    pytest.param(
        (variant("one"), measurement("one", 9.0)),
        (variant("two"), measurement("two", 8.0, high_ms=10.0)),
        id="latency by its high end",
    ),
    pytest.param(
        (variant("one", size_bytes=1, sha256=digest("f")), measurement("one")),
        (variant("two", size_bytes=2, sha256=digest("0")), measurement("two")),
        id="at equal latency smaller download",
    ),
    pytest.param(
        (variant("one", sha256=digest("f")), measurement("one")),
        (variant("two", size_bytes=None, sha256=digest("0")), measurement("two")),
        id="an unknown size comes last",
    ),
    pytest.param(
        (variant("one", sha256=digest("0")), measurement("one")),
        (variant("two", sha256=digest("f")), measurement("two")),
        id="at last the digest",
    ),
]


@pytest.mark.parametrize(("better", "worse"), TIES)
@pytest.mark.parametrize("reverse", [False, True])
def test_what_decides_between_two(better, worse, reverse):
    pairs = [worse, better] if reverse else [better, worse]
    found = choose([each for each, _ in pairs], [row for _, row in pairs])
    assert found.pick
    assert found.runner_up
    assert (found.pick.variant, found.runner_up.variant) == (better[0], worse[0])


# ---- threads, runner-up, fallbacks --------------------------------------------------------------------------------

ONE_TWO_FOUR = [
    measurement(latency_ms=24.0, threads=1), measurement(latency_ms=14.0, threads=2),
    measurement(latency_ms=16.0, threads=4),
]  # fmt: skip
THREADS = [
    pytest.param({}, 2, id="the fastest, not the most threads"),
    pytest.param({"threads": 4}, 4, id="pinned to four"),
    pytest.param({"threads": 1}, 1, id="pinned to one"),
    pytest.param({"threads": 8}, None, id="pinned to a number that nobody measured"),
]


@pytest.mark.parametrize(("budgets", "threads"), THREADS)
def test_of_several_thread_counts_the_fastest_is_taken_unless_it_is_pinned(budgets, threads):
    found = choose([variant()], ONE_TWO_FOUR, **budgets).pick
    assert (found and found.threads) == threads


def test_of_several_thread_counts_the_fastest_inside_the_budgets_is_taken():
    rows = [
        measurement(threads=1, latency_ms=20.0, energy_mj=1.0),
        measurement(threads=4, latency_ms=8.0, energy_mj=9.0),
    ]
    found = choose([variant()], rows, max_energy_mj=5.0).pick
    assert found
    assert found.threads == 1


def test_of_equally_fast_thread_counts_the_better_known_is_taken():
    rows = [twin_row(threads=1, latency_ms=8.0), measurement(threads=4, latency_ms=8.0)]
    found = choose([variant()], rows).pick
    assert found
    assert (found.threads, found.evidence) == (4, Evidence.MEASURED)


def test_pinned_threads_concern_the_cpu_only():
    rows = [measurement(processor=GPU, threads=None, latency_ms=5.0)]
    found = choose([variant()], rows, threads=4).pick
    assert found
    assert found.processor is GPU


def test_the_runner_up_is_another_variant():
    rows = [measurement("large", 9.0), measurement("large", 5.0, processor=GPU), measurement("small", 3.0)]
    found = choose([SMALL, LARGE], rows)
    assert found.pick
    assert found.runner_up
    assert (found.pick.variant, found.runner_up.variant) == (LARGE, SMALL)
    assert choose([LARGE], rows).runner_up is None


LADDERS = [
    pytest.param(
        [measurement("large", 5.0, processor=GPU), measurement("small", 9.0)],
        [("large", GPU), ("small", CPU)],
        id="from the GPU to the CPU",
    ),
    pytest.param(
        [measurement("large", 5.0, processor=NNAPI), measurement("large", 6.0, processor=GPU),
         measurement("small", 9.0)],
        [("large", NNAPI), ("large", GPU), ("small", CPU)],
        id="every other processor, the CPU last",
    ),
    pytest.param(
        [measurement("large", 5.0, processor=GPU), measurement("large", 30.0), measurement("small", 9.0),
         measurement("small", 3.0, processor=NPU)],
        [("large", GPU), ("small", NPU), ("large", CPU)],
        id="the CPU last though its variant is the better one",
    ),
    pytest.param(
        [measurement("large", 5.0, processor=GPU), measurement("small", 60.0), measurement("large", 90.0)],
        [("large", GPU), ("small", CPU)],
        id="the fastest on the CPU where none there is inside the budget",
    ),
    pytest.param(
        [measurement("large", 5.0, processor=GPU)],
        [("large", GPU), ("small", CPU)],
        id="the smallest that fits the CPU where nothing is known there",
    ),
    pytest.param(
        [measurement("large", 9.0), measurement("small", 3.0)],
        [("large", CPU), ("small", CPU)],
        id="from the CPU to a faster variant on the CPU",
    ),
    pytest.param(
        [measurement("large", 9.0), measurement("small", 5.0, processor=GPU)],
        [("large", CPU), ("small", GPU), ("small", CPU)],
        id="from the CPU over the GPU back to another variant on the CPU",
    ),
    pytest.param(
        [measurement("large", 3.0), measurement("small", 9.0)],
        [("large", CPU), ("small", CPU)],
        id="from the fastest on the CPU to the next",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "ladder"), LADDERS)
def test_the_fallbacks_lead_to_a_variant_on_the_cpu(rows, ladder):
    found = choose([SMALL, LARGE], rows)
    assert found.pick
    assert [(each.variant.name, each.processor) for each in (found.pick, *found.fallbacks)] == ladder


def test_fallbacks_are_held_files_where_only_those_are_asked_for():
    held = replace(LARGE, availability=Availability.HELD)
    rows = [measurement("large", 5.0, processor=GPU), measurement("small", 9.0)]
    found = choose([SMALL, held], rows, available=True)
    assert [(each.variant.name, each.processor) for each in found.fallbacks] == [("large", CPU)]


# ---- no answer ----------------------------------------------------------------------------------------------------

RELAXED = [
    pytest.param(
        [measurement("small", 30.0), measurement("large", 20.0)], {"max_latency_ms": 15},
        Relax("max_latency_ms", 20.0, "large"), id="the latency that comes nearest",
    ),
    pytest.param(
        [measurement("small", 14.0, high_ms=18.0)], {"max_latency_ms": 15}, Relax("max_latency_ms", 18.0, "small"),
        id="up to the high end of a spread",
    ),
    pytest.param(
        [measurement("small", 50.0)], {}, Relax("max_latency_ms", 50.0, "small"), id="the default budget, too"
    ),
    pytest.param(
        [measurement("small"), measurement("large")], {"min_accuracy": 80.0}, Relax("min_accuracy", 75.0, "large"),
        id="the accuracy that comes nearest",
    ),
    pytest.param(
        [measurement("small"), measurement("large")], {"max_size_bytes": 500_000},
        Relax("max_size_bytes", 1_000_000, "small"), id="the size that comes nearest",
    ),
    pytest.param(
        [measurement("small", 20.0), measurement("large", 11.0)], {"max_latency_ms": 10.0, "min_accuracy": 50},
        Relax("max_latency_ms", 11.0, "large"), id="only what a single budget keeps out",
    ),
    pytest.param(
        [measurement("small", 9.0), measurement("large", 12.0)], {"max_latency_ms": 10.0, "min_accuracy": 61.0},
        Relax("min_accuracy", 60.0, "small"), id="2 % of accuracy are cheaper than 20 % of latency",
    ),
    pytest.param(
        [measurement("large", processor=GPU)], {"processors": (CPU,)}, Relax("processors", ["gpu"], "large"),
        id="another processor",
    ),
    pytest.param(
        [measurement("large")], {"formats": ("onnx",)}, Relax("formats", ["tflite"], "large"), id="another format"
    ),
    pytest.param(
        [twin_row("large")], {"evidence": Evidence.MEASURED}, Relax("evidence", "same-soc", "large"), id="less evidence"
    ),
    pytest.param([measurement("large", threads=2)], {"threads": 4}, Relax("threads", 2, "large"), id="other threads"),
    pytest.param(
        [measurement("large")], {"max_energy_mj": 3.0}, Relax("max_energy_mj", None, "large"),
        id="a budget on a number that nobody knows is to be dropped",
    ),
    pytest.param(
        [measurement("large", 100.0, processor=GPU), measurement("small", 14.0)],
        {"max_latency_ms": 15, "processors": (GPU,)},
Relax("max_latency_ms", 100.0, "large"),
        id="a number goes before a choice",
    ),
    pytest.param(
        [measurement("small", 50.0, processor=GPU)], {"processors": (CPU,), "max_latency_ms": 10}, None,
        id="none where no single budget would do",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "budgets", "relax"), RELAXED)
def test_where_nothing_fits_the_cheapest_budget_to_relax_is_named(rows, budgets, relax):
    found = choose([SMALL, LARGE], rows, **budgets)
    assert found.pick is None
    assert found.relax == relax


def test_a_size_budget_that_leaves_nothing_on_a_device_without_numbers_is_named():
    found = choose([SMALL, LARGE], max_size_bytes=900_000)
    assert found.pick is None
    assert found.relax == Relax("max_size_bytes", 1_000_000, "small")


REASONS = [
    pytest.param(
        [LARGE], [measurement("large", 50)], {"processors": (DSP,)}, "The Phone has no dsp that a runtime can use",
        id="a processor that the device lacks",
    ),
    pytest.param(
        [LARGE], [], {"processors": (DSP, NPU)}, "The Phone has no dsp or npu that a runtime can use",
        id="two processors that the device lacks",
    ),
    pytest.param(
        [LARGE, SMALL], [measurement("large", 50), measurement("small", 40)], {},
        "none of the 2 variants with a known latency is inside the budgets", id="all are too slow",
    ),
    pytest.param(
        [LARGE], [], {"evidence": Evidence.MEASURED},
        "no latency is known on The Phone with the evidence asked for", id="nothing is known",
    ),
    pytest.param(
        [replace(LARGE, format="coreml")], [], {}, "its formats (coreml) do not run on The Phone",
        id="the device takes none of its formats",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("variants", "rows", "budgets", "reason"), REASONS)
def test_no_answer_says_why(variants, rows, budgets, reason):
    found = choose(variants, rows, **budgets)
    assert (found.pick, found.reason) == (None, reason)


def test_one_processor_that_the_device_lacks_does_not_hide_one_that_it_has():
    found = choose([LARGE], [measurement("large", 5.0)], processors=(DSP, CPU)).pick
    assert found
    assert found.processor is CPU


def test_an_accelerator_beside_the_soc_of_a_twin_is_no_processor_of_this_device():
    found = choose([LARGE], [twin_row("large", 5.0, processor=NPU)], processors=(NPU,))
    assert found.pick is None
    assert found.reason == "The Phone has no npu that a runtime can use"


# ---- why not the others -------------------------------------------------------------------------------------------


def test_explain_gives_reasons_for_exactly_the_others():
    variants = [SMALL, LARGE, variant("apple", format="coreml")]
    rows = [measurement("large", 9.0), measurement("large", 12.0, threads=4), measurement("small", 50.0)]
    found = reasons(variants, rows)
    assert set(found) == {
        ("large", CPU, 4), ("large", GPU, None), ("small", CPU, 1), ("small", GPU, None), ("apple", None, None),
    }  # fmt: skip
    assert found["small", CPU, 1] == ["latency 50 ms is over the budget of 33 ms"]
    assert found["apple", None, None][0] == "no runtime of the device takes coreml (it takes onnx or tflite)"
    assert all(found.values())


def test_every_broken_rule_is_named():
    row = measurement("small", 50.0, peak_memory_bytes=2_000_000)
    found = reasons([SMALL], [row], max_latency_ms=15, max_size_bytes=10, max_memory_bytes=10, max_energy_mj=1,
                    min_accuracy=99, formats=("onnx",), processors=(GPU,), threads=4, available=True)  # fmt: skip
    assert found["small", CPU, 1] == [
        "latency 50 ms is over the budget of 15 ms",
        "size 1 MB is over the budget of 10 B",
        "memory 2 MB is over the budget of 10 B",
        "no energy is known, and a budget of 1 mJ is set",
        "accuracy 60 misses the wanted 99",
        "format tflite is not onnx",
        "runs on the cpu, not on the gpu",
        "known with 1 threads, 4 wanted",
        "the file is only catalogued",
    ]


def test_what_is_only_less_good_is_outranked_by_the_answer():
    found = reasons([SMALL, LARGE], [measurement("small", 3.0), measurement("large", 9.0)])
    assert found["small", CPU, 1] == ["fits, but large is better: top1 60 against 75"]


def test_of_equally_accurate_ones_the_reason_is_what_decided():
    rows = [measurement("one", 9.0), measurement("two", 12.0)]
    (only,) = reasons([variant("one"), variant("two")], rows)["two", CPU, 1]
    assert "12" in only
    assert "9" in only


def test_a_smaller_variant_below_the_default_accuracy_is_not_said_to_be_larger():
    rows = [measurement("small"), measurement("large")]
    (only,) = reasons([SMALL, LARGE], rows, objective=Objective.SIZE)["small", CPU, 1]
    assert "60" in only, "what keeps it out is its accuracy, not its size"


def test_a_slower_thread_count_is_told_apart_from_the_answer():
    rows = [measurement(threads=1, latency_ms=20.0), measurement(threads=4, latency_ms=8.0)]
    (only,) = reasons([variant()], rows)["net", CPU, 1]
    assert "4" in only, "the answer runs on the same processor with the same runtime: only its threads differ"


def test_an_answer_without_a_number_is_not_among_the_rejected():
    found = reasons([SMALL, LARGE])
    assert ("small", CPU, None) not in found
    assert ("large", CPU, None) in found


# ---- warnings -----------------------------------------------------------------------------------------------------


def test_a_plain_answer_has_no_warnings():
    assert choose([SMALL], [measurement("small")]).warnings == ()


def test_an_answer_of_unknown_accuracy_says_so():
    found = choose([variant(top1=None)], [measurement()])
    assert found.warnings == ("its accuracy is not known: nothing that fits is known to be more accurate",)


# ---- prediction ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Proportional:
    """Predicts from the size of the file, on one processor; a small, real `Predictor`."""

    ms_per_mb: float
    processor: str = CPU

    def latency(self, of: Variant, on: DeviceProfile, by: Support, threads: int | None) -> Latency | None:
        if of.size_bytes is None or by.processor != self.processor:
            return None
        value = of.size_bytes / 1e6 * self.ms_per_mb / (threads or 1)
        return Latency(value, value / 2, value * 2, Evidence.PREDICTED, "predicted", "by size", on.id)


def test_prediction_fills_what_nobody_measured():
    found = choose([SMALL, LARGE], predictor=Proportional(4.0)).pick
    assert found
    assert found.latency
    assert (found.variant, found.evidence, found.latency.value, found.processor) == (
        LARGE, Evidence.PREDICTED, 16.0, CPU,
    )  # fmt: skip


PREDICTED = [
    pytest.param({"max_latency_ms": 32}, "large", id="its high end is inside"),
    pytest.param({"max_latency_ms": 31}, "small", id="its high end is outside"),
    pytest.param({"max_latency_ms": 31, "optimistic": True}, "large", id="an optimist takes its value"),
    pytest.param(
        {"max_latency_ms": 15, "optimistic": True}, "small", id="even an optimist takes no more than that"
    ),
    pytest.param({"evidence": Evidence.MEASURED}, None, id="not where it must be measured"),
    pytest.param({"evidence": Evidence.SAME_SOC}, None, id="not where another device is the least"),
]


@pytest.mark.parametrize(("budgets", "name"), PREDICTED)
def test_a_prediction_is_compared_by_its_high_end(budgets, name):
    found = choose([SMALL, LARGE], predictor=Proportional(4.0), **budgets).pick
    assert (found and found.variant.name) == name


def test_a_prediction_that_straddles_the_budget_is_said():
    found = choose([LARGE], predictor=Proportional(4.0), max_latency_ms=20, optimistic=True)
    assert found.warnings == ("its latency straddles the budget: 8 to 32 ms",)


def test_measured_beats_predicted_at_equal_accuracy():
    one, two = variant("one"), variant("two")
    found = choose([one, two], [measurement("one", 30.0)], predictor=Proportional(1.0))
    assert found.pick
    assert (found.pick.variant, found.pick.evidence) == (one, Evidence.MEASURED)


def test_predicted_beats_measured_where_it_is_more_accurate():
    found = choose([SMALL, LARGE], [measurement("small", 3.0)], predictor=Proportional(4.0)).pick
    assert found
    assert (found.variant, found.evidence) == (LARGE, Evidence.PREDICTED)


def test_what_was_measured_is_not_predicted():
    found = reasons([SMALL], [measurement("small", 50.0)], predictor=Proportional(1.0))
    assert [key for key in found if key[1] is CPU] == [("small", CPU, 1)]


def test_a_row_without_a_latency_leaves_the_latency_to_prediction():
    rows = [measurement("large", None, energy_mj=2.0, threads=None)]
    found = choose([LARGE], rows, predictor=Proportional(1.0)).pick
    assert found
    assert found.evidence is Evidence.PREDICTED


def test_pinned_threads_are_asked_of_the_prediction():
    found = choose([LARGE], predictor=Proportional(8.0), threads=4).pick
    assert found
    assert found.latency
    assert (found.latency.value, found.threads) == (8.0, 4)


def test_a_predictor_that_knows_nothing_changes_nothing():
    rows = [measurement("small", 9.0)]
    assert choose([SMALL, LARGE], rows, predictor=Proportional(1.0, DSP)) == choose([SMALL, LARGE], rows)


def test_as_the_latency_budget_grows_the_answer_grows_with_it():
    variants = [variant(f"net-{step}", 60.0 + step) for step in range(10)]
    rows = [measurement(f"net-{step}", 5.0 + 2 * step) for step in range(10)]
    found = [choose(variants, rows, max_latency_ms=limit).pick for limit in range(5, 24, 2)]
    assert [each and each.variant for each in found] == variants


def test_a_device_without_a_cpu_runtime_gets_no_blind_answer():
    gpu_only = device(supports=(way(processor=GPU),))
    assert choose([SMALL], on=gpu_only).pick is None
