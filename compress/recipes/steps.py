"""The steps that a net can take, one frozen value a kind; what their options mean stands beside them.

What is trained has `Training`; what can listen to a teacher has `Teaching`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from compress.recipes.domains import Choice, Flag, ListOf, Number, TableOf, Text
from compress.recipes.options import option, options_of

_SHARE = Number(0, 1)
_INNER = Number(0, 1, open_below=True, open_above=True)
_NONE = Number(0, whole=True)
_SOME = Number(1, whole=True)
_LAYER_SHARES = TableOf(Number(0, 1, open_above=True), "a table of shares by layer")

Problems = list[tuple[str, str]]
"""Pairs of an option's key and what is wrong with it beside the others."""


@dataclass(frozen=True, slots=True)
class Training:
    """How a step trains."""

    epochs: int = option("passes over the training samples", _SOME, 10, unit="epochs")
    batch: int = option("samples in one step of the optimizer", _SOME, 128, unit="samples")
    learning_rate: float = option("the highest learning rate", Number(0, 10, open_below=True), 1e-3)
    optimizer: str = option("what makes the steps", Choice(("adam", "adamw", "sgd")), "adam")
    weight_decay: float = option("decay of weights", _SHARE, 0.0)
    label_smoothing: float = option(
        "part of each label that is spread over all classes", Number(0, 1, open_above=True), 0.0
    )
    schedule: str = option(
        "how the learning rate falls: to zero along a cosine, or not at all",
        Choice(("cosine", "constant")),
        "cosine",
    )
    warmup: float = option("part of the training in which the learning rate rises from zero", _SHARE, 0.0)
    augment: bool = option("whether samples are varied as `[input]` says", Flag(), usual=True)


@dataclass(frozen=True, slots=True)
class FineTuning(Training):
    """How a step trains that may do without."""

    epochs: int = option("passes over the training samples; 0 for none", _NONE, 10, unit="epochs")


@dataclass(frozen=True, slots=True)
class Teaching:
    """How a step listens to the net's `teacher` (Hinton et al. 2015, arXiv:1503.02531)."""

    soft: float = option("weight of the teacher's answers in the loss; the labels have the rest", _SHARE, 0.0)
    temperature: float = option(
        "by which logits are divided before they are compared", Number(0, 100, open_below=True), 4.0
    )


@dataclass(frozen=True, slots=True)
class Train:
    """Trained on the labels."""

    training: Training = options_of(Training)


@dataclass(frozen=True, slots=True)
class Distil:
    """Trained on the answers of its teacher, and on the labels."""

    training: Training = options_of(Training)
    teaching: Teaching = options_of(Teaching, soft=0.9)
    hints: bool = option(
        "also learn the teacher's last features through a projection (FitNets, arXiv:1412.6550)",
        Flag(),
        usual=False,
    )
    layers: bool = option(
        "learn layer by layer, with the four losses of TinyBERT (arXiv:1909.10351); Transformer encoders only",
        Flag(),
        usual=False,
    )

    def problems(self, given: Collection[str]) -> Problems:  # noqa: ARG002 - as others have it
        """What is wrong with options beside each other; ``given`` are the keys that the recipe has."""
        found = []
        if self.hints and self.layers:
            found.append(("hints", "true, but layers is true, too; TinyBERT's losses have the hidden states"))
        if not (self.teaching.soft or self.hints or self.layers):
            found.append(("soft", "0.0, so nothing is learned from the teacher; more than 0 is wanted"))
        return found


@dataclass(frozen=True, slots=True)
class PruneWeights:
    """The smallest weights become zero, more and more while it trains (Zhu and Gupta 2017, arXiv:1710.01878)."""

    share: float = option("part of the weights that is zero in the end", _INNER)
    layers: Mapping[str, float] = option("other shares of single layers, by path", _LAYER_SHARES, {})
    spread: str = option(
        "whether every layer loses its share, or all layers together",
        Choice(("uniform", "global")),
        "uniform",
    )
    every: int = option("steps after which more weights become zero", _SOME, 50, unit="steps")
    ramp: float = option(
        "part of the training in which the zeros become more, on a cubic curve",
        Number(0, 1, open_below=True),
        0.6,
    )
    training: Training = options_of(Training)
    teaching: Teaching = options_of(Teaching)


@dataclass(frozen=True, slots=True)
class Rewind:
    """A lottery ticket: rounds of training and pruning, each back to the initial weights (arXiv:1803.03635)."""

    share: float = option("part of the weights that is zero in the end", _INNER)
    share_per_round: float = option("part of what is left that goes in a round", _INNER, 0.2)
    head_share: float = option("the same for the layer of the classes", _INNER, 0.1)
    rounds: int | None = option(
        "rounds in place of `share_per_round`, which then follows from `share`",
        Number(1, 100, whole=True),
        None,
    )
    reinit: bool = option(
        "train new random weights under the ticket's mask, to compare with", Flag(), usual=False
    )
    training: Training = options_of(Training)

    @property
    def per_round(self) -> float:
        """Part of what is left that goes in a round, whichever way it was said."""
        return self.share_per_round if self.rounds is None else 1 - (1 - self.share) ** (1 / self.rounds)

    def problems(self, given: Collection[str]) -> Problems:
        """What is wrong with options beside each other; ``given`` are the keys that the recipe has."""
        if {"rounds", "share_per_round"} <= set(given):
            return [("rounds", f"{self.rounds}, but share_per_round is there, too; one of them is wanted")]
        return []


