"""Text tables to values, with every problem of every table at once."""

import csv
import io
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from importlib import resources
from typing import Any, TypeVar

from registry.values import (
    Accuracy,
    Availability,
    Evidence,
    Measurement,
    Model,
    Precision,
    Processor,
    Variant,
)
from zoo.errors import CatalogueError

TABLES = resources.files("registry.catalogue")
_MOST_SHOWN = 20
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures were published.

    Attributes:
        id: short name that rows refer to.
        citation: repository, path and commit; URL; or paper and table.
        year: of publication; ``None`` where unknown.
        note: what holds for all its rows.
    """

    id: str
    citation: str
    year: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything the text tables say, or that is to be added to a registry.

    Attributes:
        sources: by id.
        models: by name.
        variants: by name, with their accuracies; they and all else name their sources by id.
        measurements: every row, excluded ones too.
        certificates: the texts of the certificates that variants refer to, by their digest.
    """

    sources: Mapping[str, Source]
    models: Mapping[str, Model]
    variants: Mapping[str, Variant]
    measurements: tuple[Measurement, ...]
    certificates: Mapping[str, str] = field(default_factory=dict)


_ABOVE_ZERO = {
    "latency_ms",
    "low_ms",
    "high_ms",
    "energy_mj",
    "size_bytes",
    "default_max_latency_ms",
    "threads",
}


class _Row:
    """One line of a table; notes problems instead of raising, so that all are seen at once."""

    def __init__(self, cells: dict[str, str], where: str, problems: list[str]) -> None:
        self.cells, self.where, self.problems = cells, where, problems

    def problem(self, text: str) -> None:
        self.problems.append(f"{self.where}: {text}")

    def text(self, key: str) -> str:
        return self.cells.get(key) or ""

    def required(self, key: str) -> str:
        value = self.text(key)
        if not value:
            self.problem(f"{key} is blank")
        return value

    def _number(self, key: str, convert: Callable[[str], float]) -> float | None:
        value = self.text(key)
        if not value:
            return None
        try:
            number = convert(value)
        except ValueError:
            self.problem(f"{key} is {value!r}, not a number")
            return None
        if not math.isfinite(number) or number < 0 or (number == 0 and key in _ABOVE_ZERO):
            self.problem(f"{key} is {value!r}, not a finite number above zero")
        return number

    def missing(self, key: str) -> float:
        self.required(key)
        return 0.0

    def number(self, key: str) -> float | None:
        return self._number(key, float)

    def whole(self, key: str) -> int | None:
        value = self._number(key, int)
        return None if value is None else int(value)

    def word(self, key: str, kind: type[_Word], default: str | None = None) -> _Word:
        value = self.text(key) or default or ""
        try:
            return kind(value)
        except ValueError:
            self.problem(f"{key} is {value!r}, not one of {', '.join(kind)}")
            return next(iter(kind))

    def known(self, key: str, names: Collection[str]) -> str:
        value = self.required(key)
        if value and value not in names:
            self.problem(f"{key} {value!r} is not known")
        return value


def read_tables() -> dict[str, str]:
    """The shipped tables: text by file name."""
    paths = sorted(TABLES.iterdir(), key=lambda path: path.name)
    return {path.name: path.read_text(encoding="utf-8") for path in paths if path.name.endswith(".csv")}


def read_catalogue(tables: Mapping[str, str], devices: Collection[str]) -> Catalogue:
    """Read and check ``tables``.

    Args:
        tables: CSV text by file name, see `registry.catalogue`.
        devices: ids of the known devices.

    Raises:
        CatalogueError: a cell does not make sense, a name is used twice, or a row names an unknown source,
            model, variant or device; the first problems are listed and the rest counted.
    """
    problems: list[str] = []

    def rows(prefix: str, columns: Iterable[str]) -> Iterable[_Row]:
        for name, text in sorted(tables.items()):
            if name.removesuffix(".csv") == prefix or name.startswith(f"{prefix}_"):
                yield from _rows(name, text, set(columns), problems)

    sources = _unique((_source(row), row) for row in rows("sources", _columns(Source, id="source")))
    models = _unique((_model(row), row) for row in rows("models", _columns(Model, name="model")))
    variants = _unique(
        (_variant(row, models, sources), row)
        for row in rows("variants", set(_columns(Variant, name="variant")) - _NOT_IN_TEXT)
    )
    accuracies: dict[str, list[Accuracy]] = {}
    for row in rows("accuracies", {"variant", *_columns(Accuracy)}):
        accuracies.setdefault(row.known("variant", variants), []).append(_accuracy(row, sources, devices))
    measurements = tuple(
        _measurement(row, variants, sources, devices)
        for row in rows("measurements", set(_columns(Measurement)) - {"evidence", "instructions"})
    )
    if problems:
        shown, more = problems[:_MOST_SHOWN], len(problems) - _MOST_SHOWN
        raise CatalogueError("; ".join(shown) + (f"; and {more} more problems" if more > 0 else ""))
    full = {
        name: replace(variant, accuracies=tuple(accuracies.get(name, ())))
        for name, variant in variants.items()
    }
    return Catalogue(sources, models, full, measurements)


