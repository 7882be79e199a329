"""``zoo bench``, ``zoo probe`` and ``zoo doctor`` as their users see them."""

import json
import os
import signal
import subprocess
import time
from dataclasses import replace

import numpy as np
import pytest

from converters.inspection.packages import digest
from registry import store
from registry.blobs import Blobs
from registry.catalogue import Catalogue
from registry.catalogue.reading import Source
from registry.reader import Reader, shipped_registry
from registry.values import Availability, Processor
from tests.builders import model, variant
from tests.unit.zoo.bands import NAMES, part, spec, weights, write_onnx

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.convert

QUICK = ("--within", "50", "--longest", "1s")


@pytest.fixture
def file(tmp_path):
    return write_onnx(tmp_path / "bands.onnx")


@pytest.fixture
def registry(tmp_path):
    """A registry of the user's own, which holds three files and knows a fourth."""
    blobs = Blobs(tmp_path / "own.blobs")
    found = {}
    for place, name in enumerate(("one", "two", "three")):
        path = write_onnx(tmp_path / f"{name}.onnx", weights() * (1 + place))
        found[name] = replace(
            variant(name, None, format="onnx", source="paper"),
            availability=Availability.HELD, sha256=blobs.put(path.read_bytes()), spec=spec(),
        )  # fmt: skip
    found["catalogued"] = variant("catalogued", None, source="paper")
    source = Source("paper", "A paper", 2020, "")
    store.rebuild(
        tmp_path / "own.db", Catalogue({"paper": source}, {"classifier": model("classifier")}, found, ()), []
    )
    return tmp_path / "own.db"


def rows(path):
    with Reader(path) as opened:
        return opened.measurements()


def test_a_file_is_measured_with_all_that_it_depends_on(cli, file):
    done = cli("bench", str(file), *QUICK)
    assert (done.code, done.err) == (0, "")
    lines = {line.partition(" ")[0]: line for line in done.out.splitlines()}
    assert lines["bands.onnx"].startswith("bands.onnx · onnx · ")
    assert "onnxruntime" in lines["run"]
    assert "1 thread" in lines["run"]
    assert "95 % interval" in lines["latency"]
    assert "p90" in lines["latency"]
    assert "processors" in lines["machine"]
    assert lines["again"].endswith(
        f"zoo bench {file} --runtime onnxruntime --kernels cpu --threads 1 --within 50 --longest 1s"
    )


def test_the_document_has_the_interval_the_operators_and_the_environment(cli, file):
    (document,) = json.loads(cli("bench", str(file), *QUICK, "--profile-ops", "--json").out)
    latency = document["latency_ms"]
    assert latency["least"] <= latency["low"] <= latency["value"] <= latency["high"] <= latency["most"]
    assert latency["runs"] >= latency["independent_runs"] > 0
    assert {"MatMul"} <= {each["kind"] for each in document["operators"]}
    assert sum(each["share"] for each in document["kinds"]) == pytest.approx(1)
    assert document["environment"]["processors"] >= 1
    assert "onnxruntime" in document["environment"]["packages"]


def test_the_command_that_is_printed_measures_again(cli, file):
    (document,) = json.loads(cli("bench", str(file), *QUICK, "--json").out)
    again = cli(*document["command"].split()[1:], "--json")
    assert json.loads(again.out)[0]["command"] == document["command"]


def test_a_sustained_run_compares_its_begin_and_its_end(cli, file):
    (document,) = json.loads(cli("bench", str(file), *QUICK, "--sustained", "2s", "--json").out)
    found = document["sustained"]
    assert found["window_seconds"] == 1
    assert found["seconds"] >= 2
    assert found["first_ms"]["value"] > 0 < found["last_ms"]["value"]


def test_every_held_file_is_measured_and_written(cli, registry):
    done = cli("bench", "--all", "--registry", str(registry), *QUICK)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == f"{registry}: 3 measured and written, 0 measured before, 0 failed"
    found = rows(registry)
    assert sorted(each.variant for each in found) == ["one", "three", "two"]
    row = found[0]
    assert (row.runtime, row.processor, row.threads, row.statistic) == (
        "onnxruntime", Processor.CPU, 1, "median",
    )  # fmt: skip
    assert row.low_ms <= row.latency_ms <= row.high_ms
    assert row.place.startswith(f"zoo bench --variant {row.variant} --runtime onnxruntime")
    assert "95 % interval" in row.note
    with Reader(registry) as opened:
        (device,) = opened.devices()
    assert row.source.startswith("zoo bench on ")
    assert row.device == device.id
    picked = json.loads(cli("pick", "--device", "host", "--registry", str(registry), "--json").out)
    assert picked["picks"][0]["latency_ms"]["evidence"] == "measured"


def test_the_same_command_goes_on_where_it_stopped(cli, registry, tmp_path):
    cli("bench", "--variant", "two", "--save", "--registry", str(registry), *QUICK)
    done = cli("bench", "--all", "--registry", str(registry), *QUICK)
    assert "2 measured and written, 1 measured before, 0 failed" in done.out
    assert len(rows(registry)) == 3
    again = cli("bench", "--all", "--again", "--registry", str(registry), *QUICK)
    assert "3 measured and written, 0 measured before" in again.out
    assert len(rows(registry)) == 6


