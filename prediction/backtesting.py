"""Sums up trials: errors and coverage by case and group. ``python -m prediction.backtesting`` prints them as CSV."""

import csv
import sys
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median

from device_profiles.profile import Kind
from prediction.evidence import width_of
from prediction.fitting import fit, in_domain, observations
from prediction.query import Observation
from prediction.validation import Trial, widths

HELD = (Kind.PHONE, Kind.TABLET, Kind.BOARD, Kind.MCU)


@dataclass(frozen=True, slots=True)
class Summary:
    """What trials of one case say of one group.

    Attributes:
        case: what was left out; see `prediction.validation`.
        group: which rows.
        rows: how many.
        median: of |guess / truth - 1|.
        ninetieth: its 90th percentile.
        coverage: share of rows inside their 90 % interval, whose width was learnt on other devices.
    """

    case: str
    group: str
    rows: int
    median: float
    ninetieth: float
    coverage: float


def covered(found: Sequence[Trial], rows: Sequence[Observation]) -> list[bool]:
    """Whether each trial's truth is in its interval, with widths that were learnt on the other half of the devices."""
    halves = [zlib.crc32(rows[trial.row].query.device.encode()) % 2 for trial in found]
    learnt = [
        widths(trial for trial, half in zip(found, halves, strict=True) if half != mine) for mine in (0, 1)
    ]
    return [
        abs(trial.error) <= width_of(learnt[half], trial.basis, trial.runtime)
        for trial, half in zip(found, halves, strict=True)
    ]


def summaries(
    found: Sequence[Trial], rows: Sequence[Observation], group: Callable[[Trial, Observation], str]
) -> list[Summary]:
    """Sum up trials of phones, tablets and boards.

    Args:
        found: of one domain.
        rows: the domain's rows, which trials index.
        group: names the group of a trial, such as its runtime.
    """
    inside = covered(found, rows)
    parts: dict[tuple[str, str], list[tuple[float, bool]]] = defaultdict(list)
    for trial, good in zip(found, inside, strict=True):
        row = rows[trial.row]
        if row.query.profile is not None and row.query.profile.kind in HELD:
            parts[trial.case, group(trial, row)].append((trial.relative, good))
    return [
        Summary(
            case, name, len(errors), round(median(each for each, _ in errors), 4),
            round(sorted(each for each, _ in errors)[int(0.9 * (len(errors) - 1))], 4),
            round(sum(good for _, good in errors) / len(errors), 3),
        )
        for (case, name), errors in sorted(parts.items())
    ]  # fmt: skip


def everything(rows: Iterable[Observation]) -> list[Summary]:
    """By runtime, processor and whether the net's work by kind is known, for every domain."""
    rows = list(rows)
    _, found = fit(rows)
    every = []
    for domain, trials in found.items():
        every += summaries(trials, in_domain(rows, domain), _group)
    return every


def _group(trial: Trial, row: Observation) -> str:
    kind = row.query.profile.kind if row.query.profile else ""
    return f"{trial.runtime}, {kind}, {'size only' if trial.basis.endswith('vague') else 'work known'}"


def main() -> None:
    """Print the summaries of the registry's measurements."""
    writer = csv.DictWriter(sys.stdout, [each.name for each in fields(Summary)])
    writer.writeheader()
    writer.writerows(asdict(each) for each in everything(observations()))


if __name__ == "__main__":
    main()
