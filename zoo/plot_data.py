"""The data behind the pictures of ``zoo plot``: what is drawn, as values, without anything that draws.

The ``read_*`` functions fetch from a registry, the others are pure. Excluded measurements never count, and what
counts of several measurements of one candidate is decided by `registry.candidates`, as it is for ``zoo pick``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, median_low
from typing import Any

from device_profiles.profile import DeviceProfile, Kind
from registry.candidates import Candidate, Latency, measured
from registry.choice import Shelf, line_up
from registry.reader import Reader
from registry.values import Evidence, Measurement, Model, Precision, Processor, Variant
from zoo import actions
from zoo.actions import Target
from zoo.errors import UnknownNameError

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """A candidate with a latency, on one device.

    Attributes:
        device: where it was measured, or stands for.
        candidate: what runs, and how.
        latency: its latency, in milliseconds.
    """

    device: DeviceProfile
    candidate: Candidate
    latency: Latency

    @property
    def order(self) -> tuple[float, str, str, str, int, str, str]:
        """Sorts the fastest first; ties are broken, so that the order of the input never matters."""
        each = self.candidate
        place = (each.processor or "", each.runtime, each.threads or 0, each.cores)
        return (self.latency.value, each.variant.name, *place, self.device.id)

    def document(self) -> Document:
        """What ``--json`` prints."""
        each, variant = self.candidate, self.candidate.variant
        return {
            "device": self.device.id,
            "model": variant.model,
            "variant": variant.name,
            "net": variant.net,
            "precision": variant.precision,
            "format": variant.format,
            "processor": each.processor,
            "runtime": each.runtime,
            "era": each.era,
            "threads": each.threads,
            "cores": each.cores or None,
            "latency_ms": self.latency.value,
            "evidence": self.latency.evidence,
            "source": self.latency.source,
            "accuracy": each.accuracy.value if each.accuracy else None,
            "size_bytes": variant.size_bytes,
        }


@dataclass(frozen=True, slots=True)
class Front:
    """Accuracy against latency on one device.

    Attributes:
        target: the device.
        model: the model.
        evidence: the least evidence that counts.
        points: the fastest thread count of each variant, processor and runtime; the fastest first.
        line: those of ``points`` than which no other is as fast and more accurate: the Pareto line.
        without_accuracy: how many more have a latency but no accuracy.
    """

    target: Target
    model: Model
    evidence: Evidence
    points: tuple[Point, ...]
    line: tuple[Point, ...]
    without_accuracy: int

    @property
    def empty(self) -> str:
        """Why there is no point; empty where there are some."""
        if self.points:
            return ""
        return f"no variant of {self.model.name} has both a latency on {self.target.profile.name} and an accuracy"

    def document(self) -> Document:
        """What ``--json`` prints."""
        profile = self.target.profile
        return {
            "device": {"id": profile.id, "name": profile.name, "soc": profile.soc.name},
            "model": self.model.name,
            "metric": self.model.metric,
            "unit": self.model.unit or None,
            "higher_is_better": self.model.higher_is_better,
            "evidence": self.evidence,
            "points": [{**each.document(), "pareto": each in self.line} for each in self.points],
            "without_accuracy": self.without_accuracy,
        }


def read_front(registry: Reader, device: str, model: str, evidence: Evidence = Evidence.PREDICTED) -> Front:
    """Everything known of a model on a device.

    Args:
        registry: the registry.
        device: id, name or SoC of the device.
        model: name of the model.
        evidence: the least evidence that counts.

    Raises:
        UnknownNameError: no such device or model.
        AmbiguousNameError: several devices bear the name.
    """
    target = actions.find_device(registry, device)
    return front(target, registry.shelves(target.own, target.soc, model)[model], evidence)


def front(target: Target, shelf: Shelf, evidence: Evidence) -> Front:
    """Turn what is known of a model on a device into points, and find the Pareto line through them."""
    ways = _points((target.profile, each) for each in line_up(shelf, target.profile))
    fastest: dict[tuple[str, str, str], Point] = {}
    for point in ways:
        each = point.candidate
        if point.latency.evidence.rank <= evidence.rank:
            fastest.setdefault((each.variant.name, each.processor or "", each.runtime), point)
    sign = 1 if shelf.model.higher_is_better else -1
    scored = [
        (each, sign * each.candidate.accuracy.value) for each in fastest.values() if each.candidate.accuracy
    ]
    line: list[Point] = []
    best = float("-inf")
    for point, gain in sorted(scored, key=lambda entry: (entry[0].latency.value, -entry[1], entry[0].order)):
        if gain > best:
            line.append(point)
            best = gain
    points = tuple(each for each, _ in scored)
    return Front(target, shelf.model, evidence, points, tuple(line), len(fastest) - len(points))


def _points(ways: Iterable[tuple[DeviceProfile, Candidate]]) -> list[Point]:
    """The ways that have a latency, the fastest first."""
    known = [Point(profile, each, each.latency) for profile, each in ways if each.latency]
    return sorted(known, key=lambda point: point.order)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times slower the slowest device is than the fastest.

    Attributes:
        fastest: the fastest device.
        slowest: the slowest one.
        devices: how many were compared.
    """

    fastest: Point
    slowest: Point
    devices: int

    @property
    def value(self) -> float:
        """Latency of the slowest over that of the fastest."""
        return self.slowest.latency.value / self.fastest.latency.value

    def document(self) -> Document:
        """What ``--json`` prints."""
        ends = {"fastest": self.fastest.document(), "slowest": self.slowest.document()}
        return {"value": self.value, "devices": self.devices, **ends}


