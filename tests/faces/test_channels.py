"""zoo promote, rollout, halt, resume, rollback and channels, and what zoo pick gives a device of a channel."""

import json
import shutil

import pytest

from registry.reader import Reader, shipped_registry
from registry.values import Availability

MODEL = "spoken-digits"


@pytest.fixture(scope="module")
def held():
    """Variants that can be released, the largest first."""
    with Reader(shipped_registry()) as opened:
        found = [
            each for each in opened.variants(MODEL, specs=False).values()
            if each.availability is Availability.HELD and each.format == "tflite"
        ]  # fmt: skip
    return [each.name for each in sorted(found, key=lambda one: -one.size_bytes)]


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.db"
    shutil.copy(shipped_registry(), path)
    return path


@pytest.fixture
def zoo(cli, own):
    return lambda *arguments: cli(*arguments, "--registry", str(own))


def on(channel, *arguments):
    return (*arguments, "-m", MODEL, "-c", channel)


def picked(zoo, channel, *arguments):
    found = json.loads(
        zoo(
            "pick",
            "-d",
            "pixel3",
            "-m",
            MODEL,
            "--channel",
            channel,
            "--max-latency-ms",
            "1000",
            "--json",
            *arguments,
        ).out
    )
    return found["picks"][0]["variant"] if found["picks"] else None


def test_a_promoted_release_is_what_every_device_chooses_from(zoo, held):
    assert zoo(*on("stable", "promote"), held[-1]).code == 0
    assert picked(zoo, "stable") == held[-1]
    assert zoo(*on("stable", "promote"), held[0], held[-1], "--release", "two").code == 0
    state = json.loads(zoo("channels", "-m", MODEL, "--json").out)[0]
    assert state["rollouts"][-1]["release"] == "two"
    assert state["releases"]["two"] == sorted([held[0], held[-1]])
    assert [each["verb"] for each in state["history"]] == ["release", "release"]
    assert zoo(*on("stable", "rollback")).code == 0
    assert picked(zoo, "stable") == held[-1]


def test_a_share_of_the_devices_gets_it_and_raising_it_drops_none(zoo, held):
    zoo(*on("beta", "promote"), held[-1], "--release", "old")
    assert zoo(*on("beta", "rollout"), held[0], "--release", "new", "--percent", "20").code == 0
    keys = [f"device-{number}" for number in range(12)]
    before = {key for key in keys if picked(zoo, "beta", "--key", key) == held[0]}
    assert zoo(*on("beta", "rollout"), "--release", "new", "--percent", "60").code == 0
    after = {key for key in keys if picked(zoo, "beta", "--key", key) == held[0]}
    assert before < after < set(keys)
    assert zoo(*on("beta", "halt")).code == 0
    assert {picked(zoo, "beta", "--key", key) for key in keys} == {held[-1]}
    assert zoo(*on("beta", "resume")).code == 0
    assert {key for key in keys if picked(zoo, "beta", "--key", key) == held[0]} == after
    lower = zoo(*on("beta", "rollout"), "--release", "new", "--percent", "10")
    assert (lower.code, "shares only rise" in lower.err) == (1, True)


def test_a_class_of_devices_gets_it_first(zoo, held):
    zoo(*on("beta", "promote"), held[-1], "--release", "old")
    zoo(*on("beta", "rollout"), held[0], "--release", "new", "--percent", "100", "--to", "soc=sdm845")
    assert picked(zoo, "beta") == held[0]
    other = json.loads(
        zoo(
            "pick", "-d", "pixel4", "-m", MODEL, "--channel", "beta", "--max-latency-ms", "1000", "--json"
        ).out
    )
    assert other["picks"][0]["variant"] == held[-1]


def test_a_protected_channel_takes_only_what_another_had(zoo, held):
    zoo(*on("stable", "promote"), held[-1])
    assert "protected" in zoo(*on("stable", "channels"), "--protect").out
    direct = zoo(*on("stable", "promote"), held[0])
    assert (direct.code, "is protected" in direct.err) == (1, True)
    zoo(*on("beta", "promote"), held[0], "--release", "new")
    assert zoo(*on("stable", "promote"), "--from", "beta").code == 0
    assert picked(zoo, "stable") == held[0]


def test_a_channel_that_offers_nothing_gives_nothing(zoo, held):
    zoo(*on("beta", "rollout"), held[0], "--percent", "50")
    result = zoo("pick", "-d", "pixel3", "-m", MODEL, "--channel", "beta")  # no key: it is in no share
    assert result.code == 3
    unknown = zoo("pick", "-d", "pixel3", "--channel", "stabel")
    assert (unknown.code, "stabel" in unknown.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("promote", "nobody.tflite"), 2, "nobody.tflite"),
        (("promote",), 2, "say what is released"),
        (("promote", "--release", "unheard-of"), 2, "unheard-of"),
        (("rollout", "--percent", "101", "x"), 2, "no percentage"),
        (("rollout", "--percent", "5", "--to", "colour=red", "x"), 2, "colour"),
        (("halt",), 2, "stable"),
    ],
)
def test_what_makes_no_sense_changes_nothing(zoo, own, arguments, code, words):
    before = own.read_bytes()
    result = zoo(*on("stable", *arguments))
    assert (result.code, own.read_bytes() == before) == (code, True)
    assert words in result.err


def test_what_is_not_held_or_was_withdrawn_is_not_released(zoo, held, own):
    with Reader(own) as opened:
        catalogued = next(each for each in opened.variants("imagenet-classifier", specs=False).values())
    result = zoo("promote", catalogued.name, "-m", "imagenet-classifier", "-c", "stable")
    assert (result.code, "its file is only" in result.err) == (1, True)
    zoo("yank", held[0], "--reason", "wrong")
    result = zoo(*on("stable", "promote"), held[0])
    assert (result.code, "was withdrawn" in result.err) == (1, True)
