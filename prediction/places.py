"""Where a net runs: the facts of a device, a runtime and a processor that tell latencies apart."""

import csv
import math
import re
from dataclasses import astuple, dataclass
from functools import cache
from importlib import resources
from typing import Any, Self

from device_profiles.profile import CpuCluster, Processor
from prediction.query import Query

_USUAL_CLOCK_HZ = 2e9
_USUAL_YEAR = 2018
_USUAL_GENERATION = 73
_GENERIC = {"Hexagon tensor processor", "Hexagon (HTP)", "Hexagon NPU (HTP)"}  # names that tell nothing apart
_HUB_YEAR = 2026  # AI Hub's figures of one release: its tables name no versions
_BY_YEAR = {"snpe", "exynos-npu"}
# Cores that issue instructions in order, by Arm's and SiFive's own descriptions: far slower at the same clock.
_IN_ORDER = {"a5", "a7", "a35", "a53", "a55", "a510", "a520", "u74", "x60", "c906", "arm1176jzf"}
_ARM32 = {"a5", "a7", "a8", "a9", "a15", "a17", "arm1176jzf"}
# Armv8.2 and later: arithmetic in half precision and dot products of bytes, by Arm's and NVIDIA's own descriptions.
_HALF_PRECISION = {
    "a55", "a75", "a76", "a77", "a78", "a510", "a520", "a710", "a715", "a720", "a725", "x1", "x2", "x3", "x4", "x925",
    "n1", "carmel", "oryon",
}  # fmt: skip
_SORTS = {
    "apple": ("cyclone", "typhoon", "twister", "hurricane", "monsoon", "vortex", "lightning", "firestorm", "avalanche",
              "m1", "m2", "m3", "m4"),
    "riscv": ("u74", "x60", "c906", "c908", "c910", "andes"),
    "loongson": ("la", "gs"),
    "x86": ("zen", "tremont", "airmont", "coffee", "goldmont", "gracemont"),
}  # fmt: skip
_WORDS = re.compile(
    r"(cortex[-\u2011 ]?[ax]\d+\w*|[ax]\d{2,3}\b|k[ry]+o ?\d*|oryon|cyclone|krait)"
    r"[^+]{0,12}?(?<![\d.])([\d.]+) ?([gm])hz"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a net runs.

    Attributes:
        device: id of the device.
        soc: id of its chip, or the words on it.
        chip: the core, GPU or accelerator that works, by name; empty where unknown.
        breed: what sort that is: instruction set of a core, maker of a GPU; the device's kind for an accelerator.
        runtime: with the processor, such as ``tflite cpu``.
        source: with the version and year of the runtime: figures of two versions are never pooled.
        threads: with the cores, such as ``4 big``; empty off the CPU.
        slow: 1 for cores that issue in order, and for accelerators of unknown generation; else 0.
        clock: logarithm of the core's clock over 2 GHz; of an accelerator, its generation over that of 2023 in sixths;
            0 where unknown.
        team: logarithm of the number of threads.
        year: of the chip, in fours of years since 2018.
    """

    device: str
    soc: str
    chip: str
    breed: str
    runtime: str
    source: str
    threads: str
    slow: float
    clock: float
    team: float
    year: float

    @classmethod
    def of(cls, query: Query) -> Self:
        """The place that ``query`` asks about."""
        profile, soc = query.profile, query.profile.soc if query.profile else None
        year = (
            (soc.year if soc else None) or (profile.year if profile else None) or _USUAL_YEAR
        ) - _USUAL_YEAR
        common = (query.device, soc.id if soc else query.soc)
        runtime = f"{query.runtime} {query.processor}"
        source = f"{runtime} {_version(query)}"
        if query.processor is not Processor.CPU:
            gpu = query.processor is Processor.GPU
            chip = "" if soc is None else soc.gpu if gpu else soc.npu or soc.dsp
            breed = chip.split(" ")[0] if gpu else str(profile.kind if profile else "")
            generation = None if gpu or soc is None else _generations().get(soc.id)
            newer = 0.0 if generation is None else (generation - _USUAL_GENERATION) / 6
            chip = chip if generation is None else f"HTP {generation}"
            chip = "" if chip in _GENERIC else chip
            slow = float(generation is None)
            return cls(
                *common, chip, breed, runtime, source, "", slow, round(newer, 4), 0.0, round(year / 4, 4)
            )
        cluster = _cluster(query)
        core = _core(cluster.core if cluster else "")
        clock = math.log(cluster.clock_hz / _USUAL_CLOCK_HZ) if cluster and cluster.clock_hz else 0.0
        return cls(
            *common, core, _breed(core), runtime, source, f"{query.threads or ''} {query.cores}",
            float(core in _IN_ORDER), round(clock, 4), round(math.log(query.threads or 1), 4), round(year / 4, 4),
        )  # fmt: skip

    @property
    def machine(self) -> tuple[str, str]:
        """Device and runtime with its version: all thread counts of it."""
        return self.device, self.source

    def to_list(self) -> list[Any]:
        """As plain values; ``Place(*values)`` is the inverse."""
        return list(astuple(self))


@cache
def _generations() -> dict[str, int]:
    """Generation of Qualcomm's tensor processor by SoC."""
    text = (resources.files("prediction") / "data" / "accelerators.csv").read_text(encoding="utf-8")
    return {cells["soc"]: int(cells["generation"]) for cells in csv.DictReader(text.splitlines())}


def _version(query: Query) -> str:
    """What tells two versions of a runtime apart, whether a table or the registry names them."""
    if (
        query.runtime in _BY_YEAR
        or query.runtime.startswith(("qnn", "onnxruntime"))
        or query.era == _HUB_YEAR
    ):
        return str(query.era or "")
    words = re.sub(r"[()]", "", query.version.casefold())
    words = re.sub(r"^(paddle-lite|paddle-mobile|mnn|ncnn)\b", "", words).strip()
    return words or str(query.era or "")


def _cluster(query: Query) -> CpuCluster | None:
    clusters = query.profile.clusters if query.profile else _clusters(f"{query.soc} {query.device}")
    ranked = sorted(clusters, key=lambda each: -(each.clock_hz or 0))
    if not ranked:
        return None
    return ranked[-1] if query.cores == "little" else ranked[0]


def _clusters(words: str) -> tuple[CpuCluster, ...]:
    """Clusters that words such as ``RK3588 (Cortex-A76 2.4GHz x 4 + Cortex-A55 1.8GHz x 4)`` name."""
    found = _WORDS.findall(words.casefold())
    return tuple(
        CpuCluster(1, core, int(float(clock) * (1e9 if unit == "g" else 1e6)))
        for core, clock, unit in found
        if re.fullmatch(r"\d+(\.\d+)?", clock)
    )


def _core(name: str) -> str:
    word = name.casefold()
    arm = re.search(r"\b([ax]\d{1,3})(ae|c)?\b", word.replace("cortex", "").replace("\u2011", "-"))
    if arm:
        return arm.group(1)
    return re.sub(r"[^a-z0-9]+", "", word.split("(")[0].removeprefix("sifive").removeprefix("xuantie"))


def _breed(core: str) -> str:
    """The sort of a core, by its instruction set and by how it issues instructions."""
    if core in _ARM32:
        return "arm32"
    if core in _HALF_PRECISION or core.startswith(("kryo6", "kryogen")):
        return "arm64 half in order" if core in _IN_ORDER else "arm64 half"
    if re.fullmatch(r"a\d+", core) or core.startswith(("kryo", "kyro", "krait", "denver")):
        return "arm64 in order" if core in _IN_ORDER else "arm64"
    for sort, cores in _SORTS.items():
        if core.startswith(cores):
            return sort
    return core
