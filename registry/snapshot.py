"""A registry as it is at one moment, for who answers many questions: what each needs is read once."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from device_profiles.matching import DeviceName
from device_profiles.profile import DeviceProfile
from registry.reader import Reader
from registry.rules import Needs
from registry.values import Availability, Model, Variant
from zoo.errors import RegistryError, UnknownNameError


class ChangedError(RegistryError):
    """The registry is no longer what the snapshot was taken of: take a new one."""


class Snapshot(Reader):
    """A `Reader` that keeps names, devices, models and variants, and leaves measurements in the file.

    It belongs to the thread that made it. Questions are asked inside `still`, so that all parts of an answer are of
    the same moment.

    Args:
        path: see `Reader`.
    """

    def __init__(self, path: Path) -> None:
        """Read what every answer needs."""
        super().__init__(path)
        try:
            self._inode = path.stat().st_ino
            self._version = self._data_version()
            with self.still():
                for part in ("_names", "_counts", "_devices", "_models", "_variants", "_needs", "_formats"):
                    getattr(self, part)
                self.predictor("latency")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def current(self) -> bool:
        """Whether the file at the path is the one that was read, and nobody has written to it since."""
        try:
            return self._path.stat().st_ino == self._inode and self._data_version() == self._version
        except (OSError, RegistryError):
            return False

    @contextmanager
    def still(self) -> Iterator[None]:
        """Read in one transaction; it keeps writers waiting, so it should last milliseconds.

        Raises:
            ChangedError: somebody has written since the snapshot was taken.
        """
        self._all("BEGIN")
        try:
            if self._data_version() != self._version:
                raise ChangedError(f"the registry '{self._path}' has changed. Ask again")
            yield
        finally:
            self._all("ROLLBACK")

    def _data_version(self) -> int:
        try:
            self._all(
                "SELECT 1 FROM alembic_version"
            )  # a look at the file: the number alone may be an old one
            return int(self._all("PRAGMA data_version")[0][0])
        except sqlite3.Error as problem:
            raise RegistryError(f"the registry '{self._path}' cannot be read: {problem}") from problem

    def names(self) -> list[DeviceName]:
        """See `Reader`."""
        return self._names

    def measurement_counts(self) -> dict[str, int]:
        """See `Reader`."""
        return self._counts

    def formats(self) -> list[str]:
        """See `Reader`."""
        return self._formats

    def device(self, name: str) -> DeviceProfile:
        """See `Reader`."""
        if name not in self._devices:
            raise UnknownNameError("device", name, list(self._devices))
        return self._devices[name]

    def devices(self) -> list[DeviceProfile]:
        """See `Reader`."""
        return list(self._devices.values())

    def models(self) -> dict[str, Model]:
        """See `Reader`."""
        return self._models

    def variants(self, model: str | None = None, *, specs: bool = True) -> dict[str, Variant]:
        """See `Reader`; specs, which are long, are read anew."""
        if specs:
            return super().variants(model)
        if model is not None:
            return self._variants.get(model, {})
        return {name: each for found in self._variants.values() for name, each in found.items()}

    def needs(self) -> Needs:
        """See `Reader`."""
        return self._needs

    def predictor(self, name: str) -> str | None:
        """See `Reader`."""
        if name not in self._predictors:
            self._predictors[name] = super().predictor(name)
        return self._predictors[name]

    @cached_property
    def held(self) -> dict[str, int]:
        """Length in bytes of every file that the registry says it holds, by digest."""
        return {
            each.sha256: each.size_bytes or 0
            for found in self._variants.values()
            for each in found.values()
            if each.sha256 and each.availability is Availability.HELD
        }

    @cached_property
    def _names(self) -> list[DeviceName]:
        return super().names()

    @cached_property
    def _counts(self) -> dict[str, int]:
        return super().measurement_counts()

    @cached_property
    def _formats(self) -> list[str]:
        return super().formats()

    @cached_property
    def _devices(self) -> dict[str, DeviceProfile]:
        found = super().devices()
        return {each.id: each for each in found}

    @cached_property
    def _models(self) -> dict[str, Model]:
        return super().models()

    @cached_property
    def _variants(self) -> dict[str, dict[str, Variant]]:
        found: dict[str, dict[str, Variant]] = {name: {} for name in self._models}
        for each in super().variants(specs=False).values():
            found[each.model][each.name] = each
        return found

    @cached_property
    def _needs(self) -> Needs:
        return super().needs()

    @cached_property
    def _predictors(self) -> dict[str, str | None]:
        return {}
