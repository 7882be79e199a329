"""LiteRT on an emulated Arm64 core: this machine's bits, counts that tell cores apart, a system that is whole."""

import json
import os

import numpy as np
import pytest

from bench import arm64_root
from bench.runners.arm64 import Arm64Runner, Emulated, scorer
from bench.runners.base import Setup
from registry.reader import shipped_registry
from zoo.errors import BenchError
from zoo.recording import find_held


def test_a_core_says_what_it_can_do_as_linux_does():
    fast, small = arm64_root.CORES["arm64-a76"], arm64_root.CORES["arm64-a53"]
    said = dict(line.split("\t: ") for line in fast.cpuinfo.splitlines() if "\t: " in line)
    assert said["CPU part"] == "0xd0b"
    assert "asimddp" in said["Features"].split()  # dot products
    assert "asimddp" not in small.features.split()
    assert fast.cpuinfo.count("processor") == 1


def test_a_system_that_is_not_there_or_old_is_said_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(
        arm64_root, "wanted_versions", lambda: {"ai-edge-litert": "2", "numpy": np.__version__}
    )
    missing = arm64_root.lacks(tmp_path / "arm64")
    assert "there is no Arm64 system" in missing
    assert missing.endswith("as root: make arm64")
    (tmp_path / "made-of.json").write_text(json.dumps({"ai-edge-litert": "1", "numpy": np.__version__}))
    assert "another version of ai-edge-litert" in arm64_root.lacks(tmp_path)
    (tmp_path / "made-of.json").write_text(json.dumps({"ai-edge-litert": "2", "numpy": np.__version__}))
    assert arm64_root.lacks(tmp_path) == ""


def test_the_folder_is_the_users_cache_or_the_named_one(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(arm64_root.VARIABLE, raising=False)
    assert arm64_root.folder() == tmp_path / "device-zoo" / "arm64"
    monkeypatch.setenv(arm64_root.VARIABLE, str(tmp_path / "mine"))
    assert arm64_root.folder() == tmp_path / "mine"


def test_without_debootstrap_or_rights_nothing_is_begun(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BenchError, match="debootstrap is not on this machine"):
        arm64_root.make(tmp_path / "arm64")
    monkeypatch.setattr(arm64_root.shutil, "which", lambda name: f"/usr/sbin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(BenchError, match="wants to be root"):
        arm64_root.make(tmp_path / "arm64")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
@pytest.mark.convert
class TestEmulated:
    """On the real system; one start of Python takes seconds."""

    @pytest.fixture(autouse=True)
    def _ready(self):
        if reason := Arm64Runner().lacks():
            pytest.skip(reason)

    @pytest.fixture(scope="class")
    def held(self):
        return find_held(shipped_registry(), "ds-cnn-64_t4-spoken-digits-int8.tflite")

    def test_int8_outputs_are_this_machines_to_the_last_bit_and_dot_products_save_instructions(self, held):
        found = {
            core: Arm64Runner().measure(held, Setup(core=core), lambda *_: None) for core in arm64_root.CORES
        }
        for each in found.values():
            (comparison,) = each.comparisons
            assert comparison.same, str(comparison)
            assert each.latency is None
        assert found["arm64-a76"].instructions < 0.8 * found["arm64-a53"].instructions

    def test_the_count_repeats(self, held):
        first, second = (
            Arm64Runner().measure(held, Setup(core="arm64-a76"), lambda *_: None).instructions
            for _ in range(2)
        )
        assert second == pytest.approx(first, rel=0.005)

    def test_float_outputs_are_near_and_by_how_much_is_said(self):
        path = find_held(shipped_registry(), "ds-cnn-16_kd4-spoken-digits-float32.tflite")
        (found,) = Arm64Runner().measure(path, Setup(core="arm64-a76"), lambda *_: None).comparisons
        assert found.most < 1e-5
        assert not found.in_steps

    def test_the_scorer_answers_as_the_host_does(self, held):
        litert = pytest.importorskip("converters.runners.litert")
        random = np.random.default_rng(5)
        samples = [[random.standard_normal((1, 49, 10, 1)).astype(np.float32)] for _ in range(5)]
        found, wanted = (
            scorer("arm64-a76", "").run(held, samples),
            litert.LitertRunner("xnnpack").run(held, samples),
        )
        assert np.array_equal([each[0] for each in found], [each[0] for each in wanted])

    def test_what_fails_inside_is_said(self, tmp_path):
        broken = tmp_path / "broken.tflite"
        broken.write_bytes(b"no model")
        with pytest.raises(BenchError, match="qemu-aarch64 ended with code 1: ValueError"):
            Emulated("arm64-a76", "xnnpack").run(broken, {0: np.zeros((1, 4), np.float32)})
