"""Every rule has a case that fits and one that breaks it."""

import math
from dataclasses import dataclass, field, replace

import pytest

from device_profiles.profile import DeviceProfile
from registry.candidates import Candidate
from registry.rules import (
    BUDGET_RULES,
    RULES,
    Broken,
    Budgets,
    Needs,
    budget_checks,
    format_bytes,
    misfits,
    runs_on,
)
from registry.values import Availability, Evidence, Precision, Tombstone
from tests.builders import (
    CPU,
    GPU,
    NPU,
    accuracy,
    candidate,
    coverage,
    device,
    latency,
    measurement,
    microcontroller,
    twin_row,
    variant,
    way,
)
from zoo.errors import UsageError

PHONE = device(supports=(way(), way(processor=GPU, precisions=("float32",), operators=("CONV_2D", "ADD"))))
BOARD = microcontroller()


def unproven(of=None, **other) -> Candidate:
    """Build a candidate known from another device with the SoC: it has to prove that it fits."""
    return candidate(of, **{"latency": latency(evidence=Evidence.SAME_SOC), **other})


def on_board(of, **other) -> Candidate:
    return unproven(of, **{"runtime": "tflm", "threads": None, **other})


@dataclass(frozen=True)
class FitCase:
    """What fits, what breaks the rule, where, and how that is said."""

    fitting: Candidate
    breaking: Candidate
    words: str
    on: DeviceProfile = PHONE
    needs: Needs = field(default_factory=Needs)


INT8 = variant(precision=Precision.INT8)
FIT = {
    "weights": FitCase(
        unproven(),
        unproven(variant(weights="random")),
        "its weights are random: it was only timed",
    ),
    "yanked": FitCase(
        unproven(),
        unproven(variant(yanked=Tombstone("wrong labels", "other", "2026-01-02T03:04:05+00:00", "me"))),
        "was withdrawn: wrong labels (2026-01-02, me); other takes its place",
    ),
    "format": FitCase(
        unproven(),
        unproven(variant(format="coreml")),
        "no runtime of the device takes coreml (it takes tflite)",
    ),
    "processor": FitCase(
        unproven(processor=GPU),
        unproven(processor=NPU),
        "no runtime of the device takes tflite on the npu (only on cpu or gpu)",
    ),
    "precision": FitCase(
        unproven(processor=GPU),
        unproven(INT8, processor=GPU),
        "tflite on the gpu does not take int8 (it takes float32)",
    ),
    "operators": FitCase(
        unproven(variant(operators=("ADD", "CONV_2D")), processor=GPU),
        unproven(variant(operators=("ADD", "FFT", "EIG")), processor=GPU),
        "tflite on the gpu does not take EIG or FFT",
    ),
    "delegate": FitCase(
        unproven(variant(coverage=(coverage(64),)), processor=GPU),
        unproven(variant(coverage=(coverage(),)), processor=GPU),
        "tflite-gpu takes 52 of 64 operators in 3 parts: CONV_3D (not in its list) falls back to the CPU",
    ),
    "ram": FitCase(
        on_board(INT8, memory_bytes=320_000),
        on_board(INT8, memory_bytes=320_001),
        "needs 320 kB of RAM, the device has 320 kB",
        on=BOARD,
    ),
    "flash": FitCase(
        on_board(replace(INT8, size_bytes=1_000_000)),
        on_board(replace(INT8, size_bytes=1_500_000)),
        "needs 1.5 MB of flash, the device has 1 MB",
        on=BOARD,
    ),
    "min_os": FitCase(
        unproven(variant(min_os="Android 12")),
        unproven(variant(min_os="Android 13")),
        "needs Android 13, the device runs Android 9-12",
    ),
}


@dataclass(frozen=True)
class BudgetCase:
    """A budget, what is inside it, what is not, and how that is said."""

    wanted: object
    fitting: Candidate
    breaking: Candidate
    words: str


