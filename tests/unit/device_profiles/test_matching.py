"""From a name or facts to a device: id, alias, SoC, nearest."""

from dataclasses import asdict, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_profiles.loading import load_profiles
from device_profiles.matching import (
    Match,
    MatchedBy,
    distance,
    match_facts,
    match_name,
    names_of,
    normalised,
    tokens,
)
from device_profiles.profile import CpuCluster, DeviceFacts, DeviceProfile, Kind, Soc, Tier
from zoo.errors import AmbiguousNameError, UnknownNameError

PROFILES = load_profiles()
NAMES = [name for profile in PROFILES for name in names_of(profile)]
BY_ID = {profile.id: profile for profile in PROFILES}
SPOKEN = sorted({each.name for each in NAMES if each.by is not MatchedBy.SOC})


def meaning(text: str) -> tuple[str, ...]:
    """Ids of the devices that ``text`` means, one or, where it is ambiguous, several."""
    try:
        return (match_name(text, NAMES).device,)
    except AmbiguousNameError as error:
        return error.matches


def phone(name: str, soc: Soc, *aliases: str, **more: object) -> DeviceProfile:
    return DeviceProfile(name, name.title(), Kind.PHONE, Tier.MID, soc, aliases=aliases, **more)


FAST = Soc("sdm845", "Snapdragon 845", cpu=(CpuCluster(4, "Cortex-A75", 2_800_000_000),), gpu="Adreno 630")
SLOW = Soc("msm8909", "Snapdragon 210", cpu=(CpuCluster(4, "Cortex-A7", 1_100_000_000),), gpu="Adreno 304")
TINY = Soc("stm32l4r5", "STM32L4R5ZI", cpu=(CpuCluster(1, "Cortex-M4F", 120_000_000),))
LINE = Soc("qcs8450", "QCS8450", cpu=(CpuCluster(8, "Kryo", 2_900_000_000),))
FLEET = [
    phone("alpha", FAST, "Model A", ram_bytes=6 << 30, os="Android 9-12"),
    phone("beta", FAST, "Model B", ram_bytes=8 << 30, os="Android 8-11"),
    phone("gamma", SLOW, "Model C", ram_bytes=1 << 30, os="Android 7"),
    DeviceProfile(
        "board", "Board", Kind.MCU, Tier.MID, TINY, memory={"sram": 655_360, "flash": 2 << 20}, os="RTOS"
    ),
    DeviceProfile("proxy", "QCS8450 Proxy", Kind.DEVKIT, Tier.HIGH, LINE),
]
FLEET_NAMES = [name for profile in FLEET for name in names_of(profile)]


@pytest.mark.parametrize(
    ("text", "device", "by"),
    [
        pytest.param("pixel3", "pixel3", "id", id="an id"),
        pytest.param("Pixel 3", "pixel3", "id", id="an id as people write it"),
        pytest.param("PIXEL-3", "pixel3", "id", id="an id shouted with a hyphen"),
        pytest.param("pixel_3", "pixel3", "id", id="an id with an underscore"),
        pytest.param("  pixel3\n", "pixel3", "id", id="an id with blanks around it"),
        pytest.param("Google Pixel 3", "pixel3", "alias", id="a full name"),
        pytest.param("blueline", "pixel3", "alias", id="an Android codename"),
        pytest.param("SM-S921B", "galaxy-s24-exynos", "alias", id="a model number"),
        pytest.param("sm s921b", "galaxy-s24-exynos", "alias", id="a model number without its hyphen"),
        pytest.param("iPhone13,3", "iphone12pro", "alias", id="an Apple machine id"),
        pytest.param("NUCLEO-L4R5ZI", "nucleo-l4r5zi", "id", id="a board name"),
    ],
)
def test_a_name_finds_its_device(names, text, device, by):
    assert match_name(text, names) == Match(device, MatchedBy(by))


@pytest.mark.parametrize(
    ("text", "soc"),
    [
        pytest.param("sdm845", "sdm845", id="a part number"),
        pytest.param("SDM845", "sdm845", id="a part number in capitals"),
        pytest.param("Snapdragon 845", "sdm845", id="a marketing name"),
        pytest.param("845", "sdm845", id="a number alone"),
        pytest.param("Qualcomm Snapdragon 845", "sdm845", id="with its maker"),
        pytest.param("Qualcomm Technologies, Inc SDM845", "sdm845", id="as Android reports it"),
        pytest.param("QCS8450", "qcs8450", id="a part number that ends like another's"),
    ],
)
def test_a_chip_finds_a_device_that_has_it(names, text, soc):
    match = match_name(text, names)
    assert match.by is MatchedBy.SOC
    assert {BY_ID[each].soc.id for each in (match.device, *match.others)} == {soc}


