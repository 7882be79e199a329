"""From the bytes of a file to the answer of ``zoo pick``: what falls back to the CPU is said, not chosen blindly."""

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
pytest.importorskip("litert_torch", reason="litert-torch comes with the extra 'tflite'")
import numpy as np  # noqa: E402

from converters.inspection.coverage import COREML, TFLITE  # noqa: E402
from converters.inspection.coverage.registering import RUNTIMES, delegates  # noqa: E402
from converters.inspection.inspecting import inspect  # noqa: E402
from converters.recipes import Recipe, Target  # noqa: E402
from converters.sources.base import SourceKind  # noqa: E402
from converters.sources.torch_modules import from_module  # noqa: E402
from converters.targets.base import Settings, converter  # noqa: E402
from device_profiles.profile import Support  # noqa: E402
from registry.choice import pick  # noqa: E402
from registry.values import Precision, Processor  # noqa: E402
from tests.builders import device, request, shelf, twin_row, variant  # noqa: E402

pytestmark = pytest.mark.convert


def report(last, folder):
    """What is in an int8 TFLite file of a small net that ends in ``last``."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), last, torch.nn.Conv2d(8, 4, 1)).eval()
    source = from_module(net, [torch.randn(1, 3, 16, 16)], "net", SourceKind.PYTHON, "net")
    made = converter(Target.TFLITE, source, folder)
    path = folder / "net.tflite"
    samples = [
        [np.random.default_rng(each).standard_normal((1, 3, 16, 16)).astype(np.float32)] for each in range(2)
    ]
    made.write(Recipe.INT8, Settings(samples), path)
    return inspect(path)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return report(torch.nn.GELU(), tmp_path_factory.mktemp("split"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return report(torch.nn.ReLU(), tmp_path_factory.mktemp("whole"))


def chosen(found):
    """What a phone with a DSP picks, where another phone with its SoC was measured, and the DSP was faster."""
    phone = device(supports=(*device().supports, Support("tflite", "tflite", Processor.DSP)))
    made = variant(coverage=delegates(found), precision=Precision.INT8)
    rows = [twin_row(processor=Processor.DSP, latency_ms=2), twin_row(latency_ms=12)]
    return pick(shelf([made], rows), phone, request())


def test_a_file_that_falls_back_is_not_picked_for_the_dsp(split):
    assert chosen(split).pick.processor is Processor.CPU


def test_a_file_that_the_dsp_takes_wholly_is(whole):
    assert chosen(whole).pick.processor is Processor.DSP


def test_the_registry_s_words_say_what_falls_back_and_why(split):
    (hexagon,) = [each for each in delegates(split) if each.delegate == "hexagon"]
    assert not hexagon.whole
    assert "GELU" in str(hexagon)
    assert str(hexagon).endswith("to the CPU")


def test_every_delegate_off_the_cpu_has_a_word_of_the_registry():
    off = {each.name for each in (*TFLITE, *COREML) if each.processor != "cpu"}
    assert off <= set(RUNTIMES)
