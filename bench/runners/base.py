"""What every runner is, the table of runners, and what each of them lacks on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from bench.latency import Latency
from bench.operators import OperatorTime
from bench.timing import Plan, Progress, Sustained
from zoo.errors import BenchError, UnknownNameError

if TYPE_CHECKING:
    from converters.runners.base import Runner as Answering

HOST, ANDROID = "host", "android"


@dataclass(frozen=True, slots=True)
class Setup:
    """How a file is to be measured.

    Attributes:
        threads: that the runtime may use on the CPU.
        kernels: which of the runner's kernels compute; empty for those that an app gets.
        plan: when a latency is known well enough.
        operators: whether the time of every operator is wanted, too. It is taken in runs of its own, because looking
            on takes time.
        serial: of the attached phone; empty where there is only one, or none is wanted.
        tool: TFLite's ``benchmark_model`` for the phone; ``None`` to look for it.
        core: that is emulated, such as ``cortex-m4``; empty where none is.
        flash_bytes: of a microcontroller that the model must fit into; ``None`` for no such limit.
        ram_bytes: the same of its RAM, the stack included.
    """

    threads: int = 1
    kernels: str = ""
    plan: Plan = field(default_factory=Plan)
    operators: bool = False
    serial: str = ""
    tool: Path | None = None
    core: str = ""
    flash_bytes: int | None = None
    ram_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a firmware fits into a device's memory, as the linker says.

    Attributes:
        flash_bytes: of the device; ``None`` where it was not limited.
        ram_bytes: of the device; ``None`` where it was not limited.
        stack_bytes: that were kept free in RAM.
        overflows: by region (``FLASH``, ``RAM``) how many bytes are missing; empty where it fits.
    """

    flash_bytes: int | None
    ram_bytes: int | None
    stack_bytes: int
    overflows: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether it fits."""
        return not self.overflows

    def __str__(self) -> str:
        """Render as one phrase: ``does not fit: RAM over by 3,656 bytes``."""
        limits = (("flash", self.flash_bytes), ("RAM", self.ram_bytes))
        into = " and ".join(f"{limit:,} bytes of {name}" for name, limit in limits if limit is not None)
        if self.holds:
            return f"fits into {into}, linked with {self.stack_bytes:,} bytes of stack and run there"
        over = ", ".join(f"{region} over by {missing:,} bytes" for region, missing in self.overflows.items())
        return f"does not fit: {over}; linked for {into}, with {self.stack_bytes:,} bytes of stack"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Outputs beside those of another runtime, on the same inputs.

    Attributes:
        reference: what the others were made by, with its version and kernels.
        numbers: how many were compared.
        differing: how many are not the same to the last bit.
        most: the largest difference: in steps of the output's scale where ``in_steps``, else of the values.
        in_steps: whether outputs are integers.
    """

    reference: str
    numbers: int
    differing: int
    most: float
    in_steps: bool

    @property
    def same(self) -> bool:
        """Whether every number is the same to the last bit."""
        return not self.differing

    def __str__(self) -> str:
        """Render as one phrase: ``the same as tflite-micro (reference) in all 80 numbers``."""
        if self.same:
            return f"the same as {self.reference} in all {self.numbers:,} numbers"
        size = f"{self.most:.0f} step{'' if self.most == 1 else 's'}" if self.in_steps else f"{self.most:.3g}"
        where = f"in {self.differing:,} of {self.numbers:,} numbers, by up to {size}"
        return f"not the same as {self.reference} {where}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a runner measured of a file.

    Attributes:
        runtime: as the registry calls it: ``tflite``, ``tflite-builtin``, ``onnxruntime`` ...
        runtime_version: such as ``ai-edge-litert 2.3.0``.
        kernels: which of the runtime's kernels computed.
        processor: ``cpu``, ``gpu``, ``dsp``, ``npu`` or ``nnapi``.
        threads: on the CPU; ``None`` where they mean nothing.
        latency: of a warm inference; ``None`` where this machine's time says nothing of the device's.
        statistic: what the latency is.
        warm_up_runs: runs that were thrown away.
        sustained: the long run; ``None`` where none was wanted.
        operators: each of them; empty where they were not wanted.
        peak_memory_bytes: of the process that ran the file; ``None`` where unknown.
        arena_bytes: working memory on a microcontroller; ``None`` where it means nothing.
        instructions: that an emulated core executed for one inference; never to be taken for a time.
        flash_bytes: of a microcontroller: the model's code and constants.
        ram_bytes: of a microcontroller: working memory, input, output and variables of the model; no stack.
        stack_bytes: that were in use at most.
        comparisons: outputs beside those of other runtimes.
        fit: whether it fits into a device's memory; ``None`` where nobody asked.
        notes: what is worth knowing, a line each.
    """

    runtime: str
    runtime_version: str
    kernels: str
    processor: str
    threads: int | None = None
    latency: Latency | None = None
    statistic: str = "median"
    warm_up_runs: int = 0
    sustained: Sustained | None = None
    operators: tuple[OperatorTime, ...] = ()
    peak_memory_bytes: int | None = None
    arena_bytes: int | None = None
    instructions: int | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    stack_bytes: int | None = None
    comparisons: tuple[Comparison, ...] = ()
    fit: Fit | None = None
    notes: tuple[str, ...] = ()


class Runner(Protocol):
    """Measures files.

    Attributes:
        kernels: names of the kernels that can be asked for; the first are those that an app gets.
    """

    kernels: tuple[str, ...]

    def lacks(self) -> str:
        """What is missing on this machine and the remedy, in one line; empty where nothing is."""
        ...

    def measure(self, path: Path, setup: Setup, progress: Progress) -> Measured:
        """Measure a file.

        Raises:
            BenchError: it cannot be measured.
            CannotRunError: the runtime does not take the file.
        """
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a runner lives, and what it is for.

    Attributes:
        factory: ``module:class``; importing the module needs no framework.
        measures: what it measures, in words.
        formats: of the files that it takes.
        devices: that it measures, by the names that ``--device`` takes.
        scorer: ``module:function`` that takes a device and kernels and gives a `converters.runners.base.Runner` with
            them; empty where files are scored by the format's own runners on this machine.
    """

    factory: str
    measures: str
    formats: tuple[str, ...]
    devices: tuple[str, ...] = (HOST,)
    scorer: str = ""

    @property
    def is_host(self) -> bool:
        """Whether it measures this machine."""
        return HOST in self.devices


