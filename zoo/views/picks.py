"""The answer of ``zoo pick`` in words."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from registry.choice import Choice
from registry.ranking import Relax
from registry.rules import format_bytes
from zoo.actions import PickReport
from zoo.views.printer import (
    EVIDENCE_STYLES,
    Printer,
    accuracy,
    candidate_line,
    device_line,
    latency,
    place,
    size,
)

_OPTIONS = {
    "max_size_bytes": "--max-size",
    "max_memory_bytes": "--max-memory",
    "formats": "--format",
    "processors": "--processor",
}


def pick(printer: Printer, report: PickReport) -> None:
    """Print the answer of ``zoo pick``."""
    printer.line(device_line(report.target), style="bold")
    printer.line(_request_line(report))
    known = [each for each in report.choices if each.pick and each.pick.latency]
    blind = [each for each in report.choices if each.pick and not each.pick.latency]
    missing = [each for each in report.choices if not each.pick]
    if known:
        printer.line()
        printer.table(
            ("model", "variant", "runs on", "latency", "accuracy", "size", "evidence"),
            [_pick_row(each) for each in known],
            right="latency accuracy size",
        )
        for each in known:
            if each.pick and each.pick.falls_back:
                printer.line(f"{each.model.name}: {each.pick.falls_back}", style="yellow")
    if len(report.choices) == 1:
        _pick_details(printer, report.choices[0])
    elif blind:
        printer.line()
        printer.line(
            f"Not measured on {report.target.profile.name} or its SoC: "
            f"the smallest variant for the CPU of {len(blind)} more models"
        )
        printer.table(
            ("model", "variant", "accuracy", "size"),
            [
                (
                    each.model.name,
                    each.pick.variant.name,
                    accuracy(each.pick.accuracy, each.model),
                    size(each.pick.variant),
                )
                for each in blind
                if each.pick
            ],
            right="accuracy size",
        )
    if missing and len(report.choices) > 1:
        _unanswered(printer, missing)
    for name, rejections in report.rejections:
        printer.line()
        printer.line(f"{name}: {len(rejections)} candidates are not the answer")
        printer.table(
            ("candidate", "runs on", "why not"),
            [
                (each.candidate.variant.name, place(each.candidate), "; ".join(map(str, each.broken)))
                for each in rejections
            ],
        )


def _unanswered(printer: Printer, missing: Iterable[Choice]) -> None:
    """Models without an answer, by reason."""
    reasons: dict[str, list[str]] = {}
    for each in missing:
        reasons.setdefault(each.reason, []).append(each.model.name)
    for reason, names in sorted(reasons.items(), key=lambda entry: -len(entry[1])):
        printer.line()
        printer.line(f"No answer for {len(names)} models, because {reason}:")
        printer.line(f"  {', '.join(names)}", style="dim")


def _request_line(report: PickReport) -> str:
    budgets = report.request.budgets
    limits = [
        f"latency <= {budgets.max_latency_ms:g} ms" if budgets.max_latency_ms else "default latency budgets",
        f"size <= {format_bytes(budgets.max_size_bytes)}" if budgets.max_size_bytes else "",
        f"memory <= {format_bytes(budgets.max_memory_bytes)}" if budgets.max_memory_bytes else "",
        f"energy <= {budgets.max_energy_mj:g} mJ" if budgets.max_energy_mj else "",
        f"accuracy >= {budgets.min_accuracy:g}" if budgets.min_accuracy else "",
        f"format {' or '.join(budgets.formats)}" if budgets.formats else "",
        f"on {' or '.join(budgets.processors)}" if budgets.processors else "",
        f"{budgets.threads} threads" if budgets.threads else "",
        "held files only" if budgets.available else "",
        f"evidence {budgets.evidence} or better",
        "optimistic" if budgets.optimistic else "",
    ]
    return f"best by {report.request.objective} · " + " · ".join(each for each in limits if each)


def _pick_row(choice: Choice) -> Sequence[str | Text]:
    best = choice.pick
    if best is None:
        return ()
    return (
        choice.model.name,
        best.variant.name,
        place(best),
        latency(best),
        accuracy(best.accuracy, choice.model),
        size(best.variant),
        Text(str(best.evidence), style=EVIDENCE_STYLES[best.evidence]),
    )


def _pick_details(printer: Printer, choice: Choice) -> None:
    """What a table has no room for: the runner-up, the ladder, the rows behind the number."""
    model, best = choice.model, choice.pick
    if best is None:
        _no_answer(printer, choice)
        return
    lines = [("pick", candidate_line(best, model))] if not best.latency else []
    if choice.default_budget:
        lines.append(("budget", f"{choice.max_latency_ms:g} ms, the default of this model"))
    if choice.runner_up:
        lines.append(("next", candidate_line(choice.runner_up, model)))
    lines += [("fallback", candidate_line(each, model)) for each in choice.fallbacks]
    if best.latency:
        lines.append(("source", best.latency.source))
    lines += [("also", f"{row.latency_ms:g} ms, {row.source}") for row in best.also if row.latency_ms]
    if best.variant.upstream:
        lines.append(("file", f"{best.variant.availability}: {best.variant.upstream}"))
    for name, text in lines:
        printer.line(f"{name:10}{text}")
    for warning in choice.warnings:
        printer.line(f"{'warning':10}{warning}", style="yellow")


def _no_answer(printer: Printer, choice: Choice) -> None:
    printer.line(f"{choice.model.name}: {choice.reason}", style="red")
    if choice.relax:
        printer.line(f"cheapest way out: {_way_out(choice.relax)}; then {choice.relax.variant} would do")


def _way_out(relax: Relax) -> str:
    """The option to change, as it is typed."""
    option = _OPTIONS.get(relax.budget, f"--{relax.budget.replace('_', '-')}")
    if relax.value is None or relax.value is False:
        return f"without {option}"
    value = " or ".join(map(str, relax.value)) if isinstance(relax.value, list) else relax.value
    return f"{option} {value}"
