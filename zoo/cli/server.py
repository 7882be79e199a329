"""The command that serves: serve."""

from typing import Annotated

import typer

from zoo import actions
from zoo.cli.options import Registry


def add_to(app: typer.Typer) -> None:
    """Add it to the application."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
    cache_mb: Annotated[
        int, typer.Option(min=1, help="Memory of a process for answers, and as much for small files.")
    ] = 64,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy with TLS stands in front: any --host will do.")
    ] = False,
    accel_redirect: Annotated[
        str, typer.Option(metavar="/PREFIX/", help="Let nginx send the files: prefix of X-Accel-Redirect.")
    ] = "",
    access_log: Annotated[bool, typer.Option("--access-log", help="Log every request.")] = False,
    registry: Registry = None,
) -> None:
    """Serve the registry over HTTP: picks, lists and files."""
    from zoo.server import serving

    path = actions.path_of(registry).absolute()
    settings = serving.Settings(path, host, port, workers, cache_mb, accel_redirect, access_log)
    serving.serve(settings, behind_proxy=behind_proxy)
