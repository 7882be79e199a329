"""Sweeps with real processes: they fail, are killed, run out of room, and go on where they stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from compress.sweep.stages import Stage
from compress.sweep.store import RECORD, Store
from compress.sweep.sweeping import Place, sweep
from zoo.errors import SweepError, UsageError

JOBS = "tests.unit.compress.sweep.jobs"


def diamond(**spec) -> list[Stage]:
    """A stage, two that build on it, one that builds on both."""
    top = Stage("mix", "top", {"number": 1, **spec})
    left, right = (
        Stage("mix", name, {"number": n, **spec}, {"net": top.key}) for name, n in (("left", 2), ("right", 3))
    )
    return [
        top,
        left,
        right,
        Stage("mix", "end", {"number": 4, **spec}, {"net": left.key, "teacher": right.key}),
    ]


def files(work: Path) -> dict[str, bytes]:
    """All that the stages of a folder hold, by key and name."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for path in (work / "stages").glob("*/*")
        if path.name != RECORD
    }


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(holds, seconds: float = 60) -> None:
    """Until it holds, however slow the machine is; a minute without it is a failure."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_one_job_and_three_at_a_time_give_the_same_bytes(tmp_path):
    found = []
    for jobs in (1, 3):
        work = tmp_path / f"{jobs}"
        outcome = sweep(diamond(), f"{JOBS}:mix", work, Place(jobs))
        assert [each.title for each in outcome.finished] == ["top", "left", "right", "end"]
        assert outcome.missed == ()
        found.append(files(work))
    assert found[0] == found[1]
    end = diamond()[-1].key
    assert found[0][f"{end}/net.bin"] == b"4:net2:net1:teacher3:net1:"


def test_a_finished_sweep_does_nothing_again(tmp_path):
    (tmp_path / "marks").mkdir()
    stages = diamond(marks=str(tmp_path / "marks"))
    sweep(stages, f"{JOBS}:count", tmp_path / "w", Place(2))
    again = sweep(stages, f"{JOBS}:count", tmp_path / "w", Place(2))
    assert (len(again.finished), again.made) == (4, ())
    assert len(list((tmp_path / "marks").iterdir())) == 4


def test_only_what_is_new_is_made_and_what_is_common_is_made_once(tmp_path):
    (tmp_path / "marks").mkdir()
    stages = diamond(marks=str(tmp_path / "marks"))
    sweep(stages[:2], f"{JOBS}:count", tmp_path / "w", Place(1))
    outcome = sweep([*stages, *stages], f"{JOBS}:count", tmp_path / "w", Place(1))
    assert [each.title for each in outcome.made] == ["right", "end"]


def test_each_job_has_its_log_with_what_it_printed_and_reported(tmp_path):
    (stage,) = [Stage("x", "x", {"number": 7})]
    sweep([stage], f"{JOBS}:go_wrong", tmp_path, Place(1))
    log = Store(tmp_path).log(stage.key).read_text()
    assert "printed\n" in log
    assert "complained\n" in log
    assert "mixing 7\n" in log
    assert log.split("mixing")[0].strip().splitlines()[-1][:2] == "20"  # a report has its time


FAILURES = {
    "nan": "the loss is nan in epoch 3; a lower learning_rate helps",
    "bug": "ZeroDivisionError: division by zero",
    "killed": "the worker was killed by SIGKILL",
    "exit": "the worker ended with exit code 5",
    "not bytes": "TypeError: the job's file 'net.bin' is str",
    "a path": "ValueError: a job's file cannot be called '../net.bin'",
}


@pytest.mark.parametrize("wrong", FAILURES)
def test_a_job_that_fails_says_why_and_does_not_stop_the_rest(tmp_path, wrong):
    top = Stage("x", "top", {"number": 0, "wrong": wrong})
    child = Stage("x", "child", {"number": 1}, {"net": top.key})
    grandchild = Stage("x", "grandchild", {"number": 2}, {"net": child.key})
    other = Stage("x", "other", {"number": 3})
    outcome = sweep([top, child, grandchild, other], f"{JOBS}:go_wrong", tmp_path, Place(1))
    assert outcome.made == (other,)
    failed, *skipped = outcome.missed
    assert failed.reason.startswith(FAILURES[wrong]), failed
    assert failed.log.is_file()
    assert str(failed) == f"top: failed: {failed.reason}. Its log: {failed.log}"
    assert [str(each) for each in skipped] == [
        "child: skipped: its parent 'top' failed", "grandchild: skipped: its parent 'child' was skipped",
    ]  # fmt: skip
    assert list((tmp_path / "staging").iterdir()) == []


def test_the_log_of_a_bug_has_its_traceback(tmp_path):
    stage = Stage("x", "x", {"number": 0, "wrong": "bug"})
    (missed,) = sweep([stage], f"{JOBS}:go_wrong", tmp_path, Place(1)).missed
    assert 'go_wrong\n    return {"net.bin": 1 / spec["number"]}' in missed.log.read_text()


def test_what_failed_is_tried_again_the_next_time(tmp_path):
    stages = [Stage("x", "x", {"number": 0, "wrong": "bug"}), Stage("x", "y", {"number": 1})]
    sweep(stages, f"{JOBS}:go_wrong", tmp_path, Place(1))
    outcome = sweep(stages, f"{JOBS}:mix", tmp_path, Place(1))
    assert [each.title for each in outcome.made] == ["x"]


def test_a_function_that_is_not_there_is_a_failed_job(tmp_path):
    outcome = sweep([Stage("x", "x", {})], f"{JOBS}:nothing", tmp_path, Place(1))
    assert "has no attribute 'nothing'" in outcome.missed[0].reason


@pytest.mark.parametrize(("jobs", "threads"), [(1, 1), (3, 1), (1, 2)])
def test_the_threads_of_a_job_do_not_depend_on_how_many_jobs_run(tmp_path, jobs, threads):
    stage = Stage("x", "x", {"number": 0, "wrong": "threads"})
    sweep([stage], f"{JOBS}:go_wrong", tmp_path, Place(jobs, threads))
    assert Store(tmp_path).files(stage.key)["net.bin"] == str(threads).encode()


def test_what_a_job_has_started_ends_with_it(tmp_path):
    stage = Stage("x", "x", {"number": 0, "wrong": "child"})
    sweep([stage], f"{JOBS}:go_wrong", tmp_path, Place(1))
    pid = int(Store(tmp_path).files(stage.key)["net.bin"])
    wait_until(lambda: not alive(pid))


# A killed driver.

DRIVER = f"""
import json, sys
from pathlib import Path
from compress.sweep.sweeping import Place, sweep
from tests.unit.compress.sweep.test_sweeping import diamond
marks, until, work = sys.argv[1:]
try:
    sweep(diamond(marks=marks, until=until)[:3], "{JOBS}:count", Path(work), Place(2))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda each: each.name)
def test_a_sweep_goes_on_where_it_was_killed(tmp_path, number):
    marks, until, work = (tmp_path / each for each in ("marks", "until", "work"))
    marks.mkdir()
    stages = diamond(marks=str(marks), until=str(until))[:3]
    until.touch()
    sweep(stages[:1], f"{JOBS}:count", work, Place(1))
    until.unlink()  # from here on jobs wait

    def marked() -> Counter:
        return Counter(each.name.split("-")[0] for each in marks.iterdir())

    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(marks), str(until), str(work)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    wait_until(lambda: marked() == {"1": 1, "2": 1, "3": 1})
    workers = [int(each.name.split("-")[1]) for each in marks.iterdir()]
    driver.send_signal(number)
    assert driver.wait(60) == (-number if number == signal.SIGKILL else 130)
    wait_until(lambda: not any(map(alive, workers)))  # nobody trains for a sweep that is gone
    assert len(list((work / "stages").iterdir())) == 1
    until.touch()
    outcome = sweep(stages, f"{JOBS}:count", work, Place(2))
    assert (len(outcome.finished), len(outcome.made)) == (3, 2)
    assert marked() == {"1": 1, "2": 2, "3": 2}  # what was finished was not made again
    assert list((work / "staging").iterdir()) == []
    fresh = tmp_path / "fresh"
    sweep(stages, f"{JOBS}:count", fresh, Place(1))
    assert files(work) == files(fresh)


def test_a_worker_that_is_killed_from_outside_is_a_failed_job(tmp_path):
    marks, until = tmp_path / "marks", tmp_path / "until"
    marks.mkdir()
    stages = diamond(marks=str(marks), until=str(until))[:3]

    def kill_the_second() -> None:
        wait_until(lambda: len(list(marks.iterdir())) == 3)
        (victim,) = marks.glob("2-*")
        os.kill(int(victim.name.split("-")[1]), signal.SIGKILL)
        wait_until(lambda: not alive(int(victim.name.split("-")[1])))
        until.touch()

    until.touch()
    sweep(stages[:1], f"{JOBS}:count", tmp_path / "w", Place(1))
    until.unlink()
    killer = threading.Thread(target=kill_the_second)
    killer.start()
    outcome = sweep(stages, f"{JOBS}:count", tmp_path / "w", Place(2))
    killer.join()
    (missed,) = outcome.missed
    assert (missed.stage.title, [each.title for each in outcome.made]) == ("left", ["right"])
    assert "killed by SIGKILL" in missed.reason


# No room.


def test_half_a_file_is_not_taken_for_a_whole_one(tmp_path):
    first, large = Stage("x", "first", {}), Stage("x", "large", {"most_bytes": 5_000})
    outcome = sweep([first, large], f"{JOBS}:starve", tmp_path, Place(1))
    assert outcome.made == (first,)
    assert "File too large" in outcome.missed[0].reason
    assert [each.name for each in (tmp_path / "stages").iterdir()] == [first.key]
    assert list((tmp_path / "staging").iterdir()) == []
    assert [
        each.title
        for each in sweep([first, Stage("x", "large", {})], f"{JOBS}:starve", tmp_path, Place(1)).finished
    ]


def test_a_full_disk_stops_the_sweep_and_loses_nothing(tmp_path):
    stages = diamond()
    sweep(stages[:2], f"{JOBS}:mix", tmp_path, Place(1))
    before = files(tmp_path)
    log = Store(tmp_path).log(stages[2].key)
    log.symlink_to("/dev/full")  # whatever is written there finds no room
    with pytest.raises(
        SweepError, match=r"no room for 'right' in .*No space left.* 2 of 4 stages are finished and stay"
    ):
        sweep(stages, f"{JOBS}:mix", tmp_path, Place(1))
    assert files(tmp_path) == before
    log.unlink()
    assert len(sweep(stages, f"{JOBS}:mix", tmp_path, Place(1)).made) == 2


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full_loses_nothing_that_was_finished(small_disk):
    stages = [Stage("x", f"{n}", {"number": n, "wrong": "large", "size_bytes": 400_000}) for n in range(4)]
    with pytest.raises(SweepError, match=r"No space left on device.* 2 of 4 stages are finished and stay"):
        sweep(stages, f"{JOBS}:go_wrong", small_disk, Place(1))
    assert [Store(small_disk).holds(each.key) for each in stages] == [True, True, False, False]
    assert list((small_disk / "staging").iterdir()) == []
    record = json.loads((small_disk / "stages" / stages[0].key / RECORD).read_text())
    assert record["files"]["net.bin"]["size_bytes"] == 400_000


@pytest.mark.parametrize("made", [lambda: Place(0), lambda: Place(threads=0), lambda: Place(1, ray="local")])
def test_places_that_cannot_be_are_refused(made):
    with pytest.raises(UsageError):
        made()
