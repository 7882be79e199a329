"""The ``zoo`` command: parses, calls one action, prints.

Exit codes: 0 an answer, 1 a failure, 2 an unknown name or bad usage, 3 nothing fits.
"""

import os
import sys
from importlib.metadata import version

import typer

from zoo.cli import compare, pictures, read, write
from zoo.errors import ZooError

app = typer.Typer(
    name="zoo",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The right compressed model for every phone, DSP, GPU and microcontroller, chosen from measured figures.",
)
read.add_to(app)
compare.add_to(app)
pictures.add_to(app)
write.add_to(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"device-zoo {version('device-zoo')}")
        raise typer.Exit


@app.callback()
def root(
    show: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """The right compressed model for every device, chosen from measured figures."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command; an expected error prints one line and sets the exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code; bugs keep their traceback."""
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()
    except ZooError as error:
        return _say(str(error), error.exit_code)
    except typer.TyperException as error:
        return _say(f"{error.format_message()} See: zoo --help", error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", 130)
    except BrokenPipeError:
        # the reader (such as head) has seen enough; Python must not complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def _say(message: str, code: int) -> int:
    typer.echo(f"zoo: {' '.join(message.split())}", err=True)
    return code
