"""The rows of a registry. Only `registry.store` and the migrations know them.

SQLModel does not validate table rows when they are made: write them through ``model_validate``.
"""

from typing import Final

from sqlalchemy import BigInteger, ForeignKeyConstraint
from sqlmodel import Field, SQLModel

_KEEP: Final = "RESTRICT"  # what others refer to is never deleted


class SourceRow(SQLModel, table=True):
    """Where figures were published."""

    __tablename__ = "source"

    id: str = Field(primary_key=True)
    citation: str
    year: int | None = None
    note: str = ""


class DeviceRow(SQLModel, table=True):
    """A device; ``profile`` is its whole profile as JSON."""

    __tablename__ = "device"

    id: str = Field(primary_key=True)
    name: str
    kind: str
    tier: str
    soc: str = Field(index=True)
    profile: str


class DeviceNameRow(SQLModel, table=True):
    """A name that a device can be found by."""

    __tablename__ = "device_name"

    id: int | None = Field(default=None, primary_key=True)
    name: str
    kind: str
    device: str = Field(foreign_key="device.id", ondelete=_KEEP)
    soc: str = ""


class ModelRow(SQLModel, table=True):
    """A task + data set + metric."""

    __tablename__ = "model"

    name: str = Field(primary_key=True)
    title: str
    task: str
    dataset: str
    split: str
    metric: str
    unit: str
    higher_is_better: bool
    default_max_latency_ms: float
    description: str


class VariantRow(SQLModel, table=True):
    """One net + recipe + format of a model; ``operators`` is a JSON list."""

    __tablename__ = "variant"

    name: str = Field(primary_key=True)
    model: str = Field(foreign_key="model.name", ondelete=_KEEP, index=True)
    net: str
    family: str
    alpha: float | None = None
    resolution: str = ""
    precision: str
    format: str
    weights: str
    params: int | None = Field(default=None, sa_type=BigInteger)
    macs: int | None = Field(default=None, sa_type=BigInteger)
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)
    operators: str = "[]"
    min_os: str = ""
    availability: str
    sha256: str | None = None
    upstream: str = ""
    source: str = Field(foreign_key="source.id", ondelete=_KEEP)
    note: str = ""


class CertificateRow(SQLModel, table=True):
    """A certificate of a conversion, as text, under its own digest."""

    __tablename__ = "certificate"

    sha256: str = Field(primary_key=True)
    document: str


class ArtifactRow(SQLModel, table=True):
    """What is known of a variant from its file; ``coverage`` is a JSON list, ``spec`` a JSON object.

    The long texts come last: SQLite reads what stands before them without touching their pages.
    """

    __tablename__ = "artifact"

    variant: str = Field(primary_key=True, foreign_key="variant.name", ondelete=_KEEP)
    certificate: str | None = Field(default=None, foreign_key="certificate.sha256", ondelete=_KEEP)
    coverage: str = "[]"
    spec: str | None = None


class AccuracyRow(SQLModel, table=True):
    """One accuracy of a variant."""

    __tablename__ = "accuracy"

    id: int | None = Field(default=None, primary_key=True)
    variant: str = Field(foreign_key="variant.name", ondelete=_KEEP, index=True)
    metric: str
    value: float
    dataset: str
    split: str = ""
    samples: int | None = None
    evidence: str
    runtime: str = ""
    processor: str | None = None
    device: str = ""
    source: str = Field(foreign_key="source.id", ondelete=_KEEP)
    note: str = ""


class MeasurementRow(SQLModel, table=True):
    """One measurement of a variant on a device."""

    __tablename__ = "measurement"

    id: int | None = Field(default=None, primary_key=True)
    variant: str = Field(foreign_key="variant.name", ondelete=_KEEP, index=True)
    device: str = Field(foreign_key="device.id", ondelete=_KEEP, index=True)
    runtime: str
    runtime_version: str = ""
    era: int | None = None
    processor: str
    processor_word: str = ""
    threads: int | None = None
    cores: str = ""
    latency_ms: float | None = None
    low_ms: float | None = None
    high_ms: float | None = None
    statistic: str = ""
    runs: int | None = None
    peak_memory_bytes: int | None = Field(default=None, sa_type=BigInteger)
    ram_bytes: int | None = Field(default=None, sa_type=BigInteger)
    flash_bytes: int | None = Field(default=None, sa_type=BigInteger)
    energy_mj: float | None = None
    layers_npu: int | None = None
    layers_gpu: int | None = None
    layers_cpu: int | None = None
    os: str = ""
    source: str = Field(foreign_key="source.id", ondelete=_KEEP)
    place: str = ""
    excluded: str = ""
    note: str = ""
    instructions: int | None = Field(default=None, sa_type=BigInteger)


class PredictorRow(SQLModel, table=True):
    """A fitted model of latencies, as the JSON text that `prediction` wrote."""

    __tablename__ = "predictor"

    name: str = Field(primary_key=True)
    document: str


class PublicationRow(SQLModel, table=True):
    """Who published a variant, and when (UTC, ISO 8601); what the text tables tell has none."""

    __tablename__ = "publication"

    variant: str = Field(primary_key=True, foreign_key="variant.name", ondelete=_KEEP)
    at: str
    by: str


class TombstoneRow(SQLModel, table=True):
    """A variant that was withdrawn: why, by whom, when, and what takes its place."""

    __tablename__ = "tombstone"

    variant: str = Field(primary_key=True, foreign_key="variant.name", ondelete=_KEEP)
    successor: str | None = Field(default=None, foreign_key="variant.name", ondelete=_KEEP)
    reason: str
    at: str
    by: str


class ReleaseRow(SQLModel, table=True):
    """What a release of a model consists of; ``variants`` is a JSON list of names."""

    __tablename__ = "release"

    model: str = Field(primary_key=True, foreign_key="model.name", ondelete=_KEEP)
    name: str = Field(primary_key=True)
    variants: str
    at: str
    by: str


class ChannelRow(SQLModel, table=True):
    """A channel of a model."""

    __tablename__ = "channel"

    model: str = Field(primary_key=True, foreign_key="model.name", ondelete=_KEEP)
    name: str = Field(primary_key=True)
    protected: bool = False


class ChannelEventRow(SQLModel, table=True):
    """Something that happened to a channel; ``shares`` is a JSON list. See `registry.channels.Event`."""

    __tablename__ = "channel_event"
    __table_args__ = (
        ForeignKeyConstraint(["model", "channel"], ["channel.model", "channel.name"], ondelete=_KEEP),
        ForeignKeyConstraint(["model", "release"], ["release.model", "release.name"], ondelete=_KEEP),
    )

    id: int | None = Field(default=None, primary_key=True)
    model: str
    channel: str
    verb: str
    release: str
    salt: str = ""
    shares: str = "[]"
    at: str
    by: str
