"""Searches for people and programs: how far one is, and which nets are worth having."""

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from registry.rules import format_bytes
from zoo.views.printer import Printer, count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from compress.recipes.space import Candidate
    from compress.search import Cost, Judged
    from zoo.continuum.searching import Searched

_FLOAT_BITS = 32
_MILLISECONDS = "ms"


def show(printer: Printer, searched: "Searched", written: Path | None) -> None:
    """Print what a search found.

    Args:
        printer: writes it.
        searched: what it gave.
        written: file of the recipe; ``None`` where none was written.
    """
    found, pricing = searched.found, searched.pricing
    printer.line(pricing.basis)
    printer.line(
        f"{found.space:,} nets to choose from: {len(found.judged)} trained, {len(found.over)} left out before training "
        f"as over the budget{f', {len(found.failed)} failed' if found.failed else ''}"
    )
    for each in found.failed:
        printer.line(f"failed: {_net(each.candidate)}: {each.reason}", style="yellow")
    printer.line()
    if not found.judged:
        printer.line("no net was found within the budget; raise it, or add smaller nets to [search]")
        return
    has_latency = pricing.unit == _MILLISECONDS
    headings = ("net", "filters", "bits", *(("latency",) if has_latency else ()), "MACs", "size", "accuracy")
    rows = [_row(each, has_latency=has_latency) for each in found.front]
    printer.table(headings, rows, right=" ".join(headings[1:]))
    printer.line()
    guessed = sum(not pricing.knows(each.cost.macs) for each in found.front)
    if guessed:
        printer.line(
            f"{guessed} of {len(rows)} have fewer or more MACs than any net that was measured there: "
            "their latencies are extrapolated",
            style="yellow",
        )
    printer.line(
        "accuracy: of the net in torch after a short training, on samples held out of the training split; what counts "
        "is measured on files, by zoo compress with the recipe of these nets"
    )
    if written is not None:
        printer.line(f"recipe of {len(rows)} nets: {written}")


def _row(each: "Judged", *, has_latency: bool) -> tuple[str, ...]:
    latency = (f"{each.cost.value:.3g} ms",) if has_latency else ()
    filters = f"-{100 * each.candidate.filters:g} %" if each.candidate.filters else "all"
    return (
        each.candidate.architecture, filters, f"{each.candidate.bits}", *latency, count(each.cost.macs),
        format_bytes(each.cost.size_bytes), f"{each.accuracy:.1f} %",
    )  # fmt: skip


def document(searched: "Searched", written: Path | None) -> dict[str, Any]:
    """What a search found, as JSON has it."""
    found = searched.found
    front = {each.candidate for each in found.front}
    return {
        "model": searched.recipe.model,
        "dataset": searched.recipe.dataset,
        "unit": searched.pricing.unit,
        "basis": searched.pricing.basis,
        "budget": {"latency_ms": searched.budget.latency_ms, "macs": searched.budget.macs},
        "space": found.space,
        "trials": [
            {
                **_candidate(each.candidate), "cost": each.cost.value, "macs": each.cost.macs,
                "params": each.cost.params, "size_bytes": each.cost.size_bytes, "accuracy": each.accuracy,
                "front": each.candidate in front, "extrapolated": not searched.pricing.knows(each.cost.macs),
            }
            for each in found.judged
        ],
        "over_budget": [_candidate(each) for each in found.over],
        "failed": [{**_candidate(each.candidate), "reason": each.reason} for each in found.failed],
        "recipe": None if written is None else str(written),
    }  # fmt: skip


def _candidate(each: "Candidate") -> dict[str, Any]:
    return {"architecture": each.architecture, "filters": each.filters, "bits": each.bits}


@contextmanager
def following(trials: int, unit: str) -> "Iterator[Callable[[Candidate, Cost | None, float | None], None]]":
    """Say of each net what came of it, a line each on standard error; a terminal also sees that work goes on.

    Args:
        trials: nets that will be trained, those of an earlier run included.
        unit: of costs.

    Yields:
        What listens to the search.
    """
    console = Console(stderr=True)

    def listen(candidate: "Candidate", cost: "Cost | None", accuracy: float | None) -> None:
        price = "" if cost is None else _price(cost.value, unit)
        end = "failed" if cost is None else "not trained" if accuracy is None else f"{accuracy:.1f} %"
        sys.stderr.write(f"{' · '.join(filter(None, (_net(candidate), price, end)))}\n")
        sys.stderr.flush()

    with console.status(f"searching: {trials} nets to train"):
        yield listen


def _price(value: float, unit: str) -> str:
    return f"{value:.3g} ms" if unit == _MILLISECONDS else f"{count(int(value))} {unit}"


def _net(each: "Candidate") -> str:
    filters = f", {100 * each.filters:g} % of the filters out" if each.filters else ""
    return f"{each.architecture}{filters}{f', {each.bits} bits' if each.bits < _FLOAT_BITS else ''}"
