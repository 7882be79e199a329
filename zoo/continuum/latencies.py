"""What a net of a search costs on a device: a predicted latency, and what stands in where nothing predicts.

Where no predictor knows the device, as of microcontrollers, latencies that were measured on it stand in: ``latency =
base + slope x MACs``, fitted to nets in one precision that ran in one runtime of one year with one number of threads,
because others are not comparable. The fit makes relative errors small, and its error is told as the median over nets
that were each left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from device_profiles.profile import DeviceProfile, Support
from registry.candidates import Candidate
from registry.predictor import Predictor
from registry.values import Evidence, Precision, Processor, Variant

FEWEST = 5
"""Measured nets that a line is fitted to, at least."""

_PERCENT = 100
_USUAL_RUNTIME = "tflite"


@dataclass(frozen=True, slots=True)
class Sized:
    """What a price is asked for.

    Attributes:
        name: of the net.
        family: of its architecture.
        macs: multiply-accumulates.
        params: weights and biases.
        size_bytes: of its weights.
        precision: in which it would run.
    """

    name: str
    family: str
    macs: int
    params: int
    size_bytes: int
    precision: Precision


class Pricing(Protocol):
    """Says what nets cost."""

    @property
    def unit(self) -> str:
        """Of the price: ``ms`` or ``MACs``."""
        ...

    @property
    def basis(self) -> str:
        """Where prices come from, in one line for people."""
        ...

    def of(self, net: Sized) -> float | None:
        """The price of a net; ``None`` where nobody knows it."""
        ...

    def knows(self, macs: int) -> bool:
        """Whether nets of that size stand behind the price; elsewhere it is extrapolated."""
        ...


@dataclass(frozen=True, slots=True)
class Macs:
    """The multiply-accumulates are the price."""

    basis: str
    unit: str = "MACs"

    def of(self, net: Sized) -> float | None:
        """See `Pricing.of`."""
        return float(net.macs)

    def knows(self, macs: int) -> bool:  # noqa: ARG002 - as others have it
        """See `Pricing.knows`."""
        return True


@dataclass(frozen=True, slots=True)
class Predicted:
    """A predictor's latencies.

    Attributes:
        predictor: of latencies.
        device: where.
        way: runtime and processor.
        threads: CPU threads; ``None`` leaves them to the predictor.
    """

    predictor: Predictor
    device: DeviceProfile
    way: Support
    threads: int | None = None

    @property
    def unit(self) -> str:
        """See `Pricing.unit`."""
        return "ms"

    @property
    def basis(self) -> str:
        """See `Pricing.basis`."""
        return f"latency is predicted for {self.device.id}: {self.way.runtime} on its {self.way.processor}"

    def of(self, net: Sized) -> float | None:
        """See `Pricing.of`."""
        variant = Variant(
            net.name, "", net.name, net.family, None, "", net.precision, self.way.format, "", net.params, net.macs,
            net.size_bytes,
        )  # fmt: skip
        latency = self.predictor.latency(variant, self.device, self.way, self.threads)
        return None if latency is None else latency.value

    def knows(self, macs: int) -> bool:  # noqa: ARG002 - a predictor says itself what it cannot predict
        """See `Pricing.knows`."""
        return True


def predicted(predictor: Predictor, device: DeviceProfile) -> Predicted | None:
    """Prices of a device's CPU, in TFLite where it has that; ``None`` where nothing predicts them."""
    usual = Sized("usual", "", 100_000_000, 1_000_000, 4_000_000, Precision.FLOAT32)
    ways = [each for each in device.supports if each.processor is Processor.CPU]
    ways.sort(key=lambda each: each.runtime != _USUAL_RUNTIME)
    return next(
        (
            found
            for found in (Predicted(predictor, device, each) for each in ways)
            if found.of(usual) is not None
        ),
        None,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """``latency_ms = base_ms + ms_per_mac x MACs``.

    Attributes:
        base_ms: of a net that computes nothing.
        ms_per_mac: slope.
        nets: that it was fitted to.
        error: relative error of a net that was left out of the fit, the median over all of them.
        least_macs: of the smallest net.
        most_macs: of the largest one.
    """

    base_ms: float
    ms_per_mac: float
    nets: int
    error: float
    least_macs: int
    most_macs: int

    def at(self, macs: int) -> float:
        """Milliseconds of a net."""
        return self.base_ms + self.ms_per_mac * macs

    def __str__(self) -> str:
        """Render as a phrase."""
        return (
            f"{self.nets} nets of {self.least_macs / 1e6:.0f} to {self.most_macs / 1e6:.0f} M MACs, "
            f"median error {_PERCENT * self.error:.0f} %"
        )


@dataclass(frozen=True, slots=True)
class Lines:
    """Latencies that were measured on the device stand in for predicted ones.

    Attributes:
        device: id of it.
        way: runtime, year and threads of the measurements.
        floats: of float32 nets, and of nets whose weights alone have few bits: they compute in floats.
        bytes_: of int8 nets; ``None`` where too few were measured: then that of floats stands in for them, too.
    """

    device: str
    way: str
    floats: Line
    bytes_: Line | None

    @property
    def unit(self) -> str:
        """See `Pricing.unit`."""
        return "ms"

    @property
    def basis(self) -> str:
        """See `Pricing.basis`."""
        int8 = f"int8: {self.bytes_}" if self.bytes_ else "int8 is taken to be as slow as float32"
        return (
            f"latency is not predicted for {self.device}: a line over MACs stands in, fitted to what was measured "
            f"there ({self.way}): float32: {self.floats}; {int8}"
        )

    def of(self, net: Sized) -> float | None:
        """See `Pricing.of`."""
        line = self.bytes_ if net.precision is Precision.INT8 and self.bytes_ else self.floats
        return line.at(net.macs)

    def knows(self, macs: int) -> bool:
        """See `Pricing.knows`."""
        return self.floats.least_macs <= macs <= self.floats.most_macs


def unpredicted(device: str) -> Macs:
    """MACs as the price on a device of which too little is known."""
    return Macs(f"latency is not predicted for {device}: MACs stand in")


def lines(device: str, candidates: Iterable[Candidate]) -> tuple[Lines | None, int]:
    """Fit lines to what was measured on a device's CPU.

    Args:
        device: id of it.
        candidates: of a model; the way to run with most float32 nets counts.

    Returns:
        Lines, or ``None`` where fewer than `FEWEST` comparable nets were measured, or more work took no longer; and how
        many float32 nets were comparable.
    """
    ways: dict[str, dict[Precision, dict[str, tuple[int, float]]]] = {}
    for each in candidates:
        macs, latency = each.variant.macs, each.latency
        is_own = latency is not None and latency.evidence is Evidence.MEASURED and latency.value > 0
        if latency is not None and is_own and macs and each.processor is Processor.CPU:
            rows = ways.setdefault(_way(each), {}).setdefault(each.variant.precision, {})
            rows[each.variant.name] = (macs, latency.value)
    way = min(ways, key=lambda one: (-len(ways[one].get(Precision.FLOAT32, {})), one), default="")
    chosen = ways.get(way, {})
    found = [list(chosen.get(each, {}).values()) for each in (Precision.FLOAT32, Precision.INT8)]
    floats, bytes_ = (fit(each) for each in found)
    return (Lines(device, way, floats, bytes_) if floats else None), len(found[0])


def _way(each: Candidate) -> str:
    threads = f", {each.threads} threads" if each.threads and each.threads > 1 else ""
    cores = f", {each.cores}" if each.cores else ""
    return f"{each.runtime}{f' {each.era}' if each.era else ''} on the CPU{threads}{cores}"


def fit(rows: Sequence[tuple[int, float]]) -> Line | None:
    """Fit a line to pairs of MACs and milliseconds; ``None`` where it would make no sense."""
    coefficients = _least_squares(rows) if len(rows) >= FEWEST else None
    if coefficients is None:
        return None
    errors = []
    for place, (macs, measured_ms) in enumerate(rows):
        others = _least_squares([*rows[:place], *rows[place + 1 :]])
        if others is not None:
            errors.append(abs(others[0] + others[1] * macs - measured_ms) / measured_ms)
    if not errors:
        return None
    all_macs = [macs for macs, _ in rows]
    return Line(*coefficients, len(rows), median(errors), min(all_macs), max(all_macs))


def _least_squares(rows: Sequence[tuple[int, float]]) -> tuple[float, float] | None:
    """Base and slope with the least sum of squared relative errors; a base below 0 becomes 0."""
    weights = [1 / ms**2 for _, ms in rows]
    total = sum(weights)
    mean_macs = sum(weight * macs for weight, (macs, _) in zip(weights, rows, strict=True)) / total
    mean_ms = sum(weight * ms for weight, (_, ms) in zip(weights, rows, strict=True)) / total
    spread = sum(weight * (macs - mean_macs) ** 2 for weight, (macs, _) in zip(weights, rows, strict=True))
    if not spread:
        return None
    slope = (
        sum(
            weight * (macs - mean_macs) * (ms - mean_ms)
            for weight, (macs, ms) in zip(weights, rows, strict=True)
        )
        / spread
    )
    base = mean_ms - slope * mean_macs
    if base < 0:
        base = 0.0
        slope = sum(macs / ms for macs, ms in rows) / sum((macs / ms) ** 2 for macs, ms in rows)
    return (base, slope) if slope > 0 else None
