"""Commands on what channels offer: promote, rollout, halt, resume, rollback, channels."""

from typing import Annotated

import typer

from registry.channels import Verb
from registry.rollouts import EVERYONE, DeviceClass, Share, parse_class, parse_percent
from zoo import actions, releasing
from zoo.cli.options import Json, Registry
from zoo.cli.read import print_json
from zoo.errors import UsageError
from zoo.recording import own_registry
from zoo.views import channels as views
from zoo.views.printer import Printer

Model = Annotated[str, typer.Option("--model", "-m", help="Whose channel.")]
Channel = Annotated[str, typer.Option("--channel", "-c", help="Such as stable or beta.")]
Variants = Annotated[
    list[str] | None,
    typer.Argument(metavar="VARIANT...", help="What the release consists of.", show_default=False),
]
Release = Annotated[
    str, typer.Option(help="Its name [default: the date and a digest of its variants].", show_default=False)
]
Source = Annotated[
    str,
    typer.Option(
        "--from", metavar="CHANNEL", help="Take the newest release of this channel.", show_default=False
    ),
]
By = Annotated[str, typer.Option(help="Who does it [default: the user].", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (promote, rollout, halt, resume, rollback, channels):
        app.command()(command)


def promote(
    model: Model,
    channel: Channel,
    variants: Variants = None,
    release: Release = "",
    source: Source = "",
    by: By = "",
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Give a release to every device of a channel."""
    _release(registry, _wanted(model, channel, variants, release, source, by), EVERYONE, as_json=as_json)


def rollout(
    model: Model,
    channel: Channel,
    percent: Annotated[
        str, typer.Option(metavar="P", help="Share of the devices, such as 5 or 12.5; it only rises.")
    ],
    variants: Variants = None,
    release: Release = "",
    source: Source = "",
    to: Annotated[
        str,
        typer.Option(
            metavar="CLASS", help="Of these devices only: kind=phone,tier=high or soc=sdm845 or device=ID."
        ),
    ] = "",
    by: By = "",
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Give a release to a share of the devices of a channel, or raise the share of the one that is on its way."""
    share = Share(parse_percent(percent), parse_class(to) if to else DeviceClass())
    _release(registry, _wanted(model, channel, variants, release, source, by), share, as_json=as_json)


def halt(
    model: Model, channel: Channel, by: By = "", registry: Registry = None, as_json: Json = False
) -> None:
    """Give the newest release of a channel to nobody any more who does not have it."""
    _change(registry, model, channel, Verb.HALT, by, as_json=as_json)


def resume(
    model: Model, channel: Channel, by: By = "", registry: Registry = None, as_json: Json = False
) -> None:
    """Go on with a halted release, for the same devices as before."""
    _change(registry, model, channel, Verb.RESUME, by, as_json=as_json)


def rollback(
    model: Model, channel: Channel, by: By = "", registry: Registry = None, as_json: Json = False
) -> None:
    """Take the newest release of a channel from every device: the one before is back for all."""
    _change(registry, model, channel, Verb.ROLLBACK, by, as_json=as_json)


def channels(
    model: Annotated[str | None, typer.Option("--model", "-m", help="Only this model's.")] = None,
    channel: Annotated[
        str | None, typer.Option("--channel", "-c", help="Only channels of this name.")
    ] = None,
    protect: Annotated[
        bool | None,
        typer.Option(
            "--protect/--unprotect",
            help="Take only releases that were on another channel before.",
            show_default=False,
        ),
    ] = None,
    registry: Registry = None,
    as_json: Json = False,
) -> None:
    """Show what channels offer, and all that happened to them."""
    if protect is not None:
        if model is None or channel is None:
            raise UsageError("name the channel to protect with --model and --channel")
        found = [releasing.protect(own_registry(registry), model, channel, protected=protect)]
    else:
        with actions.open_registry(registry) as opened:
            found = releasing.states(opened, model, channel)
    _show(found, as_json=as_json)


def _wanted(  # the options of a command
    model: str, channel: str, variants: list[str] | None, release: str, source: str, by: str
) -> releasing.Wanted:
    return releasing.Wanted(model, channel, tuple(variants or ()), release, source, by)


def _release(registry: str | None, wanted: releasing.Wanted, share: Share, *, as_json: bool) -> None:
    _show([releasing.release(own_registry(registry), wanted, share)], as_json=as_json)


def _change(registry: str | None, model: str, channel: str, verb: Verb, by: str, *, as_json: bool) -> None:
    _show([releasing.change(own_registry(registry), model, channel, verb, by)], as_json=as_json)


def _show(found: list[releasing.State], *, as_json: bool) -> None:
    if as_json:
        print_json(views.document(found))
    else:
        views.channels(Printer(), found)