@dataclass(frozen=True, slots=True)
class PruneFilters:
    """Filters are taken out and the layers really shrink (Li et al. 2016, arXiv:1608.08710)."""

    share: float | None = option("part of the filters that goes", _INNER, None)
    by: str = option(
        "what ranks them: the sum of absolute weights, or the scale of the batch norm (arXiv:1708.06519)",
        Choice(("l1", "bn")),
        "l1",
    )
    across: bool = option("rank the filters of all layers together", Flag(), key="global", usual=False)
    round_to: int = option("widths become multiples of it", Number(1, 256, whole=True), 1, unit="filters")
    layers: Mapping[str, float] = option("other shares of single layers, by path", _LAYER_SHARES, {})
    macs_share: float | None = option(
        "part of the multiply-accumulates that goes at least, in place of `share`, which is then found",
        _INNER,
        None,
    )

    def problems(self, given: Collection[str]) -> Problems:  # noqa: ARG002 - as others have it
        """What is wrong with options beside each other; ``given`` are the keys that the recipe has."""
        if self.share is None and self.macs_share is None:
            return [("share", "missing; a part of the filters, or of the MACs as `macs_share`, is wanted")]
        if self.share is not None and self.macs_share is not None:
            return [("share", f"{self.share:g}, but `macs_share` is there, too; one of them is wanted")]
        return []


@dataclass(frozen=True, slots=True)
class PruneLayers:
    """Whole blocks are taken out: the net becomes shallower."""

    count: int | None = option(
        "blocks that go: those that are missed least, one after the other", _SOME, None, unit="blocks"
    )
    blocks: tuple[str, ...] = option(
        "blocks that go, by path, in place of `count`", ListOf(Text("a path"), "a list of paths"), ()
    )

    @property
    def removed(self) -> int:
        """How many go."""
        return self.count or len(self.blocks)

    def problems(self, given: Collection[str]) -> Problems:  # noqa: ARG002 - as others have it
        """What is wrong with options beside each other; ``given`` are the keys that the recipe has."""
        if self.count is None and not self.blocks:
            return [("count", "missing; a number of blocks, or their paths as `blocks`, is wanted")]
        if self.count is not None and self.blocks:
            return [("count", f"{self.count}, but `blocks` is there, too; one of them is wanted")]
        return []


@dataclass(frozen=True, slots=True)
class Qat:
    """Trained with weights on a grid of few bits (Krishnamoorthi 2018, arXiv:1806.08342)."""

    weight_bits: int = option("of every weight", Choice((2, 3, 4, 8)), 8, unit="bits")
    activation_bits: int | str = option("of what goes into every layer", Choice((8, "none")), 8, unit="bits")
    training: Training = options_of(Training)
    teaching: Teaching = options_of(Teaching)


@dataclass(frozen=True, slots=True)
class Share:
    """The weights of a layer share few values, which are fine-tuned (Han et al. 2015, arXiv:1510.00149)."""

    bits: int = option(
        "of an index; a layer has at most 2^bits values", Number(1, 8, whole=True), 5, unit="bits"
    )
    layers: Mapping[str, int] = option(
        "other bits of single layers, by path",
        TableOf(Number(1, 8, whole=True), "a table of bits by layer"),
        {},
    )
    rate: float = option(
        "price of a bit of code in units of the mean squared distance; 0 is plain k-means (arXiv:1612.01543)",
        Number(0, 100),
        0.0,
    )
    training: FineTuning = options_of(FineTuning)
    teaching: Teaching = options_of(Teaching)

    @property
    def most_bits(self) -> int:
        """Bits of the layer that has most."""
        return max((self.bits, *self.layers.values()))


@dataclass(frozen=True, slots=True)
class Mixed:
    """Every layer gets its own bits, by how much it minds, under a size budget; then trained on its grid."""

    size_bytes: int = option("of weights, scales, biases and norms together, at most", _SOME, unit="bytes")
    choices: tuple[int, ...] = option(
        "bits that a layer may get",
        ListOf(Choice((2, 3, 4, 8)), "a list of 2, 3, 4 or 8"),
        (2, 4, 8),
        unit="bits",
    )
    training: FineTuning = options_of(FineTuning)
    teaching: Teaching = options_of(Teaching)


@dataclass(frozen=True, slots=True)
class Scratch:
    """The same shape again from random weights, with the whole budget (Liu et al. 2018, arXiv:1810.05270)."""

    training: Training = options_of(Training)


Step = Train | Distil | PruneWeights | Rewind | PruneFilters | PruneLayers | Qat | Share | Mixed | Scratch


def training_of(step: Step) -> Training | None:
    """How a step trains, or ``None`` where it does not."""
    return None if isinstance(step, PruneFilters | PruneLayers) else step.training


def teaching_of(step: Step) -> Teaching | None:
    """How a step listens to a teacher, or ``None`` where it never does."""
    return step.teaching if isinstance(step, Distil | PruneWeights | Qat | Share | Mixed) else None


def listens(step: Step) -> bool:
    """Whether a step needs the net's teacher."""
    teaching = teaching_of(step)
    return isinstance(step, Distil) or (teaching is not None and teaching.soft > 0)
