"""The command that turns one model into many, or searches for those that suit a device: compress."""

import os
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.options import Device, Json, Registry, number
from zoo.cli.read import print_json
from zoo.cli.searches import Asked, search
from zoo.errors import needing
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
    device: Device = None,
    max_latency_ms: Annotated[
        str | None,
        typer.Option(
            "--max-latency-ms", metavar="MS", help="Search: the slowest net that will do, on --device."
        ),
    ] = None,
    max_macs: Annotated[
        str | None,
        typer.Option(
            "--max-macs", metavar="MACS", help="Search: the most multiply-accumulates, such as 20e6."
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            min=1,
            help="Search: nets that are trained [default: the recipe's].",
            show_default=False,
        ),
    ] = None,
    write_recipe: Annotated[
        Path | None,
        typer.Option("--write-recipe", help="Search: write the nets worth having as a recipe of their own."),
    ] = None,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Make a continuum of a recipe: train, distil, prune and quantize nets, convert them, score the files.

    With --device or --max-macs: search for the nets of the recipe's [search] that are worth having there.
    """
    asked = Asked(device, number(max_latency_ms, "--max-latency-ms"), number(max_macs, "--max-macs"), trials,
                  write_recipe, registry)  # fmt: skip
    if asked.is_search:
        of_sweeps = {"--jobs": jobs, "--ray": ray, "--out": out, "--dry-run": dry_run or None}
        asked.check([option for option, given in of_sweeps.items() if given is not None])
        _find_data(data)
        search(recipe, asked, work or Path("sweeps") / recipe.stem, as_json=as_json)
        return
    from compress.sweep.sweeping import Place

    place = Place(jobs, ray=ray or "")
    if dry_run:
        _show_plan(recipe, as_json=as_json)
        return
    with needing("compress", "compressing"):
        from zoo.continuum import compressing
    from zoo.views import sweeps

    _find_data(data)
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


def _find_data(folder: Path | None) -> None:
    """Look for data sets there; jobs are processes of their own."""
    from datasets.finding import VARIABLE

    if folder is not None:
        os.environ[VARIABLE] = str(folder.absolute())


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
