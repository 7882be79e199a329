"""Puts the labels of a Pareto line where they cover nothing; pure geometry, in pixels.

Nothing is both faster and more accurate than a point on the line, so the room above and left of the line is empty.
Each label stands there, left of its point, and as low as it can above the label of the point before: in this order
neither the labels nor the leaders to their points can cross.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

_GAP = 7.0  # pixels between a label and what is beside it
_PAD = 3.0  # pixels between two labels


class Box(NamedTuple):
    """A rectangle: left, bottom, right, top."""

    x0: float
    y0: float
    x1: float
    y1: float

    def overlaps(self, other: "Box") -> bool:
        """Whether they share area."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1


@dataclass(frozen=True, slots=True)
class Label:
    """A label to place.

    Attributes:
        text: what it says.
        x: where its point is, from the left.
        y: where its point is, from below.
        radius: of the point.
        width: of the text.
        height: of the text.
    """

    text: str
    x: float
    y: float
    radius: float
    width: float
    height: float

    @property
    def reach(self) -> float:
        """How far it reaches left of its point."""
        return self.radius + self.width + 2 * _GAP


@dataclass(frozen=True, slots=True)
class Placed:
    """A label in its place.

    Attributes:
        label: which.
        box: what it covers.
    """

    label: Label
    box: Box

    @property
    def leader(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The line from the label to its point."""
        return (self.box.x1 + 4, (self.box.y0 + self.box.y1) / 2), (self.label.x, self.label.y)

    @property
    def is_raised(self) -> bool:
        """Whether it had to go higher than its point."""
        return self.box.y0 > self.label.y


def stack(labels: Sequence[Label], bubbles: Sequence[Box]) -> list[Placed]:
    """Place labels.

    Args:
        labels: in the order of the line, from below.
        bubbles: what they must not cover.
    """
    placed: list[Placed] = []
    floor = float("-inf")
    for label in labels:
        bottom = max(label.y - label.height / 2, floor)
        box = _clear(_box(label, label.x - label.radius - _GAP, bottom), label, bubbles)
        placed.append(Placed(label, box))
        # the next label clears this one, and the line that goes right from this point
        floor = max(box.y1, label.y) + _PAD
    for number in reversed(range(len(placed) - 1)):
        above, this = placed[number + 1], placed[number]
        if above.is_raised and this.box.x1 > above.box.x1:
            placed[number] = replace(this, box=_box(this.label, above.box.x1, this.box.y0))
    return placed


def _box(label: Label, right: float, bottom: float) -> Box:
    return Box(right - label.width, bottom, right, bottom + label.height)


def _clear(box: Box, label: Label, bubbles: Sequence[Box]) -> Box:
    """Move a box left until it covers no bubble."""
    for _ in bubbles:
        hit = [each.x0 for each in bubbles if box.overlaps(each)]
        if not hit:
            break
        box = _box(label, min(hit) - 1, box.y0)
    return box
