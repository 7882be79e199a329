"""What a device and a user demand of a candidate, and what breaks it.

A broken rule is a value (rule, found, wanted); it becomes words only when somebody reads it. One source serves
the check, the message, the documentation and the tests.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from device_profiles.profile import DeviceProfile, Kind, Support
from registry.candidates import Candidate
from registry.values import Availability, Evidence, Processor
from zoo.errors import UsageError

MISSING = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a candidate breaks.

    Attributes:
        rule: name of the rule.
        found: what the candidate has; ``None`` where nobody knows.
        wanted: what the rule wants.
        detail: what else the words need, such as the low end of a latency.
    """

    rule: str
    found: object
    wanted: object
    detail: object = None

    def __str__(self) -> str:
        """Render as one phrase."""
        return RULES[self.rule].says(self)


@dataclass(frozen=True, slots=True)
class Rule:
    """One demand.

    Attributes:
        name: short and unique; for a budget the name of the field of `Budgets`.
        text: the demand as users read it.
        says: renders a broken rule as one phrase.
    """

    name: str
    text: str
    says: Callable[[Broken], str]


@dataclass(frozen=True, slots=True)
class Budgets:
    """Limits that the user sets; ``None`` or empty sets none.

    Attributes:
        max_latency_ms: milliseconds an inference.
        max_size_bytes: length of the file to download.
        max_memory_bytes: peak memory, or RAM on a microcontroller.
        max_energy_mj: millijoules an inference.
        min_accuracy: in the unit of the model's metric; for errors the largest allowed.
        formats: file formats accepted.
        processors: processors accepted.
        threads: CPU threads, pinned.
        available: only files that this registry holds.
        evidence: least evidence accepted for a latency.
        optimistic: compare a latency by its value and not by the high end of its spread.
    """

    max_latency_ms: float | None = None
    max_size_bytes: int | None = None
    max_memory_bytes: int | None = None
    max_energy_mj: float | None = None
    min_accuracy: float | None = None
    formats: tuple[str, ...] = ()
    processors: tuple[Processor, ...] = ()
    threads: int | None = None
    available: bool = False
    evidence: Evidence = Evidence.PREDICTED
    optimistic: bool = False

    def __post_init__(self) -> None:
        """Refuse limits that mean nothing.

        Raises:
            UsageError: a limit is not a positive, finite number; all such limits are named.
        """
        problems = []
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if not (math.isfinite(value) and value > 0):
                problems.append(f"{each.name} is {value!r}, but a budget is a number above zero")
        if problems:
            raise UsageError("; ".join(problems))


def _number(value: object, unit: str) -> str:
    if not isinstance(value, int | float):
        return str(value)
    if unit == "bytes":
        return format_bytes(value)
    return f"{value:.4g} {unit}".strip()


