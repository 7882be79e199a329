"""JSON documents: plain values only, the same keys every time."""

import json
from collections.abc import Iterator

import pytest

from device_profiles.loading import parse_facts
from device_profiles.profile import DeviceFacts
from registry.choice import pick
from registry.ranking import Request
from registry.reader import Reader
from registry.rules import Budgets
from registry.spec import parse_spec
from registry.values import Objective, Processor
from tests.builders import GPU, candidate, coverage, model, spec, variant
from zoo import actions
from zoo.views import documents

IMAGENET = "imagenet-classifier"
INT8, FLOAT = "mobilenet-v2-1.0-224-int8.tflite", "mobilenet-v2-1.0-224-float32.tflite"


@pytest.fixture(scope="module")
def registry() -> Iterator[Reader]:
    with actions.open_registry(None) as opened:
        yield opened


def picked(
    registry: Reader, device: str, *, explained: bool = False, **budgets: object
) -> documents.Document:
    request = Request(Budgets(**budgets), Objective.ACCURACY)
    target = actions.find_device(registry, device)
    return documents.pick(actions.pick(registry, target, request, model=IMAGENET, explained=explained))


def assert_plain_json(document: object) -> None:
    """Standard JSON: no infinity, and no value that JSON has no word for."""
    assert json.loads(json.dumps(document, allow_nan=False))


def test_a_pick_is_plain_json_with_the_same_keys_for_pick_runner_up_and_fallbacks(registry):
    document = picked(registry, "pixel3")
    assert_plain_json(document)
    (pick,) = document["picks"]
    keys = set(pick["runner_up"])
    assert keys < set(pick)
    assert all(set(each) == keys for each in pick["fallbacks"])
    assert set(pick) - keys == {"model", "budget", "runner_up", "fallbacks", "warnings"}


def test_a_default_budget_is_said(registry):
    (pick,) = picked(registry, "pixel3")["picks"]
    assert pick["budget"] == {"max_latency_ms": 33.0, "default": True}
    (pick,) = picked(registry, "pixel3", max_latency_ms=20.0)["picks"]
    assert pick["budget"] == {"max_latency_ms": 20.0, "default": False}


def test_only_the_budgets_that_were_set_are_listed(registry):
    assert picked(registry, "pixel3")["budgets"] == {"available": False, "evidence": "predicted"}
    assert picked(registry, "pixel3", threads=4, processors=(Processor.CPU,))["budgets"] == {
        "processors": ["cpu"], "threads": 4, "available": False, "evidence": "predicted",
    }  # fmt: skip


def test_what_has_no_number_keeps_its_keys(registry):
    target = actions.describe_device(
        registry, DeviceFacts(soc="sdm845x", cpu=actions.find_device(registry, "pixel3").profile.clusters)
    )
    shelf = registry.shelves(target.own, target.soc, IMAGENET)[IMAGENET]
    choice = pick(shelf, target.profile, Request())  # nothing predicts
    document = documents.pick(actions.PickReport(target, Request(), (choice,)))
    assert_plain_json(document)
    assert document["picks"]
    for each in document["picks"]:
        assert each["latency_ms"] == {
            "value": None, "low": None, "high": None, "evidence": "none", "source": None,
        }  # fmt: skip


def test_no_answer_gives_its_reason_and_the_way_out(registry):
    document = picked(registry, "pixel3", max_latency_ms=0.001)
    assert document["picks"] == []
    (unanswered,) = document["unanswered"]
    assert set(unanswered) == {"model", "reason", "relax"}
    assert set(unanswered["relax"]) == {"budget", "value", "variant"}


def test_rejections_come_only_when_asked_for(registry):
    assert "rejected" not in picked(registry, "pixel3")
    rejected = picked(registry, "pixel3", explained=True)["rejected"]
    assert_plain_json(rejected)
    assert all(each["reasons"] for each in rejected)


def test_the_number_of_a_pick_lies_inside_its_spread(registry):
    for device in ("pixel3", "sdm845", "iphone12pro"):
        for each in picked(registry, device)["picks"]:
            latency = each["latency_ms"]
            assert latency["low"] <= latency["value"] <= latency["high"]


def test_a_device_is_plain_json_and_a_set_of_facts(registry):
    for profile in registry.devices()[:10]:
        document = documents.device(actions.show_device(registry, profile.id))
        assert_plain_json(document)
        assert parse_facts(json.dumps(document), "x").id == profile.id


def test_every_variant_of_every_model_is_plain_json(registry):
    models = registry.models()
    for each in registry.variants().values():
        assert_plain_json(documents.variant(each, models[each.model]))


def test_lists_and_comparisons_are_plain_json(registry):
    assert_plain_json(documents.devices(actions.devices(registry)))
    assert_plain_json(documents.models(actions.models(registry)))
    assert_plain_json(documents.model(*actions.variants(registry, IMAGENET)))
    variant, lines = actions.plan(registry, INT8)
    assert_plain_json(documents.plan(variant, lines, registry.models()[variant.model]))
    assert_plain_json(documents.diff(actions.diff(registry, (INT8, FLOAT), "pixel3")))
    assert_plain_json(documents.portfolio(actions.portfolio(registry, IMAGENET, device_names=["pixel3"])))


def test_a_difference_names_both_variants_on_every_way(registry):
    document = documents.diff(actions.diff(registry, (INT8, FLOAT), "pixel3"))
    assert [each["variant"] for each in document["variants"]] == [INT8, FLOAT]
    assert document["ways"]
    for one, other in document["ways"]:
        assert one or other
        assert (one or {"variant": INT8})["variant"] == INT8
        assert (other or {"variant": FLOAT})["variant"] == FLOAT


def test_what_is_known_of_a_file_is_said_and_what_is_not_keeps_its_keys():
    plain = documents.variant(variant(), model())
    assert (plain["spec"], plain["certificate"], plain["coverage"]) == (None, None, [])
    known = variant(spec=spec(), certificate="ab" * 32, coverage=(coverage(), coverage(64, reasons=())))
    document = documents.variant(known, model())
    assert_plain_json(document)
    assert set(document) == set(plain)
    assert document["certificate"] == {"sha256": "ab" * 32}
    assert [(each["operators"], each["whole"]) for each in document["coverage"]] == [(52, False), (64, True)]
    assert document["coverage"][0]["reasons"] == ("CONV_3D (not in its list)",)


def test_the_spec_in_a_document_is_a_spec_again():
    document = documents.variant(variant(spec=spec()), model())
    assert parse_spec(json.dumps(document["spec"]), "x") == spec()


def test_a_candidate_says_what_falls_back_only_where_something_is_known_to():
    split = candidate(variant(coverage=(coverage(),)), processor=GPU)
    document = documents.candidate(split, model())
    assert_plain_json(document)
    assert document["falls_back"]["delegate"] == "tflite-gpu"
    assert (document["falls_back"]["operators"], document["falls_back"]["of_operators"]) == (52, 64)
    for other in (
        candidate(),
        candidate(variant(coverage=(coverage(64),)), processor=GPU),
        candidate(split.variant),
    ):
        assert "falls_back" not in documents.candidate(other, model())
