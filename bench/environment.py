"""What a latency depends on besides the file: the machine, its clocks, its load, versions of what ran."""

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")
_PACKAGES = ("ai-edge-litert", "onnxruntime", "tflite-micro", "coremltools", "numpy")
_PREEMPTED_SHARE = 0.1  # times an inference that the processor may be taken away before it is remarked
_BUSY_SHARE = 0.5  # of a processor that others keep busy, from which on a measurement is called disturbed


@dataclass(frozen=True, slots=True)
class Environment:
    """The machine that measured, as far as it does not change from run to run.

    Attributes:
        cpu: model of the processor.
        machine: its instruction set, such as ``x86_64``.
        processors: how many this process may use.
        memory_bytes: of the machine; ``None`` where unknown.
        system: with its version.
        kernel: of the operating system.
        governor: what sets the clock; empty where the system does not say, as in a virtual machine.
        is_virtual: whether the processor says that it is a guest's: neighbours share the hardware unseen.
        python: version.
        packages: versions of the runtimes that are installed.
    """

    cpu: str
    machine: str
    processors: int
    memory_bytes: int | None
    system: str
    kernel: str
    governor: str
    is_virtual: bool
    python: str
    packages: Mapping[str, str]

    def __str__(self) -> str:
        """Render as one line for people."""
        clock = f"governor {self.governor}" if self.governor else "clock not shown by the system"
        guest = ", a virtual machine" if self.is_virtual else ""
        return f"{self.cpu} ({self.machine}, {self.processors} processors{guest}), {self.system}, {clock}"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What changes from moment to moment.

    Attributes:
        load: mean number of waiting and running threads in the last minute; ``None`` where unknown.
        clock_hz: current clock of the fastest processor; ``None`` where unknown.
        hottest_c: highest temperature that a sensor reports, in degrees Celsius; ``None`` where there is none.
        throttled: how often the system slowed processors down because of heat since it started; ``None`` where it
            does not count.
        preempted: how often the system took the processor away from this process; ``None`` where it does not count.
    """

    load: float | None
    clock_hz: int | None
    hottest_c: float | None
    throttled: int | None
    preempted: int | None = None


def read_environment() -> Environment:
    """Ask the system."""
    cpuinfo = _text(Path("/proc/cpuinfo"))
    return Environment(
        cpu=cpu_name(cpuinfo)
        or _mac("machdep.cpu.brand_string")
        or platform.processor()
        or "unknown processor",
        machine=platform.machine(),
        processors=usable_processors(),
        memory_bytes=_memory_bytes(),
        system=_system(),
        kernel=platform.release(),
        governor=_text(_CPUS / "cpu0" / "cpufreq" / "scaling_governor").strip(),
        is_virtual=" hypervisor" in cpuinfo,
        python=platform.python_version(),
        packages={name: found for name in _PACKAGES if (found := _version(name))},
    )


def read_conditions() -> Conditions:
    """Ask the system."""
    clocks = [int(each) for path in _CPUS.glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
              if (each := _text(path).strip()).isdigit()]  # fmt: skip
    heats = [int(each) for path in Path("/sys/class/thermal").glob("thermal_zone*/temp")
             if (each := _text(path).strip()).lstrip("-").isdigit()]  # fmt: skip
    counts = [int(each) for path in _CPUS.glob("cpu[0-9]*/thermal_throttle/*_throttle_count")
              if (each := _text(path).strip()).isdigit()]  # fmt: skip
    return Conditions(
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        clock_hz=1000 * max(clocks) if clocks else None,
        hottest_c=max(heats) / 1000 if heats else None,
        throttled=sum(counts) if counts else None,
        preempted=_preempted(),
    )


def _preempted() -> int | None:
    try:
        import resource
    except ModuleNotFoundError:  # on Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def disturbances(
    before: Conditions, after: Conditions, processors: int, threads: int, runs: int
) -> tuple[str, ...]:
    """What may have spoilt a measurement, in words; empty where nothing was seen.

    Args:
        before: what was so when it began.
        after: what was so when it ended.
        processors: how many there are.
        threads: how many the measurement used.
        runs: how many inferences there were.
    """
    found = []
    if before.load is not None and before.load > processors - threads + _BUSY_SHARE:
        found.append(
            f"others kept the machine busy: load {before.load:.1f} before it began, {processors} processors"
        )
    if before.preempted is not None and after.preempted is not None:
        taken = after.preempted - before.preempted
        if taken > _PREEMPTED_SHARE * runs:
            found.append(f"others took the processor away {taken} times in {runs} runs")
    if before.throttled is not None and after.throttled is not None and after.throttled > before.throttled:
        found.append(
            f"processors were slowed down because of heat {after.throttled - before.throttled} times"
        )
    return tuple(found)


def unseen(environment: Environment, conditions: Conditions) -> str:
    """What the system does not tell, in words; empty where it tells all."""
    missing = [
        what
        for what, known in (
            ("clock", conditions.clock_hz),
            ("temperature", conditions.hottest_c),
            ("throttling", conditions.throttled),
        )
        if known is None
    ]
    guest = " (a virtual machine)" if environment.is_virtual and missing else ""
    return f"not shown by the system{guest}: {', '.join(missing)}" if missing else ""


def usable_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name(cpuinfo: str) -> str:
    """The processor's name in a ``/proc/cpuinfo``; empty where it has none, as on most Arm systems."""
    names = [line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name")]
    return " ".join(names[0].split()) if names else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _system() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        return platform.system()
    return str(found.get("PRETTY_NAME", platform.system()))


def _mac(key: str) -> str:
    if sys.platform != "darwin":
        return ""
    import subprocess

    done = subprocess.run(["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
