"""What is finished, on disk: a folder a stage, which is there whole or not at all.

``WORK/stages/KEY/`` has the stage's files and ``stage.json``. It is made under another name, synced to the disk and
then renamed, so that neither a full disk nor the end of this process leaves a half-written one. ``WORK/logs/KEY.log``
is the job's log. ``WORK/lock`` keeps two sweeps apart: the system frees it when the process ends, however it ends.
"""

import fcntl
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compress.sweep.stages import Stage
from zoo.errors import SweepError

RECORD = "stage.json"
_SCHEMA = 1


class StoredFiles(Mapping[str, bytes]):
    """The files of a finished stage by name, each read when it is asked for.

    Args:
        folder: of the stage.
    """

    def __init__(self, folder: Path) -> None:
        """Look at the names only."""
        self._paths = {
            each.name: each for each in sorted(folder.iterdir()) if each.name != RECORD and each.is_file()
        }

    def __getitem__(self, name: str) -> bytes:
        """Read a file."""
        return self._paths[name].read_bytes()

    def __iter__(self) -> Iterator[str]:
        """The names, sorted."""
        return iter(self._paths)

    def __len__(self) -> int:
        """How many files."""
        return len(self._paths)


class Store:
    """See the module's docstring.

    Args:
        work: the sweep's folder; need not be there.
    """

    def __init__(self, work: Path) -> None:
        """Nothing is read or written yet."""
        self.work = work.absolute()
        self._stages, self._staging, self._logs = (self.work / each for each in ("stages", "staging", "logs"))
        self._attempts = 0

    @contextmanager
    def locked(self) -> Iterator["Store"]:
        """Keep other sweeps out of this folder, and clean up after those that were killed.

        Raises:
            SweepError: another sweep uses it, or it cannot be written.
        """
        path = self.work / "lock"
        try:
            for each in (self._stages, self._staging, self._logs):
                each.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        except OSError as problem:
            raise SweepError(f"cannot write into '{self.work}': {problem.strerror}") from problem
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise SweepError(
                    f"'{self.work}' is in use by {file.read().strip() or 'another sweep'}. "
                    "Wait for it, or give another folder with --work"
                ) from None
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            self._clean()
            yield self

    def _clean(self) -> None:
        for each in self._staging.iterdir():
            shutil.rmtree(each, ignore_errors=True)

    def holds(self, key: str) -> bool:
        """Whether a stage is finished and its files are as long as they were."""
        record = self.record(key)
        if record is None:
            return False
        folder = self.folder(key)
        return all(
            (folder / name).is_file() and (folder / name).stat().st_size == each["size_bytes"]
            for name, each in record["files"].items()
        )

    def record(self, key: str) -> Mapping[str, Any] | None:
        """What is written of a finished stage: its title, spec, parents, files, and how many seconds it took."""
        try:
            found: Mapping[str, Any] = json.loads((self.folder(key) / RECORD).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return found if found.get("key") == key and found.get("schema") == _SCHEMA else None

    def files(self, key: str) -> Mapping[str, bytes]:
        """The files of a finished stage.

        Raises:
            KeyError: it is not finished.
        """
        if not self.holds(key):
            raise KeyError(key)
        return StoredFiles(self.folder(key))

    def folder(self, key: str) -> Path:
        """Where a finished stage is."""
        return self._stages / key

    def log(self, key: str) -> Path:
        """The log of a stage's job."""
        return self._logs / f"{key}.log"

    def staging(self, key: str) -> Path:
        """A new folder for the files of a job that is about to run."""
        self._attempts += 1
        path = self._staging / f"{key[:16]}-{os.getpid()}-{self._attempts}"
        path.mkdir()
        return path

    def commit(self, stage: Stage, staging: Path, seconds: float) -> None:
        """Take the files of a job that has ended well: from now on the stage is finished.

        Args:
            stage: whose files they are.
            staging: folder that they are in, synced; it is gone afterwards.
            seconds: that the job took.

        Raises:
            OSError: the disk is full, or cannot be written; then the stage is not finished.
        """
        files = {
            each.name: {
                "size_bytes": each.stat().st_size,
                "sha256": _sha256(each),
            }
            for each in sorted(staging.iterdir())
        }
        record = {
            "schema": _SCHEMA, "key": stage.key, "kind": stage.kind, "title": stage.title, "spec": stage.spec,
            "parents": dict(stage.parents), "files": files, "seconds": round(seconds, 3),
        }  # fmt: skip
        write_synced(staging / RECORD, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
        sync_folder(staging)
        target = self.folder(stage.key)
        if target.exists():  # not finished, or it would not have been made again
            shutil.rmtree(target)
        staging.rename(target)
        sync_folder(self._stages)

    def discard(self, staging: Path) -> None:
        """Forget the files of a job that failed."""
        shutil.rmtree(staging, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a job's files and sync them to the disk.

    Args:
        folder: that they go to.
        files: by name.

    Raises:
        ValueError: a name is no plain name of a file.
        TypeError: a file is not bytes.
        OSError: the disk is full, or cannot be written.
    """
    for name, data in files.items():
        if Path(name).name != name or name in {"", ".", "..", RECORD}:
            raise ValueError(f"a job's file cannot be called {name!r}")
        if not isinstance(data, bytes):
            raise TypeError(f"the job's file {name!r} is {type(data).__name__}, but bytes are wanted")
    for name, data in files.items():
        write_synced(folder / name, data)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
