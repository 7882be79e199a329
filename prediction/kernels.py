"""How alike two places are, and how alike two jobs are.

The logarithm of a latency is a Gaussian process over (place, job). Its covariance is a sum of products: a kernel of
places times a kernel of jobs times a variance, written ``rt.s``: what nets of this size (``s``) have in common in one
runtime (``rt``). So a device has its own speed, its own trouble with depthwise work, and so on, each as far as its rows
say and no further; where they say nothing, those of its core, its runtime and of all devices are left.
"""

import math
from collections.abc import Callable, Mapping

from prediction.jobs import Job
from prediction.places import Place

PlaceKernel = Callable[[Place, Place], float]
JobKernel = Callable[[Job, Job], float]


def _hardware(one: Place, two: Place) -> float:
    far = ((one.clock - two.clock) / 0.4) ** 2 + ((one.team - two.team) / 0.7) ** 2
    far += (one.year - two.year) ** 2 + (one.slow - two.slow) ** 2
    return math.exp(-far / 2)


def _trend(one: Place, two: Place) -> float:
    return one.clock * two.clock + one.team * two.team + one.year * two.year


PLACES: Mapping[str, PlaceKernel] = {
    "one": lambda _, __: 1.0,
    "rt": lambda one, two: float(one.runtime == two.runtime),
    "src": lambda one, two: float(one.source == two.source),
    "hw": _hardware,
    "hl": _trend,
    "breed": lambda one, two: float(one.breed == two.breed),
    "chip": lambda one, two: float(one.chip == two.chip != ""),
    "soc": lambda one, two: float(one.soc == two.soc != ""),
    "th": lambda one, two: float(one.threads == two.threads),
    "rtchip": lambda one, two: float(one.runtime == two.runtime and one.chip == two.chip != ""),
    "rtbreed": lambda one, two: float(one.runtime == two.runtime and one.breed == two.breed != ""),
    "rthw": lambda one, two: _hardware(one, two) if one.runtime == two.runtime else 0.0,
    "rtth": lambda one, two: float(one.runtime == two.runtime and one.threads == two.threads),
    "dev": lambda one, two: float(one.device == two.device != ""),
    "mach": lambda one, two: float(one.device == two.device != "" and one.source == two.source),
    "grp": lambda one, two: float(
        one.device == two.device != "" and one.source == two.source and one.threads == two.threads
    ),
}
"""``one``: everywhere; ``rt``: the same runtime on the same processor; ``src``: in the same version; ``hw``: alike in
clock, threads, year and issue of instructions; ``hl``: a trend over those; ``breed``, ``chip``, ``soc``, ``th``,
``dev``: the same; ``mach``: the same device and version; ``grp``: the same threads, too."""


def _apart(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, two, strict=True))


def _dot(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(one, two, strict=True))


def _net(one: Job, two: Job) -> float:
    """Apart in all but precision."""
    (a, b, c), (d, e, f) = one.size, two.size
    far = ((a - d) / 0.9) ** 2 + ((b - e) / 1.2) ** 2 + (c - f) ** 2
    return far + _apart(one.mix, two.mix) / 2.25 + _apart(one.vague, two.vague)


def _near(one: Job, two: Job) -> float:
    return math.exp(-(_net(one, two) + (one.bits - two.bits) ** 2) / 2)


def _kin(one: Job, two: Job) -> float:
    return _near(one, two) if one.family == two.family else 0.0


JOBS: Mapping[str, JobKernel] = {
    "c": lambda _, __: 1.0,
    "s": lambda one, two: _dot(one.size, two.size),
    "m": lambda one, two: _dot(one.mix, two.mix) / 3,
    "q": lambda one, two: one.bits * two.bits,
    "k": lambda one, two: _dot(one.vague, two.vague),
    "r": _near,
    "f": _kin,
    "net": lambda one, two: float(one.net == two.net),
    "nq": lambda one, two: float(one.net == two.net and one.precision == two.precision),
    "nqq": lambda one, two: one.bits * two.bits if one.net == two.net else 0.0,
    "fb": lambda one, two: one.falls * two.falls,
}
"""``c``: any; ``s``: size; ``m``: mix of kinds; ``q``: precision; ``k``: what is unknown; ``r``: alike in all of
these; ``f``: and of one family; ``net``: the same net; ``nq``: in the same precision; ``nqq``: how precision tells on
it; ``fb``: falls back to the CPU."""
