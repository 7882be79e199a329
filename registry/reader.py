"""Reads a registry with plain ``sqlite3``, read-only: the path of ``zoo pick`` loads neither SQLModel nor more.

Rows never leave this module: it gives values.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from device_profiles.matching import DeviceName, MatchedBy
from device_profiles.profile import DeviceProfile, Processor
from registry.certificates import certificate_digest
from registry.choice import Shelf
from registry.rules import Needs
from registry.spec import Spec
from registry.values import (
    Accuracy,
    Availability,
    DelegateCoverage,
    Evidence,
    Measurement,
    Model,
    Precision,
    Tombstone,
    Variant,
)
from zoo.errors import RegistryError, UnknownNameError

if TYPE_CHECKING:
    from registry.channels import Event

SCHEMA = "0005"
_ADVICE = "Make a new one with: zoo rebuild --out PATH"


def shipped_registry() -> Path:
    """The registry that travels with the package: the checkout's own file wins over the wheel's copy."""
    package = Path(str(resources.files("registry")))
    checkout = package.parent / "zoo.db"
    return checkout if checkout.exists() or not (package / "zoo.db").exists() else package / "zoo.db"


def held_files() -> Path:
    """The folder of the files that this project holds: beside the checkout's registry; an installation has none."""
    return Path(str(resources.files("registry"))).parent / "zoo.blobs"


