"""The verb: a recipe becomes a sweep, its files and their evidence become a continuum."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compress.recipes.planning import EMIT, plan
from compress.recipes.recipe import InputPlan, Protocol, Recipe
from compress.sweep.progress import Progress
from compress.sweep.running import Missed, Outcome
from compress.sweep.stages import Stage
from compress.sweep.store import Store
from compress.sweep.sweeping import Place, sweep
from datasets.catalogue import known
from datasets.finding import find
from datasets.loading import load
from registry.blobs import Blobs
from registry.continua import Continuum, read_continuum
from registry.continua.reading import write_continuum
from zoo.continuum.joining import Emitted, joined, transport
from zoo.continuum.stages import ALL, ANSWERS_FILE, BLOB, CONTINUUM_FILE, NET, NET_FILE, REFUSED_FILE
from zoo.errors import BadRecipeError, ZooError
from zoo.recipes import read_recipe, surroundings

JOB = "zoo.continuum.stages:run"
_PACKED = ("prune-weights", "rewind", "qat", "share", "mixed")  # steps that make a net travel in fewer bytes


@dataclass(frozen=True, slots=True)
class Made:
    """What a sweep gave.

    Attributes:
        continuum: variants with their evidence.
        document: file that it was written to; ``None`` where no file was made.
        refused: files that are not what they must be, with the reason.
        missed: jobs that failed or were skipped.
    """

    continuum: Continuum
    document: Path | None
    refused: Mapping[str, str]
    missed: tuple[Missed, ...]


def read(path: Path) -> tuple[Recipe, tuple[Stage, ...]]:
    """Read a recipe and plan it.

    Raises:
        BadRecipeError: all that is wrong with it, a missing data set included.
    """
    recipe = read_recipe(path, surroundings(dataset_problem=missing, input_problem=input_problem))
    strange = [each for each in recipe.extra if known(each).classes != known(recipe.dataset).classes]
    if strange:  # labels would mean something else
        told = [f"extra: '{each}' has other classes than '{recipe.dataset}'" for each in strange]
        raise BadRecipeError(str(path), told)
    groups: tuple[str, ...] = ()
    if recipe.protocol is Protocol.LEAVE_ONE_GROUP_OUT:
        part = load(recipe.dataset, splits=[ALL]).part(ALL)
        groups = tuple(sorted(set(part.groups)))
    return recipe, plan(recipe, groups)


def missing(name: str) -> str:
    """Why a data set cannot be used, or an empty text."""
    try:
        find(known(name))
    except ZooError as problem:
        return str(problem)
    return ""


def input_problem(made: InputPlan) -> str:
    """Why samples cannot be prepared so, or an empty text."""
    from datasets.augmenting import PictureChanges, SoundChanges
    from datasets.sound import read_features
    from zoo.continuum.inputs import changes_of, is_audio

    problems = read_features(made.features)[1] if is_audio(made) else []
    try:
        if is_audio(made):
            changes_of(made, SoundChanges)
        else:
            changes_of(made, PictureChanges)
    except (TypeError, ValueError) as problem:
        problems.append(f"changes: {problem}")
    return "; ".join(problems)


def compress(
    recipe: Recipe,
    stages: tuple[Stage, ...],
    *,
    text: str,
    work: Path,
    out: Path,
    place: Place,
    listen: Callable[[Progress], None] = lambda _: None,
) -> Made:
    """Run a recipe's sweep and write what it gave.

    Args:
        recipe: what is to be made.
        stages: of it.
        text: of the recipe: its digest is what the figures cite.
        work: folder of what is finished; the same folder goes on where a sweep stopped.
        out: folder for the continuum's document and the files, by digest in ``zoo.blobs``.
        place: where jobs run.
        listen: told how far it is.

    Raises:
        SweepError: the folder is in use or full, or no cluster answers.
        MissingExtraError: a framework is not installed.
    """
    outcome = sweep(stages, JOB, work, place, listen)
    return collect(recipe, outcome, Store(work), text=text, out=out)


def collect(recipe: Recipe, outcome: Outcome, store: Store, *, text: str, out: Path) -> Made:
    """Put what the jobs gave together: one document, and the files by their digests."""
    emitted: list[Emitted] = []
    refused: dict[str, str] = {}
    blobs = Blobs(out / "zoo.blobs")
    for stage in outcome.finished:
        if stage.kind != EMIT:
            continue
        files = store.files(stage.key)
        refused |= {
            f"{stage.spec['name']} {what}": why for what, why in json.loads(files[REFUSED_FILE]).items()
        }
        if stage.spec["seed"] != recipe.seeds[0]:
            continue  # files of the first seed ship; the others say how much chance there is in the figures
        made = read_continuum(files[CONTINUUM_FILE].decode(), stage.title)
        emitted.append(Emitted(stage, made, json.loads(files[ANSWERS_FILE])))
        for name in files:
            if name.startswith(BLOB):
                blobs.put(files[name])
    digest = hashlib.sha256(text.encode()).hexdigest()
    transports = {
        each.stage.spec["name"]: transport(store.files(each.stage.parents[NET])[NET_FILE])
        for each in emitted
        if any(step["do"] in _PACKED for step in each.stage.spec["steps"])
    }
    continuum = joined(recipe, emitted, transports, f"recipes/{recipe.model}.toml, sha256 {digest}")
    document = write_continuum(out, continuum) if continuum.variants else None
    return Made(continuum, document, refused, outcome.missed)
