"""Draws accuracy against latency on one device, with the Pareto line."""

import math
from collections import Counter
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from registry.values import Evidence, Model
from zoo.plot_data import Front, Point
from zoo.plots import page
from zoo.plots.labels import Box, Label, Placed, stack

_BODY = 6.0  # inches
_LARGEST, _SMALLEST, _UNKNOWN = 900.0, 12.0, 16.0  # areas of bubbles, as squares of their diameters in points
_ROOM = 6.0  # pixels between a label and the frame
_TRIES = 12  # each moves the limits by what the labels did not fit by
_SHAPES = {
    Evidence.MEASURED: "o", Evidence.FIELD: "s", Evidence.SAME_SOC: "D", Evidence.PREDICTED: "^",
}  # fmt: skip
# a circle fills pi/4 of the square that matplotlib sizes it by, a triangle half of it
_FILLS = {"o": 1.0, "s": math.pi / 4, "D": math.pi / 4, "^": math.pi / 2}
_WAY = (
    "A way is a variant with a runtime on a processor, at its fastest number of threads."
    " No other way is as fast and more accurate than one on the Pareto line."
)


def draw(data: Front) -> Figure:
    """Draw the points as bubbles whose area is the size of the file, and label those on the Pareto line.

    Args:
        data: at least one point.
    """
    variants = len({each.candidate.variant.name for each in data.points})
    ways = page.count(len(data.points), "way")
    counts = f"{page.count(variants, 'variant')}, {ways} to run them, {len(data.line)} on the Pareto line"
    paper = page.page(
        _BODY,
        f"{data.model.title} on {data.target.profile.name}",
        [f"{page.metric(data.model, first=True)} against latency: {counts}"],
        _notes(data),
    )  # fmt: skip
    scale = _LARGEST / max([each.candidate.variant.size_bytes or 0 for each in data.points] + [1])
    legends = _legends(data.points, scale)
    axes = paper.axes(left=0.85, right=page.legend_room(legends))
    _name_axes(axes, data.model)
    placed = _fit(axes, data, scale)
    _bubbles(axes, data, scale)
    _line(axes, data.line)
    _labels(axes, placed)
    page.legends(axes, legends)
    return paper.figure


def _notes(data: Front) -> list[str]:
    notes = [_WAY]
    if data.without_accuracy:
        notes.append(f"Not drawn: {page.count(data.without_accuracy, 'way')} whose accuracy is not known.")
    if any(each.latency.evidence is Evidence.SAME_SOC for each in data.points):
        notes.append(f"Same SoC: measured on another device with {data.target.profile.soc.name}.")
    return notes


def _name_axes(axes: Axes, model: Model) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("latency of one inference, ms", fontsize=page.SUBTITLE, color=page.INK, labelpad=7)
    page.name_scores(axes, model)


def _fit(axes: Axes, data: Front, scale: float) -> list[Placed]:
    """Set the limits so that all bubbles and labels fit, and place the labels."""
    frame = axes.get_window_extent()
    _fit_x(axes, data, scale, frame.width)
    scores = [_score(each) for each in data.points]
    margin = 0.1 * (max(scores) - min(scores)) or 1.0
    bottom, top = min(scores) - margin, max(scores) + margin
    if not data.model.higher_is_better:
        bottom, top = top, bottom
    axes.set_ylim(bottom, top)
    placed: list[Placed] = []
    for _ in range(_TRIES):
        placed = stack(_wanted(axes, data.line, scale), _boxes(axes, data.points, scale))
        above = max(each.box.y1 for each in placed) + _ROOM - frame.y1
        beside = frame.x0 + _ROOM - min(each.box.x0 for each in placed)
        if above <= 0 and beside <= 0:
            break
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + (top - bottom) * max(above, 0) / frame.height)
        low, high = axes.get_xlim()
        _scale_x(axes, low * (low / high) ** (max(beside, 0) / frame.width), high)
    return [each for each in placed if each.box.y1 < frame.y1 and each.box.x0 > frame.x0]


def _fit_x(axes: Axes, data: Front, scale: float, width: float) -> None:
    """Leave room left of the line for its labels, which the logarithmic scale shifts with the limit."""
    times = [each.latency.value for each in data.points]
    room = max((max(times) / min(times)) ** 0.07, 1.2)
    high = math.log(max(times) * room)
    low = math.log(min(times) / room)
    for each, name in zip(data.line, _names(data.line), strict=True):
        reach = _label(each, name, scale, (0.0, 0.0)).reach / width
        low = min(low, (math.log(each.latency.value) - reach * high) / (1 - reach))
    _scale_x(axes, math.exp(low), math.exp(high))


def _scale_x(axes: Axes, low: float, high: float) -> None:
    axes.set_xlim(low, high)
    page.log_x(axes.xaxis, low, high)


def _wanted(axes: Axes, line: Sequence[Point], scale: float) -> list[Label]:
    return [
        _label(each, name, scale, _pixel(axes, each)) for each, name in zip(line, _names(line), strict=True)
    ]


def _label(point: Point, name: str, scale: float, spot: tuple[float, float]) -> Label:
    height = page.LABEL * 1.25 * page.DPI / 72
    return Label(name, *spot, _radius(point, scale), page.width(name, page.LABEL) * page.DPI, height)


