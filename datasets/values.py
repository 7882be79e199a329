"""What a loader gives: raw samples with their labels, by split."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from zoo.errors import UnknownNameError

Array = NDArray[Any]


class Selection(Sequence[Array]):
    """Some samples of a sequence, in another order; nothing is read before it is asked for.

    Args:
        samples: all samples.
        rows: positions of the wanted ones.
    """

    def __init__(self, samples: Sequence[Array], rows: Sequence[int]) -> None:
        """Remember where they are."""
        self._samples, self._rows = samples, list(rows)

    @overload
    def __getitem__(self, place: int) -> Array: ...
    @overload
    def __getitem__(self, place: slice) -> "Selection": ...
    def __getitem__(self, place: int | slice) -> "Array | Selection":
        """One sample, or a selection."""
        if isinstance(place, slice):
            return Selection(self._samples, self._rows[place])
        return self._samples[self._rows[place]]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Array]:
        """One after the other."""
        return (self._samples[row] for row in self._rows)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Raw samples of one split.

    Attributes:
        samples: pictures, uint8, (height, width, channels) each, or one array with a first axis over them where all
            have one size; or clips of sound, int16, (length,) each.
        labels: class of each, int64.
        ids: what each is called, such as the name of its file.
        groups: what each belongs to, such as its speaker; empty where there are no groups.
        rate_hz: sampling rate of sound; ``None`` of pictures.
    """

    samples: Sequence[Array] | Array
    labels: NDArray[np.int64]
    ids: tuple[str, ...]
    groups: tuple[str, ...] = ()
    rate_hz: int | None = None

    def __post_init__(self) -> None:
        """Refuse columns of different lengths.

        Raises:
            ValueError: see above.
        """
        lengths = {len(self.samples), len(self.labels), len(self.ids)}
        lengths |= {len(self.groups)} if self.groups else set()
        if len(lengths) > 1:
            raise ValueError(f"samples, labels, ids and groups differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        """How many samples it has."""
        return len(self.labels)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Part":
        """The samples at these positions, in this order."""
        wanted = [int(row) for row in rows]
        samples = self.samples
        return replace(
            self,
            samples=samples[wanted] if isinstance(samples, np.ndarray) else Selection(samples, wanted),
            labels=self.labels[wanted],
            ids=tuple(self.ids[row] for row in wanted),
            groups=tuple(self.groups[row] for row in wanted) if self.groups else (),
        )

    def joined(self, other: "Part") -> "Part":
        """All samples of both; the other's groups are kept where this one has groups, too.

        Raises:
            ValueError: sound of another sampling rate, or pictures and sound.
        """
        if self.rate_hz != other.rate_hz:
            raise ValueError(f"samples of {self.rate_hz} and {other.rate_hz} Hz do not go together")
        return replace(
            self,
            samples=(*self.samples, *other.samples),
            labels=np.concatenate([self.labels, other.labels]),
            ids=(*self.ids, *other.ids),
            groups=(*self.groups, *other.groups) if self.groups and other.groups else (),
        )

    def only(self, group: str) -> "Part":
        """The samples of one group.

        Raises:
            UnknownNameError: there is no such group.
        """
        self._check(group)
        return self.take([row for row, each in enumerate(self.groups) if each == group])

    def without(self, group: str) -> "Part":
        """The samples of all other groups.

        Raises:
            UnknownNameError: there is no such group.
        """
        self._check(group)
        return self.take([row for row, each in enumerate(self.groups) if each != group])

    def _check(self, group: str) -> None:
        known = sorted(set(self.groups))
        if group not in known:
            raise UnknownNameError("group", group, known, advice=f"Known: {', '.join(known) or 'none'}")


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A data set, or the splits of it that were asked for.

    Attributes:
        name: as the catalogue has it.
        classes: names by label.
        parts: samples by split.
    """

    name: str
    classes: tuple[str, ...]
    parts: Mapping[str, Part]

    def part(self, split: str) -> Part:
        """One split, such as ``test``; ``all/jackson`` is one group of it.

        Raises:
            UnknownNameError: there is no such split or group.
        """
        name, _, group = split.partition("/")
        if name not in self.parts:
            advice = f"Known: {', '.join(self.parts)}"
            raise UnknownNameError(f"split of {self.name}", name, self.parts.keys(), advice=advice)
        return self.parts[name].only(group) if group else self.parts[name]
