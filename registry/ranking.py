"""The order of candidates under an objective, and what it would take to let one in.

A total order: whatever order candidates come in, the answer is the same.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from registry.candidates import Candidate
from registry.rules import BUDGET_RULES, Broken, Budgets
from registry.values import Evidence, Model, Objective

UNKNOWN = float("inf")
_ROUNDING = 1e-9  # 64.9 - 63.9 is a point, though not in binary


@dataclass(frozen=True, slots=True)
class Request:
    """What the user wants.

    Attributes:
        budgets: limits.
        objective: what to make as good as possible inside them.
    """

    budgets: Budgets = field(default_factory=Budgets)
    objective: Objective = Objective.ACCURACY


@dataclass(frozen=True, slots=True)
class Relax:
    """The budget whose loosening costs least.

    Attributes:
        budget: name of the field of `Budgets`.
        value: what would do; ``None`` where only dropping the budget would.
        variant: what would then be possible.
    """

    budget: str
    value: object
    variant: str


@dataclass(frozen=True, slots=True)
class Order:
    """The order of candidates under an objective; a total one, so that the input's order never matters."""

    model: Model
    request: Request

    def ranked(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """The best first; of several thread counts of one candidate only the fastest stays."""
        fastest: dict[tuple[str, str, str], Candidate] = {}
        for each in candidates:
            key = (each.variant.name, each.processor or "", each.runtime)
            rival = fastest.get(key)
            if rival is None or self._speed(each) < self._speed(rival):
                fastest[key] = each
        kept = list(fastest.values())
        if self.request.objective is Objective.ACCURACY:
            return self._sorted(kept, self._by_accuracy)
        return self._sorted(self._accurate_enough(kept), self._by_cost)

    def _sorted(
        self, kept: list[Candidate], key: Callable[[Candidate], tuple[float, ...]]
    ) -> list[Candidate]:
        """Sort by ``key``; digests cost time, so only candidates that tie by numbers are told apart by them."""
        keyed = sorted(((key(each), number) for number, each in enumerate(kept)), key=itemgetter(0))
        ordered: list[Candidate] = []
        for _, tied in groupby(keyed, key=itemgetter(0)):
            run = [kept[number] for _, number in tied]
            ordered += sorted(run, key=tie_break) if len(run) > 1 else run
        return ordered

    def _speed(self, each: Candidate) -> tuple[float, int, float, str]:
        return (self._bound(each), each.evidence.rank, each.threads or 0, each.cores)

    def _bound(self, each: Candidate) -> float:
        return each.latency.bound(optimistic=self.request.budgets.optimistic) if each.latency else UNKNOWN

    def facts(self, each: Candidate) -> dict[str, str]:
        """What ranks ``each``, as words, the first to decide first."""
        size = each.variant.size_bytes
        return {
            self.model.metric: f"{each.accuracy.value:g}" if each.accuracy else "unknown",
            "evidence": str(each.evidence),
            "latency": f"{self._bound(each):g} ms",
            "size": "unknown" if size is None else f"{size} bytes",
        }

    def _loss(self, each: Candidate) -> float:
        """How bad its accuracy is: smaller is better, unknown is worst."""
        if each.accuracy is None:
            return UNKNOWN
        return -each.accuracy.value if self.model.higher_is_better else each.accuracy.value

    def _size(self, each: Candidate) -> int | float:
        return UNKNOWN if each.variant.size_bytes is None else each.variant.size_bytes

    def _by_accuracy(self, each: Candidate) -> tuple[float, ...]:
        return (self._loss(each), each.evidence.rank, self._bound(each), self._size(each))

    def _by_cost(self, each: Candidate) -> tuple[float, ...]:
        cost = {
            Objective.LATENCY: self._bound(each),
            Objective.SIZE: self._size(each),
            Objective.ENERGY: UNKNOWN if each.energy_mj is None else each.energy_mj,
        }[self.request.objective]
        return (cost, self._loss(each), each.evidence.rank, self._bound(each), self._size(each))

    def _accurate_enough(self, kept: list[Candidate]) -> list[Candidate]:
        """Those within one point of the most accurate, unless the user set a minimum of their own."""
        best = min((self._loss(each) for each in kept), default=UNKNOWN)
        if self.request.budgets.min_accuracy is not None or best == UNKNOWN:
            return kept
        return [each for each in kept if within_a_point(self.model, self._loss(each), best)]


def within_a_point(model: Model, value: float, best: float, points: float = 1.0) -> bool:
    """Whether ``value`` is at most ``points`` worse than ``best``; smaller is better for both.

    One point is 1 for a percentage, else a hundredth of ``best``.
    """
    one = 1.0 if model.unit == "%" else abs(best) / 100
    return value - best <= points * one + _ROUNDING


def tie_break(each: Candidate) -> tuple[str, str, str, int, str]:
    """Tells candidates apart that are equal by every number."""
    return (each.variant.digest, each.processor or "", each.runtime, each.threads or 0, each.cores)


def cheapest(failed: list[tuple[Candidate, list[Broken]]], order: Order) -> Relax | None:
    """The single budget to loosen by the smallest factor; choices that are no numbers come after numbers.

    Of candidates that ask for the same, the best by the objective is named.
    """
    best: tuple[float, int] | None = None
    options: list[tuple[Candidate, Relax]] = []
    for candidate, broken in failed:
        only = broken[0]
        if len(broken) == 1 and only.rule in _BUDGET_ORDER:
            value, factor = _loosened(only)
            key = (factor, _BUDGET_ORDER[only.rule])
            if best is None or key <= best:
                options = options if key == best else []
                options.append((candidate, Relax(only.rule, value, candidate.variant.name)))
                best = key
    first = next(iter(order.ranked(candidate for candidate, _ in options)), None)
    return next((relax for candidate, relax in options if candidate is first), None)


_BUDGET_ORDER = {name: place for place, name in enumerate(BUDGET_RULES)}


def _loosened(broken: Broken) -> tuple[object, float]:
    """What the budget would have to be, and by what factor that loosens it."""
    found, wanted = broken.found, broken.wanted
    if broken.rule in {"formats", "processors"}:
        return [str(found)], 1e6
    if broken.rule == "available":
        return False, 1e6
    if broken.rule == "evidence":
        return (str(found), 1e6) if found is not Evidence.NONE else (None, UNKNOWN)
    if isinstance(found, int | float) and isinstance(wanted, int | float) and found > 0:
        return found, max(found / wanted, wanted / found)
    return None, UNKNOWN
