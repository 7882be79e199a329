"""This machine measures itself: nets of all kinds are made, timed, and what each kind of operator takes is learnt."""

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.environment import read_environment
from bench.runners.base import Setup
from bench.runners.litert import LitertRunner
from bench.timing import Plan
from device_profiles.profile import DeviceProfile, Processor
from prediction.own import Own
from prediction.query import Observation, Prediction, Query
from registry import store
from registry.reader import Reader
from zoo.calibrating import Calibrated, Fold
from zoo.errors import BenchError, needing
from zoo.predicting_tables import Watch
from zoo.predictor import LATENCY, Predictions
from zoo.recording import host, source_of
from zoo.workloads import workload_of

if TYPE_CHECKING:
    from converters.sources.base import Source

RUNTIME = "tflite"
NETS = (
    "lenet-5", "vgg-small", "vgg-11-0.25-64", "resnet-8-32", "resnet-20-32", "resnet-18-96", "resnet-50-128",
    "squeezenet-1.1-128", "squeezenet-1.0-224", "mobilenet-v1-0.25-128", "mobilenet-v1-0.5-160", "mobilenet-v1-1.0-224",
    "mobilenet-v2-0.35-96", "mobilenet-v2-0.75-160", "mobilenet-v2-1.0-224", "mobilenet-v3-small-0.75-224",
    "mobilenet-v3-large-1.0-160", "mnasnet-0.5-96", "mnasnet-1.0-160", "efficientnet-lite0-160", "ds-cnn-64",
    "transformer-encoder",
)  # fmt: skip
"""Nets of `architectures` that are measured beside all of `architectures.probes`."""

_PRECISIONS = ("float32", "int8")
_ROUNDS = 2
_PLAN = Plan(within=0.01, longest_s=0.5)


@dataclass(slots=True)
class _Made:
    """A file, whether it is a whole net or a probe, and its latency in the quietest round in milliseconds."""

    path: Path
    name: str
    query: Query
    is_whole: bool
    latency_ms: float = math.inf

    @property
    def parts(self) -> tuple[float, ...]:
        """See `prediction.own.parts`."""
        return (self.query.workload.parts if self.query.workload else None) or ()


def calibrate_host(path: Path, threads: int, watch: Watch) -> Calibrated:
    """Measure this machine's CPU in LiteRT, and sharpen the model of the registry at ``path`` with it.

    Every net is timed in several rounds, minutes apart, and the quietest one counts.

    Args:
        path: a registry of the user's own; this machine is added to it where it is not known.
        threads: that LiteRT may use.
        watch: told how far it is.

    Raises:
        MissingExtraError: what makes or runs the nets is not installed.
        RegistryError: the registry has no model, or cannot be written.
    """
    with needing("predict", "measuring this machine"):
        import scipy  # noqa: F401, PLC0415 - said before minutes are spent
    with needing("convert", "measuring this machine"):
        import litert_torch  # noqa: F401, PLC0415
    if missing := LitertRunner().lacks():
        raise BenchError(f"LiteRT cannot measure here: {missing}")
    with Reader(path) as opened:
        fitted, target = Predictions(opened).fitted, host(opened)
        profile = target.added or next(each for each in opened.devices() if each.id == target.id)
    made = _timed(profile, threads, watch)
    own: list[Own] = []
    folds: list[Fold] = []
    for precision in dict.fromkeys(each.query.precision for each in made):
        mine = [each for each in made if each.query.precision == precision]
        learnt, guesses = _learnt(mine, Own(profile.id, RUNTIME, threads, precision, (), 0.0, len(mine)))
        own.append(learnt)
        for each, guess in zip((one for one in mine if one.is_whole), guesses, strict=True):
            before = fitted.predict(each.query)
            if isinstance(before, Prediction):
                now = Prediction(guess, guess * math.exp(-learnt.width), guess * math.exp(learnt.width), "")
                folds.append(Fold(len(folds) + 1, each.name, each.latency_ms, before.value_ms, now))
    rows = [Observation(each.query, each.latency_ms) for each in made if each.is_whole]
    store.record(
        path, source_of(read_environment(), datetime.now(UTC).year), [target.added] if target.added else []
    )
    store.keep_predictor(path, LATENCY, fitted.calibrated(rows).knowing(own).to_json())
    return Calibrated(profile.name, tuple(folds), (), (), (f"{RUNTIME} on the cpu, {threads} threads",))


