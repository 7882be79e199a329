"""Fits the model to the registry's measurements: ``python -m prediction.fitting``."""

import math
from collections.abc import Iterable
from pathlib import Path

from device_profiles.loading import load_profiles
from prediction.model import Fitted, _size, key_of
from prediction.query import Observation
from prediction.words import query_of_measurement
from registry.texts import read_texts


def observations() -> list[Observation]:
    """Every measurement of the registry's text tables that counts, on anything but microcontrollers."""
    profiles = {each.id: each for each in load_profiles()}
    texts = read_texts(profiles)
    return [
        Observation(
            query_of_measurement(texts.variants[row.variant], row, profiles[row.device]), row.latency_ms
        )
        for row in texts.measurements
        if row.latency_ms and not row.excluded and row.device in profiles
    ]


def fit(rows: Iterable[Observation]) -> Fitted:
    """Fit the model."""
    groups: dict[str, list[tuple[float, float]]] = {}
    general: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        size = _size(row.query)
        if size is not None:
            point = (round(size, 4), round(math.log(row.latency_ms), 4))
            groups.setdefault(key_of(row.query), []).append(point)
            general.setdefault(row.query.processor, []).append(point)
    return Fitted(groups, {key: each[::20] for key, each in general.items()})


def main() -> None:
    """Write the shipped model."""
    path = Path(__file__).parent / "data" / "fitted.json"
    path.write_text(fit(observations()).to_json() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
