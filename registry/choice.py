"""The choice: which variant, where and with what, for one device; a pure function of values.

No I/O, no clock, no dependence on order: the command line, a server, a static export and a client that call it
with the same values get the same answer. In order: fit, evidence, budgets, objective.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter

from device_profiles.profile import DeviceProfile
from registry.candidates import Candidate, measured, unmeasured
from registry.predictor import Predictor
from registry.rules import BUDGET_RULES, Broken, Budgets, Check, Needs, budget_checks, misfits
from registry.values import Availability, Evidence, Measurement, Model, Objective, Processor, Variant

_UNKNOWN = float("inf")


@dataclass(frozen=True, slots=True)
class Shelf:
    """Everything known of one model for one device; what the choice is made from.

    Attributes:
        model: the model.
        variants: its variants by name.
        rows: measurements on the device, and on others with its SoC (evidence ``same-soc``).
        needs: the least memory each variant was seen to need on any device.
        candidates: what is measured, made of ``rows``.
    """

    model: Model
    variants: Mapping[str, Variant]
    rows: Sequence[Measurement] = ()
    needs: Needs = field(default_factory=Needs)
    candidates: tuple[Candidate, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Line up what is measured, once for all questions."""
        object.__setattr__(self, "candidates", tuple(measured(self.model, self.variants, self.rows)))


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
class Rejection:
    """A candidate that is not the answer, and every rule that keeps it from being it."""

    candidate: Candidate
    broken: tuple[Broken, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer for one model.

    Attributes:
        model: the model asked about.
        pick: the answer; ``None`` where nothing fits.
        runner_up: the best candidate of another variant; ``None`` where there is none.
        fallbacks: what to try when the pick does not work on a device, in order; ends on the CPU.
        max_latency_ms: the latency budget that held.
        default_budget: whether that is the model's own, because the user set none.
        reason: why there is no answer; empty when there is one.
        relax: the budget that would cost least to loosen; ``None`` where there is an answer or no single
            budget would do.
        warnings: what the user should know of the answer.
    """

    model: Model
    pick: Candidate | None
    runner_up: Candidate | None
    fallbacks: tuple[Candidate, ...]
    max_latency_ms: float
    default_budget: bool
    reason: str = ""
    relax: Relax | None = None
    warnings: tuple[str, ...] = ()


def pick(shelf: Shelf, device: DeviceProfile, request: Request, predictor: Predictor | None = None) -> Choice:
    """Choose for one model and one device.

    Args:
        shelf: what is known.
        device: where it must run.
        request: budgets and objective.
        predictor: predicts what nobody measured; ``None`` leaves it unknown.
    """
    budgets, default_budget = _with_default_latency(shelf.model, request.budgets)
    candidates = line_up(shelf, device, predictor)
    checks = budget_checks(budgets, higher_is_better=shelf.model.higher_is_better)
    good: list[Candidate] = []
    failed: list[tuple[Candidate, list[Broken]]] = []
    fitting = [each for each in candidates if not misfits(each, device, shelf.needs)]
    for candidate in fitting:
        broken = [each for check in checks if (each := check(candidate)) is not None]
        if broken:
            failed.append((candidate, broken))
        else:
            good.append(candidate)
    order = Order(shelf.model, request)
    ranked = order.ranked(good)
    partial = Choice(shelf.model, None, None, (), budgets.max_latency_ms or 0.0, default_budget)
    if ranked:
        ladder = _ladder(ranked, lambda: _cpu_last(shelf, device, fitting, budgets))
        return _answer(partial, ranked, ladder, budgets)
    numbered = any(each.evidence.rank <= budgets.evidence.rank for each in fitting)
    if default_budget and not numbered and budgets.evidence is Evidence.PREDICTED:
        blind = _smallest_on_cpu(shelf, device, request.budgets)
        if blind:
            return replace(
                partial,
                pick=blind[0],
                runner_up=next(iter(blind[1:]), None),
                fallbacks=tuple(blind[1:2]),
                warnings=(f"no latency is known on {device.name}: this is the smallest variant for its CPU",),
            )
    return _no_answer(partial, shelf, device, failed, order)


def line_up(shelf: Shelf, device: DeviceProfile, predictor: Predictor | None = None) -> list[Candidate]:
    """Every candidate with a number: measured ones, and predictions where nothing is measured."""
    known = list(shelf.candidates)
    if predictor is None:
        return known
    predicted = []
    for candidate, way in unmeasured(shelf.model, shelf.variants.values(), device, known):
        latency = way and predictor.latency(candidate.variant, device, way, None)
        if latency:
            predicted.append(replace(candidate, latency=latency))
    return known + predicted


def explain(
    shelf: Shelf, device: DeviceProfile, request: Request, predictor: Predictor | None = None
) -> list[Rejection]:
    """Every candidate that is not the answer, with all the rules that it breaks, by variant name."""
    choice = pick(shelf, device, request, predictor)
    budgets, _ = _with_default_latency(shelf.model, request.budgets)
    checks = budget_checks(budgets, higher_is_better=shelf.model.higher_is_better)
    known = line_up(shelf, device, predictor)
    blind = [each for each, _ in unmeasured(shelf.model, shelf.variants.values(), device, known)]
    rejections = []
    for candidate in [*known, *blind]:
        if choice.pick and _same(candidate, choice.pick):
            continue
        broken = misfits(candidate, device, shelf.needs)
        broken += [each for check in checks if (each := check(candidate)) is not None]
        if not broken and choice.pick:
            broken = [_outranked(candidate, choice.pick, request.objective, shelf.model)]
        rejections.append(Rejection(candidate, tuple(broken)))
    return sorted(
        rejections,
        key=lambda each: (each.candidate.variant.name, each.candidate.processor or "",
                          each.candidate.runtime, each.candidate.threads or 0, each.candidate.cores),
    )  # fmt: skip


def _same(one: Candidate, other: Candidate) -> bool:
    return (one.variant.name, one.processor, one.runtime, one.threads, one.cores) == (
        other.variant.name, other.processor, other.runtime, other.threads, other.cores)  # fmt: skip


def _outranked(candidate: Candidate, best: Candidate, objective: Objective, model: Model) -> Broken:
    if candidate.variant.name == best.variant.name:
        return Broken("outranked", "the same variant", f"the {best.processor} with {best.runtime}")
    if objective is Objective.ACCURACY:
        mine = f"{candidate.accuracy.value:g}" if candidate.accuracy else "unknown"
        theirs = f"{best.accuracy.value:g}" if best.accuracy else "unknown"
        found = f"{model.metric} {mine} against {theirs}"
    else:
        found = f"by {objective}"
    return Broken("outranked", found, best.variant.name)


def _with_default_latency(model: Model, budgets: Budgets) -> tuple[Budgets, bool]:
    if budgets.max_latency_ms is not None:
        return budgets, False
    return replace(budgets, max_latency_ms=model.default_max_latency_ms), True


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
            ordered += sorted(run, key=_tie_break) if len(run) > 1 else run
        return ordered

    def _speed(self, each: Candidate) -> tuple[float, float, str]:
        return (self._bound(each), each.threads or 0, each.cores)

    def _bound(self, each: Candidate) -> float:
        return each.latency.bound(optimistic=self.request.budgets.optimistic) if each.latency else _UNKNOWN

    def _loss(self, each: Candidate) -> float:
        """How bad its accuracy is: smaller is better, unknown is worst."""
        if each.accuracy is None:
            return _UNKNOWN
        return -each.accuracy.value if self.model.higher_is_better else each.accuracy.value

    def _size(self, each: Candidate) -> int | float:
        return _UNKNOWN if each.variant.size_bytes is None else each.variant.size_bytes

    def _by_accuracy(self, each: Candidate) -> tuple[float, ...]:
        return (self._loss(each), each.evidence.rank, self._bound(each), self._size(each))

    def _by_cost(self, each: Candidate) -> tuple[float, ...]:
        cost = {
            Objective.LATENCY: self._bound(each),
            Objective.SIZE: self._size(each),
            Objective.ENERGY: _UNKNOWN if each.energy_mj is None else each.energy_mj,
        }[self.request.objective]
        return (cost, self._loss(each), each.evidence.rank, self._bound(each), self._size(each))

    def _accurate_enough(self, kept: list[Candidate]) -> list[Candidate]:
        """Those within one point of the most accurate, unless the user set a minimum of their own."""
        best = min((self._loss(each) for each in kept), default=_UNKNOWN)
        if self.request.budgets.min_accuracy is not None or best == _UNKNOWN:
            return kept
        return [each for each in kept if self._loss(each) <= best + point(self.model, best)]


def point(model: Model, value: float) -> float:
    """One point of a metric: 1 for a percentage, else a hundredth of ``value``."""
    return 1.0 if model.unit == "%" else abs(value) / 100


def _ladder(ranked: list[Candidate], cpu_last: Callable[[], Candidate | None]) -> tuple[Candidate, ...]:
    """The best candidate of each other processor, in the order of the ranking; the last rung is on the CPU."""
    best = ranked[0]
    rungs: dict[Processor | None, Candidate] = {}
    for each in ranked[1:]:
        if each.processor is not best.processor:
            rungs.setdefault(each.processor, each)
    on_cpu = rungs.pop(Processor.CPU, None) or cpu_last()
    ladder = list(rungs.values())
    if on_cpu and not _same(on_cpu, best):
        ladder.append(on_cpu)
    return tuple(ladder)


def _answer(
    partial: Choice, ranked: list[Candidate], ladder: tuple[Candidate, ...], budgets: Budgets
) -> Choice:
    best = ranked[0]
    runner_up = next((each for each in ranked if each.variant.name != best.variant.name), None)
    warnings = []
    if best.accuracy is None:
        warnings.append("its accuracy is not known: nothing that fits is known to be more accurate")
    latency, maximum = best.latency, budgets.max_latency_ms
    if latency and maximum and latency.low <= maximum < latency.high:
        warnings.append(f"its latency straddles the budget: {latency.low:g} to {latency.high:g} ms")
    return replace(partial, pick=best, runner_up=runner_up, fallbacks=ladder, warnings=tuple(warnings))


def _cpu_last(
    shelf: Shelf, device: DeviceProfile, fitting: list[Candidate], budgets: Budgets
) -> Candidate | None:
    """The last rung: the fastest variant known on the CPU, else the smallest that fits it."""
    fastest: list[Candidate] = []
    for each in fitting:
        if each.processor is Processor.CPU and each.latency and _is_available(each, budgets):
            bound = each.latency.high
            if not fastest or bound < (fastest[0].latency.high if fastest[0].latency else _UNKNOWN):
                fastest = [each]
            elif fastest[0].latency and bound == fastest[0].latency.high:
                fastest.append(each)
    if fastest:
        return min(fastest, key=_tie_break)
    return next(iter(_smallest_on_cpu(shelf, device, Budgets(available=budgets.available))), None)


def _is_available(candidate: Candidate, budgets: Budgets) -> bool:
    return not budgets.available or candidate.variant.availability is Availability.HELD


def _tie_break(each: Candidate) -> tuple[str, str, str, int, str]:
    return (each.variant.digest, each.processor or "", each.runtime, each.threads or 0, each.cores)


def _smallest_on_cpu(shelf: Shelf, device: DeviceProfile, budgets: Budgets) -> list[Candidate]:
    """Variants that fit the CPU and the user's budgets, the smallest first, one candidate a variant."""
    checks = budget_checks(
        replace(budgets, max_latency_ms=None, evidence=Evidence.NONE, threads=None),
        higher_is_better=shelf.model.higher_is_better,
    )
    found: dict[str, Candidate] = {}
    for each, _ in unmeasured(shelf.model, shelf.variants.values(), device):
        new = each.processor is Processor.CPU and each.variant.name not in found
        if new and _passes(each, checks) and not misfits(each, device, shelf.needs):
            found[each.variant.name] = each
    return sorted(
        found.values(),
        key=lambda each: (
            each.variant.size_bytes or _UNKNOWN,
            each.variant.params or _UNKNOWN,
            each.variant.digest,
        ),
    )


def _passes(candidate: Candidate, checks: Iterable[Check]) -> bool:
    return all(check(candidate) is None for check in checks)


def _no_answer(
    partial: Choice,
    shelf: Shelf,
    device: DeviceProfile,
    failed: list[tuple[Candidate, list[Broken]]],
    order: Order,
) -> Choice:
    budgets = order.request.budgets
    relax = _cheapest(failed, order)
    absent = [each for each in budgets.processors if each not in device.processors]
    if budgets.processors and len(absent) == len(budgets.processors):
        reason = f"{device.name} has no {' or '.join(absent)} that a runtime can use"
    elif failed:
        count = len({each.variant.name for each, _ in failed})
        reason = f"none of the {count} variants with a known latency is inside the budgets"
    else:
        reason = _nothing_known(shelf, device)
    return replace(partial, reason=reason, relax=relax)


def _nothing_known(shelf: Shelf, device: DeviceProfile) -> str:
    """Why no variant that fits the device has a number."""
    trained = [each for each in shelf.variants.values() if each.has_trained_weights]
    if not trained:
        return "its variants have random weights: they were only timed"
    formats = {each.format for each in trained}
    if not formats & {each.format for each in device.supports}:
        return f"its formats ({', '.join(sorted(formats))}) do not run on {device.name}"
    return f"no latency is known on {device.name} with the evidence asked for"


def _cheapest(failed: list[tuple[Candidate, list[Broken]]], order: Order) -> Relax | None:
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
        return (str(found), 1e6) if found is not Evidence.NONE else (None, _UNKNOWN)
    if isinstance(found, int | float) and isinstance(wanted, int | float) and found > 0:
        return found, max(found / wanted, wanted / found)
    return None, _UNKNOWN