class Reader:
    """An open registry.

    Args:
        path: the SQLite file; opened read-only, never made. What a writer left half-done is undone first.

    Raises:
        RegistryError: the file is missing, empty, no registry, damaged, or of another schema.
    """

    def __init__(self, path: Path) -> None:
        """Open and check it."""
        self._path = path
        try:
            if not path.is_file():
                raise RegistryError(f"there is no registry at '{path}'. {_ADVICE}")
            if not os.access(path, os.R_OK):
                raise RegistryError(f"the registry '{path}' may not be read: check its permissions")
            uri = f"file:{quote(str(path.absolute()))}"
            if path.with_name(f"{path.name}-journal").exists():
                _roll_back(uri, path)
            self._connection = sqlite3.connect(f"{uri}?mode=ro", uri=True)
        except (OSError, sqlite3.Error) as problem:
            reason = getattr(problem, "strerror", None) or problem
            raise RegistryError(f"the registry '{path}' cannot be opened: {reason}. {_ADVICE}") from problem
        try:
            self._check_schema()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._connection.close()

    def _check_schema(self) -> None:
        found = None
        if self._path.stat().st_size:
            tables = {name for (name,) in self._all("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "alembic_version" in tables:
                found = next(
                    (version for (version,) in self._all("SELECT version_num FROM alembic_version")), None
                )
        if found is None:
            raise RegistryError(
                f"'{self._path}' is not a registry: it is empty or of another kind. {_ADVICE}"
            )
        if found != SCHEMA:
            newer = found > SCHEMA
            remedy = "Upgrade device-zoo" if newer else _ADVICE
            age = "a newer" if newer else "an older"
            raise RegistryError(
                f"'{self._path}' was written by {age} version (schema {found}, wanted {SCHEMA}). {remedy}"
            )

    def _all(self, query: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        with self._damage():
            return self._connection.execute(query, tuple(values)).fetchall()

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """Say so when what the file holds cannot be what was written to it."""
        try:
            yield
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError) as problem:
            found = " ".join(str(problem).split())
            raise RegistryError(f"the registry '{self._path}' is damaged: {found}. {_ADVICE}") from problem

    def names(self) -> list[DeviceName]:
        """Every name that a device can be found by."""
        rows = self._all("SELECT name, kind, device, soc FROM device_name ORDER BY id")
        with self._damage():
            return [DeviceName(name, MatchedBy(kind), device, soc) for name, kind, device, soc in rows]

    def measurement_counts(self) -> dict[str, int]:
        """Usable measurements by device id."""
        return dict(self._all("SELECT device, count(*) FROM measurement WHERE excluded = '' GROUP BY device"))

    def variant_counts(self) -> dict[str, int]:
        """Usable measurements by variant name."""
        return dict(
            self._all("SELECT variant, count(*) FROM measurement WHERE excluded = '' GROUP BY variant")
        )

    def formats(self) -> list[str]:
        """Every file format that a variant has, sorted."""
        return [name for (name,) in self._all("SELECT DISTINCT format FROM variant ORDER BY format")]

    def device(self, name: str) -> DeviceProfile:
        """The profile of the device with that id.

        Raises:
            UnknownNameError: there is none.
        """
        found = self._all("SELECT profile FROM device WHERE id = ?", (name,))
        if not found:
            raise UnknownNameError("device", name, [each for (each,) in self._all("SELECT id FROM device")])
        with self._damage():
            return DeviceProfile.from_json(json.loads(found[0][0]))

    def devices(self) -> list[DeviceProfile]:
        """Every profile, by id."""
        rows = self._all("SELECT profile FROM device ORDER BY id")
        with self._damage():
            return [DeviceProfile.from_json(json.loads(profile)) for (profile,) in rows]

    def models(self) -> dict[str, Model]:
        """Every model, by name."""
        with self._damage():
            return {row[0]: _model(row) for row in self._all(_MODELS)}

    def variants(self, model: str | None = None, *, specs: bool = True) -> dict[str, Variant]:
        """Variants by name, of one model or of all.

        Args:
            model: only its variants.
            specs: read their specs, too: no choice depends on them, and lists of labels are long.
        """
        where, values = ("WHERE model = ?", (model,)) if model else ("", ())
        accuracies: dict[str, list[Accuracy]] = {}
        with self._damage():
            for name, *rest in self._all(_ACCURACIES.format(where=where), values):
                accuracies.setdefault(name, []).append(_accuracy(rest))
            query = _ARTIFACTS.format(spec="spec" if specs else "NULL", where=where)
            artifacts = {name: _artifact(*rest) for name, *rest in self._all(query, values)}
            rows = self._all(_VARIANTS.format(where=where), values)
            found = {
                row[0]: _variant(row, tuple(accuracies.get(row[0], ())), artifacts.get(row[0], ()))
                for row in rows
            }
        yanked = self._all("SELECT variant, reason, successor, at, by FROM tombstone")
        return found | {
            name: replace(found[name], yanked=Tombstone(*rest)) for name, *rest in yanked if name in found
        }

    def certificate(self, digest: str) -> str:
        """The text of the certificate with that digest, as it was written.

        Raises:
            UnknownNameError: there is none.
        """
        found = self._all("SELECT document FROM certificate WHERE sha256 = ?", (digest,))
        if not found:
            known = [each for (each,) in self._all("SELECT sha256 FROM certificate")]
            raise UnknownNameError("certificate", digest, known)
        with self._damage():
            if certificate_digest(str(found[0][0])) != digest:
                raise ValueError(f"the certificate {digest} is another text")
        return str(found[0][0])

    def predictor(self, name: str) -> str | None:
        """The text of a fitted model of that name; ``None`` where the registry has none."""
        found = self._all("SELECT document FROM predictor WHERE name = ?", (name,))
        return str(found[0][0]) if found else None

    def publications(self) -> dict[str, tuple[str, str]]:
        """When (UTC, ISO 8601) each published variant was published, and by whom."""
        return {name: (at, by) for name, at, by in self._all("SELECT variant, at, by FROM publication")}

    def releases(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Names of the variants of each release, by model and name."""
        rows = self._all("SELECT model, name, variants FROM release")
        with self._damage():
            return {(model, name): tuple(json.loads(variants)) for model, name, variants in rows}

    def channels(self) -> "dict[tuple[str, str], tuple[bool, tuple[Event, ...]]]":
        """Whether each channel is protected, and what happened to it, the oldest first; by model and name."""
        rows = self._all("SELECT model, name, protected FROM channel ORDER BY model, name")
        happened: dict[tuple[str, str], list[Event]] = {(model, name): [] for model, name, _ in rows}
        query = "SELECT model, channel, verb, release, at, by, salt, shares FROM channel_event ORDER BY id"
        with self._damage():
            for model, name, *rest in self._all(query):
                happened[model, name].append(event_of(*rest))
        return {(model, name): (bool(flag), tuple(happened[model, name])) for model, name, flag in rows}

    def faults(self) -> list[str]:
        """What SQLite finds wrong with the file itself; empty where it is whole."""
        found = [text for (text,) in self._all("PRAGMA integrity_check") if text != "ok"]
        dangling = self._all("PRAGMA foreign_key_check")
        return found + [
            f"a row of {table} names a {parent} that is not there" for table, _, parent, _ in dangling
        ]

    def sources(self) -> dict[str, str]:
        """Citations by the id of their source."""
        return dict(self._all("SELECT id, citation FROM source"))

    def measurements(
        self, *, device: str | None = None, soc: str | None = None, model: str | None = None
    ) -> list[Measurement]:
        """Measurements, excluded ones too, in the order they were written.

        Args:
            device: only those on this device, and with ``soc`` those on others with that SoC as ``same-soc``.
            soc: id of the SoC that counts as the device's.
            model: only those of this model's variants.
        """
        wheres: list[str] = []
        values: list[str] = []
        if device is not None:
            wheres.append("measurement.device IN (SELECT id FROM device WHERE id = ? OR soc = ?)")
            values += [device, soc or ""]
        if model is not None:
            wheres.append("measurement.variant IN (SELECT name FROM variant WHERE model = ?)")
            values.append(model)
        where = f"WHERE {' AND '.join(wheres)}" if wheres else ""
        with self._damage():
            return [
                _measurement(row, Evidence.MEASURED if device in (None, row[1]) else Evidence.SAME_SOC)
                for row in self._all(_MEASUREMENTS.format(where=where), values)
            ]

    def needs(self) -> Needs:
        """The least RAM and flash that each variant was seen to need on any device."""
        rows = self._all(
            "SELECT variant, min(ram_bytes), min(flash_bytes) FROM measurement "
            "WHERE excluded = '' AND coalesce(ram_bytes, flash_bytes) IS NOT NULL GROUP BY variant"
        )
        return Needs(
            {name: ram for name, ram, _ in rows if ram is not None},
            {name: flash for name, _, flash in rows if flash is not None},
        )

    def shelves(self, device: str, soc: str, model: str | None = None) -> dict[str, Shelf]:
        """What is known of each model, or of one, for a device; its variants come without their specs.

        Args:
            device: id of the device; its own measurements are ``measured``.
            soc: id of its SoC; measurements on others with it are ``same-soc``.
            model: only this one.

        Raises:
            UnknownNameError: no such model.
        """
        models = self.models()
        if model is not None and model not in models:
            raise UnknownNameError("model", model, list(models), advice="List them with: zoo models")
        wanted = models if model is None else {model: models[model]}
        variants: dict[str, dict[str, Variant]] = {name: {} for name in wanted}
        for each in self.variants(model, specs=False).values():
            variants[each.model][each.name] = each
        owner = {name: each for each, found in variants.items() for name in found}
        rows: dict[str, list[Measurement]] = {name: [] for name in wanted}
        for row in self.measurements(device=device, soc=soc, model=model):
            with self._damage():
                rows[owner[row.variant]].append(row)
        needs = self.needs()
        return {name: Shelf(each, variants[name], rows[name], needs) for name, each in wanted.items()}


def event_of(verb: str, release: str, at: str, by: str, salt: str, shares: str) -> "Event":
    """Rebuild an event from its row."""
    from registry.channels import Event, Verb  # noqa: PLC0415 - few registries have channels
    from registry.rollouts import shares_from_json  # noqa: PLC0415

    return Event(Verb(verb), release, at, by, salt, shares_from_json(shares))


def _roll_back(uri: str, path: Path) -> None:
    """Undo what a writer left that died half-way; while one is alive, SQLite sees that and does nothing."""
    try:
        with closing(sqlite3.connect(f"{uri}?mode=rw", uri=True)) as connection:
            connection.execute("PRAGMA schema_version")  # the first read of who may write does it
    except sqlite3.OperationalError as problem:
        raise RegistryError(
            f"what a writer left half-done in the registry '{path}' cannot be undone: {problem}. "
            "Read it once as a user who may write it"
        ) from problem


_MODELS = """
SELECT name, title, task, dataset, split, metric, unit, higher_is_better, default_max_latency_ms, description
FROM model ORDER BY name"""

_VARIANTS = """
SELECT name, model, net, family, alpha, resolution, precision, format, weights, params, macs, size_bytes, operators,
       min_os, availability, sha256, upstream, citation, variant.note
FROM variant JOIN source ON source.id = variant.source {where} ORDER BY name"""

_ACCURACIES = """
SELECT accuracy.variant, accuracy.metric, value, accuracy.dataset, accuracy.split, samples, evidence, runtime,
       processor, device, citation, accuracy.note
FROM accuracy JOIN variant ON variant.name = accuracy.variant JOIN source ON source.id = accuracy.source
{where} ORDER BY accuracy.id"""

_ARTIFACTS = """
SELECT variant, {spec}, certificate, coverage
FROM artifact JOIN variant ON variant.name = artifact.variant {where}"""

_MEASUREMENTS = """
SELECT variant, device, runtime, runtime_version, era, processor, processor_word, threads, cores, latency_ms, low_ms,
       high_ms, statistic, runs, peak_memory_bytes, ram_bytes, flash_bytes, energy_mj, layers_npu, layers_gpu,
       layers_cpu, os, citation, place, excluded, measurement.note, instructions
FROM measurement JOIN source ON source.id = measurement.source {where} ORDER BY measurement.id"""

_PROCESSORS: Mapping[str, Processor] = {str(each): each for each in Processor}
_PRECISIONS: Mapping[str, Precision] = {str(each): each for each in Precision}


def _model(row: tuple[Any, ...]) -> Model:
    cells = list(row)
    cells[7] = bool(row[7])
    return Model(*cells)


def _accuracy(row: list[Any]) -> Accuracy:
    cells = list(row)
    cells[7] = _PROCESSORS[row[7]] if row[7] else None
    return Accuracy(*cells)


def _variant(row: tuple[Any, ...], accuracies: tuple[Accuracy, ...], artifact: tuple[Any, ...]) -> Variant:
    cells = [*row, accuracies, *artifact]
    cells[6] = _PRECISIONS[row[6]]
    cells[12] = tuple(json.loads(row[12])) if row[12] != "[]" else ()
    cells[14] = Availability(row[14])
    return Variant(*cells)


def _artifact(
    spec: str | None, certificate: str | None, coverage: str
) -> tuple[Spec | None, str | None, tuple[DelegateCoverage, ...]]:
    delegates = tuple(
        DelegateCoverage(
            **{**each, "processor": _PROCESSORS[each["processor"]], "reasons": tuple(each["reasons"])}
        )
        for each in json.loads(coverage)
    )
    return (Spec.from_json(spec) if spec else None), certificate, delegates


def _measurement(row: tuple[Any, ...], evidence: Evidence) -> Measurement:
    cells = [*row, evidence]
    cells[5] = _PROCESSORS[row[5]]
    return Measurement(*cells)