def test_what_was_measured_stays_when_the_user_interrupts(command, environment, registry, tmp_path):
    arguments = ["bench", "--all", "--registry", str(registry), "--within", "0.0001", "--longest", "8s"]
    running = subprocess.Popen(
        [*command, *arguments], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    end = time.monotonic() + 100
    while not rows(registry) and running.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130, error
    assert b"the same command goes on with the next" in error
    kept = rows(registry)
    assert 1 <= len(kept) < 3
    assert all(each.latency_ms for each in kept)


def test_a_damaged_file_is_told_and_the_others_are_measured(cli, registry, tmp_path):
    with Reader(registry) as opened:
        sha256 = opened.variants()["two"].sha256
    (tmp_path / "own.blobs" / sha256).write_bytes(b"other bytes")
    done = cli("bench", "--all", "--registry", str(registry), *QUICK, "--json")
    assert done.code == 1
    found = {each["variant"]: each for each in json.loads(done.out)}
    assert found["two"]["failed"]
    assert "digest" in found["two"]["reason"]
    assert sorted(each.variant for each in rows(registry)) == ["one", "three"]


def test_saving_names_the_variant_that_the_file_is(cli, registry, tmp_path):
    done = cli("bench", str(tmp_path / "two.onnx"), *QUICK, "--save", "--registry", str(registry))
    assert done.err == f"zoo: written to '{registry}' as two\n"
    assert [each.variant for each in rows(registry)] == ["two"]


def test_a_file_of_no_variant_is_not_measured_in_vain(cli, registry, tmp_path):
    other = write_onnx(tmp_path / "other.onnx", np.asarray(weights() * 9))
    done = cli("bench", str(other), "--save", "--registry", str(registry))
    assert done.code == 2
    assert "no variant with the digest" in done.err


@pytest.mark.parametrize("location", [[], ["--registry", str(shipped_registry())]], ids=["unnamed", "named"])
def test_the_shipped_registry_is_never_written(cli, file, location):
    before = digest(shipped_registry())
    for arguments in (["--all"], [str(file), "--save"]):
        done = cli("bench", *arguments, *location)
        assert done.code == 2
        assert "zoo rebuild --out own.db" in done.err
    assert digest(shipped_registry()) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give one of FILE, --variant NAME and --all"),
        (["FILE", "--all"], "give one of"),
        (["FILE", "--threads", "0"], "greater than or equal to 1"),
        (["FILE", "--longest", "soon"], "a time above zero is wanted"),
        (["FILE", "--within", "0"], "a percentage between 0 and 100"),
        (["FILE", "--sustained", "0m"], "a time above zero is wanted"),
        (["FILE", "--runtime", "litert"], "litert takes tflite"),
        (["FILE", "--runtime", "onxruntime"], "Did you mean 'onnxruntime'?"),
        (["FILE", "--kernels", "xnnpack"], "unknown kernels 'xnnpack'"),
        (["FILE", "--device", "pixel3"], "cannot be emulated here"),
        (["FILE", "--device", "android"], "on android, files that are tflite can be measured"),
        (["FILE", "--accuracy"], "--dataset"),
        (["--all", "--accuracy", "--dataset", "clothing"], "not --all"),
        (["--variant", "nobody"], "unknown variant 'nobody'"),
        (["missing.onnx"], "missing.onnx"),
    ],
)  # fmt: skip
def test_bad_usage_says_what_is_wanted(cli, file, arguments, said):
    done = cli("bench", *(str(file) if each == "FILE" else each for each in arguments))
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_an_accuracy_is_kept_as_one_of_this_machines_kernels(cli, registry, tmp_path):
    image = pytest.importorskip("PIL.Image")
    samples = part()
    for place, label in enumerate(samples.labels):
        folder = tmp_path / "photos" / NAMES[label]
        folder.mkdir(parents=True, exist_ok=True)
        image.fromarray(samples.samples[place, ..., 0]).save(folder / f"{place}.png")
    arguments = ("bench", "--variant", "one", "--accuracy", "--dataset", str(tmp_path / "photos"),
                 "--save", "--registry", str(registry))  # fmt: skip
    done = cli(*arguments)
    assert done.code == 0, done.err
    assert "as the accuracy of one on this machine's CPU" in done.err
    cli(*arguments)
    with Reader(registry) as opened:
        (found,) = opened.variants()["one"].accuracies  # measured twice, kept once
        (device,) = opened.devices()
    assert (found.value, found.samples, found.processor, found.device) == (
        100, len(samples.labels), Processor.CPU, device.id,
    )  # fmt: skip
    assert found.runtime.startswith("onnxruntime ")


