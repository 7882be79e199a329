"""Reads queries from tables in the sources' own words, and from the registry's rows.

A table's columns are ``model, family, alpha, resolution, precision, params_m, macs_m, device, soc, runtime, processor,
threads, layers_cpu``; all others are ignored, and ``latency_ms`` above all. ``data/names.csv`` says what a net
is called here, by ``family`` and ``model`` of the sources.
"""

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources

from device_profiles.profile import DeviceProfile, Processor
from prediction import nets
from prediction.query import Query, Unknown
from registry.values import Measurement, Variant

_PROCESSORS = (
    ("nnapi", Processor.NNAPI), ("gpu", Processor.GPU), ("opencl", Processor.GPU), ("vulkan", Processor.GPU),
    ("edgetpu", Processor.NPU), ("npu", Processor.NPU), ("htp", Processor.NPU), ("neural", Processor.NPU),
    ("accelerator", Processor.NPU), ("dsp", Processor.DSP), ("hexagon", Processor.DSP), ("cpu", Processor.CPU),
)  # fmt: skip

# what a runtime's words contain, what it is called here, and its year where the words do not say it
_RUNTIMES = (
    ("tensorflow mobile", "tensorflow-mobile", None),
    ("paddle-mobile", "paddle-mobile", None),
    ("paddleclas 2", "paddle-lite", 2021),
    ("paddle-lite", "paddle-lite", None),
    ("microcontrollers", "tflm", None), ("tflite-micro", "tflm", None),
    ("arm nn", "tflite-armnn", 2021), ("armnn", "tflite-armnn", 2021),
    ("tflite 2.5", "tflite", 2021), ("tflite", "tflite", None), ("litert", "tflite", None),
    ("precompiled qnn onnx", "onnxruntime-qnn-precompiled", 2026),
    ("qnn context", "qnn-context-binary", 2026), ("qnn", "qnn-dlc", 2026), ("onnx", "onnxruntime", None),
    ("xnnpack", "xnnpack", None), ("larq", "larq", None), ("mnn", "mnn", None), ("ncnn", "ncnn", None),
    ("snpe", "snpe", None), ("samsung", "exynos-npu", None), ("core ml", "coreml", None), ("coreml", "coreml", None),
)  # fmt: skip
_YEARS = {
    "paddle-lite v2.6": 2020, "paddle-lite v2.8": 2021, "paddle-lite v2.10": 2021, "paddle-lite v2.11": 2022,
    "snpe v2.0": 2022, "snpe v2.1": 2022, "snpe v3.0": 2023, "snpe v3.1": 2023, "snpe v4.0": 2024, "snpe v5.0": 2025,
    "exynos-npu v2.0": 2022, "exynos-npu v2.1": 2022, "exynos-npu v3.0": 2023, "exynos-npu v3.1": 2023,
    "exynos-npu v4.0": 2024,
}  # fmt: skip
_HUB = {"tflite", "onnx runtime"}  # bare words: AI Hub's tables
_HUB_YEAR = 2026

_UNSTATED = {"shufflenet-v1", "shufflenet-v2", "mnasnet"}  # Paddle's tables do not say which width

Devices = Callable[[str, str], DeviceProfile | None]
"""Finds a profile by a device's name and the words on its chip."""


def query_of(cells: Mapping[str, str], devices: Devices) -> Query | Unknown:
    """Read one row of a table.

    Args:
        cells: by column; a missing column counts as blank.
        devices: finds profiles.
    """
    text = {key: (value or "").strip() for key, value in cells.items()}
    processor = _processor(text.get("processor", ""))
    if processor is None:
        return Unknown(f"processor '{text.get('processor', '')}' is none of cpu, gpu, nnapi, npu, dsp")
    runtime, era = _runtime(text)
    name, soc = text.get("device", ""), text.get("soc", "")
    profile = devices(name, soc)
    resolution = _resolution(text.get("resolution", ""))
    net, family, width = net_of(text.get("family", ""), text.get("model", ""), resolution)
    return Query(
        net,
        family,
        processor,
        runtime,
        _alpha(text, width or _usual_width(net, runtime)),
        resolution,
        _precision(text.get("precision", "")),
        _number(text.get("params_m", "")),
        _number(text.get("macs_m", "")),
        None,
        profile.id if profile else name,
        soc,
        profile,
        era,
        text.get("runtime", ""),
        _whole(text.get("threads", "")) if processor is Processor.CPU else None,
        _cores(text) if processor is Processor.CPU else "",
        falls_back=processor is not Processor.CPU and (_number(text.get("layers_cpu", "")) or 0) > 0,
    )


def query_of_variant(variant: Variant, processor: Processor, runtime: str) -> Query:
    """What a registered variant is, without a device."""
    return Query(
        stem(variant.net, variant.alpha, variant.resolution),
        variant.family,
        processor,
        runtime,
        variant.alpha,
        variant.resolution,
        str(variant.precision),
        None if variant.params is None else variant.params / 1e6,
        None if variant.macs is None else variant.macs / 1e6,
    )


def query_of_measurement(variant: Variant, row: Measurement, profile: DeviceProfile | None) -> Query:
    """Read one measurement of the registry."""
    return replace(
        query_of_variant(variant, row.processor, row.runtime),
        device=row.device,
        profile=profile,
        era=row.era,
        version=row.runtime_version,
        threads=row.threads,
        cores=row.cores,
        falls_back=row.processor is not Processor.CPU and bool(row.layers_cpu),
    )


