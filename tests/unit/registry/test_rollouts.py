"""The rule of rollouts: buckets as chance would deal them, shares exact, answers kept, the same in another language."""

import importlib.util
import json
import re
import shutil
import subprocess
from math import sqrt
from pathlib import Path
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_profiles.profile import Kind, Tier
from registry.channels import Event, Verb, replay
from registry.rollouts import (
    BUCKETS,
    EVERYONE,
    Because,
    Channel,
    DeviceClass,
    Rollout,
    Share,
    bucket,
    class_of,
    decide,
    from_json,
    parse_class,
    parse_percent,
    percent,
    to_json,
)
from tests.builders import device
from zoo.errors import UnknownNameError, UsageError

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "docs" / "rollouts.json"
SALT, OTHER_SALT = "0f3c9a7e-stable", "5d41402abc4b2a76"
MANY = 1_000_000

LAWS = settings(derandomize=True, max_examples=300, deadline=None)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
SALTS = st.text("0123456789abcdef", min_size=8, max_size=16)
CLASSES = st.builds(
    DeviceClass,
    st.sampled_from([None, *list(Kind)[:2]]),
    st.sampled_from([None, *list(Tier)[:2]]),
    st.sampled_from(["", "sdm845", "gs101"]),
    st.sampled_from(["", "pixel3", "board"]),
)
SHARES = st.builds(Share, st.integers(0, BUCKETS) | st.sampled_from([0, BUCKETS]), CLASSES)


