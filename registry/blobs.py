"""Held files: they lie by digest in a folder beside the registry, and are hashed again before they are believed."""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Container, Iterable
from dataclasses import replace
from pathlib import Path

from registry.values import Availability, Variant
from zoo.errors import RegistryError

ABSENT = "it is not there"
_NEW = ".new-"  # how files begin that are not whole yet
_LONGEST_WRITE_S = 3600  # a file that is half-written for longer belongs to nobody
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A folder of files named by their SHA-256.

    Args:
        folder: made when the first file is put there.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is read yet."""
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where the file of that digest lies, or would lie."""
        return self.folder / sha256

    def put(self, data: bytes) -> str:
        """Keep ``data``, whole or not at all after a crash or a power cut; a rotten file of that name is replaced.

        Returns:
            Its digest.

        Raises:
            RegistryError: the disk refuses.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if self.fault(sha256) is None:
            return sha256
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=_NEW, dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).chmod(0o644)
                Path(name).replace(path)
                sync(self.folder)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as problem:
            raise RegistryError(f"cannot keep a file in '{self.folder}': {problem.strerror}") from problem
        return sha256

    def fault(self, sha256: str) -> str | None:
        """Why the file of that digest cannot be given out, or ``None``."""
        path = self.path(sha256)
        if not path.is_file():
            return ABSENT
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        return None if found == sha256 else f"its bytes have the digest {found}"

    def sweep(self, kept: Container[str], before: float, *, dry_run: bool = False) -> dict[str, int]:
        """Remove files that nobody refers to and that are older than a time, also what a crash left half-written.

        Args:
            kept: digests that stay, whatever their age.
            before: seconds since 1970; what was written later stays.
            dry_run: remove nothing.

        Returns:
            Length in bytes of each file removed, by name.

        Raises:
            RegistryError: the disk refuses.
        """
        found: dict[str, int] = {}
        if not self.folder.is_dir():
            return found
        try:
            for path in sorted(self.folder.iterdir()):
                half = path.name.startswith(_NEW)
                if path.name in kept or not (half or _DIGEST.fullmatch(path.name)):
                    continue
                try:
                    known = path.stat()
                except FileNotFoundError:  # its writer has just given it its name
                    continue
                if known.st_mtime >= (min(before, time.time() - _LONGEST_WRITE_S) if half else before):
                    continue
                found[path.name] = known.st_size
                if not dry_run:
                    path.unlink()
            if not dry_run:
                sync(self.folder)
        except OSError as problem:
            raise RegistryError(f"cannot clear '{self.folder}': {problem.strerror}") from problem
        return found

    def checked(self, variants: Iterable[Variant]) -> dict[str, Variant]:
        """The variants by name, the held ones with their files hashed again.

        Without the folder, as in an installation that fetches its files, what would be held is rebuildable.

        Raises:
            RegistryError: the folder is there and a file is missing or is another one.
        """
        found = {each.name: each for each in variants}
        held = [each for each in found.values() if each.availability is Availability.HELD]
        if not self.folder.is_dir():
            return found | {each.name: replace(each, availability=Availability.REBUILDABLE) for each in held}
        faults = {each.name: self.fault(each.sha256 or "") for each in held}
        bad = [f"{name} ({fault})" for name, fault in sorted(faults.items()) if fault is not None]
        if bad:
            raise RegistryError(
                f"'{self.folder}' does not hold what the registry says: {', '.join(bad)}. "
                "Restore the folder from the repository"
            )
        return found


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
