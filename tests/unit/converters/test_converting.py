"""Conversion: files that prove themselves, refusals in words, and nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
import numpy as np  # noqa: E402

from converters.converting import convert  # noqa: E402
from converters.golden import read_samples  # noqa: E402
from converters.making import Request  # noqa: E402
from converters.recipes import Recipe, Target  # noqa: E402
from converters.sources.base import Port, SourceKind  # noqa: E402
from converters.sources.opening import open_source  # noqa: E402
from converters.sources.torch_modules import from_architecture, from_module  # noqa: E402
from zoo.errors import ConversionError, UsageError  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
import nets  # noqa: E402

pytestmark = pytest.mark.convert

ALL = (Target.TFLITE, Target.COREML, Target.ONNX)


def source(name):
    net, example = getattr(nets, name)()
    examples = [example] if isinstance(example, torch.Tensor) else list(example)
    return from_module(net, examples, name, SourceKind.PYTHON, f"nets:{name}")


def request(out, *recipes, targets=ALL, **changes):
    return Request(targets, recipes, out, **changes)


@pytest.fixture(scope="module")
def floats(tmp_path_factory):
    out = tmp_path_factory.mktemp("floats")
    return convert(
        source("classifier"), request(out, Recipe.FLOAT32, Recipe.FLOAT16, Recipe.INT8, Recipe.INT8_WEIGHTS)
    ), out


def test_three_formats_compute_the_same(floats):
    certificate, _ = floats
    exact = [each for each in certificate.files if each.recipe in {"float32", "float16"}]
    assert len(exact) == 6
    assert all(each.main.parity.max_rel_error <= 1e-3 for each in exact)
    assert all(each.main.parity.top1_agreement == 1 for each in exact)


def test_static_int8_reaches_twenty_decibels_in_every_format(floats):
    certificate, _ = floats
    static = [each for each in certificate.files if each.recipe == "int8"]
    assert len(static) == 3
    assert all(each.main.parity.snr_db >= 20 for each in static)
    assert {each.precision for each in static} == {"int8"}
    assert {each.granularity for each in static} == {"per_channel"}


def test_tflite_files_are_run_by_every_kernel_there_is(floats):
    certificate, _ = floats
    (static,) = [each for each in certificate.files if each.path == "classifier-int8.tflite"]
    assert [each.kernels for each in static.checks] == ["xnnpack", "reference", "reference"]
    assert all(each.parity is not None for each in static.checks)


def test_the_certificate_lies_beside_the_files_and_names_them(floats):
    certificate, out = floats
    written = json.loads((out / "certificate.json").read_text(encoding="utf-8"))
    assert written == json.loads(certificate.to_json())
    assert {each["path"] for each in written["files"]} | {"certificate.json", "golden.npz"} == {
        each.name for each in out.iterdir()
    }
    assert all(each["sha256"] and each["size_bytes"] for each in written["files"])


def test_the_golden_outputs_are_the_source_s(floats):
    _, out = floats
    net, _ = nets.classifier()
    with np.load(out / "golden.npz") as golden:
        wanted = net(torch.from_numpy(golden["input_0"])).detach().numpy()
        assert np.allclose(golden["output_0"], wanted, atol=1e-5)


def test_images_are_channels_last_in_tflite_and_first_elsewhere(tmp_path):
    certificate = convert(source("segmenter"), request(tmp_path, Recipe.FLOAT32))
    layouts = {
        each.format: (each.inputs[0].layout, each.inputs[0].shape, each.outputs[0].shape)
        for each in certificate.files
    }
    assert layouts.pop("tflite") == ("NHWC", (1, 16, 16, 3), (1, 16, 16, 4))
    assert set(layouts.values()) == {("NCHW", (1, 3, 16, 16), (1, 4, 16, 16))}
    assert all(each.main.parity.max_rel_error < 1e-4 for each in certificate.files)


def test_several_inputs_keep_their_order(tmp_path):
    certificate = convert(source("two_inputs"), request(tmp_path, Recipe.FLOAT32))
    assert [each.main.parity.max_rel_error < 1e-5 for each in certificate.files] == [True, True, True]


def test_what_a_format_has_only_in_a_broken_form_is_refused_in_words(tmp_path):
    certificate = convert(
        source("swishes"),
        request(tmp_path, Recipe.INT8, Recipe.INT2_WEIGHTS, Recipe.PALETTE4, targets=(Target.TFLITE,)),
    )
    assert certificate.files == ()
    assert [each.recipe for each in certificate.refused] == ["int8", "int2_weights", "palette4"]
    assert "MobileNet V3" in certificate.refused[0].reason
    assert sorted(each.name for each in tmp_path.iterdir()) == ["certificate.json", "golden.npz"]


def test_what_is_slow_on_a_cpu_is_written_when_it_is_asked_for(tmp_path):
    certificate = convert(
        source("swishes"), request(tmp_path, Recipe.INT8, targets=(Target.TFLITE,), keep_slow=True)
    )
    assert [each.path for each in certificate.files] == ["swishes-int8.tflite"]


def test_a_sparse_file_of_dense_weights_is_a_silent_no_op_and_refused(tmp_path):
    certificate = convert(source("classifier"), request(tmp_path, Recipe.SPARSE))
    assert certificate.files == ()
    assert all("no-op" in each.reason for each in certificate.refused)


def test_a_net_without_weights_has_nothing_to_compress(tmp_path):
    class Double(torch.nn.Module):
        def forward(self, x):
            return torch.relu(2 * x)

    plain = from_module(Double(), [torch.randn(1, 4)], "double", SourceKind.PYTHON, "double")
    recipes = Recipe.FLOAT16, Recipe.INT8_WEIGHTS, Recipe.INT4_WEIGHTS
    made = convert(plain, request(tmp_path, *recipes))
    assert [each.path for each in made.files if each.recipe != "float16"] == []
    assert all("no-op" in each.reason for each in made.refused)


def test_a_file_that_a_quantizer_left_in_float_is_refused(tmp_path):
    net, example = nets.classifier()
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(net, (example,)), path)
    # coremltools' quantizer of layers finds none in an exported graph
    made = convert(
        open_source(str(path)), request(tmp_path / "out", Recipe.INT8, targets=(Target.COREML, Target.TFLITE))
    )
    assert [each.path for each in made.files] == ["net-int8.tflite"]
    assert "no weight is quantized" in made.refused[0].reason


def test_whole_numbers_go_in_as_the_format_has_them(tmp_path):
    torch.manual_seed(0)

    class Words(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.head = torch.nn.Embedding(50, 16), torch.nn.Linear(16, 5)

        def forward(self, words):
            return self.head(self.table(words).mean(1))

    words = from_module(Words().eval(), [torch.randint(0, 50, (1, 12))], "words", SourceKind.PYTHON, "words")
    made = convert(
        words, request(tmp_path, Recipe.FLOAT32, Recipe.INT8, targets=(Target.TFLITE, Target.ONNX))
    )
    assert [each.path for each in made.files if each.format == "tflite"] == [
        "words-float32.tflite",
        "words-int8.tflite",
    ]


def test_what_a_framework_cannot_do_is_said_in_one_plain_line(tmp_path):
    class Depends(torch.nn.Module):
        def forward(self, x):
            return 2 * x if x.sum() > 0 else x - 1

    depends = from_module(Depends(), [torch.ones(1, 4)], "depends", SourceKind.PYTHON, "depends")
    made = convert(depends, request(tmp_path, Recipe.FLOAT32))
    assert made.files == ()
    assert all(each.reason.isprintable() for each in made.refused)


def test_layers_that_the_older_core_ml_format_cannot_be_checked_with_make_an_ml_program(tmp_path):
    torch.manual_seed(0)

    class Steps(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.steps, self.head = torch.nn.LSTM(4, 8, batch_first=True), torch.nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.steps(x)[0][:, -1])

    steps = from_module(Steps().eval(), [torch.randn(1, 6, 4)], "steps", SourceKind.PYTHON, "steps")
    made = convert(steps, request(tmp_path, Recipe.FLOAT32, targets=(Target.COREML,), tiny=True))
    assert [each.path for each in made.files] == ["steps-float32.mlpackage"]


def test_weights_too_coarse_for_the_net_are_refused_with_what_was_measured(tmp_path):
    certificate = convert(
        from_architecture("mobilenet-v2-0.35-96", None),
        request(tmp_path, Recipe.PALETTE1, targets=(Target.COREML,)),
    )
    (refused,) = certificate.refused
    assert "signal-to-noise" in refused.reason
    assert refused.checks[0].parity.snr_db < 3
    assert sorted(each.name for each in tmp_path.iterdir()) == ["certificate.json", "golden.npz"]


def test_files_that_were_there_before_are_replaced_whole(tmp_path):
    first = convert(
        source("classifier"), request(tmp_path, Recipe.FLOAT32, targets=(Target.COREML, Target.ONNX))
    )
    again = convert(
        source("classifier"), request(tmp_path, Recipe.FLOAT32, targets=(Target.COREML, Target.ONNX))
    )
    assert [each.path for each in first.files] == [each.path for each in again.files]
    assert not [each for each in tmp_path.iterdir() if each.name.startswith((".", "old"))]


def test_a_folder_that_cannot_be_written_to_is_said_in_one_line(tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("a file")
    with pytest.raises(ConversionError, match="cannot be written to"):
        convert(source("classifier"), request(taken, Recipe.FLOAT32))


def test_an_interrupt_that_a_framework_turns_into_an_error_of_its_own_still_interrupts(tmp_path):
    def run(_):
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise ValueError("what a framework makes of it")

    with pytest.raises(KeyboardInterrupt):
        convert(replace(source("classifier"), run=run), request(tmp_path, Recipe.FLOAT32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "kill"])
def test_an_interrupted_conversion_leaves_nothing(signal_, tmp_path):
    out = tmp_path / "out"
    zoo = Path(sys.executable).with_name("zoo")
    command = [zoo, "convert", "nets:classifier", "--out", str(out), "-p", "float32,float16,int8"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(nets.__file__).parent), os.environ.get("PYTHONPATH", "")]),
    }
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as running:
        while running.poll() is None and not any(out.glob(".zoo-convert-*/*")):
            time.sleep(0.05)
        running.send_signal(signal_)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said == "zoo: interrupted\n"
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (np.zeros((4, 16, 16, 3), np.float32), "is wanted for input"),
        (np.zeros((0, 3, 16, 16), np.float32), "is wanted for input"),
        (np.full((4, 3, 16, 16), np.nan, np.float32), "not numbers"),
    ],
    ids=["channels last", "no samples", "nan"],
)
def test_samples_that_do_not_fit_are_refused(made, says, tmp_path):
    path = tmp_path / "samples.npy"
    np.save(path, made)
    with pytest.raises(UsageError, match=says):
        read_samples(path, [Port("input", (1, 3, 16, 16), "float32")])


def test_samples_that_would_run_code_are_refused(tmp_path):
    path = tmp_path / "samples.npy"
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(UsageError, match="no samples can be read"):
        read_samples(path, [Port("input", (1, 3), "float32")])


def test_real_samples_are_golden_and_calibrate(tmp_path):
    path = tmp_path / "samples.npz"
    random = np.random.default_rng(0)
    np.savez(path, input=random.standard_normal((40, 3, 16, 16)).astype(np.float32))
    certificate = convert(
        source("classifier"), request(tmp_path / "out", Recipe.INT8, targets=(Target.ONNX,), calibration=path)
    )
    assert certificate.golden["kind"] == "samples"
    assert (certificate.golden["samples"], certificate.golden["calibration_samples"]) == (8, 32)
    assert not [flag for each in certificate.files for flag in each.flags if "noise" in flag]