@dataclass(frozen=True, slots=True)
class Spread:
    """The speed of one net over many devices.

    Attributes:
        net: the net.
        kinds: the kinds of device looked at.
        points: the fastest of each device; the fastest device first.
        like_for_like: slowest over fastest device on the CPU in one runtime, at one precision and one number of
            threads: the group that covers most devices, float32 where groups cover the same number; ``None``
            where no group covers two.
        best_to_best: slowest over fastest of ``points``; ``None`` where there are fewer than two.
    """

    net: str
    kinds: tuple[Kind, ...]
    points: tuple[Point, ...]
    like_for_like: Ratio | None
    best_to_best: Ratio | None

    @property
    def empty(self) -> str:
        """Why there is no point; empty where there are some."""
        return "" if self.points else f"{self.net} was never measured on a {' or '.join(self.kinds)}"

    def document(self) -> Document:
        """What ``--json`` prints."""
        return {
            "net": self.net,
            "kinds": list(self.kinds),
            "like_for_like": self.like_for_like and self.like_for_like.document(),
            "best_to_best": self.best_to_best and self.best_to_best.document(),
            "points": [each.document() for each in self.points],
        }


def read_spread(registry: Reader, net: str, kinds: Collection[Kind] = (Kind.PHONE,)) -> Spread:
    """Everything measured of a net on the devices of some kinds.

    Args:
        registry: the registry.
        net: name of the net, such as ``mobilenet-v1-1.0-224``.
        kinds: kinds of device to look at.

    Raises:
        UnknownNameError: no variant has that net.
    """
    everything = registry.variants()
    own = {name: each for name, each in everything.items() if each.net == net}
    if not own:
        nets = {each.net for each in everything.values()}
        raise UnknownNameError("net", net, nets, advice="The nets of a model: zoo variants MODEL --json")
    profiles = {each.id: each for each in registry.devices() if each.kind in kinds}
    ways: list[tuple[DeviceProfile, Candidate]] = []
    for name, model in registry.models().items():
        rows: dict[str, list[Measurement]] = {}
        if any(each.model == name for each in own.values()):
            for row in registry.measurements(model=name):
                if row.variant in own and row.device in profiles:
                    rows.setdefault(row.device, []).append(row)
        for device, found in rows.items():
            ways += [(profiles[device], each) for each in measured(model, own, found)]
    return spread(net, tuple(kinds), ways)


def spread(net: str, kinds: tuple[Kind, ...], ways: Iterable[tuple[DeviceProfile, Candidate]]) -> Spread:
    """Keep the fastest way of each device, and compare the devices.

    Args:
        net: name of the net.
        kinds: the kinds of device in ``ways``.
        ways: devices with the candidates measured on them.
    """
    best: dict[str, Point] = {}
    groups: dict[tuple[str, Precision, int], dict[str, Point]] = {}
    for point in _points(ways):
        device, each = point.device.id, point.candidate
        best.setdefault(device, point)
        if each.processor is Processor.CPU and each.threads is not None:
            key = (each.runtime, each.variant.precision, each.threads)
            groups.setdefault(key, {}).setdefault(device, point)
    alike = min(
        groups, key=lambda key: (-len(groups[key]), key[1] is not Precision.FLOAT32, key), default=None
    )
    fair = _ratio(list(groups[alike].values())) if alike else None
    points = tuple(best.values())
    return Spread(net, kinds, points, fair, _ratio(points))


def _ratio(points: Sequence[Point]) -> Ratio | None:
    """Compare the ends of ``points``, which come fastest first."""
    return Ratio(points[0], points[-1], len(points)) if len(points) > 1 else None


