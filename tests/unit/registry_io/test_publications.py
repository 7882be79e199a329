"""What is published is there, whole, for ever: also when the publisher is killed, and beside others who publish."""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from registry import store
from registry.blobs import Blobs
from registry.publications import Outcome, collect, publish, yank
from registry.reader import Reader
from registry.values import Availability, Tombstone
from tests.unit.registry_io.publisher import AT, adding, content
from zoo.errors import ConflictError, RegistryError, UnknownNameError

ROOT = Path(__file__).parents[3]
LATER = time.time() + 1e6


@pytest.fixture
def plain(small):
    return small.variants["net-int8.tflite"]


def blobs(path):
    return Blobs(path.with_suffix(".blobs"))


def put(path, plain, number, data=None):
    return publish(path, blobs(path), *adding(plain, number, data), AT, "tester")


def variants(path):
    with Reader(path) as opened:
        assert opened.faults() == []
        return opened.variants()


def tombstone(reason="wrong labels", successor=None):
    return Tombstone(reason, successor, AT, "tester")


def test_what_is_published_is_there_with_its_file_and_who_did_it(made, plain):
    assert put(made, plain, 1) == (Outcome.PUBLISHED, "file-1.tflite")
    found = variants(made)["file-1.tflite"]
    assert blobs(made).path(found.sha256).read_bytes() == content(1)
    with Reader(made) as opened:
        assert opened.publications() == {"file-1.tflite": (AT, "tester")}


def test_the_same_bytes_twice_change_nothing(made, plain):
    put(made, plain, 1)
    before = made.read_bytes()
    assert put(made, plain, 1) == (Outcome.UNCHANGED, "file-1.tflite")
    assert put(made, plain, 2, content(1)) == (Outcome.UNCHANGED, "file-1.tflite")
    assert made.read_bytes() == before


def test_other_bytes_under_a_name_are_refused(made, plain):
    put(made, plain, 1)
    before = variants(made)
    with pytest.raises(ConflictError, match="variants never change"):
        put(made, plain, 1, b"other bytes")
    assert variants(made) == before


def test_a_file_that_was_only_rebuildable_becomes_held(made, plain):
    _, found = adding(plain, 1)
    (variant,) = found.variants.values()
    rebuildable = replace(variant, availability=Availability.REBUILDABLE)
    store.add(made, replace(found, variants={variant.name: rebuildable}))
    assert put(made, plain, 7, content(1)) == (Outcome.PUBLISHED, "file-1.tflite")
    assert variants(made)["file-1.tflite"].availability is Availability.HELD


def test_a_digest_that_the_bytes_have_not_is_refused(made, plain):
    _, found = adding(plain, 1)
    with pytest.raises(RegistryError, match="is said to have the digest"):
        publish(made, blobs(made), b"something else", found, AT, "tester")
    assert "file-1.tflite" not in variants(made)


def test_a_rotten_file_is_replaced_when_it_is_published_again(made, plain):
    put(made, plain, 1)
    path = blobs(made).path(variants(made)["file-1.tflite"].sha256)
    path.write_bytes(b"\0" * path.stat().st_size)
    assert blobs(made).fault(path.name) is not None
    assert put(made, plain, 1)[0] is Outcome.UNCHANGED
    assert blobs(made).fault(path.name) is None


def test_a_withdrawn_variant_stays_with_its_reason_and_successor(made, plain):
    put(made, plain, 1)
    put(made, plain, 2)
    assert yank(made, "file-1.tflite", tombstone(successor="file-2.tflite")) is Outcome.PUBLISHED
    assert yank(made, "file-1.tflite", tombstone(successor="file-2.tflite")) is Outcome.UNCHANGED
    assert variants(made)["file-1.tflite"].yanked == tombstone(successor="file-2.tflite")
    with pytest.raises(ConflictError, match="was withdrawn"):
        put(made, plain, 1)
    with pytest.raises(ConflictError, match="was withdrawn before"):
        yank(made, "file-1.tflite", tombstone("something else"))


@pytest.mark.parametrize(
    ("name", "successor", "error", "words"),
    [
        ("nobody", None, UnknownNameError, "nobody"),
        ("file-1.tflite", "nobody", UnknownNameError, "nobody"),
        ("file-1.tflite", "file-1.tflite", ConflictError, "its own place"),
        ("file-1.tflite", "file-2.tflite", ConflictError, "was withdrawn itself"),
    ],
)
def test_a_withdrawal_that_makes_no_sense_changes_nothing(made, plain, name, successor, error, words):
    put(made, plain, 1)
    put(made, plain, 2)
    yank(made, "file-2.tflite", tombstone())
    with pytest.raises(error, match=words):
        yank(made, name, tombstone(successor=successor))
    assert variants(made)["file-1.tflite"].yanked is None


def test_orphans_go_when_they_are_old_enough_and_nothing_else_does(made, plain):
    put(made, plain, 1)
    yank(made, "file-1.tflite", tombstone())
    folder = blobs(made).folder
    orphan = blobs(made).put(b"nobody names me")
    for name in (".new-abc", ".new-young"):
        (folder / name).write_bytes(b"half")
    os.utime(folder / ".new-abc", (0, 0))
    (folder / "README").write_text("not ours")
    assert collect(made, blobs(made), time.time() - 1000, dry_run=True).removed == {".new-abc": 4}
    assert collect(made, blobs(made), LATER, dry_run=True).removed == {orphan: 15, ".new-abc": 4}
    assert collect(made, blobs(made), LATER).size_bytes == 19
    assert {each.name for each in folder.iterdir()} == {
        variants(made)["file-1.tflite"].sha256, "README", ".new-young",
    }  # fmt: skip


