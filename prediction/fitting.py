"""Fits the model to the registry's measurements: ``python -m prediction.fitting`` writes ``data/fitted.json``."""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import lapack

from device_profiles.loading import load_profiles
from prediction.design import Design, Matrix
from prediction.model import DOMAINS, Domain, Fitted, domain_of
from prediction.query import Observation
from prediction.validation import Trial, trials, widths
from prediction.words import query_of_measurement
from registry.texts import read_texts

PATH = Path(__file__).parent / "data" / "fitted.json"


def observations() -> list[Observation]:
    """Every measurement of the registry's text tables that counts."""
    profiles = {each.id: each for each in load_profiles()}
    texts = read_texts(profiles)
    return [
        Observation(
            query_of_measurement(texts.variants[row.variant], row, profiles[row.device]), row.latency_ms
        )
        for row in texts.measurements
        if row.latency_ms and not row.excluded and row.device in profiles
    ]


def in_domain(rows: Iterable[Observation], domain: str) -> list[Observation]:
    """The rows that a domain learns from."""
    return [row for row in rows if row.query.profile is not None and domain_of(row.query) == domain]


def fit_domain(rows: Sequence[Observation], settings: Mapping[str, Any]) -> tuple[Domain, list[Trial]]:
    """Fit one domain with the ``settings`` that `prediction.tuning` found; its intervals come from its own trials."""
    design = Design.of(rows)
    variances, noise = settings["variances"], settings["noise"]
    costs = {name: tuple(each) for name, each in settings["costs"].items()}
    target = design.over(costs)
    odd = design.odd(target)
    target = target - np.array([odd.get(design.jobs[what].net, 0.0) for _, what in design.pairs])
    mean = float(target.mean())
    inverse = inverse_of(design.covariance(variances, noise))
    weights = inverse @ (target - mean)
    found = trials(design, inverse, weights, odd)
    numbers = zip(design.where.tolist(), design.what.tolist(), weights.tolist(), strict=True)
    kept = tuple((place, job, float(f"{weight:.7g}")) for place, job, weight in numbers)
    domain = Domain(mean, costs, noise, variances, design.places, design.jobs, kept, odd, widths(found))
    return domain, found


def fit(rows: Iterable[Observation]) -> tuple[Fitted, dict[str, list[Trial]]]:
    """Fit every domain.

    Returns:
        The model, and by domain what it guessed of rows that it was not shown.
    """
    rows = list(rows)
    settings = json.loads(
        (resources.files("prediction") / "data" / "variances.json").read_text(encoding="utf-8")
    )
    domains, found = {}, {}
    for name in DOMAINS:
        domains[name], found[name] = fit_domain(in_domain(rows, name), settings[name])
    return Fitted(domains), found


def inverse_of(covariance: Matrix) -> Matrix:
    """The inverse of a covariance, in whose place it may be made."""
    low, failed = lapack.dpotrf(covariance, lower=1, overwrite_a=1)
    if failed:
        raise ValueError(f"the covariance is not positive definite at row {failed}")
    inverse, _ = lapack.dpotri(low, lower=1, overwrite_c=1)
    full: Matrix = np.tril(inverse) + np.tril(inverse, -1).T
    return full


def main() -> None:
    """Write the shipped model."""
    fitted, _ = fit(observations())
    PATH.write_text(fitted.to_json() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
