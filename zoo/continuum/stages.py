"""What one job of a sweep does; see `compress.recipes.planning` for the kinds of stages.

Jobs get their data and nets as bytes and give files back, so they run in a process or on another machine alike. Every
job computes with one thread: results must not depend on how many run side by side.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from architectures.catalogue import parse
from architectures.families import FAMILIES
from compress.net import Blueprint, Net
from compress.recipes.kinds import read_step
from compress.recipes.planning import without
from compress.recipes.recipe import InputPlan
from compress.sweep.work import Parents
from datasets.catalogue import known
from datasets.loading import load
from datasets.values import Part
from zoo.continuum import inputs, steps
from zoo.continuum.files import Judged, Judging, files_of
from zoo.continuum.results import Lineage, variant_of
from zoo.errors import SweepError

NET, DATA, TEACHER = "net", "data", "teacher"
NET_FILE, CONTINUUM_FILE, ANSWERS_FILE = "net.safetensors", "continuum.json", "answers.json"
TRAIN, TEST, ALL = "train", "test", "all"
LEAVE_OUT = "leave-one-group-out"
CALIBRATION_SAMPLES = 264  # the first 8 become golden inputs
_IMAGE_RANK = 3

Report = Callable[[str], None]
Spec = Mapping[str, Any]


def run(spec: Spec, parents: Parents, report: Report) -> Mapping[str, bytes]:
    """Do the job of a stage.

    Args:
        spec: of the stage.
        parents: files of its parents, by role.
        report: takes lines for the job's log.

    Returns:
        Files by name.

    Raises:
        ZooError: the data set is not found, a training or a conversion cannot go on.
    """
    import torch

    torch.set_num_threads(1)
    plan = InputPlan(**{key: tuple(each) if isinstance(each, list) else each for key, each in spec["input"].items()})
    if "step" in spec:
        return _step(spec, plan, parents, report)
    if "files" in spec:
        return _emit(spec, plan, parents, report)
    return inputs.prepared(plan, _training_part(spec), 0).to_files()


def _training_part(spec: Spec) -> Part:
    """All samples where groups are left out, the training split elsewhere."""
    splits = known(spec["dataset"]).splits
    split = ALL if ALL in splits else TRAIN
    return load(spec["dataset"], splits=[split]).part(split)


def _step(spec: Spec, plan: InputPlan, parents: Parents, report: Report) -> dict[str, bytes]:
    net = Net.from_bytes(parents[NET][NET_FILE]) if NET in parents else _first(spec)
    data = inputs.Prepared.from_files(parents[DATA])
    shape, group = net.blueprint.shape, spec["without"]
    teacher = Net.from_bytes(parents[TEACHER][NET_FILE]) if TEACHER in parents else None
    around = steps.Around(
        lambda varied: inputs.training_samples(plan, data, shape, without=group, augment=varied),
        spec["seed"],
        teacher,
        report,
    )
    return {NET_FILE: steps.take(net, read_step(spec["step"]), around).to_bytes()}


def _first(spec: Spec) -> Net:
    architecture = parse(spec["architecture"])
    blueprint = Blueprint(architecture.name, architecture.shape, len(known(spec["dataset"]).classes))
    return steps.begin(blueprint, spec["seed"], pretrained=spec["pretrained"])


def _emit(spec: Spec, plan: InputPlan, parents: Parents, report: Report) -> dict[str, bytes]:
    """Convert a net, score its files, and write both down as variants of the registry."""
    labels, data = known(spec["dataset"]).classes, inputs.Prepared.from_files(parents[DATA])
    part = _training_part(spec)
    judged: dict[tuple[str, str], list[Judged]] = {}
    with tempfile.TemporaryDirectory(prefix="zoo-emit-") as folder:
        for group in (*spec["groups"], None):
            report(f"files of the net trained {'on all' if group is None else without(group)}")
            net = Net.from_bytes(parents[NET if group is None else without(group)][NET_FILE])
            trained_on = part if group is None else part.without(group)
            judging = Judging(
                spec["name"],
                spec["files"],
                inputs.fitted_to(plan, trained_on),
                labels,
                _calibration(plan, data, net, group),
                _judges(spec, part, group),
            )
            place = Path(folder) / (group or "all")
            for each in files_of(net, judging, place, report):
                judged.setdefault((each.format, each.recipe), []).append(each)
        return _documents(spec, judged)


def _judges(spec: Spec, part: Part, group: str | None) -> Part | None:
    """Samples that a net is scored on; ``None`` for the net that was trained on all groups."""
    if spec["protocol"] == LEAVE_OUT:
        return None if group is None else part.only(group)
    return load(spec["dataset"], splits=[TEST]).part(TEST)


def _calibration(plan: InputPlan, data: inputs.Prepared, net: Net, group: str | None) -> Any:
    """Inputs out of the training data: golden ones, and those that find the scales of activations."""
    samples = inputs.training_samples(plan, data, net.blueprint.shape, without=group, augment=False)
    chosen = np.random.default_rng(0).permutation(len(samples))[:CALIBRATION_SAMPLES]
    batches = [each.inputs for each in samples.rows(chosen.tolist()).batches()]
    return np.concatenate([each.numpy() for each in batches])


def _documents(spec: Spec, judged: Mapping[tuple[str, str], Sequence[Judged]]) -> dict[str, bytes]:
    """The variants with their evidence, the answers of each, and the bytes of those that are small enough."""
    from registry.catalogue import Source
    from registry.continua import Continuum

    architecture = parse(spec["architecture"])
    family = FAMILIES[architecture.family]
    lineage = Lineage(
        model=spec["model"],
        net=spec["name"],
        family=architecture.family,
        alpha=None if family.width is None else architecture.width,
        resolution=_resolution(architecture.shape),
        source=f"continuum-{spec['model']}",
    )
    found, certificates, answers, blobs = [], {}, {}, {}
    for runs in judged.values():
        shipped = runs[-1]  # the net that was trained on everything comes last
        if shipped.record is None or any(each.refused for each in runs):
            continue
        variant = variant_of(
            lineage,
            shipped.record,
            shipped.report,
            spec=shipped.spec,
            accuracies=_accuracies(spec, runs, lineage.source),
            certificate=shipped.certificate_sha256,
            held=not spec["seed"],
        )
        found.append(variant)
        certificates[shipped.certificate_sha256] = shipped.certificate
        answers[variant.name] = [each.evaluation.correct for each in runs if each.evaluation is not None]
        if shipped.report.size_bytes <= variant_of.__kwdefaults__.get("largest", 6_000_000):
            blobs[f"blob-{shipped.report.sha256}"] = shipped.data
    if not found:
        reasons = {each.refused for runs in judged.values() for each in runs if each.refused}
        raise SweepError(f"no file of {spec['name']} is what it must be: {'; '.join(sorted(reasons))}")
    document = Continuum(spec["model"], Source(lineage.source, "", None, ""), tuple(found), certificates)
    return {
        CONTINUUM_FILE: document.to_json().encode(),
        ANSWERS_FILE: json.dumps(answers).encode(),
        **blobs,
    }
