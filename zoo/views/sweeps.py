"""Sweeps for people and programs: what is planned, how far it is, what came of it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from registry.rules import format_bytes
from registry.values import Variant
from zoo.views.printer import Printer

if TYPE_CHECKING:
    from compress.recipes.planning import Counts
    from compress.recipes.recipe import Recipe
    from compress.sweep.progress import Progress
    from compress.sweep.stages import Stage
    from zoo.continuum.compressing import Made

_MINUTE, _HOUR = 60, 3600


def plan(
    printer: Printer, recipe: "Recipe", stages: "Sequence[Stage]", counts: "Counts", groups: str
) -> None:
    """Print what a sweep would do.

    Args:
        printer: writes it.
        recipe: that was planned.
        stages: its plan.
        counts: how much it is.
        groups: what stands for groups that were not looked up; empty where none do.
    """
    printer.line(
        f"{recipe.model}, on {recipe.dataset}: {recipe.protocol}, seeds {', '.join(map(str, recipe.seeds))}"
    )
    printer.line(
        f"{len(stages)} stages: {counts.steps} steps of nets, {counts.emits} to write files; "
        f"{counts.epochs} epochs, {counts.files} files"
    )
    if groups:
        printer.line(f"'{groups}' stands for every group of the data set: its steps are taken once for each")
    printer.line()
    rows = [(each.handle, recipe.name(each), _files(recipe.files(each))) for each in recipe.nets]
    rows += [(f"{each.handle} (control)", recipe.control_name(each), _files(recipe.files(each)))
             for each in recipe.nets if each.control]  # fmt: skip
    printer.table(("net", "name", "files"), rows)
    printer.line()
    printer.table(("stage", "what"), [(each.key[:12], each.title) for each in stages])


def plan_document(recipe: "Recipe", stages: "Sequence[Stage]", counts: "Counts") -> dict[str, Any]:
    """The plan as JSON has it."""
    return {
        "model": recipe.model,
        "dataset": recipe.dataset,
        "protocol": str(recipe.protocol),
        "seeds": list(recipe.seeds),
        "counts": {"stages": len(stages), **asdict(counts)},
        "nets": [_net(recipe, each.handle, recipe.name(each), recipe.files(each)) for each in recipe.nets]
        + [_net(recipe, each.handle, recipe.control_name(each), recipe.files(each), control=True)
           for each in recipe.nets if each.control],
        "stages": [_stage(each) for each in stages],
    }  # fmt: skip


def made(printer: Printer, found: "Made") -> None:
    """Print what came of a sweep: its variants, what was refused, what failed and where its log is."""
    rows = [
        (each.name, format_bytes(each.size_bytes or 0), _accuracy(each)) for each in found.continuum.variants
    ]
    if rows:
        printer.table(("variant", "size", "accuracy"), rows, right="size accuracy")
        printer.line()
    for what, reason in found.refused.items():
        printer.line(f"refused: {what}: {reason}", style="yellow")
    for each in found.missed:
        printer.line(str(each), style="red" if each.log else "dim")
    if found.document is not None:
        printer.line(f"{len(rows)} variants: {found.document}")


def made_document(found: "Made") -> dict[str, Any]:
    """What came of a sweep as JSON has it."""
    return {
        "document": None if found.document is None else str(found.document),
        "variants": [
            {
                "name": each.name, "sha256": each.sha256, "size_bytes": each.size_bytes,
                "accuracies": [
                    {"metric": one.metric, "value": one.value, "samples": one.samples} for one in each.accuracies
                ],
            }
            for each in found.continuum.variants
        ],
        "refused": dict(found.refused),
        "missed": [
            {**_stage(each.stage), "reason": each.reason, "log": None if each.log is None else str(each.log)}
            for each in found.missed
        ],
    }  # fmt: skip


@contextmanager
def following() -> "Iterator[Callable[[Progress], None]]":
    """Show how far a sweep is: a bar on a terminal, a line for every stage that ends in a pipe; on standard error.

    Yields:
        What listens to the sweep.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def listen(each: "Progress") -> None:
            bar.update(task, description=_tail(each), completed=each.done + each.failed, total=each.total)

        yield listen


class _Lines:
    """One line each time that a stage has ended."""

    def __init__(self) -> None:
        self._ended = -1

    def __call__(self, each: "Progress") -> None:
        if each.done + each.failed != self._ended:
            self._ended = each.done + each.failed
            sys.stderr.write(f"{each.done} of {each.total} done · {_tail(each)}\n")
            sys.stderr.flush()


def _tail(each: "Progress") -> str:
    parts = [f"{each.failed} failed or skipped"] if each.failed else []
    if each.seconds_left is not None and each.running:
        parts.append(f"about {duration(each.seconds_left)} left")
    return " · ".join((*parts, *each.running)) or "the end"


def duration(seconds: float) -> str:
    """A time in words: ``40 s``, ``5 min``, ``2 h 10 min``."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    hours, minutes = divmod(round(seconds / _MINUTE), _MINUTE)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _accuracy(variant: Variant) -> str:
    """Of the first metric, with half the width of its 95 % interval."""
    for each in variant.accuracies:
        interval = each.interval()
        margin = f" ±{(interval[1] - interval[0]) / 2:.1f}" if interval else ""
        return f"{each.value:.4g}{margin}"
    return "?"


def _files(files: Sequence[tuple[str, str]]) -> str:
    """``tflite float32 int8, onnx float32``."""
    by_format: dict[str, list[str]] = {}
    for format_, precision in files:
        by_format.setdefault(format_, []).append(precision)
    return ", ".join(f"{format_} {' '.join(each)}" for format_, each in by_format.items()) or "none"


def _net(
    recipe: "Recipe", handle: str, name: str, files: Sequence[tuple[str, str]], *, control: bool = False
) -> dict[str, Any]:
    net = recipe.net(handle)
    return {
        "net": handle, "name": name, "control": control, "architecture": net.architecture, "from": net.base or None,
        "teacher": net.teacher or None, "files": [{"format": one, "precision": other} for one, other in files],
    }  # fmt: skip


def _stage(each: "Stage") -> dict[str, Any]:
    return {"key": each.key, "kind": each.kind, "title": each.title, "parents": dict(each.parents)}
