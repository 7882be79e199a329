"""The data behind ``zoo plot continuum``: the accuracy of a model's variants against the size of their files.

`read_continuum` fetches from a registry, the rest is pure. What counts of several accuracies of one variant is decided
by `registry.values.Variant.accuracy`, as it is for ``zoo pick``.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry.reader import Reader
from registry.values import Accuracy, Model, Variant
from zoo import actions
from zoo.plot_data import Document, precision_class


@dataclass(frozen=True, slots=True)
class Mark:
    """A variant whose size and accuracy are known.

    Attributes:
        variant: which.
        size_bytes: length of its file.
        accuracy: the accuracy that counts.
    """

    variant: Variant
    size_bytes: int
    accuracy: Accuracy

    @property
    def precision_class(self) -> str:
        """The key of `zoo.plot_data.PRECISION_CLASSES` that holds its precision."""
        return precision_class(self.variant.precision)

    def document(self) -> Document:
        """What ``--json`` prints."""
        return {
            "variant": self.variant.name,
            "net": self.variant.net,
            "precision": self.variant.precision,
            "precision_class": self.precision_class,
            "format": self.variant.format,
            "size_bytes": self.size_bytes,
            "accuracy": self.accuracy.value,
            "interval": self.accuracy.interval(),
            "samples": self.accuracy.samples,
        }


@dataclass(frozen=True, slots=True)
class Continuum:
    """Accuracy against file size.

    Attributes:
        model: the model.
        marks: its variants with a size and an accuracy; the smallest first, of equal sizes the most accurate.
        line: those of ``marks`` than which no other is as small and as accurate: the Pareto line. Of equals it has
            the first by name.
        undrawn: how many more variants there are, whose size or accuracy is not known.
    """

    model: Model
    marks: tuple[Mark, ...]
    line: tuple[Mark, ...]
    undrawn: int

    @property
    def empty(self) -> str:
        """Why there is no mark; empty where there are some."""
        return "" if self.marks else f"no variant of {self.model.name} has both a size and an accuracy"

    @property
    def factor(self) -> float:
        """Size of the largest over that of the smallest."""
        return self.marks[-1].size_bytes / self.marks[0].size_bytes

    @property
    def knee(self) -> Mark | None:
        """Where the line bends most: beyond it, size buys little accuracy.

        It lies farthest above the chord between the ends of the line, over the logarithm of the size (Satopaa and
        others 2011, "Finding a 'Kneedle' in a Haystack"); ``None`` where nothing lies above the chord.
        """
        if not self.line:
            return None
        first, last = self.line[0], self.line[-1]

        def height(each: Mark) -> float:
            gain = (each.accuracy.value - first.accuracy.value) / (last.accuracy.value - first.accuracy.value)
            growth = math.log(each.size_bytes / first.size_bytes) / math.log(
                last.size_bytes / first.size_bytes
            )
            return gain - growth

        best = max(self.line[1:-1], key=height, default=None)
        return best if best and height(best) > 0 else None

    @property
    def landmarks(self) -> dict[str, Mark]:
        """The marks worth a label by what they are, the smallest first; a line of one mark has one."""
        if not self.line:
            return {}
        if len(self.line) == 1:
            return {"smallest and most accurate": self.line[0]}
        knee = {"knee": self.knee} if self.knee else {}
        return {"smallest": self.line[0], **knee, "most accurate": self.line[-1]}

    def document(self) -> Document:
        """What ``--json`` prints."""
        on_line = {each.variant.name for each in self.line}
        return {
            "model": self.model.name,
            "dataset": self.model.dataset,
            "split": self.model.split or None,
            "metric": self.model.metric,
            "unit": self.model.unit or None,
            "higher_is_better": self.model.higher_is_better,
            "size_factor": self.factor if self.marks else None,
            "landmarks": {what: each.variant.name for what, each in self.landmarks.items()},
            "variants": [{**each.document(), "pareto": each.variant.name in on_line} for each in self.marks],
            "undrawn": self.undrawn,
        }


def read_continuum(registry: Reader, model: str) -> Continuum:
    """The continuum of one model.

    Raises:
        UnknownNameError: no such model.
    """
    return continuum(actions.find_model(registry, model), registry.variants(model).values())


def continuum(model: Model, variants: Iterable[Variant]) -> Continuum:
    """Keep the variants of a model that have a size and an accuracy, and find the Pareto line through them."""
    sign = 1 if model.higher_is_better else -1
    everything = list(variants)
    marks = sorted(
        (mark for each in everything if (mark := _mark(model, each))),
        key=lambda each: (each.size_bytes, -sign * each.accuracy.value, each.variant.name),
    )
    return Continuum(model, tuple(marks), tuple(_line(marks, sign)), len(everything) - len(marks))


def _mark(model: Model, variant: Variant) -> Mark | None:
    """What is drawn of a variant; an accuracy on another split than the model's own does not compare."""
    accuracy = variant.accuracy(model)
    if not variant.size_bytes or accuracy is None or (model.split and accuracy.split != model.split):
        return None
    return Mark(variant, variant.size_bytes, accuracy)


def _line(marks: Sequence[Mark], sign: int) -> list[Mark]:
    """The marks that are more accurate than every one before them."""
    line: list[Mark] = []
    for each in marks:
        if not line or sign * each.accuracy.value > sign * line[-1].accuracy.value:
            line.append(each)
    return line
