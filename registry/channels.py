"""How a channel comes to offer what it offers: events, one after the other, that are never overwritten.

A channel's state is what its events make of it, so who did what, when and from which state is in the list itself.
Pure, as `registry.rollouts` is: stores keep the events, and clocks and names come with them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from registry.rollouts import EVERYONE, Channel, Rollout, Share
from zoo.errors import ConflictError, UsageError


class Verb(StrEnum):
    """What can happen to a channel.

    ``release``: a new release begins, for everyone or for shares. ``raise``: more devices are admitted. ``halt``:
    nobody gets it any more who does not have it. ``resume``: the same devices as before get it again. ``rollback``:
    it is taken from everyone, and what was there before is back.
    """

    RELEASE = "release"
    RAISE = "raise"
    HALT = "halt"
    RESUME = "resume"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a channel.

    Attributes:
        verb: what.
        release: to which release; of all but ``release`` the newest one, so that two people who roll back at the same
            time roll back one release and not two.
        at: when, in UTC, ISO 8601.
        by: who.
        salt: of the new rollout; of ``release`` only.
        shares: whom it admits now; of ``release`` and ``raise`` only.

    Raises:
        UsageError: it lacks what it needs, or has what it cannot have.
    """

    verb: Verb
    release: str
    at: str
    by: str
    salt: str = ""
    shares: tuple[Share, ...] = ()

    def __post_init__(self) -> None:
        """Check that it is whole."""
        with_shares = self.verb in {Verb.RELEASE, Verb.RAISE}
        if bool(self.shares) != with_shares:
            raise UsageError(f"'{self.verb}' {'needs shares' if with_shares else 'has no shares'}")
        if bool(self.salt) != (self.verb is Verb.RELEASE):
            raise UsageError(f"'{self.verb}' {'has no salt' if self.salt else 'needs a salt'}")


def replay(events: Iterable[Event]) -> Channel:
    """Make a channel of all its events, the oldest first.

    Raises:
        ConflictError: see `after`.
    """
    channel = Channel()
    for event in events:
        channel = after(channel, event)
    return channel


def after(channel: Channel, event: Event) -> Channel:
    """Say what the channel is once the event has happened; twice the same halt, resume or raise is once.

    Raises:
        ConflictError: the event cannot happen to this channel.
        UsageError: the release or the salt cannot be one.
    """
    if event.verb is Verb.RELEASE:
        return _released(channel, event)
    newest = channel.newest
    if newest is None or newest.release != event.release:
        there = f"its newest release is '{newest.release}'" if newest else "nothing is released on it"
        raise ConflictError(f"cannot {event.verb} '{event.release}' on this channel: {there}")
    older = channel.rollouts[:-1]
    if event.verb is Verb.ROLLBACK:
        return Channel(older)
    if event.verb is Verb.RAISE:
        _check_raise(newest, event.shares)
        return Channel((*older, replace(newest, shares=event.shares)))
    return Channel((*older, replace(newest, halted=event.verb is Verb.HALT)))


def _released(channel: Channel, event: Event) -> Channel:
    if any(each.release == event.release for each in channel.rollouts):
        raise ConflictError(
            f"'{event.release}' is on this channel: raise it, or roll back what is newer than it is"
        )
    if any(each.salt == event.salt for each in channel.rollouts):
        raise ConflictError("another rollout of this channel has this salt: every rollout needs its own")
    newest = channel.newest
    if newest and not (newest.is_complete or newest.halted):
        raise ConflictError(
            f"'{newest.release}' is on its way ({', '.join(map(str, newest.shares))}): raise it to 100 percent, "
            "halt it or roll it back first"
        )
    return Channel((*channel.rollouts, Rollout(event.release, event.salt, event.shares)))


def _check_raise(rollout: Rollout, shares: tuple[Share, ...]) -> None:
    """Refuse what would drop a device.

    Raises:
        ConflictError: somebody would be dropped, or the rollout is halted.
    """
    if rollout.halted:
        raise ConflictError(f"'{rollout.release}' is halted: resume it or roll it back")
    for old in rollout.shares:
        if not any(new.covers(old) for new in shares):
            raise ConflictError(
                f"'{rollout.release}' is at {old}, and devices that have it would lose it: shares only rise. "
                "Halt it or roll it back"
            )


def for_everyone(release: str, salt: str, at: str, by: str) -> Event:
    """Promote a release: every device of the channel gets it at once."""
    return Event(Verb.RELEASE, release, at, by, salt, (EVERYONE,))
