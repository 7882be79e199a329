"""Draws the speed of one net over many devices, one point a device."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from device_profiles.profile import Kind
from zoo.plot_data import Point, Ratio, Spread
from zoo.plots import page

_ROW = 0.215  # inches
_SMALL = page.LABEL - 0.5  # points
_BESIDE = "Beside it: the latency in ms and the variant's precision."
_USUAL = {
    "tflite": page.ORANGE, "ncnn": page.BLUE, "paddle-lite": page.GREEN, "mnn": page.PURPLE, "coreml": page.BLACK,
    "xnnpack": page.VERMILLION, "onnxruntime": page.SKY, "qnn-dlc": page.YELLOW,
}  # fmt: skip


def draw(data: Spread) -> Figure:
    """Draw one row a device, the fastest on top, coloured by runtime, shaped by processor.

    Args:
        data: at least one point.
    """
    paper = page.page(
        _ROW * len(data.points) + 0.9,
        title(data),
        [*_ends("Like for like", data.like_for_like), *_ends("Best to best", data.best_to_best)],
        [
            f"One point a {_single(data.kinds)}: the fastest that any variant of the net was measured on it. {_BESIDE}",
            "80x is the spread quoted in the literature, not a result of this figure.",
        ],
    )
    names = [each.device.name for each in data.points]
    left = page.MARGIN + max(page.width(name, page.NAME) for name in names) + 0.12
    colours = runtime_colours({each.candidate.runtime for each in data.points})
    legends = _legends(data.points, colours)
    axes = paper.axes(left=left, right=page.legend_room(legends))
    _frame(axes, data.points, names)
    for row, each in enumerate(data.points):
        _point(axes, row, each, colours[each.candidate.runtime])
    page.legends(axes, legends)
    return paper.figure


def title(data: Spread) -> str:
    """The net, how many devices, and both ratios with what they compare."""
    count = f"{len(data.points)} {plural(data.kinds, len(data.points))}"
    fair, best = data.like_for_like, data.best_to_best
    found = [f"{times(fair)} like for like ({_alike(fair)})"] if fair else []
    found += [f"{times(best)} best to best (each {_single(data.kinds)}'s fastest)"] if best else []
    return f"{data.net} on {count}: {', '.join(found)}" if found else f"{data.net} on {count}"


def times(ratio: Ratio) -> str:
    """A ratio with three digits, such as 16.9x."""
    return f"{ratio.value:.3g}x" if ratio.value < 1000 else f"{ratio.value:.0f}x"  # noqa: PLR2004 - four digits


def _alike(ratio: Ratio) -> str:
    each = ratio.fastest.candidate
    threads = "1 thread" if each.threads == 1 else f"{each.threads} threads"
    return f"{each.runtime} on the CPU, {each.variant.precision}, {threads}"


def plural(kinds: Sequence[Kind], count: int) -> str:
    """What the devices are called: phones, boards, or devices where there are several kinds."""
    return _single(kinds) + ("" if count == 1 else "s")


def _single(kinds: Sequence[Kind]) -> str:
    if len(kinds) != 1:
        return "device"
    return "microcontroller" if kinds[0] is Kind.MCU else str(kinds[0])


def _ends(what: str, ratio: Ratio | None) -> list[str]:
    if ratio is None:
        return []
    return [f"{what}, {ratio.devices} compared: {_end(ratio.fastest)} against {_end(ratio.slowest)}."]


def _end(point: Point) -> str:
    return f"{point.device.name} {point.latency.value:.4g} ms"


def _ms(point: Point) -> str:
    value = point.latency.value
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def runtime_colours(runtimes: set[str]) -> dict[str, str]:
    """A colour for each runtime: the usual ones keep theirs, others take what is left, and then grey."""
    found = {each: colour for each, colour in _USUAL.items() if each in runtimes}
    left = [colour for colour in _USUAL.values() if colour not in found.values()]
    for number, each in enumerate(sorted(runtimes - _USUAL.keys())):
        found[each] = left[number] if number < len(left) else page.OTHER
    return found


def _frame(axes: Axes, points: Sequence[Point], names: Sequence[str]) -> None:
    low, high = _limits(points, axes.get_window_extent().width / page.DPI)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    page.log_x(axes.xaxis, low, high)
    axes.set_ylim(len(points) - 0.4, -0.6)
    axes.set_yticks(range(len(points)), names)
    axes.grid(visible=False, axis="y")
    axes.hlines(
        range(len(points)), low, [each.latency.value for each in points], color=page.GRID, linewidth=0.8
    )
    axes.set_xlabel("latency of one inference, ms", fontsize=page.SUBTITLE, color=page.INK, labelpad=7)


def _limits(points: Sequence[Point], inches: float) -> tuple[float, float]:
    """Limits of the x axis that leave room for the text right of each point.

    Args:
        points: the fastest first.
        inches: width of the axes.
    """
    times = [each.latency.value for each in points]
    low = math.log(times[0]) - 0.05 * math.log(max(times[-1] / times[0], 3.0))
    high = math.log(times[-1])
    for each, value in zip(points, times, strict=True):
        part = (page.width(_text(each), _SMALL) + 0.25) / inches
        high = max(high, (math.log(value) - part * low) / (1 - part))
    return math.exp(low), math.exp(high)


def _text(point: Point) -> str:
    return f"{_ms(point)}  {point.candidate.variant.precision}"


def _point(axes: Axes, row: int, point: Point, colour: str) -> None:
    processor = point.candidate.processor
    axes.scatter(
        [point.latency.value], [row], s=46, color=colour, edgecolors=page.INK, linewidths=0.5, zorder=3, gid="point",
        marker=page.PROCESSOR_MARKERS[processor] if processor else "x",
    )  # fmt: skip
    axes.annotate(
        _text(point), (point.latency.value, row), (8, 0), va="center_baseline", textcoords="offset points",
        fontsize=_SMALL, color=page.FAINT, gid="label",
    )  # fmt: skip


def _legends(points: Sequence[Point], colours: dict[str, str]) -> page.Legends:
    processors = {each.candidate.processor for each in points}
    runtimes = [page.key("o", colour, each) for each, colour in colours.items() if colour != page.OTHER]
    if page.OTHER in colours.values():
        runtimes.append(page.key("o", page.OTHER, "another"))
    shapes = [
        page.key(marker, page.OTHER, page.processor_name(each))
        for each, marker in page.PROCESSOR_MARKERS.items()
        if each in processors
    ]
    return [("Runtime", runtimes), ("Processor", shapes)]
