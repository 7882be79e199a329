"""What every runner is, the table of runners, and what each of them lacks on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from bench.latency import Latency
from bench.operators import OperatorTime
from bench.timing import Plan, Progress, Sustained
from zoo.errors import UnknownNameError


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
    """

    threads: int = 1
    kernels: str = ""
    plan: Plan = field(default_factory=Plan)
    operators: bool = False
    serial: str = ""
    tool: Path | None = None


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
        is_host: whether it measures this machine.
    """

    factory: str
    measures: str
    formats: tuple[str, ...]
    is_host: bool = True


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
            is_host=False,
        ),
    }
)
"""By name; of those that take a format, the first is the one that is meant where none is named."""


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
