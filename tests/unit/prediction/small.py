"""A small fitted domain, solved in plain Python: two phones and a board, MobileNets of all widths, one runtime."""

import itertools
import math
from dataclasses import replace

from device_profiles.profile import CpuCluster, DeviceProfile, Kind, Processor, Soc, Tier
from prediction.jobs import Job
from prediction.kernels import JOBS, PLACES
from prediction.model import Domain, Fitted, prior, solved
from prediction.places import Place
from prediction.query import Query

VARIANCES = {
    "one.c": 1.0, "one.s": 0.3, "one.f": 0.2, "hl.c": 0.5, "chip.c": 0.3, "dev.c": 0.2, "dev.s": 0.01, "mach.r": 0.01,
    "grp.c": 0.01,
}  # fmt: skip
NOISE = 0.002
WIDTHS = {
    "many-near": 0.1,
    "few-near": 0.2,
    "kin-same": 0.3,
    "facts-same": 0.4,
    "facts-work": 0.8,
    "many-same": 0.1,
}
SPEEDS = {"fast": 1.0, "slow": 4.0}


def profile(name, core="Cortex-A76", clock=2_000_000_000):
    soc = Soc(f"soc-{name}", f"Chip {name}", year=2019, cpu=(CpuCluster(4, core, clock),))
    return DeviceProfile(name, name, Kind.PHONE, Tier.MID, soc)


PROFILES = {
    "fast": profile("fast"),
    "slow": profile("slow", "Cortex-A53", 1_500_000_000),
    "new": profile("new", clock=2_400_000_000),
}


def query(device="fast", alpha=1.0, resolution="224", **other):
    asked = Query(
        "mobilenet-v1", "mobilenet-v1", Processor.CPU, "tflite", alpha, resolution, device=device,
        profile=PROFILES.get(device), era=2020, threads=1, cores="1 big",
    )  # fmt: skip
    return replace(asked, **other)


def truth(asked, factor=1.0):
    """Milliseconds: a speed of the device times the MACs, with a floor."""
    area = (int(asked.resolution) / 224) ** 2
    return factor * (0.3 + 20 * asked.alpha**2 * area)


def domain(points):
    """Condition on ``points``: queries and their latencies."""
    places = tuple(dict.fromkeys(Place.of(asked) for asked, _ in points))
    jobs = tuple(dict.fromkeys(Job.of(asked) for asked, _ in points))
    costs = {"": (1.0,) * 7}
    rows = [(places.index(Place.of(asked)), jobs.index(Job.of(asked))) for asked, _ in points]
    targets = [math.log(value) - prior(costs, Place.of(asked), Job.of(asked)) for asked, value in points]
    mean = sum(targets) / len(targets)
    table = [[_covariance(places[a], jobs[b], places[c], jobs[d]) for c, d in rows] for a, b in rows]
    for index in range(len(rows)):
        table[index][index] += NOISE
    weights = solved(table, [target - mean for target in targets])
    kept = tuple((place, job, weight) for (place, job), weight in zip(rows, weights, strict=True))
    return Domain(mean, costs, NOISE, VARIANCES, places, jobs, kept, {}, WIDTHS)


def _covariance(place, job, other, does):
    total = 0.0
    for name, variance in VARIANCES.items():
        one, two = name.split(".")
        total += variance * PLACES[one](place, other) * JOBS[two](job, does)
    return total


def fitted(devices=("fast", "slow")):
    grid = itertools.product(devices, (0.25, 0.5, 0.75, 1.0), ("128", "160", "192", "224"))
    asked = [query(device, alpha, size) for device, alpha, size in grid]
    return Fitted({"cpu": domain([(each, truth(each, SPEEDS[each.device])) for each in asked])})
