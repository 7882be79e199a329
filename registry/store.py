"""Writes registries: SQLModel rows through Alembic-made tables, in one durable transaction.

Python's bundled SQLite may have the WAL-reset race (3.7.0 to 3.51.2: two or more writing connections in WAL
mode can corrupt the file), so a registry uses the rollback journal, with ``synchronous=FULL`` and
``BEGIN IMMEDIATE``. See docs/adr/0004-sqlite-durability.md.
"""

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlmodel import Session, SQLModel

from device_profiles.matching import names_of
from device_profiles.profile import DeviceProfile
from registry import tables
from registry.catalogue import Catalogue
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


def rebuild(path: Path, catalogue: Catalogue, devices: Sequence[DeviceProfile]) -> None:
    """Write a new registry to ``path``, whole or not at all.

    Args:
        path: the file to replace; it is written beside itself, synced and renamed.
        catalogue: what the text tables say.
        devices: every profile.

    Raises:
        RegistryError: the folder or the disk refuses.
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
        _fill(new, catalogue, devices)
        new.chmod(0o644)
        _sync(new)
        new.replace(path)
        _sync(path.parent)
    except (OSError, sa.exc.OperationalError) as problem:
        reason = getattr(problem, "strerror", None) or getattr(problem, "orig", problem)
        raise RegistryError(f"cannot write the registry '{path}': {reason}") from problem
    finally:
        new.unlink(missing_ok=True)


def _fill(path: Path, catalogue: Catalogue, devices: Sequence[DeviceProfile]) -> None:
    engine = engine_for(path)
    try:
        migrate(engine)
        with Session(engine) as session, session.begin():
            for rows in _tables(catalogue, devices):
                _insert(session, rows)
    finally:
        engine.dispose()


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
        tables.AccuracyRow.model_validate({**asdict(accuracy), "variant": variant.name})
        for variant in catalogue.variants.values()
        for accuracy in variant.accuracies
    )
    yield (tables.MeasurementRow.model_validate(asdict(each)) for each in catalogue.measurements)


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


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
