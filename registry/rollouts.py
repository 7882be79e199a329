"""Which release of a channel a device gets; a pure function of values, the same on a server and in an app.

A device falls into one of 10,000 buckets, by a hash of the rollout's salt and of a key of its own. A rollout admits the
buckets below a limit, so raising the limit only ever adds devices; another salt deals the devices anew. No I/O, no
clock, no chance: the rule can be signed and published, and whoever has it gets the same answer. `registry.channels`
says how a rule comes about. Vectors for other languages are in ``docs/rollouts.json``.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

from device_profiles.profile import DeviceProfile, Kind, Tier
from zoo.errors import UnknownNameError, UsageError

BUCKETS = 10_000
LONGEST_KEY = 256  # characters
LONGEST_NAME = 200
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%?")
# no colon: it divides salt and key, and no two pairs may look alike
_SALT = re.compile(r"[A-Za-z0-9._-]{8,128}")
_FORBID_EXTRA = {"extra": "forbid"}


def bucket(salt: str, key: str) -> int:
    """Deal a device into a bucket, from 0 to 9,999.

    The first 8 bytes of the SHA-256 of ``salt:key`` in UTF-8, as a big-endian number, modulo 10,000. Of 2^64 numbers
    no bucket gets one more than another by over 1 in 10^15.

    Args:
        salt: of the rollout; see `Rollout`.
        key: of the device; any text of 1 to 256 characters that stays the same, taken as it is.

    Raises:
        UsageError: the key is empty, too long or no Unicode text.
    """
    if not 0 < len(key) <= LONGEST_KEY:
        raise UsageError(f"a device key has 1 to {LONGEST_KEY} characters, found {len(key)}")
    try:
        text = f"{salt}:{key}".encode()
    except UnicodeEncodeError as problem:
        raise UsageError(f"the device key {key!r:.60} is no Unicode text") from problem
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % BUCKETS


def parse_percent(text: str) -> int:
    """Turn a percentage such as ``5``, ``12.5`` or ``0.01%`` into a number of buckets.

    Raises:
        UsageError: it is no percentage from 0 to 100, or finer than a bucket (0.01 percent).
    """
    match = _PERCENT.fullmatch(text.strip())
    buckets = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else BUCKETS + 1
    if buckets > BUCKETS:
        raise UsageError(
            f"'{text:.60}' is no percentage from 0 to 100 with at most two decimals, such as 12.5"
        )
    return buckets


def percent(buckets: int) -> str:
    """Write a number of buckets as a percentage, such as ``12.5``; the shortest that `parse_percent` takes."""
    whole, rest = divmod(buckets, 100)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """What devices have in common; a fact left out leaves it open, so the empty class is every device.

    Attributes:
        kind: what they are.
        tier: how strong they are among their kind.
        soc: id of their chip, such as ``sdm845``.
        device: id of their profile, such as ``pixel3``.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID_EXTRA

    kind: Kind | None = None
    tier: Tier | None = None
    soc: str = ""
    device: str = ""

    def includes(self, other: "DeviceClass") -> bool:
        """Whether all of ``other`` are of this class, as far as its facts say."""
        return all(
            not mine or mine == theirs
            for mine, theirs in (
                (self.kind, other.kind),
                (self.tier, other.tier),
                (self.soc, other.soc),
                (self.device, other.device),
            )
        )

    @property
    def facts(self) -> dict[str, str]:
        """The facts it gives, by name."""
        return {name: str(fact) for name, fact in asdict(self).items() if fact}

    def __str__(self) -> str:
        """Return what `parse_class` reads, or ``every device``."""
        return ",".join(f"{name}={fact}" for name, fact in self.facts.items()) or "every device"


def class_of(profile: DeviceProfile) -> DeviceClass:
    """All facts of one device that a class can ask for."""
    return DeviceClass(profile.kind, profile.tier, profile.soc.id, profile.id)


def parse_class(text: str) -> DeviceClass:
    """Read a class such as ``kind=phone,tier=high`` or ``soc=sdm845``.

    Ids of chips and devices are not looked up here.

    Raises:
        UsageError: it is no list of facts, or gives one twice.
        UnknownNameError: a fact, kind or tier of that name does not exist.
    """
    facts: dict[str, str] = {}
    known = [each.name for each in fields(DeviceClass)]
    for part in text.split(","):
        name, equals, fact = (each.strip() for each in part.partition("="))
        if not equals or not fact or name in facts:
            raise UsageError(f"'{text:.60}' is no class of devices such as kind=phone,tier=high")
        if name not in known:
            raise UnknownNameError("fact of a class", name, known, f"Give one of: {', '.join(known)}")
        facts[name] = fact
    kind, tier = facts.pop("kind", None), facts.pop("tier", None)
    return DeviceClass(kind and _word(Kind, kind), tier and _word(Tier, tier), **facts)  # type: ignore[arg-type]


def _word(words: type[Kind] | type[Tier], text: str) -> Kind | Tier:
    try:
        return words(text)
    except ValueError as problem:
        name = words.__name__.lower()
        raise UnknownNameError(name, text, list(words), f"Give one of: {', '.join(words)}") from problem


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a class a rollout admits.

    Attributes:
        buckets: the buckets below this number; 100 are one percent.
        device_class: of whom.

    Raises:
        UsageError: there are fewer buckets than none or more than all.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID_EXTRA

    buckets: int
    device_class: DeviceClass = DeviceClass()

    def __post_init__(self) -> None:
        """Check it."""
        if not 0 <= self.buckets <= BUCKETS:
            raise UsageError(f"a share has 0 to {BUCKETS} buckets, found {self.buckets}")

    def covers(self, other: "Share") -> bool:
        """Whether whoever ``other`` admits is admitted here, too."""
        return self.buckets >= other.buckets and self.device_class.includes(other.device_class)

    def __str__(self) -> str:
        """Return such as ``12.5 % of kind=phone``."""
        return f"{percent(self.buckets)} % of {self.device_class}"


