"""What a file does is the same in every format, and a registry without a model predicts nothing."""

import shutil
import sqlite3

import pytest

from registry.ranking import Request
from registry.reader import Reader, held_files, shipped_registry
from registry.rules import Budgets
from registry.values import Availability, Evidence, Objective
from zoo.actions import find_device, pick
from zoo.artifacts import inspect
from zoo.errors import RegistryError
from zoo.predicting import predict
from zoo.predictor import Predictions
from zoo.workloads import workload_of

DEPTHWISE_NET = "clothing-classifier"


def files_of_one_net():
    """Held files of one net with depthwise work, by format."""
    with Reader(shipped_registry()) as registry:
        variants = [each for each in registry.variants(DEPTHWISE_NET, specs=False).values()
                    if each.availability is Availability.HELD]  # fmt: skip
    nets = {each.net for each in variants if each.format == "tflite"} & {
        each.net for each in variants if each.format == "onnx"
    }
    net = min(nets)
    return {each.format: held_files() / each.sha256 for each in variants
            if each.net == net and each.format in {"tflite", "onnx"}}  # fmt: skip


@pytest.mark.convert
def test_the_work_of_a_net_is_the_same_in_every_format():
    found = {format_: workload_of(inspect(path)) for format_, path in files_of_one_net().items()}
    tflite, onnx = found["tflite"], found["onnx"]
    assert tflite.by_kind == onnx.by_kind
    assert tflite.macs == sum(tflite.by_kind) == onnx.macs
    assert all(part > 0 for part in (tflite.conv, tflite.depthwise, tflite.pointwise))
    assert tflite.depthwise < tflite.pointwise
    assert tflite.pixels == onnx.pixels


@pytest.mark.convert
def test_a_file_that_is_registered_is_predicted_as_that_variant_and_a_copy_too(tmp_path):
    path = files_of_one_net()["tflite"]
    copy = shutil.copy(path, tmp_path / "model.tflite")
    with Reader(shipped_registry()) as registry:
        found = predict(registry, str(copy), find_device(registry, "pixel3"))
        assert found.variant.sha256 == path.name
    assert found.answers


@pytest.fixture
def without_a_model(tmp_path):
    path = tmp_path / "own.db"
    shutil.copy(shipped_registry(), path)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM predictor")
    connection.close()
    return path


def test_a_registry_without_a_model_chooses_by_what_was_measured(without_a_model):
    with Reader(without_a_model) as registry:
        target = find_device(registry, "pixel3")
        with pytest.raises(RegistryError, match=r"no model of latencies.*zoo rebuild"):
            _ = Predictions(registry).fitted
        request = Request(Budgets(), Objective.ACCURACY)
        (choice,) = pick(registry, target, request, model="imagenet-classifier").choices
    assert choice.pick
    assert choice.pick.latency.evidence is Evidence.MEASURED


def test_evidence_that_is_no_guess_leaves_predictions_out():
    with Reader(shipped_registry()) as registry:
        target = find_device(registry, "pixel3")
        request = Request(Budgets(evidence=Evidence.SAME_SOC), Objective.ACCURACY)
        (choice,) = pick(registry, target, request, model="imagenet-classifier").choices
    assert choice.pick
    assert choice.pick.latency.evidence is Evidence.MEASURED
