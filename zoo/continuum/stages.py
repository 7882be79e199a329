"""What one job of a sweep does; see `compress.recipes.planning` for the kinds of stages.

Jobs get their data and nets as bytes and give files back, so they run in a process or on another machine alike. Every
job computes with one thread: results must not depend on how many run side by side.
"""

import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from architectures.catalogue import parse
from architectures.families import FAMILIES
from compress.net import Blueprint, Net
from compress.recipes.kinds import read_step
from compress.recipes.options import build
from compress.recipes.planning import without
from compress.recipes.recipe import InputPlan, Protocol
from compress.recipes.steps import Rewind
from compress.samples import Samples
from compress.sweep.work import Parents
from compress.training import lesson
from datasets.catalogue import known
from datasets.loading import load
from datasets.values import Part
from registry.catalogue import Source
from registry.continua import Continuum
from registry.values import Accuracy, Availability, Processor
from zoo.continuum import inputs, steps
from zoo.continuum.files import Judging, Made, Refused, files_of
from zoo.continuum.results import Lineage, variant_of
from zoo.evaluation import METRIC

NET, DATA, TEACHER, LESSON = "net", "data", "teacher", "lesson"
NET_FILE, CONTINUUM_FILE, LOGITS_FILE = "net.safetensors", "continuum.json", "logits.npy"
ANSWERS_FILE, REFUSED_FILE, BLOB = "answers.json", "refused.json", "blob-"
TRAIN, TEST, ALL = "train", "test", "all"
CALIBRATION_SAMPLES = 264  # the first 8 become golden inputs

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
    torch.set_num_threads(1)
    plan = _plan(spec)
    if "step" in spec:
        return _step(spec, plan, parents, report)
    if "lesson" in spec:
        return _lesson(spec, plan, parents)
    if "files" in spec:
        return _emit(spec, plan, parents, report)
    return inputs.prepared(plan, training_part(spec["dataset"], spec["extra"]), 0).to_files()


def _plan(spec: Spec) -> InputPlan:
    plan: InputPlan | None = build(InputPlan, spec["input"], "input", [])
    assert plan is not None  # noqa: S101 - the recipe was checked
    return plan


def training_part(dataset: str, extra: Sequence[str] = ()) -> Part:
    """All samples where groups are left out, the training split elsewhere; then those of more data sets."""
    splits = known(dataset).splits
    split = ALL if ALL in splits else TRAIN
    part = load(dataset, splits=[split]).part(split)
    for each in extra:
        part = part.joined(training_part(each))
    return part


def _step(spec: Spec, plan: InputPlan, parents: Parents, report: Report) -> dict[str, bytes]:
    step = read_step(spec["step"])
    begins = NET not in parents or isinstance(step, Rewind)  # a ticket goes back to where the net began
    net = _first(spec) if begins else Net.from_bytes(parents[NET][NET_FILE])
    data = inputs.Prepared.from_files(parents[DATA])
    shape, group = net.blueprint.shape, spec["without"]
    teacher = Net.from_bytes(parents[TEACHER][NET_FILE]) if TEACHER in parents else None
    soft = torch.from_numpy(np.load(io.BytesIO(parents[LESSON][LOGITS_FILE]))) if LESSON in parents else None

    def samples(varied: bool) -> Samples:  # noqa: FBT001 - of the protocol
        made = inputs.training_samples(plan, data, shape, without=group, augment=varied)
        return replace(made, soft=soft)

    around = steps.Around(samples, spec["seed"], teacher, report)
    return {NET_FILE: steps.take(net, step, around).to_bytes()}


def _lesson(spec: Spec, plan: InputPlan, parents: Parents) -> dict[str, bytes]:
    teacher, data = Net.from_bytes(parents[NET][NET_FILE]), inputs.Prepared.from_files(parents[DATA])
    samples = inputs.training_samples(
        plan, data, teacher.blueprint.shape, without=spec["without"], augment=spec["lesson"]["augment"]
    )
    return {LOGITS_FILE: inputs.saved(lesson(teacher.module, samples).numpy())}


def _first(spec: Spec) -> Net:
    architecture = parse(spec["architecture"])
    blueprint = Blueprint(architecture.name, architecture.shape, len(known(spec["dataset"]).classes))
    return steps.begin(blueprint, spec["seed"], pretrained=spec["pretrained"])


