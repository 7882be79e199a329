"""Command that draws: plot."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add."""