def stem(net: str, alpha: float | None, resolution: str) -> str:
    """A net's name without its width and size: ``mobilenet-v2`` of ``mobilenet-v2-0.35-96``."""
    parts = net.split("-")
    if resolution and resolution in parts:
        parts.reverse()
        parts.remove(resolution)
        parts.reverse()
    if alpha is not None:
        parts = [each for each in parts if not (re.fullmatch(r"\d+\.\d+", each) and float(each) == alpha)]
    return "-".join(parts)


def net_of(family: str, model: str, resolution: str = "") -> tuple[str, str, float | None]:
    """The net, family and usual width that a source's words mean; where nobody knows them, the words themselves."""
    words = f"{model}{resolution}", model, ""
    keys = (
        f"{plain(family)}/={model}",
        *(f"{plain(family)}/{plain(word)}" for word in words),
        f"{plain(model)}/",
    )
    for key in keys:
        if key in _names():
            return _names()[key]
    for word in (family, model):
        if plain(word) in _counted():
            net = _counted()[plain(word)]
            return net, re.sub(r"-([bsmlx]?\d+|tiny|small|base|large|[sml])$", "", net), None
    word = re.sub(r"[^a-z0-9.]+", "-", (family or model).casefold()).strip("-")
    return word, word, None


def plain(text: str) -> str:
    """Letters and digits of ``text``, in lower case."""
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def _word(model: str) -> str:
    """A word in the table of names; after ``=`` it is meant letter by letter."""
    return model if model.startswith("=") else plain(model)


@cache
def _counted() -> dict[str, str]:
    return {plain(each): each for each in nets.names()}


@cache
def _names() -> dict[str, tuple[str, str, float | None]]:
    text = (resources.files("prediction") / "data" / "names.csv").read_text(encoding="utf-8")
    return {
        f"{plain(cells['family_word'])}/{_word(cells['model_word'])}": (
            cells["net"],
            cells["family"],
            float(cells["alpha"]) if cells["alpha"] else None,
        )
        for cells in csv.DictReader(text.splitlines())
    }


def _processor(text: str) -> Processor | None:
    word = text.casefold()
    return next((found for part, found in _PROCESSORS if part in word), None)


def _runtime(text: Mapping[str, str]) -> tuple[str, int | None]:
    word = text.get("runtime", "").casefold()
    years = [int(each) for each in re.findall(r"\b20\d\d\b", word)]
    unknown = re.sub(r"[^a-z0-9]+", "-", word).strip("-")
    name, era = next(((name, era) for part, name, era in _RUNTIMES if part in word), (unknown, None))
    release = re.search(r"v\d+\.\d+", word)
    if release:
        era = era or _YEARS.get(f"{name} {release.group()}")
    if word in _HUB:
        era = _HUB_YEAR
    if name == "tflite" and "arm nn" in text.get("table", "").casefold():
        name = "tflite-armnn"
    if name == "mnn" and "low" in text.get("precision", ""):
        name = "mnn-low-precision"
    bits = "" if name == "paddle-mobile" else next((each for each in ("armv7", "armv6") if each in word), "")
    if name == "tflite" and re.search(r"\b32 ?bit", text.get("os", "").casefold()):
        bits = "armv7"
    return f"{name}-{bits}" if bits else name, max(years, default=None) or era


def _cores(text: Mapping[str, str]) -> str:
    word = text.get("processor", "").casefold()
    if "bound to big core" in word:
        return "1 big" if text.get("threads", "") == "1" else ""
    for each in ("1 big", "all", "big", "little"):
        if f"{each} core" in word:
            return each
    return ""


def _precision(text: str) -> str:
    word = text.casefold()
    for part, name in (
        ("w8a8_mixed", "mixed"), ("w8a16_mixed", "mixed"), ("mixed", "mixed"), ("w8a16", "w8a16"), ("w8a8", "int8"),
        ("w16a16", "int16"), ("sparse", "sparse"), ("binary", "binary"), ("2019 hybrid", "int8_dynamic"),
        ("int8", "int8"), ("quant", "int8"), ("fp16", "float16"),
    ):  # fmt: skip
        if part in word and not (name == "float16" and "fp32" in word):
            return name
    return "float32" if word else "unknown"


def _usual_width(net: str, runtime: str) -> float | None:
    if runtime.startswith("paddle") and net in _UNSTATED:
        return None
    return nets.usual_width(net)


def _alpha(text: Mapping[str, str], usual: float | None) -> float | None:
    given = _number(text.get("alpha", ""))
    if given is not None:
        return given
    model = text.get("model", "").casefold()
    found = re.search(r"_x(\d)_(\d+)", model)
    if found:
        return float(f"{found.group(1)}.{found.group(2)}")
    found = re.search(r"\bdm[ =]?(\d(?:\.\d+)?)", model) or (
        re.search(r"\b(0\.\d+)\b", model) if usual else None
    )
    return float(found.group(1)) if found else usual


def _resolution(text: str) -> str:
    product = re.search(r"\d+(?: ?x ?\d+)+", text) or re.search(r"\d+", text)
    sides: list[str] = re.findall(r"\d+", product.group()) if product else []
    while len(sides) > 2 or (len(sides) > 1 and sides[0] in {"1", "3"}):  # noqa: PLR2004 - a batch, cameras and
        sides.pop(0)  # channels may stand before height and width
    if len(set(sides)) == 1:
        return sides[0]
    return "x".join(sides)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    number = _number(text)
    return None if number is None else int(number)
