"""What predictions of latencies are worth: every row of the fit, predicted without itself.

The registry's model is asked with a block of rows left out, which is exact (`prediction.validation`); nothing is fitted
again. What follows for picks is in `zoo.backtesting_picks`.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from device_profiles.profile import DeviceProfile, Kind, Processor
from registry.reader import Reader
from registry.values import Measurement, Variant
from zoo.errors import needing
from zoo.predictor import Predictions

if TYPE_CHECKING:
    from prediction.backtesting import Guess, Summary
    from prediction.model import Domain
    from prediction.places import Place
    from prediction.query import Observation
    from prediction.repeats import Noise


class Case(StrEnum):
    """What is left out; see `CASES`."""

    NEW_NET = "new-net"
    NET = "net"
    NET_EVERYWHERE = "net-everywhere"
    FAMILY = "family"
    FAMILY_EVERYWHERE = "family-everywhere"
    MACHINE = "machine"
    DEVICE = "device"
    DEVICE_5 = "device-5"


CASES = {
    Case.NEW_NET: "a net that the device never ran, in any precision, runtime or version; others may have",
    Case.NET: "a net that the device never ran with this runtime and version",
    Case.NET_EVERYWHERE: "a net that no device ever ran (leave one model out)",
    Case.FAMILY: "a family of nets that the device never ran with this runtime and version",
    Case.FAMILY_EVERYWHERE: "a family of nets that no device ever ran (leave one family out)",
    Case.MACHINE: "a runtime and version that the device never ran",
    Case.DEVICE: "a device that nobody measured, from its facts alone (leave one device out)",
    Case.DEVICE_5: "a device of which five rows are known",
}
"""In words."""

_MEASURED = ("-same", "-net")  # classes of evidence that say that somebody measured the net

Watch = Callable[[str], None]
Wanted = Callable[[DeviceProfile], bool]
"""Whether a device counts."""


def is_phone(profile: DeviceProfile) -> bool:
    """Whether a device is a phone or a tablet."""
    return profile.kind in {Kind.PHONE, Kind.TABLET}



@dataclass(frozen=True, slots=True)
class Held:
    """A measured row, and what was predicted of it without it.

    Attributes:
        row: the measurement.
        latency_ms: what was measured, in milliseconds.
        variant: what ran.
        profile: where.
        guesses: by case; none where the product refuses to predict, because neither parameters nor MACs are known of a
            net that, without the rows left out, nobody measured.
    """

    row: Measurement
    latency_ms: float
    variant: Variant
    profile: DeviceProfile
    guesses: Mapping[str, "Guess"]

    @property
    def observation(self) -> "Observation":
        """The row as the model knows it."""
        from prediction.query import Observation  # noqa: PLC0415 - only who asks pays for it
        from prediction.words import query_of_measurement  # noqa: PLC0415

        return Observation(query_of_measurement(self.variant, self.row, self.profile), self.latency_ms)

    def predicted_ms(self, case: str, caution: float = 0.0) -> float:
        """The prediction; with caution 1 the high end of its 90 % interval, with -1 the low end; infinite where refused."""
        guess = self.guesses.get(case)
        if guess is None:
            return math.inf
        return self.latency_ms * math.exp(caution * guess.width - guess.trial.error)


@dataclass(frozen=True, slots=True)
class Backtest:
    """Everything that was predicted.

    Attributes:
        held: every row.
        cases: those asked about.
        noise: what repeated figures of phones say, by processor.
    """

    held: tuple[Held, ...]
    cases: tuple[Case, ...]
    noise: Mapping[Processor, "Noise"]

    def refused(self, wanted: Wanted) -> int:
        """How many rows are refused in some case that was asked about."""
        asked = [each for each in self.cases if each is not Case.DEVICE_5]
        return sum(wanted(each.profile) and any(case not in each.guesses for case in asked) for each in self.held)

    def by_processor(self, wanted: Wanted) -> list["Line"]:
        """Errors by case and processor, of the devices that are wanted."""
        return self._lines(lambda _: "", wanted)

    def by_runtime(self, wanted: Wanted) -> list["Line"]:
        """Errors by case, processor and runtime."""
        return self._lines(lambda each: each.row.runtime, wanted)

    def by_device(self, wanted: Wanted) -> list["Line"]:
        """Errors by case, processor and device."""
        return self._lines(lambda each: each.profile.id, wanted)

    def _lines(self, name: Callable[[Held], str], wanted: Wanted) -> list["Line"]:
        from prediction.backtesting import Summary  # noqa: PLC0415 - only who asks pays for it

        parts: dict[tuple[Processor, str], list[Held]] = defaultdict(list)
        for each in self.held:
            if wanted(each.profile):
                parts[each.row.processor, name(each)].append(each)
        found = []
        for case in self.cases:
            for (processor, called), held in sorted(parts.items()):
                guesses = [each.guesses[case] for each in held if case in each.guesses]
                if guesses:
                    found.append(Line(case, processor, called, Summary.of(case, called, guesses)))
        return found


@dataclass(frozen=True, slots=True)
class Line:
    """Errors of one group of rows.

    Attributes:
        case: what was left out.
        processor: where the rows ran.
        name: of the runtime or device; empty where all are together.
        summary: the errors.
    """

    case: Case
    processor: Processor
    name: str
    summary: "Summary"


def backtest(registry: Reader, cases: Sequence[Case], processors: Collection[Processor], watch: Watch) -> Backtest:
    """Predict every row that the registry's model was fitted to, without it.

    Args:
        registry: whose model and measurements count.
        cases: which to tell; none means all.
        processors: only these; none means all.
        watch: told what is done next.

    Raises:
        MissingExtraError: numpy or scipy is not installed.
        RegistryError: the registry has no model, or lacks rows that it was fitted to.
    """
    with needing("predict", "backtesting"):
        from prediction.model import DOMAINS  # noqa: PLC0415 - only who asks pays for it
        from prediction import holding_back  # noqa: F401, PLC0415
    rows, held = _rows(registry), []
    for name, domain in Predictions(registry).fitted.domains.items():
        if not processors or set(processors) & set(DOMAINS[name]):
            watch(f"leaving rows out: {name}")
            held += _held(domain, [each for each in rows if each.row.processor in DOMAINS[name]])
    asked = [each for each in held if not processors or each.row.processor in processors]
    return Backtest(tuple(asked), tuple(cases or Case), _noise(asked))


def _rows(registry: Reader) -> list[Held]:
    """Every row with a latency, not yet predicted."""
    variants = registry.variants(specs=False)
    profiles = {each.id: each for each in registry.devices()}
    return [
        Held(row, row.latency_ms, variants[row.variant], profiles[row.device], {})
        for row in registry.measurements()
        if row.latency_ms and not row.excluded
    ]


def _held(domain: "Domain", rows: Sequence[Held]) -> list[Held]:
    """The rows of ``domain`` with their guesses."""
    from prediction.backtesting import guesses  # noqa: PLC0415 - only who asks pays for it
    from prediction.holding_back import fitted_rows, held_back  # noqa: PLC0415
    from prediction.jobs import Job  # noqa: PLC0415

    observations = [each.observation for each in rows]
    chosen = fitted_rows(domain, observations)
    sizes = {index: Job.of(observations[index].query).known for index in chosen}
    found: dict[int, dict[str, Guess]] = defaultdict(dict)
    for each in guesses(held_back(domain, [observations[index] for index in chosen])):
        index = chosen[each.trial.row]
        if sizes[index] or each.trial.basis.endswith(_MEASURED):
            found[index][each.trial.case] = each
    return [replace(rows[index], guesses=found[index]) for index in chosen]


def _noise(held: Iterable[Held]) -> dict[Processor, "Noise"]:
    from prediction.places import Place  # noqa: PLC0415 - only who asks pays for it
    from prediction.repeats import Noise, differences  # noqa: PLC0415

    parts: dict[Processor, list[tuple[Place, str, float]]] = defaultdict(list)
    for each in held:
        if is_phone(each.profile):
            place = Place.of(each.observation.query)
            parts[each.row.processor].append((place, each.variant.name, each.latency_ms))
    return {name: Noise.of(differences(rows)) for name, rows in sorted(parts.items())}