def test_every_device_with_the_chip_is_named_once(names):
    match = match_name("sdm845", names)
    sharing = {each.id for each in PROFILES if each.soc.id == "sdm845"}
    assert sorted((match.device, *match.others)) == sorted(sharing)


def test_the_best_measured_device_stands_for_a_chip():
    assert match_name("sdm845", FLEET_NAMES).device == "alpha"
    assert match_name("sdm845", FLEET_NAMES, {"beta": 7, "alpha": 3}) == Match(
        "beta", MatchedBy.SOC, ("alpha",)
    )


@pytest.mark.parametrize("text", ["84", "8450", "QCS845", "snapdragon", "qualcomm", "sdm", "", "-", "+"])
def test_a_part_of_a_chips_name_is_not_its_name(text):
    with pytest.raises(UnknownNameError):
        match_name(text, FLEET_NAMES)


@pytest.mark.parametrize("text", ["845", "Snapdragon 845", "snapdragon-845"])
def test_845_never_means_qcs8450(text):
    assert match_name(text, FLEET_NAMES).device == "alpha"


@pytest.mark.parametrize("text", ["Galaxy A13", "OPPO A16", "Galaxy A14 5G", "Galaxy A15 5G"])
def test_a_phone_nobody_registered_is_not_taken_for_an_apple_chip_of_that_number(names, text):
    with pytest.raises(UnknownNameError):
        match_name(text, names)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        pytest.param("Galaxy S24", ("galaxy-s24-exynos", "galaxy-s24-snapdragon"), id="sold with two chips"),
        pytest.param("iPhone SE", ("iphonese1", "iphonese2", "iphonese3"), id="three generations"),
    ],
)
def test_a_name_of_several_devices_is_refused_with_all_their_ids(names, text, ids):
    with pytest.raises(AmbiguousNameError) as caught:
        match_name(text, names)
    assert caught.value.matches == ids
    assert all(f"'{each}'" in str(caught.value) for each in ids)


def test_several_chips_named_equally_well_are_refused():
    twin = replace(FLEET[2], id="delta", soc=replace(SLOW, id="sdm845b", name="Snapdragon 845 B"))
    third = replace(FLEET[2], id="eta", soc=replace(SLOW, id="sdm845c", name="Snapdragon 845 C"))
    names = [name for each in (twin, third) for name in names_of(each)]
    with pytest.raises(AmbiguousNameError, match="'sdm845b' and 'sdm845c'"):
        match_name("845", names)


def test_plus_is_part_of_a_name(names):
    assert normalised("S22+") == normalised("S22 Plus") == "s22plus"
    assert not set(meaning("Galaxy S22+")) & set(meaning("Galaxy S22"))
    assert meaning("Galaxy S22+") == meaning("Galaxy S22 Plus")
    for text in ("S22+", "S22"):
        with pytest.raises(UnknownNameError):
            match_name(text, names)


@pytest.mark.parametrize(
    ("text", "close"),
    [
        pytest.param("pixel33", "pixel3", id="a digit too many"),
        pytest.param("Pixle 3", "pixel3", id="two letters swapped"),
        pytest.param("iphone12por", "iphone12pro", id="in an id"),
        pytest.param("NUCLEO-L4R5Z", "nucleo-l4r5zi", id="a letter too few"),
    ],
)
def test_a_typo_gets_the_closest_names(names, text, close):
    with pytest.raises(UnknownNameError, match="Did you mean") as caught:
        match_name(text, names)
    assert close.casefold() in {each.casefold() for each in caught.value.close}


def test_a_name_like_no_other_gets_advice(names):
    with pytest.raises(UnknownNameError, match=r"unknown device 'qqqqqq'\. List them with: zoo devices"):
        match_name("qqqqqq", names)


def test_an_id_wins_over_an_alias_and_an_alias_over_a_chip():
    names = [
        *names_of(phone("sdm845", SLOW)),
        *names_of(phone("other", FAST, "sdm 845", "msm-8909")),
    ]
    assert match_name("SDM-845", names) == Match("sdm845", MatchedBy.ID)
    assert match_name("MSM8909", names) == Match("other", MatchedBy.ALIAS)


