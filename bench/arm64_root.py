"""The Arm64 system that LiteRT runs in under QEMU's user emulation: made once by ``make arm64``, then only read.

It is Debian's Python with its libraries and LiteRT's wheels, unpacked into a cache folder: nothing is installed into
this machine, and nothing runs as root later. What QEMU does not find in it, it takes from this machine; so each core
has a folder of its own with a ``/proc/cpuinfo`` in which the libraries read what the core can do.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

from zoo.errors import BenchError, ZooError

VARIABLE = "ZOO_ARM64"
_SUITE, _PYTHON = "bookworm", "3.11"
_SYSTEM = ("python3-minimal", "libpython3.11-stdlib", "python3", "libstdc++6", "libgomp1")
_WHEELS = ("ai-edge-litert", "numpy")
_PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64")
_MADE_OF = "made-of.json"
_NEEDS_BYTES = 1_000_000_000  # while it is made; 450 MB stay
_LONGEST_S = 1800
_BASE = "fp asimd evtstrm aes pmull sha1 sha2 crc32"
_REMEDY = "Make it once, as root: make arm64"


@dataclass(frozen=True, slots=True)
class Core:
    """A core that QEMU emulates.

    Attributes:
        qemu: its name for QEMU.
        title: its name for people.
        features: what ``/proc/cpuinfo`` says it can do; it must be what QEMU's core can, or kernels meet an
            instruction that it does not know.
        variant: of the main identification register, as Linux prints it.
        part: of it.
        revision: of it.
    """

    qemu: str
    title: str
    features: str
    variant: str
    part: str
    revision: int

    @property
    def cpuinfo(self) -> str:
        """What Linux prints on a machine with one such core."""
        return (
            f"processor\t: 0\nBogoMIPS\t: 48.00\nFeatures\t: {self.features}\nCPU implementer\t: 0x41\n"
            f"CPU architecture: 8\nCPU variant\t: {self.variant}\nCPU part\t: {self.part}\n"
            f"CPU revision\t: {self.revision}\n\n"
        )


# Identification registers and features of Arm's technical reference manuals of the two cores.
CORES: Mapping[str, Core] = MappingProxyType(
    {
        "arm64-a76": Core(
            "cortex-a76",
            "Cortex-A76",
            f"{_BASE} atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
            "0x3",
            "0xd0b",
            0,
        ),
        "arm64-a53": Core("cortex-a53", "Cortex-A53", f"{_BASE} cpuid", "0x0", "0xd03", 4),
    }
)


def folder() -> Path:
    """Where the system lies: ``$ZOO_ARM64``, else ``$XDG_CACHE_HOME/device-zoo/arm64``."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or ""
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "device-zoo" / "arm64"


def lacks(place: Path | None = None) -> str:
    """What is missing and the remedy, in one line; empty where the system is ready and has this LiteRT."""
    place = folder() if place is None else place
    found = _made_of(place)
    if found is None:
        return f"there is no Arm64 system in '{place}'. {_REMEDY}"
    old = [name for name, wanted in wanted_versions().items() if found.get(name) != wanted]
    if old:
        return f"the Arm64 system in '{place}' has another version of {', '.join(old)} than this machine. {_REMEDY}"
    return ""


def wanted_versions() -> dict[str, str]:
    """The versions that are installed here: outputs are compared with theirs."""
    return {name: version(name) for name in _WHEELS}


def _made_of(place: Path) -> dict[str, str] | None:
    try:
        return dict(json.loads((place / _MADE_OF).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def prefix(core: str, place: Path | None = None) -> Path:
    """The folder that QEMU takes for the root of a core's system."""
    return (folder() if place is None else place) / core


def environment(place: Path | None = None) -> dict[str, str]:
    """Variables for the emulated Python; no other ones are handed on."""
    place = folder() if place is None else place
    return {
        "PYTHONHOME": str(place / "root" / "usr"),
        "PYTHONPATH": str(place / "site"),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "LC_ALL": "C.UTF-8",
    }


def python(place: Path | None = None) -> Path:
    """The emulated interpreter."""
    return (folder() if place is None else place) / "root" / "usr" / "bin" / f"python{_PYTHON}"


def make(place: Path) -> None:
    """Make the system; whole or not at all.

    Args:
        place: the folder; what a run that broke off left there is thrown away.

    Raises:
        BenchError: a tool, rights, room or the network is missing.
    """
    for tool in ("debootstrap", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise BenchError(
                f"{tool} is not on this machine. On Debian, as root: apt-get install debootstrap"
            )
    if os.geteuid() != 0:
        raise BenchError("debootstrap wants to be root")
    place.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(place.parent).free < _NEEDS_BYTES:
        raise BenchError(f"'{place.parent}' has less than {_NEEDS_BYTES // 10**6:,} MB of free space")
    made_of = wanted_versions()
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as scratch:
        new = Path(scratch)
        _unpack_system(new / "root")
        _unpack_wheels(made_of, new / "wheels", new / "site")
        shutil.rmtree(new / "wheels")
        for name, core in CORES.items():
            _overlay(new / name, core)
        (new / _MADE_OF).write_text(json.dumps(made_of), encoding="utf-8")
        new.chmod(0o755)
        if place.exists():
            shutil.rmtree(place)
        shutil.copytree(new, place, symlinks=True, copy_function=shutil.move)


def _unpack_system(root: Path) -> None:
    """Debian's packages for Arm64, unpacked and not set up: no program of theirs runs."""
    _call(
        ["debootstrap", "--arch=arm64", "--foreign", "--variant=minbase", f"--include={','.join(_SYSTEM)}", _SUITE,
         str(root)]
    )  # fmt: skip
    archives = root / "var" / "cache" / "apt" / "archives"
    for each in sorted(archives.glob("*.deb")):
        _call(["dpkg-deb", "-x", str(each), str(root)])
    shutil.rmtree(archives)


def _unpack_wheels(versions: Mapping[str, str], wheels: Path, site: Path) -> None:
    _call(
        [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary=:all:",
            "--python-version", _PYTHON, *(f"--platform={each}" for each in _PLATFORMS), "--dest", str(wheels),
            *(f"{name}=={each}" for name, each in versions.items()),
        ]
    )  # fmt: skip
    for each in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(each) as opened:
            opened.extractall(site)


def _overlay(place: Path, core: Core) -> None:
    """The system as one core sees it: one processor of its kind."""
    processors = place / "sys" / "devices" / "system" / "cpu"
    processors.mkdir(parents=True)
    for name in ("possible", "present", "online"):
        (processors / name).write_text("0\n", encoding="ascii")
    (place / "proc").mkdir()
    (place / "proc" / "cpuinfo").write_text(core.cpuinfo, encoding="ascii")
    for name in ("usr", "lib", "etc"):
        (place / name).symlink_to(Path("..") / "root" / name)


def _call(command: list[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - tools of Debian and of this interpreter
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=_LONGEST_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as problem:
        raise BenchError(f"{command[0]} took over {_LONGEST_S} s") from problem
    if done.returncode:
        lines = [each for each in done.stdout.splitlines() if each.strip()]
        raise BenchError(f"{Path(command[0]).name} failed: {lines[-1] if lines else done.returncode}")


def _main() -> int:
    place = folder()
    if not lacks(place):
        return 0
    try:
        make(place)
    except ZooError as problem:
        sys.stderr.write(f"make: the Arm64 system cannot be made: {problem}\n")
        return 1
    sys.stderr.write(f"The Arm64 system is in '{place}'\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
