"""Commands of release engineers: publish, yank, verify, gc."""

from pathlib import Path
from typing import Annotated

import typer

from zoo import actions
from zoo.cli.options import Json, Registry
from zoo.cli.read import print_json
from zoo.errors import UsageError
from zoo.labels import Labels
from zoo.recording import own_registry
from zoo.views import publications
from zoo.views.printer import Printer, share_bar

_FAILED = 1


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (publish, yank, verify, gc):
        app.command()(command)


def publish(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Model files to publish.")
    ] = None,
    model: Annotated[str, typer.Option("--model", "-m", help="Model that they are variants of.")] = "",
    name: Annotated[
        str, typer.Option(help="Name of the variant [default: of the file].", show_default=False)
    ] = "",
    net: Annotated[
        str, typer.Option(help="Architecture, width and resolution, such as mobilenet-v2-1.0-224.")
    ] = "",
    family: Annotated[str, typer.Option(help="Architecture, such as mobilenet-v2.")] = "",
    alpha: Annotated[float | None, typer.Option(help="Width multiplier.")] = None,
    resolution: Annotated[str, typer.Option(help="Checked against the file: 224, 480x640.")] = "",
    precision: Annotated[str, typer.Option(help="Checked against the file: float32, int8 ...")] = "",
    format_: Annotated[
        str, typer.Option("--format", help="Checked against the file: tflite, onnx, coreml.")
    ] = "",
    weights: Annotated[str, typer.Option(help="Whose trained weights.")] = "own",
    min_os: Annotated[str, typer.Option(help="Oldest system that runs it, such as 'iOS 16'.")] = "",
    recipe: Annotated[str, typer.Option(metavar="RECIPE.toml", help="Recipe that made it.")] = "",
    spec: Annotated[str, typer.Option(metavar="SPEC.json", help="What goes in and what comes out.")] = "",
    certificate: Annotated[
        str,
        typer.Option(
            metavar="CERTIFICATE.json", help="Of the zoo convert that made it; it must name the file."
        ),
    ] = "",
    accuracy: Annotated[
        str,
        typer.Option(
            metavar="EVAL.json|NUMBER", help="What zoo eval --json printed of it, or the model's metric."
        ),
    ] = "",
    measurements: Annotated[
        str,
        typer.Option(
            metavar="ROWS.csv",
            help="Latencies: device, processor, runtime, latency_ms; threads, era, low_ms, high_ms, runs, "
            "runtime_version and more.",
        ),
    ] = "",
    source: Annotated[str, typer.Option(help="Where these figures are from: wanted with any.")] = "",
    note: Annotated[str, typer.Option(help="One line worth knowing.")] = "",
    by: Annotated[str, typer.Option(help="Who publishes [default: the user].", show_default=False)] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    plan: Annotated[
        Path | None,
        typer.Option(metavar="PLAN.jsonl", help="Write down what would be published, for others to read."),
    ] = None,
    apply: Annotated[
        Path | None, typer.Option(metavar="PLAN.jsonl", help="Publish what a plan says.")
    ] = None,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Publish model files as variants that never change: the bytes are inspected, and labels they belie are refused."""
    from zoo import publishing

    path = own_registry(registry)
    labels = Labels(
        model, name, net, family, alpha, resolution, precision, format_, weights, min_os, recipe, spec, certificate,
        accuracy, measurements, source, note, by,
    )  # fmt: skip
    if apply is not None:
        if files or plan or dry_run or labels != Labels(""):
            raise UsageError("--apply takes files and labels from the plan. Leave everything else out")
        found = list(publishing.apply(path, apply))
    else:
        _check(files, labels)
        with share_bar("publishing") as watch:
            if plan is not None:
                found = publishing.plan(path, files or [], labels, plan)
            elif files and len(files) == 1:
                found = [publishing.publish(path, files[0], labels, dry_run=dry_run)]
            else:
                found = []
                for place, each in enumerate(files or [], 1):
                    found.append(publishing.attempt(path, each, labels, dry_run=dry_run))
                    watch(place, len(files or []))
    if as_json:
        print_json(publications.published_document(found))
    else:
        publications.published(Printer(), found)
    if any(each.outcome == "refused" for each in found):
        raise typer.Exit(_FAILED)


def _check(files: list[Path] | None, labels: Labels) -> None:
    if not files:
        raise UsageError("give a FILE to publish, or --apply PLAN.jsonl")
    if not labels.model:
        raise UsageError("name the model that it is a variant of with --model; zoo models lists them")
    single = [word for word, given in (
        ("--name", labels.name), ("--net", labels.net), ("--spec", labels.spec), ("--accuracy", labels.accuracy),
        ("--measurements", labels.measurements),
    ) if given]  # fmt: skip
    if len(files) > 1 and single:
        raise UsageError(
            f"{', '.join(single)} {'is' if len(single) == 1 else 'are'} of one file. Publish it alone"
        )


def yank(
    variant: Annotated[str, typer.Argument(help="Variant to withdraw.")],
    reason: Annotated[str, typer.Option(help="Why, for those who have it.")],
    successor: Annotated[
        str | None, typer.Option(metavar="VARIANT", help="Variant of the same model that takes its place.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who withdraws it [default: the user].", show_default=False)] = "",
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Withdraw a variant: it is never picked again, and stays on record with the reason and what takes its place."""
    from zoo import publishing

    tombstone, is_new = publishing.yank(own_registry(registry), variant, reason, successor, by)
    if as_json:
        print_json(publications.yanked_document(variant, tombstone))
    else:
        publications.yanked(Printer(), variant, tombstone, is_new=is_new)


def verify(registry: Registry = None, as_json: Json = False) -> None:
    """Hash every held file again, and check the registry itself; exit 1 where anything is wrong."""
    from zoo import publishing

    with share_bar("hashing") as watch:
        found = publishing.verify(actions.path_of(registry), watch)
    if as_json:
        print_json(publications.verified_document(found))
    else:
        publications.verified(Printer(), found)
    if found.faults:
        raise typer.Exit(_FAILED)


def gc(
    grace_hours: Annotated[
        float,
        typer.Option(
            "--grace", min=0.0, metavar="HOURS", help="Younger files stay: somebody may be at them."
        ),
    ] = 24.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, remove nothing.")] = False,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Remove files that no variant names: what killed publishing left behind. What is published never goes."""
    from zoo import publishing

    found = publishing.collect(own_registry(registry), grace_hours * 3600, dry_run=dry_run)
    if as_json:
        print_json(publications.collected_document(found, dry_run=dry_run))
    else:
        publications.collected(Printer(), found, dry_run=dry_run)
