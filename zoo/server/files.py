"""Held files as the server gives them out: hashed before they are, and again when they change on the disk."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from registry.blobs import ABSENT, Blobs
from zoo.errors import ZooError
from zoo.server.logs import log

SMALL_BYTES = 2 * 2**20  # kept in memory
_PAUSE_S = 0.05  # between two files that are looked at again

Signature = tuple[int, int, int]


class RottenError(ZooError):
    """A file of the registry is not there, or is not what its digest says."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that was found to be what its digest says.

    Attributes:
        path: where it lies.
        size_bytes: its length.
        data: its bytes; ``None`` where it is too long to be kept in memory.
    """

    path: Path
    size_bytes: int
    data: bytes | None


class Files:
    """The files of a registry.

    Args:
        folders: where they may lie, the first one first.
        most_bytes: of small files that are kept in memory.
    """

    def __init__(self, folders: Sequence[Blobs], most_bytes: int) -> None:
        """Nothing is read yet."""
        self._folders, self._most_bytes = tuple(folders), most_bytes
        self._whole: dict[str, tuple[Path, Signature]] = {}
        self._kept: OrderedDict[str, File] = OrderedDict()
        self._kept_bytes = 0
        self._thread = ThreadPoolExecutor(2, "files")
        self.faults: dict[str, str] = {}

    @property
    def checked(self) -> int:
        """How many files were found whole."""
        return len(self._whole)

    def close(self) -> None:
        """Stop looking."""
        self._thread.shutdown(cancel_futures=True)

    async def find(self, sha256: str) -> File:
        """A file whose bytes are what the digest says.

        Raises:
            RottenError: they are not, or there is no such file.
        """
        kept = self._kept.get(sha256)
        if kept is not None:
            self._kept.move_to_end(sha256)
            return kept
        known = self._whole.get(sha256)
        if known is not None and _signature(known[0]) == known[1] and known[1][1] > SMALL_BYTES:
            return File(known[0], known[1][1], None)
        found = await asyncio.get_running_loop().run_in_executor(self._thread, self._read, sha256)
        if found.data is not None and sha256 not in self._kept:
            self._kept[sha256] = found
            self._kept_bytes += found.size_bytes
            while self._kept_bytes > self._most_bytes:
                self._kept_bytes -= self._kept.popitem(last=False)[1].size_bytes
        return found

    def _read(self, sha256: str) -> File:
        """Hash the file, in any of the folders.

        Raises:
            RottenError: none has it whole.
        """
        faults = []
        for folder in self._folders:
            path = folder.path(sha256)
            before = _signature(path)
            if before is None:
                continue
            data = None
            try:
                data = path.read_bytes() if before[1] <= SMALL_BYTES else None
                fault = folder.fault(sha256) if data is None else _fault(data, sha256)
            except OSError as problem:
                fault = f"it cannot be read: {problem.strerror}"
            if fault is None and _signature(path) == before:
                self._whole[sha256] = path, before
                self.faults.pop(sha256, None)
                return File(path, before[1], data)
            faults.append(fault or "it changed while it was read")
        fault = faults[0] if faults else ABSENT
        self._whole.pop(sha256, None)
        if self.faults.get(sha256) != fault:
            log("file-refused", sha256=sha256, reason=fault)
        self.faults[sha256] = fault
        raise RottenError(f"the file {sha256} cannot be given out: {fault}")

    async def look(self, digests: Iterable[str]) -> None:
        """Hash every file again, slowly."""
        for sha256 in digests:
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._read, sha256)
            except RottenError:
                self._forget(sha256)
            await asyncio.sleep(_PAUSE_S)

    def _forget(self, sha256: str) -> None:
        """What rotted on the disk is not given out of memory either: who runs the server must see it."""
        kept = self._kept.pop(sha256, None)
        self._kept_bytes -= kept.size_bytes if kept else 0


def _fault(data: bytes, sha256: str) -> str | None:
    found = hashlib.sha256(data).hexdigest()
    return None if found == sha256 else f"its bytes have the digest {found}"


def _signature(path: Path) -> Signature | None:
    """What changes when a file does; ``None`` where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
