"""The score of a file as tables and as a document."""

from typing import TYPE_CHECKING, Any

from registry.values import Accuracy
from zoo.views.printer import Printer

if TYPE_CHECKING:
    from zoo.scoring import Score


def score(printer: Printer, found: "Score") -> None:
    """Print how accurate a file is, over all samples, by class and by group."""
    evaluation, samples = found.evaluation, len(found.evaluation.labels)
    of_all = f" of {found.of_samples:,}, drawn by a fixed seed" if samples < found.of_samples else ""
    printer.line(f"{found.asked.file.name} · {found.dataset}/{found.split}", style="bold")
    printer.line(f"accuracy  {_percent(found.accuracy)} (95 % interval) · n = {samples:,}{of_all}")
    printer.line(f"run by    {evaluation.runtime}, kernels {evaluation.kernels}")
    printer.line(f"spec      {found.spec_from}")
    for heading, rows in (("class", found.by_class()), ("group", found.by_group())):
        if rows:
            printer.table(
                (heading, "right", "n", "accuracy"),
                [(name, str(_right(each)), str(each.samples), _percent(each)) for name, each in rows],
                right="right n",
            )
    if found.by_group():
        values = [each.value for _, each in found.by_group()]
        printer.line(f"mean over {len(values)} groups  {sum(values) / len(values):.2f} %")
    if not found.verified:
        printer.line(
            "note  the samples are those of a folder: nobody has checked what they are", style="yellow"
        )


def _percent(accuracy: Accuracy) -> str:
    low, high = accuracy.interval() or (0.0, 100.0)
    return f"{accuracy.value:.2f} % ({low:.2f} to {high:.2f})"


def _right(accuracy: Accuracy) -> int:
    return round(accuracy.value * (accuracy.samples or 0) / 100)


def document(found: "Score") -> dict[str, Any]:
    """The JSON of ``zoo eval``, see docs/json.md."""
    evaluation = found.evaluation
    return {
        "file": str(found.asked.file),
        "sha256": evaluation.sha256,
        "format": evaluation.format,
        "dataset": found.dataset,
        "split": found.split,
        "verified": found.verified,
        "of_samples": found.of_samples,
        **_numbers(found.accuracy),
        "metric": found.accuracy.metric,
        "runtime": evaluation.runtime,
        "kernels": evaluation.kernels,
        "spec": found.spec_from,
        "classes": [{"class": name, **_numbers(each)} for name, each in found.by_class()],
        "groups": [{"group": name, **_numbers(each)} for name, each in found.by_group()],
        "labels": list(evaluation.labels),
        "predicted": list(evaluation.predicted),
    }


def _numbers(accuracy: Accuracy) -> dict[str, Any]:
    low, high = accuracy.interval() or (None, None)
    return {
        "accuracy": accuracy.value, "low": low, "high": high, "samples": accuracy.samples, "correct": _right(accuracy),
    }  # fmt: skip
