"""What the pictures share: the page with title and notes, colours, axes, legends."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from matplotlib.axes import Axes
from matplotlib.axis import XAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from device_profiles.profile import Processor
from registry.values import Model
from zoo.plot_data import PRECISION_CLASSES

DPI = 150
WIDTH = 1600 / DPI  # inches
MARGIN = 0.3  # inches

# Okabe and Ito, "Color Universal Design" (2008): told apart by every kind of colour vision
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
INK, FAINT, GRID, OTHER = "#222222", "#5A5A5A", "#E4E4E4", "#9A9A9A"

PROCESSOR_COLOURS = {
    Processor.CPU: BLUE, Processor.GPU: ORANGE, Processor.DSP: PURPLE, Processor.NPU: GREEN,
    Processor.NNAPI: VERMILLION,
}  # fmt: skip
PROCESSOR_MARKERS = {
    Processor.CPU: "o", Processor.GPU: "s", Processor.DSP: "D", Processor.NPU: "^", Processor.NNAPI: "P",
}  # fmt: skip
# colour and marker of each class of precisions
PRECISION_STYLES = dict(
    zip(
        PRECISION_CLASSES,
        [(BLUE, "o"), (SKY, "s"), (ORANGE, "D"), (VERMILLION, "^"), (BLACK, "X")],
        strict=True,
    )
)

TITLE, SUBTITLE, NAME, LABEL, NOTE = 13.0, 9.5, 8.5, 8.0, 8.0  # points


@dataclass(frozen=True, slots=True)
class Page:
    """An empty page with its texts.

    Attributes:
        figure: the figure.
        top: height above the ground at which the texts on top end, in inches.
        bottom: height at which the notes begin, in inches.
    """

    figure: Figure
    top: float
    bottom: float

    def axes(self, left: float, right: float) -> Axes:
        """Axes between the texts.

        Args:
            left: room for what stands left of them, in inches.
            right: room for what stands right of them, in inches.
        """
        height = self.figure.get_figheight()
        frame = (
            left / WIDTH,
            (self.bottom + 0.62) / height,  # for the ticks and the name of the x axis
            (WIDTH - left - right) / WIDTH,
            (self.top - self.bottom - 0.62) / height,
        )
        axes = self.figure.add_axes(frame)
        axes.set_axisbelow(True)
        axes.grid(visible=True, color=GRID, linewidth=0.8)
        axes.tick_params(length=0, labelsize=NAME, labelcolor=INK, pad=5)
        axes.tick_params(which="minor", length=0)
        for side in axes.spines.values():
            side.set_color(GRID)
        return axes


def page(body: float, title: str, subtitle: Sequence[str], notes: Sequence[str]) -> Page:
    """Make a page.

    Args:
        body: height of what comes between the texts, in inches.
        title: the finding; broken into lines where it is too long.
        subtitle: one text a line, broken where too long.
        notes: the same, at the foot.
    """
    heading = _balanced(title)
    below = wrap(subtitle, SUBTITLE)
    foot = wrap(notes, NOTE)
    head_height = _height(heading, TITLE) + 0.05 + _height(below, SUBTITLE) + 0.15
    foot_height = _height(foot, NOTE) + 0.1
    height = 2 * MARGIN + head_height + body + foot_height
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    top = _write(figure, heading, height - MARGIN, TITLE, bold=True) - 0.05
    _write(figure, below, top, SUBTITLE)
    _write(figure, foot, MARGIN + _height(foot, NOTE), NOTE)
    return Page(figure, height - MARGIN - head_height, MARGIN + foot_height)


def _write(figure: Figure, lines: Sequence[str], top: float, size: float, *, bold: bool = False) -> float:
    """Write lines downwards from ``top``, in inches, and return where the next one would begin."""
    for line in lines:
        figure.text(
            MARGIN / WIDTH, top / figure.get_figheight(), line, fontsize=size, va="top", gid="heading",
            color=INK if bold else FAINT, fontweight="bold" if bold else "normal",
        )  # fmt: skip
        top -= _height([line], size)
    return top


def _height(lines: Sequence[str], size: float) -> float:
    return len(lines) * size * 1.45 / 72  # a point is 1/72 inch


def wrap(
    texts: Iterable[str], size: float, *, bold: bool = False, limit: float = WIDTH - 2 * MARGIN
) -> list[str]:
    """Break texts into lines, as they are measured with the font itself.

    Args:
        texts: each begins a new line.
        size: of the font, in points.
        bold: whether they are printed bold.
        limit: the widest that a line may be, in inches.
    """
    lines = []
    for text in texts:
        line = ""
        for word in text.split():
            longer = f"{line} {word}".strip()
            if line and width(longer, size, bold=bold) > limit:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def _balanced(title: str) -> list[str]:
    """Break a title into as few lines as it needs, of about the same length."""
    lines = wrap([title], TITLE, bold=True)
    limit = WIDTH - 2 * MARGIN
    while len(lines) > 1:
        limit *= 0.97
        narrower = wrap([title], TITLE, bold=True, limit=limit)
        if len(narrower) > len(lines):
            break
        lines = narrower
    return lines


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a text, in inches.

    Args:
        text: one line.
        size: of the font, in points.
        bold: whether it is printed bold.
    """
    figure = _scratch()
    ink = figure.text(
        0, 0, text, family="DejaVu Sans", fontsize=size, fontweight="bold" if bold else "normal"
    )
    found = ink.get_window_extent().width / DPI
    ink.remove()
    return float(found)


