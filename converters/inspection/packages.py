"""Folders that are one artifact: their files in one order, with no times, as one deterministic archive.

The digest of a package is that of its canonical archive: files stored without compression, names sorted,
every time 1980-01-01, the same rights. Copying, touching or renaming the folder changes nothing.
"""

import hashlib
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from zoo.errors import BadFileError

MOST_FILES = 10_000
_EPOCH = (1980, 1, 1, 0, 0, 0)
_RIGHTS = 0o100644 << 16
_CHUNK = 2**20


class _HashingSink:
    """A file that cannot be read or sought, only hashed, and written on where there is somewhere to."""

    def __init__(self, out: IO[bytes] | None) -> None:
        self.digest, self._out = hashlib.sha256(), out

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        if self._out is not None:
            self._out.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def files(folder: Path) -> list[Path]:
    """Every file in a folder, sorted by its relative path.

    Raises:
        BadFileError: a link, a device, or too many files.
    """
    found = sorted(_walk(folder, folder), key=lambda each: each.relative_to(folder).as_posix())
    if len(found) > MOST_FILES:
        raise BadFileError(str(folder), [f"it holds more than {MOST_FILES:,} files"])
    return found


def _walk(root: Path, folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = Path(entry.path).relative_to(root).as_posix()
            if entry.is_symlink():
                raise BadFileError(str(root), [f"'{name}' is a link, plain files are wanted"])
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, Path(entry.path))
            elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                yield Path(entry.path)
            else:
                raise BadFileError(str(root), [f"'{name}' is no plain file"])


def pack(folder: Path, out: IO[bytes] | None = None) -> str:
    """Make the canonical archive of a folder.

    Args:
        folder: the package.
        out: where the archive is written; ``None`` only digests it.

    Returns:
        SHA-256 of the archive.
    """
    sink = _HashingSink(out)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for each in files(folder):
            entry = zipfile.ZipInfo(each.relative_to(folder).as_posix(), _EPOCH)
            entry.external_attr, entry.create_system = _RIGHTS, 3
            with each.open("rb") as source, archive.open(entry, "w", force_zip64=False) as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
    return sink.digest.hexdigest()


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 and length in bytes of a file, or of a package with all its files."""
    if path.is_dir():
        return pack(path), sum(each.stat().st_size for each in files(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