def test_the_profile_of_this_machine_goes_to_pick_through_a_pipe(command, environment, tmp_path):
    with subprocess.Popen(
        [*command, "probe"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE
    ) as probed:
        picked = subprocess.run(
            [*command, "pick", "--profile", "-", "--json"],
            cwd=tmp_path, env=environment, stdin=probed.stdout, capture_output=True, check=False, timeout=120,
        )  # fmt: skip
        assert probed.wait(timeout=60) == 0
    assert picked.returncode == 0, picked.stderr
    document = json.loads(picked.stdout)
    assert document["device"]["matched_by"]
    assert document["picks"]


def test_the_doctor_lists_every_runner_with_its_remedy(cli):
    found = json.loads(cli("doctor", "--json").out)
    assert {each["runner"] for each in found} >= {
        "litert",
        "onnxruntime",
        "tflm",
        "coreml",
        "android",
        "cortex-m",
        "arm64",
    }
    assert all(bool(each["lacks"]) != each["ready"] for each in found)
    assert next(each for each in found if each["runner"] == "onnxruntime")["ready"]
    text = cli("doctor").out
    assert all(each["lacks"] in text for each in found if each["lacks"])


def test_a_phone_that_is_not_attached_is_said(cli, monkeypatch):
    monkeypatch.setenv("PATH", "")
    done = cli("probe", "--phone")
    assert (done.code, done.out) == (1, "")
    assert "apt-get install adb" in done.err


HELD = "ds-cnn-16_kd4-spoken-digits-int8.tflite"


@pytest.fixture
def digits(tmp_path, cli):
    """A registry of the user's own with the shipped variants, and their files beside it."""
    path = tmp_path / "digits.db"
    path.write_bytes(shipped_registry().read_bytes())
    return path


def emulates():
    runner = pytest.importorskip("bench.runners.cortex_m").CortexMRunner()
    if missing := runner.lacks():
        pytest.skip(missing)


def test_a_file_is_fitted_into_a_board_and_kept(cli, digits):
    emulates()
    arguments = ("bench", "--variant", HELD, "--device", "NUCLEO-L4R5ZI", "--save", "--registry", str(digits))
    done = cli(*arguments, "--json")
    assert done.code == 0, done.err
    (document,) = json.loads(done.out)
    assert document["latency_ms"] is None
    assert document["instructions"] > 100_000
    assert document["fit"]["holds"]
    assert document["comparisons"][0]["reference"].startswith(("tflite-micro", "ai-edge-litert"))
    assert document["command"].endswith("--device nucleo-l4r5zi --flash 2097152 --ram 655360")
    small = cli(*arguments, "--ram", "4KB")
    assert small.code == 3
    fit = next(line for line in small.out.splitlines() if line.startswith("fit "))
    assert "does not fit: RAM over by" in fit
    found = [each for each in rows(digits) if each.variant == HELD]
    assert [each.device for each in found] == ["nucleo-l4r5zi", "emulated-cortex-m4"]
    assert {each.instructions for each in found} == {document["instructions"]}
    assert f"{document['instructions']:,} instructions" in cli(
        "measurements", "--variant", HELD, "--registry", str(digits)
    ).out  # fmt: skip


def test_an_accuracy_is_scored_on_an_emulated_core_and_kept_as_its_own(cli, tmp_path, digits, monkeypatch):
    emulates()
    monkeypatch.delenv("ZOO_DATA", raising=False)
    wave = pytest.importorskip("scipy.io.wavfile", reason="scipy comes with a framework")
    random = np.random.default_rng(3)
    for digit in ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"):
        folder = tmp_path / "clips" / digit
        folder.mkdir(parents=True)
        wave.write(folder / "one.wav", 8000, random.integers(-9000, 9000, 6000).astype(np.int16))
    arguments = ("bench", "--variant", HELD, "--accuracy", "--dataset", str(tmp_path / "clips"), "--json")
    emulated = cli(*arguments, "--device", "cortex-m4", "--save", "--registry", str(digits))
    assert emulated.code == 0, emulated.err
    assert f"as the accuracy of {HELD} on an emulated cortex-m4" in emulated.err
    document, here = json.loads(emulated.out), json.loads(cli(*arguments, "--kernels", "reference").out)
    assert document["kernels"] == "cmsis-nn on an emulated cortex-m4"
    assert document["predicted"] == here["predicted"]
    with Reader(digits) as opened:
        own = [each for each in opened.variants()[HELD].accuracies if each.device == "emulated-cortex-m4"]
    assert [(each.samples, each.processor) for each in own] == [(10, Processor.CPU)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "pixel3"], "cannot be emulated here"),
        (["--ram", "64KB"], "are a microcontroller's"),
        (["--device", "cortex-m4", "--ram", "much"], "--ram is 'much'"),
        (["--device", "cortex-m4"], "on cortex-m4, files that are tflite can be measured"),
        (["--device", "android", "--accuracy", "--dataset", "x"], "not on 'android'"),
    ],
)
def test_bad_usage_of_emulated_cores_says_what_is_wanted(cli, file, arguments, said):
    done = cli("bench", str(file), *arguments)
    assert done.code == 2
    assert said in done.err
