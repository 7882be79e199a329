"""Commands on model files: inspect, convert."""

from pathlib import Path
from typing import Annotated

import typer

from converters.recipes import Recipe, Target
from zoo import artifacts
from zoo.cli import options
from zoo.cli.options import Json, Registry
from zoo.cli.read import print_json
from zoo.errors import UsageError, needing
from zoo.views import files
from zoo.views.printer import Printer, progress_bar, working

_FAILURE = 1


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(inspect)
    app.command()(convert)


def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            help="A .tflite, .onnx, .mlpackage, .mlmodel or weights file; its name does not matter."
        ),
    ],
    all_breaks: Annotated[
        bool,
        typer.Option("--all", help="Name every operator that a delegate does not take, not the first few."),
    ] = False,
    registry: Registry = None,  # noqa: ARG001 - goes with every command; a file is read without one
    as_json: Json = False,
) -> None:
    """Read what a model file really is: format, operators, weights, costs, and which delegates would take it."""
    with working("reading the file in a sandbox"):
        report = artifacts.inspect(file)
    if as_json:
        print_json(files.report_document(report))
    else:
        files.report(Printer(), file.name, report, all_breaks=all_breaks)


def convert(
    source: Annotated[
        str,
        typer.Argument(
            help="An architecture such as mobilenet-v2-0.35-96, package.module:function, "
            "or a .pt2, .keras, SavedModel or .onnx."
        ),
    ],
    to: Annotated[
        list[str] | None,
        typer.Option("--to", help="tflite, coreml, onnx, c; may repeat [default: the first three]."),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(
            "--precision",
            "-p",
            help=f"{', '.join(Recipe)}; may repeat; each is made in each format.",
            show_default="float32",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="Weights of an architecture, as safetensors [default: random]."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration", help="Real samples as .npy or .npz: golden inputs, and scales of activations."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the files and certificate.json.")
    ] = Path("converted"),
    tiny: Annotated[
        bool | None,
        typer.Option(
            "--tiny/--no-tiny",
            help="Strip names and metadata, and use Core ML's older, smaller format [default: below 100,000 weights].",
            show_default=False,
        ),
    ] = None,
    keep_slow: Annotated[
        bool, typer.Option("--keep-slow", help="Write also what is known to be slower than float32 on a CPU.")
    ] = False,
    allow_unchecked: Annotated[
        bool, typer.Option("--allow-unchecked", help="Write also what nothing on this machine can check.")
    ] = False,
    onnx_activations: Annotated[
        str, typer.Option(metavar="TYPE", help="uint8 or int8: activations of static int8 in ONNX.")
    ] = "uint8",
    core: Annotated[
        str,
        typer.Option(help="Core that C source is made for: portable, cortex-m4, cortex-m0plus, esp32-s3 ..."),
    ] = "portable",
    registry: Registry = None,  # noqa: ARG001 - goes with every command; nothing is registered here
    as_json: Json = False,
) -> None:
    """Convert a net to TFLite, Core ML and ONNX, and prove with golden inputs that the files compute the same."""
    with needing("convert", "converting"):
        from converters.making import Request

    if onnx_activations not in {"uint8", "int8"}:
        raise UsageError(f"--onnx-activations is {onnx_activations!r}, but uint8 or int8 is wanted")
    targets = options.words(to or ["tflite,coreml,onnx"], Target, "format")
    recipes = options.words(precision or [str(Recipe.FLOAT32)], Recipe, "precision")
    request = Request(
        targets=tuple(dict.fromkeys(targets)),
        recipes=tuple(dict.fromkeys(recipes)),
        out=out,
        calibration=calibration,
        tiny=tiny,
        keep_slow=keep_slow,
        allow_unchecked=allow_unchecked,
        onnx_activations=onnx_activations,
        core=core,
    )
    with progress_bar(len(request.targets) * len(request.recipes) + 3) as step:
        certificate = artifacts.convert(source, weights, request, step)
    if as_json:
        print_json(certificate.document())
    else:
        files.certificate(Printer(), certificate, out)
    if certificate.refused:
        raise typer.Exit(_FAILURE)
