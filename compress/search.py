"""A search for the nets that are worth having: Optuna proposes, budgets refuse, short trainings judge.

The search knows neither torch nor data: what a net costs and how good it is are asked of the caller. Every proposal
comes of a sampler that is seeded with the search's seed and the number of nets that were looked at before, and what
was found lies in a journal: so a search that was killed and goes on finds the same as one that was not.
"""

import hashlib
import json
import os
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compress.recipes.space import ARCHITECTURE, Candidate, Space
from compress.sweep.store import Store
from zoo.errors import MissingExtraError, SweepError, TrainingError

_STRIDE = 1_000_003  # between the seeds of two searches: more than nets of any space
_SEEDS = 2**32
_COST, _REASON = "cost", "reason"
JOURNAL = "search.journal"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a net costs.

    Attributes:
        value: what the budget is compared with, in the search's unit.
        macs: multiply-accumulates of one inference.
        params: weights and biases, with batch norms folded.
        size_bytes: of weights in their bits, their scales, and everything else in floats, without a file around them.
    """

    value: float
    macs: int
    params: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A net that was tried.

    Attributes:
        candidate: the net.
        cost: of it.
        accuracy: after its short training, on samples that were held out, in percent.
    """

    candidate: Candidate
    cost: Cost
    accuracy: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A net that could not be tried.

    Attributes:
        candidate: the net.
        reason: why not.
    """

    candidate: Candidate
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        judged: nets that were trained, in the order in which they were.
        over: nets that were left out before any training, because they cost too much.
        failed: nets whose training could not go on, or whose cost nobody knows.
        space: how many nets there are to choose from.
    """

    judged: tuple[Judged, ...]
    over: tuple[Candidate, ...]
    failed: tuple[Failed, ...]
    space: int

    @property
    def front(self) -> tuple[Judged, ...]:
        """Those worth having: see `front`."""
        return front(self.judged)


def front(judged: Iterable[Judged]) -> tuple[Judged, ...]:
    """The nets that no other one beats: none is at least as good in accuracy, cost and size, and better in one.

    Returns:
        Them, the cheapest first. Equals stay together.
    """
    kept: list[Judged] = []
    for each in sorted(
        judged, key=lambda one: (one.cost.value, one.cost.size_bytes, -one.accuracy, one.candidate)
    ):
        # whoever beats it came before it
        if not any(
            other.cost.size_bytes <= each.cost.size_bytes
            and other.accuracy >= each.accuracy
            and _worth(other) != _worth(each)
            for other in kept
        ):
            kept.append(each)
    return tuple(kept)


def _worth(each: Judged) -> tuple[float, float, int]:
    return each.accuracy, each.cost.value, each.cost.size_bytes


@dataclass(frozen=True, slots=True)
class Judges:
    """Who knows what a net is worth.

    Attributes:
        price: its cost before any training; ``None`` where nobody knows it. May raise ``TrainingError``.
        score: its accuracy in percent after a short training. May raise ``TrainingError``.
        fits: whether a cost is within the budget.
    """

    price: Callable[[Candidate], Cost | None]
    score: Callable[[Candidate], float]
    fits: Callable[[Cost], bool]


Listen = Callable[[Candidate, Cost | None, float | None], None]
"""Told of each net that was looked at: its cost, and its accuracy; ``None`` where it was not priced, or not trained."""


def search(
    space: Space,
    judges: Judges,
    work: Path,
    key: str,
    listen: Listen = lambda _candidate, _cost, _accuracy: None,
) -> Found:
    """Try nets until so many were trained as the space's plan says, or none is left.

    Args:
        space: what may be proposed, how many are tried and the seed.
        judges: what a net costs and how good it is.
        work: folder of the journal; the same search goes on from there.
        key: says which search it is: another one in the same folder does not count.
        listen: told of each net.

    Raises:
        MissingExtraError: Optuna is not installed.
        SweepError: the folder is in use, or the journal is damaged, or cannot be read or written.
    """
    optuna = _optuna()
    journal = work / JOURNAL
    with Store(work).locked():
        try:
            _mend(journal)
            backend = optuna.storages.journal.JournalFileBackend(str(journal))
            study = optuna.create_study(
                storage=optuna.storages.JournalStorage(backend),
                study_name=key,
                directions=["maximize", "minimize", "minimize"],
                load_if_exists=True,
            )
            return _Search(optuna, study, space, judges, listen).run()
        except OSError as problem:
            raise SweepError(f"the journal '{journal}' cannot be read or written: {problem}") from problem
        except json.JSONDecodeError as problem:
            raise SweepError(
                f"the journal '{journal}' is damaged: {problem}. Delete it to begin anew"
            ) from problem