def _timed(profile: DeviceProfile, threads: int, watch: Watch) -> list[_Made]:
    """Make every net, and time them all, round by round."""
    runner, made = LitertRunner(), []
    steps = (1 + _ROUNDS) * len(_PRECISIONS) * (len(NETS) + len(_probes()))
    with tempfile.TemporaryDirectory(prefix="zoo-calibrate-") as folder:
        for each in _make(Path(folder), profile, threads):
            made.append(each)
            watch(len(made), steps)
        done = len(made)
        for _ in range(_ROUNDS):
            for each in made:
                measured = runner.measure(each.path, Setup(threads=threads, plan=_PLAN), lambda *_: None)
                if measured.latency is not None:
                    # the fastest tenth: what a neighbour takes is not the machine's speed
                    fastest = measured.latency.p10_ms or measured.latency.median_ms
                    each.latency_ms = min(each.latency_ms, fastest)
                done += 1
                watch(done, steps)
    return made


def _learnt(made: list[_Made], blank: Own) -> tuple[Own, list[float]]:
    """What operators take, and the guess of each whole net from all others; intervals are for nets, not for probes."""
    from prediction.own_fitting import fit_parts, left_out, width_of  # noqa: PLC0415 - needs an extra

    amounts, times = [each.parts for each in made], [each.latency_ms for each in made]
    whole = [place for place, each in enumerate(made) if each.is_whole]
    guesses = left_out(amounts, times, whole)
    width = width_of(guesses, [times[place] for place in whole])
    return replace(blank, costs=fit_parts(amounts, times), width=width), guesses


def _probes() -> tuple[str, ...]:
    from architectures.probes import PROBES  # noqa: PLC0415 - torch loads only when nets are made

    return tuple(PROBES)


def _make(folder: Path, profile: DeviceProfile, threads: int) -> Iterator[_Made]:
    """Write every net as float32 and as int8, with random weights: what is computed does not depend on them."""
    from architectures.catalogue import parse  # noqa: PLC0415 - torch loads only when nets are made
    from converters.inspection.inspecting import inspect  # noqa: PLC0415
    from converters.recipes import Recipe  # noqa: PLC0415
    from converters.targets.base import Settings  # noqa: PLC0415
    from converters.targets.tflite import TfliteConverter  # noqa: PLC0415

    for source in _sources():
        converter = TfliteConverter(source, folder)
        for recipe in map(Recipe, _PRECISIONS):
            path = folder / f"{source.name}-{recipe}-made.tflite"
            converter.write(recipe, Settings(calibration=[list(source.examples)]), path)
            workload = workload_of(inspect(path, coverage=False))
            known = parse(source.name) if source.name in NETS else None
            query = Query(
                source.name if known is None else known.family, "" if known is None else known.family, Processor.CPU,
                RUNTIME, None if known is None else known.width, "", str(recipe), workload=workload, device=profile.id,
                profile=profile, threads=threads,
            )  # fmt: skip
            yield _Made(path, f"{source.name} {recipe}", query, known is not None)


def _sources() -> Iterator["Source"]:
    import torch  # noqa: PLC0415 - only who makes nets pays for it

    from architectures.probes import PROBES  # noqa: PLC0415
    from converters.sources.base import SourceKind  # noqa: PLC0415
    from converters.sources.torch_modules import from_architecture, from_module  # noqa: PLC0415

    for name in NETS:
        yield from_architecture(name, None)
    for name, (build, shape) in PROBES.items():
        torch.manual_seed(0)
        examples = [torch.randn(1, *shape)]
        yield from_module(build().eval(), examples, name, SourceKind.ARCHITECTURE, name)
