"""Reading a registry: what is refused, in one line with what to do, and that nothing is ever changed."""

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from device_profiles.matching import MatchedBy
from registry import store
from registry.reader import SCHEMA, Reader, shipped_registry
from registry.values import Accuracy, Evidence, Processor
from zoo.errors import RegistryError, UnknownNameError


def read_all(path: Path) -> None:
    """Read everything that a registry holds."""
    with Reader(path) as reader:
        reader.names()
        reader.devices()
        reader.models()
        for each in reader.variants().values():
            if each.certificate:
                reader.certificate(each.certificate)
        reader.sources()
        reader.needs()
        list(reader.measurements())


def refusal(path: Path) -> str:
    """The message that reading everything ends with."""
    with pytest.raises(RegistryError) as caught:
        read_all(path)
    return str(caught.value)


def foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE song (title TEXT)")
        connection.commit()


def version(path: Path, number: str | None) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM alembic_version")
        if number is not None:
            connection.execute("INSERT INTO alembic_version VALUES (?)", (number,))
        connection.commit()


def test_what_is_written_is_read(made, small, device):
    with Reader(made) as reader:
        assert reader.devices() == [device]
        assert reader.models() == small.models
        assert reader.variant_counts() == {"net-int8.tflite": 1}
        assert reader.measurement_counts() == {"phone": 1}
        assert reader.formats() == ["tflite"]
        assert reader.sources() == {"paper": "A paper, table 1"}
        assert {each.name: each.by for each in reader.names()} == {
            "phone": MatchedBy.ID, "Phone One": MatchedBy.ALIAS, "P1": MatchedBy.ALIAS,
            "chip": MatchedBy.SOC, "Chip 1": MatchedBy.SOC, "C1": MatchedBy.SOC,
        }  # fmt: skip
        (row,) = reader.measurements()
        assert (row.latency_ms, row.processor, row.peak_memory_bytes) == (1.5, Processor.CPU, 2**40)
        assert row.source == "A paper, table 1"
        variant = reader.variants()["net-int8.tflite"]
        assert variant.operators == ("CONV_2D", "SOFTMAX")
        assert [type(each) for each in variant.accuracies] == [Accuracy]


def test_a_measurement_of_another_device_with_the_chip_is_same_soc(made):
    with Reader(made) as reader:
        evidence = {
            (device, soc): [row.evidence for row in reader.measurements(device=device, soc=soc)]
            for device, soc in [("phone", "chip"), ("other", "chip"), ("other", "else")]
        }
    assert evidence == {
        ("phone", "chip"): [Evidence.MEASURED], ("other", "chip"): [Evidence.SAME_SOC], ("other", "else"): [],
    }  # fmt: skip


def test_a_choice_is_made_from_variants_without_their_specs(made, held):
    store.add(made, held)
    with Reader(made) as reader:
        whole = reader.variants()
        for name, each in reader.shelves("phone", "chip")["digits"].variants.items():
            assert each == replace(whole[name], spec=None)
        assert reader.variants("digits") == whole
    assert [each.spec is None for each in whole.values()] == [False, False, True]


@pytest.mark.parametrize("digest", ["", "ab", "x' OR 1 --"])
def test_a_certificate_that_is_not_there_is_unknown(made, digest):
    with Reader(made) as reader, pytest.raises(UnknownNameError, match="unknown certificate"):
        reader.certificate(digest)


@pytest.mark.parametrize("model", ["digitz", "", "DIGITS"])
def test_a_model_that_is_not_there_is_unknown(made, model):
    with Reader(made) as reader, pytest.raises(UnknownNameError, match="unknown model"):
        reader.shelves("phone", "chip", model)


def test_a_device_that_is_not_there_is_unknown(made):
    with Reader(made) as reader, pytest.raises(UnknownNameError, match="Did you mean 'phone'"):
        reader.device("phon")


