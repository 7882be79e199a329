"""Guesses the rows that a fitted domain learnt from, each without a block of them; see `prediction.validation`."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from prediction.design import Design
from prediction.evidence import Known
from prediction.fitting import inverse_of
from prediction.jobs import Job
from prediction.model import Domain
from prediction.places import Place
from prediction.query import Observation
from prediction.trial import NEW_NET, Trial
from prediction.validation import trials, without
from zoo.errors import RegistryError

_ROUNDING = 1e-3  # of a weight: the model keeps seven digits


def fitted_rows(domain: Domain, rows: Sequence[Observation]) -> list[int]:
    """Indices of the rows that a domain was fitted to.

    Args:
        domain: rows that it was calibrated with do not count.
        rows: among which they are.

    Raises:
        RegistryError: some are not among them.
    """
    wanted = Counter((domain.places[place], domain.jobs[job]) for place, job, _ in domain.rows)
    chosen = []
    for index, row in enumerate(rows):
        pair = Place.of(row.query), Job.of(row.query)
        if wanted[pair] > 0:
            wanted[pair] -= 1
            chosen.append(index)
    if wanted.total():
        raise _others(f"the registry lacks {wanted.total():,} of the measurements")
    return chosen


def held_back(domain: Domain, rows: Sequence[Observation]) -> list[Trial]:
    """Guess every row without itself, in every case.

    Args:
        domain: whose variances and costs count.
        rows: those that it was fitted to; trials index them.

    Raises:
        RegistryError: the domain was fitted to other latencies.
    """
    design = Design.of(rows)
    odd = np.array([domain.odd.get(design.jobs[what].net, 0.0) for _, what in design.pairs])
    inverse = inverse_of(design.covariance(domain.variances, domain.noise))
    weights = inverse @ (design.over(domain.costs) - odd - domain.mean)
    fitted = np.array([weight for _, _, weight in domain.rows])
    if not np.allclose(
        np.sort(weights), np.sort(fitted), rtol=_ROUNDING, atol=_ROUNDING * np.abs(fitted).max()
    ):
        raise _others("the registry's measurements are not those")
    found = trials(design, inverse, weights, domain.odd)
    known = Known.of_rows((design.places[where], design.jobs[what]) for where, what in design.pairs)
    blocks: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, (where, what) in enumerate(design.pairs):
        blocks[design.places[where].device, design.jobs[what].net].append(row)
    for block in blocks.values():
        found += without(NEW_NET, design, known, (inverse, weights, domain.odd), block, block)
    return found


def _others(what: str) -> RegistryError:
    return RegistryError(
        f"{what} that its model of latencies was fitted to. Make a registry that has them with: zoo rebuild --out PATH"
    )
