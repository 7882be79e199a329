"""Pictures of a registry: accuracy against latency and against size, the speed spread of a net, the sizes of models.

`zoo.plot_data` and `zoo.plot_continuum` say what is drawn; here it becomes ink. `save` is the way in and loads
matplotlib only when called, so that everything else works without it.

* `zoo.plots.front`, `zoo.plots.spread`, `zoo.plots.sizes`, `zoo.plots.continuum`: one picture each, data in,
  figure out.
* `zoo.plots.backtest`: the pictures of a backtest's report.
* `zoo.plots.page`: what they share: the page with its title and notes, colours, axes.
* `zoo.plots.labels`: puts labels where they cover nothing.

The same data give the same bytes: neither the clock nor the user's matplotlib settings have a say.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import MissingExtraError, UsageError
from zoo.plot_continuum import Continuum
from zoo.plot_data import Front, Sizes, Spread
from zoo.writing import write_whole

if TYPE_CHECKING:
    from zoo.plot_backtest import BacktestPicture

Picture = Front | Spread | Sizes | Continuum

ENDINGS = (".png", ".svg")


def check_out(path: Path) -> None:
    """Refuse a path that no picture can be written to, before any work is done.

    Raises:
        UsageError: the ending is neither PNG nor SVG, the folder does not exist, or the path is a folder or too long.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"--out is '{path}', but a picture is a .png or .svg file")
    try:
        if not path.parent.is_dir():
            raise UsageError(f"cannot write '{path}': there is no folder '{path.parent}'")
        if path.is_dir():
            raise UsageError(f"cannot write '{path}': it is a folder")
    except OSError as problem:
        raise UsageError(f"cannot write '{path}': {problem.strerror}") from problem


def save(data: "Picture | BacktestPicture", path: Path) -> None:
    """Draw ``data`` and write the picture, whole or not at all.

    Args:
        data: what to draw; its class says which picture.
        path: where to; its ending says whether PNG or SVG.

    Raises:
        MissingExtraError: matplotlib is not installed.
        UsageError: the path cannot be written.
    """
    check_out(path)
    try:
        from zoo.plots import drawing  # noqa: PLC0415 - matplotlib loads only when something is drawn
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "matplotlib":
            raise
        raise MissingExtraError(
            "drawing needs 'matplotlib'; install it with: pip install 'device-zoo[plot]'"
        ) from missing
    write_whole(path, drawing.render(data, path.suffix.lower()))
