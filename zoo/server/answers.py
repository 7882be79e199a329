"""Lists and picks: a question becomes a function of a snapshot that gives the JSON of the command of that name."""

import json
from collections.abc import Callable
from typing import Any

from device_profiles.loading import parse_facts
from device_profiles.profile import Kind, Processor, Tier
from registry.ranking import Request
from registry.rules import Budgets
from registry.snapshot import Snapshot
from registry.values import Availability, Evidence, Objective
from zoo import actions, texts
from zoo.server.questions import DEVICES, FACTS, LONGEST_NAME, PICK, Query, QuestionError
from zoo.views import documents

Make = Callable[[Snapshot], str]
BLOBS = "/v1/blobs/"


def with_urls(document: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """The document, with the address of each held file: relative to the server that gave it."""
    if isinstance(document, list):
        return [with_urls(each) for each in document]
    if not isinstance(document, dict):
        return document
    found = {key: with_urls(value) for key, value in document.items()}
    if found.get("availability") == Availability.HELD and found.get("sha256") and "url" in found:
        found["url"] = f"{BLOBS}{found['sha256']}"
    return found


def pick(raw: bytes) -> Make:
    """``zoo pick --available --json``.

    Raises:
        UsageError: the query makes no sense.
    """
    query = Query(raw, PICK)
    named = query.text("device")
    facts = _facts(query)
    if (named is None) == (facts is None):
        raise QuestionError("give the device with device=ID, or facts of it (one of them)")
    request = Request(_budgets(query), Objective((query.text("objective") or "accuracy").casefold()))
    model, task, explained = query.text("model"), query.text("task"), query.flag("explain")

    def make(snapshot: Snapshot) -> str:
        known = None if facts is None else parse_facts(facts, "facts")
        target = (
            actions.find_device(snapshot, named or "")
            if known is None
            else actions.describe_device(snapshot, known)
        )
        report = actions.pick(snapshot, target, request, model=model, task=task, explained=explained)
        return documents.text(with_urls(documents.pick(report)))

    return make


def _budgets(query: Query) -> Budgets:
    return Budgets(
        max_latency_ms=texts.number(query.text("max_latency_ms"), "max_latency_ms"),
        max_size_bytes=texts.size_bytes(query.text("max_size"), "max_size"),
        max_memory_bytes=texts.size_bytes(query.text("max_memory"), "max_memory"),
        max_energy_mj=texts.number(query.text("max_energy_mj"), "max_energy_mj"),
        min_accuracy=texts.number(query.text("min_accuracy"), "min_accuracy"),
        formats=tuple(query.texts("format")),
        processors=texts.words(query.texts("processor"), Processor, "processor"),
        threads=query.count("threads"),
        available=query.flag("available", default=True),
        evidence=Evidence((query.text("evidence") or "predicted").casefold()),
        optimistic=query.flag("optimistic"),
    )


def _facts(query: Query) -> str | None:
    """The facts that a query gives, as the JSON text of a profile file; ``None`` where it gives none.

    Raises:
        QuestionError: a core without its number, or facts in both ways.
    """
    whole = query.text("facts")
    given = [each.name for each in FACTS if query.text(each.name) is not None]
    if whole is not None or not given:
        if given:
            raise QuestionError(f"facts is given, and {', '.join(given)} beside it: give one or the other")
        return whole
    found: dict[str, Any] = {
        name: query.text(name) for name in ("name", "soc", "os", "gpu") if query.text(name)
    }
    if kind := query.text("kind"):
        found["kind"] = kind.casefold()
    if ram := query.count("ram_bytes"):
        found["ram_bytes"] = ram
    memory = {region: query.count(f"{region}_bytes") for region in ("sram", "flash")}
    if any(memory.values()):
        found["memory"] = {region: size for region, size in memory.items() if size}
    cluster = {"core": query.text("core"), "cores": query.count("cores"), "clock_hz": query.count("clock_hz")}
    if any(value is not None for value in cluster.values()):
        if cluster["core"] is None or cluster["cores"] is None:
            raise QuestionError("core and cores are wanted together; clock_hz goes with them")
        found["cpu"] = [cluster]
    return json.dumps(found)


def devices(raw: bytes) -> Make:
    """``zoo devices --json``."""
    query = Query(raw, DEVICES)
    kind, tier = query.text("kind"), query.text("tier")
    kinds = Kind(kind.casefold()) if kind else None
    tiers = Tier(tier.casefold()) if tier else None
    return lambda snapshot: documents.text(
        documents.devices(actions.devices(snapshot, kind=kinds, tier=tiers, soc=query.text("soc")))
    )


def device(raw: bytes, name: str) -> Make:
    """``zoo devices show --json``."""
    Query(raw, ())
    _short(name)
    return lambda snapshot: documents.text(documents.device(actions.show_device(snapshot, name)))


def models(raw: bytes) -> Make:
    """``zoo models --json``."""
    Query(raw, ())
    return lambda snapshot: documents.text(documents.models(actions.models(snapshot)))


def model(raw: bytes, name: str) -> Make:
    """``zoo models show --json``."""
    Query(raw, ())
    _short(name)
    return lambda snapshot: documents.text(with_urls(documents.model(*actions.variants(snapshot, name))))


def variants(raw: bytes, name: str) -> Make:
    """``zoo variants --json``."""
    Query(raw, ())
    _short(name)

    def make(snapshot: Snapshot) -> str:
        found, members = actions.variants(snapshot, name)
        return documents.text([with_urls(documents.variant(each, found)) for each in members])

    return make


def _short(name: str) -> None:
    if len(name) > LONGEST_NAME:
        raise QuestionError(f"a name of {len(name)} characters; at most {LONGEST_NAME} are wanted")
