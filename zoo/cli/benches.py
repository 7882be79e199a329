"""Commands that measure: bench, probe, doctor."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.reader import shipped_registry
from zoo import actions
from zoo.cli.options import Json, Registry, size_bytes
from zoo.cli.read import print_json
from zoo.errors import UsageError, needing
from zoo.scoring import Scoring, score
from zoo.views import benches, scores
from zoo.views.printer import Printer, device_line, share_bar

if TYPE_CHECKING:
    from zoo.benching import Asked

_FAILURE, _NOTHING_FITS = 1, 3
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(bench)
    app.command()(probe)
    app.command()(doctor)


def bench(
    file: Annotated[
        Path | None,
        typer.Argument(help="A .tflite or .onnx file; on a Mac Core ML's, too.", show_default=False),
    ] = None,
    variant: Annotated[
        str, typer.Option(help="Measure the held file of this registered variant.", show_default=False)
    ] = "",
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="Measure all variants whose files --registry holds, and write them there."
        ),
    ] = False,
    device: Annotated[
        str,
        typer.Option(
            "--device",
            "-d",
            help="host (this machine), android (a phone over adb), or emulated: cortex-m3, -m4, -m7, -m33, -m55, a "
            "microcontroller with one of these such as nucleo-l4r5zi, arm64-a76, arm64-a53.",
        ),
    ] = "host",
    runtime: Annotated[
        str,
        typer.Option(
            help="litert, onnxruntime, tflm, coreml, android, cortex-m or arm64; see zoo doctor [default: the first "
            "for the format and the device].",
            show_default=False,
        ),
    ] = "",
    kernels: Annotated[
        str,
        typer.Option(
            help="litert, arm64: xnnpack, builtin, reference; android: cpu, builtin, gpu, nnapi, hexagon; cortex-m: "
            "cmsis-nn, portable; all measures each [default: the first].",
            show_default=False,
        ),
    ] = "",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    profile_ops: Annotated[
        bool, typer.Option("--profile-ops", help="Show which operators take the time, too.")
    ] = False,
    sustained: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Also run so long without a pause, such as 10m: first and last minute."
        ),
    ] = None,
    within: Annotated[
        float,
        typer.Option(metavar="PERCENT", help="Repeat until the median is known as well as this, or ..."),
    ] = 2.0,
    longest: Annotated[str, typer.Option(metavar="TIME", help="... until this time is up.")] = "30s",
    flash: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Does it fit? Link for a microcontroller with this flash, such as 256KB [default: the device's].",
            show_default=False,
        ),
    ] = None,
    ram: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="The same for its RAM, stack included.", show_default=False),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="With --all: also what was measured here before.")
    ] = False,
    save: Annotated[
        bool, typer.Option("--save", help="Write it to --registry, as of the variant that the file is.")
    ] = False,
    accuracy: Annotated[
        bool,
        typer.Option("--accuracy", help="Score the file on --dataset instead, with the runtime's kernels."),
    ] = False,
    dataset: Annotated[
        str, typer.Option(help="With --accuracy: data set or folder, see zoo eval.", show_default=False)
    ] = "",
    limit: Annotated[
        int | None, typer.Option(min=1, help="With --accuracy: score only so many samples.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="With --accuracy: where the data set lies.")
    ] = None,
    serial: Annotated[
        str,
        typer.Option(
            "--adb", metavar="SERIAL", help="Which phone, where several are attached.", show_default=False
        ),
    ] = "",
    tool: Annotated[
        Path | None,
        typer.Option("--tool", help="TFLite's benchmark_model for the phone [$ZOO_BENCHMARK_MODEL]."),
    ] = None,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Measure how long a file takes, until its median is known; --save and --all write it to a registry of your own."""
    if sum((file is not None, bool(variant), every)) != 1:
        raise UsageError("give one of FILE, --variant NAME and --all")
    with needing("inspect", "measuring"):
        from bench.runners.base import ANDROID, HOST, Setup
        from zoo import benching
    place = benching.place_of(device, lambda: actions.open_registry(registry))
    if accuracy:
        if every:
            raise UsageError("--accuracy scores one FILE or --variant NAME, not --all")
        if place.device == ANDROID:
            raise UsageError(f"--accuracy scores on this machine or an emulated core, not on '{device}'")
        asked_score = Scoring(
            file or Path(),
            dataset,
            variant=variant,
            kernels=_evaluator(runtime, kernels),
            limit=limit,
            data=data,
            device="" if place.device == HOST else place.device,
        )
        _score(
            asked_score,
            benching.Asked(Path(), place.device, board=place.board),
            registry,
            save=save,
            as_json=as_json,
        )
        return
    longest_s = seconds(longest, "--longest")
    plan = benching.plan_of(
        within, longest_s, None if sustained is None else seconds(sustained, "--sustained")
    )
    limits = benching.limits_of(place, size_bytes(flash, "--flash"), size_bytes(ram, "--ram"))
    setup = Setup(threads, kernels, plan, profile_ops, serial, tool, place.device, *limits)
    asked = benching.Asked(file or Path(), place.device, runtime, setup, variant, place.board)
    if every:
        _fill(asked, registry, again=again, as_json=as_json)
    else:
        _measure(asked, registry, save=save, as_json=as_json)


