"""What a model's variants are worth to a whole fleet: which to keep, which to drop, where one is missing.

Pure functions of values. "On a device" always means: under the model's default latency budget, by the same rules
as `registry.choice`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

from device_profiles.profile import DeviceProfile
from registry.candidates import Candidate
from registry.choice import Shelf, line_up
from registry.predictor import Predictor
from registry.ranking import Order, Request, within_a_point
from registry.rules import Budgets, budget_checks, misfits
from registry.values import Model, Variant

EXACT_UP_TO = 20  # variants; above it the cover is greedy
GAP_RATIO = 2.0  # neighbours on the front whose sizes differ more than this leave a gap


@dataclass(frozen=True, slots=True)
class Dominated:
    """A variant that another beats or equals in accuracy, size and on every device where it was measured.

    Attributes:
        variant: the one to drop.
        by: the one that makes it needless.
        twin: whether both are the same net in the same format, at other precisions.
        devices: devices on which their latencies were compared.
    """

    variant: str
    by: str
    twin: bool
    devices: int


@dataclass(frozen=True, slots=True)
class Step:
    """From one variant of the accuracy-size front to the next larger one.

    Attributes:
        smaller: name of the smaller variant.
        larger: name of the larger one.
        accuracy_gain: in the unit of the metric, positive for better.
        size_gain_bytes: bytes more to download.
        latency_gain_ms: median over the devices where both were measured; ``None`` without such a device.
        devices: how many those are.
    """

    smaller: str
    larger: str
    accuracy_gain: float
    size_gain_bytes: int
    latency_gain_ms: float | None
    devices: int

    @property
    def points_per_mb(self) -> float:
        """Accuracy gained per 10^6 bytes."""
        return self.accuracy_gain / (self.size_gain_bytes / 1e6)

    @property
    def points_per_ms(self) -> float | None:
        """Accuracy gained per millisecond; ``None`` where the larger one is not slower or nobody knows."""
        gain = self.latency_gain_ms
        return self.accuracy_gain / gain if gain and gain > 0 else None


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The findings.

    Attributes:
        model: the model.
        cover: the smallest set of variants that gives each covered device an accuracy within reach of its best.
        exact: whether ``cover`` is proven smallest; otherwise it is greedy.
        served_by: for each covered device the variant of ``cover`` that serves it best.
        best: for each covered device its best accuracy under the default budget.
        unserved: devices that have measurements, but none inside the budget with a known accuracy.
        dominated: variants to drop.
        without_twin: float variants whose net has no quantized variant in that format.
        front: the accuracy-size front, smallest first, as steps.
        gaps: the steps of the front whose sizes differ by more than `GAP_RATIO`.
    """

    model: Model
    cover: tuple[str, ...]
    exact: bool
    served_by: Mapping[str, str]
    best: Mapping[str, float]
    unserved: tuple[str, ...]
    dominated: tuple[Dominated, ...]
    without_twin: tuple[str, ...]
    front: tuple[Step, ...]
    gaps: tuple[Step, ...]


Fleet = Mapping[str, tuple[DeviceProfile, Shelf]]


def portfolio(model: Model, fleet: Fleet, within: float, predictor: Predictor | None = None) -> Portfolio:
    """Look at all variants of ``model`` over all devices of ``fleet``.

    Args:
        model: the model.
        fleet: for each device its profile and what is known there.
        within: points of accuracy a device may lose against its own best.
        predictor: see `registry.choice.pick`.
    """
    variants: dict[str, Variant] = {}
    reach: dict[str, dict[str, float]] = {}
    speed: dict[str, dict[str, float]] = {}
    best: dict[str, float] = {}
    unserved = []
    for device, (profile, shelf) in sorted(fleet.items()):
        variants.update(shelf.variants)
        candidates = line_up(shelf, profile, predictor)
        for each in candidates:
            if each.latency:
                times = speed.setdefault(each.variant.name, {})
                times[device] = min(times.get(device, each.latency.high), each.latency.high)
        scored = _scored(model, shelf, profile, candidates)
        if scored:
            best[device] = max(scored.values())
            for name, accuracy in scored.items():
                if within_a_point(model, -accuracy, -best[device], within):
                    reach.setdefault(name, {})[device] = accuracy
        elif candidates:
            unserved.append(device)
    cover, exact = smallest_cover({name: frozenset(devices) for name, devices in reach.items()})
    sign = 1 if model.higher_is_better else -1
    dominated = tuple(_dominated(model, variants, speed))
    front = tuple(_front(model, variants.values(), speed))
    return Portfolio(
        model,
        cover,
        exact,
        {device: max((name for name in cover if device in reach[name]), key=lambda name: (reach[name][device], name))
         for device in best},
        {device: sign * value for device, value in best.items()},
        tuple(unserved),
        dominated,
        tuple(_without_twin(variants.values())),
        front,
        tuple(each for each in front if _size_ratio(each, variants) > GAP_RATIO),
    )  # fmt: skip


