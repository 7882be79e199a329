"""Draws what predictions are worth: predicted against measured, coverage, errors by device, regret against overruns."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from device_profiles.profile import Processor
from zoo.backtesting_picks import HIGH_END, VALUE, Way
from zoo.plot_backtest import BacktestPicture, Coverage, Errors, Regret, Scatter
from zoo.plots import page

_GAP = 0.3  # inches between two panels
_NAMES = 0.6  # inches left of the first panel, for its ticks
_HEAD = 0.2  # inches for the heading of a panel
_ROW = 0.215  # inches
_FARTHEST = 3.0  # an error of 300 %: what is larger is drawn at the edge
_MOST_OVERRUNS, _MOST_REGRET = 0.4, 30.0
_COLOURS = (page.BLUE, page.ORANGE, page.GREEN, page.VERMILLION)


def draw(data: BacktestPicture) -> Figure:
    """Draw one of the pictures."""
    match data:
        case Scatter():
            return _scatter(data)
        case Coverage():
            return _coverage(data)
        case Errors():
            return _errors(data)
        case Regret():
            return _regret(data)


def _panels(paper: page.Page, count: int, right: float, gap: float = _GAP) -> list[Axes]:
    """Axes side by side."""
    paper = replace(paper, top=paper.top - _HEAD)
    room = page.WIDTH - page.MARGIN - _NAMES - right
    wide = (room - gap * (count - 1)) / count
    lefts = [page.MARGIN + _NAMES + each * (wide + gap) for each in range(count)]
    return [paper.axes(left=left, right=page.WIDTH - left - wide) for left in lefts]


def _heading(axes: Axes, text: str) -> None:
    axes.set_title(text, fontsize=page.LABEL, color=page.INK, loc="left", fontweight="bold", pad=5)


def _processors(found: Iterable[Processor]) -> list[Line2D]:
    used = set(found)
    return [
        page.key(marker, page.PROCESSOR_COLOURS[each], page.processor_name(each))
        for each, marker in page.PROCESSOR_MARKERS.items()
        if each in used
    ]


def _scatter(data: Scatter) -> Figure:
    rows = len(data.panels[0][2])
    paper = page.page(
        3.2,
        f"{rows:,} latencies of phones, each predicted without itself",
        [
            "Predicted against measured; on the black line they are the same.",
            "Left out: the net on this device; the net on all devices; its family on all devices; the device.",
        ],
        [
            "Above each panel: the median of |predicted / measured - 1|. Grey lines: half and double.",
            "What is predicted outside of the frame is drawn at its edge.",
        ],
    )
    legends = [("Processor", _processors(dot.processor for _, _, dots in data.panels for dot in dots))]
    panels = _panels(paper, len(data.panels), page.legend_room(legends))
    values = [dot.measured_ms for _, _, dots in data.panels for dot in dots]
    low, high = 10.0 ** math.floor(math.log10(min(values))), 10.0 ** math.ceil(math.log10(max(values)))
    for number, (axes, (name, error, dots)) in enumerate(zip(panels, data.panels, strict=True)):
        _heading(axes, f"{name}: {100 * error:.1f} %")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_major_locator(FixedLocator([0.1, 1, 10, 100, 1000]))
            axis.set_minor_locator(NullLocator())
        for factor in (0.5, 2.0):
            axes.plot([low, high], [low * factor, high * factor], color=page.OTHER, linewidth=0.6, zorder=2)
        axes.plot([low, high], [low, high], color=page.INK, linewidth=0.8, zorder=2)
        for processor, marker in page.PROCESSOR_MARKERS.items():
            mine = [dot for dot in dots if dot.processor is processor]
            inside = [min(max(dot.predicted_ms, low), high) for dot in mine]
            axes.scatter(
                [dot.measured_ms for dot in mine], inside, s=5, marker=marker, alpha=0.5, linewidths=0, zorder=3,
                color=page.PROCESSOR_COLOURS[processor], gid="point",
            )  # fmt: skip
        axes.set_xlabel("measured, ms", fontsize=page.SUBTITLE, color=page.INK, labelpad=5)
        if number:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("predicted, ms", fontsize=page.SUBTITLE, color=page.INK, labelpad=5)
    page.legends(panels[-1], legends)
    return paper.figure


def _percents(axes: Axes, *, of_x: bool = True) -> None:
    axis = axes.xaxis if of_x else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def _rows(axes: Axes, names: Sequence[str]) -> None:
    """One row a name, the first on top."""
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False, axis="y")
    axes.hlines(range(len(names)), *axes.get_xlim(), color=page.GRID, linewidth=0.8)


def _left(names: Iterable[str]) -> float:
    return page.MARGIN + max(page.width(name, page.NAME) for name in names) + 0.12


def _coverage(data: Coverage) -> Figure:
    names = [name for name, _ in data.rows]
    paper = page.page(
        0.3 * len(names) + 0.8,
        "How often the 90 % interval holds the truth: phones, by what was left out",
        [
            "Widths were learnt from other nets or devices. Right of the line they are wider than they need be."
        ],
        ["Processors with fewer than 20 rows are not drawn."],
    )
    legends = [("Processor", _processors(mark.processor for _, marks in data.rows for mark in marks))]
    axes = paper.axes(left=_left(names), right=page.legend_room(legends))
    low = min(mark.coverage for _, marks in data.rows for mark in marks)
    axes.set_xlim(min(0.7, low - 0.02), 1.01)
    _rows(axes, names)
    axes.axvline(0.9, color=page.INK, linewidth=1.0, zorder=2)
    for row, (_, marks) in enumerate(data.rows):
        for mark in marks:
            axes.scatter(
                [mark.coverage], [row], s=46, color=page.PROCESSOR_COLOURS[mark.processor], edgecolors=page.INK,
                linewidths=0.5, zorder=3, marker=page.PROCESSOR_MARKERS[mark.processor], gid="point",
            )  # fmt: skip
    _percents(axes)
    axes.set_xlabel("share of rows inside their interval", fontsize=page.SUBTITLE, color=page.INK, labelpad=7)
    page.legends(axes, legends)
    return paper.figure


def _errors(data: Errors) -> Figure:
    names = [name for name, _, _ in data.rows]
    paper = page.page(
        _ROW * len(names) + 0.9,
        "How far predictions are off, by phone and processor",
        [
            "Median of |predicted / measured - 1|. Filled: new nets on a phone that is otherwise known.",
            "Hollow: a phone that nobody measured.",
        ],
        [f"Phones with five rows or more on a processor. Over {100 * _FARTHEST:.0f} % is drawn at the edge."],
    )
    marks = [mark for _, *both in data.rows for mark in both]
    kinds = [
        page.key("o", page.OTHER, "new net"),
        page.key("o", page.INK, "new phone", hollow=True),
        Line2D([], [], color=page.OTHER, linewidth=1.2, label="to the 90th percentile"),
    ]
    legends = [("Processor", _processors(mark.processor for mark in marks)), ("Left out", kinds)]
    axes = paper.axes(left=_left(names), right=page.legend_room(legends))
    axes.set_xscale("log")
    low = max(0.005, min(mark.median for mark in marks) * 0.8)
    axes.set_xlim(low, _FARTHEST * 1.1)
    axes.xaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]))
    axes.xaxis.set_minor_locator(NullLocator())
    _percents(axes)
    _rows(axes, names)
    for row, (_, net, device) in enumerate(data.rows):
        colour, marker = page.PROCESSOR_COLOURS[net.processor], page.PROCESSOR_MARKERS[net.processor]
        axes.plot(
            [_near(net.median, low), _near(net.ninetieth, low)],
            [row, row],
            color=colour,
            linewidth=1.2,
            zorder=2,
        )
        axes.scatter([_near(device.median, low)], [row], s=40, facecolors="none", edgecolors=colour, linewidths=1.0,
                     marker=marker, zorder=3, gid="point")  # fmt: skip
        axes.scatter([_near(net.median, low)], [row], s=40, color=colour, edgecolors=page.INK, linewidths=0.5,
                     marker=marker, zorder=4, gid="point")  # fmt: skip
    axes.set_xlabel("error", fontsize=page.SUBTITLE, color=page.INK, labelpad=7)
    page.legends(axes, legends)
    return paper.figure


def _near(error: float, low: float) -> float:
    return min(max(error, low), _FARTHEST)


def _regret(data: Regret) -> Figure:
    paper = page.page(
        4.0,
        "Picks by predicted latencies: points of accuracy lost against budgets overrun",
        [
            "New nets on known devices, budgets from tight to loose. Each curve goes from bold (right) to cautious.",
            "Further down and further left is better. The box is the aim. Shared nets: another device ran them, too.",
        ],
        [
            "An overrun takes more than 5 % longer than the budget. Without a pick the best pick's accuracy is lost.",
            "Larger marks: as each is used; of predictions the high end of the interval (filled) and the value.",
        ],
    )
    names = list(dict.fromkeys(way.name for _, ways in data.panels for way in ways))
    colours = dict(zip(names, _COLOURS, strict=False))
    legends = [("Latencies from", [_line(colour, name) for name, colour in colours.items()])]
    panels = _panels(paper, len(data.panels), page.legend_room(legends))
    for number, (axes, (name, ways)) in enumerate(zip(panels, data.panels, strict=True)):
        _heading(axes, name)
        axes.set_xlim(-0.01, _MOST_OVERRUNS)
        axes.set_yscale("symlog", linthresh=1.0, linscale=0.6)
        axes.set_ylim(-0.05, _MOST_REGRET * 1.2)
        axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1, 2, 5, 10, 20]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_major_locator(FixedLocator([0, 0.1, 0.2, 0.3]))
        _percents(axes)
        axes.fill_between(
            [-0.01, data.overruns], -0.05, data.regret, color=page.GREEN, alpha=0.15, linewidth=0, zorder=1
        )
        for way in ways:
            _curve(axes, way, colours[way.name])
        axes.set_xlabel("picks that overrun", fontsize=page.SUBTITLE, color=page.INK, labelpad=5)
        if number:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("mean regret, points", fontsize=page.SUBTITLE, color=page.INK, labelpad=5)
    page.legends(panels[-1], legends)
    return paper.figure


def _line(colour: str, name: str) -> Line2D:
    return Line2D([], [], color=colour, linewidth=1.6, label=name)


def _curve(axes: Axes, way: Way, colour: str) -> None:
    overruns = [each.worth.overruns for each in way.points]
    regrets = [each.worth.regret for each in way.points]
    axes.plot(
        overruns, regrets, color=colour, linewidth=1.6, marker="o", markersize=2.0, zorder=3, gid="curve"
    )
    plain = [] if way.plain is None else [(way.at(way.plain), colour)]
    if way.is_ours:
        plain = [(way.at(HIGH_END), colour), (way.at(VALUE), "white")]
    for point, face in plain:
        edge = page.INK if face == colour else colour
        axes.scatter(
            [point.worth.overruns], [point.worth.regret], s=46, color=face, edgecolors=edge, linewidths=1.0,
            zorder=4, gid="point",
        )  # fmt: skip
