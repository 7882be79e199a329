"""What ``zoo bench`` does with one file: find the runner, measure, and say what it was measured with.

What needs more than the core is imported when it is used, so the command line can name the values here.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.environment import Conditions, Environment, disturbances, read_conditions, read_environment, unseen
from bench.runners.base import ANDROID, HOST, RUNNERS, Measured, Setup, known_devices, runner
from bench.timing import Plan, Progress
from device_profiles.profile import Kind
from registry.reader import Reader
from registry.rules import FLASH_REGIONS, RAM_REGIONS
from zoo.actions import find_device
from zoo.errors import BenchError, UnknownNameError, UsageError, needing

ALL_KERNELS = "all"
_RESTLESS = 0.3  # spread from p10 to p90, as a share of the median, from which on it is remarked
_CORTEX_M = re.compile(r"Cortex-(M\d+)F?$")
_SUFFIXES = {"tflite": ".tflite", "onnx": ".onnx", "mlpackage": ".mlpackage", "mlmodel": ".mlmodel"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured.

    Attributes:
        file: the model's file; its name does not matter.
        device: one of `bench.runners.base.known_devices`.
        runtime: see `bench.runners.base.RUNNERS`; empty for the first that takes the format on the device.
        setup: how.
        variant: name of the registered variant that the file is; empty where it is none, or nobody looked.
        board: id of the registered microcontroller that the device's core and memory are of; empty where it is none.
    """

    file: Path
    device: str = HOST
    runtime: str = ""
    setup: Setup = field(default_factory=Setup)
    variant: str = ""
    board: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """A measured file.

    Attributes:
        asked: what was asked.
        runtime: name of the runner.
        sha256: digest of the file.
        format: of the file, by its bytes.
        size_bytes: of the file.
        measured: what the runner found.
        environment: of the machine that measured.
        before: conditions when it began.
        after: conditions when it ended.
        date: when, in UTC, ISO 8601.
        notes: what may have spoilt it and what is worth knowing, a line each.
    """

    asked: Asked
    runtime: str
    sha256: str
    format: str
    size_bytes: int
    measured: Measured
    environment: Environment
    before: Conditions
    after: Conditions
    date: str
    notes: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command that measures it again."""
        return command(self.asked, self.runtime, self.measured.kernels)


def command(asked: Asked, runtime: str, kernels: str) -> str:
    """The command that measures just so; a registered variant is named, because its file may lie elsewhere."""
    setup, plan = asked.setup, asked.setup.plan
    what = ["--variant", asked.variant] if asked.variant else [str(asked.file)]
    words = [
        "zoo",
        "bench",
        *what,
        "--runtime",
        runtime,
        "--kernels",
        kernels,
    ]
    if asked.device in {HOST, ANDROID}:
        words += ["--threads", str(setup.threads)]
        words += ["--within", f"{100 * plan.within:g}", "--longest", f"{plan.longest_s:g}s"]
    if plan.sustained_s is not None:
        words += ["--sustained", f"{plan.sustained_s:g}s"]
    if asked.device != HOST:
        words += ["--device", asked.board or asked.device]
    for option, limit in (("--flash", setup.flash_bytes), ("--ram", setup.ram_bytes)):
        words += [option, str(limit)] if limit is not None else []
    return shlex.join(words)


def measure(asked: Asked, progress: Progress) -> list[Bench]:
    """Measure a file, once for each kind of kernels that was asked for.

    Raises:
        ZooError: the file is refused, or cannot be measured here.
    """
    with needing("inspect", "measuring"):
        from converters.inspection.inspecting import inspect
    report = inspect(asked.file, coverage=False)
    name = chosen_runner(asked.runtime, str(report.format), asked.device)
    made = runner(name)
    missing = made.lacks()
    if missing:
        raise BenchError(f"{name} cannot measure here: {missing}")
    kinds = made.kernels if asked.setup.kernels == ALL_KERNELS else (asked.setup.kernels,)
    found = []
    for each in kinds:
        before, start = read_conditions(), datetime.now(UTC)
        with needing("inspect", "measuring"):
            measured = made.measure(
                _with_suffix(asked.file, str(report.format)), _with(asked.setup, each), progress
            )
        environment, after = read_environment(), read_conditions()
        notes = _notes(measured, environment, (before, after)) if RUNNERS[name].is_host else measured.notes
        found.append(
            Bench(
                asked, name, report.sha256, str(report.format), report.size_bytes, measured, environment, before, after,
                start.isoformat(timespec="seconds"), notes,
            )
        )  # fmt: skip
    return found


def chosen_runner(runtime: str, format_: str, device: str) -> str:
    """Name of the runner that is meant.

    Raises:
        UnknownNameError: there is no such runner.
        UsageError: it does not take the format, or measures another device.
    """
    here = {name: each for name, each in RUNNERS.items() if device in each.devices}
    fitting = [name for name, each in here.items() if format_ in each.formats]
    if not runtime:
        if not fitting:
            known = ", ".join(dict.fromkeys(one for each in here.values() for one in each.formats))
            raise UsageError(f"the file is {format_}; on {device}, files that are {known} can be measured")
        return fitting[0]
    runner(runtime)  # says which ones there are
    entry = RUNNERS[runtime]
    if format_ not in entry.formats:
        raise UsageError(f"the file is {format_}, but {runtime} takes {', '.join(entry.formats)}")
    if runtime not in here:
        raise UsageError(f"{runtime} does not measure '{device}'. Give --device {' or '.join(entry.devices)}")
    return runtime


def doctor() -> list[tuple[str, str, str]]:
    """Every runner: its name, what it measures, and what it lacks with the remedy; empty where it is ready."""
    return [(name, each.measures, runner(name).lacks()) for name, each in RUNNERS.items()]


def _with(setup: Setup, kernels: str) -> Setup:
    return replace(setup, kernels=kernels)


def _with_suffix(path: Path, format_: str) -> Path:
    """Runtimes read the bytes, but Core ML goes by the suffix."""
    suffix = _SUFFIXES.get(format_, "")
    if format_ in {"mlpackage", "mlmodel"} and path.suffix != suffix:
        raise UsageError(f"'{path}' is {format_}; Core ML wants its name to end in {suffix}")
    return path


def _notes(
    measured: Measured, environment: Environment, conditions: tuple[Conditions, Conditions]
) -> tuple[str, ...]:
    before, after = conditions
    found = [*measured.notes]
    if measured.latency is None:
        return tuple(found)
    threads = measured.threads or 1
    found += disturbances(before, after, environment.processors, threads, measured.latency.runs)
    spread = measured.latency.spread
    if spread is not None and spread > _RESTLESS:
        found.append(f"times vary by {100 * spread:.0f} % (p10 to p90): something else used the machine")
    if threads > environment.processors:
        found.append(f"{threads} threads share {environment.processors} processors")
    missing = unseen(environment, after)
    return (*found, missing) if missing else tuple(found)


@dataclass(frozen=True, slots=True)
class Place:
    """What ``--device`` means.

    Attributes:
        device: one of `bench.runners.base.known_devices`.
        board: id of the microcontroller that was named; empty where a core was, or no microcontroller.
        flash_bytes: its largest region for code and constants; ``None`` where unknown.
        ram_bytes: its largest region for the rest; ``None`` where unknown.
    """

    device: str
    board: str = ""
    flash_bytes: int | None = None
    ram_bytes: int | None = None


def place_of(device: str, registry: Callable[[], Reader]) -> Place:
    """Find what is meant: a device that a runner measures, or a microcontroller whose core is emulated.

    Args:
        device: what the user gave.
        registry: opens the registry; called only where microcontrollers are looked for in it.

    Raises:
        UsageError: it is a device that only its owner can measure.
        UnknownNameError: there is none of that name.
    """
    if device in known_devices():
        return Place(device)
    known = f"Measured here: {', '.join(known_devices())}; and microcontrollers with one of these cores"
    with registry() as opened:
        try:
            profile = find_device(opened, device).profile
        except UnknownNameError as problem:
            raise UsageError(f"{problem}. {known}") from problem
    cores = [found[1].casefold() for each in profile.clusters if (found := _CORTEX_M.match(each.core))]
    emulated = [f"cortex-{each}" for each in cores if f"cortex-{each}" in known_devices()]
    if profile.kind is not Kind.MCU or not emulated:
        what = ", ".join(each.core for each in profile.clusters) or "a core that nobody wrote down"
        raise UsageError(f"'{profile.id}' has {what}, which cannot be emulated here. {known}")
    flash, ram = profile.region_bytes(*FLASH_REGIONS), profile.region_bytes(*RAM_REGIONS)
    return Place(emulated[0], profile.id, flash, ram)


def limits_of(place: Place, flash: int | None, ram: int | None) -> tuple[int | None, int | None]:
    """Bytes of flash and of RAM that a model must fit into: those that the user gives, else the board's.

    Raises:
        UsageError: the user gives some for a device that is no microcontroller.
    """
    if not place.device.startswith("cortex-m"):
        if flash is not None or ram is not None:
            raise UsageError("--flash and --ram are a microcontroller's. Give --device cortex-m4, or a board")
        return None, None
    return (place.flash_bytes if flash is None else flash), (place.ram_bytes if ram is None else ram)


def plan_of(within_percent: float, longest_s: float, sustained_s: float | None) -> Plan:
    """A plan, checked.

    Raises:
        UsageError: a number makes no sense; all of them are named.
    """
    problems = []
    if not 0 < within_percent < 100:  # noqa: PLR2004 - percent
        problems.append(f"--within is {within_percent:g}, but a percentage between 0 and 100 is wanted")
    if sustained_s is not None and sustained_s < 2:  # noqa: PLR2004 - seconds; two halves of a second
        problems.append(f"--sustained is {sustained_s:g} s, but at least 2 s are wanted")
    if problems:
        raise UsageError("; ".join(problems))
    return Plan(within_percent / 100, longest_s, sustained_s)
