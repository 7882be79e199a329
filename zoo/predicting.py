"""Latencies that nobody measured, of one file or variant.

`prediction` needs no framework, and is imported at use all the same: every command imports this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from device_profiles.profile import Processor, Support
from registry.candidates import Candidate
from registry.reader import Reader
from registry.rules import Broken, misfits
from registry.values import Precision, Variant
from zoo.errors import UnknownNameError, UsageError
from zoo.predictor import Predictions, stranger
from zoo.workloads import resolution, workload_of

if TYPE_CHECKING:
    from prediction.query import Prediction, Unknown
    from prediction.workload import Workload
    from zoo.actions import Target


@dataclass(frozen=True, slots=True)
class Answer:
    """What is predicted for one way to run a net.

    Attributes:
        way: runtime, format and processor.
        threads: CPU threads that were asked for; ``None`` where they were left open.
        found: the prediction, or why there is none.
        broken: what the device lacks for it.
    """

    way: Support
    threads: int | None
    found: "Prediction | Unknown"
    broken: tuple[Broken, ...] = ()


@dataclass(frozen=True, slots=True)
class Predicted:
    """What is predicted for a net on a device.

    Attributes:
        variant: what would run; made of what its bytes say where the file is of no registered variant.
        target: the device.
        answers: one a way to run it; empty where the device has none.
    """

    variant: Variant
    target: "Target"
    answers: tuple[Answer, ...]


def predict(
    registry: Reader,
    what: str,
    target: "Target",
    *,
    processors: Sequence[Processor] = (),
    runtime: str = "",
    threads: int | None = None,
) -> Predicted:
    """Predict the latency of a file or of a registered variant on a device.

    Args:
        registry: whose model predicts.
        what: path of a model file, or the name of a variant.
        target: the device.
        processors: only these; empty for all that take the format.
        runtime: only this one; empty for all.
        threads: of CPUs; ``None`` leaves them to the model.

    Raises:
        UnknownNameError: there is no such file or variant, or no way of the device has that runtime.
        RegistryError: the registry has no model.
        BadFileError: the file is damaged or of no known kind.
    """
    from prediction.predictor import query_on  # noqa: PLC0415 - only who predicts pays for it

    variant, counted = _variant(registry, what)
    profile = target.profile if target.own else stranger(target.profile)
    ways = [each for each in profile.supports if each.format == variant.format]
    if runtime and runtime not in {each.runtime for each in ways}:
        raise UnknownNameError("runtime", runtime, {each.runtime for each in ways})
    ways = [
        each
        for each in ways
        if (not processors or each.processor in processors) and runtime in {"", each.runtime}
    ]
    fitted, needs = Predictions(registry).fitted, registry.needs()
    answers = []
    for way in ways:
        pinned = threads if way.processor is Processor.CPU else None
        query = replace(query_on(variant, profile, way, pinned), workload=counted)
        candidate = Candidate(variant, way.processor, way.runtime)
        answers.append(Answer(way, pinned, fitted.predict(query), tuple(misfits(candidate, profile, needs))))
    return Predicted(variant, target, tuple(answers))


def _variant(registry: Reader, what: str) -> "tuple[Variant, Workload | None]":
    """The variant that is meant, or one made of what a file's bytes say, with its work."""
    variants = registry.variants(specs=False)
    if what in variants:
        return variants[what], None
    path = Path(what)
    if not path.exists():
        advice = f"There is no file '{what}' either. List variants with: zoo variants MODEL"
        raise UnknownNameError("variant", what, list(variants), advice=advice)
    from zoo.artifacts import inspect  # noqa: PLC0415

    report = inspect(path)
    known = next((each for each in variants.values() if each.sha256 == report.sha256), None)
    counted = workload_of(report)
    if known is not None:
        return known, counted
    if report.precision not in set(Precision):
        raise UsageError(f"'{what}' is {report.precision}, a precision of which no latency is known")
    return Variant(
        path.name, "", path.stem, "", None, resolution(report), Precision(report.precision), str(report.format),
        "", report.params, report.macs, report.size_bytes,
    ), counted  # fmt: skip
