"""Finds the device that a name or a set of facts means, and says by what it was found.

The order is id, alias, SoC, nearest by facts. Case, spaces and punctuation do not matter, except that ``+``
counts as the word "plus". A SoC matches by whole tokens: "845" is Snapdragon 845 and never QCS8450.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from device_profiles.profile import CpuCluster, DeviceFacts, DeviceProfile
from zoo.errors import AmbiguousNameError, UnknownNameError

_PART_NUMBER_DIGITS = 3  # as in 845, sdm845, gs101
_UNKNOWN_COSTS = 1.0  # as much as an octave: a profile of which less is known is not nearer for it


class MatchedBy(StrEnum):
    """What a device was found by; ``facts`` means it is only the nearest one known."""

    ID = "id"
    ALIAS = "alias"
    SOC = "soc"
    FACTS = "facts"


@dataclass(frozen=True, slots=True)
class DeviceName:
    """One name of one device.

    Attributes:
        name: as written in the profile.
        by: what kind of name it is: id, alias or SoC.
        device: id of the device that bears it.
        soc: id of the SoC, where it is the SoC's name; empty otherwise.
    """

    name: str
    by: MatchedBy
    device: str
    soc: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A device that was found.

    Attributes:
        device: its id.
        by: what it was found by.
        others: ids that the same name would also have meant (devices with the same SoC).
    """

    device: str
    by: MatchedBy
    others: tuple[str, ...] = ()


def normalised(text: str) -> str:
    """Return ``text`` in lower case with letters and digits only; ``+`` becomes "plus"."""
    return "".join(tokens(text))


def tokens(text: str) -> tuple[str, ...]:
    """Split ``text`` into its runs of letters and digits, in lower case; ``+`` belongs to its run."""
    return tuple(re.findall(r"[^\W_]+", text.casefold().replace("+", "plus ")))


def names_of(profile: DeviceProfile) -> list[DeviceName]:
    """Every name that ``profile`` can be found by."""
    own = [profile.name, *profile.aliases]
    chip = [profile.soc.id, profile.soc.name, *profile.soc.aliases]
    return [
        DeviceName(profile.id, MatchedBy.ID, profile.id),
        *(DeviceName(each, MatchedBy.ALIAS, profile.id) for each in dict.fromkeys(own)),
        *(DeviceName(each, MatchedBy.SOC, profile.id, profile.soc.id) for each in dict.fromkeys(chip)),
    ]


def match_name(text: str, names: Sequence[DeviceName], rows: Mapping[str, int] | None = None) -> Match:
    """Find the device that ``text`` means.

    Args:
        text: what the user or the device said.
        names: every name of every device.
        rows: number of measurements by device id; where only the SoC matches, the best measured device with
            that SoC stands for it.

    Raises:
        AmbiguousNameError: an alias of several devices, or a text that means several SoCs.
        UnknownNameError: nothing matches.
    """
    wanted = normalised(text)
    for by in (MatchedBy.ID, MatchedBy.ALIAS):
        found = sorted({each.device for each in names if each.by is by and normalised(each.name) == wanted})
        if len(found) > 1:
            raise AmbiguousNameError("device", text, found)
        if found:
            return Match(found[0], by)
    devices = _with_soc(text, [each for each in names if each.by is MatchedBy.SOC])
    if not devices:
        known = {each.name: each.device for each in names if each.by is not MatchedBy.SOC}
        raise UnknownNameError("device", text, known, advice="List them with: zoo devices")
    rows = rows or {}
    best = min(devices, key=lambda each: (-rows.get(each, 0), each))
    return Match(best, MatchedBy.SOC, tuple(each for each in devices if each != best))


def _with_soc(text: str, names: Sequence[DeviceName]) -> list[str]:
    """Ids of the devices whose SoC ``text`` names, sorted; the name with the fewest other tokens counts.

    Raises:
        AmbiguousNameError: several SoCs are named equally well.
    """
    wanted = frozenset(tokens(text))
    extra: dict[str, int] = {}
    for each in names:
        bearing = frozenset(tokens(each.name))
        if normalised(each.name) == normalised(text):
            extra[each.soc] = 0
        elif (wanted <= bearing and _telling(wanted)) or (bearing <= wanted and _telling(bearing)):
            extra[each.soc] = min(extra.get(each.soc, len(bearing ^ wanted)), len(bearing ^ wanted))
    best = sorted(soc for soc, count in extra.items() if count == min(extra.values()))
    if len(best) > 1:
        raise AmbiguousNameError("SoC", text, best)
    return sorted({each.device for each in names if each.soc in best})