def upper_tail(statistic: float, freedom: int) -> float:
    """The chance of a chi-squared statistic at least this large (Wilson and Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    return 1 - NormalDist().cdf(((statistic / freedom) ** (1 / 3) - (1 - spread)) / sqrt(spread))


def chi_squared(counts) -> float:
    even = sum(counts) / len(counts)
    return sum((each - even) ** 2 for each in counts) / even


# ---- buckets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "found"), [("device-0", 7460), ("a1b2c3", 9055), ("gerät 7", 8078)]
)  # by sha256sum and bc, as docs/rollouts.md shows
def test_a_bucket_by_hand(key, found):
    assert bucket(SALT, key) == found


@pytest.mark.parametrize(("statistic", "freedom", "chance"), [(16.919, 9, 0.05), (135.807, 99, 0.0081)])
def test_the_tail_of_chi_squared_is_that_of_the_tables(statistic, freedom, chance):
    assert upper_tail(statistic, freedom) == pytest.approx(chance, abs=3e-4)


# 2 tests for each of 4 families of keys, so p is held against .01 over 8, at both ends: too even is no chance either.
@pytest.mark.parametrize(
    "key",
    [
        pytest.param(lambda number: f"device-{number}", id="numbered, a million"),
        pytest.param(lambda number: f"{number * 2654435761 % 2**64:016x}", id="hexadecimal"),
        pytest.param(lambda number: f"SN{number * 1000:012}", id="serial numbers with gaps"),
        pytest.param(lambda number: "é" * 50 + str(number), id="long and alike"),
    ],
)
def test_keys_of_all_kinds_fall_into_the_buckets_as_by_chance(key, request):
    many = MANY if "million" in request.node.name else MANY // 5
    counts = [0] * BUCKETS
    for number in range(many):
        counts[bucket(SALT, key(number))] += 1
    in_percents = [sum(counts[each : each + 100]) for each in range(0, BUCKETS, 100)]
    for found in (counts, in_percents):
        chance = upper_tail(chi_squared(found), len(found) - 1)
        assert 0.01 / 8 < chance < 1 - 0.01 / 8


def test_two_salts_deal_independently():
    cells = [0] * 10_000
    both = 0
    for number in range(MANY // 2):
        one, other = bucket(SALT, f"device-{number}"), bucket(OTHER_SALT, f"device-{number}")
        cells[one // 100 * 100 + other // 100] += 1
        both += one < 1000 and other < 1000
    assert 0.01 < upper_tail(chi_squared(cells), len(cells) - 1) < 0.99
    assert both / (MANY // 2) == pytest.approx(0.01, abs=5 * sqrt(0.01 / (MANY // 2)))


@LAWS
@given(SALTS, KEYS)
def test_a_device_has_one_bucket(salt, key):
    assert bucket(salt, key) == bucket(salt, key)
    assert 0 <= bucket(salt, key) < BUCKETS


@pytest.mark.parametrize("key", ["", "k" * 257, "\ud800"])
def test_what_cannot_be_a_key_is_refused(key):
    with pytest.raises(UsageError, match="device key"):
        bucket(SALT, key)


# ---- percentages and classes --------------------------------------------------------------------------------------


@LAWS
@given(st.integers(0, BUCKETS))
def test_every_number_of_buckets_is_a_percentage_and_back(buckets):
    assert parse_percent(percent(buckets)) == buckets


@pytest.mark.parametrize("buckets", [0, 1, 500, 1234, 9999, BUCKETS])
def test_a_share_has_exactly_its_buckets(buckets):
    rollout = Rollout("r", SALT, (Share(buckets),))
    keys = {bucket(SALT, f"device-{number}"): f"device-{number}" for number in range(200_000)}
    assert len(keys) == BUCKETS
    assert sum(rollout.admits(key, DeviceClass()) for key in keys.values()) == buckets


@LAWS
@given(CLASSES)
def test_a_class_reads_as_it_is_written(one):
    assert one == (parse_class(str(one)) if one.facts else DeviceClass())
    assert DeviceClass().includes(one)
    assert one.includes(one)


@pytest.mark.parametrize(
    ("text", "includes"),
    [("kind=phone", True), ("kind=phone, tier=mid", True), ("tier=high", False), ("soc=chip", True),
     ("device=phone", True), ("device=phon", False), ("kind=mcu", False)],
)  # fmt: skip
def test_a_device_is_in_the_classes_that_its_profile_says(text, includes):
    assert parse_class(text).includes(class_of(device())) is includes


def test_a_device_of_which_a_fact_is_unknown_is_in_no_class_that_asks_for_it():
    assert not parse_class("kind=phone,tier=high").includes(parse_class("kind=phone"))


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", UsageError, "no class of devices"),
        ("phone", UsageError, "no class of devices"),
        ("soc=", UsageError, "no class of devices"),
        ("kind=phone,kind=mcu", UsageError, "no class of devices"),
        ("kind=fone", UnknownNameError, "unknown kind 'fone'. Did you mean 'phone'"),
        ("size=large", UnknownNameError, "Give one of: kind, tier, soc, device"),
    ],
)
def test_what_is_no_class_is_refused_in_one_line(text, error, says):
    with pytest.raises(error, match=re.escape(says)) as caught:
        parse_class(text)
    assert "\n" not in str(caught.value)


# ---- answers ------------------------------------------------------------------------------------------------------


@LAWS
@given(
    st.lists(SHARES, max_size=3), st.lists(SHARES, max_size=3), st.integers(0, BUCKETS), SALTS, KEYS, CLASSES
)
def test_what_covers_a_share_never_drops_a_device(before, more, raised, salt, key, facts):
    after = [Share(max(each.buckets, raised), each.device_class) for each in before] + more
    assert all(any(new.covers(old) for new in after) for old in before)
    if Rollout("r", salt, tuple(before)).admits(key, facts):
        assert Rollout("r", salt, tuple(after)).admits(key, facts)


@LAWS
@given(SHARES, SHARES, KEYS, CLASSES)
def test_a_share_that_covers_another_admits_whoever_that_admits(one, other, key, facts):
    if one.covers(other) and Rollout("r", SALT, (other,)).admits(key, facts):
        assert Rollout("r", SALT, (one,)).admits(key, facts)


@LAWS
@given(st.lists(SHARES, max_size=4), st.randoms(use_true_random=False), KEYS, CLASSES)
def test_the_order_of_shares_does_not_matter(shares, rng, key, facts):
    shuffled = list(shares)
    rng.shuffle(shuffled)
    assert Rollout("r", SALT, tuple(shares)).admits(key, facts) == Rollout("r", SALT, tuple(shuffled)).admits(
        key, facts
    )


@LAWS
@given(SHARES, CLASSES, KEYS)
def test_a_device_without_a_key_gets_what_all_of_its_class_get(share, facts, key):
    rollout = Rollout("r", SALT, (share,))
    assert rollout.admits("", facts) == (rollout.limit(facts) == BUCKETS)
    if rollout.admits("", facts):
        assert rollout.admits(key, facts)


def test_an_empty_channel_has_nothing():
    assert decide(Channel(), "device-0", DeviceClass()).because is Because.NOTHING


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Share(-1), "0 to 10000 buckets"),
        (lambda: Share(BUCKETS + 1), "0 to 10000 buckets"),
        (lambda: Rollout("", SALT), "no name of a release"),
        (lambda: Rollout("a\nb", SALT), "no name of a release"),
        (lambda: Rollout("r" * 201, SALT), "no name of a release"),
        (lambda: Rollout("r", "short"), "no salt"),
        (lambda: Rollout("r", "with:colon"), "no salt"),
    ],
)
def test_what_cannot_be_is_not_built(build, says):
    with pytest.raises(UsageError, match=says):
        build()


# ---- as text ------------------------------------------------------------------------------------------------------


@LAWS
@given(st.lists(st.builds(Rollout, KEYS.filter(str.isprintable), SALTS,
                          st.lists(SHARES, max_size=3).map(tuple), st.booleans()), max_size=4))  # fmt: skip
def test_a_rule_reads_as_it_is_written(rollouts):
    channel = Channel(tuple(rollouts))
    assert from_json(json.dumps(to_json(channel))) == channel


GOOD = '{"release": "r", "salt": "0f3c9a7e", "shares": [{"buckets": 5}]}'


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "\ud800", '{"rollouts":' + "[" * 100_000, '{"rollouts": {}}', '{"rollouts": [], "more": 1}',
        '{"rollouts": [' + GOOD.replace("5", "true") + "]}", '{"rollouts": [' + GOOD.replace("5", "10001") + "]}",
        '{"rollouts": [' + GOOD.replace("5", "5.5") + "]}", '{"rollouts": [' + GOOD.replace("5", "1" * 5000) + "]}",
        '{"rollouts": [' + GOOD.replace("5}", '5, "device_class": {"kind": "fone"}}') + "]}",
        '{"rollouts": [' + GOOD.replace("0f3c9a7e", "a:b:c:d:e") + "]}",
    ],
    ids=range(12),
)  # fmt: skip
def test_a_text_that_is_no_rule_is_refused_in_one_line(text):
    with pytest.raises(UsageError) as caught:
        from_json(text)
    assert "\n" not in str(caught.value)


def test_the_good_text_of_those_is_a_rule():
    assert from_json(f'{{"rollouts": [{GOOD}]}}').rollouts == (Rollout("r", "0f3c9a7e", (Share(5),)),)


# ---- the published cases ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vectors():
    return json.loads(VECTORS.read_text(encoding="utf-8"))


def test_the_published_cases_are_those_of_the_script():
    path = ROOT / "benchmarks" / "rollout_vectors.py"
    spec = importlib.util.spec_from_file_location("rollout_vectors", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.text() == VECTORS.read_text(encoding="utf-8"), "make rollouts writes them anew"


def test_the_published_cases_hold(vectors):
    for case in vectors["buckets"]:
        assert bucket(case["salt"], case["key"]) == case["bucket"]
    channels = [from_json(json.dumps(each)) for each in vectors["channels"]]
    for case in vectors["decisions"]:
        facts = parse_class(",".join(f"{name}={fact}" for name, fact in case["facts"].items()))
        found = decide(channels[case["channel"]], case["key"], facts, case["installed"])
        assert (found.release, found.because) == (case["release"], case["because"])


def test_the_published_histories_hold(vectors):
    for case in vectors["histories"]:
        if case["channel"] is not None:
            shares = lambda told: from_json(  # noqa: E731 - shares are read with their rollout
                json.dumps({"rollouts": [{"release": "r", "salt": SALT, "shares": told}]})
            ).rollouts[0].shares  # fmt: skip
            events = [Event(Verb(each["verb"]), each["release"], "", "", each["salt"], shares(each["shares"]))
                      for each in case["events"]]  # fmt: skip
            assert to_json(replay(events)) == case["channel"], case["story"]


def test_every_reason_and_both_sides_of_the_limits_are_among_the_cases(vectors):
    assert {case["because"] for case in vectors["decisions"]} == set(Because)
    for salt in {case["salt"] for case in vectors["buckets"]} & {SALT, OTHER_SALT}:
        ends = {case["bucket"] for case in vectors["buckets"] if case["salt"] == salt}
        assert ends >= {0, 1, 99, 100, BUCKETS - 1}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not on this machine")
def test_the_javascript_of_the_page_answers_the_published_cases(tmp_path):
    page = (ROOT / "docs" / "rollouts.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```js\n(.*?)```", page, flags=re.DOTALL)
    check = """
    const cases = JSON.parse(require("node:fs").readFileSync(process.argv[2], "utf8"));
    let right = 0, wrong = 0;
    const count = (same) => same ? right++ : wrong++;
    for (const each of cases.buckets) count(bucket(each.salt, each.key) === each.bucket);
    for (const each of cases.classes) count(includes(each.class, each.facts) === each.includes);
    for (const each of cases.decisions)
      count(decide(cases.channels[each.channel], each.key, each.facts, each.installed) === each.release);
    console.log(JSON.stringify([right, wrong]));
    """
    script = tmp_path / "check.js"
    script.write_text(shown + check, encoding="utf-8")
    done = subprocess.run(
        ["node", str(script), str(VECTORS)], capture_output=True, text=True, check=True, timeout=60
    )
    cases = json.loads(VECTORS.read_text(encoding="utf-8"))
    total = sum(len(cases[part]) for part in ("buckets", "classes", "decisions"))
    assert json.loads(done.stdout) == [total, 0]


def test_everyone_is_every_bucket_of_every_device():
    assert EVERYONE.covers(Share(BUCKETS, parse_class("soc=sdm845")))
    assert str(EVERYONE) == "100 % of every device"