def _mend(journal: Path) -> None:
    """Take away what a killed process may have left: Optuna's lock, and half a line; ours keeps others out."""
    journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
    if journal.exists():
        data = journal.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(journal, whole)


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as problem:
        raise MissingExtraError(
            "a search needs 'optuna'. Install it with: pip install 'device-zoo[search]'"
        ) from problem
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


class _Search:
    """One search under way."""

    def __init__(self, optuna: Any, study: Any, space: Space, judges: Judges, listen: Listen) -> None:
        self._optuna, self._study, self._space = optuna, study, space
        self._judges, self._listen = judges, listen
        self._states = optuna.trial.TrialState
        self._points = space.points()
        self._judged: list[Judged] = []
        self._over: list[Candidate] = []
        self._failed: list[Failed] = []
        self._seen: set[Candidate] = set()

    def run(self) -> Found:
        self._remember()
        while len(self._judged) + len(self._failed) < self._space.plan.trials and len(self._seen) < len(
            self._points
        ):
            trial, candidate = self._proposed()
            self._try(trial, candidate)
            self._seen.add(candidate)
        return Found(tuple(self._judged), tuple(self._over), tuple(self._failed), len(self._points))

    def _remember(self) -> None:
        """What the journal has; a net whose training was cut off is tried again."""
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state == self._states.RUNNING:
                self._study.tell(trial.number, state=self._states.FAIL)
                continue
            if not trial.state.is_finished() or ARCHITECTURE not in trial.params:
                continue
            candidate = self._space.candidate(trial.params)
            if trial.state == self._states.COMPLETE:
                self._judged.append(Judged(candidate, Cost(**trial.user_attrs[_COST]), trial.values[0]))
            elif trial.state == self._states.PRUNED:
                self._over.append(candidate)
            elif _REASON in trial.user_attrs:
                self._failed.append(Failed(candidate, trial.user_attrs[_REASON]))
            else:
                continue
            self._seen.add(candidate)

    def _proposed(self) -> tuple[Any, Candidate]:
        """A net that was not looked at yet: what the sampler proposes, or any other where it repeats itself."""
        seed = (self._space.plan.seed * _STRIDE + len(self._seen)) % _SEEDS
        self._study.sampler = self._optuna.samplers.TPESampler(seed=seed)
        trial, candidate = self._asked()
        while candidate in self._seen:
            self._study.tell(trial, state=self._states.FAIL)
            left = [each for each in self._points if each not in self._seen]
            chosen = random.Random(seed).choice(left)  # noqa: S311 - not a secret
            self._study.enqueue_trial(dict(self._points[chosen]))
            trial, candidate = self._asked()
        return trial, candidate

    def _asked(self) -> tuple[Any, Candidate]:
        trial = self._study.ask()
        base = trial.suggest_categorical(ARCHITECTURE, self._space.bases)
        for what, choices in self._space.choices(base).items():
            trial.suggest_categorical(what, choices)
        return trial, self._space.candidate(trial.params)

    def _try(self, trial: Any, candidate: Candidate) -> None:
        cost: Cost | None = None
        accuracy: float | None = None
        try:
            cost = self._judges.price(candidate)
            if cost is None:
                self._fail(trial, candidate, "nobody knows what it costs")
            elif self._is_over(trial, cost):
                self._study.tell(trial, state=self._states.PRUNED)
                self._over.append(candidate)
            else:
                trial.set_user_attr(_COST, asdict(cost))
                accuracy = self._judges.score(candidate)
                self._study.tell(trial, [accuracy, cost.value, cost.size_bytes])
                self._judged.append(Judged(candidate, cost, accuracy))
        except TrainingError as problem:
            self._fail(trial, candidate, str(problem))
        self._listen(candidate, cost, accuracy)

    def _is_over(self, trial: Any, cost: Cost) -> bool:
        """Whether the net costs too much; the sampler learns it, too."""
        is_over = not self._judges.fits(cost)
        trial.set_constraint("budget", float(is_over))
        return is_over

    def _fail(self, trial: Any, candidate: Candidate, reason: str) -> None:
        trial.set_user_attr(_REASON, reason)
        self._study.tell(trial, state=self._states.FAIL)
        self._failed.append(Failed(candidate, reason))


def digest_of(told: Mapping[str, Any]) -> str:
    """A key for `search`, of all that its results depend on, as JSON has it."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
