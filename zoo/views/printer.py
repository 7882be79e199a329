"""A printer that suits its reader: boxes and colour in a terminal, plain columns in a pipe."""

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from device_profiles.matching import MatchedBy
from registry.candidates import Candidate
from registry.rules import format_bytes
from registry.values import Accuracy, Evidence, Model, Variant
from zoo.actions import Target

_PIPED_WIDTH = 100_000  # wide enough that nothing is ever folded
_GAP = 3  # columns between two cells
EVIDENCE_STYLES = {
    Evidence.MEASURED: "green",
    Evidence.FIELD: "green",
    Evidence.SAME_SOC: "yellow",
    Evidence.PREDICTED: "yellow",
    Evidence.NONE: "dim",
}


@contextmanager
def working(on: str) -> Iterator[None]:
    """Show on a terminal that something takes its time; a pipe sees nothing."""
    with Console(stderr=True).status(on):
        yield


@contextmanager
def progress_bar(steps: int) -> Iterator[Callable[[str], None]]:
    """Show on a terminal how far long work is; a pipe sees nothing.

    Yields:
        A function that says what is done next; each call is one step.
    """
    with _bar(steps) as update:
        done = iter(range(steps))
        yield lambda text: update(text, next(done, steps), steps)


@contextmanager
def share_bar(on: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how much of long work is done; a pipe sees nothing.

    Args:
        on: what is done.

    Yields:
        A function that says how much of how much is done.
    """
    with _bar(None) as update:
        yield lambda done, total: update(on, done, total)


@contextmanager
def _bar(total: int | None) -> Iterator[Callable[[str, int, int], None]]:
    """A bar that is told a text, what is done, and of how much."""
    try:
        descriptor = os.dup(sys.stderr.fileno())
    except (OSError, ValueError):  # standard error is no file
        yield lambda *_: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # A descriptor of its own, because what frameworks print is kept off the usual ones meanwhile.
    with os.fdopen(descriptor, "w") as terminal:
        console = Console(file=terminal)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=total)
            yield lambda text, done, of: bar.update(task, description=text, completed=done, total=of)


class Printer:
    """Writes to standard output the way its reader wants it."""

    def __init__(self) -> None:
        """Look at standard output."""
        self.terminal = sys.stdout.isatty()
        width = None if self.terminal else _PIPED_WIDTH
        self._console = Console(width=width, highlight=False, markup=False, emoji=False)

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line; a terminal wraps it between words."""
        self._console.print(Text(text, style=style), soft_wrap=not self.terminal)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str | Text]], right: str = "") -> None:
        """Print rows under headings; the columns named in ``right`` are flush right.

        Where a terminal is too narrow for the table, each row becomes a short paragraph: names stay whole.
        """
        numeric = right.split()
        rows = [tuple(row) for row in rows]
        widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
        if self.terminal and sum(widths) + _GAP * len(widths) > self._console.width:
            for row in rows:
                self._paragraph(headings, row, numeric)
            return
        if not self.terminal:
            for row in (headings, *rows):
                cells = [
                    str(cell).rjust(width) if heading in numeric else str(cell).ljust(width)
                    for heading, cell, width in zip(headings, row, widths, strict=True)
                ]
                sys.stdout.write("  ".join(cells).rstrip() + "\n")
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in headings:
            table.add_column(heading, justify="right" if heading in numeric else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def _paragraph(
        self, headings: Sequence[str], row: Sequence[str | Text], numeric: Collection[str]
    ) -> None:
        """The first cell as a title, the others below it; bare numbers and question marks get their heading."""
        title, *rest = row
        cells = []
        for heading, cell in zip(headings[1:], rest, strict=True):
            bare = heading in numeric and not any(map(str.isalpha, str(cell))) and "%" not in str(cell)
            if str(cell):
                cells.append(Text.assemble(f"{heading} " if bare else "", cell))
        self._console.print(Text(str(title), style="bold"), soft_wrap=True)
        self._console.print(Padding(Text(" · ").join(cells), (0, 0, 0, 2)))


def candidate_line(each: Candidate, model: Model) -> str:
    """One candidate as a line of text."""
    parts = (
        each.variant.name,
        place(each),
        latency(each),
        accuracy(each.accuracy, model),
        size(each.variant),
    )
    return " · ".join(part for part in (*parts, str(each.evidence)) if part)


def place(each: Candidate) -> str:
    """Where and with what a candidate runs: ``cpu x4, tflite 2020``."""
    if each.processor is None:
        return "nowhere"
    cores = f" ({each.cores})" if each.cores else ""
    threads = f" x{each.threads}" if each.threads else ""
    return f"{each.processor}{threads}{cores}, {each.runtime}{f' {each.era}' if each.era else ''}"


def latency(each: Candidate) -> str:
    """A latency with its spread: ``12 ms`` or ``21.4 (20.1-23) ms``; a guess has no more digits than its interval."""
    known = each.latency
    if known is None:
        return "?"
    spread = f" ({known.low:.3g}-{known.high:.3g})" if known.low != known.high else ""
    digits = 3 if known.evidence is Evidence.PREDICTED else 4
    return f"{known.value:.{digits}g}{spread} ms"


def accuracy(known: Accuracy | None, model: Model) -> str:
    """An accuracy with its unit and, where it is known, half the width of its 95 % interval."""
    if known is None:
        return "?"
    interval = known.interval()
    margin = f" ±{(interval[1] - interval[0]) / 2:.1f}" if interval else ""
    return f"{known.value:.4g}{margin} {model.unit}".rstrip()


def size(variant: Variant) -> str:
    """The length of a variant's file."""
    return "?" if variant.size_bytes is None else format_bytes(variant.size_bytes)


def count(number: int | None) -> str:
    """A number of weights or operations: ``3.5 M``."""
    if number is None:
        return "?"
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return str(number)


def device_line(target: Target) -> str:
    """The device, and what it was found by where that matters."""
    profile = target.profile
    line = f"{profile.name} ({profile.id}) · {profile.soc.name}"
    if target.match.by is MatchedBy.SOC:
        return f"{line} · found by its SoC: measurements count as same-soc"
    if target.match.by is MatchedBy.FACTS:
        return f"{line} · the nearest known device: its measurements do not count"
    return line
