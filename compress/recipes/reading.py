"""Reads recipes: TOML to values, or every problem of the file at once.

Problems name their place as TOML would: ``nets.small.steps[1].epochs: 0, but 1 or more are wanted``.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from architectures.catalogue import parse
from compress.recipes.checking import Draft, check
from compress.recipes.domains import Choice, Flag, ListOf, Number, Text, shown, suggestion
from compress.recipes.files import unfit
from compress.recipes.kinds import DO, KINDS, WORDS
from compress.recipes.names import LABELS
from compress.recipes.options import build, option, options
from compress.recipes.recipe import (
    LARGEST_HELD_BYTES,
    LARGEST_SEED,
    Emission,
    InputPlan,
    NetPlan,
    Protocol,
    Recipe,
    SearchPlan,
)
from compress.recipes.space import bases_of, space_problems
from compress.recipes.steps import Step, Training
from zoo.errors import BadRecipeError, ZooError


def _nothing(_: object) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a recipe is checked against and this package does not know.

    Attributes:
        formats: words of files.
        precisions: words of what is inside.
        refusal: why a format cannot have a precision, or an empty text.
        dataset_problem: why a data set cannot be used, or an empty text.
        model_problem: why a model's name cannot be used, or an empty text.
        input_problem: why samples cannot be prepared so, or an empty text.
        pretrained: families of architectures that an installed package has weights of.
    """

    formats: tuple[str, ...]
    precisions: tuple[str, ...]
    refusal: Callable[[str, str], str] = lambda _format, _precision: ""
    dataset_problem: Callable[[str], str] = _nothing
    model_problem: Callable[[str], str] = _nothing
    input_problem: Callable[[InputPlan], str] = _nothing
    pretrained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """The top of a recipe."""

    model: str = option("of the registry, whose variants the files become", Text("the name of a model"))
    dataset: str = option("to train and score on", Text("the name of a data set"))
    protocol: str = option(
        "how nets are judged: on samples kept back, or on each group (such as a speaker) without having trained on it",
        Choice(tuple(each.value for each in Protocol)),
        Protocol.HOLDOUT.value,
    )
    seeds: tuple[int, ...] = option(
        "each trains every net again",
        ListOf(Number(0, LARGEST_SEED, whole=True), "a list of whole numbers"),
        (0,),
    )
    extra: tuple[str, ...] = option(
        "more data sets of the same classes to train on; nothing is ever scored on them, and a search leaves them out",
        ListOf(Text("the name of a data set"), "a list of data sets"),
        (),
    )
    largest_held: int = option(
        "largest file that is kept beside the index; larger ones are only told of, and made again by the recipe",
        Number(0, LARGEST_HELD_BYTES, whole=True),
        LARGEST_HELD_BYTES,
        unit="bytes",
    )


@dataclass(frozen=True, slots=True)
class NetTable:
    """One ``[nets.HANDLE]``."""

    architecture: str = option("of the net; not beside `from`", Text("the name of an architecture"), "")
    base: str = option("net that it goes on from", Text("the key of a net"), "", key="from")
    teacher: str = option("net that it listens to", Text("the key of a net"), "")
    pretrained: bool = option("start from the weights that an installed package has", Flag(), usual=False)
    control: bool = option(
        "also train the same shape from random weights, with the same budget", Flag(), usual=False
    )
    label: str = option("distinguishes nets that would have the same name", Text("a short word"), "")


@dataclass(frozen=True, slots=True)
class EmitTable:
    """One ``[[emit]]``."""

    nets: tuple[str, ...] = option(
        "which nets; all where it is left out", ListOf(Text(), "a list of nets"), ()
    )
    formats: tuple[str, ...] = option(
        "of the files", ListOf(Text(), "a list of formats"), ("tflite", "coreml", "onnx")
    )
    precisions: tuple[str, ...] = option(
        "of what is inside; each in each format", ListOf(Text(), "a list of precisions"), ("float32",)
    )


_TABLES = ("train", "input", "nets", "emit", "search")
_STEPS = "steps"


def read_recipe(path: Path, surroundings: Surroundings) -> Recipe:
    """Read a recipe's file.

    Raises:
        BadRecipeError: it cannot be read, or see `parse_recipe`.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "not UTF-8 text"
        raise BadRecipeError(str(path), [f"cannot be read ({reason})"]) from problem
    return parse_recipe(text, str(path), surroundings)


def parse_recipe(text: str, source: str, surroundings: Surroundings) -> Recipe:
    """Make a recipe of its text.

    Args:
        text: TOML; docs/recipes.md says what may be in it.
        source: name of the file, for messages.
        surroundings: what it is checked against.

    Raises:
        BadRecipeError: it is not TOML, or something in it is unknown, impossible or makes no sense; all problems are
            listed at once.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise BadRecipeError(source, [f"not TOML: {problem}"]) from problem
    reader = _Reader(document, surroundings)
    recipe = reader.recipe()
    if reader.problems:
        raise BadRecipeError(source, list(dict.fromkeys(reader.problems)))
    return recipe


