"""What is said of a file that is to be published, and the variant that it makes; what its bytes belie is refused."""

import getpass
import hashlib
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_profiles.profile import Processor
from registry.reader import Reader
from registry.spec import Spec
from registry.values import Accuracy, Availability, Evidence, Measurement, Model, Precision, Variant
from zoo.errors import BadTableError, UnknownNameError, UsageError, needing
from zoo.predicting_tables import read_table
from zoo.workloads import resolution

if TYPE_CHECKING:
    from converters.inspection.report import FileReport
    from registry.catalogue import Catalogue

_FORMATS = {"mlpackage": "coreml", "mlmodel": "coreml"}
_LARGEST_BYTES = 2 * 2**30
_LONGEST_NAME = 200
_COLUMNS = ("device", "processor", "runtime", "latency_ms")


@dataclass(frozen=True, slots=True)
class Labels:
    """What is said of a file.

    Attributes:
        model: name of its model.
        name: of the variant; empty for the name of the file.
        net: architecture, width and resolution; empty for the name of the file without its ending.
        family: architecture; empty for the net.
        alpha: width multiplier; ``None`` where there is none.
        resolution: such as ``224``; empty for what the file says.
        precision: empty for what the file says.
        format: empty for what the file says.
        weights: whose trained weights.
        min_os: oldest system that runs it; empty where unknown.
        recipe: path of the recipe that made it; empty where none did.
        spec: path of the JSON of what goes in and comes out; empty where nobody wrote it down.
        certificate: path of the certificate of ``zoo convert``; empty where there is none.
        accuracy: path of what ``zoo eval --json`` printed, or a number in the unit of the model's metric; may be empty.
        measurements: path of a CSV table of latencies; empty for none.
        source: citation of all this.
        note: one line worth knowing.
        by: who publishes.
    """

    model: str
    name: str = ""
    net: str = ""
    family: str = ""
    alpha: float | None = None
    resolution: str = ""
    precision: str = ""
    format: str = ""
    weights: str = "own"
    min_os: str = ""
    recipe: str = ""
    spec: str = ""
    certificate: str = ""
    accuracy: str = ""
    measurements: str = ""
    source: str = ""
    note: str = ""
    by: str = ""

    @property
    def publisher(self) -> str:
        """Who publishes: as said, else the user of this machine."""
        return self.by or getpass.getuser()


def prepare(registry: Path, file: Path, labels: Labels) -> "tuple[bytes, Catalogue]":
    """Read and check a file, its labels and what belongs to it.

    Returns:
        The bytes to keep, and the variant as the registry would have it.

    Raises:
        UsageError: a label contradicts the file or makes no sense; all such labels are named.
        ZooError: the file is refused.
    """
    from registry.catalogue import Catalogue, Source

    with needing("inspect", "publishing"):
        from converters.inspection import packages
        from converters.inspection.coverage.registering import delegates
        from converters.inspection.inspecting import inspect
    if not file.exists():
        raise UsageError(f"there is no file '{file}'")
    report = inspect(file)
    if report.size_bytes > _LARGEST_BYTES:
        raise UsageError(
            f"'{file}' has {report.size_bytes:,} bytes; {_LARGEST_BYTES:,} are the most that are taken"
        )
    archive = io.BytesIO()
    if file.is_dir():
        packages.pack(file, archive)
    data = archive.getvalue() if file.is_dir() else file.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != report.sha256:
        raise UsageError(f"'{file}' was changed while it was read. Publish it when it is whole")
    with Reader(registry) as opened:
        models, devices = opened.models(), {each.id for each in opened.devices()}
    if labels.model not in models:
        raise UnknownNameError("model", labels.model, list(models), advice="List them with: zoo models")
    name = labels.name or file.name
    problems = [*_bad_name(name), *_contradictions(labels, report)]
    if (labels.accuracy or labels.measurements) and not labels.source:
        problems.append("figures are given, but nobody says where they are from: give --source")
    if problems:
        raise UsageError(f"'{file}' cannot be published: {'; '.join(problems)}")
    citation = labels.source or f"published by {labels.publisher}"
    source = Source(
        f"published-{hashlib.sha256(citation.encode()).hexdigest()[:12]}",
        citation,
        datetime.now(UTC).year,
        "",
    )
    net = labels.net or file.stem
    accuracies = _accuracies(labels, models[labels.model], sha256, source.id)
    certificate = read_text(Path(labels.certificate), "certificate") if labels.certificate else None
    variant = Variant(
        name=name,
        model=labels.model,
        net=net,
        family=labels.family or net,
        alpha=labels.alpha,
        resolution=labels.resolution or resolution(report),
        precision=Precision(report.precision),
        format=_FORMATS.get(str(report.format), str(report.format)),
        weights=labels.weights,
        params=report.params,
        macs=report.macs,
        size_bytes=len(data),
        operators=tuple(sorted({each.kind for each in report.graph.operators})) if report.graph else (),
        min_os=labels.min_os,
        availability=Availability.HELD,
        sha256=sha256,
        source=source.id,
        note=_note(labels),
        accuracies=accuracies,
        spec=_spec(labels.spec),
        certificate=None if certificate is None else hashlib.sha256(certificate.encode()).hexdigest(),
        coverage=delegates(report),
    )
    rows = _measurements(labels.measurements, name, source.id, devices)
    texts = {} if certificate is None or variant.certificate is None else {variant.certificate: certificate}
    return data, Catalogue({source.id: source}, {}, {name: variant}, rows, texts)


