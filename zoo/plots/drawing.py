"""Turns data into the bytes of a picture."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from zoo.plot_backtest import BacktestPicture
from zoo.plot_continuum import Continuum
from zoo.plot_data import Front, Sizes, Spread
from zoo.plots import Picture, backtest, continuum, front, sizes, spread
from zoo.plots.page import DPI

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

_SETTINGS: "Mapping[RcKeyType, object]" = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same widths everywhere
    "text.parse_math": False,
    "svg.hashsalt": "device-zoo",
    "svg.fonttype": "path",
}


def render(data: Picture | BacktestPicture, ending: str) -> bytes:
    """The picture of ``data`` as a file.

    Args:
        data: what to draw.
        ending: ``.png`` or ``.svg``.
    """
    content = BytesIO()
    with settings():
        figure = draw(data)
        date = {"Date": None} if ending == ".svg" else {}
        figure.savefig(content, format=ending[1:], dpi=DPI, metadata=date)
    return content.getvalue()


@contextmanager
def settings() -> Iterator[None]:
    """Draw with this project's settings and not with those of the user's matplotlibrc."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def draw(data: Picture | BacktestPicture) -> Figure:
    """The picture of ``data`` as a figure; call it inside `settings`."""
    match data:
        case Front():
            return front.draw(data)
        case Spread():
            return spread.draw(data)
        case Sizes():
            return sizes.draw(data)
        case Continuum():
            return continuum.draw(data)
        case _:
            return backtest.draw(data)
