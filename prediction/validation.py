"""What the model is worth: guesses of rows that it was not shown.

With the inverse of the covariance, leaving out any block of rows takes no new fit: the error of block B is the solution
of ``inverse[B, B] x = weights[B]`` (Rasmussen and Williams 2006, section 5.4.2, for a block). Left out in each case:

* ``net``: all rows of a net, in every precision, on one machine (a device with one version of a runtime). The net may
  be measured on other machines.
* ``net-everywhere``: all rows of a net, on all devices.
* ``family`` and ``family-everywhere``: the same for a whole family.
* ``machine``: all rows of a device with one version of a runtime; other runtimes on it are known.
* ``device``: all rows of a device.
* ``device-5``: all rows of a device but five of its best measured group, drawn at random; those of the same machine
  are asked for.

`prediction.holding_back` adds ``new-net``: all rows of a net on a device, whatever the runtime.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

import numpy as np

from prediction.design import Design, Matrix
from prediction.evidence import Known
from prediction.trial import Trial

__all__ = ["Trial", "trials", "widths", "without"]

FIVE = 5
_COVERED = 0.9
_DEVICES = 4  # of a runtime, from which on its own width counts more than half
_ENOUGH = 30  # rows of a class from which on a quantile is taken of it alone


Fit = tuple[Matrix, Matrix, Mapping[str, float]]
"""Inverse of the covariance, weights, and how odd nets are; see `trials`."""


def trials(design: Design, inverse: Matrix, weights: Matrix, odd: Mapping[str, float]) -> list[Trial]:
    """Leave out every block of every case once.

    Args:
        design: all rows.
        inverse: of their covariance.
        weights: of their surprises.
        odd: how odd nets are; unknown where all rows of a net are left out.
    """
    fit = inverse, weights, odd
    found: list[Trial] = []
    known = Known.of_rows((design.places[where], design.jobs[what]) for where, what in design.pairs)
    for case, key in _CASES.items():
        blocks: dict[Hashable, list[int]] = defaultdict(list)
        for row in range(len(design.target)):
            blocks[key(design, row)].append(row)
        for block in blocks.values():
            found += without(case, design, known, fit, block, block)
    rng = np.random.default_rng(0)
    by_device: dict[str, list[int]] = defaultdict(list)
    for row, place in enumerate(design.where):
        by_device[design.places[place].device].append(row)
    for rows in by_device.values():
        kept = _five(design, rows, rng)
        block = [row for row in rows if row not in kept]
        machines = {design.places[design.where[row]].machine for row in kept}
        if kept and block:
            asked = [row for row in block if design.places[design.where[row]].machine in machines]
            found += without("device-5", design, known, fit, block, asked)
    return found


def _five(design: Design, rows: Sequence[int], rng: np.random.Generator) -> list[int]:
    largest = Counter(int(design.where[row]) for row in rows).most_common(1)[0][0]
    group = [row for row in rows if design.where[row] == largest]
    if len(group) < 2 * FIVE:
        return []
    return [group[index] for index in sorted(rng.permutation(len(group))[:FIVE])]


_CASES: dict[str, Callable[[Design, int], Hashable]] = {
    "net": lambda design, row: (
        design.places[design.where[row]].machine, design.jobs[design.what[row]].net
    ),
    "net-everywhere": lambda design, row: design.jobs[design.what[row]].net,
    "family": lambda design, row: (
        design.places[design.where[row]].machine, design.jobs[design.what[row]].family
    ),
    "family-everywhere": lambda design, row: design.jobs[design.what[row]].family,
    "machine": lambda design, row: design.places[design.where[row]].machine,
    "device": lambda design, row: design.places[design.where[row]].device,
}  # fmt: skip


def without(
    case: str, design: Design, known: Known, fit: Fit, block: Sequence[int], asked: Iterable[int]
) -> list[Trial]:
    """Guess the rows ``asked`` for without those of ``block``; ``fit``: see `trials`."""
    inverse, weights, odd = fit
    index = np.array(block)
    errors = dict(zip(block, np.linalg.solve(inverse[np.ix_(index, index)], weights[index]), strict=True))
    pairs = design.pairs
    for row in block:
        known.add(design.places[pairs[row][0]], design.jobs[pairs[row][1]], -1)
    found = []
    for row in asked:
        place, job = design.places[pairs[row][0]], design.jobs[pairs[row][1]]
        basis = known.of(place, job)
        error = float(errors[row]) + (0.0 if basis.job in {"same", "net"} else odd.get(job.net, 0.0))
        found.append(Trial(case, row, place.runtime, place.device, str(basis), error))
    for row in block:
        known.add(design.places[pairs[row][0]], design.jobs[pairs[row][1]])
    return found


def widths(found: Iterable[Trial]) -> dict[str, float]:
    """Half of the interval that holds nine in ten of the errors, by class of evidence, and by runtime and class.

    This is split conformal prediction (Vovk et al. 2005; Lei et al. 2018) with the errors of rows left out. The fewer
    devices a runtime was tried on, the more of its width is that of its class. A class that no trial met gets the root
    of the sum of squares of its place's and its job's widths elsewhere.
    """
    by_class: dict[str, list[Trial]] = defaultdict(list)
    for trial in found:
        if trial.case != "device-5" or trial.basis.startswith("few"):
            by_class[trial.basis].append(trial)
            by_class[f"{trial.runtime} {trial.basis}"].append(trial)
    known = {
        key: _quantile(trials)
        for key, trials in by_class.items()
        if len(trials) >= _ENOUGH and (" " in key or len({trial.device for trial in trials}) > _DEVICES)
    }
    for place in ("many", "few", "kin", "facts"):
        for job in ("same", "net", "near", "family", "work", "vague"):
            parts = [known.get(f"{place}-same"), known.get(f"many-{job}")]
            if f"{place}-{job}" not in known and None not in parts:
                known[f"{place}-{job}"] = math.sqrt(sum(part**2 for part in parts if part is not None))
    for key in [each for each in known if " " in each and each.split(" ")[-1] in known]:
        devices = len({trial.device for trial in by_class[key]})
        share, general = devices / (devices + _DEVICES), known[key.split(" ")[-1]]
        known[key] = known[key] ** share * general ** (1 - share)
    return {key: round(value, 4) for key, value in sorted(known.items())}


def _quantile(trials: Sequence[Trial]) -> float:
    """The quantile that covers a new error with the wanted chance: its rank is rounded up."""
    ranked = sorted(abs(trial.error) for trial in trials)
    return ranked[min(len(ranked) - 1, math.ceil(_COVERED * (len(ranked) + 1)) - 1)]