BUDGETS = {
    "max_latency_ms": BudgetCase(
        10.0, candidate(), candidate(latency=latency(17.5)), "latency 17.5 ms is over the budget of 10 ms"
    ),
    "max_size_bytes": BudgetCase(
        1_000_000,
        candidate(),
        candidate(variant(size_bytes=4_300_000)),
        "size 4.3 MB is over the budget of 1 MB",
    ),
    "max_memory_bytes": BudgetCase(
        256_000,
        candidate(memory_bytes=256_000),
        candidate(),
        "no memory is known, and a budget of 256 kB is set",
    ),
    "max_energy_mj": BudgetCase(
        2.5,
        candidate(energy_mj=2.5),
        candidate(energy_mj=3.25),
        "energy 3.25 mJ is over the budget of 2.5 mJ",
    ),
    "min_accuracy": BudgetCase(
        70.0, candidate(), candidate(accuracy=accuracy(69.9)), "accuracy 69.9 misses the wanted 70"
    ),
    "formats": BudgetCase(
        ("tflite", "onnx"),
        candidate(),
        candidate(variant(format="coreml")),
        "format coreml is not tflite or onnx",
    ),
    "processors": BudgetCase(
        (CPU, NPU), candidate(), candidate(processor=GPU), "runs on the gpu, not on the cpu or npu"
    ),
    "threads": BudgetCase(
        1, candidate(), candidate(threads=None), "known with an unknown number of threads, 1 wanted"
    ),
    "available": BudgetCase(
        True,
        candidate(variant(availability=Availability.HELD)),
        candidate(variant(availability=Availability.REBUILDABLE)),
        "the file is only rebuildable",
    ),
    "evidence": BudgetCase(
        Evidence.FIELD,
        candidate(latency=latency(evidence=Evidence.FIELD)),
        candidate(latency=latency(evidence=Evidence.SAME_SOC)),
        "its latency is only same-soc, and field is wanted",
    ),
}


def over(found: Candidate, wishes: Budgets, **other) -> list[Broken]:
    return [each for check in budget_checks(wishes, **other) if (each := check(found)) is not None]


def test_the_tables_cover_every_rule():
    assert {*FIT, *BUDGETS, "outranked"} == set(RULES)
    assert set(BUDGETS) == set(BUDGET_RULES)


def test_every_rule_has_a_text_of_its_own_and_bears_its_own_name():
    assert all(each.name == name and each.text.endswith(".") for name, each in RULES.items())
    assert len({each.text for each in RULES.values()}) == len(RULES)


@pytest.mark.parametrize("name", FIT)
def test_a_fit_rule_lets_in_what_fits_and_says_what_breaks_it(name):
    case = FIT[name]
    assert misfits(case.fitting, case.on, case.needs) == []
    broken = misfits(case.breaking, case.on, case.needs)
    assert [each.rule for each in broken] == [name]
    assert str(broken[0]) == case.words


@pytest.mark.parametrize("name", BUDGETS)
def test_a_budget_lets_in_what_meets_it_and_says_what_breaks_it(name):
    case = BUDGETS[name]
    wishes = Budgets(**{name: case.wanted})
    assert over(case.fitting, wishes) == []
    broken = over(case.breaking, wishes)
    assert [each.rule for each in broken] == [name]
    assert str(broken[0]) == case.words


def test_what_fits_and_is_less_good_says_by_what_it_is_outranked():
    assert (
        str(Broken("outranked", "top1 60 against 75", "large"))
        == "fits, but large is better: top1 60 against 75"
    )


MORE_WORDS = [
    pytest.param(
        Broken("evidence", Evidence.NONE, Evidence.MEASURED),
        "not measured",
        id="nothing where measured is asked",
    ),
    pytest.param(
        Broken("evidence", Evidence.NONE, Evidence.PREDICTED),
        "nobody measured or predicted its latency here",
        id="nothing at all",
    ),
    pytest.param(
        Broken("min_accuracy", None, 70.0),
        "no accuracy is known, and at least 70 is wanted",
        id="no accuracy",
    ),
    pytest.param(Broken("threads", 1, 4), "known with 1 threads, 4 wanted", id="other threads"),
    pytest.param(
        Broken("max_latency_ms", 16.0, 15.0, 14.0),
        "latency 16 ms is over the budget of 15 ms, though its typical 14 ms is not (--optimistic accepts it)",
        id="a straddling latency",
    ),
]


@pytest.mark.parametrize(("broken", "words"), MORE_WORDS)
def test_the_words_of_special_cases(broken, words):
    assert str(broken) == words


# ---- fit ----------------------------------------------------------------------------------------------------------


def test_a_measurement_on_the_device_itself_proves_fit():
    rows = (measurement(),)
    wrong = variant(precision=Precision.INT8, format="coreml", min_os="Android 15", size_bytes=10**10)
    assert misfits(candidate(wrong, rows=rows), PHONE, Needs()) == []
    assert misfits(unproven(wrong), PHONE, Needs())


