"""zoo publish, yank, verify and gc, as release engineers see them."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from registry.blobs import Blobs
from registry.reader import Reader, held_files, shipped_registry
from registry.values import Availability

pytest.importorskip("ai_edge_litert")
pytestmark = pytest.mark.convert
MODEL = "fashion-classifier"


@pytest.fixture(scope="module")
def files():
    """Held TFLite files of another model, which stand in for new ones; the smallest first."""
    with Reader(shipped_registry()) as opened:
        found = [
            each for each in opened.variants("spoken-digits", specs=False).values()
            if each.availability is Availability.HELD and each.format == "tflite" and each.precision == "int8"
        ]  # fmt: skip
    return [Blobs(held_files()).path(each.sha256) for each in sorted(found, key=lambda one: one.size_bytes)]


@pytest.fixture
def own(tmp_path, monkeypatch):
    path = tmp_path / "own.db"
    shutil.copy(shipped_registry(), path)
    return path


@pytest.fixture
def file(files, tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(files[0].read_bytes() + bytes(16))  # bytes that nobody holds
    return path


@pytest.fixture
def zoo(cli, own):
    return lambda *arguments: cli(*arguments, "--registry", str(own))


def published(zoo, name, model=MODEL):
    found = json.loads(zoo("variants", model, "--json").out)
    return next((each for each in found if each["variant"] == name), None)


def test_a_file_becomes_a_variant_that_says_what_its_bytes_are(zoo, own, file):
    result = zoo(
        "publish", str(file), "-m", MODEL, "--net", "little-net", "--accuracy", "88.5", "--source", "a lab"
    )
    assert result.code == 0
    assert result.out.startswith("published net.tflite")
    found = published(zoo, "net.tflite")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (found["sha256"], found["availability"], found["precision"]) == (sha256, "held", "int8")
    assert (found["net"], found["accuracy"]["value"], found["source"]) == ("little-net", 88.5, "a lab")
    assert found["macs"] > 0
    assert (own.with_suffix(".blobs") / sha256).read_bytes() == file.read_bytes()
    assert zoo("verify").out.endswith("every byte is as published\n")


def test_publishing_twice_is_the_same_as_once_and_other_bytes_are_refused(zoo, files, file):
    first = zoo("publish", str(file), "-m", MODEL)
    again = zoo("publish", str(file), "-m", MODEL)
    shutil.copy(files[-1], file)
    other = zoo("publish", str(file), "-m", MODEL)
    assert (first.code, again.code, other.code) == (0, 0, 1)
    assert again.out.startswith("unchanged net.tflite")
    assert "variants never change" in other.err


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("--precision", "float32"), "said to be float32, but its bytes are int8"),
        (("--format", "onnx", "--resolution", "7"), "said to be onnx, but its bytes are tflite"),
        (("--name", "../../etc/passwd"), "empty parts or dots between its slashes"),
        (("--name", "a\nb"), "no printable text"),
        (("--accuracy", "88"), "nobody says where they are from"),
        (("--accuracy", "nan", "--source", "x"), "a number or the file of zoo eval --json is wanted"),
        (("--spec", "nothing.json"), "the spec 'nothing.json' cannot be read"),
        (("--certificate", "nothing.json"), "the certificate 'nothing.json' cannot be read"),
    ],
)
def test_labels_that_the_bytes_belie_or_that_make_no_sense_are_refused(zoo, own, file, labels, words):
    before = own.read_bytes()
    result = zoo("publish", str(file), "-m", MODEL, *labels)
    assert result.code == 2
    assert words in result.err
    assert own.read_bytes() == before
    assert not own.with_suffix(".blobs").exists()


def test_what_is_no_model_and_a_model_that_nobody_knows_are_refused(zoo, file, tmp_path):
    text = tmp_path / "text.tflite"
    text.write_text("not a model")
    assert "is of no known format" in zoo("publish", str(text), "-m", MODEL).err
    assert zoo("publish", str(file), "-m", "fashion-clasifier").code == 2
    assert "fashion-classifier" in zoo("publish", str(file), "-m", "fashion-clasifier").err
    assert "there is no file" in zoo("publish", str(tmp_path / "nothing"), "-m", MODEL).err


def test_the_shipped_registry_is_not_published_to(cli, file):
    result = cli("publish", str(file), "-m", MODEL)
    assert result.code == 2
    assert "--registry" in result.err


def test_an_accuracy_is_that_of_the_very_file(zoo, file, tmp_path):
    score = {
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "metric": "top1", "accuracy": 90.5, "samples": 1000,
        "dataset": "fashion-mnist", "split": "test", "runtime": "ai-edge-litert 2.3.0", "kernels": "xnnpack",
    }  # fmt: skip
    told = tmp_path / "eval.json"
    told.write_text(json.dumps({**score, "sha256": "0" * 64}))
    other = zoo("publish", str(file), "-m", MODEL, "--accuracy", str(told), "--source", "zoo eval")
    assert (other.code, "tells the accuracy of a file 000000000000" in other.err) == (2, True)
    told.write_text(json.dumps(score))
    assert zoo("publish", str(file), "-m", MODEL, "--accuracy", str(told), "--source", "zoo eval").code == 0
    found = published(zoo, "net.tflite")["accuracy"]
    assert (found["value"], found["samples"]) == (90.5, 1000)


def test_latencies_are_published_with_it_and_a_bad_row_keeps_all_out(zoo, file, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "device,processor,runtime,latency_ms,threads\npixel3,cpu,tflite,2.5,4\nnophone,cpu,tflite,1,1\n"
    )
    arguments = ("publish", str(file), "-m", MODEL, "--measurements", str(rows), "--source", "a lab")
    result = zoo(*arguments)
    assert (result.code, "line 3: there is no device 'nophone'" in result.err) == (2, True)
    assert published(zoo, "net.tflite") is None
    rows.write_text("device,processor,runtime,latency_ms,threads\npixel3,cpu,tflite,2.5,4\n")
    assert zoo(*arguments).code == 0
    found = json.loads(zoo("pick", "--device", "pixel3", "-m", MODEL, "--evidence", "measured", "--json").out)
    assert found["picks"][0]["variant"] == "net.tflite"
    assert found["picks"][0]["latency_ms"]["value"] == 2.5


def test_a_plan_is_read_before_it_is_applied_and_holds_only_for_the_bytes_that_it_names(zoo, files, tmp_path):
    paths = [tmp_path / f"{place}.tflite" for place in range(3)]
    for path, file in zip(paths, files, strict=False):
        shutil.copy(file, path)
    junk = tmp_path / "junk.tflite"
    junk.write_text("junk")
    plan = tmp_path / "plan.jsonl"
    result = zoo("publish", *map(str, [*paths, junk]), "-m", MODEL, "--plan", str(plan))
    assert (result.code, result.out.count("planned"), result.out.count("refused")) == (1, 3, 2)
    assert published(zoo, "0.tflite") is None
    paths[1].write_bytes(paths[1].read_bytes() + b"\0")
    result = zoo("publish", "--apply", str(plan), "--json")
    outcomes = {Path(each["file"]).name: each["outcome"] for each in json.loads(result.out)}
    assert (result.code, outcomes) == (
        1,
        {"0.tflite": "published", "1.tflite": "refused", "2.tflite": "published"},
    )
    again = json.loads(zoo("publish", "--apply", str(plan), "--json").out)
    assert [each["outcome"] for each in again] == ["unchanged", "refused", "unchanged"]


@pytest.mark.parametrize(
    "line", ["{}", "no json", '{"file": 1, "labels": {"model": 5}}', '{"labels": {"x": "y"}}']
)
def test_a_plan_that_is_none_publishes_nothing(zoo, own, tmp_path, line):
    plan, before = tmp_path / "plan.jsonl", own.read_bytes()
    plan.write_text(line)
    result = zoo("publish", "--apply", str(plan))
    assert (result.code, own.read_bytes() == before) == (2, True)
    assert "line 1 of the plan" in result.err


def test_a_withdrawn_variant_is_shown_and_never_picked(zoo, file):
    zoo("publish", str(file), "-m", MODEL, "--accuracy", "99.9", "--source", "a lab")
    asked = ("pick", "--device", "pixel3", "-m", MODEL, "--available", "--max-latency-ms", "1000")
    assert json.loads(zoo(*asked, "--json").out)["picks"][0]["variant"] == "net.tflite"
    result = zoo("yank", "net.tflite", "--reason", "wrong labels", "--by", "me")
    assert (result.code, "withdrawn net.tflite: wrong labels" in result.out) == (0, True)
    assert json.loads(zoo(*asked, "--json").out)["picks"][0]["variant"] != "net.tflite"
    assert "was withdrawn: wrong labels" in zoo(*asked, "--explain").out
    assert "withdrawn" in next(
        line for line in zoo("variants", MODEL).out.splitlines() if line.startswith("net.tflite")
    )
    assert published(zoo, "net.tflite")["yanked"]["reason"] == "wrong labels"


def test_a_rotten_file_is_found(zoo, own, file):
    zoo("publish", str(file), "-m", MODEL)
    (path,) = own.with_suffix(".blobs").iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    result = zoo("verify", "--json")
    faults = json.loads(result.out)["faults"]
    assert (result.code, [each["what"] for each in faults]) == (1, ["net.tflite"])
    path.unlink()
    assert "it is not there" in zoo("verify").out


def test_what_nobody_names_is_collected_after_its_grace(zoo, own, file):
    zoo("publish", str(file), "-m", MODEL)
    folder = own.with_suffix(".blobs")
    orphan = folder / ("ab" * 32)
    orphan.write_bytes(b"12345")
    assert json.loads(zoo("gc", "--json").out)["removed"] == {}
    assert "would go" in zoo("gc", "--grace", "0", "--dry-run").out
    assert json.loads(zoo("gc", "--grace", "0", "--json").out)["removed"] == {orphan.name: 5}
    assert len(list(folder.iterdir())) == 1
