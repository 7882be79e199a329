"""Writes docs/rollouts.json: cases that every implementation of `registry.rollouts` must answer alike.

Run it after a change of the rule, which should never happen: devices in the field hold the old one.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry.channels import Event, Verb, after, replay
from registry.rollouts import (
    BUCKETS,
    Channel,
    DeviceClass,
    Rollout,
    Share,
    bucket,
    decide,
    parse_class,
    parse_percent,
    shares_to_json,
    to_json,
)
from zoo.errors import ZooError

PAGE = Path(__file__).parents[1] / "docs" / "rollouts.json"
FORMAT = 1
SALTS = ("0f3c9a7e-stable", "5d41402abc4b2a76", "beta.2026_12", "a" * 128)
KEYS = (
    "0", "7", "device-0", "device-1", "Device-1", "device-1 ", " device-1", "a1b2c3", "a:b", ":", "::", "gerät 7",
    "gera\u0308t 7", "設備", "📱", "\u0000", "line\nbreak", "9f86d081-884c-4d63-a1f5-1b0c2d3e4f50",
    "9F86D081-884C-4D63-A1F5-1B0C2D3E4F50", "k" * 256,
)  # fmt: skip
PERCENTS = (
    "0", "0.01", "0.1", "1", "1%", "1.5", "01", " 5 ", "12.5", "12.50", "99.99", "100", "100.00", "100%", "100.01",
    "101", "0.001", "-1", "+1", "", "%", "5 %", ".5", "5.", "1e2", "1,5", "\u0665", "ten",
)  # fmt: skip
CLASSES = ("kind=phone", "kind=phone,tier=high", "soc=sdm845", "device=pixel3", "kind=mcu", "tier=low")
PHONE = parse_class("kind=phone,tier=high,soc=sdm845,device=pixel3")
FACTS = (
    parse_class("kind=phone,tier=high,soc=sdm845,device=pixel3"),
    parse_class("kind=phone,tier=low,soc=sdm429,device=other-phone"),
    parse_class("kind=mcu,tier=low,soc=nrf52840,device=board"),
    parse_class("kind=phone"),
    DeviceClass(),
)


def key_of(salt: str, wanted: int) -> str:
    """The first of ``key-0``, ``key-1``, ... in that bucket."""
    return next(key for count in itertools.count() if bucket(salt, key := f"key-{count}") == wanted)


def buckets() -> Iterator[dict[str, Any]]:
    """Salts, keys and their buckets, the ends among them."""
    ends = [(salt, key_of(salt, end)) for salt in SALTS[:2] for end in (0, 1, 99, 100, BUCKETS - 1)]
    for salt, key in [*itertools.product(SALTS, KEYS), *ends]:
        yield {"salt": salt, "key": key, "bucket": bucket(salt, key)}


def percents() -> Iterator[dict[str, Any]]:
    """Percentages and their buckets; ``null`` for what is none."""
    for text in PERCENTS:
        try:
            yield {"percent": text, "buckets": parse_percent(text)}
        except ZooError:
            yield {"percent": text, "buckets": None}


def classes() -> Iterator[dict[str, Any]]:
    """Classes, and the devices that they include."""
    for one, facts in itertools.product([*map(parse_class, CLASSES), DeviceClass()], FACTS):
        yield {"class": one.facts, "facts": facts.facts, "includes": one.includes(facts)}


def channels() -> Iterator[Channel]:
    """Every state that a channel can be in, one above another."""
    first = Rollout("r1", SALTS[0])
    small = Share(parse_percent("5"))
    phones = Share(parse_percent("50"), parse_class("kind=phone"))
    strong = Share(BUCKETS, parse_class("kind=phone,tier=high"))
    yield Channel()
    for shares in (
        (small,),
        (Share(0),),
        (phones,),
        (strong,),
        (small, phones),
        (strong, small),
        (Share(BUCKETS),),
    ):
        for halted in (False, True):
            second = Rollout("r2", SALTS[1], shares, halted)
            yield Channel((second,))
            yield Channel((first, second))
    halted = Rollout("r2", SALTS[1], (phones,), halted=True)
    yield Channel((first, halted, Rollout("r3", SALTS[2], (small,))))
    yield Channel((first, halted, Rollout("r3", SALTS[2])))


def decisions() -> Iterator[dict[str, Any]]:
    """Devices on both sides of every limit, and what they get of a channel, by its place in the list of channels."""
    for place, channel in enumerate(channels()):
        newest = channel.newest
        keys = [key_of(newest.salt, each) for each in (499, 500, 4999, 5000)] if newest else ["key-0"]
        for key, facts, installed in itertools.product([*keys, ""], FACTS[:3], ("", "r2", "gone")):
            found = decide(channel, key, facts, installed)
            yield {
                "channel": place, "key": key, "facts": facts.facts, "installed": installed,
                "release": found.release, "because": found.because,
            }  # fmt: skip


def event(verb: Verb, release: str, salt: str = "", percent: str = "", of: str = "") -> Event:
    """Build one of the events below."""
    shares = (Share(parse_percent(percent), parse_class(of) if of else DeviceClass()),) if percent else ()
    return Event(verb, release, "2026-12-01T12:00:00Z", "release-engineer", salt, shares)


R1 = event(Verb.RELEASE, "r1", SALTS[0], "100")
R2 = event(Verb.RELEASE, "r2", SALTS[1], "5")
R3 = event(Verb.RELEASE, "r3", SALTS[2], "1", "kind=phone")
HALT, RESUME, BACK = (event(verb, "r2") for verb in (Verb.HALT, Verb.RESUME, Verb.ROLLBACK))
RAISED, FULL = event(Verb.RAISE, "r2", percent="20"), event(Verb.RAISE, "r2", percent="100")
STORIES = {
    "a promotion": [R1],
    "a first release by percentage": [R2],
    "a rollout to the end": [R1, R2, RAISED, FULL],
    "the same raise twice": [R1, R2, RAISED, RAISED],
    "halted and resumed": [R1, R2, HALT, RESUME],
    "halted twice": [R1, R2, HALT, HALT],
    "halted when complete": [R1, R2, FULL, HALT],
    "rolled back half way": [R1, R2, RAISED, BACK],
    "rolled back when complete": [R1, R2, FULL, BACK],
    "rolled back when halted": [R1, R2, HALT, BACK],
    "rolled back to the first of three": [R1, R2, FULL, R3, event(Verb.ROLLBACK, "r3"), BACK],
    "the first release rolled back": [R1, event(Verb.ROLLBACK, "r1")],
    "a fix over a halted release": [R1, R2, HALT, R3],
    "released again after a rollback": [R1, R2, BACK, event(Verb.RELEASE, "r2", SALTS[3], "1")],
    "refused: lowered": [R1, R2, RAISED, event(Verb.RAISE, "r2", percent="19.99")],
    "refused: raised for fewer classes": [R1, R2, event(Verb.RAISE, "r2", percent="50", of="kind=phone")],
    "refused: raised while halted": [R1, R2, HALT, RAISED],
    "refused: a third release while the second is on its way": [R1, R2, R3],
    "refused: a release that is there": [R1, R2, FULL, event(Verb.RELEASE, "r1", SALTS[3], "100")],
    "refused: a salt used twice": [R1, event(Verb.RELEASE, "r2", SALTS[0], "5")],
    "refused: halted though not the newest": [R1, R2, event(Verb.HALT, "r1")],
    "refused: two rollbacks of one release": [R1, R2, BACK, BACK],
    "refused: nothing to roll back": [BACK],
}


def histories() -> Iterator[dict[str, Any]]:
    """Events, and the channel after them; ``null`` where the last of them is refused."""
    for story, events in STORIES.items():
        *before, last = events
        channel = replay(before)
        try:
            end = to_json(after(channel, last))
        except ZooError:
            end = None
        told = [
            {
                "verb": each.verb,
                "release": each.release,
                "salt": each.salt,
                "shares": shares_to_json(each.shares),
            }
            for each in events
        ]
        yield {"story": story, "events": told, "channel": end}


def text() -> str:
    """The file: one case a line."""
    parts = {"buckets": buckets(), "percents": percents(), "classes": classes(),
             "channels": map(to_json, channels()), "decisions": decisions(), "histories": histories()}  # fmt: skip
    listed = (
        f' "{name}": [\n' + ",\n".join(f"  {json.dumps(case)}" for case in cases) + "\n ]"
        for name, cases in parts.items()
    )
    return f'{{\n "format": {FORMAT},\n' + ",\n".join(listed) + "\n}\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