RUNNERS: Mapping[str, Entry] = MappingProxyType(
    {
        "litert": Entry(
            "bench.runners.litert:LitertRunner",
            "LiteRT on this machine's CPU: latency, operators",
            ("tflite",),
        ),
        "onnxruntime": Entry(
            "bench.runners.onnxruntime:OnnxRunner",
            "ONNX Runtime on this machine's CPU: latency, operators",
            ("onnx",),
        ),
        "tflm": Entry(
            "bench.runners.tflm:TflmRunner",
            "working memory in TensorFlow Lite Micro; no latency",
            ("tflite",),
        ),
        "coreml": Entry(
            "bench.runners.coreml:CoremlRunner", "Core ML on a Mac: latency", ("mlpackage", "mlmodel")
        ),
        "android": Entry(
            "bench.runners.android:AndroidRunner",
            "TFLite on a phone over adb: latency, operators",
            ("tflite",),
            (ANDROID,),
        ),
        "cortex-m": Entry(
            "bench.runners.cortex_m:CortexMRunner",
            "an emulated Cortex-M (QEMU): instructions, flash, RAM, outputs",
            ("tflite",),
            ("cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"),
            "bench.runners.cortex_m:scorer",
        ),
        "arm64": Entry(
            "bench.runners.arm64:Arm64Runner",
            "LiteRT on an emulated Arm64 phone core (QEMU): instructions, outputs",
            ("tflite",),
            ("arm64-a76", "arm64-a53"),
            "bench.runners.arm64:scorer",
        ),
    }
)
"""By name; of those that take a format, the first is the one that is meant where none is named."""


def known_devices() -> tuple[str, ...]:
    """Every device that some runner measures."""
    return tuple(dict.fromkeys(device for each in RUNNERS.values() for device in each.devices))


def scorer(device: str, kernels: str) -> "Answering":
    """What runs a file's samples on an emulated device.

    Raises:
        UnknownNameError: there are no such kernels.
        BenchError: something is missing on this machine.
    """
    name, entry = next(
        (name, each) for name, each in RUNNERS.items() if device in each.devices and each.scorer
    )
    missing = runner(name).lacks()
    if missing:
        raise BenchError(f"{name} cannot score here: {missing}")
    module, _, function = entry.scorer.partition(":")
    made: Answering = getattr(import_module(module), function)(device, kernels)
    return made


def runner(name: str) -> Runner:
    """Make a runner.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in RUNNERS:
        raise UnknownNameError("runtime", name, tuple(RUNNERS), advice=f"Known: {', '.join(RUNNERS)}")
    module, _, kind = RUNNERS[name].factory.partition(":")
    made: Runner = getattr(import_module(module), kind)()
    return made


def lacking(package: str, module: str, extra: str) -> str:
    """A line that says how to get a package; empty where it is installed."""
    if find_spec(module) is not None:
        return ""
    return f"{package} is not installed. Install it with: pip install 'device-zoo[{extra}]'"


def chosen(kernels: str, known: tuple[str, ...]) -> str:
    """The kernels that were asked for, or the first.

    Raises:
        UnknownNameError: there are no such kernels.
    """
    if kernels and kernels not in known:
        raise UnknownNameError("kernels", kernels, known, advice=f"Known: {', '.join(known)}")
    return kernels or known[0]
