"""zoo calibrate without a table: this machine measures itself, here with a few small nets."""

import json
import shutil
from importlib import import_module
from types import MappingProxyType

import pytest

from registry.blobs import Blobs
from registry.reader import Reader, held_files, shipped_registry

pytest.importorskip("litert_torch")
pytest.importorskip("scipy")
pytestmark = pytest.mark.convert


@pytest.fixture
def few(monkeypatch):
    probes, self_calibrating = map(import_module, ("architectures.probes", "zoo.self_calibrating"))
    kept = {name: probes.PROBES[name] for name in ("dense", "mean-of-window")}
    monkeypatch.setattr(probes, "PROBES", MappingProxyType(kept))
    monkeypatch.setattr(self_calibrating, "NETS", ("lenet-5", "vgg-small", "ds-cnn-64"))
    return self_calibrating


def test_this_machine_becomes_a_device_whose_files_are_predicted_from_their_operators(cli, few, tmp_path):
    own = tmp_path / "own.db"
    shutil.copy(shipped_registry(), own)
    steps = []
    found = few.calibrate_host(own, 1, lambda *now: steps.append(now))
    assert steps == [(place, 30) for place in range(1, 31)]  # ten files are made, and timed twice
    assert {each.net for each in found.folds} == {
        f"{net} {precision}"
        for net in ("lenet-5", "vgg-small", "ds-cnn-64")
        for precision in ("float32", "int8")
    }
    assert all(each.after.low_ms < each.after.value_ms < each.after.high_ms for each in found.folds)
    with Reader(own) as opened:
        held = next(
            each for each in opened.variants("spoken-digits", specs=False).values()
            if each.format == "tflite" and each.precision == "int8" and each.availability == "held"
        )  # fmt: skip
    file = tmp_path / "net.tflite"
    shutil.copy(Blobs(held_files()).path(held.sha256), file)
    asked = cli(
        "predict", str(file), "--device", "host", "--runtime", "tflite", "--registry", str(own), "--json"
    )
    (cpu,) = [each for each in json.loads(asked.out)["predictions"] if each["processor"] == "cpu"]
    assert "its operators, as 5 nets took on this device" in cpu["latency_ms"]["source"]


def test_another_device_cannot_measure_itself_from_here(cli, tmp_path):
    own = tmp_path / "own.db"
    shutil.copy(shipped_registry(), own)
    result = cli("calibrate", "--device", "pixel3", "--registry", str(own))
    assert result.code == 2
    assert "'pixel3' cannot be measured from here" in result.err
