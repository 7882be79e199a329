"""What a delegate and its rules are, and how many parts of a graph a delegate would run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from converters.inspection.report import Break, Coverage, Graph, Operator, Tensor

Check = Callable[[Graph, Operator], str | None]
_MOST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition. Its text is the message, a line of the manual, and the name of its test.

    Attributes:
        text: what must hold, such as ``strides are at most 3``.
        broken: takes a graph and one of its operators; gives what was found where the rule does not hold,
        else ``None``.
            A fact that the file leaves open breaks no rule.
    """

    text: str
    broken: Check


@dataclass(frozen=True, slots=True)
class Delegate:
    """What one delegate takes.

    Attributes:
        name: such as ``tflite-gpu``.
        runtime: whose delegate it is, by the registry's word.
        processor: what it runs on, by the registry's word.
        source: where its rules are documented.
        kinds: the operators that it takes, with the rules of each.
        general: rules of every operator.
        first_part_only: whether everything after the first operator that it does not take stays on the CPU.
        note: one line worth knowing.
    """

    name: str
    runtime: str
    processor: str
    source: str
    kinds: Mapping[str, tuple[Rule, ...]]
    general: tuple[Rule, ...] = ()
    first_part_only: bool = False
    note: str = ""

    def breaks(self, graph: Graph, place: int) -> Break | None:
        """The first rule that an operator breaks."""
        operator = graph.operators[place]
        label = operator.label or (graph.tensors[operator.outputs[0]].name if operator.outputs else "")

        def broken(reason: str) -> Break:
            return Break(place, operator.kind, label[:_MOST_SHOWN], reason, self.source)

        if operator.custom or operator.kind not in self.kinds:
            return broken("it is not among the operators taken")
        for rule in (*self.general, *self.kinds[operator.kind]):
            found = rule.broken(graph, operator)
            if found is not None:
                return broken(f"{rule.text}, here {found}")
        return None


def cover(delegate: Delegate, graph: Graph, macs: Sequence[int | None]) -> Coverage:
    """Apply a delegate's rules to every operator."""
    breaks = [each for place in range(len(graph.operators)) if (each := delegate.breaks(graph, place))]
    return summarise(delegate, graph, macs, breaks)


def summarise(
    delegate: Delegate, graph: Graph, macs: Sequence[int | None], breaks: Sequence[Break]
) -> Coverage:
    """Count what is left to a delegate that does not take some operators."""
    refused = {each.operator for each in breaks}
    taken = [place not in refused for place in range(len(graph.operators))]
    if delegate.first_part_only and refused:
        taken, breaks = _cut(graph, taken, list(breaks), delegate.source)
    return Coverage(
        delegate=delegate.name,
        processor=delegate.processor,
        operators=sum(taken),
        of_operators=len(taken),
        macs=sum(each or 0 for each, here in zip(macs, taken, strict=True) if here),
        of_macs=sum(each or 0 for each in macs),
        partitions=partitions(graph, taken),
        breaks=tuple(breaks),
        note=delegate.note,
    )


def _cut(graph: Graph, taken: list[bool], breaks: list[Break], source: str) -> tuple[list[bool], list[Break]]:
    """Leave only what runs before the first operator that is refused, at least once something was taken."""
    begun = False
    for place, here in enumerate(taken):
        begun = begun or here
        if begun and not here:
            for later in range(place, len(taken)):
                if taken[later]:
                    operator = graph.operators[later]
                    reason = (
                        "only the first part runs there, and this comes after an operator that is not taken"
                    )
                    breaks.append(Break(later, operator.kind, operator.label[:_MOST_SHOWN], reason, source))
            return [each and at < place for at, each in enumerate(taken)], sorted(
                breaks, key=lambda each: each.operator
            )
    return taken, breaks


def partitions(graph: Graph, taken: Sequence[bool]) -> int:
    """How many parts a delegate would run.

    As TFLite's ``PartitionGraphIntoIndependentNodeSubsets`` groups nodes: beginning with the first node that
    is ready, nodes of the
    same kind (taken or not) run as long as one is ready; then the other kind has its turn.
    """
    ready = {place for place, each in enumerate(graph.tensors) if each.constant} | set(graph.inputs) | {-1}
    written = {each for operator in graph.operators for each in operator.outputs}
    ready |= set(range(len(graph.tensors))) - written
    left = list(range(len(graph.operators)))
    parts = 0
    while left:
        first = next((place for place in left if set(graph.operators[place].inputs) <= ready), left[0])
        kind, progress = taken[first], True
        parts += kind
        while progress:
            progress, waiting = False, []
            for place in left:
                if taken[place] == kind and (place == first or set(graph.operators[place].inputs) <= ready):
                    ready |= set(graph.operators[place].outputs)
                    progress = True
                else:
                    waiting.append(place)
            left = waiting
    return parts


def plain(*names: str) -> dict[str, tuple[Rule, ...]]:
    """Operators without rules of their own."""
    return dict.fromkeys(names, ())


def runtime_inputs(graph: Graph, operator: Operator) -> list[Tensor]:
    """Inputs that are neither constant nor left out."""
    return [graph.tensors[each] for each in operator.inputs if each >= 0 and not graph.tensors[each].constant]


def tensors(graph: Graph, places: Iterable[int]) -> list[Tensor]:
    """Tensors at places, without those left out."""
    return [graph.tensors[each] for each in places if each >= 0]


def tensor(graph: Graph, places: Sequence[int], at: int) -> Tensor | None:
    """The tensor of an input or output, ``None`` where there is none."""
    return graph.tensors[places[at]] if at < len(places) and places[at] >= 0 else None


def lengths(found: Tensor | None) -> tuple[int | None, ...] | None:
    """A tensor's shape, ``None`` where it is unknown."""
    return None if found is None else found.shape


def highest_rank(most: int) -> Rule:
    """No tensor has more axes."""

    def broken(graph: Graph, operator: Operator) -> str | None:
        ranks = [
            len(each.shape)
            for each in tensors(graph, (*operator.inputs, *operator.outputs))
            if each.shape is not None
        ]
        return f"one has {max(ranks)}" if ranks and max(ranks) > most else None

    return Rule(f"tensors have at most {most} axes", broken)


def dtypes(*accepted: str, what: str) -> Rule:
    """Values that flow are of certain types; constants only where they are no integers of shapes and axes."""

    def broken(graph: Graph, operator: Operator) -> str | None:
        flowing = [
            each for each in tensors(graph, (*operator.inputs[:1], *operator.outputs)) if not each.constant
        ]
        foreign = sorted({each.dtype for each in flowing} - set(accepted))
        return ", ".join(foreign) if foreign else None

    return Rule(f"values are {what}", broken)


def option_at_most(names: Sequence[str], most: int, text: str) -> Rule:
    """Options are numbers up to a limit."""

    def broken(_: Graph, operator: Operator) -> str | None:
        found = [value for name in names if isinstance(value := operator.options.get(name), int)]
        return str(max(found)) if found and max(found) > most else None

    return Rule(text, broken)


def _open(graph: Graph, operator: Operator) -> str | None:
    open_ = [
        each
        for each in tensors(graph, (*operator.inputs, *operator.outputs))
        if each.shape is None or None in each.shape
    ]
    return f"'{open_[0].name[:60]}' has an open one" if open_ else None


STATIC_SHAPES = Rule("shapes are fixed", _open)
