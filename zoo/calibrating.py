"""A few measured rows sharpen what is predicted for a device, in a registry of the user's own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from device_profiles.profile import DeviceProfile
from registry.reader import Reader
from zoo.errors import BadTableError, UsageError
from zoo.predicting_tables import TRUTH, Watch, devices_of, read_table
from zoo.predictor import LATENCY, Predictions

if TYPE_CHECKING:
    from prediction.model import Fitted
    from prediction.query import Observation, Prediction
    from zoo.actions import Target

FEWEST = 3
"""Measured rows that sharpen predictions, at least."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A measured row beside what was predicted of it.

    Attributes:
        row: number of its line in the table, from 2 on.
        net: its name.
        measured_ms: what was measured.
        before_ms: what was predicted without any of the rows.
        after: what is predicted with all rows but this one.
    """

    row: int
    net: str
    measured_ms: float
    before_ms: float
    after: "Prediction"

    @property
    def is_outside(self) -> bool:
        """Whether it lies outside the interval that the other rows give."""
        return not self.after.low_ms <= self.measured_ms <= self.after.high_ms


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a few measured rows gave.

    Attributes:
        device: name of the device.
        folds: one a row, in the order of the table.
        repeated: line numbers of rows that ask the same as one before them; they count, too.
        skipped: line numbers of rows without a use, with the reason.
        places: runtimes and processors that were sharpened, in words.
    """

    device: str
    folds: tuple[Fold, ...]
    repeated: tuple[int, ...]
    skipped: tuple[tuple[int, str], ...]
    places: tuple[str, ...]


def calibrate(path: Path, target: "Target", source: str, watch: Watch) -> Calibrated:
    """Sharpen the model of the registry at ``path`` with rows that were measured on a device.

    Args:
        path: a registry of the user's own; its model is replaced.
        target: the device; rows that name another one are skipped.
        source: path of the table, or ``-``: the columns of `predict_table` and ``latency_ms``.
        watch: told how far the check is.

    Raises:
        BadTableError: the table cannot be read, or has too few rows.
        UsageError: only the chip of the device was named.
        RegistryError: it has no model, or cannot be written.
    """
    from registry import store  # noqa: PLC0415 - SQLModel loads only when something is written

    if not target.own:
        raise UsageError(
            f"'{target.match.device}' was only found by its {target.match.by}. Name the very device that was measured"
        )
    from prediction.query import Prediction  # noqa: PLC0415 - only who predicts pays for it

    with Reader(path) as registry:
        fitted, devices = Predictions(registry).fitted, devices_of(registry)
    rows, skipped = _observations(source, target, devices, fitted)
    if len(rows) < FEWEST:
        why = (
            f"; of {len(skipped)} more, the first is row {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        )
        raise BadTableError(
            source, f"{len(rows)} of its rows can be used, but {FEWEST} or more are wanted{why}"
        )
    folds = []
    for place, (number, row) in enumerate(rows):
        others = [each for _, each in rows[:place] + rows[place + 1 :]]
        before, after = fitted.predict(row.query), fitted.calibrated(others).predict(row.query)
        if isinstance(before, Prediction) and isinstance(after, Prediction):
            folds.append(Fold(number, row.query.net, row.latency_ms, before.value_ms, after))
        watch(place + 1, len(rows))
    queries = [row.query for _, row in rows]  # profiles in them have no hash
    repeated = [number for place, (number, row) in enumerate(rows) if row.query in queries[:place]]
    store.keep_predictor(path, LATENCY, fitted.calibrated([each for _, each in rows]).to_json())
    places = sorted({f"{each.query.runtime} on the {each.query.processor}" for _, each in rows})
    return Calibrated(target.profile.name, tuple(folds), tuple(repeated), tuple(skipped), tuple(places))


def _observations(
    source: str, target: "Target", devices: Callable[[str, str], DeviceProfile | None], fitted: "Fitted"
) -> "tuple[list[tuple[int, Observation]], list[tuple[int, str]]]":
    """Rows with a latency of the device by line number, and why others are of no use."""
    from prediction.query import Observation, Unknown  # noqa: PLC0415 - only who predicts pays for it
    from prediction.words import query_of  # noqa: PLC0415

    columns, rows = read_table(source, ("model", "processor", TRUTH))
    good: list[tuple[int, Observation]] = []
    skipped: list[tuple[int, str]] = []
    for number, cells in rows:
        told = dict(zip(columns, cells, strict=True))
        named = told.get("device", "").strip()
        other = devices(named, "") if named else target.profile
        if other is None or other.id != target.profile.id:
            skipped.append((number, f"its device is '{named}', not {target.profile.id}"))
            continue
        query = query_of({**told, "device": target.profile.id, "soc": ""}, lambda *_: target.profile)
        latency = _positive(told[TRUTH])
        if latency is None:
            skipped.append((number, f"latency_ms is '{told[TRUTH]}', but milliseconds above zero are wanted"))
        elif isinstance(query, Unknown):
            skipped.append((number, query.reason))
        elif isinstance(found := fitted.predict(query), Unknown):
            skipped.append((number, found.reason))
        else:
            good.append((number, Observation(query, latency)))
    return good, skipped


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None
