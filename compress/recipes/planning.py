"""A recipe as stages of a sweep: what nets have in common, from their start on, is made once.

Kinds of stages, with what their spec has and which files they read, by role:

* ``data``: the data set, prepared.
* ``lesson``: what a teacher says of samples that are the same in every epoch. ``data``; ``net``, the teacher.
* ``step``: one step of one net, with one seed, without one group or none. ``data``; ``net``, the step before (none for
  the first one); ``lesson``, or ``teacher`` where its inside is needed or samples change from epoch to epoch. The
  control's step is ``scratch``: ``net`` is then the net whose shape it has.
* ``emit``: the files of one net with one seed. ``data``; ``net``, trained on all; ``without GROUP``, one a group.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from compress.recipes.kinds import kind_of, step_document
from compress.recipes.names import name
from compress.recipes.options import document
from compress.recipes.recipe import NetPlan, Protocol, Recipe
from compress.recipes.steps import Distil, Mixed, Rewind, Share, Step, listens, training_of
from compress.sweep.stages import Stage, ordered
from zoo.errors import UsageError

VERSION = 1
"""Of what a step means: a higher one makes every stage again."""

DATA, LESSON, STEP, EMIT = "data", "lesson", "step", "emit"
_CUT_EPOCHS = 0.2  # work of a step without training
_FILE_EPOCHS = 0.3  # work of one file
_LESSON_EPOCHS = 0.3  # work of asking a teacher about all samples


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a plan is.

    Attributes:
        data: stages that prepare data.
        steps: stages that take a step with a net.
        emits: stages that write files.
        epochs: of all steps together, rounds of lottery tickets included.
        files: of all nets and seeds.
    """

    data: int
    steps: int
    emits: int
    epochs: int
    files: int


def counts(stages: Sequence[Stage]) -> Counts:
    """How much a plan is."""
    kinds = [each.kind for each in stages]
    epochs = sum(int(each.weight) for each in stages if each.kind == STEP)
    files = sum(len(each.spec["files"]) for each in stages if each.kind == EMIT)
    return Counts(kinds.count(DATA), kinds.count(STEP), kinds.count(EMIT), epochs, files)


def without(group: str) -> str:
    """Role of the net that was trained without a group."""
    return f"without {group}"


def plan(recipe: Recipe, groups: Sequence[str] = ()) -> tuple[Stage, ...]:
    """The stages of a recipe, parents first.

    Args:
        recipe: what is to be made.
        groups: of the data set's samples, such as speakers; only ``leave-one-group-out`` looks at them.

    Raises:
        UsageError: no groups where they are needed.
    """
    chosen: tuple[str | None, ...] = (None,)
    if recipe.protocol is Protocol.LEAVE_ONE_GROUP_OUT:
        chosen = (*dict.fromkeys(groups), None)
        if len(chosen) == 1:
            raise UsageError(
                f"dataset '{recipe.dataset}' has no groups, but {recipe.protocol} leaves out one each"
            )
    planner = _Planner(recipe, chosen)
    return ordered(planner.stages())


