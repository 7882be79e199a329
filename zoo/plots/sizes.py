"""Draws the sizes of variants on a log axis, against the sizes they must fit."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from zoo.plot_data import Landmark, Sizes
from zoo.plots import page

_ROW = 0.2  # inches
_LEVEL = 0.19  # inches between two heights of the landmarks' labels


def draw(data: Sizes) -> Figure:
    """Draw one row a model, or a family of one model.

    Args:
        data: at least one size.
    """
    what, many = ("family", "families") if data.model else ("model", "models")
    counts = f"{page.count(len(data.sizes), 'variant')} of {page.count(len(data.rows), what, many)}"
    names = [title for _, title in data.rows]
    left = page.MARGIN + max(page.width(name, page.NAME) for name in names) + 0.12
    used = {each.precision_class for each in data.sizes}
    entries = [
        page.key(marker, colour, name)
        for name, (colour, marker) in page.PRECISION_STYLES.items()
        if name in used
    ]
    legends = [("Precision", entries)]
    right = page.legend_room(legends)
    low, high = _limits(data)
    flags = _flags(
        data.landmarks,
        lambda size: left + math.log(size / low) / math.log(high / low) * (page.WIDTH - left - right),
    )
    head = _LEVEL * (1 + max((each.level for each in flags), default=0)) + 0.1
    paper = page.page(
        _ROW * len(data.rows) + 0.9 + head,
        f"{data.model.title if data.model else 'Every model'}: {counts} by file size",
        [f"Each mark is one variant; the {many} are in the order of their median size."],
        _notes(data),
    )
    axes = page.Page(paper.figure, paper.top - head, paper.bottom).axes(left=left, right=right)
    _frame(axes, names, low, high)
    _marks(axes, data)
    for each in flags:
        _raise(axes, each)
    page.legends(axes, legends)
    return paper.figure


def _limits(data: Sizes) -> tuple[float, float]:
    low = min([each.size_bytes for each in data.sizes] + [each.low_bytes for each in data.landmarks])
    high = max([each.size_bytes for each in data.sizes] + [each.high_bytes for each in data.landmarks])
    return low / 1.6, high * 1.6


def _notes(data: Sizes) -> list[str]:
    notes = [f"{each.text}: {each.source}." for each in data.landmarks]
    if data.unknown:
        notes.append(f"Not drawn: {page.count(data.unknown, 'variant')} whose size is not known.")
    return notes


def _frame(axes: Axes, names: Sequence[str], low: float, high: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = {10**power: _unit(power) for power in range(3, 13) if low <= 10**power <= high}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("size of the file", fontsize=page.SUBTITLE, color=page.INK, labelpad=7)


def _unit(power: int) -> str:
    return f"{10 ** (power % 3)} {('kB', 'MB', 'GB', 'TB')[power // 3 - 1]}"


def _marks(axes: Axes, data: Sizes) -> None:
    """The classes of a row stand a little above each other, so that equal sizes stay visible."""
    rows = {name: row for row, (name, _) in enumerate(data.rows)}
    classes = {
        name: [
            each
            for each in page.PRECISION_STYLES
            if (name, each) in {(size.row, size.precision_class) for size in data.sizes}
        ]
        for name in rows
    }
    for name, (colour, marker) in page.PRECISION_STYLES.items():
        chosen = [each for each in data.sizes if each.precision_class == name]
        heights = [
            rows[each.row] + 0.26 * (classes[each.row].index(name) - (len(classes[each.row]) - 1) / 2)
            for each in chosen
        ]
        if chosen:
            axes.scatter(
                [each.size_bytes for each in chosen], heights, s=24, marker=marker, color=[to_rgba(colour, 0.75)],
                edgecolors="white", linewidths=0.4, zorder=3, gid=name,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Flag:
    """A landmark's label on its pole above the axes.

    Attributes:
        landmark: what it marks.
        level: how many other labels may stand below it.
        pole: where the pole stands, in inches from the left.
        left: where the text begins, in inches.
        right: where it ends.
    """

    landmark: Landmark
    level: int
    pole: float
    left: float
    right: float

    def clashes(self, other: "_Flag") -> bool:
        """Whether the texts overlap, or the pole of one goes through the text of the other."""
        if self.level == other.level:
            return self.left < other.right and other.left < self.right
        low, high = sorted((self, other), key=lambda each: each.level)
        return low.left < high.pole < low.right


def _flags(landmarks: Sequence[Landmark], inches: Callable[[float], float]) -> list[_Flag]:
    """Give each label a place where it is free, above its pole or beside it, on as few levels as will do.

    Args:
        landmarks: what to label.
        inches: turns a size in bytes into inches from the left of the page.
    """
    for levels in range(1, len(landmarks) + 1):
        found = _arrange(landmarks, inches, range(levels), [])
        if found is not None:
            return found
    return []


def _arrange(
    left: Sequence[Landmark], inches: Callable[[float], float], levels: Sequence[int], done: list[_Flag]
) -> list[_Flag] | None:
    """Place the landmarks that are left beside those done, the first that works; ``None`` if nothing does."""
    if not left:
        return done
    pole = inches(math.sqrt(left[0].low_bytes * left[0].high_bytes))
    wide = page.width(left[0].text, page.LABEL) + 0.1
    for level in levels:
        for part in (0.5, 0.97, 0.03):
            flag = _Flag(left[0], level, pole, pole - wide * part, pole + wide * (1 - part))
            fits = flag.left >= page.MARGIN and flag.right <= page.WIDTH - page.MARGIN
            if fits and not any(flag.clashes(other) for other in done):
                found = _arrange(left[1:], inches, levels, [*done, flag])
                if found is not None:
                    return found
    return None


def _raise(axes: Axes, flag: _Flag) -> None:
    """A line or a band through the rows, its pole and its label."""
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    low, high = flag.landmark.low_bytes, flag.landmark.high_bytes
    inches, frame = figure.dpi_scale_trans, axes.get_window_extent()
    top = frame.y1 / page.DPI
    height = top + 0.05 + flag.level * _LEVEL
    if low == high:
        axes.axvline(low, color=page.PURPLE, linewidth=1.1, zorder=1.5)
    else:
        axes.axvspan(low, high, color=page.PURPLE, alpha=0.18, linewidth=0, zorder=1.5)
    axes.plot(
        [flag.pole] * 2, [top, height], transform=inches, color=page.PURPLE, linewidth=1.1, clip_on=False
    )
    axes.text((flag.left + flag.right) / 2, height, flag.landmark.text, transform=inches, ha="center", va="bottom",
              fontsize=page.LABEL, color=page.INK, gid="label")  # fmt: skip
