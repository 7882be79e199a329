"""The verb: a recipe's ``[search]`` becomes nets that are worth having on a device, and a recipe of them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.recipes.files import unfit
from compress.recipes.options import document
from compress.recipes.planning import VERSION
from compress.recipes.recipe import Emission, NetPlan, Protocol, Recipe, SearchPlan
from compress.recipes.space import BYTE_BITS, FLOAT_BITS, Candidate, Space, space_of, space_problems
from compress.recipes.writing import text_of
from compress.search import Cost, Found, Judged, Judges, Listen, digest_of, search
from registry.candidates import Candidate as Way
from registry.values import Precision
from zoo.continuum.compressing import input_problem, missing
from zoo.continuum.latencies import FEWEST, Pricing, Sized, lines, unpredicted
from zoo.errors import BadRecipeError, UsageError
from zoo.recipes import read_recipe, surroundings

if TYPE_CHECKING:
    from compress.net import Blueprint, Net
    from compress.samples import Samples
    from datasets.values import Part
    from zoo.continuum.inputs import Prepared

_HELD_OUT = 5  # one sample of so many scores
_PRECISIONS = {32: Precision.FLOAT32, 8: Precision.INT8, 4: Precision.INT4_WEIGHTS, 2: Precision.INT2_WEIGHTS}
_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Budget:
    """What a net may cost.

    Attributes:
        latency_ms: milliseconds on the device; ``None`` for any.
        macs: multiply-accumulates; ``None`` for any.
    """

    latency_ms: float | None = None
    macs: int | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search gave.

    Attributes:
        recipe: that was searched.
        plan: of the search, with its defaults.
        pricing: what costs are.
        budget: what a net could cost.
        found: nets, the front among them.
    """

    recipe: Recipe
    plan: SearchPlan
    pricing: Pricing
    budget: Budget
    found: Found


def read(path: Path, trials: int | None = None) -> tuple[Recipe, Space]:
    """Read a recipe and what its search may propose.

    Args:
        path: of the recipe.
        trials: nets that are trained, where the recipe's number does not count.

    Raises:
        BadRecipeError: all that is wrong with it, a missing data set included.
    """
    around = surroundings(dataset_problem=missing, input_problem=input_problem)
    recipe = read_recipe(path, around, for_search=True)
    plan = recipe.search or SearchPlan()
    if trials is not None:
        plan = replace(plan, trials=trials)
    space = space_of(plan, recipe.nets, recipe.inputs)
    problems = space_problems(plan, space.bases, recipe.inputs)
    if problems:
        raise BadRecipeError(str(path), problems)
    return recipe, space


def pricing_for(device: str, ways: Sequence[Way], budget: Budget) -> Pricing:
    """What stands in for predicted latencies on a device: see `zoo.continuum.latencies`.

    Args:
        device: id of it.
        ways: what was measured of a model on it.
        budget: that prices must be comparable with.

    Raises:
        UsageError: a latency is wanted, and too few were measured there to judge one.
    """
    found, comparable = lines(device, ways)
    if found is not None:
        return found
    if budget.latency_ms is not None:
        raise UsageError(
            f"--max-latency-ms: latency is not predicted for {device}, and {comparable} comparable nets measured "
            f"on its CPU are too few to stand in; {FEWEST} or more are wanted. Give --max-macs instead"
        )
    return unpredicted(device)


def run(
    recipe: Recipe,
    space: Space,
    pricing: Pricing,
    budget: Budget,
    *,
    work: Path,
    listen: Listen = lambda _candidate, _cost, _accuracy: None,
) -> Searched:
    """Search, or go on with a search.

    Args:
        recipe: whose data and training are used.
        space: what may be proposed.
        pricing: what nets cost.
        budget: nets over it are left out before any training.
        work: folder of what was found; the same search goes on from there.
        listen: told of each net.

    Raises:
        MissingExtraError: Optuna or a framework is not installed.
        DatasetError: the data set cannot be read.
        SweepError: the folder is in use, or its journal cannot be read or written.
    """
    trials = _Trials(recipe, space.plan, pricing)
    judges = Judges(trials.price, trials.score, lambda cost: _fits(cost, budget))
    key = digest_of(
        {
            "version": VERSION, "dataset": recipe.dataset, "protocol": recipe.protocol.value,
            "input": document(recipe.inputs), "train": document(recipe.training), "bases": list(space.bases),
            "search": {what: told for what, told in document(space.plan).items() if what != "trials"},
            "pricing": pricing.basis, "latency_ms": budget.latency_ms, "macs": budget.macs,
        }
    )  # fmt: skip
    found = search(space, judges, work, key, listen)
    return Searched(recipe, space.plan, pricing, budget, found)


