"""The model as the choice asks it."""

from dataclasses import replace

from device_profiles.profile import Support
from prediction.predictor import ModelPredictor
from registry.values import Evidence
from tests.builders import CPU, NPU, variant
from tests.unit.prediction.small import PROFILES, fitted

WAY = Support("tflite", "tflite", CPU)
NET = variant(
    "mobilenet-v1-0.75-160-float32.tflite", net="mobilenet-v1-0.75-160", family="mobilenet-v1", alpha=0.75,
    resolution="160",
)  # fmt: skip


def test_a_variant_on_a_known_phone_gets_a_predicted_latency_with_its_interval():
    predictor = ModelPredictor(fitted())
    latency = predictor.latency(NET, PROFILES["fast"], WAY, 1)
    assert latency is not None
    assert latency.evidence is Evidence.PREDICTED
    assert latency.low < latency.value < latency.high
    assert 5 < latency.value < 7
    assert latency.device == "fast"


def test_threads_that_nobody_asked_for_are_those_that_were_measured():
    predictor = ModelPredictor(fitted())
    latency = predictor.latency(NET, PROFILES["fast"], WAY, None)
    assert latency is not None
    assert "16 measurements of this device" in latency.source


def test_what_cannot_be_predicted_is_no_number():
    predictor = ModelPredictor(fitted())
    assert predictor.latency(NET, PROFILES["fast"], replace(WAY, processor=NPU), None) is None
