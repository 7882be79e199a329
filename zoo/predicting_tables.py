"""Latencies for a whole table: a CSV file with a row a question, answered row by row.

Columns are those of `prediction.words`; all others pass through.
"""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from device_profiles.matching import match_name
from device_profiles.profile import DeviceProfile
from registry.reader import Reader
from zoo.errors import AmbiguousNameError, BadTableError, UnknownNameError, UsageError
from zoo.predictor import Predictions
from zoo.writing import write_whole

if TYPE_CHECKING:
    from prediction.model import Fitted

ADDED = ("predicted_ms", "low_ms", "high_ms", "basis")
"""Columns that a predicted table has behind its own."""

TRUTH = "latency_ms"
"""The column that is never read to predict."""

_WANTED = ("device", "model", "processor")
_STANDARD = "-"
Watch = Callable[[int, int], None]
"""Told how many rows of how many are done."""


def devices_of(registry: Reader) -> Callable[[str, str], DeviceProfile | None]:
    """What finds the profile of a row's device: by its name, else by the words on its chip.

    A device whose name is unknown takes its facts from one with its chip, under its own name.
    """
    names, counts = registry.names(), registry.measurement_counts()
    profiles = {each.id: each for each in registry.devices()}
    found: dict[tuple[str, str], DeviceProfile | None] = {}

    def find(device: str, soc: str) -> DeviceProfile | None:
        if (device, soc) not in found:
            found[device, soc] = looked_up(device, soc)
        return found[device, soc]

    def looked_up(device: str, soc: str) -> DeviceProfile | None:
        for words in (device, soc):
            try:
                match = match_name(words, names, counts) if words else None
            except (UnknownNameError, AmbiguousNameError):
                continue
            if match is None:
                continue
            profile = profiles[match.device]
            if words == device:  # some sources call a board by its chip
                return profile
            return replace(profile, id=device or words, name=device or words)
        return None

    return find


def predict_table(registry: Reader, source: str, target: str, watch: Watch) -> tuple[int, int]:
    """Predict every row of a CSV table; the result appears whole or not at all.

    Args:
        registry: whose model predicts.
        source: path of the table, or ``-`` for standard input. Columns are those of `prediction.words`; all others
            pass through, and ``latency_ms`` is never read.
        target: path of the result, or ``-`` for standard output.
        watch: told how far it is.

    Returns:
        How many rows there are, and how many of them have no prediction.

    Raises:
        BadTableError: the table cannot be read, or lacks a column that is wanted.
        UsageError: it would be written over.
        RegistryError: the registry has no model.
    """
    if _STANDARD not in (target, source) and Path(target).resolve() == Path(source).resolve():
        raise UsageError(f"--out is the table itself, '{source}'. Give another file")
    columns, numbered = read_table(source, _WANTED)
    rows = [cells for _, cells in numbered]
    taken = [each for each in ADDED if each in columns]
    if taken:
        raise BadTableError(
            source, f"it has columns of the result already: {', '.join(taken)}. Leave them out"
        )
    fitted, devices = Predictions(registry).fitted, devices_of(registry)
    blank = 0
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow([*columns, *ADDED])
    for number, cells in enumerate(rows, 1):
        known = {name: text for name, text in zip(columns, cells, strict=True) if name != TRUTH}
        added = _predicted_cells(fitted, known, devices)
        blank += not added[0]
        writer.writerow([*cells, *added])
        watch(number, len(rows))
    if target == _STANDARD:
        sys.stdout.write(made.getvalue())
    else:
        write_whole(Path(target), made.getvalue().encode())
    return len(rows), blank


def _predicted_cells(
    fitted: "Fitted", cells: Mapping[str, str], devices: Callable[[str, str], DeviceProfile | None]
) -> tuple[str, str, str, str]:
    from prediction.query import Query, Unknown  # noqa: PLC0415 - only who predicts pays for it
    from prediction.words import query_of  # noqa: PLC0415

    query = query_of(cells, devices)
    found = fitted.predict(query) if isinstance(query, Query) else query
    if isinstance(found, Unknown):
        return "", "", "", found.reason
    return f"{found.value_ms:.6g}", f"{found.low_ms:.6g}", f"{found.high_ms:.6g}", found.basis


def read_table(source: str, wanted: Iterable[str]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The columns of a CSV table, and its rows with the numbers of their lines; blank lines are passed over.

    Args:
        source: path, or ``-`` for standard input.
        wanted: columns that it must have.

    Raises:
        BadTableError: it cannot be read, lacks a column, or a row has more cells than there are columns.
    """
    try:
        text = sys.stdin.read() if source == _STANDARD else Path(source).read_text(encoding="utf-8-sig")
        reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise BadTableError(source, f"it cannot be read: {reason}. Give a CSV file in UTF-8") from problem
    if not rows:
        raise BadTableError(source, f"it is empty. Give a table with the columns {', '.join(wanted)}")
    (_, columns), *rows = rows
    missing = [each for each in wanted if each not in columns]
    if missing:
        raise BadTableError(
            source, f"it lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        )
    twice = sorted({each for each in columns if columns.count(each) > 1})
    if twice:
        raise BadTableError(source, f"it has more than one column {', '.join(twice)}")
    for number, row in rows:
        if len(row) > len(columns):
            raise BadTableError(
                source, f"line {number} has {len(row)} cells, but there are {len(columns)} columns"
            )
        row.extend([""] * (len(columns) - len(row)))
    return columns, rows