@dataclass(slots=True)
class _Reader:
    """One recipe on its way into values.

    Attributes:
        document: what TOML gave.
        around: what it is checked against.
        problems: found so far.
    """

    document: Mapping[str, Any]
    around: Surroundings
    problems: list[str] = field(default_factory=list)

    def recipe(self) -> Recipe:
        """What of the recipe is sound."""
        heads = [each.key for each in options(Head)]
        for key in self.document:
            if key not in (*heads, *_TABLES):
                self.problems.append(f"{key}: unknown key. {suggestion(key, [*heads, *_TABLES])}")
        head = build(
            Head, {key: self.document[key] for key in heads if key in self.document}, "", self.problems
        )
        inputs = build(InputPlan, self._table("input"), "input", self.problems)
        self._judge(inputs)
        defaults = self._defaults()
        drafts = self._nets(defaults)
        nets = check(drafts, self.problems)
        emissions = self._emissions(list(drafts))
        top = head or Head("", "")
        recipe = Recipe(
            top.model, top.dataset, Protocol(top.protocol), top.seeds, inputs or InputPlan(), nets, emissions,
            build(Training, defaults, "train", []) or Training(), self._search(inputs, nets),
            top.extra, top.largest_held,
        )  # fmt: skip
        self.problems += _file_problems(recipe)
        return recipe

    def _judge(self, inputs: InputPlan | None) -> None:
        """Ask the surroundings."""
        model, dataset = self.document.get("model"), self.document.get("dataset")
        found = {
            "model": self.around.model_problem(model) if isinstance(model, str) else "",
            "dataset": self.around.dataset_problem(dataset) if isinstance(dataset, str) else "",
            "input": self.around.input_problem(inputs) if inputs is not None else "",
        }
        extra = self.document.get("extra")
        if isinstance(extra, list):
            told = [self.around.dataset_problem(each) for each in extra if isinstance(each, str)]
            found["extra"] = "; ".join(filter(None, told))
        self.problems += [f"{key}: {text}" for key, text in found.items() if text]

    def _search(self, inputs: InputPlan | None, nets: tuple[NetPlan, ...]) -> SearchPlan | None:
        """What a search may propose; ``None`` where the recipe does not say, or something is wrong with it."""
        if "search" not in self.document:
            return None
        made = build(SearchPlan, self._table("search"), "search", self.problems)
        if made is None or inputs is None:
            return None
        named = bases_of(made, nets)
        if named or "nets" not in self.document:
            self.problems += space_problems(made, named, inputs)
        return made

    @property
    def _is_search(self) -> bool:
        """Whether the recipe is there for a search alone."""
        return "search" in self.document and "nets" not in self.document

    def _table(self, key: str) -> Mapping[str, Any]:
        found = self.document.get(key, {})
        if isinstance(found, Mapping):
            return found
        self.problems.append(f"{key}: {shown(found)}, but a table is wanted")
        return {}

    def _defaults(self) -> Mapping[str, object]:
        """What ``[train]`` says, without what is wrong with it."""
        table = self._table("train")
        problems: list[str] = []
        if build(Training, table, "train", problems) is not None:
            return table
        self.problems += problems
        known = {each.key: each.takes for each in options(Training)}
        return {key: value for key, value in table.items() if key in known and not known[key].problems(value)}

    def _nets(self, defaults: Mapping[str, object]) -> dict[str, Draft]:
        tables = self._table("nets")
        if self._is_search:
            return {}
        if not tables and "nets" not in self.document:
            self.problems.append("nets: missing; a table of nets is wanted")
        elif not tables and isinstance(self.document["nets"], Mapping):
            self.problems.append("nets: it is empty, but a table of nets is wanted")
        drafts = {}
        for handle, table in tables.items():
            where = f"nets.{handle}"
            if not LABELS.fullmatch(handle):
                self.problems.append(f"{where}: a key of small letters, digits and hyphens is wanted")
            if isinstance(table, Mapping):
                drafts[handle] = self._net(handle, table, defaults)
            else:
                self.problems.append(f"{where}: {shown(table)}, but a table is wanted")
        return drafts

    def _net(self, handle: str, table: Mapping[str, Any], defaults: Mapping[str, object]) -> Draft:
        where = f"nets.{handle}"
        before = len(self.problems)
        own = {key: value for key, value in table.items() if key != _STEPS}
        known = [*(each.key for each in options(NetTable)), _STEPS]
        for key in [each for each in own if each not in known]:
            self.problems.append(f"{where}.{key}: unknown key. {suggestion(key, known)}")
            del own[key]
        made = build(NetTable, own, where, self.problems)
        steps = self._steps(f"{where}.{_STEPS}", table.get(_STEPS, []), defaults)
        texts = {key: own[key] for key in ("from", "teacher") if isinstance(own.get(key), str)}
        if made is None:
            return Draft(handle, texts.get("from", ""), texts.get("teacher", ""), None, steps, is_whole=False)
        if made.label and not LABELS.fullmatch(made.label):
            self.problems.append(
                f"{where}.label: {shown(made.label)}, but small letters, digits and hyphens are wanted"
            )
        architecture = self._architecture(where, made)
        plan = NetPlan(
            handle, architecture, tuple(step for _, step in steps if step is not None), made.base, made.teacher,
            made.pretrained, made.control, made.label,
        )  # fmt: skip
        return Draft(handle, made.base, made.teacher, plan, steps, is_whole=len(self.problems) == before)

    def _architecture(self, where: str, made: NetTable) -> str:
        """The full name, or an empty text where it is that of another net, or wrong."""
        if made.base and made.architecture:
            self.problems.append(
                f"{where}.architecture: {shown(made.architecture)}, but it is that of 'from'; give one"
            )
        if made.base and made.pretrained:
            self.problems.append(f"{where}.pretrained: true, but the weights are those of 'from'; give one")
        if not made.base and not made.architecture:
            self.problems.append(
                f"{where}.architecture: missing; the name of one, or a net as 'from', is wanted"
            )
        if made.base or not made.architecture:
            return ""
        try:
            found = parse(made.architecture)
        except ZooError as problem:
            self.problems.append(f"{where}.architecture: {problem}")
            return ""
        if made.pretrained and found.family not in self.around.pretrained:
            having = ", ".join(self.around.pretrained) or "none"
            self.problems.append(
                f"{where}.pretrained: true, but no package has weights of {found.family}; of: {having}"
            )
        return found.name

    def _steps(
        self, where: str, found: object, defaults: Mapping[str, object]
    ) -> list[tuple[str, Step | None]]:
        if not isinstance(found, list):
            self.problems.append(f"{where}: {shown(found)}, but a list of tables is wanted")
            return []
        places = [f"{where}[{place}]" for place in range(len(found))]
        return [(place, self._step(place, each, defaults)) for place, each in zip(places, found, strict=True)]

    def _step(self, where: str, table: object, defaults: Mapping[str, object]) -> Step | None:
        if not isinstance(table, Mapping):
            self.problems.append(f'{where}: {shown(table)}, but a table such as {{ do = "train" }} is wanted')
            return None
        word = table.get(DO)
        if word not in WORDS:
            what = "missing" if word is None else f"{shown(word)}, but there is no such step"
            self.problems.append(f"{where}.{DO}: {what}. {suggestion(str(word or ''), list(WORDS))}")
            return None
        rest = {key: value for key, value in table.items() if key != DO}
        step: Step | None = build(KINDS[str(word)].step, rest, where, self.problems, defaults)
        if step is not None and hasattr(step, "problems"):
            self.problems += [f"{where}.{key}: {text}" for key, text in step.problems(rest)]
        return step

    def _emissions(self, handles: list[str]) -> tuple[Emission, ...]:
        tables = self.document.get("emit")
        if tables is None and self._is_search:
            return ()
        if not tables or not isinstance(tables, list):
            what = "missing" if tables is None else f"{shown(tables)}"
            self.problems.append(f"emit: {what}; one or more [[emit]] tables say which files are wanted")
            return ()
        found = [self._emission(f"emit[{place}]", each, handles) for place, each in enumerate(tables)]
        return tuple(each for each in found if each is not None)

    def _emission(self, where: str, table: object, handles: list[str]) -> Emission | None:
        if not isinstance(table, Mapping):
            self.problems.append(f"{where}: {shown(table)}, but a table is wanted")
            return None
        made = build(EmitTable, table, where, self.problems)
        if made is None:
            return None
        words = (
            ("nets", "net", made.nets, handles),
            ("formats", "format", made.formats, list(self.around.formats)),
            ("precisions", "precision", made.precisions, list(self.around.precisions)),
        )
        for key, called, given, known in words:
            self.problems += [
                f"{where}.{key}[{place}]: there is no {called} {shown(each)}. {suggestion(each, known)}"
                for place, each in enumerate(given)
                if each not in known
            ]
        for format_ in made.formats:
            for precision in made.precisions:
                if format_ in self.around.formats and precision in self.around.precisions:
                    reason = self.around.refusal(format_, precision)
                    self.problems += [f"{where}: no {precision} in {format_}: {reason}"] if reason else []
        return Emission(made.nets or tuple(handles), made.formats, made.precisions)


def _file_problems(recipe: Recipe) -> list[str]:
    """Precisions that would undo what a net was trained for."""
    found = []
    sound = {each.handle: recipe.steps(each) for each in recipe.nets}
    for place, each in enumerate(recipe.emissions):
        for handle in (one for one in each.nets if one in sound):
            reasons = {precision: unfit(sound[handle], precision) for precision in each.precisions}
            found += [
                f"emit[{place}]: no {precision} of '{handle}': {reason}"
                for precision, reason in reasons.items()
                if reason
            ]
    return found
