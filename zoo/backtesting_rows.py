"""Predicts every row of the fit without itself.

The registry's model is asked with a block of rows left out, which is exact (`prediction.validation`); nothing is fitted
again.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from device_profiles.profile import Processor
from registry.reader import Reader
from zoo.backtesting import Backtest, Case, Held, is_phone
from zoo.errors import needing
from zoo.predictor import Predictions

if TYPE_CHECKING:
    from prediction.model import Domain
    from prediction.repeats import Noise
    from prediction.trial import Guess

_MEASURED = ("-same", "-net")  # classes of evidence that say that somebody measured the net

Watch = Callable[[str], None]


def backtest(
    registry: Reader, cases: Sequence[Case], processors: Collection[Processor], watch: Watch
) -> Backtest:
    """Predict every row that the registry's model was fitted to, without it.

    Args:
        registry: whose model and measurements count.
        cases: which to tell; none means all.
        processors: only these; none means all.
        watch: told what is done next.

    Raises:
        MissingExtraError: numpy or scipy is not installed.
        RegistryError: the registry has no model, or lacks rows that it was fitted to.
    """
    with needing("predict", "backtesting"):
        from prediction import holding_back  # noqa: F401, PLC0415
        from prediction.model import DOMAINS  # noqa: PLC0415 - only who asks pays for it
    rows, held = _rows(registry), []
    for name, domain in Predictions(registry).fitted.domains.items():
        if not processors or set(processors) & set(DOMAINS[name]):
            watch(f"leaving rows out: {name}")
            held += _held(domain, [each for each in rows if each.row.processor in DOMAINS[name]])
    asked = [each for each in held if not processors or each.row.processor in processors]
    return Backtest(tuple(asked), tuple(cases or Case), _noise(asked))


def _rows(registry: Reader) -> list[Held]:
    """Every row with a latency, not yet predicted."""
    variants = registry.variants(specs=False)
    profiles = {each.id: each for each in registry.devices()}
    return [
        Held(row, row.latency_ms, variants[row.variant], profiles[row.device], {})
        for row in registry.measurements()
        if row.latency_ms and not row.excluded
    ]


def _held(domain: "Domain", rows: Sequence[Held]) -> list[Held]:
    """The rows of ``domain`` with their guesses."""
    from prediction.backtesting import guesses  # noqa: PLC0415 - only who asks pays for it
    from prediction.holding_back import fitted_rows, held_back  # noqa: PLC0415
    from prediction.jobs import Job  # noqa: PLC0415

    observations = [each.observation for each in rows]
    chosen = fitted_rows(domain, observations)
    sizes = {index: Job.of(observations[index].query).known for index in chosen}
    found: dict[int, dict[str, Guess]] = defaultdict(dict)
    fitted = [observations[index] for index in chosen]
    for each in guesses(held_back(domain, fitted), fitted):
        index = chosen[each.trial.row]
        if sizes[index] or each.trial.basis.endswith(_MEASURED):
            found[index][each.trial.case] = each
    return [replace(rows[index], guesses=found[index]) for index in chosen]


def _noise(held: Iterable[Held]) -> dict[Processor, "Noise"]:
    from prediction.places import Place  # noqa: PLC0415 - only who asks pays for it
    from prediction.repeats import Noise, differences  # noqa: PLC0415

    parts: dict[Processor, list[tuple[Place, str, float]]] = defaultdict(list)
    for each in held:
        if is_phone(each.profile):
            place = Place.of(each.observation.query)
            parts[each.row.processor].append((place, each.variant.name, each.latency_ms))
    return {name: Noise.of(differences(rows)) for name, rows in sorted(parts.items())}
