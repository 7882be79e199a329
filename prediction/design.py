"""The covariance of measurements as matrices, for fitting, tuning and validation. They need the extra ``predict``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from prediction.jobs import Job
from prediction.kernels import JOBS, PLACES
from prediction.model import prior
from prediction.places import Place
from prediction.query import Observation

Matrix = NDArray[np.float64]
_Thing = TypeVar("_Thing")
_JITTER = 1e-5
_ODD = 1.0
_POLISHES = 5


@dataclass(frozen=True)
class Design:
    """Measurements of one domain.

    Attributes:
        places: each place once.
        jobs: each job once.
        where: index of each row's place.
        what: index of each row's job.
        target: natural logarithm of each row's latency in milliseconds.
    """

    places: tuple[Place, ...]
    jobs: tuple[Job, ...]
    where: NDArray[np.int64]
    what: NDArray[np.int64]
    target: Matrix

    @classmethod
    def of(cls, rows: Sequence[Observation]) -> "Design":
        """Line up ``rows``."""
        places: dict[Place, int] = {}
        jobs: dict[Job, int] = {}
        where = [places.setdefault(Place.of(row.query), len(places)) for row in rows]
        what = [jobs.setdefault(Job.of(row.query), len(jobs)) for row in rows]
        target = np.log([row.latency_ms for row in rows])
        return cls(tuple(places), tuple(jobs), np.array(where), np.array(what), target)

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Each row's place and job, by index."""
        return tuple(zip(self.where.tolist(), self.what.tolist(), strict=True))

    def over(self, costs: Mapping[str, tuple[float, ...]]) -> Matrix:
        """The target less what costs alone say."""
        known: Matrix = np.array([prior(costs, self.places[one], self.jobs[two]) for one, two in self.pairs])
        return self.target - known

    def odd(self, target: Matrix) -> dict[str, float]:
        """Nets of unknown work whose median distance from the ``target`` of their places is large, and that distance.

        Medians of rows by place and by net in turn (Tukey's median polish), so that odd nets do not hide each other.
        """
        nets = {name: index for index, name in enumerate(dict.fromkeys(job.net for job in self.jobs))}
        of = np.array([nets[job.net] for job in self.jobs])[self.what]
        level, far = np.zeros(len(self.places)), np.zeros(len(nets))
        for _ in range(_POLISHES):
            for values, index, other in ((level, self.where, far[of]), (far, of, None)):
                rest = target - (level[self.where] if other is None else other)
                for each in np.unique(index):
                    values[each] = np.median(rest[index == each])
        vague = {job.net for job in self.jobs if job.vague[3]}
        return {
            name: round(float(far[index]), 4)
            for name, index in nets.items()
            if name in vague and abs(far[index]) > _ODD
        }

    def part(self, chosen: NDArray[np.int64]) -> "Design":
        """Only the chosen rows."""
        return Design(self.places, self.jobs, self.where[chosen], self.what[chosen], self.target[chosen])

    def covariance(self, variances: Mapping[str, float], noise: float) -> Matrix:
        """Covariance of the rows."""
        total = np.zeros((len(self.target), len(self.target)), np.float32)
        for place, terms in by_place(variances).items():
            alike = _gram(self.places, PLACES[place])[self.where][:, self.where]
            jobs = sum(variance * _gram(self.jobs, JOBS[job]) for job, variance in terms.items())
            total += alike * np.asarray(jobs, np.float32)[self.what][:, self.what]
        full: Matrix = total.astype(np.float64)
        full[np.diag_indices_from(full)] += noise + _JITTER
        return full

    def terms(self, names: Sequence[str]) -> NDArray[np.float32]:
        """The covariance that each named product adds at variance 1; of shape (names, rows, rows)."""
        found = np.empty((len(names), len(self.target), len(self.target)), np.float32)
        for index, name in enumerate(names):
            place, job = name.split(".")
            alike = _gram(self.places, PLACES[place])[self.where][:, self.where]
            found[index] = alike * _gram(self.jobs, JOBS[job])[self.what][:, self.what]
        return found


def by_place(variances: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Variances by kernel of places, then by kernel of jobs."""
    found: dict[str, dict[str, float]] = {}
    for name, variance in variances.items():
        place, job = name.split(".")
        found.setdefault(place, {})[job] = variance
    return found


_grams: dict[tuple[int, int], tuple[Any, NDArray[np.float32]]] = {}


def _gram(things: tuple[_Thing, ...], kernel: Callable[[_Thing, _Thing], float]) -> NDArray[np.float32]:
    """The kernel of each pair; kept, because a design asks for it often."""
    key = (id(things), id(kernel))
    if key not in _grams:
        table = np.empty((len(things), len(things)), np.float32)
        for index, one in enumerate(things):
            row = [kernel(one, two) for two in things[: index + 1]]
            table[index, : index + 1] = row
            table[: index + 1, index] = row
        _grams[key] = (things, table)
    return _grams[key][1]
