"""Names of nets: ``ds-cnn-64_t40_f50_t10_q8a8`` is its architecture and, in order, what was done to it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from architectures.catalogue import parse
from compress.recipes.domains import suggestion
from compress.recipes.kinds import KINDS, kind_of
from compress.recipes.steps import Step
from zoo.errors import UsageError, ZooError

PRETRAINED = "pt"
"""Code of a net that starts from weights that others trained."""

_BETWEEN = "_"
_LABEL = "n-"
LABELS = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
"""What a label may be."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a name says.

    Attributes:
        architecture: full name.
        codes: what was done, in order.
        label: what the recipe calls it, where two nets would have the same name; empty where it says nothing.
        pretrained: whether it starts from weights that others trained.
    """

    architecture: str
    codes: tuple[str, ...] = ()
    label: str = ""
    pretrained: bool = False

    @property
    def name(self) -> str:
        """The name again."""
        start = (self.architecture, *((PRETRAINED,) if self.pretrained else ()))
        return _BETWEEN.join((*start, *self.codes, *((f"{_LABEL}{self.label}",) if self.label else ())))

    def words(self) -> tuple[str, ...]:
        """The kinds of its steps, in order."""
        return tuple(word for each in self.codes for word, _ in [_read(each)] if word)

    def sentences(self) -> tuple[str, ...]:
        """What was done, in order, as clauses whose subject is the net."""
        start = ("started from pretrained weights",) if self.pretrained else ()
        end = (f"called '{self.label}' by its recipe",) if self.label else ()
        return (*start, *(_read(each)[1] for each in self.codes), *end)

    def __str__(self) -> str:
        """Render as a phrase."""
        return f"{self.architecture}: {', '.join(self.sentences()) or 'untrained'}"


def name(architecture: str, steps: Sequence[Step], *, pretrained: bool = False, label: str = "") -> str:
    """Name a net.

    Args:
        architecture: its full name.
        steps: all that is done to it, in order.
        pretrained: whether it starts from weights that others trained.
        label: distinguishes nets whose names would be the same.
    """
    codes = tuple(kind_of(each).code.write(each) for each in steps)
    return Lineage(architecture, codes, label, pretrained).name


def decode(name: str) -> Lineage:
    """Say what was done to a net.

    Raises:
        UsageError: it is no name of a net; all that is wrong with it is said.
    """
    first, *rest = name.split(_BETWEEN)
    problems = []
    try:
        architecture = parse(first).name
    except ZooError as problem:
        problems, architecture = [str(problem)], first
    pretrained = rest[:1] == [PRETRAINED]
    codes = rest[1:] if pretrained else rest
    label = ""
    if codes and codes[-1].startswith(_LABEL) and LABELS.fullmatch(codes[-1].removeprefix(_LABEL)):
        label = codes.pop().removeprefix(_LABEL)
    shown = [each.code.shown for each in KINDS.values()]
    problems += [f"'{each}' is no code. {suggestion(each, shown)}" for each in codes if not _read(each)[0]]
    if problems:
        raise UsageError(f"'{name}' is no name of a net: {'; '.join(problems)}")
    return Lineage(architecture, tuple(codes), label, pretrained)


def _read(code: str) -> tuple[str, str]:
    """Word and clause of a code; empty where there is none."""
    for each in KINDS.values():
        match = each.code.pattern.fullmatch(code)
        if match:
            return each.word, each.code.explain(match)
    return "", ""