def _fits(cost: Cost, budget: Budget) -> bool:
    is_fast = budget.latency_ms is None or cost.value <= budget.latency_ms
    return is_fast and (budget.macs is None or cost.macs <= budget.macs)


class _Trials:
    """Prices nets, and trains them for a short while; the data is read when the first one is trained."""

    def __init__(self, recipe: Recipe, plan: SearchPlan, pricing: Pricing) -> None:
        from datasets.catalogue import known

        self._recipe, self._plan, self._pricing = recipe, plan, pricing
        self._classes = len(known(recipe.dataset).classes)
        self._data: Prepared | None = None
        self._held_out: list[int] = []

    def price(self, candidate: Candidate) -> Cost | None:
        """See `compress.search.Judges`: the shapes of a net are the same before and after training."""
        from architectures.catalogue import parse
        from compress.filter_pruning import Cut, prune_filters
        from compress.net import fresh

        net = fresh(self._blueprint(candidate), self._plan.seed)
        if candidate.filters:
            net = prune_filters(net, Cut(candidate.filters))
        macs, params, size_bytes = size_of(net, candidate.bits)
        name, family = candidate.name(self._training()), parse(candidate.architecture).family
        value = self._pricing.of(Sized(name, family, macs, params, size_bytes, _PRECISIONS[candidate.bits]))
        return None if value is None else Cost(value, macs, params, size_bytes)

    def score(self, candidate: Candidate) -> float:
        """See `compress.search.Judges`."""
        import torch

        from compress.net import fresh
        from compress.training import accuracy
        from zoo.continuum import steps

        torch.set_num_threads(1)  # the same numbers on every machine of this kind
        blueprint = self._blueprint(candidate)
        shape = blueprint.shape
        around = steps.Around(
            lambda varied: self._samples(shape, held_out=False, augment=varied),
            self._plan.seed,
            None,
            lambda _: None,
        )
        net = fresh(blueprint, self._plan.seed)
        for step in candidate.steps(self._training()):
            net = steps.take(net, step, around)
        return accuracy(net.module, self._samples(shape, held_out=True, augment=False))

    def _training(self) -> Any:
        return replace(self._recipe.training, epochs=self._plan.epochs)

    def _blueprint(self, candidate: Candidate) -> "Blueprint":
        from architectures.catalogue import parse
        from compress.net import Blueprint

        architecture = parse(candidate.architecture)
        return Blueprint(architecture.name, architecture.shape, self._classes)

    def _samples(self, shape: tuple[int, ...], *, held_out: bool, augment: bool) -> "Samples":
        """Samples to train on or to score with; features of sound are standardised over both."""
        import torch

        from zoo.continuum import inputs
        from zoo.continuum.stages import training_part

        if self._data is None:
            part = training_part(self._recipe.dataset)
            chosen, self._held_out = split(part, self._plan, self._recipe.protocol)
            self._data = inputs.prepared(self._recipe.inputs, part.take(chosen), self._plan.seed)
        plan = self._recipe.inputs
        if not inputs.is_audio(plan):
            plan = replace(plan, copies=0)
        samples = inputs.training_samples(plan, self._data, shape, without=None, augment=augment)
        count = len(self._data.labels)
        is_held_out = torch.zeros(count, dtype=torch.bool)
        is_held_out[self._held_out] = True
        wanted = is_held_out if held_out else ~is_held_out
        return samples.take(wanted.repeat(len(samples) // count).nonzero().flatten())


def split(part: "Part", plan: SearchPlan, protocol: Protocol) -> tuple[list[int], list[int]]:
    """Choose the samples of a search, and those of them that are held out.

    Args:
        part: what may be chosen from.
        plan: how many, and the seed.
        protocol: where groups are left out one by one, whole groups are held out.

    Returns:
        Places in ``part``; and places in them that score, about a fifth.
    """
    generator = random.Random(plan.seed)  # noqa: S311 - not a secret
    chosen = generator.sample(range(len(part)), min(plan.samples, len(part)))
    wanted = max(1, len(chosen) // _HELD_OUT)
    if protocol is not Protocol.LEAVE_ONE_GROUP_OUT or not part.groups:
        return chosen, list(range(wanted))  # the order is random already
    groups = sorted(set(part.groups))
    generator.shuffle(groups)
    held: list[int] = []
    for group in groups[:-1]:  # one at least is left to train on
        held += [place for place, row in enumerate(chosen) if part.groups[row] == group]
        if len(held) >= wanted:
            break
    return chosen, sorted(held)


def size_of(net: "Net", bits: int) -> tuple[int, int, int]:
    """What a net costs wherever it runs, with batch norms folded as they are in files.

    Args:
        net: of the final shape.
        bits: of a weight.

    Returns:
        Multiply-accumulates; weights and biases; and bytes of weights in their bits, of a float scale for each of their
        channels where they have few, and of biases in floats.
    """
    import torch

    from architectures.costs import count

    folded = net.folded().module
    macs = count(folded, torch.zeros(1, *net.blueprint.shape)).macs
    weights = [each for each in folded.parameters() if each.ndim > 1]
    params = sum(each.numel() for each in folded.parameters())
    inside = sum(each.numel() for each in weights)
    scales = sum(len(each) for each in weights) if bits < FLOAT_BITS else 0
    size_bytes = -(-inside * bits // BYTE_BITS) + _FLOAT_BYTES * (params - inside + scales)
    return macs, params, size_bytes


def recipe_of(searched: Searched) -> str:
    """The front as a recipe for `zoo compress`, the most accurate net first: others are compared with it."""
    recipe = searched.recipe
    best_first = sorted(searched.found.front, key=lambda each: (-each.accuracy, each.cost.value))
    handles = [f"net-{place}" for place in range(1, len(best_first) + 1)]
    nets = tuple(
        NetPlan(handle, each.candidate.architecture, each.candidate.steps(recipe.training))
        for handle, each in zip(handles, best_first, strict=True)
    )
    formats = tuple(dict.fromkeys(each for emission in recipe.emissions for each in emission.formats))
    emissions = _emissions(best_first, nets, formats or ("tflite", "coreml", "onnx"))
    said = {handle: _said(each, searched.pricing) for handle, each in zip(handles, best_first, strict=True)}
    top = f"Nets that a search found; accuracies are those of short trainings. {searched.pricing.basis}"
    return text_of(replace(recipe, nets=nets, emissions=emissions, search=None), {"": top, **said})


def _said(each: Judged, pricing: Pricing) -> str:
    price = f"{each.cost.value:.3g} ms, " if pricing.unit == "ms" else ""
    return f"{each.accuracy:.1f} %, {price}{each.cost.macs} MACs, {each.cost.size_bytes} bytes of weights"


def _emissions(
    judged: Sequence[Judged], nets: Sequence[NetPlan], formats: Sequence[str]
) -> tuple[Emission, ...]:
    """Each net in the precision of its bits, in the formats that have it; in float32 where none does."""
    refusal = surroundings().refusal
    handles: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for each, net in zip(judged, nets, strict=True):
        wanted = _PRECISIONS[each.candidate.bits].value
        for precision in (wanted, Precision.FLOAT32.value):
            having = tuple(one for one in formats if not refusal(one, precision)) or (
                ("tflite",) if precision == Precision.FLOAT32 else ()
            )
            if having and not unfit(net.steps, precision):
                handles.setdefault((having, precision), []).append(net.handle)
                break
    return tuple(Emission(tuple(each), having, (precision,)) for (having, precision), each in handles.items())
