"""The answer of ``zoo pick`` in words, where a processor leaves a part to the CPU."""

import pytest

from device_profiles.matching import Match, MatchedBy
from registry.choice import explain, pick
from tests.builders import GPU, coverage, device, measurement, model, request, shelf, twin_row, variant
from zoo.actions import PickReport, Target
from zoo.views import documents, picks
from zoo.views.printer import Printer

WORDS = "tflite-gpu takes 52 of 64 operators in 3 parts: CONV_3D (not in its list) falls back to the CPU"
SPLIT = variant(coverage=(coverage(),))


def report(*known, explained=False) -> PickReport:
    """Ask for every model that is known on the phone."""
    phone, wanted = device(), request()
    rejections = (
        [(each.model.name, tuple(explain(each, phone, wanted))) for each in known] if explained else []
    )
    return PickReport(
        Target(phone, Match("phone", MatchedBy.ID), "phone", "chip"),
        wanted,
        tuple(pick(each, phone, wanted) for each in known),
        tuple(rejections),
    )


def printed(capsys: pytest.CaptureFixture[str], found: PickReport) -> list[str]:
    picks.pick(Printer(), found)
    return capsys.readouterr().out.splitlines()


def test_a_pick_that_falls_back_in_part_says_so_in_words_and_in_json(capsys):
    found = report(shelf([SPLIT], [measurement(processor=GPU)]))
    assert f"classifier: {WORDS}" in printed(capsys, found)
    assert documents.pick(found)["picks"][0]["falls_back"]["reasons"] == ("CONV_3D (not in its list)",)


def test_of_many_models_each_pick_that_falls_back_says_so(capsys):
    other = model("detector")
    found = report(
        shelf([SPLIT], [measurement(processor=GPU)]),
        shelf([variant(model="detector", coverage=SPLIT.coverage)], [measurement()], other),
    )
    lines = printed(capsys, found)
    assert [each for each in lines if WORDS in each] == [f"classifier: {WORDS}"]


def test_what_is_not_measured_here_is_refused_with_the_same_words(capsys):
    found = report(shelf([SPLIT], [twin_row(processor=GPU), measurement(latency_ms=12)]), explained=True)
    assert found.choices[0].pick
    assert found.choices[0].pick.processor == "cpu"
    assert [each.strip().endswith(WORDS) for each in printed(capsys, found) if WORDS in each] == [True]
