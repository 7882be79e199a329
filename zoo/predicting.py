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

if TYPE_CHECKING:
    from converters.inspection.report import FileReport, Graph, Operator
    from prediction.query import Prediction, Unknown
    from prediction.workload import Kind, Workload
    from zoo.actions import Target

_MATRIX = 2
_QUANTIZED_WEIGHTS = 3  # place of the weights among the inputs of ONNX's QLinearConv and QLinearMatMul


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
        raise UnknownNameError("variant", what, variants, advice=advice)
    from zoo.artifacts import inspect  # noqa: PLC0415

    report = inspect(path)
    known = next((each for each in variants.values() if each.sha256 == report.sha256), None)
    counted = workload_of(report)
    if known is not None:
        return known, counted
    if report.precision not in set(Precision):
        raise UsageError(f"'{what}' is {report.precision}, a precision of which no latency is known")
    return Variant(
        path.name, "", path.stem, "", None, _resolution(report), Precision(report.precision), str(report.format),
        "", report.params, report.macs, report.size_bytes,
    ), counted  # fmt: skip


def _resolution(report: "FileReport") -> str:
    """Height and width of the first input, where it is a picture."""
    shape = _picture(report)
    return "" if shape is None else (f"{shape[0]}" if shape[0] == shape[1] else f"{shape[0]}x{shape[1]}")


def _picture(report: "FileReport") -> tuple[int, int] | None:
    if report.graph is None or not report.graph.inputs:
        return None
    shape = report.graph.tensors[report.graph.inputs[0]].shape or ()
    if len(shape) != 4 or any(each is None for each in shape[1:]):  # noqa: PLR2004 - a batch of pictures
        return None
    _, *sides = (each or 1 for each in shape)
    sides.remove(min(sides))  # the channels, first or last
    return sides[0], sides[1]


def workload_of(report: "FileReport") -> "Workload":
    """What one inference of a file does, operator by operator.

    Args:
        report: of `zoo.artifacts.inspect`.
    """
    from prediction.workload import Operator, Workload  # noqa: PLC0415 - only who predicts pays for it

    graph, picture = report.graph, _picture(report)
    params = None if report.params is None else float(report.params)
    pixels = None if picture is None else float(picture[0] * picture[1])
    if graph is None or report.macs is None:
        return Workload(params=params, macs=report.macs, pixels=pixels)
    operators = [
        Operator(_kind(graph, each) if macs else None, macs or 0, _elements(graph, each))
        for each, macs in zip(graph.operators, report.macs_by_operator, strict=True)
    ]
    return Workload.of_operators(operators, params, pixels)


def _elements(graph: "Graph", operator: "Operator") -> int:
    return sum(graph.tensors[each].elements or 0 for each in operator.outputs)


def _kind(graph: "Graph", operator: "Operator") -> "Kind":
    """What sort of work an operator with multiply-accumulates does, by its name and the shape of its weights."""
    from prediction.workload import Kind  # noqa: PLC0415 - only who predicts pays for it

    name = operator.kind.casefold()
    place = _QUANTIZED_WEIGHTS if name.startswith("qlinear") else 1
    weights = graph.tensors[operator.inputs[place]] if len(operator.inputs) > place else None
    shape = tuple(each or 1 for each in (weights.shape if weights and weights.shape else ()))
    if "conv" in name:
        groups = operator.options.get("group", operator.options.get("groups", 1))
        if "depthwise" in name or (isinstance(groups, int) and groups > 1 and shape[1:2] == (1,)):
            return Kind.DEPTHWISE
        # TFLite has channels last, others first
        sides = shape[1:-1] if operator.kind.isupper() else shape[2:]
        return Kind.CONV if any(each > 1 for each in sides) else Kind.POINTWISE
    of_weights = len(shape) == _MATRIX or (weights is not None and weights.constant)
    return Kind.DENSE if of_weights else Kind.OTHER
