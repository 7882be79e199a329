"""The one table of the kinds of steps: their words, values, codes in names, and what they must not follow.

Reading a recipe, checking its order, naming its nets and docs/recipes.md are all made of it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from compress.recipes import steps
from compress.recipes.options import build, document
from compress.recipes.steps import Step

DO = "do"
"""Key of a step's word, in recipes and documents."""

_NUMBER = r"\d+(?:\.\d+)?"
_OFF_GRID = "moves the weights off the grid or codebook that they were brought to"
_GRIDS = ("qat", "share", "mixed")


@dataclass(frozen=True, slots=True)
class Rule:
    """Kinds that must not have come before.

    Attributes:
        after: their words.
        reason: why not, as a clause whose subject is the step.
    """

    after: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Code:
    """How a step is written in a name.

    Attributes:
        shown: the code for people, such as ``t<epochs>``.
        write: the code of a step.
        pattern: what it matches, and nothing of another kind does.
        explain: a match in words, as a clause whose subject is the net.
    """

    shown: str
    write: Callable[[Any], str]
    pattern: re.Pattern[str]
    explain: Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of step.

    Attributes:
        word: in recipes.
        step: its value.
        code: in names.
        never: what it must not follow.
        needs_training: why the net must have been trained before; empty where it need not.
        keeps_random: why it needs random initial weights; empty where it does not.
        in_recipes: whether a recipe can say it; the control is asked for with ``control = true``.
    """

    word: str
    step: type[Any]
    code: Code
    never: tuple[Rule, ...] = ()
    needs_training: str = ""
    keeps_random: str = ""
    in_recipes: bool = True


def percent(share: float) -> str:
    """A share as a name has it, to a hundredth of a percent."""
    return plain(100 * share, 2)


def plain(number: float, places: int) -> str:
    """A number without zeros at its end."""
    text = f"{number:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _flags(*pairs: tuple[bool, str]) -> str:
    return "".join(letter for is_so, letter in pairs if is_so)


def _taught(step: Step) -> str:
    return _flags((steps.listens(step), "kd"))


def _if(text: str | None, phrase: str) -> str:
    return phrase if text else ""


def _distil(step: steps.Distil) -> str:
    return f"kd{_flags((step.hints, 'h'), (step.layers, 'l'))}{step.training.epochs}"


def _prune_weights(step: steps.PruneWeights) -> str:
    across = _flags((step.spread == "global", "g"))
    return f"w{across}{percent(step.share)}{_flags((bool(step.layers), 'x'))}{_taught(step)}"


def _rewind(step: steps.Rewind) -> str:
    return f"l{'r' if step.reinit else 't'}{percent(step.share)}"


def _prune_filters(step: steps.PruneFilters) -> str:
    letters = _flags((step.macs_share is not None, "m"), (step.by == "bn", "b"), (step.across, "g"))
    share = step.share if step.macs_share is None else step.macs_share
    return f"f{letters}{percent(share or 0.0)}{_flags((bool(step.layers), 'x'))}"


def _prune_layers(step: steps.PruneLayers) -> str:
    return f"d{step.removed}{_flags((bool(step.blocks), 'x'))}"


def _qat(step: steps.Qat) -> str:
    activations = "f" if step.activation_bits == "none" else step.activation_bits
    return f"q{step.weight_bits}a{activations}{_taught(step)}"


def _share(step: steps.Share) -> str:
    return f"k{step.bits}{_flags((bool(step.layers), 'x'))}{_taught(step)}"


def _mixed(step: steps.Mixed) -> str:
    return f"m{plain(step.size_bytes / 1000, 3)}{_taught(step)}"


def _say_distil(match: re.Match[str]) -> str:
    how = {"h": " and its features", "l": ", layer by layer", "": ""}[match["how"]]
    return f"distilled from its teacher's answers{how} for {match['epochs']} epochs"


_OWN_SHARES = ", some layers by a share of their own"
_BY_TEACHER = ", with a teacher"


def _say_prune_weights(match: re.Match[str]) -> str:
    across = _if(match["across"], ", ranked across layers")
    own = _if(match["own"], _OWN_SHARES) + _if(match["taught"], _BY_TEACHER)
    return f"{match['share']} % of its weights removed while it trained{across}{own}"


def _say_rewind(match: re.Match[str]) -> str:
    back = "drawn again" if match["how"] == "r" else "put back to where they began"
    return f"{match['share']} % of its weights removed in rounds, the others {back} and trained"


def _say_prune_filters(match: re.Match[str]) -> str:
    by = "by the scales of batch norms" if match["norm"] else "by the sum of absolute weights"
    return (
        f"{_if(match['macs'], 'filters with at least ')}{match['share']} % of its "
        f"{'MACs' if match['macs'] else 'filters'} removed {by}"
        f"{_if(match['across'], ', ranked across layers')}{_if(match['own'], _OWN_SHARES)}"
    )


def _say_prune_layers(match: re.Match[str]) -> str:
    which = "chosen by its recipe" if match["own"] else "those that are missed least"
    return f"{match['count']} of its blocks removed, {which}"


def _say_qat(match: re.Match[str]) -> str:
    activations = "float" if match["activations"] == "f" else f"{match['activations']}-bit"
    return (
        f"trained for {match['weights']}-bit weights and {activations} activations"
        f"{_if(match['taught'], _BY_TEACHER)}"
    )


def _say_share(match: re.Match[str]) -> str:
    own = _if(match["own"], ", some layers with bits of their own") + _if(match["taught"], _BY_TEACHER)
    return f"weights shared in codebooks of {match['bits']} bits{own}"


def _code(
    shown: str, pattern: str, write: Callable[[Any], str], explain: Callable[[re.Match[str]], str]
) -> Code:
    return Code(shown, write, re.compile(pattern, re.ASCII), explain)


_TABLE = (
    Kind(
        "train",
        steps.Train,
        _code(
            "t<epochs>",
            r"t(?P<epochs>\d+)",
            lambda step: f"t{step.training.epochs}",
            lambda match: f"trained for {match['epochs']} epochs",
        ),
        never=(Rule(_GRIDS, _OFF_GRID),),
    ),
    Kind(
        "distil",
        steps.Distil,
        _code(
            "kd<epochs> (kdh with hints, kdl layer by layer)",
            r"kd(?P<how>[hl]?)(?P<epochs>\d+)",
            _distil,
            _say_distil,
        ),
        never=(Rule(_GRIDS, f"{_OFF_GRID}; give that step a part of the teacher with soft"),),
    ),
    Kind(
        "prune-weights",
        steps.PruneWeights,
        _code(
            "w<percent> (wg across layers, x own shares, kd taught)",
            rf"w(?P<across>g?)(?P<share>{_NUMBER})(?P<own>x?)(?P<taught>(?:kd)?)",
            _prune_weights,
            _say_prune_weights,
        ),
        never=(Rule(_GRIDS, f"{_OFF_GRID}; prune before it, its zeros stay"),),
    ),
    Kind(
        "rewind",
        steps.Rewind,
        _code("lt<percent> (lr drawn again)", rf"l(?P<how>[tr])(?P<share>{_NUMBER})", _rewind, _say_rewind),
        never=(
            Rule(
                ("distil",), "goes back to the initial weights, so that all that the teacher taught is lost"
            ),
            Rule(
                ("prune-weights", "rewind"),
                "draws its own tickets from a dense net; this one has zeros already",
            ),
            Rule(
                ("prune-filters", "prune-layers"),
                "goes back to initial weights, and the net has another shape by now",
            ),
            Rule(_GRIDS, "goes back to the initial weights, so that the step before is lost"),
        ),
        keeps_random="draws tickets from random initial weights",
    ),
    Kind(
        "prune-filters",
        steps.PruneFilters,
        _code(
            "f<percent> (fm of the MACs, fb by batch norms, g across layers, x own shares)",
            rf"f(?P<macs>m?)(?P<norm>b?)(?P<across>g?)(?P<share>{_NUMBER})(?P<own>x?)",
            _prune_filters,
            _say_prune_filters,
        ),
        never=(
            Rule(
                _GRIDS,
                "must be followed by training in floats, which moves the weights off their grid; cut first",
            ),
        ),
        needs_training="ranks filters, and random ones say nothing",
    ),
    Kind(
        "prune-layers",
        steps.PruneLayers,
        _code(
            "d<blocks> (x named by the recipe)",
            r"d(?P<count>\d+)(?P<own>x?)",
            _prune_layers,
            _say_prune_layers,
        ),
        never=(
            Rule(
                _GRIDS,
                "must be followed by training in floats, which moves the weights off their grid; cut first",
            ),
        ),
    ),
    Kind(
        "qat",
        steps.Qat,
        _code(
            "q<weight bits>a<activation bits or f> (kd taught)",
            r"q(?P<weights>\d+)a(?P<activations>\d+|f)(?P<taught>(?:kd)?)",
            _qat,
            _say_qat,
        ),
        never=(
            Rule(("share",), "moves weights to a grid, so that they share few values no more"),
            Rule(("mixed",), "gives every layer the same bits, so that the choice by layer is lost"),
        ),
    ),
    Kind(
        "share",
        steps.Share,
        _code(
            "k<bits> (x own bits, kd taught)",
            r"k(?P<bits>\d+)(?P<own>x?)(?P<taught>(?:kd)?)",
            _share,
            _say_share,
        ),
        never=(
            Rule(("qat", "mixed"), "moves weights to its codebook, off the grid that they were trained for"),
            Rule(("share",), "has nothing to add; share once, with the bits that are wanted"),
        ),
        needs_training="clusters weights, and random ones have no clusters",
    ),
    Kind(
        "mixed",
        steps.Mixed,
        _code(
            "m<kilobytes> (kd taught)",
            rf"m(?P<size>{_NUMBER})(?P<taught>(?:kd)?)",
            _mixed,
            lambda match: (
                f"bits by layer within {match['size']} kB, trained for them{_if(match['taught'], _BY_TEACHER)}"
            ),
        ),
        never=(
            Rule(
                ("qat", "mixed"),
                "asks what each layer minds, and rounded weights do not say; go on from floats",
            ),
            Rule(("share",), "moves weights to a grid, so that they share few values no more"),
        ),
        needs_training="asks what each layer minds, and a random net minds nothing",
    ),
    Kind(
        "scratch",
        steps.Scratch,
        _code(
            "sc<epochs>",
            r"sc(?P<epochs>\d+)",
            lambda step: f"sc{step.training.epochs}",
            lambda match: (
                f"then, as a control, the same shape from random weights, trained for {match['epochs']} epochs"
            ),
        ),
        in_recipes=False,
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType({each.word: each for each in _TABLE})
"""Every kind by its word."""

WORDS = tuple(each.word for each in _TABLE if each.in_recipes)
"""What a recipe can say."""

QUANTISED = frozenset(_GRIDS)
"""Kinds after which weights lie on a grid or codebook."""

_BY_STEP = {each.step: each for each in _TABLE}


def kind_of(step: Step) -> Kind:
    """The row of a step."""
    return _BY_STEP[type(step)]


def step_document(step: Step) -> dict[str, Any]:
    """A step as JSON has it: its word and every option."""
    return {DO: kind_of(step).word, **document(step)}


def read_step(found: Mapping[str, Any]) -> Step:
    """The step of `step_document`.

    Raises:
        ValueError: it is none.
    """
    rest = {key: value for key, value in found.items() if key != DO}
    problems: list[str] = []
    made: Step | None = build(KINDS[found[DO]].step, rest, str(found[DO]), problems)
    if made is None:
        raise ValueError("; ".join(problems))
    return made
