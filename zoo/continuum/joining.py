"""Variants of many jobs become one continuum, in which every variant says what it lost, and against what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from compress.recipes.recipe import NetPlan, Recipe
from compress.sweep.stages import Stage
from registry.catalogue import Source
from registry.continua import Continuum
from registry.values import Variant
from zoo.bootstrap import Difference, paired_bootstrap


@dataclass(frozen=True, slots=True)
class Emitted:
    """What the job that wrote the files of a net gave.

    Attributes:
        stage: the job.
        continuum: variants with their evidence.
        answers: whether each test sample was answered rightly, by variant.
    """

    stage: Stage
    continuum: Continuum
    answers: Mapping[str, list[bool]]


def joined(
    recipe: Recipe, emitted: Sequence[Emitted], transports: Mapping[str, str], citation: str
) -> Continuum:
    """Make one continuum.

    Args:
        recipe: that made all of it.
        emitted: in the recipe's order.
        transports: what is to be said of a net's transport size, by its name; see `transport`.
        citation: of the recipe.
    """
    source = Source(
        f"continuum-{recipe.model}",
        citation,
        datetime.now(UTC).year,
        "trained by this project with this recipe",
    )
    answers = {name: right for each in emitted for name, right in each.answers.items()}
    variants = [variant for each in emitted for variant in each.continuum.variants]
    comparing = _Comparing(recipe, variants, answers)
    noted = tuple(
        replace(
            each, note="; ".join(filter(None, (*comparing.notes(each), transports.get(each.net), each.note)))
        )
        for each in variants
    )
    certificates = {key: text for each in emitted for key, text in each.continuum.certificates.items()}
    return Continuum(recipe.model, source, noted, certificates)


@dataclass(frozen=True, slots=True)
class _Comparing:
    """Finds what a variant is compared with.

    Attributes:
        recipe: that made them.
        variants: all of them.
        answers: of each, by name.
    """

    recipe: Recipe
    variants: Sequence[Variant]
    answers: Mapping[str, list[bool]]

    def notes(self, variant: Variant) -> Iterator[str]:
        """Against the float net that it comes from or learned from; a pruned net also against its control."""
        for net in self.recipe.nets:
            reference = self._file(self.recipe.name(self._origin(net)), variant.format, "float32")
            if variant.net in (self.recipe.name(net), self.recipe.control_name(net) if net.control else ""):
                if reference is not None and reference.name != variant.name:
                    yield said(self._difference(variant, reference), reference.name)
                if net.control and variant.net == self.recipe.name(net):
                    control = self._file(
                        self.recipe.control_name(net), variant.format, str(variant.precision)
                    )
                    if control is not None:
                        yield said(
                            self._difference(variant, control), f"the same shape from scratch, {control.name}"
                        )

    def _origin(self, net: NetPlan) -> NetPlan:
        """The first net of its line that has files, or who taught that one; else the first net with files."""
        first = next((each for each in self.recipe.line(net) if self.recipe.files(each)), net)
        if first.teacher:
            return self._origin(self.recipe.net(first.teacher))
        if first is not net:
            return first
        return next((each for each in self.recipe.nets if self.recipe.files(each)), net)

    def _file(self, net: str, format_: str, precision: str) -> Variant | None:
        wanted = (net, format_, precision)
        return next(
            (each for each in self.variants if (each.net, each.format, each.precision) == wanted), None
        )

    def _difference(self, variant: Variant, other: Variant) -> Difference:
        return paired_bootstrap(self.answers[variant.name], self.answers[other.name], 0)


def said(difference: Difference, other: str) -> str:
    """A comparison as a line: ``-0.8 points [-1.4, -0.2] against NAME on 3,000 samples``."""
    verdict = "" if difference.resolved else ", unresolved"
    return (
        f"{difference.points:+.1f} points [{difference.low:+.1f}, {difference.high:+.1f}] against {other} "
        f"on {difference.samples:,} samples{verdict}"
    )


def transport(checkpoint: bytes) -> str:
    """In how many bytes a net travels as a deep-compression container that restores every bit of it.

    Args:
        checkpoint: see `compress.net.Net.to_bytes`.
    """
    from compress.container.packing import pack, unpack
    from compress.net import Net

    net = Net.from_bytes(checkpoint)
    data = pack(net)
    if unpack(data).to_bytes() != net.to_bytes():
        raise RuntimeError("the container does not restore the net bit for bit")
    times = 4 * sum(each.numel() for each in net.module.parameters()) / len(data)
    return f"its weights travel in {len(data):,} bytes, {times:.1f}x fewer than in float32"
