"""Jobs of the claims that no recipe says: containers, lottery tickets, and int8 against float32 on the clock."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from architectures.catalogue import parse
from compress.container.packing import pack, unpack
from compress.net import Blueprint, Net, fresh
from compress.recipes.options import build
from compress.recipes.recipe import InputPlan
from compress.sweep.work import Parents, Report
from compress.training import Settings, fit
from compress.weight_pruning import Lottery, draw, kept_weights, reinitialized
from converters.converting import convert
from converters.making import Request
from converters.recipes import Recipe, Target
from converters.runners.base import RUNNERS, runner
from converters.sources.base import SourceKind
from converters.sources.torch_modules import from_module
from datasets.catalogue import known
from datasets.loading import load
from zoo.continuum import inputs, stages
from zoo.continuum.files import Judging, Made, files_of

Record = dict[str, Any]
RESULT = "result.json"
_CALIBRATION = 64
_ROUNDS = 15


def run(spec: Mapping[str, Any], parents: Parents, report: Report) -> Mapping[str, bytes]:
    """Do the job of a stage: one of those below, or of a recipe."""
    torch.set_num_threads(1)
    if "container" in spec:
        return _result(_container(parents))
    if "lottery" in spec:
        return _result(_tickets(spec, parents, report))
    if "latency" in spec:
        return _result(_latency(spec, report))
    if "times" in spec:
        return _result(_times(parents, report))
    return stages.run(spec, parents, report)


def _result(found: Record | list[Record]) -> dict[str, bytes]:
    return {RESULT: json.dumps(found, sort_keys=True).encode()}


def _container(parents: Parents) -> dict[str, Any]:
    """The whole deep-compression file of a net, which must restore every bit of the net."""
    net = Net.from_bytes(parents["net"]["net.safetensors"])
    data = pack(net)
    if unpack(data).to_bytes() != net.to_bytes():
        raise RuntimeError("the container does not restore the net bit for bit")
    kept = kept_weights(net)
    return {
        "container_bytes": len(data),
        "float_bytes": 4 * sum(each.numel() for each in net.module.parameters()),
        "weights_kept": sum(each.kept for each in kept),
        "weights": sum(each.total for each in kept),
    }


def _tickets(spec: Mapping[str, Any], parents: Parents, report: Report) -> list[dict[str, Any]]:
    """Dense net, tickets and other weights under the tickets' masks, trained alike and scored as files."""
    plan = build(InputPlan, spec["input"], "input", [])
    assert plan is not None  # noqa: S101 - the recipe was checked
    data, told = inputs.Prepared.from_files(parents["data"]), spec["lottery"]
    architecture = parse(spec["architecture"])
    dense = fresh(
        Blueprint(architecture.name, architecture.shape, len(known(spec["dataset"]).classes)), spec["seed"]
    )
    samples = inputs.training_samples(plan, data, architecture.shape, without=None, augment=False)
    calibration = torch.cat([each.inputs for each in samples.first(_CALIBRATION).batches()]).numpy()
    part = load(spec["dataset"], splits=[stages.TEST]).part(stages.TEST)
    nets = {"dense": dense}
    drawn = draw(
        dense, samples, Settings(**told["round"]), Lottery(told["per_round"], told["head_per_round"]),
        wanted=[1 - each for each in told["kept"]], seed=spec["seed"], report=report,
    )  # fmt: skip
    for share, ticket in zip(told["kept"], drawn, strict=True):
        nets[f"ticket {share}"] = ticket
        nets[f"reinit {share}"] = reinitialized(ticket, spec["seed"] + 1000)
    found = []
    for name, net in nets.items():
        fit(net.module, samples, Settings(**told["last"]), seed=spec["seed"])
        judging = Judging(
            "lenet", [("tflite", "float32")], inputs.preprocessing_of(plan), known(spec["dataset"]).classes,
            calibration, part,
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="zoo-claims-") as folder:
            (made,) = files_of(net, judging, Path(folder), report)
        if not isinstance(made, Made) or made.evaluation is None:
            raise RuntimeError(f"{name}: no file: {made}")
        right = made.evaluation.correct
        kind, _, share = name.partition(" ")
        found.append(
            {
                "kind": kind,
                "share": float(share or 1.0),
                "accuracy": 100 * sum(right) / len(right),
                "samples": len(right),
                "kernels": f"{made.evaluation.runtime} ({made.evaluation.kernels})",
                "weights_kept": sum(each.kept for each in kept_weights(net)),
                "weights": sum(each.total for each in kept_weights(net)),
            }
        )
        report(f"{name}: {found[-1]['accuracy']:.2f} %")
    return found


