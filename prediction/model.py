"""The fitted model: plain numbers, and what follows from them in plain Python.

A domain (``cpu``, ``gpu``, ``npu``) is a Gaussian process over (place, job); see `prediction.kernels`. Its guess is a
weighted sum of covariances with all measured rows. Rows that come later move the guesses by what fitting has left open.
"""

import json
import math
import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any, Self

from device_profiles.profile import Kind, Processor
from prediction.evidence import Known, width_of
from prediction.jobs import Job
from prediction.kernels import JOBS, LINEAR, MATCHED, PLACES, PlaceKernel, near, point
from prediction.own import Own
from prediction.places import Place
from prediction.query import Observation, Prediction, Query, Unknown

DOMAINS: Mapping[str, tuple[Processor, ...]] = {
    "cpu": (Processor.CPU,),
    "gpu": (Processor.GPU, Processor.NNAPI),
    "npu": (Processor.NPU, Processor.DSP),
    "mcu": (Processor.CPU,),
}
"""Processors that learn from each other; microcontrollers (``mcu``) are a world of their own."""

_SETTLED = 2.0  # rows of a place that leave half of what was open


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rows that came after fitting, and how much each pulls."""

    places: tuple[Place, ...] = ()
    jobs: tuple[Job, ...] = ()
    targets: tuple[float, ...] = ()
    pulls: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Summed:
    """What all rows of the fit say of a place.

    Attributes:
        linear: by kernel, the sum of its features over all jobs.
        matched: by kernel, the sums of its numbers by word.
        near: a number for each job measured, for jobs that are alike.
        kin: the same for those of the same family.
    """

    linear: Mapping[str, tuple[float, ...]]
    matched: Mapping[str, Mapping[str, float]]
    near: Sequence[float]
    kin: Sequence[float]

    @classmethod
    def of(cls, sums: Mapping[str, Sequence[float]], jobs: Sequence[Job]) -> Self:
        """Sum up numbers that are given by kernel, one a job."""
        linear = {
            name: tuple(
                math.fsum(parts) for parts in zip(*([weight * each for each in LINEAR[name](job)]
                for weight, job in zip(sums[name], jobs, strict=True)), strict=True)
            )
            for name in LINEAR if name in sums
        }  # fmt: skip
        matched: dict[str, dict[str, float]] = {}
        for name in (each for each in MATCHED if each in sums):
            by_word = matched.setdefault(name, {})
            for weight, job in zip(sums[name], jobs, strict=True):
                word, number = MATCHED[name](job)
                by_word[word] = by_word.get(word, 0.0) + weight * number
        nothing = [0.0] * len(jobs)
        return cls(linear, matched, sums.get("r", nothing), sums.get("f", nothing))


@dataclass(slots=True)
class _Kept:
    """What was worked out once."""

    known: Known | None = None
    terms: dict[str, dict[str, float]] = field(default_factory=dict)
    sums: dict[Place, _Summed] = field(default_factory=dict)
    points: list[tuple[float, ...]] = field(default_factory=list)
    alike: dict[Job, list[float]] = field(default_factory=dict)
    families: dict[str, list[int]] = field(default_factory=dict)
    left: dict[Place, dict[str, float]] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    rows: Counter[Place] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Domain:
    """A fitted Gaussian process.

    Attributes:
        mean: of the logarithms of all latencies over their costs.
        costs: by runtime, and by nothing for all others, what a unit of each part of `Job.work` takes.
        noise: variance of one figure that nothing explains.
        variances: by product of kernels, such as ``rt.s``.
        places: every place measured.
        jobs: every job measured.
        rows: index of place, index of job, weight.
        odd: nets of unknown work that are far from what their size says, and how far; so they mislead no other.
        widths: half of the 90 % interval of the logarithm, by class of evidence.
    """

    mean: float
    costs: Mapping[str, tuple[float, ...]]
    noise: float
    variances: Mapping[str, float]
    places: tuple[Place, ...]
    jobs: tuple[Job, ...]
    rows: tuple[tuple[int, int, float], ...]
    odd: Mapping[str, float]
    widths: Mapping[str, float]
    later: Calibration = Calibration()
    _kept: _Kept = field(default_factory=_Kept, repr=False, compare=False)

    def predict(self, query: Query, job: Job) -> Prediction:
        """Answer ``query``, which asks about ``job``."""
        place = self.meant(query)
        known = self._known()
        guess = self.guess(place, job)
        width = width_of(self.widths, known.of(place, job), place.runtime)
        return Prediction(
            math.exp(guess), math.exp(guess - width), math.exp(guess + width), known.words(place, job)
        )

    def meant(self, query: Query) -> Place:
        """The place of ``query``; a version or threads that it leaves open are those with the most rows.

        Rows of the device itself go first, then those of the runtime anywhere.
        """
        place = Place.of(query)
        open_version = not query.version and query.era is None
        open_threads = query.threads is None and query.processor is Processor.CPU
        if not (open_version or open_threads):
            return place
        if not self._kept.rows:
            self._kept.rows = Counter(self.places[each] for each, _, _ in self.rows) + Counter(
                self.later.places
            )
        rows = self._kept.rows
        fitting = [
            each
            for each in rows
            if each.runtime == place.runtime
            and (open_version or each.source == place.source)
            and (open_threads or each.threads == place.threads)
        ]
        if not fitting:
            return place
        best = max(
            fitting, key=lambda each: (each.device == place.device, rows[each], each.source, each.threads)
        )
        if open_threads:
            place = replace(place, threads=best.threads, team=best.team)
        return replace(place, source=best.source) if open_version else place

    def guess(self, place: Place, job: Job) -> float:
        """The median of the logarithm of the latency."""
        value = self.world(place, job)
        if self.later.pulls:
            pairs = zip(self.later.places, self.later.jobs, self.later.pulls, strict=True)
            value += sum(self.open(place, job, other, does) * pull for other, does, pull in pairs)
        return value

    def world(self, place: Place, job: Job) -> float:
        """The guess from the rows of the fit alone."""
        known = self._summed(place)
        value = self.mean + prior(self.costs, place, job) + self.odd.get(job.net, 0.0)
        for name, sums in known.linear.items():
            value += sum(map(operator.mul, sums, LINEAR[name](job)))
        for name, by_word in known.matched.items():
            word, number = MATCHED[name](job)
            value += by_word.get(word, 0.0) * number
        alike = self._alike(job)
        value += sum(map(operator.mul, known.near, alike))
        kin = self._families().get(job.family, ())
        return float(value + sum(known.kin[each] * alike[each] for each in kin))

    def open(self, place: Place, job: Job, other: Place, does: Job) -> float:
        """Covariance of two latencies that the rows of the fit leave open.

        What places share is settled as far as a measured place is like them; `calibrated` learns the rest.
        """
        mine, theirs = self._left(place), self._left(other)
        total = 0.0
        for name, terms in self._terms().items():
            alike = PLACES[name](place, other) * math.sqrt(mine[name] * theirs[name])
            if alike > 1e-6:  # noqa: PLR2004 - nothing that a latency shows
                total += alike * sum(variance * JOBS[each](job, does) for each, variance in terms.items())
        return total

    def calibrated(self, rows: Iterable[tuple[Place, Job, float]]) -> Self:
        """The same, with further rows: place, job and logarithm of the latency."""
        rows = list(rows)
        places = (*self.later.places, *(place for place, _, _ in rows))
        jobs = (*self.later.jobs, *(job for _, job, _ in rows))
        targets = (*self.later.targets, *(target for _, _, target in rows))
        pairs = list(zip(places, jobs, strict=True))
        table = [[self.open(place, job, *other) for other in pairs] for place, job in pairs]
        for index in range(len(pairs)):
            table[index][index] += self.noise
        surprises = [target - self.world(*pair) for target, pair in zip(targets, pairs, strict=True)]
        pulls = tuple(solved(table, surprises))
        return replace(self, later=Calibration(places, jobs, targets, pulls), _kept=_Kept())

    def _known(self) -> Known:
        if self._kept.known is None:
            rows = [(self.places[place], self.jobs[job]) for place, job, _ in self.rows]
            self._kept.known = Known.of_rows([*rows, *zip(self.later.places, self.later.jobs, strict=True)])
        return self._kept.known

    def _terms(self) -> dict[str, dict[str, float]]:
        if not self._kept.terms:
            for name, variance in self.variances.items():
                place, job = name.split(".")
                self._kept.terms.setdefault(place, {})[job] = variance
        return self._kept.terms

    def _summed(self, place: Place) -> "_Summed":
        if place not in self._kept.sums:
            terms = self._terms()
            alike = {name: [PLACES[name](place, each) for each in self.places] for name in terms}
            factors: dict[str, list[float]] = {}
            for name, variances in terms.items():
                for job, variance in variances.items():
                    before = factors.setdefault(job, [0.0] * len(self.places))
                    factors[job] = [
                        one + variance * each for one, each in zip(before, alike[name], strict=True)
                    ]
            sums = {name: [0.0] * len(self.jobs) for name in factors}
            for name, by_place in factors.items():
                mine = sums[name]
                for where, what, weight in self.rows:
                    mine[what] += by_place[where] * weight
            self._kept.sums[place] = _Summed.of(sums, self.jobs)
        return self._kept.sums[place]

    def _alike(self, job: Job) -> list[float]:
        """How alike the job is to each of those measured."""
        if job not in self._kept.alike:
            if not self._kept.points:
                self._kept.points = [point(each) for each in self.jobs]
            mine = point(job)
            self._kept.alike[job] = [near(mine, each) for each in self._kept.points]
        return self._kept.alike[job]

    def _families(self) -> dict[str, list[int]]:
        """Indices of the jobs measured, by family."""
        if not self._kept.families:
            for index, job in enumerate(self.jobs):
                self._kept.families.setdefault(job.family, []).append(index)
        return self._kept.families

    def _left(self, place: Place) -> dict[str, float]:
        """By kernel of places, the share of its variance that the rows of the fit leave open at ``place``.

        A place as like it as ``r`` (a correlation) with many rows settles the share ``r`` squared.
        """
        if place not in self._kept.left:
            if not self._kept.counts:
                self._kept.counts = [0] * len(self.places)
                for where, _, _ in self.rows:
                    self._kept.counts[where] += 1
            self._kept.left[place] = {name: 1 - self._settled(PLACES[name], place) for name in self._terms()}
        return self._kept.left[place]

    def _settled(self, kernel: PlaceKernel, place: Place) -> float:
        own, most = kernel(place, place), 0.0
        for each, count in zip(self.places, self._kept.counts, strict=True):
            both = kernel(place, each)
            if both:
                most = max(most, both * both / (own * kernel(each, each)) * count / (count + _SETTLED))
        return min(1.0, most)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "mean": self.mean, "costs": {name: list(each) for name, each in self.costs.items()}, "noise": self.noise,
            "variances": dict(self.variances), "odd": dict(self.odd), "widths": dict(self.widths),
            "places": [each.to_list() for each in self.places], "jobs": [each.to_list() for each in self.jobs],
            "rows": [list(each) for each in self.rows],
            "later": [[place.to_list(), job.to_list(), target, pull] for place, job, target, pull in zip(
                self.later.places, self.later.jobs, self.later.targets, self.later.pulls, strict=True)],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        later = data["later"]
        return cls(
            data["mean"], {name: tuple(each) for name, each in data["costs"].items()}, data["noise"], data["variances"],
            tuple(Place(*each) for each in data["places"]), tuple(Job.from_list(each) for each in data["jobs"]),
            tuple((place, job, weight) for place, job, weight in data["rows"]), data["odd"], data["widths"],
            Calibration(
                tuple(Place(*each[0]) for each in later), tuple(Job.from_list(each[1]) for each in later),
                tuple(each[2] for each in later), tuple(each[3] for each in later),
            ),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fitted:
    """Everything that predictions need.

    Attributes:
        domains: by name; see `DOMAINS`.
        own: CPUs that were measured by themselves; they answer for files.
    """

    domains: Mapping[str, Domain]
    own: tuple[Own, ...] = ()

    def predict(self, query: Query) -> Prediction | Unknown:
        """Answer ``query``."""
        for each in self.own:
            if query.workload and query.workload.parts and each.answers(query):
                return each.predict(query.workload.parts)
        name = domain_of(query)
        domain = self.domains.get(name)
        if domain is None:
            where = f"any {query.processor}" if name else f"the {query.processor} of microcontrollers"
            return Unknown(f"no model is fitted for {where}; only what was measured is known of it")
        job = Job.of(query)
        if not job.known and not any(each.net == job.net for each in (*domain.jobs, *domain.later.jobs)):
            return Unknown(f"neither parameters nor MACs are known of '{query.net}', and nobody measured it")
        return domain.predict(query, job)

    def calibrated(self, rows: Iterable[Observation]) -> Self:
        """The same, sharpened by measurements; three to five of a device are enough."""
        found: dict[str, list[tuple[Place, Job, float]]] = {}
        for row in rows:
            point = (Place.of(row.query), Job.of(row.query), math.log(row.latency_ms))
            found.setdefault(domain_of(row.query), []).append(point)
        domains = dict(self.domains)
        for name, points in found.items():
            if name in domains:
                domains[name] = domains[name].calibrated(points)
        return replace(self, domains=domains)

    def knowing(self, own: Iterable[Own]) -> Self:
        """The same, with CPUs that were measured by themselves, each in the place of what was known of it."""
        own = tuple(own)
        same = {(each.device, each.runtime, each.threads, each.precision) for each in own}
        kept = (
            each for each in self.own if (each.device, each.runtime, each.threads, each.precision) not in same
        )
        return replace(self, own=(*kept, *own))

    def to_json(self) -> str:
        """As text; `from_json` is the inverse."""
        data: dict[str, Any] = {name: domain.to_json() for name, domain in self.domains.items()}
        if self.own:
            data["own"] = [each.to_json() for each in self.own]
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        data = json.loads(text)
        own = tuple(Own.from_json(each) for each in data.pop("own", ()))
        return cls({name: Domain.from_json(each) for name, each in data.items()}, own)


def prior(costs: Mapping[str, tuple[float, ...]], place: Place, job: Job) -> float:
    """Logarithm of what the parts of a job take together, in units that no place is known in yet."""
    units = costs.get(place.runtime, costs[""])
    return math.log(sum(unit * part for unit, part in zip(units, job.work, strict=True)))


def domain_of(query: Query) -> str:
    """The domain that a query belongs to; empty where there is none."""
    mcu = query.profile is not None and query.profile.kind is Kind.MCU
    return next(
        (
            name
            for name, processors in DOMAINS.items()
            if query.processor in processors and (name == "mcu") == mcu
        ),
        "",
    )


def solved(table: list[list[float]], right: list[float]) -> list[float]:
    """Solve linear equations with a symmetric positive definite ``table`` (Cholesky)."""
    count = len(right)
    low = [[0.0] * count for _ in range(count)]
    for i in range(count):
        for j in range(i + 1):
            rest = table[i][j] - sum(low[i][k] * low[j][k] for k in range(j))
            low[i][j] = math.sqrt(max(rest, 1e-12)) if i == j else rest / low[j][j]
    middle: list[float] = []
    for i in range(count):
        middle.append((right[i] - sum(low[i][k] * middle[k] for k in range(i))) / low[i][i])
    found = [0.0] * count
    for i in reversed(range(count)):
        found[i] = (middle[i] - sum(low[k][i] * found[k] for k in range(i + 1, count))) / low[i][i]
    return found


def shipped() -> str:
    """The text of the model that this package ships."""
    return (resources.files("prediction") / "data" / "fitted.json").read_text(encoding="utf-8")


@cache
def load() -> Fitted:
    """The model that this package ships."""
    return Fitted.from_json(shipped())
