"""What both emulated runners share: QEMU with a plugin that counts instructions, and outputs compared number by number.

An emulator has no pipeline, no cache and no memory that waits: the count of instructions is exact, and no latency.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.runners.base import Comparison
from zoo.errors import BenchError

FIRMWARE = Path(__file__).with_name("firmware")
_COUNTED = re.compile(rb"instructions executed: (\d+)")
_BUILD_S = 60


def compared(found: NDArray[Any], wanted: NDArray[Any], reference: str) -> Comparison:
    """Compare outputs.

    Args:
        found: of the runtime in question.
        wanted: of the other, of the same type and size.
        reference: what made them.

    Raises:
        BenchError: there are not as many, or of another type.
    """
    if found.size != wanted.size or found.dtype != wanted.dtype:
        raise BenchError(
            f"{found.size} numbers ({found.dtype}) are no match for {wanted.size} ({wanted.dtype}) of {reference}"
        )
    one, other = found.reshape(-1), wanted.reshape(-1)
    bits = one.view(f"u{one.itemsize}") != other.view(f"u{other.itemsize}")
    gaps = np.abs(one.astype(np.float64) - other.astype(np.float64))
    return Comparison(
        reference, one.size, int(bits.sum()), float(gaps.max(initial=0.0)), one.dtype.kind in "iu"
    )


def lacks_counter(qemu: str, package: str) -> str:
    """What is missing of QEMU and of a compiler for its plugin, with the remedy; empty where nothing is."""
    for tool, name in ((qemu, package), (_compiler() or "cc", "gcc libc6-dev")):
        if shutil.which(tool) is None:
            return f"{tool} is not on this machine. On Debian, as root: apt-get install {name}"
    return ""


def qemu_version(qemu: str) -> str:
    """The emulator with its version, such as ``QEMU 7.2.22``."""
    said = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=False, timeout=_BUILD_S)  # noqa: S603
    found = re.search(r"version (\S+)", said.stdout)
    return f"QEMU {found[1]}" if found else qemu


def counter(folder: Path) -> Path:
    """Build the plugin into a folder.

    Raises:
        BenchError: it does not compile.
    """
    made = folder / "count.so"
    done = subprocess.run(  # noqa: S603 - this machine's compiler, this project's source
        [_compiler() or "cc", "-O2", "-fPIC", "-shared", "-o", str(made), str(FIRMWARE / "count.c")],
        capture_output=True, text=True, check=False, timeout=_BUILD_S,
    )  # fmt: skip
    if done.returncode:
        raise BenchError(f"QEMU's plugin does not compile: {last_line(done.stderr)}")
    return made


def counted(
    command: Sequence[str], folder: Path, longest_s: float, environment: Mapping[str, str] | None = None
) -> int:
    """Run an emulator with the plugin, and return how many instructions it executed.

    Args:
        command: with ``-plugin``.
        folder: to run in.
        longest_s: seconds.
        environment: the variables of the process; by default this one's.

    Raises:
        BenchError: it takes too long, ends with another code than 0, or counts nothing.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603 - QEMU, with what this project made
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=longest_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired as problem:
        raise BenchError(f"{name} took over {longest_s:.0f} s") from problem
    said = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode:
        raise BenchError(
            f"{name} ended with code {done.returncode}: {last_line(_COUNTED_TEXT.sub('', said))}"
        )
    found = _COUNTED.findall(done.stderr)
    if not found:
        raise BenchError(f"{name} counts no instructions: {last_line(said)}. QEMU 7 or 8 is wanted")
    return int(found[-1])


_COUNTED_TEXT = re.compile(_COUNTED.pattern.decode())


def last_line(text: str) -> str:
    """The last line with something in it, shortened."""
    lines = [each.strip() for each in text.splitlines() if each.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")
