"""Converts one net into the files that a recipe asks for, and scores each on real samples."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from converters.certificate import Certificate, FileRecord
from converters.converting import convert
from converters.inspection import packages
from converters.inspection.inspecting import Inspector
from converters.inspection.report import FileReport
from converters.making import Request
from converters.recipes import Recipe, Target
from converters.sources.base import SourceKind
from converters.sources.torch_modules import from_module
from datasets.values import Part
from registry.certificates import certificate_digest
from registry.spec import Preprocessing, Spec
from zoo.continuum.specs import spec_of
from zoo.evaluation import Evaluation, evaluate

if TYPE_CHECKING:
    from compress.net import Net

_TFLM = "tflite-micro"
_CERTIFICATE = "certificate.json"
_SUFFIXES = {
    "tflite": Target.TFLITE,
    "onnx": Target.ONNX,
    "mlpackage": Target.COREML,
    "mlmodel": Target.COREML,
}


@dataclass(frozen=True, slots=True)
class Judging:
    """What a net's files are made and scored with.

    Attributes:
        name: what the files are called.
        files: formats and precisions.
        preprocessing: how inputs are made.
        labels: of the classes.
        calibration: inputs, (N, *shape) in torch's layout.
        part: samples to score on; ``None`` for none.
    """

    name: str
    files: Sequence[tuple[str, str]]
    preprocessing: Preprocessing
    labels: Sequence[str]
    calibration: NDArray[Any]
    part: Part | None


@dataclass(frozen=True, slots=True)
class Made:
    """A file that passed its tolerance.

    Attributes:
        format: word of the recipe.
        precision: word of the recipe.
        record: of its certificate.
        report: of its inspection, with coverage.
        spec: of its input and output.
        data: its bytes; of a package, its canonical archive.
        certificate: text of the certificate.
        evaluation: what it answered; ``None`` where there was nothing to score on.
        arena_bytes: working memory in TFLM; ``None`` where TFLM does not take it, or misses the tolerance.
    """

    format: str
    precision: str
    record: FileRecord
    report: FileReport
    spec: Spec
    data: bytes
    certificate: str
    evaluation: Evaluation | None
    arena_bytes: int | None = None

    @property
    def certificate_sha256(self) -> str:
        """Digest of the certificate's text."""
        return certificate_digest(self.certificate)


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not what it must be.

    Attributes:
        format: word of the recipe.
        precision: word of the recipe.
        reason: why, in words.
    """

    format: str
    precision: str
    reason: str


def files_of(
    net: "Net", judging: Judging, folder: Path, report: Callable[[str], None]
) -> Iterator[Made | Refused]:
    """Convert a net and score its files.

    Formats that are wanted in the same precisions share a certificate.

    Args:
        net: trained.
        judging: what with.
        folder: for the files; made where it is missing.
        report: told what is done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples = folder / "calibration.npy"
    np.save(samples, judging.calibration, allow_pickle=False)
    with Inspector() as inspector:
        for number, (formats, precisions) in enumerate(_together(judging.files)):
            out = folder / str(number)
            targets, recipes = tuple(map(Target, formats)), tuple(map(Recipe, precisions))
            request = Request(targets, recipes, out, samples, keep_slow=True)
            certificate = convert(_source(net, judging), request, report)
            yield from (Refused(each.format, each.recipe, each.reason) for each in certificate.refused)
            yield from _made(certificate, out, judging, inspector, report)


def _source(net: "Net", judging: Judging) -> Any:
    import torch

    example = torch.from_numpy(judging.calibration[:1])
    kind = SourceKind.ARCHITECTURE
    return from_module(net.copy().module, [example], judging.name, kind, net.blueprint.architecture)


def _together(files: Sequence[tuple[str, str]]) -> list[tuple[list[str], list[str]]]:
    """Formats by the precisions that they are wanted in."""
    wanted: dict[str, list[str]] = {}
    for format_, precision in files:
        wanted.setdefault(format_, []).append(precision)
    groups: dict[tuple[str, ...], list[str]] = {}
    for format_, precisions in wanted.items():
        groups.setdefault(tuple(precisions), []).append(format_)
    return [(formats, list(precisions)) for precisions, formats in groups.items()]


def _made(
    certificate: Certificate, out: Path, judging: Judging, inspector: Inspector, report: Callable[[str], None]
) -> Iterator[Made]:
    text = (out / _CERTIFICATE).read_text(encoding="utf-8")
    for record in certificate.files:
        path = out / record.path
        found = inspector.inspect(path)
        spec = spec_of(path, record, found, judging.preprocessing, judging.labels)
        answers = None
        if judging.part is not None:
            answers = evaluate(path, spec, judging.part, classes=judging.labels, report=found)
            share = sum(answers.correct) / len(answers.correct)
            report(f"{record.path}: {100 * share:.2f} % of {len(answers.correct)}")
        yield Made(
            str(_SUFFIXES[record.format]),
            record.recipe,
            record,
            found,
            spec,
            _bytes(path),
            text,
            answers,
            _arena_bytes(path, record),
        )


def _arena_bytes(path: Path, record: FileRecord) -> int | None:
    """What TFLM takes for a file that it computes rightly."""
    right = any(
        each.runtime.startswith(_TFLM) and each.parity is not None and not each.reason
        for each in record.checks
    )
    if not right:
        return None
    from converters.runners.tflm import arena_bytes

    return arena_bytes(path)


def _bytes(path: Path) -> bytes:
    if not path.is_dir():
        return path.read_bytes()
    archive = path.with_suffix(".zip")
    with archive.open("wb") as file:
        packages.pack(path, file)
    return archive.read_bytes()