def _boxes(axes: Axes, points: Sequence[Point], scale: float) -> list[Box]:
    boxes = []
    for each in points:
        (x, y), radius = _pixel(axes, each), _radius(each, scale)
        boxes.append(Box(x - radius, y - radius, x + radius, y + radius))
    return boxes


def _pixel(axes: Axes, point: Point) -> tuple[float, float]:
    x, y = axes.transData.transform((point.latency.value, _score(point)))
    return float(x), float(y)


def _area(point: Point, scale: float) -> float:
    size = point.candidate.variant.size_bytes
    return _UNKNOWN if size is None else max(_SMALLEST, size * scale)


def _radius(point: Point, scale: float) -> float:
    """Of a bubble, in pixels, with its edge."""
    return (math.sqrt(_area(point, scale)) / 2 + 1.0) * page.DPI / 72


def _score(point: Point) -> float:
    return point.candidate.accuracy.value if point.candidate.accuracy else math.nan


def _bubbles(axes: Axes, data: Front, scale: float) -> None:
    """The large ones first, so that they hide none of the small."""
    for each in sorted(data.points, key=lambda each: (-_area(each, scale), each.order)):
        processor, shape = each.candidate.processor, _SHAPES[each.latency.evidence]
        colour = page.PROCESSOR_COLOURS[processor] if processor else page.OTHER
        hollow = each.candidate.variant.size_bytes is None
        best = each in data.line
        axes.scatter(
            [each.latency.value], [_score(each)], s=_area(each, scale) * _FILLS[shape], marker=shape,
            facecolors="none" if hollow else [to_rgba(colour, 1.0 if best else 0.35)],
            edgecolors=[to_rgba(page.INK if best and not hollow else colour, 1.0 if best else 0.6)],
            linewidths=1.2 if best or hollow else 0.6, zorder=4 if best else 3, gid="bubble",
        )  # fmt: skip


def _line(axes: Axes, line: Sequence[Point]) -> None:
    axes.step(
        [*(each.latency.value for each in line), axes.get_xlim()[1]],
        [*(_score(each) for each in line), _score(line[-1])],
        where="post", color=page.INK, linewidth=1.0, alpha=0.7, zorder=2, gid="pareto",
    )  # fmt: skip


def _legends(points: Sequence[Point], scale: float) -> page.Legends:
    processors = {each.candidate.processor for each in points}
    kinds = {each.latency.evidence for each in points}
    sizes = sorted(each.candidate.variant.size_bytes for each in points if each.candidate.variant.size_bytes)
    bubbles = [page.key("o", page.OTHER, page.megabytes(size), size=math.sqrt(max(_SMALLEST, size * scale)))
               for size in steps(sizes[0], sizes[-1])] if sizes else []  # fmt: skip
    if any(each.candidate.variant.size_bytes is None for each in points):
        bubbles.append(page.key("o", page.FAINT, "unknown", size=math.sqrt(_UNKNOWN), hollow=True))
    return [
        ("Processor", [page.key("o", colour, page.processor_name(each))
                       for each, colour in page.PROCESSOR_COLOURS.items() if each in processors]),
        ("Evidence", [page.key(shape, page.OTHER, each.replace("-soc", " SoC"))
                      for each, shape in _SHAPES.items() if each in kinds]),
        ("File size", bubbles),
        ("Pareto line", [Line2D([], [], color=page.INK, linewidth=1.0, alpha=0.7, label="best trade-offs")]),
    ]  # fmt: skip


def steps(low: int, high: int) -> list[int]:
    """At most three round sizes between ``low`` and ``high`` that show what the areas mean, in bytes."""
    rounds = [step * 10**power for power in range(2, 10) for step in (1, 2, 5)]
    inside = [each for each in rounds if low <= each <= high] or [high]
    return sorted(
        {max([each for each in inside if each <= inside[-1] / part] or inside[:1]) for part in (1, 4, 20)}
    )


def _names(line: Sequence[Point]) -> list[str]:
    """Net and precision, with format and runtime where that is not enough to tell them apart."""
    names = [f"{each.candidate.variant.net} {each.candidate.variant.precision}" for each in line]
    for more in ([each.candidate.variant.format for each in line], [each.candidate.runtime for each in line]):
        twice = Counter(names)
        names = [
            f"{name} {word}" if twice[name] > 1 else name for name, word in zip(names, more, strict=True)
        ]
    return names


def _labels(axes: Axes, placed: Sequence[Placed]) -> None:
    """Write the labels, with leaders to points that they are not beside."""
    back = axes.transData.inverted()
    for each in placed:
        left, middle = back.transform((each.box.x0, (each.box.y0 + each.box.y1) / 2))
        axes.text(
            left,
            middle,
            each.label.text,
            fontsize=page.LABEL,
            color=page.INK,
            va="center",
            zorder=6,
            gid="label",
        )
        (x, y), (end_x, end_y) = each.leader
        if math.dist((x, y), (end_x, end_y)) > each.label.radius + each.label.height:
            ends = back.transform([(x, y), (end_x, end_y)])
            axes.plot(*zip(*ends, strict=True), color=page.FAINT, linewidth=0.6, zorder=2.5, gid="leader")
