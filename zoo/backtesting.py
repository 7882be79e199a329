"""What predictions of latencies are worth, as values: rows of the fit, each predicted without itself.

`zoo.backtesting_rows` makes them; what follows for picks is in `zoo.backtesting_picks`.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from device_profiles.profile import DeviceProfile, Kind, Processor
from registry.values import Measurement, Variant

if TYPE_CHECKING:
    from prediction.query import Observation
    from prediction.repeats import Noise
    from prediction.trial import Guess, Summary


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
        """The prediction; caution 1 is the high end of its 90 % interval, -1 the low end; infinite if refused."""
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
        return sum(
            wanted(each.profile) and any(case not in each.guesses for case in asked) for each in self.held
        )

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
        from prediction.trial import Summary  # noqa: PLC0415 - only who asks pays for it

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