def test_what_falls_back_in_part_but_was_measured_on_the_device_is_not_refused():
    split = variant(coverage=(coverage(),))
    on_gpu = {"processor": GPU, "runtime": "tflite"}
    assert misfits(candidate(split, rows=(measurement(**on_gpu),), **on_gpu), PHONE, Needs()) == []
    elsewhere = misfits(unproven(split, rows=(twin_row(**on_gpu),), **on_gpu), PHONE, Needs())
    assert [each.rule for each in elsewhere] == ["delegate"]


def test_a_measurement_of_energy_on_the_device_itself_proves_fit():
    rows = (measurement(latency_ms=None, energy_mj=2.0),)
    assert misfits(candidate(variant(min_os="Android 15"), latency=None, rows=rows), PHONE, Needs()) == []


def test_a_measurement_on_another_device_proves_nothing():
    rows = (twin_row(),)
    broken = misfits(unproven(variant(min_os="Android 15"), rows=rows), PHONE, Needs())
    assert [each.rule for each in broken] == ["min_os"]


MISSING = [
    pytest.param(unproven(variant(precision=Precision.UNKNOWN), processor=GPU), PHONE, id="its precision"),
    pytest.param(unproven(variant(operators=()), processor=GPU), PHONE, id="its operators"),
    pytest.param(unproven(variant(coverage=()), processor=GPU), PHONE, id="what its delegate takes"),
    pytest.param(
        unproven(variant(coverage=(coverage(runtime="another"),)), processor=GPU),
        PHONE,
        id="what the delegate of this runtime takes",
    ),
    pytest.param(unproven(variant(size_bytes=None)), PHONE, id="its size"),
    pytest.param(unproven(variant(min_os="")), PHONE, id="the system it needs"),
    pytest.param(
        unproven(variant(min_os="Android 15")), replace(PHONE, os=""), id="the system of the device"
    ),
    pytest.param(
        unproven(variant(size_bytes=10**10)), replace(PHONE, ram_bytes=None), id="the RAM of the device"
    ),
    pytest.param(on_board(replace(INT8, size_bytes=None)), BOARD, id="RAM and flash it needs"),
    pytest.param(
        on_board(replace(INT8, size_bytes=10**10)), replace(BOARD, memory={}), id="the memory of the board"
    ),
    pytest.param(unproven(INT8, processor=GPU, runtime="another"), PHONE, id="what that runtime takes"),
]


@pytest.mark.parametrize(("found", "on"), MISSING)
def test_a_missing_fact_breaks_no_fit_rule(found, on):
    assert misfits(found, on, Needs()) == []


MEMORY = [
    pytest.param(
        unproven(variant(size_bytes=5 * 10**9)), PHONE, Needs(), ["ram"], id="a file larger than the RAM"
    ),
    pytest.param(
        unproven(memory_bytes=5 * 10**9),
        PHONE,
        Needs(),
        ["ram"],
        id="a peak seen elsewhere that is larger than the RAM",
    ),
    pytest.param(on_board(INT8), BOARD, Needs({"net": 400_000}), ["ram"], id="RAM needed on another board"),
    pytest.param(
        on_board(INT8), BOARD, Needs({}, {"net": 2_000_000}), ["flash"], id="flash needed on another board"
    ),
    pytest.param(
        on_board(INT8, memory_bytes=300_000, flash_bytes=900_000),
        BOARD,
        Needs({"net": 400_000}, {"net": 2_000_000}),
        [],
        id="what is known of the candidate goes before what was seen elsewhere",
    ),
    pytest.param(
        on_board(INT8, memory_bytes=400_000),
        replace(BOARD, memory={"sram": 320_000, "psram": 8_000_000, "flash": 1_000_000}),
        Needs(),
        [],
        id="all regions of RAM count",
    ),
    pytest.param(
        on_board(replace(INT8, size_bytes=2_000_000), memory_bytes=400_000),
        BOARD,
        Needs(),
        ["ram", "flash"],
        id="both",
    ),
]


@pytest.mark.parametrize(("found", "on", "needs", "rules"), MEMORY)
def test_memory_is_judged_by_region(found, on, needs, rules):
    assert [each.rule for each in misfits(found, on, needs)] == rules


ALL_AT_ONCE = [
    pytest.param(
        unproven(variant(format="coreml", min_os="Android 15", size_bytes=10**10)),
        ["format", "ram", "min_os"],
        id="a foreign format, too large, too new",
    ),
    pytest.param(
        unproven(replace(INT8, operators=("FFT",), min_os="Android 15"), processor=GPU),
        ["precision", "operators", "min_os"],
        id="precision, operators and system",
    ),
    pytest.param(
        unproven(variant(size_bytes=10**10, min_os="Android 15"), processor=NPU),
        ["processor", "ram", "min_os"],
        id="a processor that it lacks, too large, too new",
    ),
]


