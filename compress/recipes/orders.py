"""Which step makes sense after which: the rules of `compress.recipes.kinds`, applied to one net."""

from collections.abc import Iterator, Sequence

from compress.recipes.kinds import KINDS, kind_of
from compress.recipes.steps import PruneLayers, Qat, Step

TRAINING = frozenset({"train", "distil", "prune-weights", "rewind", "qat", "scratch"})
"""Kinds after which a net has learned something."""

Placed = tuple[str, Step]
"""A step with its place in the recipe, such as ``nets.small.steps[1]``."""


def order_problems(before: Sequence[Placed], own: Sequence[Placed], *, pretrained: bool) -> list[str]:
    """What is wrong with the order of a net's own steps.

    Args:
        before: steps of the nets that it goes on from, the first one first.
        own: its own steps, in order.
        pretrained: whether the first net starts from weights that others trained.
    """
    earlier, found = list(before), []
    for place, step in own:
        found += [f"{place}: {text}" for text in _problems(earlier, step, pretrained=pretrained)]
        earlier.append((place, step))
    return found


def _problems(earlier: Sequence[Placed], step: Step, *, pretrained: bool) -> Iterator[str]:
    kind = kind_of(step)
    for rule in kind.never:
        for place, other in earlier:
            if kind_of(other).word in rule.after:
                yield f"{kind.word} after {kind_of(other).word} ({place}): it {rule.reason}"
                break
    trained = pretrained or any(kind_of(other).word in TRAINING for _, other in earlier)
    if not trained and kind.needs_training:
        yield f"{kind.word} of an untrained net: it {kind.needs_training}; train before"
    if not trained and isinstance(step, PruneLayers) and step.count is not None:
        yield "prune-layers of an untrained net: it does not know which blocks are missed; name them as blocks"
    if pretrained and kind.keeps_random:
        yield f"{kind.word} of a pretrained net: it {kind.keeps_random}"
    if isinstance(step, Qat):
        coarser = [(place, other) for place, other in earlier if isinstance(other, Qat)]
        for place, other in coarser[-1:]:
            if other.weight_bits <= step.weight_bits:
                yield (
                    f"qat to {step.weight_bits} bits after qat to {other.weight_bits} bits ({place}): "
                    "bits that are gone do not come back; fewer are wanted"
                )


def rules() -> Iterator[tuple[str, str]]:
    """Every rule as a word and a sentence about it, for the manual."""
    for each in KINDS.values():
        for rule in each.never:
            yield each.word, f"never after {', '.join(rule.after)}: it {rule.reason}"
        if each.needs_training:
            yield each.word, f"never of an untrained net: it {each.needs_training}"
        if each.keeps_random:
            yield each.word, f"never of a pretrained net: it {each.keeps_random}"
    yield "prune-layers", "by `count` never of an untrained net, which does not know what it misses"
    yield "qat", "after qat only with fewer bits: bits that are gone do not come back"