def _scored(
    model: Model, shelf: Shelf, profile: DeviceProfile, candidates: Iterable[Candidate]
) -> dict[str, float]:
    """Best accuracy of each variant inside the default budget, signed so that more is better."""
    budgets = Budgets(max_latency_ms=model.default_max_latency_ms)
    checks = budget_checks(budgets, higher_is_better=model.higher_is_better)
    inside = [
        each
        for each in candidates
        if each.accuracy
        and not misfits(each, profile, shelf.needs)
        and all(check(each) is None for check in checks)
    ]
    sign = 1 if model.higher_is_better else -1
    scored: dict[str, float] = {}
    for each in Order(model, Request(budgets)).ranked(inside):
        if each.accuracy:
            value = sign * each.accuracy.value
            scored[each.variant.name] = max(scored.get(each.variant.name, value), value)
    return scored


def smallest_cover(reach: Mapping[str, frozenset[str]]) -> tuple[tuple[str, ...], bool]:
    """The fewest names whose sets together reach everything that any of ``reach`` reaches.

    Returns:
        The names, sorted, and whether that is proven: exact where at most `EXACT_UP_TO` names matter (a name
        that reaches no more than another does not), else greedy.
    """
    names = sorted(reach, key=lambda name: (-len(reach[name]), name))
    useful: list[str] = []
    for name in names:
        if reach[name] and not any(reach[name] <= reach[other] for other in useful):
            useful.append(name)
    everything = frozenset().union(*reach.values()) if reach else frozenset()
    if len(useful) > EXACT_UP_TO:
        return tuple(sorted(_greedy(useful, reach, everything))), False
    for count in range(len(useful) + 1):
        for chosen in combinations(useful, count):
            if frozenset().union(*(reach[name] for name in chosen)) == everything:
                return tuple(sorted(chosen)), True
    raise AssertionError("all names together reach everything")


def _greedy(
    names: Sequence[str], reach: Mapping[str, frozenset[str]], everything: frozenset[str]
) -> list[str]:
    left, chosen = set(everything), []
    while left:
        name = max(names, key=lambda name: (len(reach[name] & left), -names.index(name)))
        chosen.append(name)
        left -= reach[name]
    return chosen


def _value(model: Model, variant: Variant) -> float | None:
    accuracy = variant.accuracy(model)
    if accuracy is None:
        return None
    return accuracy.value if model.higher_is_better else -accuracy.value


def _dominated(
    model: Model, variants: Mapping[str, Variant], speed: Mapping[str, Mapping[str, float]]
) -> Iterable[Dominated]:
    """Each dominated variant with one that dominates it: a twin where there is one, else the most accurate."""
    scored = {name: value for name, each in variants.items() if (value := _value(model, each)) is not None}
    for name in sorted(scored):
        rivals = [
            other
            for other in scored
            if other != name and _beats(variants[other], variants[name], scored, speed)
        ]
        if rivals:
            one = max(
                rivals, key=lambda other: (_twins(variants[other], variants[name]), scored[other], other)
            )
            yield Dominated(name, one, _twins(variants[one], variants[name]), len(speed.get(name, {})))


def _twins(one: Variant, other: Variant) -> bool:
    return one.net == other.net and one.format == other.format and one.precision is not other.precision


def _beats(
    one: Variant, other: Variant, scored: Mapping[str, float], speed: Mapping[str, Mapping[str, float]]
) -> bool:
    mine, theirs = speed.get(one.name, {}), speed.get(other.name, {})
    if one.size_bytes is None or other.size_bytes is None or not theirs or not theirs.keys() <= mine.keys():
        return False
    no_worse = (
        scored[one.name] >= scored[other.name]
        and one.size_bytes <= other.size_bytes
        and all(mine[device] <= time for device, time in theirs.items())
    )
    better = (
        scored[one.name] > scored[other.name]
        or one.size_bytes < other.size_bytes
        or any(mine[device] < time for device, time in theirs.items())
    )
    return no_worse and better


def _without_twin(variants: Iterable[Variant]) -> Iterable[str]:
    variants = list(variants)
    quantized = {(each.net, each.format) for each in variants if each.precision.is_quantized}
    for each in sorted(variants, key=lambda each: each.name):
        if each.precision in {"float32", "float16"} and (each.net, each.format) not in quantized:
            yield each.name


def _front(
    model: Model, variants: Iterable[Variant], speed: Mapping[str, Mapping[str, float]]
) -> Iterable[Step]:
    """Steps along the variants that no other beats in both accuracy and size."""
    known = [
        (each.size_bytes, -value, each)
        for each in variants
        if each.size_bytes and (value := _value(model, each)) is not None
    ]
    front: list[tuple[int, float, Variant]] = []
    for size, loss, each in sorted(known, key=lambda entry: (entry[0], entry[1], entry[2].name)):
        if not front or loss < front[-1][1]:
            front.append((size, loss, each))
    for (small, loss, one), (large, less, other) in pairwise(front):
        mine, theirs = speed.get(one.name, {}), speed.get(other.name, {})
        shared = [theirs[device] - mine[device] for device in mine.keys() & theirs.keys()]
        yield Step(
            one.name, other.name, loss - less, large - small, median(shared) if shared else None, len(shared)
        )


def _size_ratio(step: Step, variants: Mapping[str, Variant]) -> float:
    small, large = variants[step.smaller].size_bytes, variants[step.larger].size_bytes
    return large / small if small and large else 0.0
