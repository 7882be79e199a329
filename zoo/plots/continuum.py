"""Draws the accuracy of a model's variants against the size of their files, with the Pareto line."""

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from zoo.plot_continuum import Continuum, Mark
from zoo.plots import page
from zoo.plots.labels import Box, Label, Placed, stack

Fill = Literal["full", "left", "right", "bottom", "top", "none"]

_BODY = 6.0  # inches
_ROOM = 6.0  # pixels between a label and the frame
_TRIES = 12  # each moves the limits by what the labels did not fit by
_LARGE, _SMALL, _MANY = 6.5, 4.5, 100  # points across a mark; where there are many they are small
_FILLS: dict[str, Fill] = {"tflite": "full", "onnx": "none", "coreml": "left", "qnn": "bottom"}
_OTHER_FILLS: tuple[Fill, ...] = ("top", "right")


def draw(data: Continuum) -> Figure:
    """Draw the variants, coloured by the class of their precision and filled by format, and label the landmarks.

    Args:
        data: at least one mark.
    """
    paper = page.page(_BODY, _title(data), [_subtitle(data)], _notes(data))
    fills = format_fills({each.variant.format for each in data.marks})
    legends = _legends(data, fills)
    axes = paper.axes(left=0.85, right=page.legend_room(legends))
    axes.set_xscale("log")
    axes.set_xlabel("size of the file", fontsize=page.SUBTITLE, color=page.INK, labelpad=7)
    page.name_scores(axes, data.model)
    placed = _fit(axes, data)
    _bars(axes, data)
    _marks(axes, data, fills)
    _line(axes, data.line)
    _labels(axes, placed)
    page.legends(axes, legends)
    return paper.figure


def _title(data: Continuum) -> str:
    """How many variants between which sizes."""
    smallest, largest = (page.megabytes(data.marks[end].size_bytes) for end in (0, -1))
    span = f"of {smallest}" if smallest == largest else f"from {smallest} to {largest}"
    return f"{data.model.title}: {page.count(len(data.marks), 'variant')} {span}"


def _subtitle(data: Continuum) -> str:
    factor = f"{data.factor:.3g}" if data.factor < 1000 else f"{data.factor:,.0f}"  # noqa: PLR2004 - four digits
    ends = f", the largest {factor} times as large as the smallest" if data.factor > 1 else ""
    counts = f"{page.count(len(data.marks), 'variant')}{ends}; {len(data.line)} on the Pareto line"
    return f"{page.metric(data.model, first=True)} against size of the file: {counts}"


def _notes(data: Continuum) -> list[str]:
    notes = ["No other variant is as small and as accurate as one on the Pareto line."]
    for what, each in data.landmarks.items():
        notes.append(f"{what.capitalize()}: {each.variant.name}.")
    if any(each.accuracy.interval() for each in data.marks):
        notes.append("Bars: 95 % interval of the accuracy (Wilson's score interval), where its n is known.")
    if data.undrawn:
        notes.append(f"Not drawn: {page.count(data.undrawn, 'variant')} whose size or accuracy is not known.")
    return notes


def format_fills(formats: Collection[str]) -> dict[str, Fill]:
    """How the marks of each format are filled: the usual ones keep their way, others take what is left."""
    found = {each: fill for each, fill in _FILLS.items() if each in formats}
    free = [fill for fill in (*_OTHER_FILLS, *_FILLS.values()) if fill not in found.values()]
    for number, each in enumerate(sorted(set(formats) - _FILLS.keys())):
        found[each] = free[min(number, len(free) - 1)]
    return found


def _legends(data: Continuum, fills: dict[str, Fill]) -> page.Legends:
    classes = {each.precision_class for each in data.marks}
    precisions = [
        page.key(marker, colour, name)
        for name, (colour, marker) in page.PRECISION_STYLES.items()
        if name in classes
    ]
    by_fill: dict[Fill, list[str]] = {}
    for each, fill in fills.items():
        by_fill.setdefault(fill, []).append(each)
    formats = [_styled("o", page.FAINT, fill, 7.0, label=", ".join(names)) for fill, names in by_fill.items()]
    line = Line2D([], [], color=page.INK, linewidth=1.0, alpha=0.7, label="best trade-offs")
    return [("Precision", precisions), ("Format", formats), ("Pareto line", [line])]


def _styled(
    marker: str, colour: str, fill: Fill, size: float, *, best: bool = False, label: str = ""
) -> Line2D:
    """A mark; without a place yet.

    Args:
        marker: matplotlib's sign for the shape.
        colour: of the edge and of what is filled.
        fill: which part is filled.
        size: across, in points.
        best: whether it is on the Pareto line, which gives it a dark edge where it is filled.
        label: its text in a legend.
    """
    hollow = fill == "none"
    face = to_rgba(colour, 0.55 if fill == "full" and not best and not label else 1.0)
    if best and hollow:
        fill, face = "full", to_rgba("white")  # the line does not go through it
    return Line2D(
        [], [], linestyle="", marker=marker, markersize=size, fillstyle=fill, markerfacecolor=face,
        markerfacecoloralt="white", markeredgecolor=page.INK if best and not hollow else colour,
        markeredgewidth=1.0 if best or hollow else 0.7, label=label,
    )  # fmt: skip


