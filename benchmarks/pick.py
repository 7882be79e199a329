"""How fast the choice is: as a process against a bare import, and in process on a large registry.

Run with ``make bench``. Prints figures and asserts nothing: timings belong to the machine they were taken on.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from device_profiles.loading import load_profiles
from registry.catalogue import Catalogue, Source
from registry.choice import explain, pick
from registry.ranking import Request
from registry.reader import Reader, shipped_registry
from registry.rules import Budgets
from registry.store import rebuild
from registry.values import Accuracy, Measurement, Model, Precision, Processor, Variant

RUNS = 15
DEVICES, VARIANTS = 100, 1000  # 100,000 measurements


def main() -> None:
    """Print all figures."""
    _processes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.db"
        rebuild(path, _large(), load_profiles())
        _in_process(path)


def _processes() -> None:
    zoo = [str(Path(sys.executable).with_name("zoo")), "pick", "--device", "pixel3"]
    runs = {
        "import sqlmodel, typer": [sys.executable, "-c", "import sqlmodel, typer"],
        "zoo pick --device pixel3 --model imagenet-classifier": [*zoo, "--model", "imagenet-classifier"],
        "zoo pick --device pixel3": zoo,
        "zoo --help": [zoo[0], "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(RUNS):  # in turn, so that a slow moment of the machine hits all alike
        for name, command in runs.items():
            times[name].append(_timed(lambda command=command: _run(command)))
    peer = statistics.median(times["import sqlmodel, typer"])
    print(f"as a process, median of {RUNS}: time, ratio to the bare import, peak memory")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"  {median * 1000:7.0f} ms  {median / peer:5.2f}  {_peak_mb(runs[name]):4.0f} MB  {name}")


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _peak_mb(command: Sequence[str]) -> float:
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def _in_process(path: Path) -> None:
    with Reader(path) as registry:
        reading = _median(lambda: registry.shelves("pixel3", "", "bench-classifier"), 5)
        shelf = registry.shelves("pixel3", "", "bench-classifier")["bench-classifier"]
        device = registry.device("pixel3")
    size = f"{DEVICES * VARIANTS:,} measurements, {VARIANTS:,} variants of the model"
    print(f"in process, median: {size}, {len(shelf.rows):,} rows of the device")
    peer = _median(lambda: _bare(shelf.rows, shelf.variants), 101)
    _say(peer, "the peer: one bare pass for the most accurate row inside the budget")
    _say(reading, "read the rows of one device and model from the file, and line them up")
    _say(_median(lambda: replace(shelf), 21), "line up the rows (once for all questions)")
    for name, budgets in (
        ("pick, default budget", Budgets()),
        ("pick, four budgets", Budgets(20, 10_000_000, min_accuracy=60, processors=(Processor.CPU,))),
        ("pick, nothing fits (with the budget to relax)", Budgets(0.001)),
    ):
        request = Request(budgets)
        taken = _median(lambda request=request: pick(shelf, device, request), 101)
        _say(taken, f"{name}: {taken / peer:.1f} times the peer")
    _say(_median(lambda: explain(shelf, device, Request()), 11), "explain (all reasons)")
    with Reader(shipped_registry()) as registry:
        shelves = registry.shelves("pixel3", "sdm845")
        device = registry.device("pixel3")
    every = _median(lambda: [pick(each, device, Request()) for each in shelves.values()], 21)
    _say(every, f"pick for all {len(shelves)} models of the shipped registry")


def _bare(rows: Sequence[Measurement], variants: Mapping[str, Variant]) -> object:
    """What the simplest program would do: no evidence, no runner-up, no reasons."""
    return max(
        (row for row in rows if row.latency_ms is not None and row.latency_ms <= 33),  # noqa: PLR2004 - ms
        key=lambda row: variants[row.variant].accuracies[0].value,
    )


def _say(milliseconds: float, name: str) -> None:
    print(f"  {milliseconds:7.2f} ms  {name}")


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _median(run: Callable[[], object], runs: int) -> float:
    """Milliseconds."""
    run()
    return 1000 * statistics.median(_timed(run) for _ in range(runs))


def _large() -> Catalogue:
    """A made-up registry of the wanted size; its figures mean nothing."""
    model = Model(
        "bench-classifier",
        "Bench",
        "classification",
        "made-up",
        "",
        "top1",
        "%",
        higher_is_better=True,
        default_max_latency_ms=33.0,
        description="",
    )
    source = Source("made-up", "made up by the benchmark", None, "")
    variants = {}
    for number in range(VARIANTS):
        accuracy = Accuracy(
            "top1", 40 + number * 40 / VARIANTS, "made-up", "", 1000, "measured", "", None, "", "made-up"
        )
        name = f"net-{number:04}.tflite"
        variants[name] = Variant(
            name, model.name, f"net-{number:04}", "net", None, "224", Precision.FLOAT32, "tflite", "made-up",
            number * 1000, number * 100_000, number * 4000 + 1000, source="made-up", accuracies=(accuracy,),
        )  # fmt: skip
    blank = Measurement(
        "", "", "tflite", "", 2020, Processor.CPU, "cpu", 4, "", 1.0, None, None, "mean", 50, 1_000_000,
        None, None, None, None, None, None, "", "made-up", "", "", "",
    )  # fmt: skip
    devices = [each.id for each in load_profiles()]
    devices = ["pixel3", *[each for each in devices if each != "pixel3"]][:DEVICES]
    rows = tuple(
        replace(blank, variant=name, device=device, latency_ms=1 + (index * 7919 % 1000) / 10 + place)
        for place, device in enumerate(devices)
        for index, name in enumerate(variants)
    )
    return Catalogue({"made-up": source}, {model.name: model}, variants, rows)


if __name__ == "__main__":
    main()