_NOT_IN_TEXT = {"accuracies", "availability", "sha256", "spec", "certificate", "coverage", "yanked"}


def _columns(kind: type[Any], **renamed: str) -> list[str]:
    return [renamed.get(each.name, each.name) for each in fields(kind)]


def _rows(name: str, text: str, columns: set[str], problems: list[str]) -> Iterable[_Row]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    found = set(reader.fieldnames or ())
    if found != columns:
        missing, extra = sorted(columns - found), sorted(found - columns)
        problems.append(f"{name}: missing columns {missing}, unknown columns {extra}")
        return
    try:
        for cells in reader:
            row = _Row(cells, f"{name} line {reader.line_num}", problems)
            if None in cells or None in cells.values():
                row.problem(f"has another number of cells than the header's {len(columns)}")
            yield row
    except csv.Error as problem:
        problems.append(f"{name} line {reader.line_num}: {problem}")


_Named = TypeVar("_Named", Source, Model, Variant)


def _unique(pairs: Iterable[tuple[_Named, _Row]]) -> dict[str, _Named]:
    found: dict[str, _Named] = {}
    for value, row in pairs:
        name = value.id if isinstance(value, Source) else value.name
        if name in found:
            row.problem(f"{name!r} is already taken")
        found[name] = value
    return found


def _source(row: _Row) -> Source:
    return Source(row.required("source"), row.required("citation"), row.whole("year"), row.text("note"))


def _model(row: _Row) -> Model:
    better = row.required("higher_is_better")
    if better not in {"yes", "no"}:
        row.problem(f"higher_is_better is {better!r}, not yes or no")
    return Model(
        name=row.required("model"),
        title=row.required("title"),
        task=row.required("task"),
        dataset=row.required("dataset"),
        split=row.text("split"),
        metric=row.required("metric"),
        unit=row.text("unit"),
        higher_is_better=better == "yes",
        default_max_latency_ms=row.number("default_max_latency_ms") or row.missing("default_max_latency_ms"),
        description=row.text("description"),
    )


def _variant(row: _Row, models: Collection[str], sources: Collection[str]) -> Variant:
    return Variant(
        name=row.required("variant"),
        model=row.known("model", models),
        net=row.required("net"),
        family=row.required("family"),
        alpha=row.number("alpha"),
        resolution=row.text("resolution"),
        precision=row.word("precision", Precision),
        format=row.required("format"),
        weights=row.required("weights"),
        params=row.whole("params"),
        macs=row.whole("macs"),
        size_bytes=row.whole("size_bytes"),
        operators=tuple(row.text("operators").split()),
        min_os=row.text("min_os"),
        availability=Availability.CATALOGUED,
        upstream=row.text("upstream"),
        source=row.known("source", sources),
        note=row.text("note"),
    )


def _processor(row: _Row) -> Processor | None:
    return row.word("processor", Processor) if row.text("processor") else None


def _accuracy(row: _Row, sources: Collection[str], devices: Collection[str]) -> Accuracy:
    evidence = row.required("evidence")
    if evidence not in {"measured", "joined"}:
        row.problem(f"evidence is {evidence!r}, not measured or joined")
    value = row.number("value")
    if value is None:
        row.problem("value is blank")
    return Accuracy(
        metric=row.required("metric"),
        value=value or 0.0,
        dataset=row.required("dataset"),
        split=row.text("split"),
        samples=row.whole("samples"),
        evidence=evidence,
        runtime=row.text("runtime"),
        processor=_processor(row),
        device=row.known("device", devices) if row.text("device") else "",
        source=row.known("source", sources),
        note=row.text("note"),
    )


def _measurement(
    row: _Row, variants: Collection[str], sources: Collection[str], devices: Collection[str]
) -> Measurement:
    figures = ("latency_ms", "peak_memory_bytes", "ram_bytes", "flash_bytes", "energy_mj")
    if not any(row.text(key) for key in figures):
        row.problem(f"carries none of {', '.join(figures)}")
    return Measurement(
        variant=row.known("variant", variants),
        device=row.known("device", devices),
        runtime=row.required("runtime"),
        runtime_version=row.text("runtime_version"),
        era=row.whole("era"),
        processor=row.word("processor", Processor),
        processor_word=row.text("processor_word"),
        threads=row.whole("threads"),
        cores=row.text("cores"),
        latency_ms=row.number("latency_ms"),
        low_ms=row.number("low_ms"),
        high_ms=row.number("high_ms"),
        statistic=row.text("statistic"),
        runs=row.whole("runs"),
        peak_memory_bytes=row.whole("peak_memory_bytes"),
        ram_bytes=row.whole("ram_bytes"),
        flash_bytes=row.whole("flash_bytes"),
        energy_mj=row.number("energy_mj"),
        layers_npu=row.whole("layers_npu"),
        layers_gpu=row.whole("layers_gpu"),
        layers_cpu=row.whole("layers_cpu"),
        os=row.text("os"),
        source=row.known("source", sources),
        place=row.text("place"),
        excluded=row.text("excluded"),
        note=row.text("note"),
        evidence=Evidence.MEASURED,
    )