EVERYONE = Share(BUCKETS)


@dataclass(frozen=True, slots=True)
class Rollout:
    """One release on its way to the devices of a channel.

    Attributes:
        release: its name; what is in it, others know.
        salt: deals the devices into buckets. Every rollout has one of its own, random and made once: otherwise the same
            devices would always be the first.
        shares: whom it admits; a device that any of them admits is admitted.
        halted: whether nobody gets it who does not have it.

    Raises:
        UsageError: a name or a salt that cannot be one.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID_EXTRA

    release: str
    salt: str
    shares: tuple[Share, ...] = (EVERYONE,)
    halted: bool = False

    def __post_init__(self) -> None:
        """Check it."""
        if not (0 < len(self.release) <= LONGEST_NAME and self.release.isprintable()):
            raise UsageError(
                f"{self.release!r:.60} is no name of a release: wanted 1 to {LONGEST_NAME} printable characters"
            )
        if not _SALT.fullmatch(self.salt):
            raise UsageError(
                f"{self.salt!r:.60} is no salt: wanted 8 to 128 letters, digits, dots, dashes and underscores"
            )

    @property
    def is_complete(self) -> bool:
        """Whether every device is admitted now."""
        return not self.halted and EVERYONE in self.shares

    def limit(self, facts: DeviceClass) -> int:
        """The number of buckets admitted of devices with these facts."""
        return max((each.buckets for each in self.shares if each.device_class.includes(facts)), default=0)

    def admits(self, key: str, facts: DeviceClass) -> bool:
        """Whether the device with this key and these facts is in one of the shares; a halt does not count.

        One without a key is in a share of all buckets only.
        """
        limit = self.limit(facts)
        if limit in {0, BUCKETS} or not key:
            return limit == BUCKETS
        return bucket(self.salt, key) < limit


@dataclass(frozen=True, slots=True)
class Channel:
    """What one channel offers of one model.

    Attributes:
        rollouts: those not rolled back, the oldest first; the last is the newest.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID_EXTRA

    rollouts: tuple[Rollout, ...] = ()

    @property
    def newest(self) -> Rollout | None:
        """The rollout that can be raised, halted and rolled back; ``None`` where nothing was released."""
        return self.rollouts[-1] if self.rollouts else None

    @property
    def reachable(self) -> "Channel":
        """The same for every device, without what lies below the newest complete rollout: what a client needs."""
        complete = [place for place, each in enumerate(self.rollouts) if each.is_complete]
        return Channel(self.rollouts[complete[-1] if complete else 0 :])


class Because(StrEnum):
    """Why a device gets a release.

    ``kept``: it has it, and it was not rolled back. ``everyone``: every device gets it. ``admitted``: its bucket is in
    a share. ``nothing``: there is no release for it.
    """

    KEPT = "kept"
    EVERYONE = "everyone"
    ADMITTED = "admitted"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a device gets.

    Attributes:
        release: its name; ``None`` where there is none for it.
        because: why.
    """

    release: str | None
    because: Because


def decide(channel: Channel, key: str, facts: DeviceClass, installed: str = "") -> Decision:
    """Say which release a device gets: from the newest down, the first that it has or that admits it.

    Args:
        channel: what is offered.
        key: of the device, see `bucket`; empty where it has none, and then it gets only what all of its class get.
        facts: see `class_of`.
        installed: the release that it says it has; empty where it has none. It keeps that one until it is rolled back
            or a newer one admits it, whatever is halted.

    Raises:
        UsageError: the key cannot be one.
    """
    for rollout in reversed(channel.rollouts):
        if rollout.is_complete:
            return Decision(rollout.release, Because.EVERYONE)
        if not rollout.halted and rollout.admits(key, facts):
            return Decision(rollout.release, Because.ADMITTED)
        if rollout.release == installed:
            return Decision(rollout.release, Because.KEPT)
    return Decision(None, Because.NOTHING)


def to_json(channel: Channel) -> dict[str, Any]:
    """The rule as it is published: numbers, texts, lists and objects."""
    return {
        "rollouts": [
            {
                "release": each.release,
                "salt": each.salt,
                "shares": shares_to_json(each.shares),
                "halted": each.halted,
            }
            for each in channel.rollouts
        ]
    }


def shares_to_json(shares: tuple[Share, ...]) -> list[dict[str, Any]]:
    """Shares as they are published."""
    return [{"buckets": each.buckets, "device_class": each.device_class.facts} for each in shares]


def from_json(text: str) -> Channel:
    """Read what `to_json` gave, as JSON text.

    Raises:
        UsageError: it is no such text; the message says where and why.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - deciding does not need it

    try:
        return TypeAdapter(Channel).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the text"
        raise UsageError(
            f"bad rule of a channel: {where}: {first['msg']}, found {first['input']!r:.60}"
        ) from error


def shares_from_json(text: str) -> tuple[Share, ...]:
    """Rebuild shares from the JSON text of `shares_to_json`: for data this project wrote.

    Raises:
        ValueError, KeyError, TypeError: it is something else.
    """
    return tuple(
        Share(
            each["buckets"],
            parse_class(",".join(f"{name}={fact}" for name, fact in each["device_class"].items())),
        )
        if each["device_class"]
        else Share(each["buckets"])
        for each in json.loads(text)
    )