def format_bytes(size: float) -> str:
    """Render a size with its SI unit, such as ``4.3 MB`` (10^6 bytes)."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= 0.9995 * factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} B"


def _over(noun: str, unit: str) -> Callable[[Broken], str]:
    def says(broken: Broken) -> str:
        if broken.found is MISSING:
            return f"no {noun} is known, and a budget of {_number(broken.wanted, unit)} is set"
        over = f"{noun} {_number(broken.found, unit)} is over the budget of {_number(broken.wanted, unit)}"
        if broken.detail is not None:
            return (
                f"{over}, though its typical {_number(broken.detail, unit)} is not (--optimistic accepts it)"
            )
        return over

    return says


def _accuracy_says(broken: Broken) -> str:
    if broken.found is MISSING:
        return f"no accuracy is known, and at least {broken.wanted:g} is wanted"
    return f"accuracy {broken.found:g} misses the wanted {broken.wanted:g}"


def _list(value: object) -> str:
    return " or ".join(str(each) for each in value) if isinstance(value, tuple | list) else str(value)


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "weights",
            "The file has trained weights.",
            lambda broken: f"its weights are {broken.found}: it was only timed",
        ),
        Rule(
            "yanked",
            "The variant was not withdrawn.",
            lambda broken: f"was withdrawn: {broken.found}",
        ),
        Rule(
            "format",
            "A runtime of the device takes the file format.",
            lambda broken: f"no runtime of the device takes {broken.found} (it takes {_list(broken.wanted)})",
        ),
        Rule(
            "processor",
            "A runtime of the device takes the format on that processor.",
            lambda broken: (
                f"no runtime of the device takes {broken.detail} on the {broken.found} "
                f"(only on {_list(broken.wanted)})"
            ),
        ),
        Rule(
            "precision",
            "The runtime takes the precision on that processor.",
            lambda broken: f"{broken.detail} does not take {broken.found} (it takes {_list(broken.wanted)})",
        ),
        Rule(
            "operators",
            "The processor's delegate takes every operator of the file.",
            lambda broken: f"{broken.detail} does not take {_list(broken.found)}",
        ),
        Rule(
            "delegate",
            "Nothing of the file is known to fall back from the processor to the CPU.",
            lambda broken: str(broken.found),
        ),
        Rule(
            "ram",
            "What the model needs at run time fits the device's largest region of RAM.",
            lambda broken: (
                f"needs {_number(broken.found, 'bytes')} of RAM, the device has "
                f"{_number(broken.wanted, 'bytes')}"
            ),
        ),
        Rule(
            "flash",
            "What the model stores fits the device's largest region of flash.",
            lambda broken: (
                f"needs {_number(broken.found, 'bytes')} of flash, the device has "
                f"{_number(broken.wanted, 'bytes')}"
            ),
        ),
        Rule(
            "min_os",
            "The device's newest system is new enough for the file.",
            lambda broken: f"needs {broken.found}, the device runs {broken.wanted}",
        ),
        Rule(
            "evidence",
            "The latency has at least the evidence asked for.",
            lambda broken: (
                "not measured"
                if broken.found is Evidence.NONE and broken.wanted is Evidence.MEASURED
                else "nobody measured or predicted its latency here"
                if broken.found is Evidence.NONE
                else f"its latency is only {broken.found}, and {broken.wanted} is wanted"
            ),
        ),
        Rule("max_latency_ms", "The latency is within the budget.", _over("latency", "ms")),
        Rule("max_size_bytes", "The download is within the budget.", _over("size", "bytes")),
        Rule("max_memory_bytes", "The memory is within the budget.", _over("memory", "bytes")),
        Rule("max_energy_mj", "The energy is within the budget.", _over("energy", "mJ")),
        Rule("min_accuracy", "The accuracy reaches what is asked for.", _accuracy_says),
        Rule(
            "formats",
            "The format is one of those asked for.",
            lambda broken: f"format {broken.found} is not {_list(broken.wanted)}",
        ),
        Rule(
            "processors",
            "It runs on a processor asked for.",
            lambda broken: f"runs on the {broken.found}, not on the {_list(broken.wanted)}",
        ),
        Rule(
            "threads",
            "It was measured with the threads asked for.",
            lambda broken: (
                f"known with {broken.found or 'an unknown number of'} threads, {broken.wanted} wanted"
            ),
        ),
        Rule(
            "available",
            "This registry has the file.",
            lambda broken: f"the file is only {broken.found}",
        ),
        Rule(
            "outranked",
            "Nothing that fits is better.",
            lambda broken: f"fits, but {broken.wanted} is better: {broken.found}",
        ),
    )
}

BUDGET_RULES = tuple(each.name for each in fields(Budgets) if each.name in RULES)

RAM_REGIONS = ("sram", "ram", "psram", "ext_ram", "sdram", "tcm")
FLASH_REGIONS = ("flash", "ext_flash", "mram", "rram")


@dataclass(frozen=True, slots=True)
class Needs:
    """The least memory that a variant was ever seen to need, for devices where it was not measured.

    Attributes:
        ram_bytes: by variant name.
        flash_bytes: by variant name.
    """

    ram_bytes: Mapping[str, int] = field(default_factory=dict)
    flash_bytes: Mapping[str, int] = field(default_factory=dict)


def misfits(candidate: Candidate, device: DeviceProfile, needs: Needs) -> list[Broken]:
    """Every fit rule that ``candidate`` breaks on ``device``.

    A measurement of the candidate on that device proves that it fits; a missing number breaks no fit rule.
    """
    variant = candidate.variant
    broken = [] if variant.has_trained_weights else [Broken("weights", variant.weights, "trained")]
    if variant.yanked is not None:
        broken.append(Broken("yanked", str(variant.yanked), None))
    if _is_measured(candidate):
        return broken
    ways = [each for each in device.supports if each.format == variant.format]
    here = [each for each in ways if each.processor == candidate.processor]
    if not ways:
        takes = tuple(sorted({each.format for each in device.supports}))
        broken.append(Broken("format", variant.format, takes))
    elif not here:  # such as an accelerator beside the SoC of the device that was measured
        takes = tuple(dict.fromkeys(str(each.processor) for each in ways))
        broken.append(Broken("processor", candidate.processor, takes, variant.format))
    used = [each for each in here if each.runtime == candidate.runtime]
    broken += _way_misfits(candidate, used) if used else []
    left = candidate.falls_back
    if left is not None:
        broken.append(Broken("delegate", left, left.of_operators))
    broken += _memory_misfits(candidate, device, needs)
    if not runs_on(variant.min_os, device.os):
        broken.append(Broken("min_os", variant.min_os, device.os))
    return broken


def is_proven(candidate: Candidate) -> bool:
    """Whether it breaks no fit rule because it was measured on the device itself, with trained weights."""
    variant = candidate.variant
    return variant.has_trained_weights and variant.yanked is None and _is_measured(candidate)


def _is_measured(candidate: Candidate) -> bool:
    return any(row.evidence is Evidence.MEASURED for row in candidate.rows)


def _way_misfits(candidate: Candidate, ways: list[Support]) -> list[Broken]:
    variant, where = candidate.variant, f"{candidate.runtime} on the {candidate.processor}"
    broken = []
    taken = [each for each in ways
             if not each.precisions or variant.precision in {*each.precisions, "unknown"}]  # fmt: skip
    if not taken:
        wanted = tuple(dict.fromkeys(each for way in ways for each in way.precisions))
        broken.append(Broken("precision", str(variant.precision), wanted, where))
    foreign = [set(variant.operators) - set(way.operators or variant.operators) for way in taken or ways]
    if all(foreign):
        fewest = min(foreign, key=len)
        broken.append(Broken("operators", tuple(sorted(fewest)), (), where))
    return broken


def _memory_misfits(candidate: Candidate, device: DeviceProfile, needs: Needs) -> list[Broken]:
    name, broken = candidate.variant.name, []
    if device.kind is Kind.MCU:
        ram = candidate.memory_bytes or needs.ram_bytes.get(name)
        flash = candidate.flash_bytes or needs.flash_bytes.get(name) or candidate.variant.least_bytes
        have_ram, have_flash = device.region_bytes(*RAM_REGIONS), device.region_bytes(*FLASH_REGIONS)
    else:
        known = [each for each in (candidate.variant.least_bytes, candidate.memory_bytes) if each is not None]
        ram, have_ram = max(known, default=None), device.ram_bytes
        flash = have_flash = None
    if ram is not None and have_ram is not None and ram > have_ram:
        broken.append(Broken("ram", ram, have_ram))
    if flash is not None and have_flash is not None and flash > have_flash:
        broken.append(Broken("flash", flash, have_flash))
    return broken


def runs_on(min_os: str, os: str) -> bool:
    """Whether a device whose systems are ``os`` (``iOS 12-18``, ``Android 14+``) reaches ``min_os``.

    Unknown systems pass: a missing fact breaks no fit rule.
    """
    wanted = re.match(r"(\D+?)\s*(\d+)", min_os)
    have = re.match(r"(\D+?)\s*([\d.]+)(?:-([\d.]+))?(\+?)", os)
    if not wanted or not have or wanted[1].strip().casefold() != have[1].strip().casefold():
        return True
    return bool(have[4]) or int(float((have[3] or have[2]).split(".")[0])) >= int(wanted[2])


Check = Callable[[Candidate], Broken | None]


def budget_checks(budgets: Budgets, *, higher_is_better: bool = True) -> list[Check]:  # noqa: C901 - one short check a budget
    """The checks that ``budgets`` demand: each takes a candidate and returns what it breaks, or ``None``.

    Made once and run for every candidate, so that budgets nobody set cost nothing. A budget that the user set is
    never met by a missing number.
    """
    checks: list[Check] = []

    def limit(name: str, maximum: float | None, read: Callable[[Candidate], float | None]) -> None:
        if maximum is not None:

            def check(candidate: Candidate) -> Broken | None:
                found = read(candidate)
                return None if found is not None and found <= maximum else Broken(name, found, maximum)

            checks.append(check)

    if budgets.evidence is not Evidence.NONE:
        accepted = frozenset(each for each in Evidence if each.rank <= budgets.evidence.rank)

        def evidence(candidate: Candidate) -> Broken | None:
            have = candidate.latency
            if have is not None and have.evidence in accepted:
                return None
            return Broken("evidence", candidate.evidence, budgets.evidence)

        checks.append(evidence)
    maximum = budgets.max_latency_ms
    if maximum is not None:

        def latency(candidate: Candidate) -> Broken | None:
            have = candidate.latency
            if have is None:
                return Broken("max_latency_ms", MISSING, maximum)
            found = have.value if budgets.optimistic else have.high
            if found <= maximum:
                return None
            return Broken("max_latency_ms", found, maximum, have.value if have.value <= maximum else None)

        checks.append(latency)
    limit("max_size_bytes", budgets.max_size_bytes, lambda each: each.variant.size_bytes)
    limit("max_memory_bytes", budgets.max_memory_bytes, lambda each: each.memory_bytes)
    limit("max_energy_mj", budgets.max_energy_mj, lambda each: each.energy_mj)
    floor = budgets.min_accuracy
    if floor is not None:

        def accuracy(candidate: Candidate) -> Broken | None:
            found = candidate.accuracy.value if candidate.accuracy else None
            if found is not None and (found >= floor if higher_is_better else found <= floor):
                return None
            return Broken("min_accuracy", found, floor)

        checks.append(accuracy)
    if budgets.formats:
        checks.append(
            lambda each: (
                None
                if each.variant.format in budgets.formats
                else Broken("formats", each.variant.format, budgets.formats)
            )
        )
    if budgets.processors:
        checks.append(
            lambda each: (
                None
                if each.processor in budgets.processors
                else Broken("processors", each.processor, budgets.processors)
            )
        )
    if budgets.threads is not None:
        checks.append(
            lambda each: (
                None
                if each.threads == budgets.threads or each.processor is not Processor.CPU
                else Broken("threads", each.threads, budgets.threads)
            )
        )
    if budgets.available:
        checks.append(
            lambda each: (
                None
                if each.variant.availability is Availability.HELD
                else Broken("available", str(each.variant.availability), "held")
            )
        )
    return checks
