"""Sums up trials: errors and coverage by case and group. ``python -m prediction.backtesting`` prints them as CSV."""

import csv
import sys
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, fields

from device_profiles.profile import Kind
from prediction.evidence import width_of
from prediction.fitting import fit, in_domain, observations
from prediction.query import Observation
from prediction.trial import NEW_NET, Guess, Summary, Trial
from prediction.validation import widths

OF_DEVICES = ("machine", "device", "device-5")
"""Cases that leave out devices or their runtimes; the others leave out nets."""

_PARTS = 10

HELD = (Kind.PHONE, Kind.TABLET, Kind.BOARD, Kind.MCU)


def guesses(found: Sequence[Trial], rows: Sequence[Observation]) -> list[Guess]:
    """Give each trial an interval that was learnt without what it left out.

    Where nets or families were left out, from trials on other families, a tenth of them at a time; where devices or
    runtimes were, from trials on other devices.

    Args:
        found: of one domain; the cases of `prediction.validation` teach the widths, as they do in the fit.
        rows: the domain's rows, which trials index.
    """

    def part(trial: Trial, case: str) -> str:
        if case in OF_DEVICES:
            return trial.device
        return str(zlib.crc32(rows[trial.row].query.family.encode()) % _PARTS)

    teaching = [trial for trial in found if trial.case != NEW_NET]
    learnt: dict[tuple[bool, str], dict[str, float]] = {}
    given = []
    for each in found:
        key = each.case in OF_DEVICES, part(each, each.case)
        if key not in learnt:
            learnt[key] = widths(trial for trial in teaching if part(trial, each.case) != key[1])
        given.append(Guess(each, width_of(learnt[key], each.basis, each.runtime)))
    return given


def summaries(
    found: Sequence[Guess],
    rows: Sequence[Observation],
    group: Callable[[Trial, Observation], str],
    kinds: Collection[Kind] = HELD,
) -> list[Summary]:
    """Sum up guesses.

    Args:
        found: of one domain.
        rows: the domain's rows, which trials index.
        group: names the group of a trial, such as its runtime.
        kinds: of device; rows of others are left out.
    """
    parts: dict[tuple[str, str], list[Guess]] = defaultdict(list)
    for each in found:
        row = rows[each.trial.row]
        if row.query.profile is not None and row.query.profile.kind in kinds:
            parts[each.trial.case, group(each.trial, row)].append(each)
    return [Summary.of(*key, part) for key, part in sorted(parts.items())]


def everything(rows: Iterable[Observation]) -> list[Summary]:
    """By runtime, processor and whether the net's work by kind is known, for every domain."""
    rows = list(rows)
    _, found = fit(rows)
    every = []
    for domain, trials in found.items():
        mine = in_domain(rows, domain)
        every += summaries(guesses(trials, mine), mine, _group)
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
