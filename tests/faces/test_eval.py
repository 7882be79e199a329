"""``zoo eval`` as its users see it."""

import json
from dataclasses import replace

import pytest

from converters.inspection.packages import digest
from registry import store
from registry.catalogue import Catalogue
from registry.catalogue.reading import Source
from registry.values import Availability
from tests.builders import model, variant
from tests.unit.zoo.bands import NAMES, part, spec, write_onnx
from zoo.evaluation import Evaluation
from zoo.scoring import Score, Scoring
from zoo.views.scores import document

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.convert


@pytest.fixture
def file(tmp_path):
    return write_onnx(tmp_path / "bands.onnx")


@pytest.fixture
def photos(tmp_path):
    """A folder of pictures, one folder a class; one of them lies in the wrong one."""
    samples = part()
    for row, label in enumerate(samples.labels):
        folder = tmp_path / "photos" / NAMES[label if row else 1]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(samples.samples[row, ..., 0]).save(folder / f"{row}.png")
    return str(tmp_path / "photos")


@pytest.fixture
def spec_file(tmp_path):
    path = tmp_path / "spec.json"
    path.write_text(spec().to_json(), encoding="utf-8")
    return str(path)


@pytest.fixture
def registry_with_bands(tmp_path, file):
    """A registry that has this very file as a variant."""
    bands = replace(
        variant("bands", None, format="onnx", source="paper"),
        availability=Availability.REBUILDABLE, sha256=digest(file)[0], spec=spec(),
    )  # fmt: skip
    source = Source("paper", "A paper", 2020, "")
    catalogue = Catalogue({"paper": source}, {bands.model: model(bands.model)}, {"bands": bands}, ())
    store.rebuild(tmp_path / "bands.db", catalogue, [])
    return tmp_path / "bands.db"


def test_the_score_is_said_with_all_that_it_depends_on(cli, file, photos, spec_file):
    done = cli("eval", str(file), photos, "--spec", spec_file)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "bands.onnx · photos/all"
    assert lines[1] == "accuracy  95.00 % (76.39 to 99.11) (95 % interval) · n = 20"
    assert lines[2].startswith("run by    onnxruntime ")
    assert lines[2].endswith(", kernels cpu")
    assert lines[3] == f"spec      {spec_file}"
    assert lines[6].split()[:5] == ["ben", "4", "5", "80.00", "%"]
    assert lines[-1].startswith("note  the samples are those of a folder")


def test_the_document_has_every_answer(cli, file, photos, spec_file):
    document = json.loads(cli("eval", str(file), photos, "--spec", spec_file, "--json").out)
    assert (document["accuracy"], document["samples"], document["of_samples"]) == (95, 20, 20)
    assert (document["metric"], document["dataset"], document["split"]) == ("top1", "photos", "all")
    assert document["verified"] is False
    assert [each["class"] for each in document["classes"]] == list(NAMES)
    pairs = zip(document["labels"], document["predicted"], strict=True)
    assert sum(label == predicted for label, predicted in pairs) == document["correct"] == 19


def test_a_spec_beside_the_file_is_found(cli, file, photos):
    beside = file.with_name("bands.onnx.spec.json")
    beside.write_text(spec().to_json(), encoding="utf-8")
    assert f"spec      {beside}" in cli("eval", str(file), photos).out


def test_a_limit_draws_the_same_samples_every_time(cli, file, photos, spec_file):
    first, again = (
        cli("eval", str(file), photos, "--spec", spec_file, "--limit", "7", "--json").out for _ in "12"
    )
    assert first == again
    document = json.loads(first)
    assert (document["samples"], document["of_samples"]) == (7, 20)
    assert len(set(document["labels"])) > 2  # not the first seven, which are of two classes


def test_a_registered_variant_gives_its_spec(cli, file, photos, tmp_path, registry_with_bands):
    by_name = cli("eval", str(file), photos, "--variant", "bands", "--registry", str(registry_with_bands))
    assert "spec      variant bands" in by_name.out
    by_digest = cli("eval", str(file), photos, "--registry", str(registry_with_bands))
    assert "spec      variant bands, found by its digest" in by_digest.out
    unknown = cli("eval", str(file), photos, "--variant", "band", "--registry", str(registry_with_bands))
    assert (unknown.code, unknown.err) == (2, "zoo: unknown variant 'band'. Did you mean 'bands'?\n")


def test_a_known_set_is_scored_by_its_test_split(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = write_onnx(tmp_path / "bands.onnx")
    (tmp_path / "bands.onnx.spec.json").write_text(spec().to_json(), encoding="utf-8")
    done = cli("eval", str(path), "spoken-digits")
    assert done.code == 1
    assert done.err.startswith("zoo: data set 'spoken-digits' is not on this machine. Looked in: ")


REFUSALS = {
    "no spec": ([], 2, "nobody says what goes into"),
    "two specs": (["--spec", "SPEC", "--variant", "x"], 2, "give --spec FILE or --variant NAME, not both"),
    "a spec that is not there": (["--spec", "nothing.json"], 2, "the spec 'nothing.json' cannot be read: No such file"),
    "another split": (["--spec", "SPEC", "--split", "test"], 2, "unknown split of photos 'test'. Known: all"),
    "unknown kernels": (["--spec", "SPEC", "--kernels", "x"], 2, "unknown kernels for onnx 'x'. Known: cpu"),
}  # fmt: skip


@pytest.mark.parametrize("story", REFUSALS)
def test_refusals_are_one_line(cli, file, photos, spec_file, story):
    options, code, said = REFUSALS[story]
    done = cli("eval", str(file), photos, *[spec_file if each == "SPEC" else each for each in options])
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("zoo: ")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_an_unknown_data_set_is_refused_before_anything_is_read(cli):
    done = cli("eval", "no-such-file.onnx", "fashion_mnist")
    assert (done.code, done.err) == (
        2,
        "zoo: unknown data set or folder 'fashion_mnist'. Did you mean 'fashion-mnist'?\n",
    )


def test_speakers_are_scored_one_by_one(tmp_path):
    made = Score(
        Scoring(tmp_path / "x.tflite", "spoken-digits"),
        Evaluation("0" * 64, "tflite", "litert 1", "xnnpack", (0, 1, 1, 0), (0, 1, 0, 1)),
        "spoken-digits", "all", ("zero", "one"), ("theo", "theo", "ann", "ann"), 4, "here", verified=True,
    )  # fmt: skip
    assert [(each["group"], each["correct"]) for each in document(made)["groups"]] == [
        ("ann", 0),
        ("theo", 2),
    ]