def _measure(asked: "Asked", registry: str | None, *, save: bool, as_json: bool) -> None:
    from zoo import benching, recording

    path = recording.own_registry(registry) if save else None
    if asked.variant:
        asked = replace(asked, file=recording.find_held(_place(registry), asked.variant))
    names = recording.variants_of(path, asked.file) if path is not None else []
    with share_bar("measuring, seconds of at most") as progress:
        found = benching.measure(asked, lambda done, total: progress(int(done), int(total)))
    if as_json:
        print_json([benches.document(each) for each in found])
    else:
        for each in found:
            benches.bench(Printer(), each)
    if path is not None:
        recording.keep(path, found, names)
        typer.echo(f"zoo: written to '{path}' as {', '.join(names)}", err=True)
    if any(each.measured.fit is not None and not each.measured.fit.holds for each in found):
        raise typer.Exit(_NOTHING_FITS)


def _place(registry: str | None) -> Path:
    return shipped_registry() if registry is None else Path(registry)


def _fill(asked: "Asked", registry: str | None, *, again: bool, as_json: bool) -> None:
    from zoo import recording

    path = recording.own_registry(registry)
    found: list[recording.Filled] = []
    try:
        with share_bar("measuring") as progress:
            for each in recording.fill(path, asked, progress, again=again):
                found.append(each)  # noqa: PERF402 - what was measured stays here when the user interrupts
    except KeyboardInterrupt:
        kept = sum(each.bench is not None for each in found)
        typer.echo(
            f"zoo: {kept} measured variants are in '{path}'; the same command goes on with the next", err=True
        )
        raise
    if as_json:
        print_json(benches.filled_document(found))
    else:
        benches.filled(Printer(), found, str(path))
    if any(each.failed for each in found):
        raise typer.Exit(_FAILURE)


def _evaluator(runtime: str, kernels: str) -> str:
    """The kernels' name in ``zoo eval``, where TFLM's are one kind of them."""
    return "tflm" if runtime == "tflm" else kernels


def _score(asked: Scoring, measured_on: "Asked", registry: str | None, *, save: bool, as_json: bool) -> None:
    from zoo import recording

    if not asked.dataset:
        raise UsageError(
            "--accuracy needs --dataset NAME: fashion-mnist, spoken-digits, a folder; see zoo eval --help"
        )
    path = recording.own_registry(registry) if save else None
    if asked.variant:
        asked = replace(asked, file=recording.find_held(_place(registry), asked.variant))
    names = recording.variants_of(path, asked.file) if path is not None else []
    with share_bar("scoring") as progress:
        found = score(asked, lambda: actions.open_registry(registry), progress)
    if as_json:
        print_json(scores.document(found))
    else:
        scores.score(Printer(), found)
    if path is not None:
        recording.keep_accuracy(path, names, found.accuracy, measured_on)
        where = f"an emulated {asked.device}" if asked.device else "this machine's CPU"
        typer.echo(f"zoo: written to '{path}' as the accuracy of {', '.join(names)} on {where}", err=True)


def seconds(text: str, option: str) -> float:
    """Read a time such as ``30s``, ``10m`` or ``1h``.

    Raises:
        UsageError: it is none above zero.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", text)
    value = float(match[1]) * _SECONDS[match[2] or "s"] if match else 0.0
    if not 0 < value < float("inf"):
        raise UsageError(f"{option} is {text!r}, but a time above zero is wanted, such as 30s, 10m or 1h")
    return value


def probe(
    phone: Annotated[
        bool, typer.Option("--phone", help="Ask the phone that is attached over adb, not this machine.")
    ] = False,
    serial: Annotated[
        str, typer.Option("--adb", metavar="SERIAL", help="Ask this phone.", show_default=False)
    ] = "",
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Print a device's profile as JSON for zoo pick --profile -; on a terminal also the device that it is like."""
    from bench.adb import Phone
    from bench.probing import document, facts_of, read_host

    facts = facts_of(Phone(serial).read() if phone or serial else read_host())
    print_json(document(facts))
    if not as_json and sys.stdout.isatty():
        with actions.open_registry(registry) as opened:
            typer.echo(f"zoo: {device_line(actions.describe_device(opened, facts))}", err=True)


def doctor(
    registry: Registry = None,  # noqa: ARG001 - goes with every command; runners need none
    as_json: Json = False,
) -> None:
    """List what can measure on this machine, and what each runner lacks with the remedy."""
    from zoo.benching import doctor as examine

    found = examine()
    if as_json:
        print_json(benches.doctor_document(found))
    else:
        benches.doctor(Printer(), found)
