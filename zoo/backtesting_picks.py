"""What picks by predicted latencies are worth: accuracy lost and budgets overrun, beside three baselines.

Nets are picked among those of one group: variants of one model, with a known accuracy, that were measured on one device
with one runtime, version, processor and number of threads. None of their predictions has seen the net on the device.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import exp

from device_profiles.matching import distance
from device_profiles.profile import DeviceFacts, DeviceProfile
from prediction.baselines import Sized, by_macs, by_nearest, one_for_all
from prediction.jobs import Job
from prediction.regret import Net, Outcome, Point, Worth, best_within, budgets, curve, outcomes, unbeaten
from registry.reader import Reader
from registry.values import PROPORTIONS, Measurement
from zoo.backtesting import Case, Held, Wanted

PICKED = (Case.NEW_NET, Case.NET_EVERYWHERE)
"""Cases in which nets are picked."""

FEWEST = 10
"""Nets with an accuracy from which on a group counts."""

OVERRUNS, REGRET = 0.05, 1.0
"""The aim: the most picks that overrun, as a share, and the most points of accuracy lost."""

OURS = "predictions"

HIGH_END, VALUE = 1.0, 0.0
"""Cautions of the product: the high end of the 90 % interval, and with ``--optimistic`` the value."""

_CAUTIONS = (
    *(step / 10 for step in range(-60, -5)),
    *(step / 20 for step in range(-10, 20)),
    *(step / 10 for step in range(10, 20)),
    *(step / 2 for step in range(4, 13)),
)
_FACTORS = tuple(1.05**step for step in range(-16, 33))
_SHARES = tuple(step / 20 for step in range(1, 21))

Bounds = Callable[[float], Sequence[float]]


@dataclass(frozen=True)
class Group:
    """Variants of one model in one place.

    Attributes:
        held: one a variant; of several rows the slowest, as the choice has it.
        nets: the same, with accuracies.
    """

    held: tuple[Held, ...]
    nets: tuple[Net, ...]

    @property
    def row(self) -> Measurement:
        """Any row: all have the same place."""
        return self.held[0].row

    @property
    def profile(self) -> DeviceProfile:
        """The device."""
        return self.held[0].profile

    @cached_property
    def sized(self) -> tuple[Sized, ...]:
        """The variants as the baselines see them."""
        jobs = [Job.of(each.observation.query) for each in self.held]
        return tuple(
            Sized(each.variant.name, job.net, job.precision, exp(1.5 * job.size[0]), each.latency_ms)
            for each, job in zip(self.held, jobs, strict=True)
        )

    @cached_property
    def latencies(self) -> Mapping[str, float]:
        """Milliseconds by variant."""
        return {each.variant.name: each.latency_ms for each in self.held}

    def predicted(self, case: Case, caution: float) -> list[float]:
        """What is compared with a budget, in milliseconds, one a variant."""
        return [each.predicted_ms(case, caution) for each in self.held]

    def outcomes(self, case: Case, caution: float) -> list[Outcome]:
        """What comes of picks by predictions."""
        return outcomes(self.nets, self.predicted(case, caution), budgets(self.nets))

    def worth(self, case: Case, caution: float) -> Worth:
        """The same together."""
        return Worth.of(self.outcomes(case, caution))


@dataclass(frozen=True, slots=True)
class Way:
    """A way to guess latencies, with what it is worth from bold to cautious.

    Attributes:
        name: in words.
        plain: the caution at which it is used as it is; ``None`` where there is none.
        points: one a caution.
    """

    name: str
    plain: float | None
    points: tuple[Point, ...]

    @property
    def is_ours(self) -> bool:
        """Whether it is the model."""
        return self.name == OURS

    @property
    def best(self) -> Point | None:
        """The point of least regret with few enough overruns."""
        return best_within(self.points, OVERRUNS)

    def at(self, caution: float) -> Point:
        """The point nearest to a caution."""
        return min(self.points, key=lambda each: abs(each.caution - caution))


@dataclass(frozen=True, slots=True)
class Picks:
    """What picks are worth in one case.

    Attributes:
        case: what was left out.
        groups: those of enough nets.
        guessed: the same with only those variants that the product predicts.
        compared: the same with only those that another device ran, too, with that runtime on that processor: all
            baselines can guess them.
        alone: predictions, on all groups.
        known: predictions, on those that are guessed.
        ways: predictions first, then the baselines, on the groups that are compared.
    """

    case: Case
    groups: tuple[Group, ...]
    guessed: tuple[Group, ...]
    compared: tuple[Group, ...]
    alone: Way
    known: Way
    ways: tuple[Way, ...]

    def unbeaten(self) -> dict[str, tuple[Point, ...]]:
        """By baseline, those of its points that are below our curve."""
        ours, *others = self.ways
        return {each.name: tuple(unbeaten(ours.points, each.points)) for each in others}


def groups(registry: Reader, held: Sequence[Held]) -> list[Group]:
    """Line up the rows that can be picked from."""
    models = {name: each for name, each in registry.models().items() if each.metric in PROPORTIONS}
    parts: dict[tuple[object, ...], dict[str, tuple[Held, Net]]] = defaultdict(dict)
    for each in held:
        row, model = each.row, models.get(each.variant.model)
        known = each.variant.accuracy(model, row.processor, row.device) if model else None
        if known is None or not each.variant.has_trained_weights:
            continue
        place = row.device, row.processor, row.runtime, row.runtime_version, row.era, row.threads, row.cores
        key = each.variant.model, *place
        before = parts[key].get(each.variant.name)
        if before is None or before[0].latency_ms < each.latency_ms:
            parts[key][each.variant.name] = each, Net(each.variant.name, known.value, each.latency_ms)
    return [
        Group(tuple(one for one, _ in part.values()), tuple(net for _, net in part.values()))
        for part in parts.values()
    ]


def picks(every: Sequence[Group], case: Case, wanted: Wanted) -> Picks:
    """Pick from each group, and hold the picks against those from true latencies.

    Args:
        every: all groups, small ones, too: they are other devices to the baselines.
        case: what is left out.
        wanted: which devices count.
    """
    mine = [each for each in every if len(each.nets) >= FEWEST and wanted(each.profile)]
    guessed = [_part(each, lambda held: case in held.guesses) for each in mine]
    guessed = [each for each in guessed if len(each.nets) >= FEWEST]
    compared = []
    for group in guessed:
        others = _others(group, every)
        ran = {name for other in others for name in other}
        shared = _part(group, partial(_is_one_of, ran))
        if len(shared.nets) >= FEWEST:
            compared.append((shared, others))
    return Picks(
        case,
        tuple(mine),
        tuple(guessed),
        tuple(group for group, _ in compared),
        _ours(mine, case),
        _ours(guessed, case),
        (_ours([group for group, _ in compared], case), *_baselines(compared, case)),
    )


def _ours(mine: Sequence[Group], case: Case) -> Way:
    bounds: list[Bounds] = [partial(each.predicted, case) for each in mine]
    return Way(OURS, HIGH_END, tuple(curve([each.nets for each in mine], bounds, _CAUTIONS)))


def _baselines(compared: Sequence[tuple[Group, Sequence[Mapping[str, float]]]], case: Case) -> list[Way]:
    """The baselines; what other devices say of a net is left out where nobody ran it."""
    nets = [group.nets for group, _ in compared]

    def scaled(bounds: Sequence[float]) -> Bounds:
        return lambda factor: [factor * each for each in bounds]

    macs = [scaled(by_macs(group.sized)) for group, _ in compared]
    found = [Way("MACs as proxy", 1.0, tuple(curve(nets, macs, _FACTORS)))]
    if case is Case.NET_EVERYWHERE:
        return found
    same: list[Bounds] = [partial(one_for_all, group.sized, known) for group, known in compared]
    near = [scaled(by_nearest(group.sized, known)) for group, known in compared]
    return [
        *found,
        Way("one variant for all devices", None, tuple(curve(nets, same, _SHARES))),
        Way("nearest device", 1.0, tuple(curve(nets, near, _FACTORS))),
    ]


def _others(group: Group, every: Sequence[Group]) -> list[Mapping[str, float]]:
    """Latencies on the other devices that run the model with this runtime on this processor, the nearest device first.

    Of a device's versions and threads those count that share the most variants, then those with the same threads.
    """
    by_device: dict[str, list[Group]] = defaultdict(list)
    for each in every:
        same = each.row.runtime == group.row.runtime and each.row.processor is group.row.processor
        if (
            same
            and each.profile.id != group.profile.id
            and each.held[0].variant.model == group.held[0].variant.model
        ):
            by_device[each.profile.id].append(each)
    best = [
        max(
            each,
            key=lambda one: (
                len(one.latencies.keys() & group.latencies.keys()),
                one.row.threads == group.row.threads,
                one.row.era or 0,
                one.row.runtime_version,
            ),
        )
        for each in by_device.values()
    ]
    facts = _facts(group.profile)
    chip = group.profile.soc.id
    ranked = sorted(
        best, key=lambda one: (one.profile.soc.id != chip, distance(facts, one.profile), one.profile.id)
    )
    return [each.latencies for each in ranked if each.latencies.keys() & group.latencies.keys()]


def _is_one_of(names: Collection[str], held: Held) -> bool:
    return held.variant.name in names


def _part(group: Group, wanted: Callable[[Held], bool]) -> Group:
    """Only some variants."""
    pairs = [(held, net) for held, net in zip(group.held, group.nets, strict=True) if wanted(held)]
    return Group(tuple(held for held, _ in pairs), tuple(net for _, net in pairs))


def _facts(profile: DeviceProfile) -> DeviceFacts:
    return DeviceFacts(
        kind=profile.kind,
        cpu=profile.clusters,
        gpu=profile.soc.gpu,
        ram_bytes=profile.ram_bytes,
        os=profile.os,
    )
