"""An attached phone, over ``adb``: commands, files, and what it says of itself."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.probing import Readings
from device_profiles.profile import Kind, Processor, Support
from zoo.errors import BenchError

_LONGEST_S = 60
_PROPERTIES = MappingProxyType(
    {
        "model": "ro.product.model",
        "device": "ro.product.device",
        "maker": "ro.product.manufacturer",
        "soc": "ro.soc.model",
        "board": "ro.board.platform",
        "release": "ro.build.version.release",
    }
)
_MARK = "--zoo--"
_ASKED = (
    *(f"getprop {each}" for each in _PROPERTIES.values()),
    "cat /proc/cpuinfo",
    "cat /proc/meminfo",
    "cat /sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_max_freq",
    "dumpsys battery | grep -E 'temperature|AC powered|USB powered'",
    "dumpsys thermalservice | grep 'Thermal Status'",
)
_FROM_PROBE = "probed: TensorFlow Lite runs on Android's CPU"


class AdbError(BenchError):
    """adb is not there, no phone is, or the phone refuses; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A phone that adb lists.

    Attributes:
        serial: that names it.
        state: ``device`` where it can be used, else ``unauthorized``, ``offline`` ...
    """

    serial: str
    state: str


def lacks_adb() -> str:
    """What is missing and the remedy, in one line; empty where adb is there."""
    return (
        "" if shutil.which("adb") else "adb is not on this machine. On Debian, as root: apt-get install adb"
    )


def listed(text: str) -> list[Attached]:
    """The phones in what ``adb devices`` prints."""
    rows = [
        line.split() for line in text.splitlines() if line.strip() and not line.startswith(("List of", "*"))
    ]
    return [Attached(row[0], row[1]) for row in rows if len(row) > 1]


class Phone:
    """One attached phone.

    Args:
        serial: which one; empty where only one is attached.

    Raises:
        AdbError: it is not there, or not the only one, or does not trust this machine yet.
    """

    def __init__(self, serial: str = "") -> None:
        """Look for it."""
        missing = lacks_adb()
        if missing:
            raise AdbError(missing)
        found = listed(_adb("devices"))
        names = ", ".join(each.serial for each in found)
        if serial:
            found = [each for each in found if each.serial == serial]
        if not found:
            what = (
                f"no phone '{serial}' is attached (adb lists: {names or 'none'})"
                if serial
                else "no phone is attached"
            )
            raise AdbError(f"{what}. Plug it in and switch on USB debugging in its developer options")
        if len(found) > 1:
            raise AdbError(f"several phones are attached: {names}. Name one with --adb SERIAL")
        if found[0].state != "device":
            raise AdbError(
                f"phone '{found[0].serial}' is {found[0].state}. Unlock it and confirm this computer on its screen"
            )
        self.serial = found[0].serial

    def shell(self, command: str, longest_s: float = _LONGEST_S) -> str:
        """Run a command on the phone; its output and errors together.

        Raises:
            AdbError: it takes too long, or the connection breaks. A command's own failure is in its output.
        """
        return _adb("-s", self.serial, "shell", command, longest_s=longest_s, checked=False)

    def push(self, path: Path, target: str) -> None:
        """Copy a file to the phone."""
        _adb("-s", self.serial, "push", str(path), target, longest_s=10 * _LONGEST_S)

    def read(self) -> Readings:
        """Ask it what it is."""
        return readings_of(self.shell(f"; echo {_MARK}; ".join(_ASKED)))

    def conditions(self) -> str:
        """Battery temperature and thermal status, in words; empty where it does not say."""
        texts = self.shell(f"; echo {_MARK}; ".join(_ASKED[-2:])).split(_MARK)
        said = {key.strip(): value.strip() for text in texts for line in text.splitlines()
                for key, _, value in [line.partition(":")]}  # fmt: skip
        words = []
        if said.get("temperature", "").isdigit():
            words.append(f"battery {int(said['temperature']) / 10:.1f} °C")  # it counts tenths of a degree
        if said.get("Thermal Status", "").isdigit():
            words.append(f"thermal status {said['Thermal Status']} (0 is cool)")
        return ", ".join(words)


def readings_of(text: str) -> Readings:
    """Readings of what the phone printed, asked as `Phone.read` asks."""
    parts = [each.strip() for each in text.replace("\r\n", "\n").split(_MARK)]
    parts += [""] * (len(_ASKED) - len(parts))
    said = dict(zip(_PROPERTIES, parts, strict=False))
    cpuinfo, meminfo, clocks = parts[len(_PROPERTIES) : len(_PROPERTIES) + 3]
    numbers = clocks.split()
    maker = said["maker"].strip()
    full = (
        said["model"] if said["model"].casefold().startswith(maker.casefold()) else f"{maker} {said['model']}"
    )
    return Readings(
        cpuinfo=cpuinfo,
        meminfo=meminfo,
        clocks_khz=tuple(map(int, numbers)) if all(each.isdigit() for each in numbers) else (),
        model=said["model"],
        aliases=tuple(each for each in (said["device"], full.strip()) if each and each != said["model"]),
        soc=said["soc"] or said["board"],
        os=f"Android {said['release']}".strip(),
        kind=Kind.PHONE,
        supports=(Support("tflite", "tflite", Processor.CPU, cited=_FROM_PROBE),),
    )


def _adb(*arguments: str, longest_s: float = _LONGEST_S, checked: bool = True) -> str:
    command = shutil.which("adb") or "adb"
    try:
        done = subprocess.run(  # noqa: S603 - adb, with arguments of this project
            [command, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            timeout=longest_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as problem:
        raise AdbError(
            f"adb {arguments[0]} took over {longest_s:.0f} s. Is the phone still attached?"
        ) from problem
    lost = done.returncode and any(done.stdout.startswith(each) for each in ("error:", "adb: ", "* failed"))
    if (checked and done.returncode) or lost:
        lines = [each for each in done.stdout.splitlines() if each.strip()]
        raise AdbError(f"adb failed: {lines[-1] if lines else f'code {done.returncode}'}")
    return done.stdout
