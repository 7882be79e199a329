"""A process that reads hostile files, so that this one need not: see `serving` for its other end."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from converters.inspection import serving
from zoo.errors import UsageError

_LARGE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may take.

    Attributes:
        seconds: of wall-clock time.
        memory_bytes: of private memory.
    """

    seconds: float = 2.0
    memory_bytes: int = 512 * 2**20

    def scaled(self, size_bytes: int) -> "Limits":
        """More for a file of more than 64 MiB: a second each 32 MiB, and memory for three copies."""
        extra = max(0, size_bytes - _LARGE_BYTES)
        return Limits(self.seconds + extra / (32 * 2**20), self.memory_bytes + 3 * extra)


class Server:
    """A running sandbox; use it as a context manager.

    Raises:
        UsageError: this system cannot fork.
    """

    def __init__(self) -> None:
        """Start it; the readers are imported when the first file comes."""
        if not hasattr(os, "fork"):
            raise UsageError(
                "model files are read in a forked process, which this system cannot make: use Linux or macOS"
            )
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        environment["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "converters.inspection.serving"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        )  # fmt: skip
        self._ready = False

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        entry, exit_ = self._pipes()
        entry.close()
        exit_.close()
        self._process.kill()
        self._process.wait()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        return cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)

    def ask(self, path: Path, limits: Limits, *, coverage: bool, loads: bool) -> Mapping[str, Any]:
        """Have a file read; see `assembling.assemble` for the answer, which may also be ``{"bug": traceback}``."""
        entry, exit_ = self._pipes()
        if not self._ready:
            self._answer(exit_)
            self._ready = True
        serving.write(
            entry,
            {
                "path": str(path.absolute()), "seconds": limits.seconds, "memory_bytes": limits.memory_bytes,
                "coverage": coverage, "loads": loads,
            },
        )  # fmt: skip
        return self._answer(exit_)

    def _answer(self, exit_: IO[bytes]) -> Mapping[str, Any]:
        found = serving.read(exit_)
        if not isinstance(found, dict):
            raise RuntimeError("the process that reads model files ended")  # noqa: TRY004 - it is no matter of types
        return found
