"""A device's profile, from what its system says of itself: this machine's, or an attached phone's.

The readings are texts and the profile is made of them alone, so a phone's are read by the same code as this machine's.
What a system does not tell stays out: the nearest known device is then found by fewer facts.
"""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.environment import cpu_name
from device_profiles.profile import CpuCluster, DeviceFacts, Kind, Processor, Support

# Parts of Arm (implementer 0x41) and Qualcomm (0x51), from the Linux kernel's arch/arm64/include/asm/cputype.h and the
# main identification registers of Arm's technical reference manuals.
_PARTS: Mapping[tuple[int, int], str] = MappingProxyType(
    {
        (0x41, 0xC07): "Cortex-A7", (0x41, 0xC08): "Cortex-A8", (0x41, 0xC09): "Cortex-A9", (0x41, 0xC0F): "Cortex-A15",
        (0x41, 0xD03): "Cortex-A53", (0x41, 0xD04): "Cortex-A35", (0x41, 0xD05): "Cortex-A55",
        (0x41, 0xD07): "Cortex-A57", (0x41, 0xD08): "Cortex-A72", (0x41, 0xD09): "Cortex-A73",
        (0x41, 0xD0A): "Cortex-A75", (0x41, 0xD0B): "Cortex-A76", (0x41, 0xD0D): "Cortex-A77",
        (0x41, 0xD41): "Cortex-A78", (0x41, 0xD44): "Cortex-X1", (0x41, 0xD46): "Cortex-A510",
        (0x41, 0xD47): "Cortex-A710", (0x41, 0xD48): "Cortex-X2", (0x41, 0xD4D): "Cortex-A715",
        (0x41, 0xD4E): "Cortex-X3", (0x41, 0xD80): "Cortex-A520", (0x41, 0xD81): "Cortex-A720",
        (0x41, 0xD82): "Cortex-X4",
        (0x51, 0x800): "Kryo 2xx Gold", (0x51, 0x801): "Kryo 2xx Silver", (0x51, 0x802): "Kryo 3xx Gold",
        (0x51, 0x803): "Kryo 3xx Silver", (0x51, 0x804): "Kryo 4xx Gold", (0x51, 0x805): "Kryo 4xx Silver",
    }
)  # fmt: skip
_KIB, _KHZ, _MHZ = 1024, 1000, 1_000_000
_REVISION = re.compile(r"\s+Rev\s+[\d.]+$")
_TELLS_NOTHING = {"", "unknown", "default string", "to be filled by o.e.m.", "system product name", "none"}


@dataclass(frozen=True, slots=True)
class Readings:
    """What a system says of itself; an empty text is what it does not say.

    Attributes:
        cpuinfo: text of ``/proc/cpuinfo``.
        meminfo: text of ``/proc/meminfo``.
        clocks_khz: the highest clock of each processor, in their order; unknown ones are left out.
        model: the device's name as its maker has it.
        aliases: other names: codename, model number.
        soc: name or part number of the chip.
        os: with its version, such as ``Android 14``.
        kind: what sort of thing it is; ``None`` where unknown.
        supports: the ways to run a model on it.
    """

    cpuinfo: str = ""
    meminfo: str = ""
    clocks_khz: tuple[int, ...] = ()
    model: str = ""
    aliases: tuple[str, ...] = ()
    soc: str = ""
    os: str = ""
    kind: Kind | None = None
    supports: tuple[Support, ...] = field(default=())


def facts_of(readings: Readings) -> DeviceFacts:
    """Make a profile of readings."""
    model = "" if readings.model.strip().casefold() in _TELLS_NOTHING else readings.model.strip()
    plain = _REVISION.sub("", model)
    aliases = [each for each in (plain, *readings.aliases) if each and each != model]
    return DeviceFacts(
        name=model,
        aliases=tuple(dict.fromkeys(aliases)),
        kind=readings.kind,
        soc=readings.soc or cpu_name(readings.cpuinfo),
        cpu=tuple(_clusters(readings)),
        ram_bytes=_ram_bytes(readings.meminfo),
        os=readings.os,
        supports=readings.supports,
    )


def document(facts: DeviceFacts) -> dict[str, Any]:
    """The facts as JSON, without those that are unknown, for ``zoo pick --profile -``."""
    return {key: value for key, value in asdict(facts).items() if value not in ("", (), {}, None)}


