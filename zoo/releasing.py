"""What release engineers do with channels: promote, roll out, halt, resume, roll back, and see what a device gets."""

import getpass
import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from device_profiles.profile import DeviceProfile
from registry.channels import Event, Verb, replay
from registry.choice import Shelf
from registry.reader import Reader
from registry.rollouts import EVERYONE, Channel, Decision, Share, class_of, decide
from zoo.actions import Offer
from zoo.errors import UnknownNameError, UsageError


@dataclass(frozen=True, slots=True)
class State:
    """A channel as it is.

    Attributes:
        model: whose.
        name: of the channel.
        protected: whether it takes only releases that were on another channel before.
        channel: what it offers.
        events: what happened to it, the oldest first.
        variants: by release, the names of its variants.
    """

    model: str
    name: str
    protected: bool
    channel: Channel
    events: tuple[Event, ...]
    variants: dict[str, tuple[str, ...]]


def states(registry: Reader, model: str | None = None, channel: str | None = None) -> list[State]:
    """Every channel, of one model or of all.

    Raises:
        UnknownNameError: no such model, or it has no channel of that name.
    """
    if model is not None and model not in registry.models():
        raise UnknownNameError("model", model, registry.models(), advice="List them with: zoo models")
    releases, found = registry.releases(), []
    known = registry.channels()
    for (owner, name), (protected, events) in known.items():
        if model in {None, owner} and channel in {None, name}:
            variants = {each: found for (whose, each), found in releases.items() if whose == owner}
            found.append(State(owner, name, protected, replay(events), events, variants))
    if channel is not None and not found:
        names = {name for owner, name in known if model in {None, owner}}
        raise UnknownNameError("channel", channel, names, advice="Release to it with: zoo promote")
    return found


def offered(
    state: State, device: DeviceProfile, key: str, installed: str = ""
) -> tuple[Decision, tuple[str, ...]]:
    """What a device gets from a channel, and the variants to choose from.

    Args:
        state: the channel.
        device: its profile.
        key: of the device; empty where it has none.
        installed: release that it has; empty where it has none.
    """
    decision = decide(state.channel, key, class_of(device), installed)
    return decision, () if decision.release is None else state.variants[decision.release]


def offer_of(channel: str | None, key: str) -> Offer | None:
    """What is offered on a channel; ``None`` for all that the registry has.

    Raises:
        UsageError: a key without a channel, which would change nothing.
    """
    if key and not channel:
        raise UsageError("a key tells the devices of a channel apart. Name the channel, too")
    return Offer(channel, key) if channel else None


def on_channel(
    registry: Reader, shelves: dict[str, Shelf], device: DeviceProfile, offer: Offer
) -> dict[str, Shelf]:
    """Of each model that has the channel, only the variants that it offers the device.

    Raises:
        UnknownNameError: none has it.
    """
    (model,) = shelves if len(shelves) == 1 else (None,)
    found = {}
    for state in states(registry, model, offer.channel):
        if state.model in shelves:
            _, names = offered(state, device, offer.key)
            shelf = shelves[state.model]
            variants = {name: each for name, each in shelf.variants.items() if name in names}
            rows = [row for row in shelf.rows if row.variant in variants]
            found[state.model] = replace(shelf, variants=variants, rows=rows)
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """A release that is to be on a channel.

    Attributes:
        model: whose.
        channel: where it goes.
        variants: names of what it consists of; empty where it is known already.
        release: its name; empty for one made of its variants, or for the newest on ``source``.
        source: channel that it comes from; empty where it comes from none.
        by: who does it; empty for the user of this machine.
    """

    model: str
    channel: str
    variants: tuple[str, ...] = ()
    release: str = ""
    source: str = ""
    by: str = ""


def release(path: Path, wanted: Wanted, share: Share = EVERYONE) -> State:
    """Give a release to everyone or to a share of the devices; where it is the newest on the channel, raise its shares.

    Raises:
        UsageError: nobody says which release is meant.
        ZooError: see `registry.releases.happen`.
    """
    from registry.releases import Place, happen  # noqa: PLC0415 - SQLModel loads only when something is written

    place = Place(wanted.model, wanted.channel)
    with Reader(path) as registry:
        name = _name(registry, wanted)
        before = replay(registry.channels().get((wanted.model, wanted.channel), (False, ()))[1])
    newest = before.newest
    if newest is not None and newest.release == name:
        other = [each for each in newest.shares if each.device_class != share.device_class]
        kept = tuple(each for each in other if not share.covers(each))
        event = Event(Verb.RAISE, name, _now(), _who(wanted.by), shares=(*kept, share))
    else:
        event = Event(Verb.RELEASE, name, _now(), _who(wanted.by), secrets.token_hex(8), (share,))
    happen(path, place, event, wanted.variants)
    return _state(path, place.model, place.channel)


def _name(registry: Reader, wanted: Wanted) -> str:
    if wanted.source:
        if wanted.variants or wanted.release:
            raise UsageError("--from takes the newest release of a channel. Leave variants and --release out")
        (state,) = states(registry, wanted.model, wanted.source)
        if state.channel.newest is None:
            raise UsageError(f"nothing is released on channel '{wanted.source}' of {wanted.model}")
        return state.channel.newest.release
    if wanted.release:
        return wanted.release
    if not wanted.variants:
        raise UsageError("say what is released: name its variants, or --release NAME, or --from CHANNEL")
    text = "\n".join(sorted(set(wanted.variants)))
    return f"{datetime.now(UTC):%Y-%m-%d}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def change(path: Path, model: str, channel: str, verb: Verb, by: str) -> State:
    """Halt, resume or roll back the newest release of a channel.

    Raises:
        UsageError: nothing is released on it.
        ZooError: see `registry.releases.happen`.
    """
    from registry.releases import Place, happen  # noqa: PLC0415 - SQLModel loads only when something is written

    with Reader(path) as registry:
        (state,) = states(registry, model, channel)
    newest = state.channel.newest
    if newest is None:
        raise UsageError(f"nothing is released on channel '{channel}' of {model}")
    happen(path, Place(model, channel), Event(verb, newest.release, _now(), _who(by)))
    return _state(path, model, channel)


def protect(path: Path, model: str, channel: str, *, protected: bool) -> State:
    """Say whether a channel takes only releases that were on another channel before."""
    from registry import releases  # noqa: PLC0415 - SQLModel loads only when something is written

    releases.protect(path, releases.Place(model, channel), protected=protected)
    return _state(path, model, channel)


def _state(path: Path, model: str, channel: str) -> State:
    with Reader(path) as registry:
        (state,) = states(registry, model, channel)
    return state


def _who(by: str) -> str:
    return by or getpass.getuser()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
