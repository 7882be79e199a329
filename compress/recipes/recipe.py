"""A whole recipe as frozen values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from compress.recipes.domains import Anything, Choice, ListOf, Number, TableOf, Text
from compress.recipes.names import name
from compress.recipes.options import option
from compress.recipes.steps import Scratch, Step, Train, Training, training_of
from registry.spec import ChannelOrder, Resize

_NUMBERS = ListOf(Number(-1_000_000, 1_000_000), "a list of numbers", repeats=True)
_COUNT = Number(1, whole=True)
LARGEST_SEED = 2**31 - 1
LARGEST_HELD_BYTES = 6_000_000


class Protocol(StrEnum):
    """How a net is judged.

    ``holdout``: on samples that it was not trained on. ``leave-one-group-out``: trained once without each group (such
    as a speaker) and scored on that group, and trained once on all; the file of the last one ships.
    """

    HOLDOUT = "holdout"
    LEAVE_ONE_GROUP_OUT = "leave-one-group-out"


@dataclass(frozen=True, slots=True)
class InputPlan:
    """How samples become inputs: the same numbers in training, in evaluation and in an app."""

    kind: str = option("of the samples", Choice(("image", "audio")), "image")
    channels: str = option("of a picture", Choice(tuple(each.value for each in ChannelOrder if each)), "RGB")
    size: int | None = option(
        "height and width in which pictures are kept for training; as they are where it is left out",
        Number(1, 4096, whole=True),
        None,
        unit="pixels",
    )
    resize: str = option(
        "how a picture gets its height and width",
        Choice(tuple(each.value for each in Resize if each)),
        "center_crop",
    )
    scale: float = option(
        "factor of stored values: value = (stored * scale - mean) / std", Number(0, open_below=True), 1.0
    )
    mean: tuple[float, ...] = option("one number a channel, in scaled units; none for 0", _NUMBERS, ())
    std: tuple[float, ...] = option("one number a channel, in scaled units; none for 1", _NUMBERS, ())
    features: Mapping[str, Any] = option(
        "of sound, by name with its unit, such as `sample_rate_hz`", TableOf(Anything(), "a table"), {}
    )
    changes: Mapping[str, Any] = option(
        "how samples are varied in training, by name", TableOf(Anything(), "a table"), {}
    )
    copies: int = option(
        "variations of each sample that training goes through in an epoch, the same in every epoch: of sound beside "
        "the clip itself; 0 varies pictures anew every time, and an epoch is each picture once",
        Number(0, 1000, whole=True),
        0,
    )

    def has_views(self, *, augment: bool) -> bool:
        """Whether the samples of a step are the same in every epoch: a teacher has to see them only once."""
        return not (augment and self.changes) or self.kind == "audio" or bool(self.copies)


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What a search may propose, and how it tries it."""

    architectures: tuple[str, ...] = option(
        "families, or whole names; those of the recipe's nets where it is left out",
        ListOf(Text("the name of an architecture"), "a list of architectures"),
        (),
    )
    widths: tuple[float, ...] = option(
        "of architectures that have one; what their names say where it is left out",
        ListOf(Number(0, open_below=True), "a list of numbers above 0"),
        (),
    )
    sizes: tuple[int, ...] = option(
        "height and width of the input, of architectures that have one; as widths",
        ListOf(_COUNT, "a list of whole numbers above 0"),
        (),
        unit="pixels",
    )
    filters: tuple[float, ...] = option(
        "parts of the filters that are taken out",
        ListOf(Number(0, 1, open_above=True), "a list of numbers from 0 to below 1"),
        (0.0, 0.25, 0.5),
    )
    bits: tuple[int, ...] = option(
        "of weights; 32 are floats, 8 have activations of 8 bits, too, others float ones",
        ListOf(Choice((32, 8, 4, 2)), "a list of 32, 8, 4 or 2"),
        (32, 8, 4),
        unit="bits",
    )
    epochs: int = option("of every step of a trial that trains", _COUNT, 1, unit="epochs")
    trials: int = option("nets that are trained", _COUNT, 20)
    samples: int = option(
        "of the training samples that a trial looks at; a fifth of them is held out, to score it",
        Number(10, whole=True),
        5000,
    )
    seed: int = option("of all chances", Number(0, LARGEST_SEED, whole=True), 0)