def _fit(axes: Axes, data: Continuum) -> list[Placed]:
    """Set the limits so that all marks, bars and labels fit, and place the labels."""
    frame = axes.get_window_extent()
    sizes = [each.size_bytes for each in data.marks]
    room = max((sizes[-1] / sizes[0]) ** 0.05, 1.1)
    _scale_x(axes, sizes[0] / room, sizes[-1] * room)
    scores = [score for each in data.marks for score in _ends(each)]
    margin = 0.06 * (max(scores) - min(scores)) or 1.0
    bottom, top = min(scores) - margin, max(scores) + margin
    if not data.model.higher_is_better:
        bottom, top = top, bottom
    axes.set_ylim(bottom, top)
    placed: list[Placed] = []
    for _ in range(_TRIES):
        wanted = [_label(axes, data, what, each) for what, each in data.landmarks.items()]
        placed = stack(wanted, list(_boxes(axes, data)))
        above = max(each.box.y1 for each in placed) + _ROOM - frame.y1
        beside = frame.x0 + _ROOM - min(each.box.x0 for each in placed)
        if above <= 0 and beside <= 0:
            break
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + (top - bottom) * max(above, 0) / frame.height)
        low, high = axes.get_xlim()
        _scale_x(axes, low * (low / high) ** (max(beside, 0) / frame.width), high)
    return [each for each in placed if each.box.y1 < frame.y1 and each.box.x0 > frame.x0]


def _scale_x(axes: Axes, low: float, high: float) -> None:
    axes.set_xlim(low, high)
    page.log_x(axes.xaxis, low, high)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: page.megabytes(size)))


def _label(axes: Axes, data: Continuum, what: str, mark: Mark) -> Label:
    """A label that stands higher than its mark, because the line comes to the mark from the left and below."""
    unit = f" {data.model.unit}" if data.model.unit else ""
    text = f"{what}\n{page.megabytes(mark.size_bytes)}, {mark.accuracy.value:.3g}{unit}"
    x, y = _pixel(axes, mark.size_bytes, mark.accuracy.value)
    height = 2 * page.LABEL * 1.25 * page.DPI / 72
    return Label(text, x, y + height / 2, _radius(data), page.width(text, page.LABEL) * page.DPI, height)


def _boxes(axes: Axes, data: Continuum) -> Iterable[Box]:
    """What labels must not cover: the marks with their bars."""
    radius = _radius(data)
    for each in data.marks:
        ends = [_pixel(axes, each.size_bytes, score) for score in _ends(each)]
        x, heights = ends[0][0], [y for _, y in ends]
        yield Box(x - radius, min(heights) - radius, x + radius, max(heights) + radius)


def _pixel(axes: Axes, size: float, score: float) -> tuple[float, float]:
    x, y = axes.transData.transform((size, score))
    return float(x), float(y)


def _across(data: Continuum) -> float:
    return _LARGE if len(data.marks) <= _MANY else _SMALL


def _radius(data: Continuum) -> float:
    """Of a mark, in pixels, with its edge."""
    return (_across(data) / 2 + 1.0) * page.DPI / 72


def _ends(mark: Mark) -> tuple[float, ...]:
    """The accuracy, and the ends of its interval where one is known."""
    return (mark.accuracy.value, *(mark.accuracy.interval() or ()))


def _bars(axes: Axes, data: Continuum) -> None:
    """The intervals; paler where there are many, so that they hide no mark."""
    known = [(each, interval) for each in data.marks if (interval := each.accuracy.interval())]
    axes.vlines(
        [each.size_bytes for each, _ in known], [low for _, (low, _) in known], [high for _, (_, high) in known],
        colors=[page.PRECISION_STYLES[each.precision_class][0] for each, _ in known],
        alpha=0.5 if len(data.marks) <= _MANY else 0.3, linewidth=0.8, zorder=2.5, gid="bar",
    )  # fmt: skip


def _marks(axes: Axes, data: Continuum, fills: dict[str, Fill]) -> None:
    """The filled ones first, so that they hide no hollow one of the same net."""
    best = {each.variant.name for each in data.line}
    for each in sorted(data.marks, key=lambda each: fills[each.variant.format] == "none"):
        colour, marker = page.PRECISION_STYLES[each.precision_class]
        is_best = each.variant.name in best
        sign = _styled(marker, colour, fills[each.variant.format], _across(data), best=is_best)
        sign.set_data([each.size_bytes], [each.accuracy.value])
        sign.set_zorder(4 if is_best else 3)
        sign.set_gid("mark")
        axes.add_line(sign)


def _line(axes: Axes, line: Sequence[Mark]) -> None:
    axes.step(
        [*(each.size_bytes for each in line), axes.get_xlim()[1]],
        [*(each.accuracy.value for each in line), line[-1].accuracy.value],
        where="post", color=page.INK, linewidth=0.9, alpha=0.7, zorder=2, gid="pareto",
    )  # fmt: skip


def _labels(axes: Axes, placed: Sequence[Placed]) -> None:
    """Write the labels, with leaders to marks that they are not beside."""
    back = axes.transData.inverted()
    for each in placed:
        right, middle = back.transform((each.box.x1, (each.box.y0 + each.box.y1) / 2))
        axes.text(right, middle, each.label.text, fontsize=page.LABEL, color=page.INK, ha="right", va="center",
                  linespacing=1.15, zorder=6, gid="label")  # fmt: skip
        start, (x, y) = each.leader
        end = (x, y - each.label.height / 2)
        if math.dist(start, end) > each.label.radius + each.label.height:
            ends = back.transform([start, end])
            axes.plot(*zip(*ends, strict=True), color=page.FAINT, linewidth=0.6, zorder=2.5, gid="leader")
