"""Inspects files: checks what can be checked from outside, and has the sandbox read the rest."""

import stat
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from converters.inspection import packages
from converters.inspection.report import FileReport
from converters.inspection.workers import Limits, Server
from zoo.errors import BadFileError, MissingExtraError

LARGEST_BYTES = 4 * 2**30


class Inspector:
    """Reads many files with one sandbox; use it as a context manager."""

    def __init__(self) -> None:
        """Start the sandbox."""
        self._server = Server()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the sandbox."""
        self._server.__exit__(kind, error, trace)

    def inspect(
        self, path: Path, *, limits: Limits | None = None, coverage: bool = True, loads: bool = True
    ) -> FileReport:
        """Read a file.

        Args:
            path: a file, or the folder of a package.
            limits: what reading may take; the usual ones grow with large files.
            coverage: whether delegates' rules are applied.
            loads: whether the runtime of this machine is tried; a file that it rejects is refused.

        Raises:
            BadFileError: it is damaged, hostile, too large, or of no known format.
            MissingExtraError: what reads it is not installed.
        """
        size = _look(path)
        answer = self._server.ask(path, limits or Limits().scaled(size), coverage=coverage, loads=loads)
        if "missing" in answer:
            raise MissingExtraError(answer["missing"])
        if "bug" in answer:
            raise RuntimeError(f"the reader of '{path}' has a bug:\n{answer['bug']}")
        if "problems" in answer:
            raise BadFileError(str(path), [_printable(str(each)) for each in answer["problems"]])
        report = FileReport.from_json(answer["report"])
        digest, size = packages.digest(path)
        overhead = size + report.overhead_bytes if report.graph is not None else 0
        return replace(report, sha256=digest, size_bytes=size, overhead_bytes=max(0, overhead))


def inspect(path: Path, *, coverage: bool = True, loads: bool = True) -> FileReport:
    """Read one file; see `Inspector.inspect`."""
    _look(path)
    with Inspector() as inspector:
        return inspector.inspect(path, coverage=coverage, loads=loads)


def _look(path: Path) -> int:
    """Length of a file or of all files of a folder.

    Raises:
        BadFileError: it is missing, no plain file, may not be read, or too large.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            size = sum(each.stat().st_size for each in packages.files(path))
        elif stat.S_ISREG(mode):
            with path.open("rb"):
                size = path.stat().st_size
        else:
            raise BadFileError(str(path), ["it is neither a file nor a folder"])
    except OSError as problem:
        raise BadFileError(str(path), [str(problem.strerror or problem)]) from problem
    if size > LARGEST_BYTES:
        raise BadFileError(str(path), [f"it has {size:,} bytes, at most {LARGEST_BYTES:,} are read"])
    return size


def _printable(text: str) -> str:
    """One line without control characters: names out of hostile files end up in messages."""
    return "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))
