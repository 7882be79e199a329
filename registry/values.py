"""The registry's nouns, as frozen values: models, variants, accuracies, measurements."""

import hashlib
import json
import math
from dataclasses import dataclass
from enum import StrEnum

from device_profiles.profile import Processor
from registry.spec import Spec

__all__ = [
    "Accuracy",
    "Availability",
    "DelegateCoverage",
    "Evidence",
    "Measurement",
    "Model",
    "Objective",
    "Precision",
    "Processor",
    "Spec",
    "Variant",
]


RANDOM_WEIGHTS = "random"
MOST_REASONS = 3  # that a sentence bears; documents have all
PROPORTIONS = frozenset({"top1", "top5", "accuracy"})  # metrics that are a share of right samples, in percent


class Evidence(StrEnum):
    """Where a number comes from, the strongest first.

    ``measured``: this device, runtime and processor. ``field``: telemetry. ``same-soc``: another device with the
    same SoC. ``predicted``: a model of the device, with a 90 % interval. ``none``: no number.
    """

    MEASURED = "measured"
    FIELD = "field"
    SAME_SOC = "same-soc"
    PREDICTED = "predicted"
    NONE = "none"

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return _EVIDENCE_RANK[self]


_EVIDENCE_RANK = {each: rank for rank, each in enumerate(Evidence)}


class Availability(StrEnum):
    """Whether this registry has the file, can make it again, or only knows where it is published."""

    HELD = "held"
    REBUILDABLE = "rebuildable"
    CATALOGUED = "catalogued"


class Objective(StrEnum):
    """What the choice makes as good as it can inside the budgets."""

    ACCURACY = "accuracy"
    LATENCY = "latency"
    SIZE = "size"
    ENERGY = "energy"


class Precision(StrEnum):
    """Numeric type of a variant's weights and activations.

    ``int8`` is static (weights and activations), ``int8_dynamic`` has float activations, ``intN_weights`` is
    stored in N bits and computed in float, ``paletteN`` is a codebook of N bits, ``sparse`` is float with zeroed
    weights, ``mixed`` is anything that differs by layer.
    """

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    INT8_DYNAMIC = "int8_dynamic"
    INT8_WEIGHTS = "int8_weights"
    INT4_WEIGHTS = "int4_weights"
    INT2_WEIGHTS = "int2_weights"
    INT16 = "int16"
    W8A16 = "w8a16"
    MIXED = "mixed"
    HYBRID4 = "hybrid4"
    PALETTE1 = "palette1"
    PALETTE2 = "palette2"
    PALETTE4 = "palette4"
    PALETTE6 = "palette6"
    PALETTE8 = "palette8"
    SPARSE = "sparse"
    BINARY = "binary"
    UNKNOWN = "unknown"

    @property
    def weight_bits(self) -> float | None:
        """Bits that one weight takes at least; ``None`` where that is not known."""
        return _WEIGHT_BITS.get(self)

    @property
    def is_quantized(self) -> bool:
        """Whether the weights take fewer than 16 bits each."""
        return self not in {Precision.FLOAT32, Precision.FLOAT16, Precision.SPARSE, Precision.UNKNOWN}


