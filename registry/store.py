"""Writes registries: SQLModel rows through Alembic-made tables, in one durable transaction.

Python's bundled SQLite may have the WAL-reset race (3.7.0 to 3.51.2: two or more writing connections in WAL
mode can corrupt the file), so a registry uses the rollback journal, with ``synchronous=FULL`` and
``BEGIN IMMEDIATE``. See docs/adr/0004-sqlite-durability.md.
"""

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlmodel import Session, SQLModel, select

from device_profiles.matching import names_of
from device_profiles.profile import DeviceProfile
from registry import tables
from registry.blobs import sync
from registry.catalogue import Catalogue, Source
from registry.certificates import certificate_digest, certified_file
from registry.reader import Reader
from registry.values import Accuracy, Measurement, Variant
from zoo.errors import RegistryError

_BATCH = 1000


def engine_for(path: Path) -> sa.Engine:
    """Open ``path`` for writing, with the settings that keep it whole after a crash or a power cut."""
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))

    @sa.event.listens_for(engine, "connect")
    def _settings(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin by itself
        for pragma in ("journal_mode=DELETE", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # a deferred read that turns into a write fails at once, whatever busy_timeout says
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def migration_config(connection: sa.Connection | None = None) -> Config:
    """Alembic's settings for this package's migrations, run on ``connection``."""
    config = Config()
    config.set_main_option("script_location", "registry:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def migrate(engine: sa.Engine) -> None:
    """Bring the schema up to the newest one; a crash leaves the old schema or the new one."""
    with engine.begin() as connection:
        command.upgrade(migration_config(connection), "head")


def rebuild(
    path: Path,
    catalogue: Catalogue,
    devices: Sequence[DeviceProfile],
    predictors: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write a new registry to ``path``, whole or not at all.

    Args:
        path: the file to replace; it is written beside itself, synced and renamed.
        catalogue: what the text tables say.
        devices: every profile.
        predictors: texts of fitted models, by name.

    Raises:
        RegistryError: the folder or the disk refuses, or a certificate does not vouch for its variant.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as problem:
        raise RegistryError(
            f"cannot write the registry '{path}': {problem.strerror}. Give a writable place with --out"
        ) from problem
    os.close(handle)
    new = Path(name)
    try:
        _fill(new, catalogue, devices, predictors)
        new.chmod(0o644)
        sync(new)
        new.replace(path)
        sync(path.parent)
    except (OSError, sa.exc.OperationalError) as problem:
        reason = getattr(problem, "strerror", None) or getattr(problem, "orig", problem)
        raise RegistryError(f"cannot write the registry '{path}': {reason}") from problem
    finally:
        new.unlink(missing_ok=True)


def add(path: Path, found: Catalogue) -> None:
    """Add variants, and what belongs to them, to the registry at ``path``: all of it or nothing, in one transaction.

    Sources, models and certificates that the registry has already stay as they are there.

    Args:
        path: a registry of this schema.
        found: variants of new names, with their accuracies, specs, certificates and coverage; their measurements; and
            the sources and models among theirs that may be new.

    Raises:
        RegistryError: it is no such registry, the disk refuses, a variant of that name is there, something names a
            source, model or device that is not, or a certificate does not vouch for its variant.
    """
    _check_certificates(found)
    with writing(
        path, "what is added names a source, model, variant or device that is in neither"
    ) as session:
        insert_catalogue(session, lacking(session, found))


def record(
    path: Path,
    source: Source,
    devices: Sequence[DeviceProfile],
    measurements: Sequence[Measurement] = (),
    accuracies: Sequence[tuple[str, Accuracy]] = (),
) -> None:
    """Add what was measured of variants that the registry has: all of it or nothing, in one transaction.

    Args:
        path: a registry of this schema.
        source: that all rows name; where the registry has it, it stays as it is there.
        devices: that rows name and that the registry may lack.
        measurements: new rows; none replaces another.
        accuracies: with the names of their variants; one that the registry has already is passed over.

    Raises:
        RegistryError: it is no such registry, the disk refuses, or a row names a variant or device that is not there.
    """
    with Reader(path) as opened:  # says what is no registry
        known = {each.id for each in opened.devices()}
        had = {(name, one) for name, each in opened.variants().items() for one in each.accuracies}
    found = Catalogue({source.id: source}, {}, {}, tuple(measurements))
    with writing(path, "what was measured names a variant or device that it does not have") as session:
        insert_catalogue(session, lacking(session, found), [each for each in devices if each.id not in known])
        _insert(
            session,
            (
                _accuracy_row(name, each)
                for name, each in accuracies
                if (name, replace(each, source=source.citation)) not in had
            ),
        )


def keep_predictor(path: Path, name: str, document: str) -> None:
    """Write a fitted model into the registry at ``path``, in the place of one of that name.

    Args:
        path: a registry of this schema.
        name: of the model.
        document: its text.

    Raises:
        RegistryError: it is no such registry, or the disk refuses.
    """
    with writing(path, "a model of latencies is not taken") as session:
        session.merge(tables.PredictorRow(name=name, document=document))


@contextmanager
def writing(path: Path, dangling: str) -> Iterator[Session]:
    """One transaction on the registry at ``path``.

    Args:
        path: a registry of this schema.
        dangling: says what is wrong where a row names something that is not there.

    Raises:
        RegistryError: it is no such registry, the disk refuses, or a row names what is not there.
    """
    with Reader(path):  # says what is no registry
        pass
    engine = engine_for(path)
    try:
        with Session(engine) as session, session.begin():
            session.connection()  # begins now, and not at the first statement: from here on nobody else writes
            yield session
    except sa.exc.IntegrityError as problem:
        raise RegistryError(f"cannot add to the registry '{path}': {dangling} ({problem.orig})") from problem
    except sa.exc.OperationalError as problem:
        raise RegistryError(f"cannot write the registry '{path}': {problem.orig}") from problem
    finally:
        engine.dispose()


def lacking(session: Session, found: Catalogue) -> Catalogue:
    """What of ``found`` the registry lacks.

    Raises:
        RegistryError: a variant of that name is there.
    """
    taken = sorted(found.variants.keys() & set(session.exec(select(tables.VariantRow.name))))
    if taken:
        raise RegistryError(
            f"the registry has {', '.join(taken)} already: variants never change. Give another name"
        )
    sources = set(session.exec(select(tables.SourceRow.id)))
    models = set(session.exec(select(tables.ModelRow.name)))
    certificates = set(session.exec(select(tables.CertificateRow.sha256)))
    return replace(
        found,
        sources={name: each for name, each in found.sources.items() if name not in sources},
        models={name: each for name, each in found.models.items() if name not in models},
        certificates={name: each for name, each in found.certificates.items() if name not in certificates},
    )


def _check_certificates(found: Catalogue) -> None:
    """See that each certificate is the one that its variant names, and names the variant's file.

    Raises:
        RegistryError: one does not.
    """
    digests = {certificate_digest(document) for document in found.certificates.values()}
    if digests != found.certificates.keys():
        raise RegistryError("a certificate is given under another digest than its own")
    for each in found.variants.values():
        if each.certificate is not None:
            if each.certificate not in digests:
                raise RegistryError(f"variant '{each.name}': its certificate {each.certificate} is not given")
            try:
                certified_file(found.certificates[each.certificate], each.sha256)
            except RegistryError as problem:
                raise RegistryError(f"variant '{each.name}': {problem}") from problem


def _fill(
    path: Path, catalogue: Catalogue, devices: Sequence[DeviceProfile], predictors: Mapping[str, str]
) -> None:
    _check_certificates(catalogue)
    engine = engine_for(path)
    try:
        migrate(engine)
        with Session(engine) as session, session.begin():
            insert_catalogue(session, catalogue, devices)
            _insert(
                session, (tables.PredictorRow(name=name, document=text) for name, text in predictors.items())
            )
    finally:
        engine.dispose()


def insert_catalogue(session: Session, catalogue: Catalogue, devices: Sequence[DeviceProfile] = ()) -> None:
    """Insert everything; nothing of it may be there."""
    for rows in _tables(catalogue, devices):
        _insert(session, rows)


def _insert(session: Session, rows: Iterable[SQLModel]) -> None:
    """Insert validated rows in batches: one statement a batch instead of one an object."""
    batch: list[dict[str, Any]] = []
    table: type[SQLModel] | None = None
    for row in rows:
        table = type(row)
        batch.append(row.model_dump(exclude={"id"} if row.model_dump().get("id", 0) is None else None))
        if len(batch) == _BATCH:
            session.connection().execute(sa.insert(table), batch)
            batch = []
    if batch and table is not None:
        session.connection().execute(sa.insert(table), batch)


def _tables(catalogue: Catalogue, devices: Sequence[DeviceProfile]) -> Iterable[Iterable[SQLModel]]:
    """The rows of each table, in the order that foreign keys demand."""
    yield (tables.SourceRow.model_validate(asdict(each)) for each in catalogue.sources.values())
    yield map(_device_row, devices)
    yield (
        tables.DeviceNameRow.model_validate(
            {"name": each.name, "kind": str(each.by), "device": each.device, "soc": each.soc}
        )
        for profile in devices
        for each in names_of(profile)
    )
    yield (tables.ModelRow.model_validate(asdict(each)) for each in catalogue.models.values())
    yield (
        tables.VariantRow.model_validate({**asdict(each), "operators": json.dumps(each.operators)})
        for each in catalogue.variants.values()
    )
    yield (
        _accuracy_row(variant.name, accuracy)
        for variant in catalogue.variants.values()
        for accuracy in variant.accuracies
    )
    yield (tables.MeasurementRow.model_validate(asdict(each)) for each in catalogue.measurements)
    yield (
        tables.CertificateRow.model_validate({"sha256": digest, "document": document})
        for digest, document in catalogue.certificates.items()
    )
    yield (
        _artifact_row(each)
        for each in catalogue.variants.values()
        if each.spec or each.certificate or each.coverage
    )


def _accuracy_row(variant: str, accuracy: Accuracy) -> SQLModel:
    return tables.AccuracyRow.model_validate({**asdict(accuracy), "variant": variant})


def _artifact_row(variant: Variant) -> SQLModel:
    return tables.ArtifactRow.model_validate(
        {
            "variant": variant.name,
            "certificate": variant.certificate,
            "coverage": json.dumps([asdict(each) for each in variant.coverage]),
            "spec": variant.spec and variant.spec.to_json(),
        }
    )


def _device_row(profile: DeviceProfile) -> SQLModel:
    document = json.dumps(asdict(profile), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return tables.DeviceRow.model_validate(
        {
            "id": profile.id,
            "name": profile.name,
            "kind": str(profile.kind),
            "tier": str(profile.tier),
            "soc": profile.soc.id,
            "profile": document,
        }
    )
