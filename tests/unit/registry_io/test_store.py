"""Writing a registry: whole or not at all, the same every time, with settings that keep it whole."""

import os
import pickle
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pydantic
import pytest
import sqlalchemy as sa
from sqlmodel import Session

import zoo
from registry import store, tables
from registry.catalogue import Catalogue
from registry.reader import Reader
from zoo.errors import RegistryError

CHECKOUT = Path(zoo.__file__).parents[1]
LARGEST_BYTES = 20_000_000


def dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in the order that they were written."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        names = [name for (name,) in found]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}


def contents(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def assert_same_rows(one: Path, other: Path) -> None:
    mine, theirs = dump(one), dump(other)
    assert mine.keys() == theirs.keys()
    for table, rows in mine.items():
        differing = next(
            (pair for pair in zip(rows, theirs[table], strict=False) if pair[0] != pair[1]), None
        )
        assert (table, len(rows), differing) == (table, len(theirs[table]), None)


def test_the_shipped_registry_is_what_a_rebuild_makes(shipped, rebuilt):
    assert_same_rows(shipped, rebuilt)


def test_the_shipped_registry_is_sound(shipped):
    with closing(sqlite3.connect(f"file:{shipped}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("delete",)]


def test_the_shipped_registry_is_under_20_mb(shipped):
    assert shipped.stat().st_size < LARGEST_BYTES


def test_rebuilding_twice_gives_the_same_bytes(tmp_path, small, device):
    for name in ("one.db", "other.db"):
        store.rebuild(tmp_path / name, small, [device])
    assert (tmp_path / "one.db").read_bytes() == (tmp_path / "other.db").read_bytes()


def test_a_rebuild_replaces_what_was_there_and_leaves_nothing_else(made, small, device):
    before = dump(made)
    store.rebuild(made, replace(small, measurements=small.measurements * 3), [device])
    assert contents(made.parent) == ["zoo.db"]
    assert {name: len(rows) for name, rows in dump(made).items()} == {
        **{name: len(rows) for name, rows in before.items()}, "measurement": 3,
    }  # fmt: skip


def test_a_rebuild_replaces_a_damaged_registry(made, small, device):
    good = made.read_bytes()
    made.write_bytes(b"broken")
    store.rebuild(made, small, [device])
    assert made.read_bytes() == good


def test_everybody_may_read_what_is_rebuilt(made):
    assert made.stat().st_mode & 0o777 == 0o644


def test_a_rebuild_into_a_missing_folder_is_refused(tmp_path, small, device):
    with pytest.raises(RegistryError, match="No such file or directory") as caught:
        store.rebuild(tmp_path / "missing" / "zoo.db", small, [device])
    assert "\n" not in str(caught.value)
    assert contents(tmp_path) == []


def test_a_refusal_names_an_option_that_rebuild_has(tmp_path, small, device):
    with pytest.raises(RegistryError) as caught:
        store.rebuild(tmp_path / "missing" / "zoo.db", small, [device])
    assert "--registry" not in str(caught.value)
    assert "--out" in str(caught.value)


def test_a_rebuild_onto_a_folder_is_refused_and_leaves_it(tmp_path, small, device):
    (tmp_path / "zoo.db").mkdir()
    with pytest.raises(RegistryError, match="Is a directory") as caught:
        store.rebuild(tmp_path / "zoo.db", small, [device])
    assert "\n" not in str(caught.value)
    assert contents(tmp_path) == ["zoo.db"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that refuses even root")
def test_a_rebuild_into_a_folder_that_refuses_is_refused(small, device):
    with pytest.raises(RegistryError) as caught:
        store.rebuild(Path("/proc/zoo.db"), small, [device])
    assert "cannot write the registry '/proc/zoo.db': " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rebuild_into_a_read_only_folder_is_refused(open_folder, without_rights, small, device):
    before = (open_folder / "zoo.db").read_bytes()
    open_folder.chmod(0o555)
    with without_rights(), pytest.raises(RegistryError, match="Permission denied") as caught:
        store.rebuild(open_folder / "zoo.db", small, [device])
    assert "\n" not in str(caught.value)
    assert contents(open_folder) == ["zoo.db"]
    assert (open_folder / "zoo.db").read_bytes() == before


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 160 kB, as on a full disk; Python ignores the signal, so writing fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (160_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_rebuild_on_a_full_disk_leaves_the_old_registry_and_says_so_in_a_few_words(
    made, small, device, full_disk
):
    before = made.read_bytes()
    many = replace(small, measurements=small.measurements * 3000)
    with pytest.raises(RegistryError) as caught:
        store.rebuild(made, many, [device])
    assert contents(made.parent) == ["zoo.db"]
    assert made.read_bytes() == before
    assert str(caught.value).startswith(f"cannot write the registry '{made}': ")
    assert "\n" not in str(caught.value)
    assert "INSERT" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"variant": "nobody"}, sa.exc.IntegrityError, id="a dangling row"),
        pytest.param({"latency_ms": "fast"}, pydantic.ValidationError, id="a wrong type"),
        pytest.param({"source": None}, pydantic.ValidationError, id="nothing where something must be"),
    ],
)
def test_a_catalogue_that_cannot_be_leaves_the_old_registry(made, small, device, change, error):
    before = made.read_bytes()
    bad = replace(small, measurements=tuple(replace(each, **change) for each in small.measurements))
    with pytest.raises(error):
        store.rebuild(made, bad, [device])
    assert (contents(made.parent), made.read_bytes()) == (["zoo.db"], before)


WRITER = """
import pickle, sys
from pathlib import Path
from registry import store
path, inputs = map(Path, sys.argv[1:])
store.rebuild(path, *pickle.loads(inputs.read_bytes()))
"""


@pytest.mark.parametrize(
    "grown_bytes", [0, 200_000, 1_000_000], ids=["as it begins", "with some rows", "half-way"]
)
def test_a_rebuild_that_is_killed_leaves_the_old_registry_and_the_next_one_works(
    made, small, device, grown_bytes, tmp_path
):
    before = made.read_bytes()
    inputs = tmp_path / "inputs"
    inputs.write_bytes(pickle.dumps((replace(small, measurements=small.measurements * 50_000), [device])))
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(made), str(inputs)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    deadline = time.monotonic() + 60
    while writer.poll() is None and time.monotonic() < deadline:
        new = [each for each in made.parent.glob(".zoo.db.*") if not each.name.endswith("-journal")]
        if new and new[0].stat().st_size >= grown_bytes:
            break
        time.sleep(0.002)
    writer.send_signal(signal.SIGKILL)
    assert writer.wait() == -signal.SIGKILL
    assert made.read_bytes() == before
    with Reader(made) as reader:
        assert [each.id for each in reader.devices()] == ["phone"]
    store.rebuild(made, replace(small, measurements=()), [device])
    with Reader(made) as reader:
        assert list(reader.measurements()) == []


def test_what_is_known_of_files_is_rebuilt_and_read_unchanged(tmp_path, held, device):
    store.rebuild(tmp_path / "zoo.db", held, [device])
    with Reader(tmp_path / "zoo.db") as reader:
        assert_reads(reader, held)
        assert [len(rows) for rows in (dump(tmp_path / "zoo.db")["certificate"], reader.variants())] == [1, 2]


def assert_reads(reader: Reader, found: Catalogue) -> None:
    """Everything of ``found`` is there; sources are read as citations."""
    known = reader.variants()
    for name, each in found.variants.items():
        there = known[name]
        assert (there.spec, there.certificate, there.coverage) == (each.spec, each.certificate, each.coverage)
        assert (there.sha256, there.availability) == (each.sha256, each.availability)
        assert len(there.accuracies) == len(each.accuracies)
        assert there.certificate
        assert reader.certificate(there.certificate) == found.certificates[there.certificate]


# ---- adding --------------------------------------------------------------------------------------------------------


def test_what_is_added_is_read_beside_what_was_there(made, small, held):
    before = dump(made)
    store.add(made, held)
    after = dump(made)
    assert all(row in after[table] for table, rows in before.items() for row in rows)
    assert after["source"] == before["source"]
    assert after["model"] == before["model"]
    assert contents(made.parent) == ["zoo.db"]
    with Reader(made) as reader:
        assert_reads(reader, held)
        assert reader.variants().keys() == {*small.variants, *held.variants}


def test_new_models_sources_and_measurements_come_with_their_variants(made, held, small):
    (model,), (source,) = held.models.values(), held.sources.values()
    (one, _) = held.variants.values()
    one = replace(one, model="letters", source="page", accuracies=())
    row = replace(small.measurements[0], variant=one.name, source="page")
    new = replace(
        held,
        models={"letters": replace(model, name="letters")},
        sources={"page": replace(source, id="page", citation="A page")},
        variants={one.name: one},
        measurements=(row,),
    )
    store.add(made, new)
    with Reader(made) as reader:
        assert set(reader.models()) == {"digits", "letters"}
        assert reader.sources()["page"] == "A page"
        assert reader.variant_counts()[one.name] == 1
        assert_reads(reader, new)


def test_a_second_file_of_a_conversion_shares_its_certificate(made, held):
    for name, each in held.variants.items():
        store.add(made, replace(held, variants={name: each}))
    assert len(dump(made)["certificate"]) == 1
    with Reader(made) as reader:
        assert_reads(reader, held)


def changed(held: Catalogue, **other: object) -> Catalogue:
    """The second variant with other facts."""
    one, last = held.variants.values()
    last = replace(last, **other)
    return replace(held, variants={one.name: one, last.name: last})


BAD = [
    pytest.param(
        lambda held: changed(held, name="net-int8.tflite"), "has net-int8.tflite already", id="a name"
    ),
    pytest.param(lambda held: changed(held, model="nobody"), "in neither", id="an unknown model"),
    pytest.param(lambda held: changed(held, source="nobody"), "in neither", id="an unknown source"),
    pytest.param(
        lambda held: changed(held, sha256="cc" * 32),
        "variant 'net-b.tflite': the certificate names 2 files, none with the sha256 cccc",
        id="another file",
    ),
    pytest.param(lambda held: changed(held, sha256=None), "none with the sha256 None", id="no file"),
    pytest.param(
        lambda held: changed(held, certificate="cc" * 32),
        "variant 'net-b.tflite': its certificate cccc.* is not given",
        id="a certificate that is not given",
    ),
    pytest.param(
        lambda held: replace(held, certificates={**held.certificates, "cc" * 32: "{}"}),
        "under another digest",
        id="a certificate under another digest",
    ),
]


@pytest.mark.parametrize(("make", "words"), BAD)
def test_what_cannot_be_added_leaves_the_registry_as_it_was(made, held, make, words):
    before = made.read_bytes()
    with pytest.raises(RegistryError, match=words) as refused:
        store.add(made, make(held))
    assert "\n" not in str(refused.value)
    assert (contents(made.parent), made.read_bytes()) == (["zoo.db"], before)


def test_a_certificate_that_does_not_vouch_leaves_the_old_registry_at_a_rebuild(made, held, device):
    before = made.read_bytes()
    with pytest.raises(RegistryError, match="none with the sha256 cccc"):
        store.rebuild(made, changed(held, sha256="cc" * 32), [device])
    assert (contents(made.parent), made.read_bytes()) == (["zoo.db"], before)


def test_nothing_is_added_to_what_is_no_registry(tmp_path, held):
    with pytest.raises(RegistryError, match="there is no registry"):
        store.add(tmp_path / "zoo.db", held)
    assert contents(tmp_path) == []


def test_adding_on_a_full_disk_leaves_the_registry_as_it_was(made, held, full_disk):
    before = dump(made)
    one, _ = held.variants.values()
    labels = tuple(f"a class of number {number}" for number in range(10_000))
    large = replace(one, spec=replace(one.spec, decoding=replace(one.spec.decoding, labels=labels)))
    with pytest.raises(RegistryError, match="cannot write the registry") as refused:
        store.add(made, replace(held, variants={one.name: large}))
    assert "\n" not in str(refused.value)
    assert "INSERT" not in str(refused.value)
    with Reader(made) as reader:
        assert list(reader.variants()) == ["net-int8.tflite"]
    assert (contents(made.parent), dump(made)) == (["zoo.db"], before)


ADDER = """
import pickle, sys
from pathlib import Path
from registry import store
path, inputs = map(Path, sys.argv[1:])
store.add(path, pickle.loads(inputs.read_bytes()))
"""


@pytest.fixture
def half_changed(made, small, held, tmp_path) -> Path:
    """A registry whose writer was killed when part of its change was in the file."""
    row = replace(small.measurements[0], variant="net-a.tflite")
    inputs = tmp_path / "inputs"
    inputs.write_bytes(pickle.dumps(replace(held, measurements=(row,) * 100_000)))
    size = made.stat().st_size
    writer = subprocess.Popen(
        [sys.executable, "-c", ADDER, str(made), str(inputs)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    deadline = time.monotonic() + 60
    while writer.poll() is None and made.stat().st_size == size and time.monotonic() < deadline:
        time.sleep(0.002)
    writer.send_signal(signal.SIGKILL)
    assert writer.wait() == -signal.SIGKILL
    assert contents(made.parent) == ["zoo.db", "zoo.db-journal"]
    return made


def test_a_change_whose_writer_was_killed_is_undone_by_the_next_reader(half_changed, held):
    with Reader(half_changed) as reader:
        assert list(reader.variants()) == ["net-int8.tflite"]
    assert contents(half_changed.parent) == ["zoo.db"]
    store.add(half_changed, held)
    with Reader(half_changed) as reader:
        assert_reads(reader, held)


def test_a_reader_who_may_not_undo_a_change_says_so(half_changed, without_rights):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in half_changed.parent.iterdir():
            shutil.copyfile(each, folder / each.name)
            (folder / each.name).chmod(0o444)
        folder.chmod(0o555)
        with (
            without_rights(),
            pytest.raises(RegistryError, match=r"left half-done .* a user who may write it") as refused,
        ):
            Reader(folder / "zoo.db")
        folder.chmod(0o755)
    assert "\n" not in str(refused.value)


def test_a_registry_in_use_is_said_to_be_locked(made, held):
    engine = store.engine_for(made)
    with engine.begin(), pytest.raises(RegistryError, match="database is locked"):
        store.add(made, held)
    engine.dispose()


# ---- durability ----------------------------------------------------------------------------------------------------


def test_the_settings_keep_a_registry_whole(tmp_path):
    engine = store.engine_for(tmp_path / "zoo.db")
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert found == {"journal_mode": "delete", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_a_second_writer_waits_for_the_first(made):
    first, second = store.engine_for(made), store.engine_for(made)
    started, waited = threading.Event(), []

    def write() -> None:
        started.set()
        begun = time.monotonic()
        with Session(second) as session, session.begin():
            session.add(tables.SourceRow.model_validate({"id": "second", "citation": "B"}))
        waited.append(time.monotonic() - begun)

    thread = threading.Thread(target=write)
    with Session(first) as session, session.begin():
        session.add(tables.SourceRow.model_validate({"id": "first", "citation": "A"}))
        session.flush()
        thread.start()
        started.wait()
        time.sleep(0.3)
    thread.join()
    first.dispose()
    second.dispose()
    assert waited[0] >= 0.2
    assert [row[0] for row in dump(made)["source"]] == ["paper", "first", "second"]


def test_a_writer_is_locked_out_when_it_begins_and_not_when_it_writes(made):
    first, second = store.engine_for(made), store.engine_for(made)
    with first.begin() as writing, second.connect() as waiting:
        waiting.connection.dbapi_connection.execute("PRAGMA busy_timeout = 50")
        with pytest.raises(sa.exc.OperationalError, match="database is locked"):
            waiting.exec_driver_sql("SELECT 1")
        writing.exec_driver_sql("SELECT 1")
    first.dispose()
    second.dispose()


def test_readers_read_while_a_writer_has_begun(made):
    engine = store.engine_for(made)
    with engine.begin(), Reader(made) as reader:
        assert [each.id for each in reader.devices()] == ["phone"]
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        pytest.param("DELETE FROM source", "FOREIGN KEY", id="a source with figures"),
        pytest.param("DELETE FROM device", "FOREIGN KEY", id="a device with names"),
        pytest.param("DELETE FROM model", "FOREIGN KEY", id="a model with variants"),
        pytest.param("UPDATE measurement SET device = 'nobody'", "FOREIGN KEY", id="a device nobody knows"),
        pytest.param("UPDATE variant SET model = 'nobody'", "FOREIGN KEY", id="a model nobody knows"),
        pytest.param("UPDATE accuracy SET source = ''", "FOREIGN KEY", id="no source"),
        pytest.param(
            "INSERT INTO artifact VALUES ('nobody', NULL, '[]', NULL)", "FOREIGN KEY", id="a file of nobody"
        ),
        pytest.param(
            "INSERT INTO artifact VALUES ('net-int8.tflite', 'x', '[]', NULL)",
            "FOREIGN KEY",
            id="no certificate",
        ),
        pytest.param("UPDATE variant SET name = NULL", "NOT NULL", id="no name"),
    ],
)
def test_rows_that_dangle_are_refused(made, statement, why):
    engine = store.engine_for(made)
    with pytest.raises(sa.exc.IntegrityError, match=why), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.parametrize(
    ("row", "change"),
    [
        pytest.param(tables.MeasurementRow, {"latency_ms": "fast"}, id="a latency in words"),
        pytest.param(tables.MeasurementRow, {"threads": 1.5}, id="half a thread"),
        pytest.param(tables.MeasurementRow, {"variant": None}, id="no variant"),
        pytest.param(tables.MeasurementRow, {"peak_memory_bytes": "much"}, id="memory in words"),
    ],
)
def test_a_row_of_a_wrong_type_is_refused(small, row, change):
    good = asdict(small.measurements[0])
    assert row.model_validate(good)
    with pytest.raises(pydantic.ValidationError):
        row.model_validate({**good, **change})


def test_a_row_that_lacks_a_field_is_refused():
    with pytest.raises(pydantic.ValidationError):
        tables.SourceRow.model_validate({"id": "paper"})
