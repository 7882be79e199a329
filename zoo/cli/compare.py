"""Commands that compare: diff, portfolio."""

from typing import Annotated

import typer

from zoo import actions
from zoo.cli import options
from zoo.cli.options import Json, Registry
from zoo.cli.read import NOTHING_FITS, print_json
from zoo.errors import UsageError
from zoo.views import comparisons, documents
from zoo.views.printer import Printer


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(diff)
    app.command()(portfolio)


def diff(
    one: Annotated[str, typer.Argument(help="Name of a variant.")],
    other: Annotated[str, typer.Argument(help="Name of another variant of the same model.")],
    device: Annotated[str, typer.Option("--device", "-d", help="Device to compare them on.")],
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Compare two variants on a device: size, latency, accuracy."""
    with actions.open_registry(registry) as opened:
        report = actions.diff(opened, (one, other), device)
    if as_json:
        print_json(documents.diff(report))
    else:
        comparisons.diff(Printer(), report)


def portfolio(
    model: Annotated[str, typer.Argument(help="Name, such as imagenet-classifier.")],
    devices: Annotated[
        list[str] | None,
        typer.Option("--devices", help="Only these devices, comma-separated; may repeat."),
    ] = None,
    within: Annotated[
        str, typer.Option(metavar="POINTS", help="Accuracy a device may lose against its own best.")
    ] = "1.0",
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Show which variants a fleet needs, which nobody needs, and where one is missing."""
    points = options.number(within, "--within")
    if points is None:
        raise UsageError("--within wants a number")
    with actions.open_registry(registry) as opened:
        found = actions.portfolio(opened, model, device_names=options.split(devices), within=points)
    if as_json:
        print_json(documents.portfolio(found))
    else:
        comparisons.portfolio(Printer(), found)
    if not found.cover:
        raise typer.Exit(NOTHING_FITS)
