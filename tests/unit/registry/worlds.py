"""Random worlds to choose in: variants, rows, a phone and a request, small enough for every rule to bite.

A world is made from its number alone, so that a failure names a world that anybody can make again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from device_profiles.profile import DeviceProfile
from registry.choice import Shelf
from registry.ranking import Request
from registry.rules import Budgets
from registry.values import Availability, Evidence, Measurement, Objective, Precision, Variant
from tests.builders import CPU, DSP, GPU, NPU, accuracy, coverage, device, measurement, model, variant, way

NAMES = ("a", "b", "c", "d")

PHONE = device(
    ram_bytes=3_500_000,
    supports=(
        way(),
        way(processor=GPU, precisions=("float32",), operators=("CONV_2D",)),
        way("onnxruntime", "onnx"),
    ),
)
PHONES = (PHONE, PHONE, PHONE, replace(PHONE, supports=PHONE.supports[1:]))
MODELS = (model(), model(), model(higher_is_better=False))

ACCURACIES = (
    (),
    *((accuracy(each),) for each in (60.0, 63.9, 64.9, 64.9, 65.4, 70.0, 70.0)),
    (accuracy(64.0), accuracy(71.0, samples=100)),
    (accuracy(70.0), accuracy(62.0, processor=GPU, samples=100)),
    (accuracy(65.0, dataset="other pictures"),),
)

COVERAGES = (
    *[()] * 4,
    (coverage(64),),
    (coverage(),),
    (coverage(), coverage(64, delegate="another")),
    (coverage(runtime="onnxruntime"), coverage(processor=CPU), coverage(processor=NPU)),
)


@dataclass(frozen=True)
class World:
    """What is known, where it must run, and what is wanted.

    Attributes:
        number: makes the same world again: ``a_world(number)``.
    """

    number: int
    shelf: Shelf
    device: DeviceProfile
    request: Request

    @property
    def budgets(self) -> Budgets:
        return self.request.budgets

    def wanting(self, objective: Objective | None = None, **budgets) -> "World":
        """Build the same world with other wishes."""
        changed = Request(replace(self.budgets, **budgets), objective or self.request.objective)
        return replace(self, request=changed)

    def shuffled(self) -> "World":
        """Build the same world with its variants and rows in another order."""
        rng = Random(self.number)
        variants, rows = list(self.shelf.variants.items()), list(self.shelf.rows)
        rng.shuffle(variants)
        rng.shuffle(rows)
        return replace(self, shelf=replace(self.shelf, variants=dict(variants), rows=tuple(rows)))


@cache
def a_world(number: int) -> World:
    """Make the world of that number."""
    rng = Random(number)
    names = NAMES[: rng.randint(1, len(NAMES))]
    variants = {name: _variant(rng, name) for name in names}
    rows = [_row(rng, names) for _ in range(rng.choice((0, 2, 6, 12)))]
    shelf = Shelf(rng.choice(MODELS), variants, tuple(rows))
    return World(number, shelf, rng.choice(PHONES), Request(_budgets(rng), rng.choice(list(Objective))))


def worlds(numbers: Sequence[int]) -> Iterator[World]:
    """Make many worlds."""
    return map(a_world, numbers)


def _variant(rng: Random, name: str) -> Variant:
    return variant(
        name,
        accuracies=rng.choice(ACCURACIES),
        size_bytes=rng.choice((None, 1_000_000, 1_000_000, 2_000_000, 3_000_000, 9_000_000)),
        format=rng.choice(("tflite", "tflite", "tflite", "tflite", "onnx", "coreml")),
        precision=rng.choice((Precision.FLOAT32, Precision.FLOAT32, Precision.INT8, Precision.UNKNOWN)),
        operators=rng.choice(((), ("CONV_2D",), ("CONV_2D",), ("CONV_2D", "FFT"))),
        min_os=rng.choice(("", "Android 11", "Android 12", "Android 15")),
        weights=rng.choice((*["ours"] * 9, "random")),
        availability=rng.choice((Availability.HELD, Availability.CATALOGUED)),
        coverage=rng.choice(COVERAGES),
    )


def _row(rng: Random, names: Sequence[str]) -> Measurement:
    value = rng.choice((None, 5.0, 10.0, 10.0, 20.0, 30.0, 40.0, 60.0))
    spread = rng.choice((None, None, 2.0, 25.0)) if value else None
    return measurement(
        rng.choice((*names, *names, *names, "stranger")),
        value,
        low_ms=None if spread is None else value - spread / 10,
        high_ms=None if spread is None else value + spread,
        era=rng.choice((None, 2018, 2020, 2020)),
        processor=rng.choice((CPU, CPU, CPU, CPU, GPU, GPU, NPU)),
        runtime=rng.choice(("tflite", "tflite", "tflite", "tflite", "onnxruntime")),
        threads=rng.choice((None, 1, 1, 4, 4)),
        evidence=rng.choice((Evidence.MEASURED, Evidence.MEASURED, Evidence.FIELD, Evidence.SAME_SOC)),
        peak_memory_bytes=rng.choice((None, 1_000_000, 2_000_000, 4_000_000)),
        ram_bytes=rng.choice((None, None, None, 1_500_000)),
        energy_mj=rng.choice((None, 1.0, 2.0, 5.0)) if value else 1.0,
        excluded=rng.choice(("", "", "", "", "a slip")),
        note=rng.choice(("", "again")),
    )


def _budgets(rng: Random) -> Budgets:
    """Each budget is set in about an eighth of the worlds."""

    def sometimes(*values):
        return rng.choice(values) if rng.random() < 1 / 8 else None

    return Budgets(
        max_latency_ms=rng.choice((None, None, None, 12.0, 20.0, 50.0, 500.0)),
        max_size_bytes=sometimes(500_000, 1_000_000, 2_500_000),
        max_memory_bytes=sometimes(1_000_000, 1_700_000, 3_000_000),
        max_energy_mj=sometimes(0.5, 1.5, 3.0),
        min_accuracy=sometimes(63.9, 64.9, 68.0, 80.0),
        formats=sometimes(("tflite",), ("onnx", "tflite"), ("coreml",)) or (),
        processors=sometimes((CPU,), (GPU,), (CPU, GPU), (NPU,), (DSP,)) or (),
        threads=sometimes(1, 4, 8),
        available=rng.random() < 1 / 8,
        evidence=sometimes(Evidence.SAME_SOC, Evidence.FIELD, Evidence.MEASURED) or Evidence.PREDICTED,
        optimistic=rng.random() < 1 / 3,
    )
