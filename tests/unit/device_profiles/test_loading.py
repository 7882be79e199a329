"""From texts to profiles and facts, with every problem at once."""

import json
from dataclasses import asdict

import pytest

from device_profiles.loading import load_profiles, parse_facts, parse_profiles, read_facts
from device_profiles.profile import CpuCluster, DeviceFacts, DeviceProfile, Kind, Processor, Soc, Support
from zoo.errors import BadProfileError

CHIP = '[soc.chip]\nname = "Chip"\ncpu = [{ cores = 4, core = "Cortex-A53", clock_hz = 1_400_000_000 }]\n'
STACK = '[[stack.android.supports]]\nruntime = "tflite"\nformat = "tflite"\nprocessor = "cpu"\n'
PHONE = '[device.one]\nname = "One"\nkind = "phone"\ntier = "mid"\nsoc = "chip"\nstacks = ["android"]\n'


def problems_of(documents: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(BadProfileError) as caught:
        parse_profiles(documents)
    return caught.value.problems


def test_a_device_gets_its_chip_and_its_ways_to_run_models():
    (profile,) = parse_profiles({"chips.toml": CHIP, "stacks.toml": STACK, "phones.toml": PHONE})
    assert profile.id == "one"
    assert profile.kind is Kind.PHONE
    assert profile.soc == Soc("chip", "Chip", cpu=(CpuCluster(4, "Cortex-A53", 1_400_000_000),))
    assert profile.supports == (Support("tflite", "tflite", Processor.CPU),)


def test_profiles_come_sorted_and_files_in_any_order():
    other = PHONE.replace("device.one", "device.aaa")
    documents = {"z.toml": CHIP, "b.toml": PHONE, "a.toml": STACK + other}
    found = parse_profiles(documents)
    assert [each.id for each in found] == ["aaa", "one"]
    assert found == parse_profiles(dict(reversed(documents.items())))


def test_a_way_that_two_stacks_share_counts_once():
    twice = STACK + STACK.replace("stack.android", "stack.more")
    document = CHIP + twice + PHONE.replace('["android"]', '["android", "more"]')
    assert len(parse_profiles({"all.toml": document})[0].supports) == 1


@pytest.mark.parametrize(
    ("file", "text", "wanted"),
    [
        pytest.param("x.toml", "[soc", ("x.toml: not TOML",), id="no TOML"),
        pytest.param("x.toml", PHONE + PHONE, ("x.toml: not TOML",), id="one id twice in a file"),
        pytest.param("x.toml", "[phone.x]\n", ("x.toml: unknown table 'phone'",), id="an unknown table"),
        pytest.param(
            "x.toml", "device = 5\n", ("x.toml: unknown table 'device'",), id="a table that is none"
        ),
        pytest.param("x.toml", "[device]\nx = 5\n", ("x.toml: device.x is not a table",), id="a bare device"),
        pytest.param(
            "x.toml", PHONE + "colour = 'red'\n", ("x.toml: device.one.colour:",), id="an unknown key"
        ),
        pytest.param(
            "x.toml", CHIP.replace("chip]", "c]") + "[soc.c.x]\n", ("x.toml: soc.c.x:",), id="a SoC's key"
        ),
        pytest.param(
            "x.toml",
            PHONE + "ram_bytes = 'much'\n",
            ("x.toml: device.one.ram_bytes:", "'much'"),
            id="a wrong type",
        ),
        pytest.param(
            "x.toml", PHONE.replace('"phone"', '"fridge"'), ("x.toml: device.one.kind:",), id="a new kind"
        ),
        pytest.param(
            "x.toml", PHONE.replace('"mid"', '"middle"'), ("x.toml: device.one.tier:",), id="a new tier"
        ),
        pytest.param(
            "x.toml", PHONE.replace('name = "One"\n', ""), ("x.toml: device.one.name:",), id="no name"
        ),
        pytest.param(
            "x.toml",
            PHONE.replace('soc = "chip"\n', ""),
            ("x.toml: device.one.soc: None is not the id of a soc",),
            id="no soc",
        ),
        pytest.param(
            "x.toml",
            PHONE.replace('"chip"', '"chop"'),
            ("x.toml: device.one.soc: 'chop' is not the id of a soc",),
            id="a soc nobody described",
        ),
        pytest.param(
            "x.toml",
            PHONE.replace('"chip"', "5"),
            ("x.toml: device.one.soc: 5 is not the id of a soc",),
            id="a soc that is a number",
        ),
        pytest.param(
            "x.toml",
            PHONE.replace('"android"', '"ios"'),
            ("x.toml: device.one.stacks: no stack 'ios'",),
            id="an unknown stack",
        ),
        pytest.param(
            "x.toml",
            PHONE.replace('["android"]', "5"),
            ("x.toml: device.one.stacks",),
            id="stacks that are no list",
        ),
        pytest.param(
            "x.toml",
            "[stack.s]\nsupports = 5\n",
            ("x.toml: stack.s.supports",),
            id="supports that is no list",
        ),
        pytest.param("x.toml", "[stack.s]\nways = 5\n", ("x.toml: stack.s.ways:",), id="a stack's key"),
        pytest.param(
            "x.toml",
            STACK.replace("stack.android", "stack.s").replace('"cpu"', '"tpu"'),
            ("x.toml: stack.s.supports[0].processor:",),
            id="a new processor",
        ),
        pytest.param(
            "x.toml",
            PHONE.replace("device.one", "device.two") + 'id = "three"\n',
            ("x.toml: device.two.id",),
            id="an id that contradicts its table's name",
        ),
    ],
)
def test_a_problem_is_named_with_its_file_and_key(file, text, wanted):
    found = problems_of({"good.toml": CHIP + STACK, file: text})
    assert len(found) == 1
    assert all(each in found[0] for each in wanted), found


@pytest.mark.parametrize(
    ("text", "name"),
    [(CHIP, "soc.chip"), (STACK, "stack.android"), (PHONE, "device.one")],
    ids=["a soc", "a stack", "a device"],
)
def test_a_name_used_in_two_files_is_named_with_both(text, name):
    documents = {"all.toml": CHIP + STACK + PHONE, "more.toml": text}
    assert problems_of(documents) == (f"more.toml: {name} is already in all.toml",)


def test_all_problems_of_all_files_come_at_once():
    documents = {
        "broken.toml": "[soc",
        "chips.toml": CHIP + "colour = 1\nyear = 'old'\n",
        "phones.toml": PHONE.replace('"chip"', '"nochip"').replace('"mid"', '"best"').replace("android", "x"),
        "again.toml": CHIP,
    }
    found = "\n".join(problems_of(documents))
    for wanted in (
        "broken.toml: not TOML",
        "chips.toml: soc.chip.colour",
        "chips.toml: soc.chip.year",
        "phones.toml: device.one.soc: 'nochip'",
        "phones.toml: device.one.tier",
        "phones.toml: device.one.stacks: no stack 'x'",
        "again.toml: soc.chip is already in chips.toml",
    ):
        assert wanted in found


def test_the_message_holds_every_problem():
    with pytest.raises(BadProfileError) as caught:
        parse_profiles({"a.toml": "[soc", "b.toml": "[soc"})
    assert len(caught.value.problems) == 2
    assert all(each in str(caught.value) for each in caught.value.problems)


def test_every_shipped_profile_survives_json():
    for profile in load_profiles():
        assert DeviceProfile.from_json(json.loads(json.dumps(asdict(profile)))) == profile


def test_every_shipped_profile_is_a_set_of_facts():
    for profile in load_profiles():
        facts = parse_facts(json.dumps(asdict(profile)), profile.id)
        assert (facts.id, facts.soc, facts.ram_bytes) == (profile.id, profile.soc, profile.ram_bytes)
        assert facts.clusters == profile.clusters
        assert facts.supports == profile.supports


def test_a_shown_device_is_a_set_of_facts_whatever_is_added_to_it():
    shown = {"id": "one", "matched_by": "id", "measured": [{"rows": 3}], "same_soc": [{"device": "two"}]}
    assert parse_facts(json.dumps(shown), "x") == DeviceFacts(id="one")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        pytest.param('{"name": "Pixel 3"}', DeviceFacts(name="Pixel 3"), id="a name"),
        pytest.param('{"soc": "sdm845"}', DeviceFacts(soc="sdm845"), id="a chip"),
        pytest.param(
            '{"soc": {"id": "x", "name": "X"}}', DeviceFacts(soc=Soc("x", "X")), id="a chip in full"
        ),
        pytest.param(
            '{"kind": "mcu", "memory": {"sram": 65536}}',
            DeviceFacts(kind=Kind.MCU, memory={"sram": 65536}),
            id="a microcontroller's memory",
        ),
        pytest.param(
            '{"cpu": [{"cores": 4, "core": "Cortex-A53"}]}',
            DeviceFacts(cpu=(CpuCluster(4, "Cortex-A53"),)),
            id="cores without a clock",
        ),
    ],
)
def test_facts_are_read(text, facts):
    assert parse_facts(text, "probe.json") == facts


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("no json", ("not JSON",), id="no JSON"),
        pytest.param("", ("not JSON",), id="nothing"),
        pytest.param('{"name": "x"', ("not JSON",), id="cut off"),
        pytest.param("{}", ("no fact given",), id="no fact"),
        pytest.param('{"name": ""}', ("no fact given",), id="an empty name"),
        pytest.param('{"kind": "phone"}', ("no fact given",), id="nothing but its kind"),
        pytest.param('{"measured": []}', ("no fact given",), id="nothing but what is left out"),
        pytest.param('{"name": "x", "colour": 1}', ("colour:",), id="an unknown key"),
        pytest.param('{"ram_bytes": "much"}', ("ram_bytes:", "'much'"), id="memory in words"),
        pytest.param('{"ram_bytes": 1e999}', ("ram_bytes:",), id="infinite memory"),
        pytest.param('{"ram_bytes": NaN}', ("ram_bytes:",), id="memory that is no number"),
        pytest.param('{"ram_bytes": -5}', ("ram_bytes",), id="less than no memory"),
        pytest.param('{"memory": {"sram": -1}}', ("memory",), id="less than no region"),
        pytest.param('{"cpu": [{"cores": -4, "core": "x"}]}', ("cpu",), id="less than no cores"),
        pytest.param(
            '{"cpu": [{"cores": 4, "core": "x", "clock_hz": -1}]}', ("cpu",), id="a clock that runs back"
        ),
        pytest.param('{"kind": "server", "ram_bytes": 5}', ("kind:", "server"), id="a kind that is none"),
        pytest.param('{"name": 5}', ("name:",), id="a name that is a number"),
        pytest.param('{"cpu": [{"cores": 4}]}', ("cpu.0.core:",), id="cores without a name"),
        pytest.param('{"cpu": "fast"}', ("cpu:", "'fast'"), id="a CPU in words"),
        pytest.param('{"ram_bytes": 1' + "0" * 5000 + "}", ("JSON",), id="a number of 5001 digits"),
        pytest.param("[" * 100_000, ("JSON",), id="brackets without end"),
    ],
)
def test_bad_facts_are_refused_with_the_key(text, wanted):
    with pytest.raises(BadProfileError) as caught:
        parse_facts(text, "probe.json")
    assert "bad device profile 'probe.json': " in str(caught.value)
    assert all(each in str(caught.value) for each in wanted), str(caught.value)