PRECISION_CLASSES: Mapping[str, frozenset[Precision]] = {
    "32-bit float": frozenset({Precision.FLOAT32}),
    "16-bit": frozenset({Precision.FLOAT16, Precision.INT16}),
    "8-bit": frozenset({Precision.INT8, Precision.INT8_DYNAMIC, Precision.INT8_WEIGHTS, Precision.W8A16,
                        Precision.PALETTE8}),
    "below 8 bits": frozenset({Precision.INT4_WEIGHTS, Precision.INT2_WEIGHTS, Precision.PALETTE6,
    Precision.PALETTE4, Precision.HYBRID4, Precision.PALETTE2,
                               Precision.PALETTE1, Precision.BINARY}),
    "mixed or other": frozenset({Precision.MIXED, Precision.SPARSE, Precision.UNKNOWN}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """The size of one variant.

    Attributes:
        variant: its name.
        row: name of the model or family that it stands under.
        precision: its precision.
        precision_class: the key of `PRECISION_CLASSES` that holds it.
        size_bytes: length of the file.
    """

    variant: str
    row: str
    precision: Precision
    precision_class: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Landmark:
    """A size to compare with.

    Attributes:
        text: what it is.
        low_bytes: the size, or the low end of a range.
        high_bytes: the high end; the same where it is one size.
        source: where it comes from.
    """

    text: str
    low_bytes: int
    high_bytes: int
    source: str


# Google's page gave 200 MB when this was written; other copies of the same page give 500 MB
PLAY_LIMIT = Landmark(
    "200 MB: Google Play base module", 200_000_000, 200_000_000,
    "Google Play's size limits, support.google.com/googleplay/android-developer/answer/9859372"
    " (copies of that page differ: some say 500 MB)",
)  # fmt: skip
TYPICAL_APP = Landmark("100-150 MB: a typical app", 100_000_000, 150_000_000, "common knowledge")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of variants against the sizes they must fit.

    Attributes:
        model: the model whose families are the rows; ``None`` where every model is a row.
        rows: name and title of each row, the smallest median size first.
        sizes: every variant whose size is known, by name.
        unknown: how many variants have no known size.
        landmarks: what to compare with, the smallest first.
    """

    model: Model | None
    rows: tuple[tuple[str, str], ...]
    sizes: tuple[Size, ...]
    unknown: int
    landmarks: tuple[Landmark, ...]

    @property
    def empty(self) -> str:
        """Why there is no size; empty where there are some."""
        return (
            ""
            if self.sizes
            else f"the size of no variant{f' of {self.model.name}' if self.model else ''} is known"
        )

    def document(self) -> Document:
        """What ``--json`` prints."""
        return {
            "model": self.model and self.model.name,
            "rows": [name for name, _ in self.rows],
            "variants": [asdict(each) for each in self.sizes],
            "unknown_sizes": self.unknown,
            "landmarks": [asdict(each) for each in self.landmarks],
        }


def read_sizes(registry: Reader, model: str | None = None) -> Sizes:
    """The sizes of the variants of one model or of all.

    Raises:
        UnknownNameError: no such model.
    """
    found = None if model is None else actions.find_model(registry, model)
    titles = {} if found else {name: each.title for name, each in registry.models().items()}
    return sizes(found, titles, registry.variants(model).values(), registry.devices())


def sizes(
    model: Model | None,
    titles: Mapping[str, str],
    variants: Iterable[Variant],
    devices: Iterable[DeviceProfile],
) -> Sizes:
    """Sort variants into rows.

    Args:
        model: the model whose families become rows; ``None`` makes each model a row.
        titles: titles of rows by name; the name stands where there is none.
        variants: the variants to draw.
        devices: the devices whose SRAM is compared with; only microcontrollers count.
    """
    unknown, known = 0, []
    for each in sorted(variants, key=lambda each: each.name):
        if each.size_bytes:
            row = each.family if model else each.model
            known.append(
                Size(each.name, row, each.precision, precision_class(each.precision), each.size_bytes)
            )
        else:
            unknown += 1
    by_row: dict[str, list[int]] = {}
    for size in known:
        by_row.setdefault(size.row, []).append(size.size_bytes)
    rows = sorted(by_row, key=lambda row: (median(by_row[row]), row))
    marks = sorted([*sram(devices), TYPICAL_APP, PLAY_LIMIT], key=lambda each: each.low_bytes)
    return Sizes(
        model, tuple((row, titles.get(row, row)) for row in rows), tuple(known), unknown, tuple(marks)
    )


def precision_class(precision: Precision) -> str:
    """The key of `PRECISION_CLASSES` that holds ``precision``."""
    return next(name for name, members in PRECISION_CLASSES.items() if precision in members)


def sram(devices: Iterable[DeviceProfile]) -> list[Landmark]:
    """The least, the median and the most SRAM of the microcontrollers among ``devices``; the lower of two medians."""
    known = sorted(
        (each.memory["sram"], each.name)
        for each in devices
        if each.kind is Kind.MCU and "sram" in each.memory
    )
    if not known:
        return []
    ends = {"least": known[0], "median": median_low(known), "most": known[-1]}
    source = f"the {len(known)} microcontrollers of the registry"
    return [Landmark(f"{binary(size)}: {which} MCU SRAM", size, size, f"{name}, of {source}")
            for which, (size, name) in ends.items()]  # fmt: skip


def binary(size_bytes: int) -> str:
    """A memory size in KiB or MiB, as makers of chips print it."""
    return f"{size_bytes / 2**20:.3g} MiB" if size_bytes >= 2**20 else f"{size_bytes / 2**10:.3g} KiB"
