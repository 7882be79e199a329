"""A whole sweep on real data, from the recipe to the registry, in a minute: what `zoo compress` promises."""

import json
import re
import shutil
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="torch comes with the extra 'compress'")

from compress.sweep.sweeping import Place
from datasets.catalogue import FASHION_MNIST
from datasets.finding import find
from datasets.loading import load
from registry.blobs import Blobs
from registry.catalogue import Catalogue
from registry.continua import merged, read_continuum
from registry.values import Availability, Model
from zoo.bootstrap import paired_bootstrap
from zoo.continuum import compressing, joining
from zoo.errors import BadRecipeError, DatasetError
from zoo.evaluation import evaluate

pytestmark = pytest.mark.convert

RECIPE = """
model = "fashion-classifier"
dataset = "fashion-mnist"
[input]
channels = "GRAY"
scale = 0.00392156862745098
[train]
epochs = 1
batch = 256
learning_rate = 2e-3
[nets.teacher]
architecture = "lenet-300-100"
steps = [{ do = "train" }]
[nets.small]
from = "teacher"
steps = [{ do = "prune-filters", share = 0.5 }, { do = "train", epochs = 1 }]
control = true
[nets.shared]
from = "teacher"
steps = [{ do = "prune-weights", share = 0.9 }, { do = "share", bits = 4, epochs = 1 }]
[[emit]]
formats = ["tflite", "onnx"]
precisions = ["float32"]
[[emit]]
nets = ["teacher"]
formats = ["tflite"]
precisions = ["int8"]
[[emit]]
nets = ["shared"]
formats = ["coreml"]
precisions = ["palette4"]
"""
MODEL = Model("fashion-classifier", "", "classification", "fashion-mnist", "test", "top1", "%", True, 33, "")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    try:
        find(FASHION_MNIST)
    except DatasetError as problem:
        pytest.skip(str(problem))
    folder = tmp_path_factory.mktemp("sweep")
    return folder, sweep(folder)


def sweep(folder, out="out"):
    path = folder / "fashion.toml"
    path.write_text(RECIPE)
    recipe, stages = compressing.read(path)
    return compressing.compress(
        recipe, stages, text=RECIPE, work=folder / "work", out=folder / out, place=Place(2)
    )


def named(made, start):
    return {
        each.name.removeprefix(start): each for each in made.continuum.variants if each.name.startswith(start)
    }


def test_every_file_that_was_asked_for_is_made_and_held(swept):
    folder, made = swept
    assert (made.refused, made.missed) == ({}, ())
    assert len(made.continuum.variants) == 4 * 2 + 2
    blobs = Blobs(folder / "out" / "zoo.blobs")
    assert all(blobs.fault(each.sha256) is None for each in made.continuum.variants)
    assert {each.availability for each in made.continuum.variants} == {Availability.HELD}


def test_accuracies_are_measured_on_the_files_and_can_be_measured_again(swept):
    folder, made = swept
    part = load("fashion-mnist", splits=["test"]).part("test")
    for each in made.continuum.variants:
        (accuracy,) = each.accuracies
        assert (accuracy.dataset, accuracy.split, accuracy.samples) == ("fashion-mnist", "test", 10_000)
        assert accuracy.interval()[0] < accuracy.value < accuracy.interval()[1]
        assert accuracy.value > 75
    (int8,) = [each for each in made.continuum.variants if each.precision == "int8"]
    path = folder / int8.name
    shutil.copy(Blobs(folder / "out" / "zoo.blobs").path(int8.sha256), path)
    again = evaluate(path, int8.spec, part)
    assert 100 * sum(again.correct) / len(again.correct) == pytest.approx(int8.accuracies[0].value, abs=1e-4)
    assert "xnnpack" in int8.accuracies[0].runtime


