"""Builders of values for tests: sensible defaults, and every field by keyword.

A test names only what its story is about::

    shelf([variant("small", 60.0), variant("large", 75.0)], [measurement("small", 8.0), measurement("large", 20.0)])
"""

from collections.abc import Iterable
from dataclasses import replace

from device_profiles.profile import DeviceProfile, Kind, Processor, Soc, Support, Tier
from registry.candidates import Candidate, Latency
from registry.choice import Shelf
from registry.ranking import Request
from registry.rules import Budgets, Needs
from registry.spec import ChannelOrder, Decoding, DecodingKind, InputKind, Port, Preprocessing, Resize, Spec
from registry.values import (
    Accuracy,
    DelegateCoverage,
    Evidence,
    Measurement,
    Model,
    Objective,
    Precision,
    Variant,
)

CPU, GPU, DSP, NPU, NNAPI = Processor.CPU, Processor.GPU, Processor.DSP, Processor.NPU, Processor.NNAPI


def model(name="classifier", **other) -> Model:
    """Build a model scored by top-1 in percent, with a default latency budget of 33 ms."""
    plain = Model(
        name, "A classifier", "classification", "pictures", "validation", "top1", "%", True, 33.0, ""
    )
    return replace(plain, **other)


def accuracy(value=70.0, **other) -> Accuracy:
    """Build a top-1 accuracy that stands for every processor."""
    plain = Accuracy(
        "top1", value, "pictures", "validation", 50_000, "measured", "tflite", None, "", "accuracy-source"
    )
    return replace(plain, **other)


def variant(name="net", top1: float | None = 70.0, **other) -> Variant:
    """Build a float32 TFLite variant of a megabyte; ``top1=None`` leaves its accuracy unknown."""
    plain = Variant(
        name=name,
        model="classifier",
        net=name,
        family="mobilenet",
        alpha=None,
        resolution="224",
        precision=Precision.FLOAT32,
        format="tflite",
        weights="ours",
        params=None,
        macs=None,
        size_bytes=1_000_000,
        source="variant-source",
        accuracies=() if top1 is None else (accuracy(top1),),
    )
    return replace(plain, **other)


def coverage(operators=52, **other) -> DelegateCoverage:
    """Build what the GPU delegate of TFLite takes: 52 of 64 operators in 3 parts."""
    plain = DelegateCoverage(
        "tflite-gpu", "tflite", GPU, operators, 64, 900, 1000, 3, ("CONV_3D (not in its list)",)
    )
    return replace(plain, **other)


def spec(**other) -> Spec:
    """Build the spec of an int8 classifier of pictures with two classes."""
    plain = Spec(
        (Port("image", (1, 224, 224, 3), "int8", "NHWC", 0.0078125, -1),),
        (Port("scores", (1, 2), "float32"),),
        Preprocessing(
            InputKind.IMAGE, ChannelOrder.RGB, 1 / 255, (0.5,) * 3, (0.25,) * 3, Resize.CENTER_CROP, 0.875
        ),
        Decoding(DecodingKind.TOP1, ("cat", "dög")),
    )
    return replace(plain, **other)


def measurement(name="net", latency_ms: float | None = 10.0, **other) -> Measurement:
    """Build a row of the variant ``name``: TFLite of 2020 on one CPU thread of the phone itself."""
    plain = Measurement(
        variant=name,
        device="phone",
        runtime="tflite",
        runtime_version="",
        era=2020,
        processor=CPU,
        processor_word="cpu",
        threads=1,
        cores="",
        latency_ms=latency_ms,
        low_ms=None,
        high_ms=None,
        statistic="mean",
        runs=None,
        peak_memory_bytes=None,
        ram_bytes=None,
        flash_bytes=None,
        energy_mj=None,
        layers_npu=None,
        layers_gpu=None,
        layers_cpu=None,
        os="",
        source="measurement-source",
        place="",
        excluded="",
        note="",
    )
    return replace(plain, **other)


def twin_row(name="net", latency_ms: float | None = 10.0, **other) -> Measurement:
    """Build a row measured on another device with the phone's SoC."""
    return measurement(name, latency_ms, **{"device": "twin", "evidence": Evidence.SAME_SOC, **other})


def way(runtime="tflite", file_format="tflite", processor=CPU, **other) -> Support:
    """Build one way to run a format."""
    return Support(runtime, file_format, processor, **other)


PHONE_WAYS = (
    way(),
    way(processor=GPU, precisions=("float32", "float16")),
    way("onnxruntime", "onnx"),
)


def device(device_id="phone", **other) -> DeviceProfile:
    """Build a phone of 4 GB that runs TFLite on CPU and GPU (float only there), and ONNX on its CPU."""
    plain = DeviceProfile(
        id=device_id,
        name="The Phone",
        kind=Kind.PHONE,
        tier=Tier.MID,
        soc=Soc("chip", "The Chip"),
        ram_bytes=4_000_000_000,
        os="Android 9-12",
        supports=PHONE_WAYS,
    )
    return replace(plain, **other)


def microcontroller(device_id="board", **other) -> DeviceProfile:
    """Build a microcontroller with 320 kB of RAM and 1 MB of flash that runs TFLite int8."""
    plain = device(
        device_id,
        name="The Board",
        kind=Kind.MCU,
        ram_bytes=None,
        memory={"sram": 320_000, "flash": 1_000_000},
        os="bare metal",
        supports=(way("tflm", precisions=("int8",)),),
    )
    return replace(plain, **other)


def latency(value=10.0, **other) -> Latency:
    """Build a measured latency without a spread."""
    plain = Latency(value, value, value, Evidence.MEASURED, "mean", "measurement-source", "phone")
    return replace(plain, **other)


def candidate(of: Variant | None = None, **other) -> Candidate:
    """Build a candidate measured at 10 ms on one CPU thread."""
    of = of or variant()
    known = of.accuracies[0] if of.accuracies else None
    plain = Candidate(of, CPU, "tflite", 2020, 1, latency=latency(), accuracy=known)
    return replace(plain, **other)


def shelf(
    variants: Iterable[Variant], rows: Iterable[Measurement] = (), of: Model | None = None, needs=None
) -> Shelf:
    """Build what is known of a model for one device."""
    return Shelf(of or model(), {each.name: each for each in variants}, tuple(rows), needs or Needs())


def request(objective=Objective.ACCURACY, **budgets) -> Request:
    """Build what a user wants; budgets by keyword."""
    return Request(Budgets(**budgets), objective)
