"""A channel is what its events make of it: what is refused, and that devices keep their answers through it all."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.channels import Event, Verb, after, for_everyone, replay
from registry.rollouts import BUCKETS, EVERYONE, Channel, DeviceClass, Rollout, Share, decide, parse_class
from zoo.errors import ConflictError, UsageError

SALTS = [f"{number:016x}" for number in range(100)]
ALL, PHONES, BOARDS = DeviceClass(), parse_class("kind=phone"), parse_class("kind=mcu")


def event(verb, release, salt="", buckets=None, of=ALL) -> Event:
    shares = () if buckets is None else (Share(buckets, of),)
    return Event(verb, release, "2026-12-01T12:00:00Z", "somebody", salt, shares)


FIRST = event(Verb.RELEASE, "r1", SALTS[1], BUCKETS)
SECOND = event(Verb.RELEASE, "r2", SALTS[2], 500)
BEGUN = replay([FIRST, SECOND])
HALTED = after(BEGUN, event(Verb.HALT, "r2"))
DONE = after(BEGUN, event(Verb.RAISE, "r2", buckets=BUCKETS))


# ---- one event ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "happened", "newest"),
    [
        pytest.param(Channel(), FIRST, Rollout("r1", SALTS[1], (EVERYONE,)), id="a promotion"),
        pytest.param(Channel(), SECOND, Rollout("r2", SALTS[2], (Share(500),)), id="a first release by percentage"),
        pytest.param(BEGUN, event(Verb.RAISE, "r2", buckets=501), Rollout("r2", SALTS[2], (Share(501),)), id="raised"),
        pytest.param(BEGUN, event(Verb.RAISE, "r2", buckets=500), BEGUN.newest, id="raised to what it was"),
        pytest.param(BEGUN, event(Verb.HALT, "r2"), Rollout("r2", SALTS[2], (Share(500),), halted=True), id="halted"),
        pytest.param(HALTED, event(Verb.HALT, "r2"), HALTED.newest, id="halted twice"),
        pytest.param(HALTED, event(Verb.RESUME, "r2"), BEGUN.newest, id="resumed: the same devices as before"),
        pytest.param(DONE, event(Verb.HALT, "r2"), Rollout("r2", SALTS[2], (EVERYONE,), halted=True), id="halted late"),
        pytest.param(BEGUN, event(Verb.ROLLBACK, "r2"), BEGUN.rollouts[0], id="rolled back half way"),
        pytest.param(DONE, event(Verb.ROLLBACK, "r2"), BEGUN.rollouts[0], id="rolled back at 100 %"),
        pytest.param(HALTED, event(Verb.ROLLBACK, "r2"), BEGUN.rollouts[0], id="rolled back when halted"),
        pytest.param(replay([FIRST]), event(Verb.ROLLBACK, "r1"), None, id="the first release rolled back"),
        pytest.param(HALTED, event(Verb.RELEASE, "r3", SALTS[3], 5), Rollout("r3", SALTS[3], (Share(5),)), id="a fix"),
    ],
)  # fmt: skip
def test_what_happens_to_the_newest_release(channel, happened, newest):
    assert after(channel, happened).newest == newest


@pytest.mark.parametrize(
    ("channel", "happened", "says"),
    [
        (BEGUN, event(Verb.RAISE, "r2", buckets=499), "'r2' is at 5 % of every device, and devices that have it"),
        (BEGUN, event(Verb.RAISE, "r2", buckets=BUCKETS, of=PHONES), "shares only rise"),
        (HALTED, event(Verb.RAISE, "r2", buckets=600), "'r2' is halted: resume it or roll it back"),
        (BEGUN, event(Verb.RELEASE, "r3", SALTS[3], 5), "'r2' is on its way (5 % of every device): raise it to 100"),
        (DONE, event(Verb.RELEASE, "r1", SALTS[3], 5), "'r1' is on this channel"),
        (DONE, event(Verb.RELEASE, "r3", SALTS[1], 5), "every rollout needs its own"),
        (BEGUN, event(Verb.HALT, "r1"), "cannot halt 'r1' on this channel: its newest release is 'r2'"),
        (BEGUN, event(Verb.ROLLBACK, "r1"), "its newest release is 'r2'"),
        (Channel(), event(Verb.RESUME, "r1"), "nothing is released on it"),
    ],
)  # fmt: skip
def test_what_cannot_happen_is_refused_in_one_line(channel, happened, says):
    with pytest.raises(ConflictError, match=re.escape(says)) as caught:
        after(channel, happened)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("verb", "salt", "shares", "says"),
    [
        (Verb.RELEASE, "", (EVERYONE,), "'release' needs a salt"),
        (Verb.RELEASE, SALTS[0], (), "'release' needs shares"),
        (Verb.RAISE, "", (), "'raise' needs shares"),
        (Verb.RAISE, SALTS[0], (EVERYONE,), "'raise' has no salt"),
        (Verb.HALT, "", (EVERYONE,), "'halt' has no shares"),
        (Verb.ROLLBACK, SALTS[0], (), "'rollback' has no salt"),
    ],
)
def test_an_event_is_whole(verb, salt, shares, says):
    with pytest.raises(UsageError, match=says):
        Event(verb, "r1", "2026-12-01T12:00:00Z", "somebody", salt, shares)


def test_two_people_who_roll_back_at_once_roll_back_one_release():
    once = after(DONE, event(Verb.ROLLBACK, "r2"))
    with pytest.raises(ConflictError, match="its newest release is 'r1'"):
        after(once, event(Verb.ROLLBACK, "r2"))


def test_a_promotion_is_a_release_for_everyone():
    assert replay([for_everyone("r1", SALTS[1], FIRST.at, FIRST.by)]) == replay([FIRST])


# ---- any history --------------------------------------------------------------------------------------------------

DEVICES = {f"device-{number}": PHONES if number % 3 else BOARDS for number in range(15)}
STEPS = st.lists(
    st.tuples(
        st.integers(0, 5),  # which of the verbs that can happen then
        st.sampled_from([BUCKETS, 0, 1000, 5000, BUCKETS]),
        st.sampled_from([ALL, ALL, PHONES]),
        st.sets(st.sampled_from(sorted(DEVICES))),  # who asks afterwards
    ),
    min_size=1,
    max_size=25,
)


def possible(channel) -> tuple[Verb, ...]:
    newest = channel.newest
    if newest is None:
        return (Verb.RELEASE,)
    if newest.halted:
        return (Verb.RESUME, Verb.ROLLBACK, Verb.RELEASE)
    return (Verb.RELEASE if newest.is_complete else Verb.RAISE, Verb.RAISE, Verb.HALT, Verb.ROLLBACK)


def events_of(steps):
    """The events that the steps are, and the channel before and after each; a raise that is refused did not happen."""
    channel, happened = Channel(), []
    for number, (choice, buckets, of, asking) in enumerate(steps):
        before, verbs = channel, possible(channel)
        verb = verbs[choice % len(verbs)]
        if verb is Verb.RELEASE:
            told = event(verb, f"r{number}", SALTS[number], buckets, of)
        elif verb is Verb.RAISE:
            told = event(verb, before.newest.release, buckets=buckets, of=of)
        else:
            told = event(verb, before.newest.release)
        try:
            channel = after(before, told)
        except ConflictError:
            assert verb is Verb.RAISE
            continue
        happened.append((told, before, channel, asking))
    return happened


LAWS = settings(derandomize=True, max_examples=200, deadline=None)


@LAWS
@given(STEPS)
def test_a_device_leaves_a_release_only_for_a_newer_one_or_when_it_is_rolled_back(steps):
    installed = dict.fromkeys(DEVICES, "")
    for _, _, channel, asking in events_of(steps):
        order = [each.release for each in channel.rollouts]
        for key in asking:
            had, gets = installed[key], decide(channel, key, DEVICES[key], installed[key]).release
            if had in order:
                assert gets is not None
                assert order.index(gets) >= order.index(had)
            installed[key] = gets or ""


@LAWS
@given(STEPS)
def test_nobody_whom_a_rollout_admitted_is_dropped_while_it_runs(steps):
    admitted: dict[str, set[str]] = {}
    for _, _, channel, _ in events_of(steps):
        newest = channel.newest
        if newest and not newest.halted:
            now = {key for key in DEVICES if decide(channel, key, DEVICES[key]).release == newest.release}
            assert now >= admitted.get(newest.release, set())
            admitted[newest.release] = now


@LAWS
@given(STEPS, st.sampled_from(["", "r0", "r1", "r2"]))
def test_halted_means_nobody_new_and_nobody_dropped(steps, installed):
    for told, before, channel, _ in events_of(steps):
        if told.verb is Verb.HALT:
            for key, facts in DEVICES.items():
                has = decide(channel, key, facts, told.release)
                assert has.release == told.release
                if installed != told.release:
                    below = Channel(channel.rollouts[:-1])
                    assert decide(channel, key, facts, installed) == decide(below, key, facts, installed)
        if told.verb is Verb.RESUME and before.newest.halted:
            assert after(before, told) == channel
            assert channel.newest.shares == before.newest.shares


@LAWS
@given(STEPS, st.sampled_from(["", "r0", "r1", "r2"]))
def test_a_rollback_gives_everyone_what_there_was_before_the_release(steps, installed):
    was: dict[str, Channel] = {}
    for told, before, channel, _ in events_of(steps):
        if told.verb is Verb.RELEASE:
            was[told.release] = before
        if told.verb is Verb.ROLLBACK:
            assert channel == was[told.release]
            answers = [decide(channel, key, facts, installed).release for key, facts in DEVICES.items()]
            assert told.release not in answers
            complete = channel.newest and channel.newest.is_complete
            assert not complete or set(answers) == {channel.newest.release}


@LAWS
@given(STEPS)
def test_a_client_needs_no_more_than_what_is_reachable(steps):
    for _, _, channel, _ in events_of(steps):
        for key, facts in DEVICES.items():
            for installed in ("", *(each.release for each in channel.rollouts)):
                assert decide(channel.reachable, key, facts, installed) == decide(
                    channel, key, facts, installed
                )


@LAWS
@given(STEPS)
def test_the_events_alone_make_the_channel_again(steps):
    happened = events_of(steps)
    assert replay(told for told, *_ in happened) == (happened[-1][2] if happened else Channel())


def test_the_histories_reach_what_the_laws_speak_of():
    reached = set()

    @LAWS
    @given(STEPS)
    def look(steps):
        for told, before, *_ in events_of(steps):
            if before.newest:
                reached.add(
                    (told.verb, len(before.rollouts) > 1, before.newest.halted, before.newest.is_complete)
                )

    look()
    running = {
        (verb, deep, False, False)
        for verb in (Verb.RAISE, Verb.HALT, Verb.ROLLBACK)
        for deep in (False, True)
    }
    complete = {
        (verb, deep, False, True)
        for verb in (Verb.RELEASE, Verb.HALT, Verb.ROLLBACK)
        for deep in (False, True)
    }
    halted = {
        (verb, deep, True, False)
        for verb in (Verb.RELEASE, Verb.RESUME, Verb.ROLLBACK)
        for deep in (False, True)
    }
    assert reached >= running | complete | halted
