"""The ``zoo`` command: parses, calls one action, prints.

Exit codes: 0 an answer, 1 a failure, 2 an unknown name or bad usage, 3 nothing fits.
"""

import io
import os
import sys
from importlib.metadata import PackageNotFoundError, version

import typer

from zoo.cli import (
    backtests,
    benches,
    channels,
    compare,
    files,
    pictures,
    predictions,
    publications,
    read,
    scores,
    server,
    sweeps,
    write,
)
from zoo.errors import ZooError

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it

app = typer.Typer(
    name="zoo",
    invoke_without_command=True,
    rich_markup_mode=None,
    help="The right compressed model for every phone, DSP, GPU and microcontroller, chosen from measured figures.",
)
read.add_to(app)
compare.add_to(app)
pictures.add_to(app)
files.add_to(app)
scores.add_to(app)
sweeps.add_to(app)
benches.add_to(app)
predictions.add_to(app)
publications.add_to(app)
channels.add_to(app)
backtests.add_to(app)
server.add_to(app)
write.add_to(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            number = version("device-zoo")
        except PackageNotFoundError:
            number = "(not installed: run from its source)"
        typer.echo(f"device-zoo {number}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    show: bool = typer.Option(  # noqa: ARG001 - its callback does the work
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """The right compressed model for every device, chosen from measured figures."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run the command; an expected error prints one line and sets the exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code; bugs keep their traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without UTF-8 loses a dot, not the answer
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()
    except ZooError as error:
        return _say(str(error), error.exit_code)
    except typer.TyperException as error:
        return _say(f"{error.format_message()} See: zoo --help", error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", INTERRUPTED)
    except (BrokenPipeError, SystemExit):
        # The reader (such as head) has seen enough: Typer and rich end with SystemExit then, and nothing else here
        # does. Python must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    if code == INTERRUPTED:  # Typer turns Ctrl-C into this without a word
        return _say("interrupted", INTERRUPTED)
    return code if isinstance(code, int) else 0


def _say(message: str, code: int) -> int:
    typer.echo(f"zoo: {' '.join(message.split())}", err=True)
    return code
