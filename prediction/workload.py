"""What one inference of a net does."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """Kinds of operator that processors run at different speeds.

    ``conv``: a convolution over more than one pixel, grouped ones too. ``depthwise``: one filter a channel.
    ``pointwise``: a convolution of 1x1. ``dense``: a product with a weight matrix. ``other``: a product of activations.
    """

    CONV = "conv"
    DEPTHWISE = "depthwise"
    POINTWISE = "pointwise"
    DENSE = "dense"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of a file, as an inspection reports it.

    Attributes:
        kind: what it is; ``None`` for one without multiply-accumulates.
        macs: multiply-accumulates.
        elements: numbers in its output.
    """

    kind: Kind | None
    macs: int
    elements: int


@dataclass(frozen=True, slots=True)
class Workload:
    """What one inference of a net does.

    Attributes:
        params: learned numbers; ``None`` where unknown.
        macs: multiply-accumulates of convolutions and matrix products; ``None`` where unknown.
        pixels: height times width of the input; ``None`` where unknown, or where the input is no picture.
        conv: multiply-accumulates of that `Kind`; these five are ``None`` where only the sum is known.
        depthwise: see ``conv``.
        pointwise: see ``conv``.
        dense: see ``conv``.
        other: see ``conv``.
        elements: numbers that the counted operators put out, a measure of the memory moved; ``None`` where unknown.
        layers: how many operators were counted; ``None`` where unknown.
        parts: see `prediction.own.parts`; ``None`` where the operators are unknown.
    """

    params: float | None = None
    macs: float | None = None
    pixels: float | None = None
    conv: float | None = None
    depthwise: float | None = None
    pointwise: float | None = None
    dense: float | None = None
    other: float | None = None
    elements: float | None = None
    layers: float | None = None
    parts: tuple[float, ...] | None = None

    @classmethod
    def of_operators(cls, operators: Iterable[Operator], params: float | None, pixels: float | None) -> Self:
        """Sum up the operators of a file."""
        sums = dict.fromkeys(Kind, 0.0)
        elements = layers = 0
        for each in operators:
            if each.kind is None:
                continue
            sums[each.kind] += each.macs
            elements += each.elements
            layers += 1
        conv, depthwise, pointwise, dense, other = (sums[each] for each in Kind)
        return cls(
            params, sum(sums.values()), pixels, conv, depthwise, pointwise, dense, other, elements=elements,
            layers=layers,
        )  # fmt: skip

    @property
    def by_kind(self) -> tuple[float, ...] | None:
        """Multiply-accumulates in the order of `Kind`; ``None`` where only the sum is known."""
        parts = (self.conv, self.depthwise, self.pointwise, self.dense, self.other)
        known = tuple(each for each in parts if each is not None)
        return known if len(known) == len(parts) and sum(known) > 0 else None

    def scaled(self, pixels: float) -> Self:
        """The same net for pictures of another size: all but what is dense grows with their area."""
        if not self.pixels or pixels == self.pixels:
            return self
        ratio = pixels / self.pixels
        dense = self.dense or 0.0
        parts = {
            name: None if (value := getattr(self, name)) is None else value * ratio
            for name in ("conv", "depthwise", "pointwise", "other", "elements")
        }
        macs = None if self.macs is None else (self.macs - dense) * ratio + dense
        return replace(self, pixels=pixels, macs=macs, **parts)