def test_every_shipped_name_finds_its_own_device_or_an_ambiguity_that_lists_it():
    owners: dict[str, set[str]] = {}
    for each in NAMES:
        if each.by is not MatchedBy.SOC:
            owners.setdefault(each.name, set()).add(each.device)
    found = {name: set(meaning(name)) for name in owners}
    assert {name: found[name] for name in owners if not owners[name] <= found[name]} == {}


def test_every_shipped_chip_finds_a_device_that_has_it():
    bearers = {profile.soc.id: profile for profile in PROFILES}
    chips = {normalised(each.name) for each in NAMES if each.by is MatchedBy.SOC}
    names = [each for each in NAMES if each.by is not MatchedBy.SOC and normalised(each.name) in chips]
    names += [name for each in bearers.values() for name in names_of(each) if name.by is MatchedBy.SOC]
    found = {
        (soc, name): BY_ID[match_name(name, names).device].soc.id
        for soc, bearer in bearers.items()
        for name in (soc, bearer.soc.name, *bearer.soc.aliases)
    }
    assert {key: other for key, other in found.items() if other != key[0]} == {}


def test_every_id_finds_only_itself_by_id():
    assert {name: match_name(name, NAMES) for name in BY_ID} == {
        name: Match(name, MatchedBy.ID) for name in BY_ID
    }


def test_no_id_is_a_name_of_another_device():
    ids = {normalised(name): name for name in BY_ID}
    assert len(ids) == len(BY_ID)
    clashes = [
        (each.name, each.device, ids[normalised(each.name)])
        for each in NAMES
        if each.by is MatchedBy.ALIAS and ids.get(normalised(each.name), each.device) != each.device
    ]
    assert clashes == []


@given(st.text())
def test_normalising_is_idempotent(text):
    assert normalised(normalised(text)) == normalised(text)


@given(st.text())
def test_normalising_keeps_the_tokens_in_order(text):
    assert "".join(tokens(text)) == normalised(text)
    assert all(word and word == normalised(word) for word in tokens(text))


@st.composite
def respellings(draw: st.DrawFn) -> tuple[str, str]:
    """A shipped name, and the same with other case, blanks and punctuation."""
    name = draw(st.sampled_from(SPOKEN))
    breaks = st.sampled_from(["", "", " ", "-", "_", ".", "  ", "/", ", ", "(", ")"])
    spelt = [draw(breaks)]
    for character in name:
        kept = character if character.isalnum() or character == "+" else ""
        spelt.append(kept.upper() if draw(st.booleans()) else kept.lower())
        if kept != "+":
            spelt.append(draw(breaks))
    return name, "".join(spelt)


@settings(max_examples=150, deadline=None)
@given(respellings())
def test_case_blanks_and_punctuation_never_change_the_match(spelling):
    name, respelt = spelling
    assert meaning(respelt) == meaning(name)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_any_text_gives_a_device_or_an_error_of_ours(text):
    try:
        found = meaning(text)
    except UnknownNameError:
        return
    assert found
    assert set(found) <= set(BY_ID) | {profile.soc.id for profile in PROFILES}


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([*SPOKEN, "sdm845", "845"]), st.integers())
def test_the_order_of_the_names_does_not_matter(text, seed):
    shuffled = list(NAMES)
    Random(seed).shuffle(shuffled)
    try:
        expected: object = match_name(text, NAMES)
    except AmbiguousNameError as error:
        expected = error.matches
    try:
        found: object = match_name(text, shuffled)
    except AmbiguousNameError as error:
        found = error.matches
    assert found == expected


