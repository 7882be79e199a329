"""Commands that draw: plot front, plot spread, plot sizes, plot continuum."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.values import Evidence
from zoo import actions, plot_continuum, plot_data
from zoo.cli import options
from zoo.cli.options import Kind, Registry
from zoo.cli.read import NOTHING_FITS, print_json

if TYPE_CHECKING:
    from zoo.plots import Picture

_plot = typer.Typer(help="Draw a picture as PNG or SVG (needs the extra 'plot').", no_args_is_help=True)

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="PNG or SVG file, by its ending [default: a PNG in this folder].",
        show_default=False,
    ),
]
PlotJson = Annotated[bool, typer.Option("--json", help="Print the data behind the picture; draw nothing.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(_plot, name="plot")


@_plot.command()
def front(
    model: Annotated[str, typer.Option("--model", "-m", help="Name, such as imagenet-classifier.")],
    device: Annotated[str, typer.Option("--device", "-d", help="Device: id, name, model number or SoC.")],
    evidence: Annotated[
        str, typer.Option(help="Least evidence: measured, field, same-soc, predicted.")
    ] = "predicted",
    out: Out = None,
    registry: Registry = None,
    as_json: PlotJson = False,
) -> None:
    """Draw accuracy against latency on a device, with the Pareto line; bubbles show the size of the file."""
    least = options.word(evidence, Evidence, "evidence")
    _check(out)
    with actions.open_registry(registry) as opened:
        data = plot_data.read_front(opened, device, model, least)
    _finish(data, out, f"front-{model}-{data.target.profile.id}.png", as_json=as_json)


@_plot.command()
def spread(
    net: Annotated[str, typer.Option("--net", "-n", help="Name of a net, such as mobilenet-v1-1.0-224.")],
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kinds",
            help="Kinds of device: phone, tablet, board, laptop, devkit, mcu; may repeat [default: phone].",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
    registry: Registry = None,
    as_json: PlotJson = False,
) -> None:
    """Draw the speed of one net over all phones, one point a phone, and how far they lie apart."""
    chosen = tuple(dict.fromkeys(options.words(kinds, Kind, "kind of device"))) or (Kind.PHONE,)
    _check(out)
    with actions.open_registry(registry) as opened:
        data = plot_data.read_spread(opened, net, chosen)
    _finish(data, out, f"spread-{net}.png", as_json=as_json)


@_plot.command()
def sizes(
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Only this model, by family [default: every model].")
    ] = None,
    out: Out = None,
    registry: Registry = None,
    as_json: PlotJson = False,
) -> None:
    """Draw file sizes against the size of a typical app and the memory of microcontrollers."""
    _check(out)
    with actions.open_registry(registry) as opened:
        data = plot_data.read_sizes(opened, model)
    _finish(data, out, f"sizes-{model}.png" if model else "sizes.png", as_json=as_json)


@_plot.command()
def continuum(
    model: Annotated[str, typer.Option("--model", "-m", help="Name, such as imagenet-classifier.")],
    out: Out = None,
    registry: Registry = None,
    as_json: PlotJson = False,
) -> None:
    """Draw accuracy against file size of every variant of a model, with the Pareto line."""
    _check(out)
    with actions.open_registry(registry) as opened:
        data = plot_continuum.read_continuum(opened, model)
    _finish(data, out, f"continuum-{model}.png", as_json=as_json)


def _check(out: Path | None) -> None:
    """Refuse a bad path before any work is done."""
    from zoo import plots

    if out is not None:
        plots.check_out(out)


def _finish(data: "Picture", out: Path | None, usual: str, *, as_json: bool) -> None:
    """Print the data or draw them, and say where; a picture without a point is no answer."""
    from zoo import plots

    if as_json:
        print_json(data.document())
    elif data.empty:
        typer.echo(f"zoo: nothing to draw: {data.empty}", err=True)
    else:
        path = out or Path(usual)
        plots.save(data, path)
        typer.echo(f"wrote {path}")
    if data.empty:
        raise typer.Exit(NOTHING_FITS)
