"""Commands on latencies that nobody measured: predict, calibrate."""

from typing import TYPE_CHECKING, Annotated

import typer

from bench.runners.base import HOST
from device_profiles.profile import Processor
from zoo import actions, calibrating, predicting, predicting_tables
from zoo.cli import options
from zoo.cli.options import Device, Json, Profile, Registry
from zoo.cli.read import NOTHING_FITS, print_json, target
from zoo.errors import UsageError
from zoo.recording import own_registry
from zoo.views import predictions
from zoo.views.printer import Printer, share_bar

if TYPE_CHECKING:
    from pathlib import Path


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(predict)
    app.command()(calibrate)


def predict(
    net: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A .tflite or .onnx file, or the name of a variant.")
    ] = None,
    device: Device = None,
    profile: Profile = None,
    processors: Annotated[
        list[str] | None,
        typer.Option("--processor", help="Only this processor: cpu, gpu, dsp, npu, nnapi; may repeat."),
    ] = None,
    runtime: Annotated[str, typer.Option(help="Only this runtime, such as tflite.", show_default=False)] = "",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads [default: as measured best on the device].")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table",
            metavar="IN.csv",
            help="Predict every row of this table in place of one file; - is standard input. Wants the columns device, "
            "model and processor; family, alpha, resolution, precision, params_m, macs_m, soc, runtime and threads "
            "sharpen it. latency_ms is never read.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="OUT.csv", help="Where the table goes, with predictions; - is standard output."),
    ] = None,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Predict how long a net takes on a device, with a 90 % interval and what it rests on."""
    if table is not None:
        given = [
            name
            for name, value in (
                ("FILE", net), ("--device", device), ("--profile", profile), ("--processor", processors),
                ("--runtime", runtime), ("--threads", threads), ("--json", as_json),
            )
            if value
        ]  # fmt: skip
        if given:
            raise UsageError(f"--table says all of it row by row; leave out {', '.join(given)}")
        if out is None:
            raise UsageError("--table wants --out OUT.csv, or --out - for standard output")
        with actions.open_registry(registry) as opened, share_bar("predicting") as watch:
            rows, blank = predicting_tables.predict_table(opened, table, out, watch)
        without = f", {blank:,} of them without a prediction: 'basis' says why" if blank else ""
        typer.echo(f"{out}: {rows:,} rows{without}", err=out == "-")
        return
    if net is None or out is not None:
        raise UsageError("give a FILE with --device ID, or --table IN.csv with --out OUT.csv")
    with actions.open_registry(registry) as opened:
        found = predicting.predict(
            opened,
            net,
            target(opened, device, profile),
            processors=options.words(processors, Processor, "processor"),
            runtime=runtime,
            threads=threads,
        )
    if as_json:
        print_json(predictions.predicted_document(found))
    else:
        predictions.predicted(Printer(), found)
    if not found.answers:
        raise typer.Exit(NOTHING_FITS)


def calibrate(
    measurements: Annotated[
        str | None,
        typer.Argument(
            metavar="[MEASUREMENTS.csv]",
            help="Measured rows: the columns of zoo predict --table, and latency_ms. - is standard input. Without it "
            "this machine measures itself, which takes about ten minutes.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[
        str, typer.Option("--device", "-d", help="Device that was measured; this machine without a table.")
    ] = HOST,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads, where this machine measures itself [default: 1].")
    ] = None,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Sharpen predictions for a device, in a registry of your own: with rows measured there, or with this machine's."""
    path: Path = own_registry(registry)
    if measurements is None:
        if device != HOST:
            raise UsageError(
                f"'{device}' cannot be measured from here. Give a table of rows that were measured there, or leave "
                "--device out to measure this machine"
            )
        from zoo import self_calibrating

        with share_bar("making and timing nets") as watch:
            found = self_calibrating.calibrate_host(path, threads or 1, watch)
    else:
        if threads is not None:
            raise UsageError(
                "--threads is for a machine that measures itself; a table has a column of that name"
            )
        with actions.open_registry(str(path)) as opened:
            found_device = actions.find_device(opened, device)
        with share_bar("checking each row without itself") as watch:
            found = calibrating.calibrate(path, found_device, measurements, watch)
    if as_json:
        print_json(predictions.calibrated_document(found))
    else:
        predictions.calibrated(Printer(), found)