@cache
def _scratch() -> Figure:
    figure = Figure(dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def count(number: int, what: str, many: str = "") -> str:
    """A number with its noun, such as ``1 family`` and ``2 families``."""
    return f"{number} {what if number == 1 else many or what + 's'}"


def megabytes(size_bytes: float) -> str:
    """A file size in kB or MB, powers of ten."""
    return f"{size_bytes / 1e6:.3g} MB" if size_bytes >= 10**6 else f"{size_bytes / 1e3:.3g} kB"


_METRICS = {"map": "mAP", "miou": "mIoU", "top1": "top-1 accuracy", "wer": "word error rate", "auc": "AUC"}


def metric(model: Model, *, first: bool = False) -> str:
    """What the metric of a model is called; with a capital where it is the ``first`` word of a sentence."""
    name = _METRICS.get(model.metric, model.metric.replace("_", " "))
    return name.capitalize() if first and name.islower() else name


def name_scores(axes: Axes, model: Model) -> None:
    """Name the y axis by the metric of a model and its unit."""
    unit = f", {model.unit}" if model.unit else ""
    better = "" if model.higher_is_better else " (less is better, so the axis points down)"
    axes.set_ylabel(f"{metric(model)}{unit}{better}", fontsize=SUBTITLE, color=INK, labelpad=7)


_FEW = 3.0  # below this ratio of its ends a log axis is nearly linear
_MANY_DECADES = 2.6


def log_x(axis: XAxis, low: float, high: float) -> None:
    """Ticks of a logarithmic x axis at 1, 2, 5, 10 and so on, in plain numbers.

    Args:
        axis: the axis; its limits are ``low`` and ``high``.
        low: lower limit, above zero.
        high: upper limit.
    """
    if high / low < _FEW:
        ticks = [each for each in MaxNLocator(6).tick_values(low, high) if low <= each <= high]
    else:
        steps = (1,) if math.log10(high / low) > _MANY_DECADES else (1, 2, 5)
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ticks = [
            step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high
        ]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def processor_name(processor: Processor) -> str:
    """How a legend calls a processor."""
    return "NNAPI's choice" if processor is Processor.NNAPI else processor.upper()


def key(marker: str, colour: str, text: str, *, size: float = 7.0, hollow: bool = False) -> Line2D:
    """One entry of a legend.

    Args:
        marker: matplotlib's sign for the shape.
        colour: of the face, or of the edge of a hollow one.
        text: what it means.
        size: diameter, in points.
        hollow: whether only the edge is drawn.
    """
    return Line2D(
        [], [], linestyle="", marker=marker, markersize=size, label=text, markeredgewidth=1.0 if hollow else 0.5,
        markerfacecolor="none" if hollow else colour, markeredgecolor=colour if hollow else INK,
    )  # fmt: skip


Legends = Sequence[tuple[str, Sequence[Line2D]]]
_BEFORE, _AFTER = 0.15, 0.08  # inches on both sides of a legend's signs


def legend_room(groups: Legends) -> float:
    """Room that `legends` take right of the axes, with the margin of the page, in inches."""
    titles = [width(title, LABEL, bold=True) for title, entries in groups if entries]
    texts = [width(str(each.get_label()), LABEL) for _, entries in groups for each in entries]
    return _BEFORE + max(_column(groups) + _AFTER + max(texts), *titles) + MARGIN


def _column(groups: Legends) -> float:
    """Width of the widest sign, in inches."""
    return float(max([each.get_markersize() for _, entries in groups for each in entries] + [18.0]) / 72)


def legends(axes: Axes, groups: Legends) -> None:
    """Write legends right of the axes, one below the other.

    Args:
        axes: what they belong to.
        groups: titles, and the entries below each; a group without entries is left out.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    inches, frame = figure.dpi_scale_trans, axes.get_window_extent()
    left, y = frame.x1 / DPI + _BEFORE, frame.y1 / DPI - 0.08
    column = _column(groups)
    for title, entries in groups:
        if not entries:
            continue
        figure.text(left, y, title, transform=inches, fontsize=LABEL, fontweight="bold", color=INK,
                    va="center_baseline", gid="legend")  # fmt: skip
        y -= 0.1
        for each in entries:
            height = max(0.165, each.get_markersize() / 72 + 0.05)
            y -= height / 2
            is_line = each.get_linestyle() == "-"
            each.set_data(
                [left, left + column] if is_line else [left + column / 2], [y, y] if is_line else [y]
            )
            each.set_transform(inches)
            figure.add_artist(each)
            figure.text(left + column + _AFTER, y, str(each.get_label()), transform=inches, fontsize=LABEL, color=INK,
                        va="center_baseline", gid="legend")  # fmt: skip
            y -= height / 2
        y -= 0.2
