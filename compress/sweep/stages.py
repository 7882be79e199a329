"""A stage: one job of a sweep, named by the digest of all that decides its result."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Stage:
    """One job.

    Attributes:
        kind: of job, such as ``step``.
        title: for people.
        spec: all that the job is told, as JSON has it; its seed is in it.
        parents: keys of the stages whose files it reads, by role.
        weight: how much work it is, in units that its kind shares.
        pace: stages of one pace take about the same time a unit of work.
        key: digest of kind, spec and parents.
    """

    kind: str
    title: str
    spec: Mapping[str, Any]
    parents: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0
    pace: str = ""
    key: str = field(init=False)

    def __post_init__(self) -> None:
        """Take the digest.

        Raises:
            ValueError: the spec has a NaN or an infinity.
            TypeError: the spec is more than JSON has.
        """
        object.__setattr__(self, "key", digest(self.kind, self.spec, self.parents))


def digest(kind: str, spec: Mapping[str, Any], parents: Mapping[str, str]) -> str:
    """SHA-256 over the canonical JSON (sorted keys, no blanks) of what decides a stage's result."""
    told = {"kind": kind, "spec": spec, "parents": dict(parents)}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def ordered(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """Each stage once, after its parents, otherwise in the order in which they are given.

    Raises:
        ValueError: a parent is not among them.
    """
    given = {each.key: each for each in reversed(tuple(stages))}
    given = dict(reversed(given.items()))
    missing = [
        f"{each.title}: {role}"
        for each in given.values()
        for role, key in each.parents.items()
        if key not in given
    ]
    if missing:
        raise ValueError(f"parents that are no stages: {', '.join(missing)}")
    found: dict[str, Stage] = {}
    left = list(given.values())
    while left:  # a key has its parents' keys in it, so there are no circles
        place = next(
            place for place, each in enumerate(left) if all(key in found for key in each.parents.values())
        )
        each = left.pop(place)
        found[each.key] = each
    return tuple(found.values())
