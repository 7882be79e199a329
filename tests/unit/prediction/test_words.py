"""Rows of tables in the words of their sources."""

import pytest

from device_profiles.profile import Processor
from prediction.query import Query, Unknown
from prediction.words import net_of, query_of, stem


def nobody(_name, _soc):
    return None


@pytest.mark.parametrize(
    ("family", "model", "net"),
    [
        ("mobilenet_v1", "Mobilenet_V1_0.25_128_quant", "mobilenet-v1"),
        ("mobilenet", "mobilenet_int8", "mobilenet-v1"),
        ("resnet50", "resnet50", "resnet-50"),
        ("googlenet", "googlenet", "inception-v1"),
        ("efficientnet_b0", "efficientnet_b0", "efficientnet-b0"),
        ("yolov8_det", "YOLOv8-Detection", "yolov8n"),
        ("whoever", "Who Ever 2", "whoever"),
    ],
)
def test_a_net_is_known_by_the_words_of_its_source(family, model, net):
    assert net_of(family, model)[0] == net


@pytest.mark.parametrize(
    ("words", "runtime", "era", "processor"),
    [
        (("TFLite (docs 2020)", "cpu", "4"), "tflite", 2020, Processor.CPU),
        (("TFLite (docs 2020)", "nnapi", ""), "tflite", 2020, Processor.NNAPI),
        (("ncnn", "gpu (Vulkan)", ""), "ncnn", None, Processor.GPU),
        (("Paddle-Lite v2.11 (armv7)", "cpu (1 big core)", "1"), "paddle-lite-armv7", 2022, Processor.CPU),
        (("QNN DLC", "npu", ""), "qnn-dlc", 2026, Processor.NPU),
        (("TFLite", "npu", ""), "tflite", 2026, Processor.NPU),
        (("TFLite 2.5 Edge TPU delegate", "edgetpu", ""), "tflite", 2021, Processor.NPU),
    ],
)
def test_runtime_year_and_processor_are_read_from_the_words(words, runtime, era, processor):
    cells = dict(zip(("runtime", "processor", "threads"), words, strict=True))
    query = query_of({"model": "mobilenet", "family": "mobilenet", **cells}, nobody)
    assert isinstance(query, Query)
    assert (query.runtime, query.era, query.processor) == (runtime, era, processor)


def test_the_latency_of_a_row_is_never_read():
    cells = {"model": "m", "processor": "cpu", "runtime": "ncnn"}
    assert query_of({**cells, "latency_ms": "1"}, nobody) == query_of({**cells, "latency_ms": "999"}, nobody)


def test_a_processor_that_nobody_knows_is_said():
    answer = query_of({"model": "m", "processor": "abacus"}, nobody)
    assert isinstance(answer, Unknown)
    assert "abacus" in answer.reason


@pytest.mark.parametrize(
    ("net", "alpha", "resolution", "expected"),
    [
        ("mobilenet-v2-0.35-96", 0.35, "96", "mobilenet-v2"),
        ("resnet-50-224", None, "224", "resnet-50"),
        ("nanodet-m-1.5x-416", None, "416", "nanodet-m-1.5x"),
        ("act-480x640", None, "480x640", "act"),
    ],
)
def test_width_and_size_are_taken_off_a_name(net, alpha, resolution, expected):
    assert stem(net, alpha, resolution) == expected
