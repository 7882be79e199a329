"""How alike two places are, and how alike two jobs are.

The logarithm of a latency is a Gaussian process over (place, job). Its covariance is a sum of products: a kernel of
places times a kernel of jobs times a variance, written ``rt.s``: what nets of this size (``s``) have in common in one
runtime (``rt``). So a device has its own speed, its own trouble with depthwise work, and so on, each as far as its rows
say and no further; where they say nothing, those of its core, its runtime and of all devices are left.
"""

import math
import operator
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


LINEAR: Mapping[str, Callable[[Job], tuple[float, ...]]] = {
    "c": lambda _: (1.0,),
    "s": lambda job: job.size,
    "m": lambda job: tuple(each / math.sqrt(3) for each in job.mix),
    "q": lambda job: (job.bits,),
    "k": lambda job: job.vague,
    "fb": lambda job: (job.falls,),
}
"""Features whose products are a kernel: with many jobs, sums of them are taken once."""

MATCHED: Mapping[str, Callable[[Job], tuple[str, float]]] = {
    "net": lambda job: (job.net, 1.0),
    "nq": lambda job: (f"{job.net} {job.precision}", 1.0),
    "nqq": lambda job: (job.net, job.bits),
}
"""A word, and a number whose products are the kernel of jobs with the same word."""


def point(job: Job) -> tuple[float, ...]:
    """Where a job lies among all: size, mix, precision and what is unknown of it, each in lengths of its kernel."""
    macs, params, pixels = job.size
    return (macs / 0.9, params / 1.2, pixels, *(each / 1.5 for each in job.mix), *job.vague, job.bits)


def near(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    """How alike the jobs at two points are."""
    return math.exp(-(math.dist(one, two) ** 2) / 2)


def _linear(name: str) -> JobKernel:
    of = LINEAR[name]
    return lambda one, two: sum(map(operator.mul, of(one), of(two)))


def _matched(name: str) -> JobKernel:
    of = MATCHED[name]

    def kernel(one: Job, two: Job) -> float:
        (mine, value), (theirs, other) = of(one), of(two)
        return value * other if mine == theirs else 0.0

    return kernel


JOBS: Mapping[str, JobKernel] = {
    **{name: _linear(name) for name in LINEAR},
    **{name: _matched(name) for name in MATCHED},
    "r": lambda one, two: near(point(one), point(two)),
    "f": lambda one, two: near(point(one), point(two)) if one.family == two.family else 0.0,
}
"""``c``: any; ``s``: size; ``m``: mix of kinds; ``q``: precision; ``k``: what is unknown; ``r``: alike in all of
these; ``f``: and of one family; ``net``: the same net; ``nq``: in the same precision; ``nqq``: how precision tells on
it; ``fb``: falls back to the CPU."""
