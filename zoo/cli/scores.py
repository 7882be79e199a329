"""The command that scores a file: eval."""

from pathlib import Path
from typing import Annotated

import typer

from zoo import actions
from zoo.cli.options import Json, Registry
from zoo.cli.read import print_json
from zoo.scoring import Scoring, score
from zoo.views import scores
from zoo.views.printer import Printer, share_bar


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("eval")(evaluate)


def evaluate(
    file: Annotated[Path, typer.Argument(help="A .tflite, .onnx, .mlpackage or .mlmodel classifier.")],
    dataset: Annotated[
        str,
        typer.Argument(
            help="fashion-mnist, spoken-digits, clothing, or a folder with one folder of photos or clips a class."
        ),
    ],
    split: Annotated[
        str,
        typer.Option(
            help="Part of the data set, such as test; all/jackson is one speaker [default: test, or all of a folder].",
            show_default=False,
        ),
    ] = "",
    spec: Annotated[
        Path | None,
        typer.Option(
            "--spec",
            help="Input/output spec as JSON [default: FILE.spec.json beside it, or that of the registered variant "
            "with the file's digest].",
            show_default=False,
        ),
    ] = None,
    variant: Annotated[
        str, typer.Option(help="Take the spec of this registered variant.", show_default=False)
    ] = "",
    kernels: Annotated[
        str,
        typer.Option(
            help="xnnpack, reference or tflm for TFLite; cpu for ONNX; coreml for Core ML [default: the first].",
            show_default=False,
        ),
    ] = "",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Score only so many samples, drawn by a fixed seed.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Folder to look for the data set in [default: $ZOO_DATA, Debian's, this user's cache].",
        ),
    ] = None,
    download: Annotated[
        bool,
        typer.Option("--download", help="Fetch the data set where it is not found, if it has an address."),
    ] = False,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Score a classifier's file on real data, run by the runtime that an app would use."""
    asked = Scoring(file, dataset, split, spec, variant, kernels, limit, data, download)
    with share_bar("scoring") as progress:
        found = score(asked, lambda: actions.open_registry(registry), progress)
    if as_json:
        print_json(scores.document(found))
    else:
        scores.score(Printer(), found)
