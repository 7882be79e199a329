"""What a prediction rests on: how well a place and a job are known. Intervals are kept for each of these classes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prediction.jobs import Job
from prediction.kernels import JOBS
from prediction.places import Place

MANY = 8
"""Rows of a group from which on it counts as calibrated."""

_NEAR = 0.5
_WIDEST = 3.0


@dataclass(frozen=True, slots=True)
class Basis:
    """A class of evidence.

    Attributes:
        place: ``many`` rows of this very group, ``few`` of it or of its machine, ``kin``: the device with another
            runtime or another device with its chip, ``facts`` alone.
        job: ``same`` net and precision with this runtime elsewhere, ``net`` in another precision or runtime, ``near``
            relative measured on this machine, ``family`` measured anywhere, ``work`` known, ``vague`` else.
    """

    place: str
    job: str

    def __str__(self) -> str:
        """The key of tables."""
        return f"{self.place}-{self.job}"


@dataclass(slots=True)
class Known:
    """Counts of what was measured; `of` says what a query would rest on."""

    groups: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    machines: dict[tuple[str, str], Counter[Job]] = field(default_factory=dict)
    devices: Counter[str] = field(default_factory=Counter)
    chips: Counter[str] = field(default_factory=Counter)
    nets: dict[str, Counter[str]] = field(default_factory=dict)
    works: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of_rows(cls, rows: Iterable[tuple[Place, Job]]) -> "Known":
        """Count ``rows``."""
        known = cls()
        for place, job in rows:
            known.add(place, job)
        return known

    def add(self, place: Place, job: Job, times: int = 1) -> None:
        """Count one row; ``times`` -1 takes it off again."""
        self.groups[_group(place)] += times
        self.machines.setdefault(place.machine, Counter())[job] += times
        self.devices[place.device] += times
        self.chips[_chip(place)] += times
        self.nets.setdefault(job.net, Counter())[place.device] += times
        self.works[job.net, job.precision, place.runtime] += times
        self.families[job.family] += times

    def of(self, place: Place, job: Job) -> Basis:
        """What a prediction of ``job`` at ``place`` rests on."""
        return Basis(self._place(place), self._job(place, job))

    def words(self, place: Place, job: Job) -> str:
        """The same for people."""
        rows, basis = self.groups[_group(place)], self.of(place, job)
        here = {
            "many": f"{rows} measurements of this device, runtime and processor",
            "few": f"{rows or 'no'} measurements with these threads, "
            f"{len(self._here(place))} nets on this device and runtime",
            "kin": f"{self.devices[place.device]} measurements of this device with other runtimes"
            if self.devices[place.device]
            else f"{self.chips[_chip(place)]} measurements of other devices with its chip",
            "facts": "hardware facts alone",
        }[basis.place]
        others = len(self._devices(job) - {place.device})
        what = {
            "same": f"the same net on {others} other devices",
            "net": f"the net in other precisions or runtimes, on {others} other devices",
            "near": "near relatives of the net on this device",
            "family": f"{self.families[job.family]} measurements of the net's family",
            "work": "the net's workload",
            "vague": "what little is known of the net's size",
        }[basis.job]
        return f"{here}; {what}"

    def _place(self, place: Place) -> str:
        rows = self.groups[_group(place)]
        if rows >= MANY:
            return "many"
        if rows or self._here(place):
            return "few"
        return "kin" if self.devices[place.device] or self.chips[_chip(place)] else "facts"

    def _job(self, place: Place, job: Job) -> str:
        if self.works[job.net, job.precision, place.runtime]:
            return "same"
        if self._devices(job):
            return "net"
        if any(JOBS["f"](job, each) > _NEAR for each in self._here(place)):
            return "near"
        if self.families[job.family]:
            return "family"
        return "vague" if job.vague[2] else "work"

    def _here(self, place: Place) -> list[Job]:
        return [job for job, count in self.machines.get(place.machine, {}).items() if count > 0]

    def _devices(self, job: Job) -> set[str]:
        return {device for device, count in self.nets.get(job.net, {}).items() if count > 0}


def width_of(known: Mapping[str, float], basis: Basis | str, runtime: str) -> float:
    """Half of the 90 % interval of the logarithm for a class of evidence, of this runtime where enough is known of it.

    Args:
        known: widths by class, and by runtime and class.
        basis: the class.
        runtime: with the processor, such as ``tflite cpu``.
    """
    return known.get(f"{runtime} {basis}", known.get(str(basis), _WIDEST))


def _group(place: Place) -> tuple[str, str, str]:
    return place.device, place.source, place.threads


def _chip(place: Place) -> str:
    return f"{place.soc} {place.runtime}" if place.soc else f"{place.device} {place.runtime}"