def _bad_name(name: str) -> Iterator[str]:
    """A name goes into paths and addresses, so it may not lead anywhere."""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable() or "\\" in name:
        yield f"the name {name[:50]!r} is no printable text of 1 to {_LONGEST_NAME} characters without backslashes"
    elif any(part in {"", ".", ".."} for part in name.split("/")):
        yield f"the name '{name}' has empty parts or dots between its slashes"


def _contradictions(labels: Labels, report: "FileReport") -> Iterator[str]:
    found = str(report.format)
    format_ = _FORMATS.get(found, found)
    if report.graph is None:
        yield f"it is {found}, which no runtime of a device takes. Convert it with: zoo convert"
    elif report.precision not in set(Precision):
        yield f"its precision is {report.precision}, which the registry has no word for"
    if labels.format and labels.format != format_:
        yield f"it is said to be {labels.format}, but its bytes are {format_}"
    if labels.precision and labels.precision != report.precision:
        yield f"it is said to be {labels.precision}, but its bytes are {report.precision}"
    shape = resolution(report)
    if labels.resolution and shape and labels.resolution != shape:
        yield f"it is said to take {labels.resolution} pixels, but its input is {shape}"


def _note(labels: Labels) -> str:
    if not labels.recipe:
        return labels.note
    recipe = Path(labels.recipe)
    digest = hashlib.sha256(read_text(recipe, "recipe").encode()).hexdigest()
    return "; ".join(filter(None, (labels.note, f"made by the recipe {recipe.name} (sha256 {digest})")))


def read_text(path: Path, what: str) -> str:
    """The text of a file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise UsageError(f"the {what} '{path}' cannot be read: {reason}") from problem


def _spec(path: str) -> Spec | None:
    if not path:
        return None
    try:
        return Spec.from_json(read_text(Path(path), "spec"))
    except (ValueError, KeyError, TypeError) as problem:
        raise UsageError(
            f"'{path}' is no spec of inputs and outputs: {problem!r}. See docs/json.md"
        ) from problem


def _accuracies(labels: Labels, model: Model, sha256: str, source: str) -> tuple[Accuracy, ...]:
    """A number by hand, or what ``zoo eval --json`` found of this very file.

    Raises:
        UsageError: it is neither, or it is of another file.
    """
    text = labels.accuracy
    if not text:
        return ()
    try:
        value = float(text)
    except ValueError:
        return (_evaluated(Path(text), sha256, source),)
    if not math.isfinite(value):
        raise UsageError(f"--accuracy is {text}, but a number or the file of zoo eval --json is wanted")
    return (
        Accuracy(model.metric, value, model.dataset, model.split, None, "measured", "", None, "", source),
    )


def _evaluated(path: Path, sha256: str, source: str) -> Accuracy:
    try:
        found = json.loads(read_text(path, "accuracy"))
        if found["sha256"] != sha256:
            raise UsageError(
                f"'{path}' tells the accuracy of a file {found['sha256'][:12]}..., not {sha256[:12]}..."
            )
        return Accuracy(
            str(found["metric"]), float(found["accuracy"]), str(found["dataset"]), str(found["split"]),
            int(found["samples"]), "measured", f"{found['runtime']} ({found['kernels']})", None, "", source,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as problem:
        raise UsageError(f"'{path}' is not what zoo eval --json prints: {problem!r}") from problem


def _measurements(path: str, variant: str, source: str, devices: set[str]) -> tuple[Measurement, ...]:
    """Rows of a table of latencies.

    Raises:
        BadTableError: a row names no known device, no processor, or no latency; all such rows are named.
    """
    if not path:
        return ()
    columns, rows = read_table(path, _COLUMNS)
    problems, found = [], []
    for line, cells in rows:
        told = {name: text.strip() for name, text in zip(columns, cells, strict=True)}
        try:
            found.append(_measurement(told, variant, source, devices))
        except ValueError as problem:
            problems.append(f"line {line}: {problem}")
    if problems:
        raise BadTableError(path, "; ".join(problems))
    return tuple(found)


def _measurement(told: Mapping[str, str], variant: str, source: str, devices: set[str]) -> Measurement:
    if told["device"] not in devices:
        raise ValueError(f"there is no device '{told['device']}'")
    latency = float(told["latency_ms"])
    if not 0 < latency < math.inf:
        raise ValueError(f"latency_ms is {latency:g}, but milliseconds above zero are wanted")
    numbers: dict[str, Any] = {
        **{
            name: int(told[name]) if told.get(name) else None
            for name in ("threads", "era", "runs", "ram_bytes")
        },
        **{name: float(told[name]) if told.get(name) else None for name in ("low_ms", "high_ms")},
        **dict.fromkeys(
            ("peak_memory_bytes", "flash_bytes", "energy_mj", "layers_npu", "layers_gpu", "layers_cpu")
        ),
    }
    words: dict[str, Any] = {
        name: told.get(name, "") for name in ("runtime_version", "cores", "statistic", "os", "note")
    }
    return Measurement(
        variant=variant, device=told["device"], runtime=told["runtime"], processor=Processor(told["processor"]),
        processor_word=told["processor"], latency_ms=latency, source=source, place="", excluded="",
        evidence=Evidence.MEASURED, **numbers, **words,
    )  # fmt: skip