def _emit(spec: Spec, plan: InputPlan, parents: Parents, report: Report) -> dict[str, bytes]:
    """Convert a net, score its files, and write both down as variants of the registry."""
    labels, data = known(spec["dataset"]).classes, inputs.Prepared.from_files(parents[DATA])
    part = training_part(spec["dataset"], spec["extra"])
    judged: dict[tuple[str, str], list[Made | Refused]] = {}
    with tempfile.TemporaryDirectory(prefix="zoo-emit-") as folder:
        for group in (*spec["groups"], None):
            report(f"files of the net trained {'on all' if group is None else without(group)}")
            net = Net.from_bytes(parents[NET if group is None else without(group)][NET_FILE])
            trained_on = part if group is None else part.without(group)
            judging = Judging(
                f"{spec['name']}-{spec['model']}",
                [(format_, precision) for format_, precision in spec["files"]],
                inputs.fitted_to(plan, trained_on),
                labels,
                _calibration(plan, data, net, group),
                _judges(spec, part, group),
            )
            for each in files_of(net, judging, Path(folder) / (group or ALL), report):
                judged.setdefault((each.format, each.precision), []).append(each)
    return _documents(spec, judged)


def _judges(spec: Spec, part: Part, group: str | None) -> Part | None:
    """Samples that a net is scored on; ``None`` for the net that was trained on all groups."""
    if spec["protocol"] == Protocol.LEAVE_ONE_GROUP_OUT:
        return None if group is None else part.only(group)
    return load(spec["dataset"], splits=[TEST]).part(TEST)


def _calibration(plan: InputPlan, data: inputs.Prepared, net: Net, group: str | None) -> Any:
    """Inputs out of the training data: golden ones, and those that find the scales of activations."""
    samples = inputs.training_samples(plan, data, net.blueprint.shape, without=group, augment=False)
    chosen = torch.randperm(len(samples), generator=torch.Generator().manual_seed(0))[:CALIBRATION_SAMPLES]
    return torch.cat([each.inputs for each in samples.take(chosen).batches()]).numpy()


def _documents(spec: Spec, judged: Mapping[tuple[str, str], Sequence[Made | Refused]]) -> dict[str, bytes]:
    """Variants with their evidence, the answers of each, why others are refused, and bytes that are small enough."""
    lineage, variants, certificates = _lineage(spec), [], {}
    answers: dict[str, list[bool]] = {}
    refused: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for (format_, precision), runs in judged.items():
        made = [each for each in runs if isinstance(each, Made)]
        reasons = sorted({each.reason for each in runs if isinstance(each, Refused)})
        if reasons:  # of one group at least: then nobody knows how good the file is
            refused[f"{format_} {precision}"] = "; ".join(reasons)
            continue
        ships = made[-1]  # trained on everything
        right = [each.evaluation.correct for each in made if each.evaluation is not None]
        variant = variant_of(
            lineage, ships, certificate=ships.certificate_sha256, accuracies=[_accuracy(spec, made, lineage)]
        )
        variants.append(variant)
        certificates[ships.certificate_sha256] = ships.certificate
        answers[variant.name] = [each for run in right for each in run]
        if variant.availability is Availability.HELD:
            files[f"{BLOB}{ships.report.sha256}"] = ships.data
    source = Source(lineage.source, "", None, "")
    document = Continuum(spec["model"], source, tuple(variants), certificates)
    return {
        **files,
        CONTINUUM_FILE: document.to_json().encode(),
        ANSWERS_FILE: json.dumps(answers).encode(),
        REFUSED_FILE: json.dumps(refused).encode(),
    }


def _lineage(spec: Spec) -> Lineage:
    architecture = parse(spec["architecture"])
    has_width = FAMILIES[architecture.family].width is not None
    *_, height, width = architecture.shape
    return Lineage(
        model=spec["model"],
        net=spec["name"],
        family=architecture.family,
        alpha=architecture.width if has_width else None,
        resolution=f"{height}" if height == width else f"{height}x{width}",
        source=f"continuum-{spec['model']}",
        largest_held=spec["largest_held"],
    )


def _accuracy(spec: Spec, made: Sequence[Made], lineage: Lineage) -> Accuracy:
    """Of a file on the test split; or the mean over the groups, each scored by a net that never saw it."""
    scored = [each.evaluation for each in made if each.evaluation is not None]
    shares = [100 * sum(each.correct) / len(each.correct) for each in scored]
    left_out = spec["protocol"] == Protocol.LEAVE_ONE_GROUP_OUT
    each_group = ", ".join(f"{name} {share:.1f}" for name, share in zip(spec["groups"], shares, strict=False))
    return Accuracy(
        metric=METRIC,
        value=round(sum(shares) / len(shares), 4),
        dataset=spec["dataset"],
        split=str(Protocol.LEAVE_ONE_GROUP_OUT) if left_out else TEST,
        samples=sum(len(each.correct) for each in scored),
        evidence="measured",
        runtime=f"{scored[0].runtime} ({scored[0].kernels})",
        processor=Processor.CPU,
        device="",
        source=lineage.source,
        note=f"mean over groups, each scored by a file of a net that was trained without it: {each_group}"
        if left_out
        else "",
    )