def facts_of(profile: DeviceProfile) -> DeviceFacts:
    """What a probe sees of a device that reports neither name nor chip."""
    return DeviceFacts(
        kind=profile.kind,
        cpu=profile.clusters,
        gpu=profile.soc.gpu,
        ram_bytes=profile.ram_bytes,
        memory=profile.memory,
        os=profile.os,
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(DeviceFacts(id="beta"), Match("beta", MatchedBy.ID), id="its id"),
        pytest.param(DeviceFacts(name="Model B"), Match("beta", MatchedBy.ALIAS), id="its name"),
        pytest.param(
            DeviceFacts(name="X", aliases=("Y", "model-b")), Match("beta", MatchedBy.ALIAS), id="an alias"
        ),
        pytest.param(
            DeviceFacts(name="Foo", soc="Snapdragon 845"),
            Match("alpha", MatchedBy.SOC, ("beta",)),
            id="an unknown name with a known chip",
        ),
        pytest.param(
            DeviceFacts(soc=Soc("sdm845", "whatever")),
            Match("alpha", MatchedBy.SOC, ("beta",)),
            id="a whole chip",
        ),
        pytest.param(
            DeviceFacts(soc="new", cpu=(CpuCluster(4, "Cortex-A7", 1_000_000_000),), ram_bytes=1 << 30),
            Match("gamma", MatchedBy.FACTS),
            id="nearest to the slow one",
        ),
        pytest.param(
            DeviceFacts(
                kind=Kind.PHONE, cpu=(CpuCluster(4, "Cortex-A76", 2_600_000_000),), ram_bytes=7 << 30
            ),
            Match("beta", MatchedBy.FACTS),
            id="nearest by memory among equal chips",
        ),
        pytest.param(
            DeviceFacts(kind=Kind.MCU, cpu=(CpuCluster(1, "Cortex-M7", 400_000_000),)),
            Match("board", MatchedBy.FACTS),
            id="the only one of its kind, however unlike",
        ),
    ],
)
def test_facts_find_the_same_device_else_the_same_chip_else_the_nearest(facts, expected):
    assert match_facts(facts, FLEET) == expected


def test_facts_find_the_best_measured_device_with_the_chip():
    assert match_facts(DeviceFacts(soc="sdm845"), FLEET, {"beta": 1}).device == "beta"


@pytest.mark.parametrize("kind", list(Kind))
def test_the_nearest_device_is_of_the_kind_asked_for(kind):
    facts = DeviceFacts(kind=kind, cpu=(CpuCluster(4, "Cortex-A53", 1_500_000_000),), ram_bytes=2 << 30)
    assert BY_ID[match_facts(facts, PROFILES).device].kind is kind


def test_a_kind_that_nobody_has_is_refused():
    with pytest.raises(UnknownNameError, match="unknown kind of device 'tablet'"):
        match_facts(DeviceFacts(kind=Kind.TABLET, ram_bytes=1), FLEET)


def test_every_shipped_profile_as_facts_is_itself():
    for profile in PROFILES:
        facts = DeviceFacts(**{**asdict(profile), "soc": profile.soc, "cpu": profile.cpu, "supports": ()})
        assert match_facts(facts, [profile]) == Match(profile.id, MatchedBy.ID)


def test_a_device_is_at_no_distance_from_its_own_facts():
    apart = {each.id: distance(facts_of(each), each) for each in PROFILES}
    assert {name: found for name, found in apart.items() if found} == {}


@settings(max_examples=30, deadline=None)
@given(st.integers(), st.integers(1, 16), st.integers(10**7, 5 * 10**9))
def test_the_order_of_the_profiles_does_not_change_the_nearest(seed, cores, clock_hz):
    facts = DeviceFacts(cpu=(CpuCluster(cores, "Cortex-A55", clock_hz),), ram_bytes=2 << 30)
    shuffled = list(FLEET)
    Random(seed).shuffle(shuffled)
    assert match_facts(facts, shuffled) == match_facts(facts, FLEET)


def test_a_device_of_which_less_is_known_is_not_nearer_for_it():
    blank = DeviceProfile("aaa", "Aaa", Kind.PHONE, Tier.MID, Soc("new", "New"))
    facts = DeviceFacts(cpu=(CpuCluster(4, "Cortex-A75", 2_700_000_000),), ram_bytes=6 << 30)
    assert match_facts(facts, [blank, *FLEET]).device == "alpha"


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(DeviceFacts(ram_bytes=8 << 30), id="8 GiB of RAM"),
        pytest.param(DeviceFacts(kind=Kind.PHONE, ram_bytes=8 << 30), id="a phone with 8 GiB"),
    ],
)
def test_facts_of_memory_find_a_device_with_as_much_memory(facts):
    found = BY_ID[match_facts(facts, PROFILES).device]
    assert found.ram_bytes == facts.ram_bytes, found.id


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(DeviceFacts(name="Fairphone 99"), id="a name nobody knows"),
        pytest.param(DeviceFacts(soc="Foo 9000"), id="a chip nobody knows"),
    ],
)
def test_facts_that_can_be_compared_with_nothing_are_refused_instead_of_guessed(facts):
    with pytest.raises(UnknownNameError):
        match_facts(facts, PROFILES)
