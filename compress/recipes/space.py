"""The nets that a search may propose: an architecture with its width and size, filters taken out, bits of weights."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from architectures.catalogue import Architecture, parse
from architectures.families import FAMILIES
from compress.recipes.names import name
from compress.recipes.recipe import InputPlan, NetPlan, SearchPlan
from compress.recipes.steps import PruneFilters, Qat, Step, Train, Training
from registry.spec import ChannelOrder, InputKind
from zoo.errors import ZooError

ARCHITECTURE, WIDTH, SIZE, FILTERS, BITS = "architecture", "width", "size", "filters", "bits"
FLOAT_BITS, BYTE_BITS = 32, 8
LARGEST = 10_000
"""Nets of a space, at most."""

_IMAGE_RANK = 3
_COLOURS = 3

Point = Mapping[str, Any]
"""What is chosen, by `ARCHITECTURE` and so on; width and size only where the architecture has them."""


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A net that a search may propose.

    Attributes:
        architecture: full name.
        filters: part of the filters that is taken out.
        bits: of a weight; 32 for floats.
    """

    architecture: str
    filters: float
    bits: int

    def steps(self, training: Training) -> tuple[Step, ...]:
        """What makes it: every step that trains does so as ``training`` says."""
        steps: list[Step] = [Train(training)]
        if self.filters:
            steps += [PruneFilters(self.filters), Train(training)]
        if self.bits < FLOAT_BITS:
            steps.append(Qat(self.bits, BYTE_BITS if self.bits == BYTE_BITS else "none", training))
        return tuple(steps)

    def name(self, training: Training) -> str:
        """What it is called where it trains so."""
        return name(self.architecture, self.steps(training))


@dataclass(frozen=True, slots=True)
class Space:
    """All that may be proposed.

    Attributes:
        plan: what the recipe says.
        bases: architectures whose widths and sizes are varied.
        grey: whether pictures have one channel.
    """

    plan: SearchPlan
    bases: tuple[str, ...]
    grey: bool

    def choices(self, base: str) -> dict[str, tuple[Any, ...]]:
        """What is left to choose once the architecture is, in order."""
        family = FAMILIES[parse(base).family]
        found: dict[str, tuple[Any, ...]] = {}
        if family.width is not None and self.plan.widths:
            found[WIDTH] = self.plan.widths
        if family.size is not None and self.plan.sizes:
            found[SIZE] = self.plan.sizes
        return {**found, FILTERS: self.plan.filters, BITS: self.plan.bits}

    def candidate(self, point: Point) -> Candidate:
        """The net of a point."""
        base = parse(point[ARCHITECTURE])
        full = _named(base, point.get(WIDTH, base.width), point.get(SIZE, base.shape[-1]), grey=self.grey)
        return Candidate(full, point[FILTERS], point[BITS])

    def points(self) -> dict[Candidate, Point]:
        """Every net once, with a point that gives it."""
        found: dict[Candidate, Point] = {}
        for base in self.bases:
            choices = self.choices(base)
            for chosen in product(*choices.values()):
                point = {ARCHITECTURE: base, **dict(zip(choices, chosen, strict=True))}
                found.setdefault(self.candidate(point), point)
        return found


def bases_of(plan: SearchPlan, nets: Sequence[NetPlan]) -> tuple[str, ...]:
    """Architectures to vary: those that the search names, else those of the nets, each once."""
    return plan.architectures or tuple(dict.fromkeys(each.architecture for each in nets))


def space_of(plan: SearchPlan, nets: Sequence[NetPlan], inputs: InputPlan) -> Space:
    """All that may be proposed."""
    return Space(plan, bases_of(plan, nets), _is_grey(inputs))


def space_problems(plan: SearchPlan, bases: Sequence[str], inputs: InputPlan) -> list[str]:
    """What is wrong with a search, one text a problem.

    Args:
        plan: what the recipe says.
        bases: see `bases_of`.
        inputs: what goes into the nets.
    """
    problems, sound = [], []
    if not bases:
        problems.append("search.architectures: missing; a list of architectures, or nets, is wanted")
    for place, each in enumerate(bases):
        where = f"search.architectures[{place}]" if plan.architectures else "search"
        try:
            architecture = parse(each)
        except ZooError as problem:
            problems.append(f"{where}: {problem}")
            continue
        problems += [f"{where}: {text}" for text in _unlike_input(architecture, inputs)]
        sound.append(architecture)
    problems += _out_of_range(
        "widths", plan.widths, {each.family: FAMILIES[each.family].width for each in sound}
    )
    problems += _out_of_range(
        "sizes", plan.sizes, {each.family: FAMILIES[each.family].size for each in sound}
    )
    count = (
        len(bases) * max(1, len(plan.widths)) * max(1, len(plan.sizes)) * len(plan.filters) * len(plan.bits)
    )
    if count > LARGEST:
        problems.append(f"search: {count:,} nets, but at most {LARGEST:,} are wanted; leave out some choices")
    return problems


def _out_of_range(key: str, numbers: Sequence[float], ranges: Mapping[str, Any]) -> Iterator[str]:
    taking = {family: each for family, each in ranges.items() if each is not None}
    if numbers and ranges and not taking:
        yield f"search.{key}: none of {', '.join(ranges)} has any to choose from; leave it out"
    for place, number in enumerate(numbers):
        for family, each in taking.items():
            if not each.holds(number):
                yield f"search.{key}[{place}]: {number:g}, but for {family} {each} is wanted"


def _unlike_input(architecture: Architecture, inputs: InputPlan) -> Iterator[str]:
    """Why an architecture cannot take the samples."""
    if inputs.kind == InputKind.AUDIO or len(architecture.shape) != _IMAGE_RANK:
        return
    wanted = 1 if _is_grey(inputs) else _COLOURS
    can_be_grey = FAMILIES[architecture.family].size is not None and wanted == 1
    if architecture.shape[0] != wanted and not can_be_grey:
        yield f"{architecture.name} takes {architecture.shape[0]} channels, but {inputs.channels} has {wanted}"


def _is_grey(inputs: InputPlan) -> bool:
    return inputs.kind == InputKind.IMAGE and inputs.channels == ChannelOrder.GRAY


def _named(base: Architecture, width: float | None, size: int, *, grey: bool) -> str:
    """The full name of an architecture with another width and size."""
    family = FAMILIES[base.family]
    parts = [base.family]
    if family.width is not None and width is not None:
        parts.append(f"{int(width)}" if family.width.whole else str(float(width)))
    if family.size is not None:
        parts.append(f"{int(size)}")
        is_image = len(family.shape) == _IMAGE_RANK
        if is_image and (grey or base.shape[0] != family.shape[0]) and family.shape[0] != 1:
            parts.append("grey")
    return parse("-".join(parts)).name
