"""Held files: they lie by digest in a folder beside the registry, and are hashed again before they are believed."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from registry.values import Availability, Variant
from zoo.errors import RegistryError


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
        """Keep ``data``; a crash leaves it whole or not at all.

        Returns:
            Its digest.

        Raises:
            RegistryError: the disk refuses.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if path.exists() and path.stat().st_size == len(data):
            return sha256
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".new-", dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).chmod(0o644)
                Path(name).replace(path)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as problem:
            raise RegistryError(f"cannot keep a file in '{self.folder}': {problem.strerror}") from problem
        return sha256

    def fault(self, sha256: str) -> str | None:
        """Why the file of that digest cannot be given out, or ``None``."""
        path = self.path(sha256)
        if not path.is_file():
            return "it is not there"
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        return None if found == sha256 else f"its bytes have the digest {found}"

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
