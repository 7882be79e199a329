"""What a system says of itself becomes facts that find a device."""

import json

import pytest

from bench.probing import Readings, document, facts_of, read_host
from device_profiles.loading import load_profiles, parse_facts
from device_profiles.matching import MatchedBy, match_facts
from device_profiles.profile import CpuCluster, Kind

MEMINFO = "MemTotal:        3884360 kB\nMemFree:          123 kB\n"


def arm(*parts: int, implementer: int = 0x41) -> str:
    """The text of /proc/cpuinfo of an Arm system with these parts."""
    blocks = (
        f"processor\t: {place}\nBogoMIPS\t: 38.40\nCPU implementer\t: {implementer:#x}\nCPU architecture: 8\n"
        f"CPU variant\t: 0x1\nCPU part\t: {part:#x}\nCPU revision\t: 2\n"
        for place, part in enumerate(parts)
    )
    return "\n".join(blocks) + "\nHardware\t: Qualcomm Technologies, Inc\n"


def x86(name: str, count: int, clock_mhz: str = "2596.132") -> str:
    """The same of a PC."""
    blocks = (
        f"processor\t: {place}\nmodel name\t: {name}\ncpu MHz\t\t: {clock_mhz}\n" for place in range(count)
    )
    return "\n".join(blocks)


def test_equal_cores_with_one_clock_are_a_cluster_the_fastest_first():
    clocks = (1_766_400,) * 4 + (2_803_200,) * 4
    facts = facts_of(Readings(arm(*[0xD05] * 4, *[0xD0B] * 4), MEMINFO, clocks))
    assert facts.cpu == (
        CpuCluster(4, "Cortex-A76", 2_803_200_000),
        CpuCluster(4, "Cortex-A55", 1_766_400_000),
    )
    assert facts.ram_bytes == 3884360 * 1024


def test_two_clocks_of_one_core_are_two_clusters():
    facts = facts_of(Readings(arm(0xD0D, 0xD0D), "", (2_840_000, 2_420_000)))
    assert [each.cores for each in facts.cpu] == [1, 1]


def test_a_core_nobody_knows_is_said_to_be_unknown():
    assert facts_of(Readings(arm(0xFFF), "", (1_000_000,))).cpu == (CpuCluster(1, "unknown core", 10**9),)


def test_a_pc_without_clocks_gives_the_clock_of_the_moment():
    facts = facts_of(Readings(x86("AMD  EPYC 9R14", 2), MEMINFO))
    assert facts.cpu == (CpuCluster(2, "AMD EPYC 9R14", 2_596_132_000),)
    assert facts.soc == "AMD EPYC 9R14"


def test_a_system_that_says_nothing_gives_no_facts():
    facts = facts_of(Readings())
    assert not facts.known
    assert document(facts) == {}


@pytest.mark.parametrize("name", ["To Be Filled By O.E.M.", "Default string", "None"])
def test_a_board_whose_maker_left_its_name_blank_has_none(name):
    assert facts_of(Readings(model=name)).name == ""


CASES = {
    "a Raspberry Pi with its revision": (
        Readings(
            arm(*[0xD08] * 4), MEMINFO, (1_800_000,) * 4, "Raspberry Pi 4 Model B Rev 1.4", kind=Kind.BOARD
        ),
        MatchedBy.ALIAS,
        "raspberry-pi-4b",
    ),
    "a Pixel 3 by its model": (
        Readings(model="Pixel 3", aliases=("blueline",), soc="sdm845", kind=Kind.PHONE),
        MatchedBy.ID,
        "pixel3",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_known_device_is_found_by_what_it_says(case):
    readings, by, device = CASES[case]
    match = match_facts(facts_of(readings), load_profiles())
    assert (match.by, match.device) == (by, device)


def test_an_unknown_phone_is_found_by_its_chip():
    match = match_facts(facts_of(Readings(model="Nobody's Phone", soc="SDM845")), load_profiles())
    assert match.by is MatchedBy.SOC


def test_the_document_of_this_machine_is_read_back():
    facts = facts_of(read_host())
    assert facts.known
    assert parse_facts(json.dumps(document(facts)), "here") == facts


def test_this_machine_is_matched():
    assert match_facts(facts_of(read_host()), load_profiles()).device
