"""The fitted model: plain numbers, and what follows from them in plain Python."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Self

from prediction.nets import workload
from prediction.query import Observation, Prediction, Query, Unknown

Row = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Everything that predictions need.

    Attributes:
        groups: sums of a group's rows by its key (device, runtime, era, processor, threads, cores).
        general: the same of all rows of a processor.
        spread: standard deviation of the logarithm.
    """

    groups: dict[str, list[Row]]
    general: dict[str, list[Row]]
    spread: float = 0.5

    def predict(self, query: Query) -> Prediction | Unknown:
        """Answer ``query``."""
        size = _size(query)
        if size is None:
            return Unknown(f"neither parameters nor MACs are known of net '{query.net}'")
        rows = self.groups.get(key_of(query), [])
        basis = f"{len(rows)} measurements on this device"
        if not rows:
            rows = self.general.get(query.processor, [])
            basis = f"{query.processor} of other devices"
        if not rows:
            return Unknown(f"no measurement on any {query.processor}")
        weights = [1 / (0.1 + abs(one - size)) for one, _ in rows]
        guess = sum(w * (two + size - one) for w, (one, two) in zip(weights, rows, strict=True)) / sum(
            weights
        )
        wide = 1.645 * self.spread
        return Prediction(math.exp(guess), math.exp(guess - wide), math.exp(guess + wide), basis)

    def calibrated(self, rows: Iterable[Observation]) -> Self:
        """The same, sharpened by measurements."""
        groups = {key: list(value) for key, value in self.groups.items()}
        for row in rows:
            size = _size(row.query)
            if size is not None:
                groups.setdefault(key_of(row.query), []).append((size, math.log(row.latency_ms)))
        return replace(self, groups=groups)

    def to_json(self) -> str:
        """As text; `from_json` is the inverse."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        for part in ("groups", "general"):
            data[part] = {key: [tuple(row) for row in rows] for key, rows in data[part].items()}
        return cls(**data)


def key_of(query: Query) -> str:
    """The group that a query belongs to."""
    return "|".join(
        str(each)
        for each in (query.device, query.runtime, query.era, query.processor, query.threads, query.cores)
    )


def _size(query: Query) -> float | None:
    work = workload(query)
    if work.macs:
        return math.log(work.macs)
    return math.log(work.params * 50) if work.params else None


@cache
def load() -> Fitted:
    """The model that this package ships."""
    return Fitted.from_json(
        (resources.files("prediction") / "data" / "fitted.json").read_text(encoding="utf-8")
    )
