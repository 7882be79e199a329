"""Sums up trials: errors and coverage by case and group. ``python -m prediction.backtesting`` prints them as CSV."""

import csv
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, fields

from device_profiles.profile import Kind
from prediction.evidence import width_of
from prediction.fitting import fit, in_domain, observations
from prediction.query import Observation
from prediction.trial import NEW_NET, Guess, Summary, Trial
from prediction.validation import widths

HELD = (Kind.PHONE, Kind.TABLET, Kind.BOARD)


def guesses(found: Sequence[Trial]) -> list[Guess]:
    """Give each trial the interval that trials on all other devices say.

    Args:
        found: of one domain; the cases of `prediction.validation` teach the widths, as they do in the fit.
    """
    teaching = [trial for trial in found if trial.case != NEW_NET]
    learnt = {
        device: widths(trial for trial in teaching if trial.device != device)
        for device in sorted({trial.device for trial in found})
    }
    return [Guess(each, width_of(learnt[each.device], each.basis, each.runtime)) for each in found]


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
        every += summaries(guesses(trials), in_domain(rows, domain), _group)
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
