"""What is asked and what is answered."""

from dataclasses import dataclass

from device_profiles.profile import DeviceProfile, Processor
from prediction.workload import Workload


@dataclass(frozen=True, slots=True)
class Query:
    """How long does this net take there?

    Attributes:
        net: name without width and resolution, such as ``mobilenet-v2`` or ``resnet-50``; see `prediction.nets`.
        family: architecture, such as ``mobilenet-v2`` or ``resnet``.
        processor: where it runs.
        runtime: the registry's word, such as ``tflite`` or ``ncnn``.
        alpha: width multiplier; ``None`` where the family has none or it is unknown.
        resolution: input height and width, such as ``224`` or ``480x640``; empty where unknown.
        precision: see `registry.values.Precision`.
        params_m: millions of parameters, as the source says; ``None`` where it does not.
        macs_m: millions of multiply-accumulates, as the source says; ``None`` where it does not.
        workload: counted from a file; ``None`` looks the net up by its name.
        device: the registry's id, or a name of its own for a device that is not registered.
        soc: words on the chip, for a device without a profile.
        profile: facts of the device; ``None`` where it has no profile.
        era: year of the runtime; ``None`` where unknown.
        version: of the runtime, as the source prints it; empty where unknown.
        threads: CPU threads; ``None`` where unknown or meaningless.
        cores: which cores: ``1 big``, ``all``, ``big``, ``little``; empty where unknown.
        falls_back: whether part of the net is known to run on the CPU instead.
    """

    net: str
    family: str
    processor: Processor
    runtime: str
    alpha: float | None = None
    resolution: str = ""
    precision: str = "float32"
    params_m: float | None = None
    macs_m: float | None = None
    workload: Workload | None = None
    device: str = ""
    soc: str = ""
    profile: DeviceProfile | None = None
    era: int | None = None
    version: str = ""
    threads: int | None = None
    cores: str = ""
    falls_back: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """A measured latency.

    Attributes:
        query: what was measured.
        latency_ms: of one inference, in milliseconds.
    """

    query: Query
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer.

    Attributes:
        value_ms: the median guess, in milliseconds.
        low_ms: low end of the 90 % interval.
        high_ms: high end of the 90 % interval.
        basis: what it rests on, in words: ``47 measurements on this device; the net itself on 12 other devices``.
    """

    value_ms: float
    low_ms: float
    high_ms: float
    basis: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer.

    Attributes:
        reason: why, in words.
    """

    reason: str
