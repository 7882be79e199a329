"""What must hold between the nets of a recipe: references, circles, orders, teachers, controls, names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from architectures.catalogue import parse
from compress.recipes.domains import shown, suggestion
from compress.recipes.kinds import QUANTISED, kind_of
from compress.recipes.names import name
from compress.recipes.orders import order_problems
from compress.recipes.recipe import NetPlan
from compress.recipes.steps import Distil, PruneFilters, PruneLayers, PruneWeights, Rewind, Step, listens

_TRANSFORMER = "transformer-encoder"


@dataclass(frozen=True, slots=True)
class Draft:
    """A net on its way.

    Attributes:
        handle: its key.
        base: what ``from`` says; empty for nothing.
        teacher: what ``teacher`` says; empty for nothing.
        plan: the net, or ``None`` where its table makes no sense.
        steps: its own steps with their places; ``None`` where one makes no sense.
        is_whole: whether nothing was wrong with its table.
    """

    handle: str
    base: str
    teacher: str
    plan: NetPlan | None
    steps: Sequence[tuple[str, Step | None]]
    is_whole: bool

    def placed(self) -> list[tuple[str, Step]]:
        """Its sound steps."""
        return [(place, step) for place, step in self.steps if step is not None]


def check(drafts: Mapping[str, Draft], problems: list[str]) -> tuple[NetPlan, ...]:
    """Check the nets against each other.

    Args:
        drafts: by handle.
        problems: gets what is wrong, one text a problem.

    Returns:
        The nets, bases and teachers first; without those that are not sound, or go on from such.
    """
    problems += _unknown(drafts)
    circles = list(_circles(drafts))
    problems += [
        f"nets: {' -> '.join(map(shown, (*each, each[0])))} is a circle: each waits for the next one"
        for each in circles
    ]
    drafts = _without(drafts, {handle for each in circles for handle in each})
    order = _order(drafts)
    known = _with_architectures(order, drafts)
    for draft in order:
        problems += _of_one(draft, drafts, known)
    problems += _same_names(order, drafts, known)
    return tuple(
        known[each.handle] for each in order if each.handle in known and _is_sound(each, drafts, known)
    )


def _is_sound(draft: Draft, drafts: Mapping[str, Draft], known: Mapping[str, NetPlan]) -> bool:
    """Whether all that is done to a net is known."""
    line = _line(draft, drafts)
    return all(each.handle in known and all(step for _, step in each.steps) for each in line) and (
        line[0].base == ""
    )


def _without(drafts: Mapping[str, Draft], lost: set[str]) -> dict[str, Draft]:
    """The nets that do not go on from, or listen to, one that is lost."""
    lost = set(lost)
    while True:
        more = {handle for handle, each in drafts.items() if {each.base, each.teacher} & lost} - lost
        if not more:
            return {handle: each for handle, each in drafts.items() if handle not in lost}
        lost |= more


def _unknown(drafts: Mapping[str, Draft]) -> Iterator[str]:
    for handle, each in drafts.items():
        for key, other in (("from", each.base), ("teacher", each.teacher)):
            if other and other not in drafts:
                yield f"nets.{handle}.{key}: there is no net {shown(other)}. {suggestion(other, list(drafts))}"


def _waits_for(draft: Draft, drafts: Mapping[str, Draft]) -> list[str]:
    return [each for each in dict.fromkeys((draft.base, draft.teacher)) if each in drafts]


def _circles(drafts: Mapping[str, Draft]) -> Iterator[tuple[str, ...]]:
    """Each circle once, starting at the net that stands first in the recipe."""
    done: set[str] = set()
    for start in drafts:
        stack = [(start, iter(_waits_for(drafts[start], drafts)))]
        path = [start]
        while stack and start not in done:
            node, left = stack[-1]
            following = next(left, None)
            if following is None:
                stack.pop()
                path.pop()
                done.add(node)
            elif following in path:
                yield tuple(path[path.index(following) :])
            elif following not in done:
                stack.append((following, iter(_waits_for(drafts[following], drafts))))
                path.append(following)


def _order(drafts: Mapping[str, Draft]) -> list[Draft]:
    """Bases and teachers first, otherwise as in the recipe."""
    found: dict[str, Draft] = {}

    def visit(handle: str) -> None:
        if handle not in found:
            for other in _waits_for(drafts[handle], drafts):
                visit(other)
            found[handle] = drafts[handle]

    for handle in drafts:
        visit(handle)
    return list(found.values())


def _with_architectures(order: Sequence[Draft], drafts: Mapping[str, Draft]) -> dict[str, NetPlan]:
    found: dict[str, NetPlan] = {}
    for each in order:
        if each.plan is None:
            continue
        base = found.get(each.base)
        found[each.handle] = each.plan if base is None else replace(each.plan, architecture=base.architecture)
    return {handle: each for handle, each in found.items() if each.architecture and handle in drafts}


def _line(draft: Draft, drafts: Mapping[str, Draft]) -> list[Draft]:
    before = _line(drafts[draft.base], drafts) if draft.base in drafts else []
    return [*before, draft]


def _of_one(draft: Draft, drafts: Mapping[str, Draft], known: Mapping[str, NetPlan]) -> Iterator[str]:
    where, line = f"nets.{draft.handle}", _line(draft, drafts)
    before = [placed for each in line[:-1] for placed in each.placed()]
    own = draft.placed()
    root = line[0].plan
    pretrained = root is not None and root.pretrained
    yield from order_problems(before, own, pretrained=pretrained)
    if draft.is_whole and not draft.steps and not draft.base:
        yield f'{where}.steps: it is empty, but a net that never saw this data is of no use; add {{ do = "train" }}'
    yield from _teacher_problems(where, draft, known)
    if draft.plan is not None and draft.plan.control:
        yield from _control_problems(where, [step for _, step in (*before, *own)])


def _teacher_problems(where: str, draft: Draft, known: Mapping[str, NetPlan]) -> Iterator[str]:
    listening = [(place, step) for place, step in draft.placed() if listens(step)]
    if not draft.teacher:
        for place, step in listening:
            key = "" if isinstance(step, Distil) else ".soft"
            yield f"{place}{key}: {kind_of(step).word} listens to a teacher, and the net has none; give {where}.teacher"
    elif not listening and all(step is not None for _, step in draft.steps):
        yield f"{where}.teacher: no step listens to {shown(draft.teacher)}; distil does, and others with soft above 0"
    student, teacher = known.get(draft.handle), known.get(draft.teacher)
    for place, step in listening:
        if isinstance(step, Distil) and step.layers and student and teacher:
            reason = _unlike(student, teacher)
            if reason:
                yield f"{place}.layers: true, but {reason}"


def _unlike(student: NetPlan, teacher: NetPlan) -> str:
    """Why a student cannot learn layer by layer; empty where it can."""
    ours, theirs = parse(student.architecture), parse(teacher.architecture)
    for each in (ours, theirs):
        if each.family != _TRANSFORMER:
            return f"{each.name} is no {_TRANSFORMER}; both must be"
    if any(isinstance(step, PruneLayers) for step in (*student.steps, *teacher.steps)):
        return ""  # how many layers are left is known when they are gone
    layers = int(ours.width or 1), int(theirs.width or 1)
    if layers[1] % layers[0]:
        return f"{layers[0]} layers cannot learn evenly from {layers[1]}; a divisor of {layers[1]} is wanted"
    return ""


def _control_problems(where: str, steps: Sequence[Step]) -> Iterator[str]:
    pruned = any(isinstance(each, PruneWeights | Rewind | PruneFilters | PruneLayers) for each in steps)
    if not pruned:
        yield f"{where}.control: true, but nothing is pruned, so its control would be the net itself"
    for each in steps:
        word = kind_of(each).word
        if word in QUANTISED:
            yield (
                f"{where}.control: true, but {word} comes after the pruning; "
                "put the control on a net that ends before it"
            )
            return


def _same_names(
    order: Sequence[Draft], drafts: Mapping[str, Draft], known: Mapping[str, NetPlan]
) -> Iterator[str]:
    """Nets whose names say the same, among those whose steps are sound."""
    taken: dict[str, str] = {}
    for draft in order:
        line = _line(draft, drafts)
        if draft.handle not in known or not _is_sound(draft, drafts, known):
            continue
        plan, steps = known[draft.handle], tuple(step for each in line for _, step in each.placed())
        root = line[0].plan
        own = name(
            plan.architecture, steps, pretrained=root is not None and root.pretrained, label=plan.label
        )
        if own in taken:
            yield (
                f"nets.{draft.handle}: its name '{own}' is that of nets.{taken[own]}, too; "
                "give one of them a label"
            )
        taken.setdefault(own, draft.handle)