@dataclass(frozen=True, slots=True)
class NetPlan:
    """A net and what is done to it.

    Attributes:
        handle: what the recipe calls it.
        architecture: full name.
        steps: its own steps, after those of ``base``.
        base: handle of the net that it goes on from; empty where it begins itself.
        teacher: handle of the net that it listens to; empty for none.
        pretrained: whether it starts from weights that others trained.
        control: whether the same shape is also trained from scratch with the same budget.
        label: distinguishes nets whose names would be the same.
    """

    handle: str
    architecture: str
    steps: tuple[Step, ...]
    base: str = ""
    teacher: str = ""
    pretrained: bool = False
    control: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class Emission:
    """Files that are made of nets: every net in every format in every precision.

    Attributes:
        nets: handles.
        formats: such as ``tflite``.
        precisions: such as ``int8``.
    """

    nets: tuple[str, ...]
    formats: tuple[str, ...]
    precisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a model is to become.

    Attributes:
        model: name in the registry.
        dataset: name of the data set.
        protocol: how nets are judged.
        seeds: each is a chain of trainings of its own.
        inputs: how samples become inputs.
        nets: in an order in which bases and teachers come first.
        emissions: which files are wanted.
        training: how steps train that do not say it themselves.
        search: what a search may propose; ``None`` where the recipe does not say.
        extra: names of data sets that are trained on as well, and never scored on.
        largest_held: bytes of the largest file that is kept.
    """

    model: str
    dataset: str
    protocol: Protocol
    seeds: tuple[int, ...]
    inputs: InputPlan
    nets: tuple[NetPlan, ...]
    emissions: tuple[Emission, ...]
    training: Training = field(default_factory=Training)
    search: SearchPlan | None = None
    extra: tuple[str, ...] = ()
    largest_held: int = LARGEST_HELD_BYTES

    def net(self, handle: str) -> NetPlan:
        """The net of that handle."""
        return next(each for each in self.nets if each.handle == handle)

    def line(self, net: NetPlan) -> tuple[NetPlan, ...]:
        """The nets that it goes on from, the first one first, and itself."""
        return (*(self.line(self.net(net.base)) if net.base else ()), net)

    def steps(self, net: NetPlan) -> tuple[Step, ...]:
        """All that is done to a net, in order, with the steps of the nets that it goes on from."""
        return tuple(step for each in self.line(net) for step in each.steps)

    def pretrained(self, net: NetPlan) -> bool:
        """Whether the first of its line starts from weights that others trained."""
        return self.line(net)[0].pretrained

    def name(self, net: NetPlan) -> str:
        """What the net is called in the registry; see `compress.recipes.names`."""
        return name(net.architecture, self.steps(net), pretrained=self.pretrained(net), label=net.label)

    def control(self, net: NetPlan) -> Scratch:
        """The training of its control: as it was first trained, for as many epochs as all its steps together."""
        return control_of(self.steps(net))

    def control_name(self, net: NetPlan) -> str:
        """What its control is called."""
        steps = (*self.steps(net), self.control(net))
        return name(net.architecture, steps, pretrained=self.pretrained(net), label=net.label)

    def files(self, net: NetPlan) -> tuple[tuple[str, str], ...]:
        """Formats and precisions that a net is wanted in, each once."""
        return tuple(dict.fromkeys(self._files(net)))

    def _files(self, net: NetPlan) -> Iterator[tuple[str, str]]:
        for each in self.emissions:
            if net.handle in each.nets:
                yield from ((format_, precision) for format_ in each.formats for precision in each.precisions)


def control_of(steps: tuple[Step, ...]) -> Scratch:
    """The control of a net that took these steps: see `Recipe.control`."""
    trainings = [training for training in map(training_of, steps) if training is not None]
    plain = [each.training for each in steps if isinstance(each, Train)]
    model = (plain or trainings)[0]
    return Scratch(replace(model, epochs=sum(each.epochs for each in trainings)))
