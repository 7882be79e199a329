"""Runs what docs/claims.md tells: published claims of compression, measured on real data.

``recipes/fashion-classifier.toml`` says what nets are made; `claims_jobs` adds what no recipe says. Nets form groups:
what the recipe calls ``GROUP-float`` is the float net that the others of its group are compared with. Finished stages
lie under build/claims by their digests, so a run goes on where another one stopped. What the runs gave is written to
docs/claims.json; `claims_page` makes the page of it. A result whose recipe was changed since is dropped.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims_page import page

from compress.recipes.planning import DATA, EMIT, VERSION
from compress.recipes.recipe import Recipe
from compress.sweep.progress import Progress
from compress.sweep.stages import Stage
from compress.sweep.store import Store
from compress.sweep.sweeping import Place, sweep
from registry.continua import read_continuum
from zoo.bootstrap import paired_bootstrap
from zoo.continuum.compressing import read
from zoo.continuum.stages import ANSWERS_FILE, CONTINUUM_FILE

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "claims"
RESULTS = ROOT / "docs" / "claims.json"
PAGE = ROOT / "docs" / "claims.md"
JOB = "claims_jobs:run"
RECIPE = ROOT / "recipes" / "fashion-classifier.toml"
FLOAT = "float"  # the net of a group that others are compared with
PACKED = ("prune-weights", "share", "qat")
TIMED = ("resnet-8", "mobilenet-v1-0.25-128", "mobilenet-v3-small-1.0-96")
LOTTERY = {
    "kept": [0.2, 0.1, 0.05],
    "per_round": 0.3,
    "head_per_round": 0.15,
    "round": {"epochs": 1, "batch": 256, "learning_rate": 2e-3},
    "last": {"epochs": 3, "batch": 256, "learning_rate": 2e-3},
}
LOTTERY_SEEDS = (0, 1, 2)
SPOKEN = ROOT / "registry" / "continua" / "spoken-digits.json"
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Planned:
    """A stage whose result the page tells.

    Attributes:
        stage: see `compress.sweep`.
        group: what `--only` calls it.
        about: what its record begins with.
    """

    stage: Stage
    group: str
    about: Record


def plans() -> tuple[list[Stage], list[Planned]]:
    """All stages, and those of them whose results are told."""
    recipe, stages = read(RECIPE)
    emits = [_planned(recipe, each) for each in stages if each.kind == EMIT]
    (data,) = [each for each in stages if each.kind == DATA]
    told = [*emits, *_containers(emits), *_times(emits), *_lottery(recipe, data)]
    for net in TIMED:
        spec = {"version": VERSION, "latency": True, "architecture": net}
        told.append(
            Planned(Stage("latency", f"latency of {net}", spec), "int8", {"kind": "int8", "net": net})
        )
    return list(stages), told


def _planned(recipe: Recipe, emit: Stage) -> Planned:
    control = bool(emit.spec["control"])
    (handle,) = [
        each.handle
        for each in recipe.nets
        if emit.spec["name"] == (recipe.control_name(each) if control else recipe.name(each))
    ]
    group, _, role = handle.rpartition("-")
    net = f"{role} (control)" if control else role
    about = {
        "kind": "files",
        "group": group,
        "net": net,
        "name": emit.spec["name"],
        "seed": emit.spec["seed"],
    }
    return Planned(emit, group, about)


def _did(planned: Planned, steps: tuple[str, ...]) -> bool:
    """Whether one of these steps was taken with a net that is no control."""
    spec = planned.stage.spec
    return not spec["control"] and any(step["do"] in steps for step in spec["steps"])


def _containers(emits: list[Planned]) -> Iterator[Planned]:
    for each in emits:
        if _did(each, PACKED):
            title = f"container of {each.about['name']}, seed {each.about['seed']}"
            parents = {"net": each.stage.parents["net"]}
            stage = Stage("container", title, {"version": VERSION, "container": True}, parents)
            yield Planned(stage, each.group, each.about | {"kind": "container"})


def _times(emits: list[Planned]) -> Iterator[Planned]:
    """Nets with fewer filters against the float net."""
    floats = {(each.group, each.about["seed"]): each for each in emits if each.about["net"] == FLOAT}
    for each in emits:
        if _did(each, ("prune-filters",)):
            title = f"times of {each.about['name']}, seed {each.about['seed']}"
            whole = floats[each.group, each.about["seed"]].stage
            parents = {"whole": whole.parents["net"], "smaller": each.stage.parents["net"]}
            stage = Stage("times", title, {"version": VERSION, "times": True}, parents)
            yield Planned(stage, each.group, each.about | {"kind": "times"})


def _lottery(recipe: Recipe, data: Stage) -> Iterator[Planned]:
    for seed in LOTTERY_SEEDS:
        spec = {
            "version": VERSION, "dataset": recipe.dataset, "input": data.spec["input"],
            "architecture": "lenet-300-100", "seed": seed, "lottery": LOTTERY,
        }  # fmt: skip
        stage = Stage("lottery", f"lottery, seed {seed}", spec, {"data": data.key})
        yield Planned(stage, "lottery", {"kind": "lottery", "seed": seed})


def wanted(every: list[Stage], told: list[Planned], groups: list[str], seeds: list[int]) -> Iterator[Stage]:
    """What a run has to make: stages of these groups and seeds, with all that they build on, first seeds first."""
    by_key = {each.key: each for each in [*every, *(one.stage for one in told)]}

    def line(stage: Stage) -> Iterator[Stage]:
        for key in stage.parents.values():
            yield from line(by_key[key])
        yield stage

    for each in sorted(
        told,
        key=lambda one: (groups.index(one.group) if one.group in groups else 0, one.about.get("seed", 0)),
    ):
        if (not groups or each.group in groups) and each.about.get("seed", seeds[0]) in seeds:
            yield from line(each.stage)


def records(told: list[Planned], before: dict[str, list[Record]]) -> dict[str, list[Record]]:
    """What is known, by the key of the stage that gave it: from the store, else what was written before."""
    store, found = Store(WORK), {}
    held = {each.stage.key for each in told if store.holds(each.stage.key)}
    floats = {
        (each.about["group"], each.about["seed"]): json.loads(store.files(each.stage.key)[ANSWERS_FILE])
        for each in told
        if each.stage.key in held and each.about["kind"] == "files" and each.about["net"] == FLOAT
    }
    for each in told:
        key = each.stage.key
        if each.stage.key in held:
            files = store.files(each.stage.key)
            if each.about["kind"] != "files":
                result = json.loads(files["result.json"])
                results = result if isinstance(result, list) else [result]
                found[key] = [{**each.about, "result": one} for one in results]
            elif (each.about["group"], each.about["seed"]) in floats:
                reference = floats[each.about["group"], each.about["seed"]]
                found[key] = list(_scored(each, files, reference))
        if key not in found and key in before:
            found[key] = before[key]
    return found | {"spoken-digits": _spoken()}


def _spoken() -> list[Record]:
    """Variants of the shipped spoken-digits continuum, with their working memory in TFLM."""
    if not SPOKEN.exists():
        return []
    found = read_continuum(SPOKEN.read_text(encoding="utf-8"), SPOKEN.name)
    records = []
    for each in found.variants:
        arena = re.search(r"TFLM takes ([\d,]+) bytes", each.note)
        if arena and each.size_bytes:
            (accuracy,) = each.accuracies
            records.append(
                {
                    "kind": "spoken",
                    "name": each.name,
                    "size_bytes": each.size_bytes,
                    "arena_bytes": int(arena[1].replace(",", "")),
                    "accuracy": accuracy.value,
                    "samples": accuracy.samples,
                    "kernels": accuracy.runtime,
                }
            )
    return records


def _scored(
    planned: Planned, files: Mapping[str, bytes], reference: dict[str, list[bool]]
) -> Iterator[Record]:
    """The record of each TFLite file, with its paired difference from the float32 one of the float net."""
    (base,) = [answers for name, answers in reference.items() if name.endswith("float32.tflite")]
    answers = json.loads(files[ANSWERS_FILE])
    made = read_continuum(files[CONTINUUM_FILE].decode(), planned.stage.title).variants
    for each in (one for one in made if one.format == "tflite"):
        (accuracy,) = each.accuracies
        difference = paired_bootstrap(answers[each.name], base, 0)
        yield {
            **planned.about,
            "precision": str(each.precision),
            "accuracy": accuracy.value,
            "samples": accuracy.samples,
            "kernels": accuracy.runtime,
            "size_bytes": each.size_bytes,
            "params": each.params,
            "macs": each.macs,
            "points": round(difference.points, 4),
            "low": round(difference.low, 4),
            "high": round(difference.high, 4),
        }


def main() -> None:
    """Make what is missing, then write the results and the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="a group of rows; may be given again")
    parser.add_argument(
        "--seed", action="append", type=int, default=[], help="only this seed; may be given again"
    )
    parser.add_argument("--jobs", type=int, default=1, help="side by side; times want a quiet machine")
    parser.add_argument(
        "--collect", action="store_true", help="run nothing: tell what the finished stages gave"
    )
    asked = parser.parse_args()
    every, told = plans()
    groups = list(dict.fromkeys(each.group for each in told))
    unknown = set(asked.only) - set(groups)
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}; known: {', '.join(groups)}")
    missed: tuple[Any, ...] = ()
    if not asked.collect:
        stages = list(wanted(every, told, asked.only or groups, asked.seed or [0, 1, 2]))
        missed = sweep(stages, JOB, WORK, Place(asked.jobs), _Listener().hear).missed
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    found = records(told, before)
    found = dict(sorted(found.items()))  # as it will be read again
    RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page([each for some in found.values() for each in some]), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    for each in missed:
        print(each)
    if missed:
        raise SystemExit(1)


class _Listener:
    """Prints when something has changed."""

    def __init__(self) -> None:
        self._last: tuple[int, tuple[str, ...]] = (0, ())

    def hear(self, progress: Progress) -> None:
        now = (progress.done, progress.running)
        if now != self._last:
            print(
                f"{progress.done} of {progress.total} stages done; {', '.join(progress.running)}", flush=True
            )
            self._last = now


if __name__ == "__main__":
    main()