@dataclass(slots=True)
class _Planner:
    """One recipe on its way into stages.

    Attributes:
        recipe: what is to be made.
        groups: that are left out, one after the other; ``None`` leaves out nothing.
        ends: last stage of each net, by its handle, seed and group.
    """

    recipe: Recipe
    groups: tuple[str | None, ...]
    ends: dict[tuple[str, int, str | None], Stage] = field(default_factory=dict)

    def stages(self) -> Iterator[Stage]:
        data = self._data()
        yield data
        for seed in self.recipe.seeds:
            for net in self.recipe.nets:
                for group in self.groups:
                    yield from self._chain(net, seed, group, data)
                yield from self._files(net, seed, data, self.ends, control=False)
                if net.control:
                    controls = {
                        (net.handle, seed, group): self._control(net, seed, group, data)
                        for group in self.groups
                    }
                    yield from controls.values()
                    yield from self._files(net, seed, data, controls, control=True)

    def _data(self) -> Stage:
        spec = {
            "version": VERSION, "dataset": self.recipe.dataset, "extra": list(self.recipe.extra),
            "input": document(self.recipe.inputs),
        }  # fmt: skip
        return Stage(DATA, f"data of {self.recipe.dataset}", spec)

    def _chain(self, net: NetPlan, seed: int, group: str | None, data: Stage) -> Iterator[Stage]:
        """The net's own steps; those before are its base's."""
        before = self.recipe.steps(self.recipe.net(net.base)) if net.base else ()
        last = self.ends.get((net.base, seed, group)) if net.base else None
        for place, step in enumerate(net.steps):
            parents = {"data": data.key}
            if last is not None:
                parents["net"] = last.key
            if listens(step):
                teacher = self.ends[net.teacher, seed, group]
                if self._has_lesson(step):
                    lesson = self._lesson(step, teacher, group, data)
                    yield lesson
                    parents["lesson"] = lesson.key
                else:
                    parents["teacher"] = teacher.key
            taken = (*before, *net.steps[: place + 1])
            last = self._step(net, taken, (seed, group), parents)
            yield last
        if last is None:
            raise UsageError(f"net '{net.handle}' has no step")
        self.ends[net.handle, seed, group] = last

    def _has_lesson(self, step: Step) -> bool:
        inside = isinstance(step, Distil) and (step.hints or step.layers)
        return not inside and self.recipe.inputs.has_views(augment=_augments(step))

    def _lesson(self, step: Step, teacher: Stage, group: str | None, data: Stage) -> Stage:
        spec = {
            "version": VERSION, "dataset": self.recipe.dataset, "input": document(self.recipe.inputs),
            "without": group, "lesson": {"augment": _augments(step)},
        }  # fmt: skip
        parents = {"data": data.key, "net": teacher.key}
        return Stage(LESSON, f"lesson of {teacher.title}", spec, parents, _LESSON_EPOCHS, teacher.pace)

    def _control(self, net: NetPlan, seed: int, group: str | None, data: Stage) -> Stage:
        taken = (*self.recipe.steps(net), self.recipe.control(net))
        parents = {"data": data.key, "net": self.ends[net.handle, seed, group].key}
        return self._step(net, taken, (seed, group), parents)

    def _step(
        self, net: NetPlan, taken: Sequence[Step], chain: tuple[int, str | None], parents: dict[str, str]
    ) -> Stage:
        """The last of the steps that are taken."""
        seed, group = chain
        pretrained = self.recipe.pretrained(net)
        spec: dict[str, Any] = {
            "version": VERSION, "dataset": self.recipe.dataset, "protocol": self.recipe.protocol.value,
            "input": document(self.recipe.inputs), "architecture": net.architecture, "pretrained": pretrained,
            "seed": seed, "without": group, "step": step_document(taken[-1]),
        }  # fmt: skip
        called = name(net.architecture, taken, pretrained=pretrained)
        title = f"{called}, seed {seed}{f', without {group}' if group is not None else ''}"
        pace = f"{net.architecture} {kind_of(taken[-1]).word}"
        return Stage(STEP, title, spec, parents, _epochs(taken[-1]), pace)

    def _files(
        self,
        net: NetPlan,
        seed: int,
        data: Stage,
        ends: dict[tuple[str, int, str | None], Stage],
        *,
        control: bool,
    ) -> Iterator[Stage]:
        files = self.recipe.files(net)
        if not files:
            return
        steps = (*self.recipe.steps(net), *((self.recipe.control(net),) if control else ()))
        called = self.recipe.control_name(net) if control else self.recipe.name(net)
        left_out = [each for each in self.groups if each is not None]
        spec: dict[str, Any] = {
            "version": VERSION, "model": self.recipe.model, "dataset": self.recipe.dataset,
            "extra": list(self.recipe.extra),
            "protocol": self.recipe.protocol.value, "input": document(self.recipe.inputs), "name": called,
            "architecture": net.architecture, "pretrained": self.recipe.pretrained(net), "seed": seed,
            "steps": [step_document(each) for each in steps], "control": control,
            "files": [list(each) for each in files], "groups": left_out, "largest_held": self.recipe.largest_held,
        }  # fmt: skip
        parents = {"data": data.key, "net": ends[net.handle, seed, None].key}
        parents |= {without(group): ends[net.handle, seed, group].key for group in left_out}
        weight = _FILE_EPOCHS * len(files) * len(self.groups)
        yield Stage(EMIT, f"files of {called}, seed {seed}", spec, parents, weight, net.architecture)


def _augments(step: Step) -> bool:
    training = training_of(step)
    return training is None or training.augment


def _epochs(step: Step) -> float:
    """How much work a step is, in epochs."""
    training = training_of(step)
    epochs = _CUT_EPOCHS if training is None else max(float(training.epochs), _CUT_EPOCHS)
    if isinstance(step, Rewind):
        return epochs * (1 + math.ceil(math.log(1 - step.share) / math.log(1 - step.per_round)))
    return epochs + (_CUT_EPOCHS if isinstance(step, Share | Mixed) else 0.0)