@pytest.mark.parametrize(
    ("make", "says", "advice"),
    [
        pytest.param(lambda _: None, "there is no registry at", "zoo rebuild", id="missing"),
        pytest.param(Path.mkdir, "there is no registry at", "zoo rebuild", id="a folder"),
        pytest.param(Path.touch, "is not a registry", "zoo rebuild", id="empty"),
        pytest.param(lambda path: path.write_text("hello"), "is damaged", "zoo rebuild", id="a text"),
        pytest.param(
            lambda path: path.write_bytes(random.Random(1).randbytes(50_000)),
            "is damaged",
            "zoo rebuild",
            id="random bytes",
        ),
        pytest.param(foreign_database, "is not a registry", "zoo rebuild", id="a database of another kind"),
    ],
)
def test_what_is_no_registry_is_refused(tmp_path, make: Callable[[Path], object], says, advice):
    path = tmp_path / "it's 100% a #strange? name.db"
    make(path)
    message = refusal(path)
    assert f"'{path}'" in message
    assert says in message
    assert advice in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("number", "says", "advice"),
    [
        pytest.param("0000", "an older version (schema 0000, wanted", "zoo rebuild", id="older"),
        pytest.param("9999", "a newer version (schema 9999, wanted", "Upgrade device-zoo", id="newer"),
        pytest.param(None, "is not a registry", "zoo rebuild", id="none at all"),
    ],
)
def test_another_schema_is_refused_with_what_to_do(made, number, says, advice):
    version(made, number)
    message = refusal(made)
    assert says in message
    assert advice in message
    assert "\n" not in message


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    assert len(old) == len(new)

    def damage(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(cut, id="cut in the middle"),
        pytest.param(lambda data: data[:5000], id="cut after the first page"),
        pytest.param(lambda data: data[:100] + bytes(len(data) - 100), id="zeros after its header"),
        pytest.param(replaced(b"CREATE TABLE device (", b"CREATE TABLE evice ( "), id="a table's name"),
        pytest.param(
            replaced(b"CREATE INDEX ix_device", b"CREATE INDEX ix_\x9bevice"), id="no UTF-8 in the schema"
        ),
        pytest.param(replaced(b"net-int8.tflite", b"net-int\xff.tflite"), id="no UTF-8 in a name"),
        pytest.param(replaced(b'"kind":"phone"', b'"kind":"phxne"'), id="an unknown word in a profile"),
        pytest.param(replaced(b'"kind":"phone"', b'"kind":"ph\x00ne"'), id="a zero in a profile"),
        pytest.param(replaced(b'"aliases":', b'"alibses":'), id="a key of a profile"),
        pytest.param(replaced(b'["CONV_2D"', b'{"CONV_2D"'), id="a list of operators"),
        pytest.param(replaced(b"catalogued", b"cataloqued"), id="an unknown availability"),
        pytest.param(replaced(b"int8tflite", b"int9tflite"), id="an unknown precision"),
        pytest.param(replaced(b"cpuCPU", b"cqpCPU"), id="an unknown processor"),
        pytest.param(replaced(b'"operators": 52', b'"oberators": 52'), id="a key of a coverage"),
        pytest.param(
            replaced(b'"processor": "gpu"', b'"processor": "gqu"'), id="an unknown processor of a coverage"
        ),
        pytest.param(
            replaced(b'"channel_order":"RGB"', b'"channel_order":"RGX"'), id="an unknown word in a spec"
        ),
        pytest.param(replaced(b'"shape":[1,224,', b'"shape":[0,224,'), id="a spec that contradicts itself"),
        pytest.param(replaced(b'"n\xc3\xa4me": "x"', b'"n\xc3\xa4me": "y"'), id="a certificate"),
        pytest.param(replaced(b"P1aliasphone", b"P1alixsphone"), id="an unknown kind of name"),
    ],
)
def test_damage_is_named_in_one_line_with_what_to_do(made, held, damage):
    store.add(made, held)
    made.write_bytes(damage(made.read_bytes()))
    message = refusal(made)
    assert f"'{made}'" in message
    assert "zoo rebuild" in message
    assert "\n" not in message


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_the_shipped_registry_cut_short_is_damaged(tmp_path, shipped, kept):
    data = shipped.read_bytes()
    path = tmp_path / "zoo.db"
    path.write_bytes(data[: int(len(data) * kept)])
    assert "is damaged" in refusal(path)


def test_reading_changes_neither_the_file_nor_its_folder(made):
    os.utime(made, ns=(10**18, 10**18))
    before = made.read_bytes()
    read_all(made)
    assert made.read_bytes() == before
    assert made.stat().st_mtime_ns == 10**18
    assert list(made.parent.iterdir()) == [made]


def test_reading_never_makes_a_file(tmp_path):
    path = tmp_path / "zoo.db"
    refusal(path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_can_be_written_through_a_reader(made):
    with Reader(made) as reader, pytest.raises(RegistryError, match="readonly"):
        reader._all("DELETE FROM measurement")


def test_two_readers_read_at_once(made):
    with Reader(made) as one, Reader(made) as other:
        assert one.devices() == other.devices()


def test_a_reader_sees_the_old_registry_while_a_new_one_takes_its_place(made, shipped):
    with Reader(made) as reader:
        new = made.with_name("new.db")
        shutil.copyfile(shipped, new)
        new.replace(made)
        assert [each.id for each in reader.devices()] == ["phone"]
    with Reader(made) as reader:
        assert len(reader.devices()) > 100


def test_a_name_too_long_for_a_file_is_refused(tmp_path):
    assert "zoo rebuild" in refusal(tmp_path / ("a" * 5000))


def test_a_registry_in_a_read_only_folder_is_read(open_folder, without_rights):
    open_folder.chmod(0o555)
    with without_rights():
        with pytest.raises(PermissionError):
            (open_folder / "more").touch()
        read_all(open_folder / "zoo.db")
    assert [each.name for each in open_folder.iterdir()] == ["zoo.db"]


def test_a_registry_that_may_not_be_read_is_refused(open_folder, without_rights):
    (open_folder / "zoo.db").chmod(0)
    with without_rights():
        message = refusal(open_folder / "zoo.db")
    assert "may not be read: check its permissions" in message


def test_a_registry_in_a_folder_that_may_not_be_entered_is_refused(open_folder, without_rights):
    open_folder.chmod(0)
    with without_rights():
        message = refusal(open_folder / "zoo.db")
    assert str(open_folder) in message


def test_profiles_in_a_registry_are_plain_json(made):
    with closing(sqlite3.connect(made)) as connection:
        ((text,),) = connection.execute("SELECT profile FROM device").fetchall()
    assert json.loads(text)["id"] == "phone"


def test_the_schema_that_is_read_is_written_in_the_shipped_registry(shipped):
    with closing(sqlite3.connect(f"file:{shipped}?mode=ro", uri=True)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(SCHEMA,)]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_registry_with_rotten_bytes_is_read_or_refused_but_never_ends_in_a_bug(tmp_path, seed):
    whole = shipped_registry().read_bytes()
    chance = random.Random(seed)
    rotten = tmp_path / "rotten.db"
    refusals = []
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 10, 1000))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        rotten.write_bytes(content)
        try:
            read_all(rotten)
        except RegistryError as error:
            refusals.append(str(error))
    assert refusals
    assert not [each for each in refusals if "\n" in each]
