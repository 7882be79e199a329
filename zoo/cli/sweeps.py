"""The command that turns one model into many: compress."""

import os
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.options import Json, Registry
from zoo.cli.read import print_json
from zoo.views.printer import Printer

_FAILURE = 1
_EACH_GROUP = "each group"


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(compress)


def compress(
    recipe: Annotated[Path, typer.Argument(help="A recipe as TOML; docs/recipes.md says what may be in it.")],
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            help="Jobs at a time on this machine [default: its processors].",
            show_default=False,
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray", metavar="ADDRESS", help="Run on a Ray cluster; 'local' starts one on this machine."
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            "--work",
            help="Folder of what is finished: the same command goes on from there [default: sweeps/RECIPE].",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the results: a document, and files by digest [default: WORK/continuum].",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            envvar="ZOO_DATA",
            help="Folder with a folder a data set [default: where data sets usually are].",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; the data set need not be there.")
    ] = False,
    registry: Registry = None,  # noqa: ARG001 - goes with every command; results are written as text
    as_json: Json = False,
) -> None:
    """Make a continuum of a recipe: train, distil, prune and quantize nets, convert them, score the files."""
    from compress.sweep.sweeping import Place

    place = Place(jobs, ray=ray or "")
    if dry_run:
        _show_plan(recipe, as_json=as_json)
        return
    from datasets.finding import VARIABLE
    from zoo.continuum import compressing
    from zoo.views import sweeps

    if data is not None:
        os.environ[VARIABLE] = str(data.absolute())  # jobs are processes of their own
    folder = work or Path("sweeps") / recipe.stem
    read, stages = compressing.read(recipe)
    text = recipe.read_text(encoding="utf-8")
    try:
        with sweeps.following() as listen:
            made = compressing.compress(
                read,
                stages,
                text=text,
                work=folder,
                out=out or folder / "continuum",
                place=place,
                listen=listen,
            )
    except KeyboardInterrupt:
        typer.echo(
            f"zoo: what is finished stays in '{folder}'; the same command goes on from there", err=True
        )
        raise
    if as_json:
        print_json(sweeps.made_document(made))
    else:
        sweeps.made(Printer(), made)
    if made.missed or made.refused:
        raise typer.Exit(_FAILURE)


def _show_plan(path: Path, *, as_json: bool) -> None:
    from compress.recipes.planning import counts, plan
    from compress.recipes.recipe import Protocol
    from zoo.recipes import read_recipe
    from zoo.views import sweeps

    recipe = read_recipe(path)
    grouped = recipe.protocol is Protocol.LEAVE_ONE_GROUP_OUT
    stages = plan(recipe, (_EACH_GROUP,) if grouped else ())
    if as_json:
        print_json(sweeps.plan_document(recipe, stages, counts(stages)))
    else:
        sweeps.plan(Printer(), recipe, stages, counts(stages), _EACH_GROUP if grouped else "")