_WEIGHT_BITS = {
    Precision.FLOAT32: 32, Precision.FLOAT16: 16, Precision.INT16: 16, Precision.INT8: 8, Precision.INT8_DYNAMIC: 8,
    Precision.INT8_WEIGHTS: 8, Precision.INT4_WEIGHTS: 4, Precision.INT2_WEIGHTS: 2, Precision.W8A16: 8,
    Precision.HYBRID4: 4, Precision.PALETTE8: 8, Precision.PALETTE6: 6, Precision.PALETTE4: 4, Precision.PALETTE2: 2,
    Precision.PALETTE1: 1, Precision.BINARY: 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Model:
    """A task, a data set and a metric; nets scored on other data are other models.

    Attributes:
        name: such as ``imagenet-classifier``.
        title: for headings.
        task: such as ``classification``.
        dataset: such as ``imagenet-1k``; ``unstated`` where the source does not say.
        split: such as ``validation``.
        metric: such as ``top1``; ``unstated`` where there is none.
        unit: of the metric, such as ``%``; empty for a ratio.
        higher_is_better: direction of the metric.
        default_max_latency_ms: latency budget where the user gives none, in milliseconds.
        description: one line.
    """

    name: str
    title: str
    task: str
    dataset: str
    split: str
    metric: str
    unit: str
    higher_is_better: bool
    default_max_latency_ms: float
    description: str


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One accuracy of a variant.

    Attributes:
        metric: such as ``top1``.
        value: in the unit of the model's metric.
        dataset: data set it was measured on.
        split: part of the data set.
        samples: how many samples; ``None`` where unknown.
        evidence: ``measured``, or ``joined`` when measured elsewhere on the same weights and precision.
        runtime: whose kernels ran it; empty where unknown.
        processor: where it ran; ``None`` where unknown: it then stands for all.
        device: id of the device whose kernels ran it; empty where unknown.
        source: citation.
        note: one line worth knowing.
    """

    metric: str
    value: float
    dataset: str
    split: str
    samples: int | None
    evidence: str
    runtime: str
    processor: Processor | None
    device: str
    source: str
    note: str = ""

    def interval(self) -> tuple[float, float] | None:
        """95 % interval of a percentage of samples (Wilson 1927, score interval), in percent.

        Returns:
            Low and high, or ``None`` where n is unknown or the metric counts no samples, as mAP and mIoU do not.
        """
        if self.metric not in PROPORTIONS or not self.samples or not 0 <= self.value <= 100:  # noqa: PLR2004 - percent
            return None
        z, n, p = 1.959964, self.samples, self.value / 100
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return 100 * (centre - half), 100 * (centre + half)


@dataclass(frozen=True, slots=True)
class DelegateCoverage:
    """How much of a file one delegate runs, as its bytes say.

    Attributes:
        delegate: such as ``hexagon``.
        runtime: the runtime that hands it the graph, such as ``tflite``. With ``processor`` it must mean this delegate
            on every device, so a delegate of one vendor's chips is kept under a runtime of its own or not at all.
        processor: what it runs on.
        operators: how many operators it takes.
        of_operators: how many there are.
        macs: multiply-accumulates of the operators it takes.
        of_macs: multiply-accumulates of all.
        partitions: connected parts that it runs; 0 when it takes nothing.
        reasons: what it does not take and why, one kind of operator each: ``GELU (not in the delegate's list)``.
    """

    delegate: str
    runtime: str
    processor: Processor
    operators: int
    of_operators: int
    macs: int
    of_macs: int
    partitions: int
    reasons: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing falls back to the CPU."""
        return self.operators == self.of_operators

    def __str__(self) -> str:
        """Render as one phrase: ``hexagon takes 52 of 64 operators in 3 parts: GELU (...) falls back to the CPU``."""
        taken = f"{self.delegate} takes {self.operators or 'none'} of {self.of_operators} operators"
        if self.operators:
            taken += f" in {self.partitions} part{'' if self.partitions == 1 else 's'}"
        if self.whole:
            return taken
        shown, more = list(self.reasons[:MOST_REASONS]), len(self.reasons) - MOST_REASONS
        if more > 0:
            shown.append(f"{more} more")
        if len(shown) > 1:
            return f"{taken}: {', '.join(shown[:-1])} and {shown[-1]} fall back to the CPU"
        return f"{taken}: {shown[0] if shown else 'the rest'} falls back to the CPU"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stands where a variant was withdrawn.

    Attributes:
        reason: why, in words.
        successor: name of the variant that takes its place; ``None`` where none does.
        at: when, in UTC, ISO 8601.
        by: who did it.
    """

    reason: str
    successor: str | None
    at: str
    by: str

    def __str__(self) -> str:
        """Render as one phrase."""
        instead = f"; {self.successor} takes its place" if self.successor else ""
        return f"{self.reason} ({self.at[:10]}, {self.by}){instead}"


@dataclass(frozen=True, slots=True)
class Variant:
    """One net + recipe + format of a model.

    Attributes:
        name: unique, such as ``mobilenet-v2-1.0-224-int8.tflite``.
        model: name of its model.
        net: architecture, width and resolution, such as ``mobilenet-v2-1.0-224``; the same in every origin.
        family: architecture, such as ``mobilenet_v2``.
        alpha: width multiplier; ``None`` where the family has none.
        resolution: input height and width, such as ``224`` or ``480x640``; empty where unknown.
        precision: see `Precision`.
        format: file format, such as ``tflite``.
        weights: whose trained weights, such as ``google``.
        params: number of weights; ``None`` where unknown.
        macs: multiply-accumulates of one inference; ``None`` where unknown.
        size_bytes: length of the file; ``None`` where unknown.
        operators: operators it needs, by the format's own names; empty where unknown.
        min_os: oldest system that runs it, such as ``iOS 16``; empty where unknown.
        availability: whether the file is here.
        sha256: digest of the file; ``None`` where the file is not known.
        upstream: where it is published.
        source: citation of these facts.
        note: one line worth knowing.
        accuracies: every accuracy known of it.
        spec: what goes in and what comes out; ``None`` where nobody wrote it down.
        certificate: digest of the certificate of the conversion that made it; ``None`` where there is none.
        coverage: what delegates take of it; empty where its bytes were not inspected.
        yanked: why it is given to nobody any more; ``None`` where it is.
    """

    name: str
    model: str
    net: str
    family: str
    alpha: float | None
    resolution: str
    precision: Precision
    format: str
    weights: str
    params: int | None
    macs: int | None
    size_bytes: int | None
    operators: tuple[str, ...] = ()
    min_os: str = ""
    availability: Availability = Availability.CATALOGUED
    sha256: str | None = None
    upstream: str = ""
    source: str = ""
    note: str = ""
    accuracies: tuple[Accuracy, ...] = ()
    spec: Spec | None = None
    certificate: str | None = None
    coverage: tuple[DelegateCoverage, ...] = ()
    yanked: Tombstone | None = None

    @property
    def least_bytes(self) -> int | None:
        """The length of its file, or where that is unknown what its weights take at least, in bytes."""
        bits = self.precision.weight_bits
        if self.size_bytes is not None or self.params is None or bits is None:
            return self.size_bytes
        return int(self.params * bits / 8)

    @property
    def has_trained_weights(self) -> bool:
        """Whether it can do its task at all; nets with random weights were only timed."""
        return self.weights != RANDOM_WEIGHTS

    @property
    def digest(self) -> str:
        """What identifies it: the digest of its file, or of its description where no file is known."""
        if self.sha256:
            return self.sha256
        identity = [self.model, self.net, self.name, self.precision, self.format, self.weights]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    def accuracy(self, model: Model, processor: Processor | None = None, device: str = "") -> Accuracy | None:
        """The accuracy that counts on ``processor`` of ``device``: of the model's metric and data set.

        Kernels differ, so what was measured on that device and on the model's split goes first, then what was
        measured on that kind of processor, then what stands for all devices before what another device gave; at
        last, most samples.

        Args:
            model: the model of this variant.
            processor: where it would run; ``None`` for no processor in particular.
            device: id of the device; empty for none in particular.
        """
        fitting = [
            each
            for each in self.accuracies
            if each.metric == model.metric
            and each.dataset == model.dataset
            and (each.processor is None or processor is None or each.processor == processor)
        ]
        return max(
            fitting,
            key=lambda each: (
                bool(device) and each.device == device and each.split == model.split,
                each.processor is not None and each.processor == processor,
                not each.device,
                each.samples or 0,
                each.evidence == "measured",
                each.value,
                each.source,
            ),
            default=None,
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """One published or own measurement of a variant on a device.

    Attributes:
        variant: name of the variant.
        device: id of the device it was measured on.
        runtime: such as ``tflite``.
        runtime_version: as the source prints it; empty where unknown.
        era: year of the runtime; ``None`` where unknown.
        processor: where it ran.
        processor_word: the source's own word for it.
        threads: ``None`` where unknown or meaningless.
        cores: which cores: ``1 big``, ``all``, ``big``, ``little``; empty where unknown.
        latency_ms: of one inference; ``None`` in a row that only carries memory or energy.
        low_ms: low end of the spread; ``None`` where unknown.
        high_ms: high end of the spread; ``None`` where unknown.
        statistic: what ``latency_ms`` is: mean, median, estimate, unstated ...
        runs: how often it was repeated; ``None`` where unknown.
        peak_memory_bytes: peak memory of the process.
        ram_bytes: RAM on a microcontroller.
        flash_bytes: flash on a microcontroller.
        energy_mj: energy of one inference.
        layers_npu: operators that ran on the NPU.
        layers_gpu: operators that ran on the GPU.
        layers_cpu: operators that fell to the CPU.
        os: system it ran on.
        source: citation.
        place: table, section or job inside the source.
        excluded: why the row must not be used; empty when it may.
        note: one line worth knowing.
        instructions: that an emulated core executed for one inference; no time, and no budget is compared with it.
        evidence: ``measured``, or what it is worth for the device asked about.
    """

    variant: str
    device: str
    runtime: str
    runtime_version: str
    era: int | None
    processor: Processor
    processor_word: str
    threads: int | None
    cores: str
    latency_ms: float | None
    low_ms: float | None
    high_ms: float | None
    statistic: str
    runs: int | None
    peak_memory_bytes: int | None
    ram_bytes: int | None
    flash_bytes: int | None
    energy_mj: float | None
    layers_npu: int | None
    layers_gpu: int | None
    layers_cpu: int | None
    os: str
    source: str
    place: str
    excluded: str
    note: str
    instructions: int | None = None
    evidence: Evidence = Evidence.MEASURED
