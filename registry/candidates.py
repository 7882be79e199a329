"""Lines up what could run on a device: rows of measurements become candidates.

A candidate is (variant, processor, runtime, threads and cores). Of its rows the newest era counts, and of two
rows in one era the slower one; both stay visible. Nothing is averaged over runtimes or eras.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from device_profiles.profile import DeviceProfile, Support
from registry.values import Accuracy, DelegateCoverage, Evidence, Measurement, Model, Processor, Variant


@dataclass(frozen=True, slots=True)
class Latency:
    """A latency and where it comes from.

    Attributes:
        value: milliseconds an inference.
        low: low end of the spread or interval; the value where no spread is known.
        high: high end; the value where no spread is known.
        evidence: what it is worth.
        statistic: what the value is: mean, median, estimate, predicted ...
        source: citation, or the basis of a prediction.
        device: id of the device it was measured on.
    """

    value: float
    low: float
    high: float
    evidence: Evidence
    statistic: str
    source: str
    device: str

    def bound(self, *, optimistic: bool) -> float:
        """The number that a budget is compared with: the high end, or the value for an optimist."""
        return self.value if optimistic else self.high


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to serve a model on a device.

    Attributes:
        variant: what runs.
        processor: where; ``None`` when no processor of the device takes its format.
        runtime: with what; empty when none takes its format.
        era: year of the runtime behind the latency; ``None`` where unknown.
        threads: CPU threads; ``None`` where unknown or meaningless.
        cores: which cores; empty where unknown.
        latency: ``None`` where nobody knows it.
        memory_bytes: peak memory, or RAM on a microcontroller; ``None`` where unknown.
        flash_bytes: flash on a microcontroller; ``None`` where unknown.
        energy_mj: energy an inference; ``None`` where unknown.
        accuracy: the accuracy that counts on that processor; ``None`` where unknown.
        rows: the measurements behind it, the one that counts first.
    """

    variant: Variant
    processor: Processor | None
    runtime: str
    era: int | None = None
    threads: int | None = None
    cores: str = ""
    latency: Latency | None = None
    memory_bytes: int | None = None
    flash_bytes: int | None = None
    energy_mj: float | None = None
    accuracy: Accuracy | None = None
    rows: tuple[Measurement, ...] = ()

    @property
    def evidence(self) -> Evidence:
        """What its latency is worth."""
        return self.latency.evidence if self.latency else Evidence.NONE

    @property
    def also(self) -> tuple[Measurement, ...]:
        """The other rows of the era that counts: they were faster, so they do not count."""
        return tuple(row for row in self.rows[1:] if row.era == self.era and row.latency_ms is not None)

    @property
    def falls_back(self) -> DelegateCoverage | None:
        """What its delegate takes, where that is known to leave operators to the CPU.

        Where the runtime has several delegates on the processor, one that takes all is enough, else the one that
        takes most of the work speaks for them.
        """
        if not self.variant.coverage or self.processor is Processor.CPU:
            return None
        way = (self.runtime, self.processor)
        known = [each for each in self.variant.coverage if (each.runtime, each.processor) == way]
        if any(each.whole for each in known):
            return None
        return max(known, key=lambda each: (each.macs, each.operators, each.delegate), default=None)


Key = tuple[str, Processor, str, int | None, str]


def measured(model: Model, variants: Mapping[str, Variant], rows: Iterable[Measurement]) -> list[Candidate]:
    """Turn rows into candidates, in no particular order.

    Args:
        model: the model the variants belong to.
        variants: its variants by name.
        rows: measurements on the device asked about, and on others with its SoC (evidence ``same-soc``); rows
            of other models and excluded rows are skipped. Where a candidate was measured on the device itself,
            rows of other devices do not count.
    """
    groups: dict[Key, list[Measurement]] = {}
    for row in rows:
        if row.variant in variants and not row.excluded:
            key = (row.variant, row.processor, row.runtime, row.threads, row.cores)
            groups.setdefault(key, []).append(row)
    accuracies: dict[tuple[str, Processor, str], Accuracy | None] = {}
    found = []
    for key, group in groups.items():
        counting = _counting(group)
        where = key[0], key[1], counting[0].device
        if where not in accuracies:
            accuracies[where] = variants[key[0]].accuracy(model, *where[1:])
        found.append(_candidate(variants[key[0]], counting, accuracies[where]))
    return found


def _counting(rows: list[Measurement]) -> list[Measurement]:
    """The rows of the best evidence, first the one that counts: the newest era, and in it the slowest.

    A row without a latency counts for memory and energy only.
    """
    if len(rows) == 1:
        return rows
    best = min(row.evidence.rank for row in rows)
    return sorted((row for row in rows if row.evidence.rank == best), key=_counts_first)


def _candidate(variant: Variant, rows: list[Measurement], accuracy: Accuracy | None) -> Candidate:
    first = rows[0]
    current = [row for row in rows if row.era == first.era]
    return Candidate(
        variant,
        first.processor,
        first.runtime,
        first.era,
        first.threads,
        first.cores,
        None if first.latency_ms is None else _latency(first, first.latency_ms),
        _worst(current, "ram_bytes") or _worst(current, "peak_memory_bytes"),
        _worst(current, "flash_bytes"),
        _worst(current, "energy_mj"),
        accuracy,
        tuple(rows),
    )


def _counts_first(row: Measurement) -> tuple[bool, int, float, float, str]:
    untimed = row.latency_ms is None
    return (untimed, -(row.era or 0), -_high(row), -(row.latency_ms or 0), repr(row))


def _worst(rows: list[Measurement], field: str) -> int | None:
    """Largest value of ``field`` among rows of one era."""
    return max((value for row in rows if (value := getattr(row, field)) is not None), default=None)


def _high(row: Measurement) -> float:
    value = row.latency_ms or 0.0
    return value if row.high_ms is None else max(value, row.high_ms)


def _latency(row: Measurement, value: float) -> Latency:
    low = value if row.low_ms is None else min(value, row.low_ms)
    return Latency(value, low, _high(row), row.evidence, row.statistic, row.source, row.device)


def unmeasured(
    model: Model, variants: Iterable[Variant], device: DeviceProfile, known: Iterable[Candidate] = ()
) -> Iterator[tuple[Candidate, Support | None]]:
    """Candidates without a number: every way of the device to run each variant that ``known`` does not have.

    Yields:
        The candidate and the way; a variant whose format no runtime of the device takes comes once, with
        neither processor nor way.
    """
    have = {(each.variant.name, each.processor, each.runtime) for each in known}
    ways: dict[str, list[Support]] = {}
    for way in device.supports:
        ways.setdefault(way.format, []).append(way)
    for variant in variants:
        fitting = ways.get(variant.format, [])
        for way in fitting:
            if (variant.name, way.processor, way.runtime) not in have:
                accuracy = variant.accuracy(model, way.processor, device.id)
                yield Candidate(variant, way.processor, way.runtime, accuracy=accuracy), way
        if not fitting and not any(name == variant.name for name, _, _ in have):
            yield Candidate(variant, None, "", accuracy=variant.accuracy(model, None, device.id)), None
