"""What channels offer and what happened to them, as text and as a document."""

from typing import TYPE_CHECKING, Any

from registry.rollouts import shares_to_json, to_json
from zoo.views.printer import Printer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.channels import Event
    from zoo.releasing import State


def channels(printer: Printer, found: "Sequence[State]") -> None:
    """Print each channel with its releases, the newest first, and its history."""
    if not found:
        printer.line("no channel yet. Begin with: zoo promote VARIANT... --model M --channel stable")
    for place, each in enumerate(found):
        if place:
            printer.line()
        printer.line(f"{each.model} · {each.name}{' (protected)' if each.protected else ''}", style="bold")
        rows = [
            (
                rollout.release,
                "halted" if rollout.halted else "; ".join(map(str, rollout.shares)),
                ", ".join(each.variants[rollout.release]),
            )
            for rollout in reversed(each.channel.rollouts)
        ]
        if rows:
            printer.table(("release", "given to", "variants"), rows)
        else:
            printer.line("nothing is offered")
        printer.table(("when", "what", "release", "to", "by"), [_event(one) for one in each.events])


def _event(event: "Event") -> tuple[str, ...]:
    return event.at, str(event.verb), event.release, "; ".join(map(str, event.shares)), event.by


def document(found: "Sequence[State]") -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "model": each.model,
            "channel": each.name,
            "protected": each.protected,
            **to_json(each.channel),
            "releases": {name: list(variants) for name, variants in each.variants.items()},
            "history": [
                {
                    "at": event.at, "by": event.by, "verb": str(event.verb), "release": event.release,
                    "shares": shares_to_json(event.shares),
                }
                for event in each.events
            ],
        }
        for each in found
    ]  # fmt: skip
