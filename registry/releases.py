"""Keeps releases and what happens to channels: each event is checked against the state it meets, and never changed.

`registry.channels` says what an event makes of a channel. A release is an immutable set of variants of one model.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, select

from registry import tables
from registry.channels import Event, Verb, after, replay
from registry.reader import event_of
from registry.rollouts import Channel, shares_to_json
from registry.store import writing
from registry.values import Availability
from zoo.errors import ConflictError, UnknownNameError, UsageError

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A channel of a model.

    Attributes:
        model: its name.
        channel: such as ``stable``.
    """

    model: str
    channel: str

    def __post_init__(self) -> None:
        """Refuse names that would be trouble in an address.

        Raises:
            UsageError: the channel is no word.
        """
        if not (0 < len(self.channel) <= _LONGEST_NAME and self.channel.replace("-", "").isalnum()):
            raise UsageError(
                f"'{self.channel:.60}' is no name of a channel: letters, digits and dashes are wanted"
            )


def happen(path: Path, place: Place, event: Event, variants: Sequence[str] = ()) -> Channel:
    """Let something happen to a channel, with the release that it brings: all of it or nothing.

    Args:
        path: a registry of this schema.
        place: the channel; made when it is released to for the first time.
        event: what happens.
        variants: names of what a new release consists of; empty where the release is known.

    Returns:
        What the channel offers now.

    Raises:
        UnknownNameError: there is no such model, channel, variant or release.
        ConflictError: it cannot happen now; see `registry.channels.after`. Or a release of that name has other
            variants, a variant cannot be given out, or the channel is protected and the release was on no other.
        RegistryError: it is no such registry, or the disk refuses.
    """
    with writing(path, "a channel is not changed") as session:
        models = list(session.exec(select(tables.ModelRow.name)))
        if place.model not in models:
            raise UnknownNameError("model", place.model, models, advice="List them with: zoo models")
        channel = session.get(tables.ChannelRow, (place.model, place.channel))
        if channel is None:
            if event.verb is not Verb.RELEASE:
                raise _no_channel(session, place)
            channel = tables.ChannelRow(model=place.model, name=place.channel)
            session.add(channel)
        if variants:
            _release(session, place.model, event, variants)
        elif session.get(tables.ReleaseRow, (place.model, event.release)) is None:
            names = session.exec(select(tables.ReleaseRow.name).where(tables.ReleaseRow.model == place.model))
            raise UnknownNameError("release", event.release, list(names), advice="Name its variants")
        if event.verb is Verb.RELEASE and channel.protected:
            _check_protected(session, place, event)
        state = after(replay(events(session, place)), event)
        session.flush()
        session.add(
            tables.ChannelEventRow(
                model=place.model, channel=place.channel, verb=str(event.verb), release=event.release, salt=event.salt,
                shares=json.dumps(shares_to_json(event.shares)), at=event.at, by=event.by,
            )
        )  # fmt: skip
    return state


def protect(path: Path, place: Place, *, protected: bool) -> None:
    """Say whether a channel takes only releases that were on another channel of the model before.

    Raises:
        UnknownNameError: there is no such channel.
        RegistryError: it is no such registry, or the disk refuses.
    """
    with writing(path, "a channel is not changed") as session:
        channel = session.get(tables.ChannelRow, (place.model, place.channel))
        if channel is None:
            raise _no_channel(session, place)
        channel.protected = protected
        session.add(channel)


def events(session: Session, place: Place) -> list[Event]:
    """What happened to a channel, the oldest first."""
    row = tables.ChannelEventRow
    here = select(row).where(row.model == place.model, row.channel == place.channel)
    return [
        event_of(each.verb, each.release, each.at, each.by, each.salt, each.shares)
        for each in sorted(session.exec(here), key=lambda one: one.id or 0)
    ]


def _no_channel(session: Session, place: Place) -> UnknownNameError:
    names = session.exec(select(tables.ChannelRow.name).where(tables.ChannelRow.model == place.model))
    return UnknownNameError("channel", place.channel, list(names), advice="Release to it with: zoo promote")


def _release(session: Session, model: str, event: Event, variants: Sequence[str]) -> None:
    known = session.get(tables.ReleaseRow, (model, event.release))
    text = json.dumps(sorted(set(variants)))
    if known is not None:
        if known.variants != text:
            raise ConflictError(
                f"release '{event.release}' of {model} has other variants: releases never change. Give another name"
            )
        return
    names = list(session.exec(select(tables.VariantRow.name).where(tables.VariantRow.model == model)))
    for each in variants:
        if each not in names:
            raise UnknownNameError("variant", each, names, advice=f"List them with: zoo variants {model}")
        row = session.get_one(tables.VariantRow, each)
        if row.availability != Availability.HELD:
            raise ConflictError(
                f"'{each}' cannot be released: its file is only {row.availability}. Publish it first"
            )
        if session.get(tables.TombstoneRow, each) is not None:
            raise ConflictError(f"'{each}' cannot be released: it was withdrawn")
    session.add(tables.ReleaseRow(model=model, name=event.release, variants=text, at=event.at, by=event.by))


def _check_protected(session: Session, place: Place, event: Event) -> None:
    row = tables.ChannelEventRow
    elsewhere = select(row).where(
        row.model == place.model, row.release == event.release, row.channel != place.channel
    )
    if session.exec(elsewhere).first() is None:
        raise ConflictError(
            f"channel '{place.channel}' of {place.model} is protected: it takes only releases that were on another "
            "channel. Release it there first, then promote it with --from"
        )
