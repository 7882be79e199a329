"""Lists and picks: a question becomes a function of a snapshot that gives the JSON of the command of that name."""

from collections.abc import Callable
from typing import Any

from device_profiles.profile import CpuCluster, DeviceFacts, Kind, Processor, Tier
from registry.ranking import Request
from registry.rules import Budgets
from registry.snapshot import Snapshot
from registry.values import Availability, Evidence, Objective
from zoo import actions, releasing, texts
from zoo.errors import UnknownNameError
from zoo.server.questions import DEVICES, LONGEST_NAME, PICK, Query, QuestionError
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
    named, facts = query.text("device"), _facts(query)
    request = Request(_budgets(query), Objective((query.text("objective") or "accuracy").casefold()))
    model, task, explained = query.text("model"), query.text("task"), query.flag("explain")
    offer = releasing.offer_of(query.text("channel"), query.text("key") or "")

    def make(snapshot: Snapshot) -> str:
        target = _target(snapshot, named, facts)
        report = actions.pick(
            snapshot, target, request, model=model, task=task, explained=explained, offer=offer
        )
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


def _facts(query: Query) -> DeviceFacts:
    """The facts of a device that a query gives."""
    kind = query.text("kind")
    memory = {region: query.count(f"{region}_bytes") for region in ("sram", "flash")}
    return DeviceFacts(
        name=query.text("name") or query.text("device") or "",
        kind=Kind(kind.casefold()) if kind else None,
        soc=query.text("soc") or "",
        cpu=tuple(_cluster(each) for each in query.texts("cpu")),
        gpu=query.text("gpu") or "",
        ram_bytes=query.count("ram_bytes"),
        memory={region: size for region, size in memory.items() if size},
        os=query.text("os") or "",
    )


def _cluster(text: str) -> CpuCluster:
    cores, _, rest = text.partition("x")
    core, _, clock = rest.partition("@")
    return CpuCluster(int(cores), core, int(clock.removesuffix("MHz")) * 10**6 if clock else None)


def _target(snapshot: Snapshot, named: str | None, facts: DeviceFacts) -> actions.Target:
    """The device of that name; where nobody knows the name, the nearest one by its facts.

    Raises:
        UnknownNameError: neither is known.
    """
    if named is not None:
        try:
            return actions.find_device(snapshot, named)
        except UnknownNameError:
            if not (facts.soc or facts.cpu or facts.ram_bytes or facts.memory):
                raise
    if not facts.known:
        advice = (
            "Name it with device=ID, or give facts of it: name, soc, cpu, ram_bytes, sram_bytes, flash_bytes"
        )
        raise UnknownNameError("device", "", [], advice=advice)
    return actions.describe_device(snapshot, facts)


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
