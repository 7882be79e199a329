"""What a device is and can do, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from annotated_types import Gt, Lt

COMMON_KNOWLEDGE = "common knowledge"

Count = Annotated[int, Gt(0), Lt(2**63)]  # checked where data come in, see `device_profiles.loading`


class Kind(StrEnum):
    """What sort of thing a device is. Servers, desktop GPUs and FPGAs are no devices here."""

    PHONE = "phone"
    TABLET = "tablet"
    BOARD = "board"
    LAPTOP = "laptop"
    DEVKIT = "devkit"
    MCU = "mcu"


class Tier(StrEnum):
    """How strong a device is among devices of its kind, from the weakest up."""

    ENTRY = "entry"
    LOW = "low"
    MID = "mid"
    HIGH = "high"


class Processor(StrEnum):
    """Where a model runs.

    ``nnapi`` is Android's own choice among the others. Edge TPU, Hexagon's HTP, the Neural Engine and "all
    compute units" count as ``npu``; the core of a microcontroller is its ``cpu``.
    """

    CPU = "cpu"
    GPU = "gpu"
    DSP = "dsp"
    NPU = "npu"
    NNAPI = "nnapi"


@dataclass(frozen=True, slots=True)
class CpuCluster:
    """Equal cores of a CPU.

    Attributes:
        cores: how many there are.
        core: the core's name, such as ``Cortex-A76``.
        clock_hz: highest clock, in hertz; ``None`` where unknown.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    cores: Count
    core: str
    clock_hz: Count | None = None


@dataclass(frozen=True, slots=True)
class Soc:
    """A system on a chip: the facts that all its devices share.

    Attributes:
        id: part number in lower case, such as ``sdm845``.
        name: marketing name, such as ``Snapdragon 845``.
        aliases: other names, as files and devices report them.
        year: year of its first device; ``None`` where unknown.
        cpu: clusters of cores, the fastest first.
        gpu: name of the GPU; empty where there is none or it is unknown.
        dsp: name of the DSP; empty where none.
        npu: name of the neural accelerator; empty where none.
        cited: citation of each fact that has one; the rest is common knowledge.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    year: int | None = None
    cpu: tuple[CpuCluster, ...] = ()
    gpu: str = ""
    dsp: str = ""
    npu: str = ""
    note: str = ""
    cited: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Support:
    """One way to run a model: a runtime that takes a format on a processor.

    Attributes:
        runtime: such as ``tflite``.
        format: file format the runtime takes, such as ``tflite``.
        processor: where it runs.
        precisions: the precisions it takes; empty means any.
        operators: the operators it takes, by the format's own names; empty means any.
        cited: where that is documented.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    runtime: str
    format: str
    processor: Processor
    precisions: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    cited: str = COMMON_KNOWLEDGE


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """One device with one SoC.

    Attributes:
        id: registry name, such as ``pixel3``.
        name: full name, such as ``Google Pixel 3``.
        kind: phone, tablet, board, laptop, devkit or mcu.
        tier: strength among devices of its kind.
        soc: its chip.
        year: year of release; ``None`` where unknown.
        aliases: names it reports or is called by: ``Build.MODEL``, codename, model numbers, board names.
        ram_bytes: memory of a device with an operating system, in bytes; ``None`` where unknown.
        memory: memory of a microcontroller by region (``sram``, ``flash``, ...), in bytes.
        os: operating systems it runs, in words.
        supports: the ways to run a model on it.
        cpu: clusters, where the device's clocks differ from its SoC's; empty otherwise.
        note: one line worth knowing.
        cited: citation of each fact that has one; the rest is common knowledge.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    id: str
    name: str
    kind: Kind
    tier: Tier
    soc: Soc
    year: int | None = None
    aliases: tuple[str, ...] = ()
    ram_bytes: Count | None = None
    memory: Mapping[str, Count] = field(default_factory=dict)
    os: str = ""
    supports: tuple[Support, ...] = ()
    cpu: tuple[CpuCluster, ...] = ()
    note: str = ""
    cited: Mapping[str, str] = field(default_factory=dict)

    @property
    def clusters(self) -> tuple[CpuCluster, ...]:
        """The CPU's clusters: the device's own where it differs from its SoC."""
        return self.cpu or self.soc.cpu

    @property
    def processors(self) -> frozenset[Processor]:
        """Every processor that some runtime can use here."""
        return frozenset(each.processor for each in self.supports)

    def region_bytes(self, *regions: str) -> int | None:
        """Size of the largest of the named memory regions, in bytes; ``None`` when the device has none of them.

        The largest and not the sum: activations need one contiguous region, and so do weights.
        """
        return max((self.memory[each] for each in regions if each in self.memory), default=None)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild a profile from its own JSON form, without checks: for data this project wrote."""
        soc = dict(data["soc"])
        soc["cpu"] = tuple(CpuCluster(**each) for each in soc["cpu"])
        soc["aliases"] = tuple(soc["aliases"])
        return cls(
            **{
                **data,
                "kind": Kind(data["kind"]),
                "tier": Tier(data["tier"]),
                "soc": Soc(**soc),
                "aliases": tuple(data["aliases"]),
                "cpu": tuple(CpuCluster(**each) for each in data["cpu"]),
                "supports": tuple(
                    Support(
                        **{
                            **each,
                            "processor": Processor(each["processor"]),
                            "precisions": tuple(each["precisions"]),
                            "operators": tuple(each["operators"]),
                        }
                    )
                    for each in data["supports"]
                ),
            }
        )


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What is known of a device that may have no profile; every fact may be missing.

    A profile's own JSON form (``zoo devices show ID --json``) is a set of facts, too.

    Attributes:
        id: registry name, if it has one.
        name: the name it reports.
        kind: what it is.
        tier: see `DeviceProfile`; not used to find the nearest device.
        year: year of release; not used to find the nearest device.
        soc: name or part number of its chip.
        aliases: other names it reports.
        cpu: clusters of its CPU.
        gpu: name of its GPU.
        dsp: name of its DSP.
        npu: name of its neural accelerator.
        ram_bytes: memory, in bytes.
        memory: memory by region (microcontrollers), in bytes.
        os: its operating system, in words.
        supports: the ways to run a model on it; empty means those of the nearest device.
        note: not used.
        cited: not used.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    id: str = ""
    name: str = ""
    kind: Kind | None = None
    tier: Tier | None = None
    year: int | None = None
    soc: str | Soc = ""
    aliases: tuple[str, ...] = ()
    cpu: tuple[CpuCluster, ...] = ()
    gpu: str = ""
    dsp: str = ""
    npu: str = ""
    ram_bytes: Count | None = None
    memory: Mapping[str, Count] = field(default_factory=dict)
    os: str = ""
    supports: tuple[Support, ...] = ()
    note: str = ""
    cited: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names to look for, the most telling first."""
        return tuple(each for each in (self.id, self.name, *self.aliases) if each)

    @property
    def soc_name(self) -> str:
        """The chip's part number or name; empty where unknown."""
        return self.soc.id if isinstance(self.soc, Soc) else self.soc

    @property
    def clusters(self) -> tuple[CpuCluster, ...]:
        """The CPU's clusters: those given, else those of the chip where it is given whole."""
        return self.cpu or (self.soc.cpu if isinstance(self.soc, Soc) else ())

    @property
    def known(self) -> bool:
        """Whether any fact was given that can tell devices apart."""
        return bool(self.names or self.soc or self.cpu or self.ram_bytes or self.memory)