def test_what_was_made_smaller_is_smaller_and_says_how_it_compares(swept):
    _, made = swept
    teacher = named(made, "lenet-300-100_t1-")["fashion-classifier-float32.tflite"]
    small = named(made, "lenet-300-100_t1_f50_t1-")["fashion-classifier-float32.tflite"]
    assert small.params < 0.6 * teacher.params
    assert f"against {teacher.name} on 10,000 samples" in small.note
    assert "against" not in teacher.note
    control = [each for each in made.continuum.variants if "_sc" in each.net and each.format == "tflite"]
    assert [each.params for each in control] == [small.params]
    # whether pruning beats the same shape from scratch (Liu et al.)
    answer = rf"[+-]\d\.\d points \[.*\] against the same shape from scratch, {re.escape(control[0].name)} on 10,000"
    assert re.search(answer, small.note)
    assert f"against {teacher.name}" in control[0].note
    assert "against the same shape" not in control[0].note


def test_a_net_with_shared_weights_says_in_how_few_bytes_it_travels(swept):
    _, made = swept
    shared = named(made, "lenet-300-100_t1_w90_k4-")["fashion-classifier-float32.tflite"]
    told = re.search(r"its weights travel in ([\d,]+) bytes, (\d+\.\d)x fewer than in float32", shared.note)
    assert int(told[1].replace(",", "")) * float(told[2]) == pytest.approx(4 * 266_610, rel=0.01)
    assert float(told[2]) > 20


def test_shared_weights_arrive_in_core_ml_as_its_codebooks(swept):
    _, made = swept
    (palette,) = [each for each in made.continuum.variants if each.format == "coreml"]
    assert palette.precision == "palette4"
    record = json.loads(made.continuum.certificates[palette.certificate])
    (file,) = [each for each in record["files"] if each["sha256"] == palette.sha256]
    assert file["options"]["exact"]
    assert file["snr_db"] > 60


def test_the_document_joins_a_catalogue(swept):
    _, made = swept
    found = read_continuum(made.document.read_text(encoding="utf-8"), "fashion-classifier.json")
    assert found == made.continuum
    joined = merged(Catalogue({}, {MODEL.name: MODEL}, {}, ()), [found])
    assert set(joined.variants) == {each.name for each in found.variants}
    assert found.source.citation.startswith("recipes/fashion-classifier.toml, sha256 ")


def test_the_same_command_again_trains_nothing(swept):
    folder, made = swept
    stages = {each: each.stat().st_mtime_ns for each in (folder / "work" / "stages").iterdir()}
    again = sweep(folder, "again")
    assert {each: each.stat().st_mtime_ns for each in (folder / "work" / "stages").iterdir()} == stages
    assert again.continuum == made.continuum


def test_a_missing_data_set_and_all_else_is_said_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    path = tmp_path / "bad.toml"
    path.write_text(
        RECIPE.replace('"fashion-mnist"', '"spoken-digits"')
        .replace("share = 0.5", "share = 1.5")
        .replace("[train]", "[input.changes]\nwobble = 3\n[train]")
    )
    with pytest.raises(BadRecipeError) as refused:
        compressing.read(path)
    problems = "\n".join(refused.value.problems)
    assert "data set 'spoken-digits' is not on this machine" in problems
    assert "wobble" in problems
    assert "nets.small.steps[0].share" in problems
    assert not (tmp_path / "work").exists()


def test_more_data_must_have_the_same_classes(tmp_path, monkeypatch):
    monkeypatch.setattr(compressing, "find", lambda _: tmp_path)
    path = tmp_path / "bad.toml"
    path.write_text(RECIPE.replace("[input]", 'extra = ["clothing"]\n[input]', 1))
    with pytest.raises(BadRecipeError, match="extra: 'clothing' has other classes than 'fashion-mnist'"):
        compressing.read(path)


def test_a_comparison_that_cannot_be_told_is_called_unresolved():
    same = paired_bootstrap([True] * 50 + [False] * 50, [False] * 2 + [True] * 50 + [False] * 48, 0)
    assert joining.said(same, "other").endswith("unresolved")
    better = replace(same, points=5.0, low=3.0, high=7.0, samples=1000)
    assert joining.said(better, "other") == "+5.0 points [+3.0, +7.0] against other on 1,000 samples"
