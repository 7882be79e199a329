"""Models as firmware of an emulated Cortex-M: TFLM's bytes, counts that repeat, and the linker's word on fit."""

import shutil

import numpy as np
import pytest

pytest.importorskip("bakenn", reason="BakeNN comes with the extra 'convert'")
pytest.importorskip("tflite_micro", reason="TFLM comes with the extra 'tflm'")
from ai_edge_litert import schema_py_generated as schema

from bench import cortex_m
from bench.emulation import compared
from bench.runners import cortex_m as runner
from bench.runners.base import Fit, Setup
from converters.converting import convert
from converters.making import Request
from converters.recipes import Recipe, Target
from converters.runners.litert import LitertRunner
from converters.runners.tflm import TflmRunner
from converters.sources.opening import open_source
from converters.targets import flatbuffer
from registry.reader import shipped_registry
from zoo.errors import BenchError, ConversionError, UnknownNameError
from zoo.recording import find_held

MISSING = cortex_m.lacks()
pytestmark = [pytest.mark.convert, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

CORE = cortex_m.CORES["cortex-m4"]
HELD = "ds-cnn-16_kd4-spoken-digits-int8.tflite"


def measured(path, **setup):
    return runner.CortexMRunner().measure(path, Setup(core="cortex-m4", **setup), lambda *_: None)


@pytest.fixture(scope="module")
def held():
    return find_held(shipped_registry(), HELD)


@pytest.fixture(scope="module")
def held_measured(held):
    return measured(held)


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    return made("lenet-5", tmp_path_factory.mktemp("lenet"))


def made(net, folder):
    """An int8 file of one of our nets, its weights as they were drawn."""
    convert(open_source(net), Request((Target.TFLITE,), (Recipe.INT8,), folder))
    (found,) = folder.glob("*.tflite")
    return found


def firmware(path, folder, core=CORE, kernels="cmsis-nn"):
    folder.mkdir()
    return cortex_m.Firmware(path, core, kernels, folder)


@pytest.mark.parametrize("net", ["ds-cnn-16", "lenet-5", "vgg-small"])
def test_nets_of_our_converter_answer_as_tflm_does_byte_for_byte(net, tmp_path):
    found = measured(made(net, tmp_path))
    tflm, litert = found.comparisons
    assert tflm.reference.startswith("tflite-micro")
    assert tflm.same, str(tflm)
    assert litert.most <= 1  # LiteRT's reference kernels round some products otherwise than TFLM does
    assert found.instructions > 10_000
    assert found.latency is None


@pytest.mark.parametrize(
    "name", ["ds-cnn-64_t4-spoken-digits-int8.tflite", "ds-cnn-16_kd4-spoken-digits-int8_per_tensor.tflite"]
)
def test_held_files_answer_as_tflm_does_byte_for_byte(name):
    assert measured(find_held(shipped_registry(), name)).comparisons[0].same


def test_the_count_repeats_exactly_and_is_the_inference_s_alone(held, held_measured, tmp_path):
    again = measured(held)
    assert again.instructions == held_measured.instructions
    built = firmware(held, tmp_path / "one")
    inputs = runner.made_inputs(built.input_bytes)
    (model, _), (idle, _) = built.build(), built.build(idle=True)
    once = built.run(model, inputs).instructions - built.run(idle, inputs).instructions
    twice_as_many = np.concatenate([inputs, inputs])
    both = built.run(model, twice_as_many).instructions - built.run(idle, twice_as_many).instructions
    assert both == 2 * once


def test_sizes_are_the_models_own(held, held_measured):
    assert held_measured.arena_bytes + 490 + 10 <= held_measured.ram_bytes < held_measured.arena_bytes + 600
    assert held.stat().st_size / 2 < held_measured.flash_bytes < held.stat().st_size + 30_000
    assert 100 < held_measured.stack_bytes < 4000


def test_portable_c_gives_the_same_bytes_with_more_instructions(held, held_measured):
    portable = measured(held, kernels="portable")
    assert portable.comparisons[0].same
    assert portable.runtime == "bakenn"
    assert portable.instructions > held_measured.instructions


@pytest.mark.parametrize("core", [each for each in cortex_m.CORES if each != "cortex-m4"])
def test_every_core_gives_the_same_bytes(core, held, tmp_path):
    found = []
    for each in (CORE, cortex_m.CORES[core]):
        built = firmware(held, tmp_path / each.name, each)
        program, _ = built.build()
        found.append(built.run(program, runner.made_inputs(built.input_bytes)).outputs)
    assert np.array_equal(*found)


def test_corrupt_weights_are_seen_in_the_outputs(lenet, tmp_path):
    model = flatbuffer.read(lenet)
    slot = list(flatbuffer.weights(model))[-1]
    data = np.array(model.buffers[slot.tensor.buffer].data, np.uint8)
    model.buffers[slot.tensor.buffer].data = (-data.view(np.int8)).view(
        np.uint8
    )  # every weight has the other sign
    corrupt = tmp_path / "corrupt.tflite"
    flatbuffer.write(model, corrupt)
    built = firmware(corrupt, tmp_path / "firmware")
    inputs = runner.made_inputs(built.input_bytes)
    outputs = built.run(built.build()[0], inputs).outputs
    for each in runner.comparisons(lenet, built, inputs, outputs):
        assert not each.same
        assert each.differing > each.numbers / 2
        assert str(each).startswith("not the same as ")
    assert all(each.same for each in runner.comparisons(corrupt, built, inputs, outputs)[:1])


def test_what_does_not_fit_is_said_to_the_byte(held):
    small = measured(held, ram_bytes=2048, flash_bytes=16_384).fit
    assert set(small.overflows) == {"RAM", "FLASH"}
    assert str(small).startswith("does not fit: ")
    assert f"RAM over by {small.overflows['RAM']:,} bytes" in str(small)
    enough = {"ram_bytes": 2048 + small.overflows["RAM"], "flash_bytes": 16_384 + small.overflows["FLASH"]}
    fits = measured(held, **enough).fit
    assert fits.holds
    assert "run there" in str(fits)
    one_less = measured(held, ram_bytes=enough["ram_bytes"] - 8).fit
    assert one_less.overflows == {"RAM": 8}


def test_a_board_with_more_memory_than_the_emulated_one_is_fitted_into_the_smaller(held):
    assert measured(held, ram_bytes=1 << 30, flash_bytes=1 << 30).fit.holds


def test_logits_are_compared_where_a_softmax_is_left_out(lenet, tmp_path):
    model = flatbuffer.read(lenet)
    graph = model.subgraphs[0]
    logits = graph.tensors[graph.outputs[0]]
    scores = schema.TensorT()
    scores.name, scores.shape, scores.type, scores.buffer = b"scores", logits.shape, logits.type, 0
    scores.quantization = schema.QuantizationParametersT()
    scores.quantization.scale, scores.quantization.zeroPoint = np.float32([1 / 256]), np.int64([-128])
    graph.tensors.append(scores)
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SOFTMAX
    code.version = 2
    model.operatorCodes.append(code)
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = [graph.outputs[0]], [len(graph.tensors) - 1]
    operator.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
    operator.builtinOptions = schema.SoftmaxOptionsT()
    operator.builtinOptions.beta = 1.0
    graph.operators.append(operator)
    graph.outputs, model.signatureDefs = [len(graph.tensors) - 1], None
    path = tmp_path / "softmax.tflite"
    flatbuffer.write(model, path)
    LitertRunner("reference").run(path, [[np.zeros((1, 28, 28, 1), np.float32)]])  # it is a sound file
    found = measured(path)
    assert found.comparisons[0].same
    assert "its last SOFTMAX is left out: outputs are logits" in found.notes
    assert found.instructions == measured(lenet).instructions


def test_a_float_file_is_refused_in_words():
    path = find_held(shipped_registry(), HELD.replace("int8", "float32"))
    with pytest.raises(ConversionError, match="int8 inputs and outputs; these are FLOAT32"):
        measured(path)


def test_times_are_not_asked_of_an_emulator(held):
    with pytest.raises(BenchError, match="no times"):
        measured(held, operators=True)


def test_the_scorer_answers_with_the_firmwares_bytes(held):
    random = np.random.default_rng(5)
    samples = [[random.standard_normal((1, 49, 10, 1)).astype(np.float32)] for _ in range(12)]
    found = runner.scorer("cortex-m4", "").run(held, samples)
    wanted = TflmRunner().run(held, samples)
    assert np.array_equal([each[0] for each in found], [each[0] for each in wanted])


def test_a_program_that_faults_is_an_error(lenet, tmp_path):
    built = firmware(lenet, tmp_path / "firmware")
    source = next((tmp_path / "firmware" / "source").glob("bknn_model.c"))
    text = source.read_text(encoding="utf-8")
    place = text.index("{", text.rindex("void bknn_model_infer("))
    source.write_text(f"{text[: place + 1]} __builtin_trap(); {text[place + 1 :]}", encoding="utf-8")
    with pytest.raises(BenchError, match="code 99"):
        built.run(built.build()[0], runner.made_inputs(built.input_bytes))


def test_unknown_kernels_are_said():
    with pytest.raises(UnknownNameError, match="cmsis-nn, portable"):
        runner.scorer("cortex-m4", "xnnpack")


def test_what_is_missing_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "apt-get install qemu-system-arm gcc-arm-none-eabi" in cortex_m.lacks()


def test_outputs_are_compared_to_the_last_bit():
    found = compared(np.float32([0.0, 1.0, 2.0]), np.float32([-0.0, 1.0, 2.5]), "the other")
    assert (found.differing, found.most) == (2, 0.5)
    assert str(found) == "not the same as the other in 2 of 3 numbers, by up to 0.5"
    with pytest.raises(BenchError, match="no match"):
        compared(np.int8([1]), np.int8([1, 2]), "the other")


def test_a_fit_says_what_it_was_linked_for():
    assert str(Fit(1000, None, 256, {})).startswith("fits into 1,000 bytes of flash, linked with 256")