@pytest.mark.parametrize("text", ["[1]", '"x"', "null", "5", "true"])
def test_json_that_is_no_object_is_named_in_plain_words(text):
    with pytest.raises(BadProfileError) as caught:
        parse_facts(text, "probe.json")
    assert caught.value.problems
    assert not any(each.startswith((":", ".", " ")) for each in caught.value.problems), caught.value.problems


def test_all_problems_of_a_set_of_facts_come_at_once():
    text = '{"colour": 1, "ram_bytes": "much", "cpu": [{"cores": "x"}], "kind": "server"}'
    with pytest.raises(BadProfileError) as caught:
        parse_facts(text, "probe.json")
    for key in ("colour", "ram_bytes", "cpu.0.cores", "cpu.0.core", "kind"):
        assert any(each.startswith(f"{key}:") for each in caught.value.problems), key


def test_facts_are_read_from_a_file(tmp_path):
    path = tmp_path / "probe.json"
    path.write_text('{"name": "Pixel 3"}', encoding="utf-8")
    assert read_facts(path) == DeviceFacts(name="Pixel 3")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.json", None, "cannot be read (No such file or directory)"),
        ("folder.json", "folder", "cannot be read (Is a directory)"),
        ("bytes.json", b"\xff\xfe\x00", "cannot be read (not UTF-8 text)"),
    ],
    ids=["a missing file", "a folder", "a file that is no text"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content, reason):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(BadProfileError) as caught:
        read_facts(path)
    assert str(caught.value) == f"bad device profile '{path}': {reason}"