def _clusters(readings: Readings) -> Iterable[CpuCluster]:
    """Equal cores that have the same clock, the fastest first."""
    names = _core_names(readings.cpuinfo)
    clocks: list[int | None] = [each * _KHZ for each in readings.clocks_khz]
    if len(clocks) != len(names):
        shown = [
            int(float(each) * _MHZ)
            for each in re.findall(r"^cpu MHz\s*:\s*([\d.]+)", readings.cpuinfo, re.MULTILINE)
        ]
        # a clock of the moment is no highest one, but in the right octave, which is all that matching looks at
        clocks = [max(shown, default=0) or None] * len(names)
    groups: dict[tuple[str, int | None], int] = {}
    for key in zip(names, clocks, strict=True):
        groups[key] = groups.get(key, 0) + 1
    for (name, clock), cores in sorted(groups.items(), key=lambda each: (-(each[0][1] or 0), each[0][0])):
        yield CpuCluster(cores, name, clock)


def _core_names(cpuinfo: str) -> list[str]:
    """The name of each processor; empty where the text names none."""
    names = []
    for block in re.split(r"\n\s*\n", cpuinfo):
        said = {
            key.strip(): value.strip()
            for key, _, value in (line.partition(":") for line in block.splitlines())
        }
        if "processor" not in said:
            continue
        part = (_number(said.get("CPU implementer", "")), _number(said.get("CPU part", "")))
        names.append(_PARTS.get(part) or " ".join(said.get("model name", "").split()) or "unknown core")
    return names


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return -1


def _ram_bytes(meminfo: str) -> int | None:
    found = re.search(r"^MemTotal:\s*(\d+) kB", meminfo, re.MULTILINE)
    return int(found[1]) * _KIB if found and int(found[1]) else None


def read_host() -> Readings:
    """Ask this machine."""
    if sys.platform == "darwin":
        return _read_mac()
    is_arm = platform.machine() in {"aarch64", "arm64", "armv7l"}
    board = _text(Path("/proc/device-tree/model")).strip("\0\n ")
    return Readings(
        cpuinfo=_text(Path("/proc/cpuinfo")),
        meminfo=_text(Path("/proc/meminfo")),
        clocks_khz=_clocks(),
        model=board or _text(Path("/sys/class/dmi/id/product_name")).strip(),
        os=f"{platform.system()} {platform.release()}",
        kind=Kind.BOARD if is_arm else Kind.LAPTOP,
        supports=_HOST_WAYS,
    )


_FROM_PROBE = "probed: the runtimes that run on this system"
_HOST_WAYS = (
    Support("tflite", "tflite", Processor.CPU, cited=_FROM_PROBE),
    Support("onnxruntime", "onnx", Processor.CPU, cited=_FROM_PROBE),
)


def _clocks() -> tuple[int, ...]:
    """In the order of the processors; empty where one does not say."""
    folders = sorted(
        Path("/sys/devices/system/cpu").glob("cpu[0-9]*"), key=lambda path: int(path.name.removeprefix("cpu"))
    )
    found = [_text(each / "cpufreq" / "cpuinfo_max_freq").strip() for each in folders]
    return tuple(map(int, found)) if found and all(each.isdigit() for each in found) else ()


def _read_mac() -> Readings:
    """A Mac's facts in the words of Linux, so that they are read alike; Apple publishes no clocks."""
    names = ("machdep.cpu.brand_string", "hw.memsize", "hw.model", "hw.ncpu")
    said = {name: _sysctl(name) for name in names}
    cores = int(said["hw.ncpu"]) if said["hw.ncpu"].isdigit() else os.cpu_count() or 1
    blocks = (
        f"processor : {core}\nmodel name : {said['machdep.cpu.brand_string']}\n" for core in range(cores)
    )
    memory = int(said["hw.memsize"]) // _KIB if said["hw.memsize"].isdigit() else 0
    return Readings(
        cpuinfo="\n".join(blocks),
        meminfo=f"MemTotal: {memory} kB\n",
        model=said["hw.model"],
        soc=said["machdep.cpu.brand_string"],
        os=f"macOS {platform.mac_ver()[0]}",
        kind=Kind.LAPTOP,
        supports=(*_HOST_WAYS, Support("coreml", "coreml", Processor.NPU, cited=_FROM_PROBE)),
    )


def _sysctl(name: str) -> str:
    done = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
