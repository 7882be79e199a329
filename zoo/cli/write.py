"""Commands that write: rebuild."""

from pathlib import Path
from typing import Annotated

import typer

from zoo import rebuilding
from zoo.views.printer import working


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(rebuild)


def rebuild(
    out: Annotated[
        Path,
        typer.Option("--out", "--registry", "-o", envvar="ZOO_REGISTRY", help="Where to write the registry."),
    ] = Path("zoo.db"),
) -> None:
    """Make the registry again from the text tables and device profiles."""
    with working("reading the tables and writing the registry"):
        counts = rebuilding.rebuild(out)
    typer.echo(f"{out}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
