"""docs/recipes.md, made of the tables that recipes are read with."""

import json
from collections.abc import Iterator
from typing import Any

from compress.recipes import orders
from compress.recipes.files import unfit
from compress.recipes.kinds import KINDS, WORDS, Kind
from compress.recipes.options import Option, options
from compress.recipes.reading import EmitTable, Head, NetTable, Surroundings
from compress.recipes.recipe import InputPlan, SearchPlan
from compress.recipes.steps import Mixed, Qat, Share, Step, Teaching, Training

_INTRODUCTION = """\
# Recipes

A recipe says what one model is to become: which nets, what is done to each, and which files are made of them.
`zoo compress RECIPE.toml` makes them; `--dry-run` shows what it would do. This page is made of the tables that recipes
are read with.

```toml
model = "spoken-digits"
dataset = "spoken-digits"
protocol = "leave-one-group-out"
seeds = [0]

[train]                            # for every step that trains, where the step does not say it itself
epochs = 40
batch = 64
learning_rate = 3e-3

[nets.large]                       # "large" is what this recipe calls the net
architecture = "ds-cnn-64"
steps = [{ do = "train" }]

[nets.small]
architecture = "ds-cnn-16"
teacher = "large"
steps = [{ do = "distil", temperature = 4.0, soft = 0.9 }]

[nets.thin]
from = "large"                     # goes on where that net ended
steps = [{ do = "prune-filters", share = 0.5 }, { do = "train", epochs = 10 }]
control = true                     # the same shape from random weights, with the same budget

[[emit]]
nets = ["large", "small", "thin"]
precisions = ["float32", "int8"]
```

A net's name says what was done to it: `ds-cnn-64_t40_f50_t10` was trained for 40 epochs, lost half of its filters and
was trained for 10 more. Steps that two nets have in common, from the start on, are taken once. Everything that is
wrong with a recipe is said at once, before anything is trained.
"""

_SEARCH = """\
What `zoo compress RECIPE.toml --device pixel3 --max-latency-ms 10` may choose from. Each trial trains a net as
`[train]` says, but for few epochs on few samples; a net with filters taken out is trained again, and one of few bits
is trained on its grid. Nets over the budget are left out before anything is trained. A recipe with `[search]` needs
neither `[nets]` nor `[[emit]]`; `--write-recipe` writes one that has both."""

_FILES = """\
A net whose weights are floats takes all of them; `sparse` wants weights that were pruned. A net whose weights lie on a
grid or codebook takes those that hold it to the last bit, and float16:
"""


def manual(surroundings: Surroundings) -> str:
    """The page.

    Args:
        surroundings: its formats and precisions are listed.
    """
    parts = [
        _INTRODUCTION,
        _table("The top", "Keys before the first table.", Head),
        _table("`[input]`", "How samples become inputs.", InputPlan),
        _table("`[nets.KEY]`", "One table a net; `steps` is a list of tables, each with a `do`.", NetTable),
        _table("`[[emit]]`", "Which files are made: every net in every format in every precision.", EmitTable),
        _table("`[search]`", _SEARCH, SearchPlan),
        _table("`[train]`", "Of every step that trains, where the step does not say it itself.", Training),
        "# Steps\n",
        *(_step(KINDS[word]) for word in WORDS),
        _control(KINDS["scratch"]),
        _orders(),
        _files(surroundings),
    ]  # fmt: skip
    return "\n".join(parts)


def _table(title: str, about: str, kind: type[Any]) -> str:
    return f"## {title}\n\n{about}\n\n{_rows(list(options(kind)))}"


def _rows(found: list[Option]) -> str:
    lines = ["| key | meaning | values | where it is left out |", "|---|---|---|---|"]
    for each in found:
        unit = f", in {each.unit}" if each.unit else ""
        lines.append(f"| `{each.key}` | {each.meaning} | {each.takes}{unit} | {_usual(each)} |")
    return "\n".join(lines) + "\n"


def _usual(each: Option) -> str:
    if each.is_required:
        return "a problem"
    if each.usual in (None, "", ()) or each.usual == {}:
        return "none"
    if isinstance(each.usual, bool):
        return str(each.usual).lower()
    if isinstance(each.usual, tuple):
        return f"`{json.dumps(each.usual)}`"
    return f"`{each.usual}`"


def _step(kind: Kind) -> str:
    keys = [each.key for each in options(kind.step)]
    training = {each.key for each in options(Training)}
    trains = training <= set(keys)
    own = [each for each in options(kind.step) if each.key not in training]
    parts = [f"## `{kind.word}`\n", f"{kind.step.__doc__} In names: `{kind.code.shown}`.\n"]
    if own:
        parts.append(_rows(own))
    if {each.key for each in options(Teaching)} <= set(keys):
        parts.append("`soft` above 0 needs the net's `teacher`.\n")
    least = next((each.takes for each in options(kind.step) if each.key == "epochs"), None)
    if trains:
        parts.append(f"And the options of `[train]`; `epochs` takes {least}.\n")
    return "\n".join(parts)


def _control(kind: Kind) -> str:
    return (
        f"## `control = true`\n\n{kind.step.__doc__} In names: `{kind.code.shown}`.\n\n"
        "It trains as the net was first trained, for as many epochs as all steps of the net together, and gets the "
        "same files.\n"
    )


def _orders() -> str:
    lines = [f"* `{word}`: {sentence}." for word, sentence in orders.rules()]
    return "\n".join(("# Which step after which\n", *lines, ""))


_ENDS: tuple[tuple[str, Step], ...] = (
    *((f"qat to {bits} bits", Qat(weight_bits=bits)) for bits in (8, 4, 3, 2)),
    *((f"share in {bits} bits", Share(bits=bits)) for bits in (8, 5, 4, 2)),
    ("mixed of 2, 4 and 8 bits", Mixed(size_bytes=1)),
)


def _files(surroundings: Surroundings) -> str:
    return "\n".join(
        (
            "# Which precisions a net can have\n",
            f"Formats: {', '.join(surroundings.formats)}. Precisions: {', '.join(surroundings.precisions)}.\n",
            _FILES,
            "| a net that ended with | takes |\n|---|---|",
            *_ends(surroundings),
            "",
            "What a format does not have, or has only in a broken form:\n",
            "| format | precision | reason |\n|---|---|---|",
            *_refusals(surroundings),
            "",
        )
    )


def _ends(surroundings: Surroundings) -> Iterator[str]:
    for called, step in _ENDS:
        taken = [each for each in surroundings.precisions if not unfit([step], each)]
        yield f"| {called} | {', '.join(taken)} |"


def _refusals(surroundings: Surroundings) -> Iterator[str]:
    for format_ in surroundings.formats:
        for precision in surroundings.precisions:
            reason = surroundings.refusal(format_, precision)
            if reason:
                yield f"| {format_} | {precision} | {reason} |"