@pytest.mark.parametrize(("found", "rules"), ALL_AT_ONCE)
def test_all_broken_rules_are_reported(found, rules):
    assert [each.rule for each in misfits(found, PHONE, Needs())] == rules


def test_one_of_several_ways_is_enough():
    twice = replace(
        PHONE, supports=(way(operators=("ADD",)), way(operators=("FFT", "ADD"), precisions=("float32",)))
    )
    assert misfits(unproven(variant(operators=("FFT",))), twice, Needs()) == []
    assert [each.rule for each in misfits(unproven(variant(operators=("EIG",))), twice, Needs())] == [
        "operators"
    ]


SYSTEMS = [
    ("iOS 16", "iOS 12-18", True),
    ("iOS 18", "iOS 12-18", True),
    ("iOS 19", "iOS 12-18", False),
    ("iOS 16", "iOS 9-15", False),
    ("iOS 16", "iOS 15+", True),
    ("Android 15", "Android 14+", True),
    ("Android 15", "Android 14", False),
    ("Android 5", "Android 4.3-5.0", True),
    ("Android 6", "Android 4.3-5.0", False),
    ("ANDROID 9", "android 10", True),
    ("", "iOS 12", True),
    ("iOS 16", "", True),
    ("iOS 16", "Linux", True),
    ("Android 9", "bare metal, RTOS", True),
    ("Android 9", "Android", True),
    ("Android 10", "Android 10 (AOSP)", True),
]


@pytest.mark.parametrize(("wanted", "have", "runs"), SYSTEMS)
def test_a_system_is_new_enough_or_unknown(wanted, have, runs):
    assert runs_on(wanted, have) is runs


# ---- budgets ------------------------------------------------------------------------------------------------------

SENSELESS = [-1, 0, -0.5, math.nan, math.inf, -math.inf]
LIMITS = ("max_latency_ms", "max_size_bytes", "max_memory_bytes", "max_energy_mj", "min_accuracy", "threads")


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("value", SENSELESS)
def test_a_limit_that_means_nothing_is_refused(limit, value):
    with pytest.raises(UsageError, match=f"{limit} is {value!r}, but a budget is a number above zero"):
        Budgets(**{limit: value})


def test_all_senseless_limits_are_named_at_once():
    with pytest.raises(UsageError) as refused:
        Budgets(**dict.fromkeys(LIMITS, -1))
    assert all(f"{limit} is -1" in str(refused.value) for limit in LIMITS)


def test_budgets_that_nobody_set_break_nothing():
    assert over(candidate(), Budgets()) == []
    assert over(candidate(variant(None, size_bytes=None), accuracy=None), Budgets()) == []


def test_several_broken_budgets_are_all_reported():
    wishes = Budgets(max_latency_ms=1, max_size_bytes=1, min_accuracy=99, formats=("onnx",))
    assert [each.rule for each in over(candidate(), wishes)] == [
        "max_latency_ms", "max_size_bytes", "min_accuracy", "formats",
    ]  # fmt: skip


def test_a_latency_is_compared_by_its_high_end_unless_the_user_is_an_optimist():
    spread = candidate(latency=latency(14.0, low=13.0, high=16.0))
    assert over(spread, Budgets(max_latency_ms=15)) == [Broken("max_latency_ms", 16.0, 15, 14.0)]
    assert over(spread, Budgets(max_latency_ms=15, optimistic=True)) == []
    assert over(spread, Budgets(max_latency_ms=13.5)) == [Broken("max_latency_ms", 16.0, 13.5, None)]


def test_an_error_metric_is_limited_from_above():
    wishes = Budgets(min_accuracy=20)
    assert over(candidate(accuracy=accuracy(19.0)), wishes, higher_is_better=False) == []
    assert over(candidate(accuracy=accuracy(21.0)), wishes, higher_is_better=False)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (4_276_000, "4.28 MB"),
        (17_000_000, "17 MB"),
        (2.5e9, "2.5 GB"),
    ],
)
def test_a_size_is_shown_with_its_si_unit(size, words):
    assert format_bytes(size) == words


@pytest.mark.parametrize("size", [999_600, 999_999, 999_600_000])
def test_a_size_just_below_a_unit_is_not_shown_in_powers_of_ten(size):
    assert "e+" not in format_bytes(size)
