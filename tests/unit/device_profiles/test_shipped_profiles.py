"""The profiles that ship: enough of them, inside the closed sets, each fact with a source."""

import csv
import io
import re
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import fields

import pytest

from device_profiles.matching import Match, MatchedBy
from device_profiles.profile import (
    COMMON_KNOWLEDGE,
    DeviceProfile,
    Kind,
    Processor,
    Soc,
    Support,
    Tier,
)
from registry.catalogue.reading import read_tables
from registry.values import Precision
from zoo.actions import DeviceReport, Target
from zoo.views import lists
from zoo.views.printer import Printer

OLDEST, NEWEST = 2005, 2026
REGIONS = {"sram", "ram", "psram", "ext_ram", "sdram", "tcm", "flash", "ext_flash", "mram", "rram"}


def test_there_are_at_least_120_profiles_of_every_kind(profiles):
    assert len(profiles) >= 120
    assert set(Counter(each.kind for each in profiles)) == set(Kind)


def test_ids_and_names_are_unique(profiles):
    assert len({each.id for each in profiles}) == len({each.name for each in profiles}) == len(profiles)


def test_ids_are_lower_case_words_joined_by_hyphens(profiles):
    bad = [each.id for each in profiles if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.id)]
    assert bad == []


def test_every_word_is_one_of_its_closed_set(profiles):
    for each in profiles:
        assert isinstance(each.kind, Kind), each.id
        assert isinstance(each.tier, Tier), each.id
        assert all(isinstance(way.processor, Processor) for way in each.supports), each.id
        assert set(each.memory) <= REGIONS, each.id


def test_every_precision_that_a_runtime_takes_is_one_that_variants_have(profiles):
    taken = {precision for each in profiles for way in each.supports for precision in way.precisions}
    assert taken <= {str(each) for each in Precision}


def test_every_device_can_run_something(profiles):
    assert [each.id for each in profiles if not each.supports] == []
    assert all(way.runtime and way.format for each in profiles for way in each.supports)


def test_no_runtime_uses_a_processor_of_a_microcontroller_that_only_phones_have(profiles):
    microcontrollers = [each for each in profiles if each.kind is Kind.MCU]
    assert all(each.processors <= {Processor.CPU, Processor.NPU} for each in microcontrollers)


@pytest.mark.parametrize("kind", [Kind.PHONE, Kind.TABLET])
def test_phones_and_tablets_have_ram_or_a_note(profiles, kind):
    silent = [each.id for each in profiles if each.kind is kind and not each.ram_bytes and not each.note]
    assert silent == []


def test_microcontrollers_have_memory_regions_or_a_note(profiles):
    silent = [each.id for each in profiles if each.kind is Kind.MCU and not each.memory and not each.note]
    assert silent == []


def test_memory_by_region_is_for_microcontrollers_and_ram_for_the_rest(profiles):
    assert [each.id for each in profiles if each.kind is Kind.MCU and each.ram_bytes] == []
    assert [each.id for each in profiles if each.kind is not Kind.MCU and each.memory] == []


def test_figures_are_of_a_sensible_size(profiles):
    for each in profiles:
        assert each.year is None or OLDEST <= each.year <= NEWEST, each.id
        assert each.soc.year is None or OLDEST <= each.soc.year <= NEWEST, each.id
        assert each.ram_bytes is None or 64 << 20 <= each.ram_bytes <= 256 << 30, each.id
        assert all(1 << 10 <= size <= 1 << 30 for size in each.memory.values()), each.id
        for cluster in each.clusters:
            assert 1 <= cluster.cores <= 64, each.id
            assert cluster.core, each.id
            assert cluster.clock_hz is None or 10_000_000 <= cluster.clock_hz <= 6_000_000_000, each.id


def test_clusters_come_fastest_first(profiles):
    for each in profiles:
        clocks = [cluster.clock_hz for cluster in each.clusters if cluster.clock_hz]
        assert clocks == sorted(clocks, reverse=True), each.id


def test_no_device_is_older_than_the_first_device_with_its_chip(profiles):
    older = [
        (each.id, each.year, each.soc.id, each.soc.year)
        for each in profiles
        if each.year and each.soc.year and each.year < each.soc.year
    ]
    assert older == []


@pytest.mark.parametrize("kind", [DeviceProfile, Soc, Support])
def test_citations_are_texts(profiles, kind):
    socs = [each.soc for each in profiles]
    ways = [way for each in profiles for way in each.supports]
    if kind is Support:
        assert all(each.cited.strip() for each in ways)
        return
    for each in profiles if kind is DeviceProfile else socs:
        assert all(citation.strip() for citation in each.cited.values()), each.id


def test_citations_are_of_facts_that_are_there(profiles):
    known = {each.name for each in fields(DeviceProfile)} | {each.name for each in fields(Soc)} | {"soc"}
    for each in profiles:
        assert set(each.cited) <= known, each.id
        assert set(each.soc.cited) <= known, each.soc.id


@pytest.fixture(scope="module")
def shown(profiles) -> dict[str, dict[str, list[str]]]:
    """What ``zoo devices show`` prints of each device: value and source by fact."""
    facts = {}
    for each in profiles:
        target = Target(each, Match(each.id, MatchedBy.ID), each.id, each.soc.id)
        with redirect_stdout(io.StringIO()) as printed:
            lists.device(Printer(), DeviceReport(target, (), ()))
        lines = printed.getvalue().splitlines()
        end = next(index for index, line in enumerate(lines) if line.startswith("runtime "))
        facts[each.id] = {name: rest for name, *rest in (re.split(r"\s{2,}", line) for line in lines[2:end])}
    return facts


def test_every_fact_that_is_shown_is_cited_or_common_knowledge(profiles, shown):
    for each in profiles:
        facts = {name: rest for name, rest in shown[each.id].items() if name != "note"}
        assert {"kind", "SoC"} <= set(facts), each.id
        assert all(len(rest) == 2 for rest in facts.values()), (each.id, facts)
        known = {*each.cited.values(), *each.soc.cited.values(), COMMON_KNOWLEDGE}
        assert {source for _, source in facts.values()} <= known, (each.id, facts)


def test_every_citation_of_a_shown_fact_is_shown(profiles, shown):
    labels = {"cpu": "CPU", "gpu": "GPU", "dsp": "DSP", "npu": "NPU", "soc": "SoC", "os": "system",
              "ram_bytes": "RAM", "memory": "memory", "year": "year"}  # fmt: skip
    lost = [
        (each.id, key, citation)
        for each in profiles
        for key, citation in {**each.soc.cited, **each.cited}.items()
        if shown[each.id].get(labels.get(key, ""), [citation])[-1] != citation
    ]
    assert lost == []


def test_every_device_that_the_measurement_tables_name_has_a_profile(profiles):
    known = {each.id for each in profiles}
    seen: Counter[str] = Counter()
    for name, text in read_tables().items():
        if name.startswith(("measurements_", "accuracies")):
            seen.update(row["device"] for row in csv.DictReader(io.StringIO(text)) if row["device"])
    assert sum(seen.values()) > 10_000
    assert {name: count for name, count in seen.items() if name not in known} == {}
