"""The choice once more, written from the design's text alone: slow, plain, and apart from the code under test.

It shares the values with the code and nothing else. Where the design leaves a tie open, all tied options are right.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from device_profiles.profile import DeviceProfile, Kind, Processor
from registry.choice import Shelf
from registry.ranking import Request
from registry.rules import Budgets
from registry.values import Availability, Evidence, Measurement, Model, Objective, Precision, Variant

Key = tuple[str, Processor | None, str, int | None, str]
UNKNOWN = float("inf")
TRUST = [Evidence.MEASURED, Evidence.FIELD, Evidence.SAME_SOC, Evidence.PREDICTED, Evidence.NONE]


@dataclass(frozen=True)
class Option:
    """One way to serve, with every number that is known of it."""

    key: Key
    variant: Variant
    accuracy: float | None
    proven: bool = False
    era: int | None = None
    value: float | None = None
    high: float | None = None
    evidence: Evidence = Evidence.NONE
    memory: int | None = None
    energy: float | None = None

    @property
    def processor(self) -> Processor | None:
        return self.key[1]

    @property
    def runtime(self) -> str:
        return self.key[2]

    @property
    def threads(self) -> int | None:
        return self.key[3]

    def bound(self, *, optimistic: bool) -> float:
        end = self.value if optimistic else self.high
        return UNKNOWN if end is None else end


@dataclass(frozen=True)
class Answers:
    """Every pick and every runner-up that the design allows."""

    picks: list[Option]
    runners_up: list[Option]
    blind: bool = False


# ---- what there is ------------------------------------------------------------------------------------------------


def options(shelf: Shelf, device: DeviceProfile) -> list[Option]:
    """Every candidate of the shelf: the measured ones, and the ways that nobody measured."""
    usable = [row for row in shelf.rows if row.variant in shelf.variants and not row.excluded]
    found = [
        _measured(shelf, key, [row for row in usable if _key(row) == key])
        for key in {_key(row) for row in usable}
    ]
    have = {each.key[:3] for each in found}
    for variant in shelf.variants.values():
        ways = [each for each in device.supports if each.format == variant.format]
        for way in ways:
            key = (variant.name, way.processor, way.runtime, None, "")
            if key[:3] not in have:
                found.append(Option(key, variant, accuracy(shelf.model, variant, way.processor)))
        if not ways and variant.name not in {name for name, _, _ in have}:
            key = (variant.name, None, "", None, "")
            found.append(Option(key, variant, accuracy(shelf.model, variant, None)))
    return found


def _key(row: Measurement) -> Key:
    return (row.variant, row.processor, row.runtime, row.threads, row.cores)


def _measured(shelf: Shelf, key: Key, rows: list[Measurement]) -> Option:
    trust = min(TRUST.index(row.evidence) for row in rows)
    rows = [row for row in rows if TRUST.index(row.evidence) == trust]
    timed = [row for row in rows if row.latency_ms is not None]
    era = max(row.era or 0 for row in timed or rows)
    rows = [row for row in rows if (row.era or 0) == era]  # one era, for every number
    timed = [row for row in rows if row.latency_ms is not None]
    slower = max(timed, key=lambda row: (_high(row), row.latency_ms), default=None)
    variant = shelf.variants[key[0]]
    ram = [row.ram_bytes for row in rows if row.ram_bytes is not None]
    peak = [row.peak_memory_bytes for row in rows if row.peak_memory_bytes is not None]
    return Option(
        key,
        variant,
        accuracy(shelf.model, variant, key[1]),
        proven=rows[0].evidence is Evidence.MEASURED,
        era=era or None,
        value=slower and slower.latency_ms,
        high=slower and _high(slower),
        evidence=slower.evidence if slower else Evidence.NONE,
        memory=max(ram or peak, default=None),
        energy=max((row.energy_mj for row in rows if row.energy_mj is not None), default=None),
    )


def _high(row: Measurement) -> float:
    return max(each for each in (row.latency_ms, row.high_ms) if each is not None)


def accuracy(model: Model, variant: Variant, processor: Processor | None) -> float | None:
    """The one measured on that processor, if any; then the one of the most samples."""
    known = [
        each for each in variant.accuracies if each.metric == model.metric and each.dataset == model.dataset
    ]
    special = [each for each in known if processor and each.processor is processor]
    general = [each for each in known if each.processor is None or processor is None]
    return max(special or general, key=lambda each: each.samples or 0).value if special or general else None


# ---- what fits ----------------------------------------------------------------------------------------------------


def fits(option: Option, shelf: Shelf, device: DeviceProfile) -> bool:
    variant = option.variant
    if variant.weights == "random" or option.proven:
        return option.proven and variant.weights != "random"
    ways = [each for each in device.supports if each.format == variant.format]
    if option.processor not in {each.processor for each in ways}:
        return False
    used = [each for each in ways if (each.processor, each.runtime) == (option.processor, option.runtime)]
    if used and not any(_takes(each.precisions, each.operators, variant) for each in used):
        return False
    shares = [
        each.operators / each.of_operators
        for each in variant.coverage
        if each.processor is option.processor is not Processor.CPU and each.runtime == option.runtime
    ]
    if shares and max(shares) < 1:
        return False
    return _has_room(option, shelf, device) and _is_new_enough(variant.min_os, device.os)


def _takes(precisions: Iterable[str], operators: Iterable[str], variant: Variant) -> bool:
    precise = not precisions or variant.precision in precisions or variant.precision is Precision.UNKNOWN
    return precise and (not operators or set(variant.operators) <= set(operators))


def _has_room(option: Option, shelf: Shelf, device: DeviceProfile) -> bool:
    name, size = option.variant.name, option.variant.size_bytes or 0
    if device.kind is Kind.MCU:
        ram = option.memory or shelf.needs.ram_bytes.get(name, 0)
        flash = shelf.needs.flash_bytes.get(name, size)
        return ram <= device.memory["sram"] and flash <= device.memory["flash"]
    return device.ram_bytes is None or max(size, option.memory or 0) <= device.ram_bytes


def _is_new_enough(wanted: str, have: str) -> bool:
    if not wanted:
        return True
    return int(re.findall(r"\d+", wanted)[0]) <= int(re.findall(r"\d+", have)[-1])


# ---- what the user lets in ----------------------------------------------------------------------------------------


def inside(option: Option, budgets: Budgets, model: Model, max_latency_ms: float | None) -> bool:
    """Whether every budget holds; a missing number meets none that is set."""
    limits = [
        (max_latency_ms, option.bound(optimistic=budgets.optimistic)),
        (budgets.max_size_bytes, option.variant.size_bytes),
        (budgets.max_memory_bytes, option.memory),
        (budgets.max_energy_mj, option.energy),
    ]
    for most, found in limits:
        if most is not None and (found is None or found > most):
            return False
    if budgets.min_accuracy is not None:
        if option.accuracy is None:
            return False
        ahead = option.accuracy - budgets.min_accuracy
        if (ahead if model.higher_is_better else -ahead) < 0:
            return False
    if budgets.formats and option.variant.format not in budgets.formats:
        return False
    if budgets.processors and option.processor not in budgets.processors:
        return False
    return not budgets.available or option.variant.availability is Availability.HELD


def trusted(option: Option, budgets: Budgets) -> bool:
    return option.value is not None and TRUST.index(option.evidence) <= TRUST.index(budgets.evidence)


def pinned(option: Option, budgets: Budgets) -> bool:
    return (
        budgets.threads is None or option.processor is not Processor.CPU or option.threads == budgets.threads
    )


# ---- what is best -------------------------------------------------------------------------------------------------


def answers(shelf: Shelf, device: DeviceProfile, request: Request) -> Answers:
    """Every answer that the design allows."""
    budgets, model = request.budgets, shelf.model
    maximum = budgets.max_latency_ms or model.default_max_latency_ms
    everything = [each for each in options(shelf, device) if fits(each, shelf, device)]
    good = [
        each
        for each in everything
        if trusted(each, budgets) and pinned(each, budgets) and inside(each, budgets, model, maximum)
    ]
    if good:
        enough = _accurate_enough(good, model, request)
        found = [
            _first_two([(_merit(each, model, request), each) for each in chosen])
            for chosen in _fastest(enough, request)
        ]
        return Answers(
            [one for each in found for one in each.picks], [one for each in found for one in each.runners_up]
        )
    want = any(each.value is not None for each in everything)
    if budgets.max_latency_ms is None and budgets.evidence is Evidence.PREDICTED and not want:
        small = [
            ((each.variant.size_bytes or UNKNOWN, each.variant.digest), each)
            for each in everything
            if each.processor is Processor.CPU and inside(each, budgets, model, None)
        ]
        found = _first_two(small)
        return Answers(found.picks, found.runners_up, blind=bool(small))
    return Answers([], [])


def _loss(option: Option, model: Model) -> float:
    if option.accuracy is None:
        return UNKNOWN
    return -option.accuracy if model.higher_is_better else option.accuracy


def _accurate_enough(good: list[Option], model: Model, request: Request) -> list[Option]:
    best = min(_loss(each, model) for each in good)
    if request.objective is Objective.ACCURACY or request.budgets.min_accuracy is not None or best == UNKNOWN:
        return good
    return [each for each in good if round(_loss(each, model) - best, 6) <= 1]


def _merit(option: Option, model: Model, request: Request) -> tuple[object, ...]:
    bound = option.bound(optimistic=request.budgets.optimistic)
    size = UNKNOWN if option.variant.size_bytes is None else option.variant.size_bytes
    cost = {
        Objective.ACCURACY: 0,
        Objective.LATENCY: bound,
        Objective.SIZE: size,
        Objective.ENERGY: UNKNOWN if option.energy is None else option.energy,
    }[request.objective]
    trust = TRUST.index(option.evidence)
    return (cost, _loss(option, model), trust, bound, size, option.variant.digest)


Ranked = list[tuple[tuple[object, ...], Option]]


def _fastest(good: list[Option], request: Request) -> Iterator[tuple[Option, ...]]:
    """Of several thread counts of one variant, runtime and processor the fastest; of equals the better known.

    Yields:
        Every way to tell apart those that are equally fast and equally well known.
    """
    groups = [[each for each in good if each.key[:3] == key] for key in {each.key[:3] for each in good}]
    fastest = [min(_speed(each, request) for each in group) for group in groups]
    return product(
        *(
            [each for each in group if _speed(each, request) == speed]
            for group, speed in zip(groups, fastest, strict=True)
        )
    )


def _speed(option: Option, request: Request) -> tuple[float, int]:
    return option.bound(optimistic=request.budgets.optimistic), TRUST.index(option.evidence)


def _first_two(ranked: Ranked) -> Answers:
    picks = _best(ranked)
    others = (
        [(merit, each) for merit, each in ranked if each.variant.name != picks[0].variant.name]
        if picks
        else []
    )
    return Answers(picks, _best(others))


def _best(ranked: Ranked) -> list[Option]:
    best = min((merit for merit, _ in ranked), default=None)
    return [each for merit, each in ranked if merit == best]
