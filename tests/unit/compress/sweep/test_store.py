"""A stage is finished whole or not at all."""

import json
import os
import subprocess
import sys

import pytest

from compress.sweep.stages import Stage
from compress.sweep.store import RECORD, Store, write_files
from zoo.errors import SweepError

STAGE = Stage("mix", "first", {"number": 1})


def finished(store: Store, stage: Stage = STAGE, **files: bytes) -> None:
    staging = store.staging(stage.key)
    write_files(staging, files or {"net.bin": b"weights"})
    store.commit(stage, staging, 1.5)


def test_what_is_finished_can_be_read_again(tmp_path):
    with Store(tmp_path / "w").locked() as store:
        assert not store.holds(STAGE.key)
        finished(store)
    store = Store(tmp_path / "w")
    assert store.holds(STAGE.key)
    assert dict(store.files(STAGE.key)) == {"net.bin": b"weights"}
    record = store.record(STAGE.key)
    assert (record["title"], record["spec"], record["seconds"]) == ("first", {"number": 1}, 1.5)
    assert record["files"]["net.bin"]["size_bytes"] == 7
    assert list((tmp_path / "w" / "staging").iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / RECORD).unlink(),
        lambda folder: (folder / RECORD).write_text("{"),
        lambda folder: (folder / RECORD).write_text(json.dumps({"key": "another", "schema": 1})),
        lambda folder: (folder / "net.bin").write_bytes(b"weigh"),
        lambda folder: (folder / "net.bin").unlink(),
    ],
    ids=["no record", "half a record", "another's record", "half a file", "no file"],
)
def test_what_is_damaged_is_not_finished_and_can_be_made_again(tmp_path, damage):
    with Store(tmp_path).locked() as store:
        finished(store)
        damage(store.folder(STAGE.key))
        assert not store.holds(STAGE.key)
        with pytest.raises(KeyError):
            store.files(STAGE.key)
        finished(store)
        assert store.holds(STAGE.key)


def test_what_is_not_committed_is_not_finished_and_is_cleaned_away(tmp_path):
    with Store(tmp_path).locked() as store:
        write_files(store.staging(STAGE.key), {"net.bin": b"weights"})
        assert not store.holds(STAGE.key)
    with Store(tmp_path).locked() as store:
        assert list((tmp_path / "staging").iterdir()) == []
        assert not store.holds(STAGE.key)


def test_two_sweeps_do_not_share_a_folder(tmp_path):
    mine, other = Store(tmp_path), Store(tmp_path)
    wanted = rf"is in use by process {os.getpid()} on .*--work"
    with mine.locked(), pytest.raises(SweepError, match=wanted), other.locked():
        pass
    with Store(tmp_path).locked():
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom compress.sweep.store import Store\n"
        "with Store(Path(sys.argv[1])).locked():\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert done.returncode == -9
    assert "process" in (tmp_path / "lock").read_text()
    with Store(tmp_path).locked():
        assert f"process {os.getpid()}" in (tmp_path / "lock").read_text()


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SweepError, match="cannot write into"), Store(tmp_path / "file").locked():
        pass


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", RECORD])
def test_names_that_are_no_plain_names_are_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(ValueError, match="cannot be called"):
        write_files(tmp_path, {"a": b"", name: b""})
    assert list(tmp_path.iterdir()) == []