def kill_at_random(path, plain, times, seed):
    """Start publishers, kill each at some point, and check what is left after each."""
    rng, acknowledged, number = random.Random(seed), set(), 0
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(times):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.unit.registry_io.publisher", str(path), str(number)],
            stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT,
        ) as publisher:  # fmt: skip
            assert publisher.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0, 0.12))
            publisher.send_signal(signal.SIGKILL)
            said = publisher.stdout.read().splitlines()
        acknowledged |= {each for each in said if each.startswith("file-")}
        found = variants(path)  # also rolls back what was half-written
        held = {name: each for name, each in found.items() if each.availability is Availability.HELD}
        assert acknowledged <= held.keys()
        assert [name for name, each in held.items() if blobs(path).fault(each.sha256)] == []
        number = len(held)
        assert put(path, plain, number)[0] is Outcome.PUBLISHED  # a retry works
        acknowledged.add(f"file-{number}.tflite")
        number += 1
    for each in blobs(path).folder.glob(".new-*"):
        os.utime(each, (0, 0))
    collect(path, blobs(path), LATER)
    found = variants(path)
    left = {each.name for each in blobs(path).folder.iterdir()}
    assert left == {each.sha256 for each in found.values() if each.sha256}
    return len(acknowledged)


def test_a_killed_publisher_leaves_all_or_nothing(made, plain):
    assert kill_at_random(made, plain, 12, 0) >= 12


@pytest.mark.long
def test_a_publisher_killed_500_times_leaves_all_or_nothing(made, plain):
    assert kill_at_random(made, plain, 500, 1) >= 500


def test_collecting_beside_publishing_takes_nothing_that_is_published(made, plain):
    """Files are orphans at first, so a collector without a grace may take them until they are committed."""
    ended, failures = threading.Event(), []

    def clear():
        while not ended.is_set():
            with contextlib.suppress(sqlite3.OperationalError):
                collect(made, blobs(made), LATER)

    def add(first):
        try:
            for number in range(first, first + 10):
                blobs(made).put(content(number))
                put(made, plain, number)
        except Exception as problem:  # noqa: BLE001 - told below
            failures.append(problem)

    collector = threading.Thread(target=clear)
    writers = [threading.Thread(target=add, args=(first,)) for first in (100, 200)]
    collector.start()
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    ended.set()
    collector.join()
    assert failures == []
    held = [each for each in variants(made).values() if each.availability is Availability.HELD]
    assert len(held) == 20
    assert [each.name for each in held if blobs(made).fault(each.sha256)] == []


class Registry(RuleBasedStateMachine):
    """A registry beside a model of it in two dicts; both must always say the same."""

    names = Bundle("names")
    source: Path
    folder: Path

    @initialize()
    def begin(self):
        self.path = self.folder / f"{uuid.uuid4()}.db"
        shutil.copy(self.source, self.path)
        self.plain = variants(self.path)["net-int8.tflite"]
        self.files: dict[int, bytes] = {}
        self.graves: dict[int, Tombstone] = {}
        self.orphans: set[str] = set()

    @rule(target=names, number=st.integers(0, 5), text=st.binary(min_size=1, max_size=2))
    def publish(self, number, text):
        known = next((each for each, data in self.files.items() if data == text), None)
        if (known in self.graves) if known is not None else number in self.files:
            with pytest.raises(ConflictError):
                put(self.path, self.plain, number, text)
            if text not in self.files.values():
                self.orphans.add(text)
        else:
            outcome, name = put(self.path, self.plain, number, text)
            assert outcome is (Outcome.PUBLISHED if known is None else Outcome.UNCHANGED)
            assert name == f"file-{number if known is None else known}.tflite"
            if known is None:
                self.files[number] = text
                self.orphans.discard(text)
        return number

    @rule(one=names, other=names)
    def yank(self, one, other):
        good = one in self.files and other in self.files and one != other and other not in self.graves
        stone = tombstone(successor=f"file-{other}.tflite")
        if not good and self.graves.get(one) != stone:
            with pytest.raises((ConflictError, UnknownNameError)):
                yank(self.path, f"file-{one}.tflite", stone)
        elif one in self.graves and self.graves[one] != stone:
            with pytest.raises(ConflictError):
                yank(self.path, f"file-{one}.tflite", stone)
        else:
            yank(self.path, f"file-{one}.tflite", stone)
            self.graves[one] = stone

    @precondition(lambda self: self.orphans)
    @rule()
    def collect(self):
        removed = collect(self.path, blobs(self.path), LATER).removed
        assert len(removed) == len(self.orphans)
        self.orphans.clear()

    @invariant()
    def both_say_the_same(self):
        if not hasattr(self, "path"):
            return
        found = {name: each for name, each in variants(self.path).items() if name.startswith("file-")}
        assert found.keys() == {f"file-{each}.tflite" for each in self.files}
        for number, data in self.files.items():
            variant = found[f"file-{number}.tflite"]
            assert variant.yanked == self.graves.get(number)
            assert blobs(self.path).path(variant.sha256).read_bytes() == data


def test_publishing_withdrawing_and_collecting_agree_with_a_model_of_them(made, tmp_path):
    machine = type("Machine", (Registry,), {"source": made, "folder": tmp_path})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=12, stateful_step_count=12, deadline=None)
    )
