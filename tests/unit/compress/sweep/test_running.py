"""What a sweep makes does not depend on what ends when; what fails takes only its dependants with it."""

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from compress.sweep.progress import Pace, Progress
from compress.sweep.running import run
from compress.sweep.stages import Stage, ordered
from compress.sweep.store import Store
from tests.unit.compress.sweep.graphs import Scripted, graphs, lost


@settings(deadline=None, max_examples=60)
@given(graphs(), st.integers(1, 3), st.data())
def test_a_sweep_makes_all_but_what_builds_on_what_failed(stages, slots, data):
    failing = (
        set(data.draw(st.lists(st.sampled_from([each.key for each in stages]), unique=True)))
        if stages
        else set()
    )
    executor = Scripted(slots, failing, lambda running: data.draw(st.sampled_from(running)))
    heard: list[Progress] = []
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)).locked() as store:
        outcome = run(stages, "unused:unused", store, executor, heard.append)
        held = {each.key for each in stages if store.holds(each.key)}
        again = run(stages, "unused:unused", store, Scripted(slots, failing, lambda running: running[0]))
    skipped = lost(stages, failing)
    made = {each.key for each in stages} - skipped - failing
    assert {each.key for each in outcome.finished} == {each.key for each in outcome.made} == made == held
    started = [each.key for each in executor.started]
    assert sorted(started) == sorted(made | (failing - skipped))  # each once, and nothing for nothing
    assert {each.stage.key for each in outcome.missed} == failing | skipped
    assert all((each.log is None) == (each.stage.key in skipped) for each in outcome.missed)
    assert all("skipped: its parent '" in each.reason for each in outcome.missed if each.log is None)
    assert executor.most <= slots
    assert again.made == ()
    assert again.finished == outcome.finished
    assert [each.stage for each in again.missed] == [each.stage for each in outcome.missed]
    assert (heard[-1].done, heard[-1].failed, heard[-1].running) == (len(made), len(outcome.missed), ())
    assert all(one.done <= other.done for one, other in pairwise(heard))


def test_a_slot_that_is_free_is_used(tmp_path):
    stages = [Stage("mix", f"{number}", {"number": number}) for number in range(5)]
    executor = Scripted(3, set(), lambda running: running[0])
    with Store(tmp_path).locked() as store:
        run(stages, "unused:unused", store, executor)
    assert executor.most == 3
    assert executor.started == list(ordered(stages))


def test_the_time_left_comes_from_stages_of_the_same_pace():
    pace = Pace()
    fast, slow = (Stage("step", name, {"n": name}, weight=10, pace=name) for name in ("fast", "slow"))
    other, kind = Stage("step", "x", {"n": 3}, weight=2, pace="new"), Stage("emit", "y", {"n": 4}, weight=1)
    assert pace.left([fast], [], 1) is None
    pace.add(fast, 10)
    pace.add(slow, 100)
    assert (pace.seconds(fast), pace.seconds(slow)) == (10, 100)
    assert pace.seconds(other) == 2 * 110 / 20  # as all of its kind
    assert pace.seconds(kind) == 110 / 20  # as all
    assert pace.left([fast, slow], [], 2) == 100  # the longest one takes as long as it takes
    assert pace.left([fast], [(slow, 40.0)], 1) == 70
    assert pace.left([], [(fast, 99.0)], 1) == 0
    assert pace.left([], [], 1) == 0
