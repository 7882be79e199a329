"""Commands that ask what exists and what is best: pick, devices, models, variants, plan."""

from pathlib import Path
from typing import Annotated

import typer

from device_profiles.loading import read_facts
from registry.ranking import Request
from registry.reader import Reader
from registry.rules import Budgets
from registry.values import Objective, Processor
from zoo import actions
from zoo.cli import options
from zoo.cli.options import Device, Json, Profile, Registry
from zoo.errors import UsageError
from zoo.views import comparisons, documents, lists, picks
from zoo.views.printer import Printer

NOTHING_FITS = 3

_devices = typer.Typer(help="List devices, or show one.", invoke_without_command=True)
_models = typer.Typer(help="List models, or show one.", invoke_without_command=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(pick)
    app.add_typer(_devices, name="devices")
    app.add_typer(_models, name="models")
    app.command()(variants)
    app.command()(measurements)
    app.command()(plan)


def print_json(document: object) -> None:
    """Print a document the way scripts read it."""
    typer.echo(documents.text(document))


def target(registry: Reader, device: str | None, profile: Path | None) -> actions.Target:
    """The device that ``--device`` or ``--profile`` means.

    Raises:
        UsageError: neither is given, or both are.
    """
    if (device is None) == (profile is None):
        raise UsageError("give the device with --device ID, or its facts with --profile FILE (one of them)")
    if device is not None:
        return actions.find_device(registry, device)
    facts = read_facts(None if profile is None or str(profile) == "-" else profile)
    return actions.describe_device(registry, facts)


def pick(
    device: Device = None,
    profile: Profile = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Only this model [default: every model].")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Only models of this task, such as classification.")
    ] = None,
    max_latency_ms: Annotated[
        str | None, typer.Option(metavar="MS", help="Latency budget [default: the model's own].")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Download budget, such as 5MB.")
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory budget, such as 256KB.")
    ] = None,
    max_energy_mj: Annotated[
        str | None, typer.Option(metavar="MJ", help="Energy budget an inference.")
    ] = None,
    min_accuracy: Annotated[
        str | None, typer.Option(metavar="X", help="Least accuracy, in the unit of the model's metric.")
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="Only this format, such as tflite; may repeat.")
    ] = None,
    processors: Annotated[
        list[str] | None,
        typer.Option("--processor", help="Only this processor: cpu, gpu, dsp, npu, nnapi; may repeat."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads, pinned.")] = None,
    evidence: Annotated[
        str, typer.Option(help="Least evidence: measured, field, same-soc, predicted.")
    ] = "predicted",
    objective: Annotated[str, typer.Option(help="accuracy, latency, size or energy.")] = "accuracy",
    available: Annotated[
        bool, typer.Option("--available", help="Only files that this registry holds.")
    ] = False,
    optimistic: Annotated[
        bool,
        typer.Option(
            "--optimistic", help="Compare latencies by their value, not by the high end of their spread."
        ),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why each other candidate is not the answer.")
    ] = False,
    channel: Annotated[
        str | None, typer.Option(help="Only from what this channel offers the device, such as stable.")
    ] = None,
    key: Annotated[
        str, typer.Option(help="Of the device, which rollouts by percentage go by.", show_default=False)
    ] = "",
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Pick the best variant of each model for a device."""
    from zoo.releasing import offer_of

    budgets = Budgets(
        max_latency_ms=options.number(max_latency_ms, "--max-latency-ms"),
        max_size_bytes=options.size_bytes(max_size, "--max-size"),
        max_memory_bytes=options.size_bytes(max_memory, "--max-memory"),
        max_energy_mj=options.number(max_energy_mj, "--max-energy-mj"),
        min_accuracy=options.number(min_accuracy, "--min-accuracy"),
        formats=tuple(options.split(formats)),
        processors=options.words(processors, Processor, "processor"),
        threads=threads,
        available=available,
        evidence=options.evidence(evidence),
        optimistic=optimistic,
    )
    request = Request(budgets, options.word(objective, Objective, "objective"))
    with actions.open_registry(registry) as opened:
        report = actions.pick(
            opened,
            target(opened, device, profile),
            request,
            model=model,
            task=task,
            explained=explain,
            offer=offer_of(channel, key),
        )
    if as_json:
        print_json(documents.pick(report))
    else:
        picks.pick(Printer(), report)
    if not report.answered:
        raise typer.Exit(NOTHING_FITS)


def _refuse_options(context: typer.Context) -> None:
    """Options of the list do nothing before ``show``: say so instead of dropping them.

    Raises:
        UsageError: one was given.
    """
    given = [
        name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")
    ]
    if given:
        option = given[0].removeprefix("as_")
        raise UsageError(f"give --{option} after '{context.invoked_subcommand}', not before it")


@_devices.callback()
def devices(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="phone, tablet, board, laptop, devkit or mcu.")] = None,
    tier: Annotated[str | None, typer.Option(help="entry, low, mid or high.")] = None,
    soc: Annotated[str | None, typer.Option(help="SoC, such as sdm845 or 'Snapdragon 845'.")] = None,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """List devices, or show one."""
    if context.invoked_subcommand:
        _refuse_options(context)
        return
    with actions.open_registry(registry) as opened:
        found = actions.devices(
            opened,
            kind=options.word(kind, options.Kind, "kind of device") if kind is not None else None,
            tier=options.word(tier, options.Tier, "tier") if tier is not None else None,
            soc=soc,
        )
    if as_json:
        print_json(documents.devices(found))
    else:
        lists.devices(Printer(), found)


@_devices.command("show")
def show_device(
    device: Annotated[str, typer.Argument(help="Id, name, model number or SoC.")],
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Show a device: its facts and where they come from, its runtimes, what is measured on it."""
    with actions.open_registry(registry) as opened:
        report = actions.show_device(opened, device)
    if as_json:
        print_json(documents.device(report))
    else:
        lists.device(Printer(), report)


@_models.callback()
def models(context: typer.Context, registry: Registry = None, as_json: Json = False) -> None:
    """List models, or show one."""
    if context.invoked_subcommand:
        _refuse_options(context)
        return
    with actions.open_registry(registry) as opened:
        found = actions.models(opened)
    if as_json:
        print_json(documents.models(found))
    else:
        lists.models(Printer(), found)


@_models.command("show")
def show_model(
    model: Annotated[str, typer.Argument(help="Name, such as imagenet-classifier.")],
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Show a model: what it is scored on, and its variants."""
    with actions.open_registry(registry) as opened:
        found, members = actions.variants(opened, model)
    if as_json:
        print_json(documents.model(found, members))
    else:
        lists.model(Printer(), found, members)


def variants(
    model: Annotated[str, typer.Argument(help="Name, such as imagenet-classifier.")],
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """List the variants of a model."""
    with actions.open_registry(registry) as opened:
        found, members = actions.variants(opened, model)
    if as_json:
        print_json([documents.variant(each, found) for each in members])
    else:
        lists.model(Printer(), found, members)


def measurements(
    device: Annotated[str | None, typer.Option("--device", "-d", help="Only on this device.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Only of this model.")] = None,
    variant: Annotated[str | None, typer.Option("--variant", help="Only of this variant.")] = None,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """List the measurements behind the numbers, with their sources; excluded ones say why."""
    with actions.open_registry(registry) as opened:
        found = actions.measurements(opened, device=device, model=model, variant=variant)
    if as_json:
        print_json([documents.measurement(each) for each in found])
    else:
        lists.measurements(Printer(), found)


def plan(
    variant: Annotated[str, typer.Argument(help="Name, such as mobilenet-v2-1.0-224-int8.tflite.")],
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Show on which devices a variant runs, how fast, and why not on the others."""
    with actions.open_registry(registry) as opened:
        found, lines = actions.plan(opened, variant)
        model = actions.find_model(opened, found.model)
    if as_json:
        print_json(documents.plan(found, lines, model))
    else:
        comparisons.plan(Printer(), found, lines)