def _telling(words: frozenset[str]) -> bool:
    """Whether part of a name is enough: "snapdragon" names no chip, nor does "8", nor the A13 of a Galaxy A13."""
    digits = [sum(map(str.isdigit, word)) for word in words]
    return max(digits, default=0) >= _PART_NUMBER_DIGITS or (len(words) > 1 and any(digits))


def match_facts(
    facts: DeviceFacts, profiles: Iterable[DeviceProfile], rows: Mapping[str, int] | None = None
) -> Match:
    """Find the device that ``facts`` describe, else the nearest one.

    Args:
        facts: what is known.
        profiles: the devices to choose from.
        rows: see `match_name`.

    Raises:
        UnknownNameError: neither a name nor the chip is known, and no other fact was given to compare; or there
            is no device of that kind at all.
    """
    profiles = list(profiles)
    names = [name for profile in profiles for name in names_of(profile)]
    for text in (*facts.names, facts.soc_name):
        if text:
            try:
                return match_name(text, names, rows)
            except (UnknownNameError, AmbiguousNameError):
                continue
    if not (facts.clusters or facts.ram_bytes or facts.memory):
        unknown = next((text for text in (*facts.names, facts.soc_name) if text), "without a name")
        known = {each.name: each.device for each in names if each.by is not MatchedBy.SOC}
        raise UnknownNameError("device", unknown, known, advice="Give more facts: cpu, ram_bytes or memory")
    alike = [each for each in profiles if facts.kind in (None, each.kind)]
    if not alike:
        raise UnknownNameError("kind of device", str(facts.kind), [])
    nearest = min(alike, key=lambda each: (distance(facts, each), each.id))
    return Match(nearest.id, MatchedBy.FACTS)


def distance(facts: DeviceFacts, profile: DeviceProfile) -> float:
    """How unlike a profile is to ``facts``: 0 is alike, and facts that were not given count nothing.

    Octaves of clock, cores and memory; one for another kind of core, another system, and for each fact that the
    profile lacks; half of one for another GPU. A rule of thumb that decides only which profile stands in for an
    unknown device, never a number.
    """
    total = 0.0
    mine, theirs = _fastest(facts.clusters), _fastest(profile.clusters)
    if mine and theirs:
        total += 0.0 if _same_core(mine.core, theirs.core) else 1.0
        total += _octaves(mine.clock_hz, theirs.clock_hz)
        total += 0.5 * _octaves(
            sum(each.cores for each in facts.clusters), sum(each.cores for each in profile.clusters)
        )
    elif mine:
        total += _UNKNOWN_COSTS
    total += 0.5 * _octaves(facts.ram_bytes, profile.ram_bytes)
    for region, size in facts.memory.items():
        total += 0.5 * _octaves(size, profile.memory.get(region))
    if facts.gpu and normalised(facts.gpu) != normalised(profile.soc.gpu):
        total += 0.5
    if facts.os and tokens(facts.os)[:1] != tokens(profile.os)[:1]:
        total += 1.0
    return total


def _fastest(clusters: Sequence[CpuCluster]) -> CpuCluster | None:
    return max(clusters, key=lambda each: each.clock_hz or 0, default=None)


def _same_core(one: str, other: str) -> bool:
    words = frozenset(tokens(one)) & frozenset(tokens(other))
    return normalised(one) == normalised(other) or bool(words - {"cortex", "kryo", "arm", "gold", "prime"})


def _octaves(given: int | None, known: int | None) -> float:
    """How many times one must be doubled to make the other; a fact that was not given counts nothing."""
    if not given:
        return 0.0
    return abs(math.log2(given) - math.log2(known)) if known else _UNKNOWN_COSTS