def _latency(spec: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Float32 against static int8 in LiteRT, turn by turn in one run; latency does not depend on the weights."""
    architecture = parse(spec["architecture"])
    net = fresh(Blueprint(architecture.name, architecture.shape, architecture.classes), 0)
    random = np.random.default_rng(0)
    samples = random.normal(size=(_CALIBRATION, *architecture.shape)).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="zoo-claims-") as folder:
        paths = _converted(net, samples, (Recipe.FLOAT32, Recipe.INT8), Path(folder) / "files", report)
        return {"net": architecture.name} | _timed(
            ("float32", "int8"), paths, np.moveaxis(samples[:1], 1, -1), report
        )


def _times(parents: Parents, report: Report) -> dict[str, Any]:
    """A net against the one that it was made of, as float32 files, turn by turn in one run."""
    nets = {role: Net.from_bytes(files["net.safetensors"]) for role, files in parents.items()}
    shape = nets["whole"].blueprint.shape
    samples = np.random.default_rng(0).random((_CALIBRATION, *shape), dtype=np.float32)
    with tempfile.TemporaryDirectory(prefix="zoo-claims-") as folder:
        paths = {
            role: _converted(net, samples, (Recipe.FLOAT32,), Path(folder) / role, report)[Recipe.FLOAT32]
            for role, net in nets.items()
        }
        return _timed(("whole", "smaller"), paths, np.moveaxis(samples[:1], 1, -1), report)


def _converted(
    net: Net, samples: NDArray[Any], recipes: tuple[Recipe, ...], folder: Path, report: Report
) -> dict[str, Path]:
    """TFLite files of a net, by recipe."""
    folder.mkdir()
    np.save(folder / "samples.npy", samples)
    request = Request((Target.TFLITE,), recipes, folder / "out", folder / "samples.npy", keep_slow=True)
    name = net.blueprint.architecture
    source = from_module(net.module, [torch.from_numpy(samples[:1])], name, SourceKind.ARCHITECTURE, name)
    made = convert(source, request, report)
    if made.refused:
        raise RuntimeError(f"refused: {[each.reason for each in made.refused]}")
    return {each.recipe: folder / "out" / each.path for each in made.files}


def _timed(
    pair: tuple[str, str], paths: Mapping[str, Path], sample: NDArray[Any], report: Report
) -> dict[str, Any]:
    """How much faster the second file of a pair is."""
    running = runner(RUNNERS[".tflite"][0])
    taken: dict[str, list[float]] = {each: [] for each in pair}
    for _ in range(_ROUNDS):
        for role in pair:
            latency = running.latency_ms(paths[role], [sample])
            assert latency is not None  # noqa: S101 - XNNPACK's kernels have one
            taken[role].append(latency)
    slow_ms, fast_ms = (_median(taken[each]) for each in pair)
    ratios = [one / other for one, other in zip(*(taken[each] for each in pair), strict=True)]
    report(f"{pair[0]} {slow_ms:.3f} ms, {pair[1]} {fast_ms:.3f} ms")
    return {
        "slow_ms": slow_ms, "fast_ms": fast_ms, "ratio": _median(ratios), "low": min(ratios),
        "high": max(ratios), "rounds": _ROUNDS, "kernels": f"{running.runtime} ({running.kernels})",
    }  # fmt: skip


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))
