"""The choice: which variant, where and with what, for one device; a pure function of values.

No I/O, no clock, no dependence on order: the command line, a server, a static export and a client that call it
with the same values get the same answer. In order: fit, evidence, budgets, objective.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from device_profiles.profile import DeviceProfile
from registry.candidates import Candidate, measured, unmeasured
from registry.predictor import Predictor
from registry.rules import BUDGET_RULES, Broken, Budgets, Check, Needs, budget_checks, misfits
from registry.values import Evidence, Measurement, Model, Objective, Processor, Variant

_UNKNOWN = float("inf")


@dataclass(frozen=True, slots=True)
class Shelf:
    """Everything known of one model for one device; what the choice is made from.

    Attributes:
        model: the model.
        variants: its variants by name.
        rows: measurements on the device, and on others with its SoC (evidence ``same-soc``).
        needs: the least memory each variant was seen to need on any device.
    """

    model: Model
    variants: Mapping[str, Variant]
    rows: Sequence[Measurement] = ()
    needs: Needs = field(default_factory=Needs)


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
    numbered = False
    for candidate in candidates:
        broken = misfits(candidate, device, shelf.needs)
        numbered = numbered or (not broken and candidate.latency is not None
                                and candidate.evidence.rank <= budgets.evidence.rank)  # fmt: skip
        broken += [each for check in checks if (each := check(candidate)) is not None]
        if broken:
            failed.append((candidate, broken))
        else:
            good.append(candidate)
    order = Order(shelf.model, request)
    ranked = order.ranked(good)
    partial = Choice(shelf.model, None, None, (), budgets.max_latency_ms or 0.0, default_budget)
    if ranked:
        return _answer(partial, ranked, _cpu_last(shelf, device, candidates, budgets), budgets)
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
    return _no_answer(partial, shelf, device, failed, request.budgets)


def line_up(shelf: Shelf, device: DeviceProfile, predictor: Predictor | None = None) -> list[Candidate]:
    """Every candidate with a number: measured ones, and predictions where nothing is measured."""
    known = measured(shelf.model, shelf.variants, shelf.rows)
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
            return sorted(kept, key=self._by_accuracy)
        return sorted(self._accurate_enough(kept), key=self._by_cost)

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

    def _by_accuracy(self, each: Candidate) -> tuple[float, int, float, float, str, str, str]:
        rest = (each.variant.digest, each.processor or "", each.runtime)
        return (self._loss(each), each.evidence.rank, self._bound(each), self._size(each), *rest)

    def _by_cost(self, each: Candidate) -> tuple[float, float, int, float, float, str, str, str]:
        cost = {
            Objective.LATENCY: self._bound(each),
            Objective.SIZE: self._size(each),
            Objective.ENERGY: _UNKNOWN if each.energy_mj is None else each.energy_mj,
        }[self.request.objective]
        rest = (each.variant.digest, each.processor or "", each.runtime)
        return (cost, self._loss(each), each.evidence.rank, self._bound(each), self._size(each), *rest)

    def _accurate_enough(self, kept: list[Candidate]) -> list[Candidate]:
        """Those within one point of the most accurate, unless the user set a minimum of their own."""
        best = min((self._loss(each) for each in kept), default=_UNKNOWN)
        if self.request.budgets.min_accuracy is not None or best == _UNKNOWN:
            return kept
        return [each for each in kept if self._loss(each) <= best + point(self.model, best)]


def point(model: Model, value: float) -> float:
    """One point of a metric: 1 for a percentage, else a hundredth of ``value``."""
    return 1.0 if model.unit == "%" else abs(value) / 100


def _answer(partial: Choice, ranked: list[Candidate], last: Candidate | None, budgets: Budgets) -> Choice:
    best = ranked[0]
    runner_up = next((each for each in ranked if each.variant.name != best.variant.name), None)
    ladder: list[Candidate] = []
    seen = {best.processor}
    for each in ranked[1:]:
        if each.processor not in seen:
            seen.add(each.processor)
            ladder.append(each)
    ladder.sort(key=lambda each: each.processor is Processor.CPU)
    if (not ladder or ladder[-1].processor is not Processor.CPU) and last and not _same(last, best):
        ladder.append(last)
    warnings = []
    if best.accuracy is None:
        warnings.append("its accuracy is not known: nothing that fits is known to be more accurate")
    latency, maximum = best.latency, budgets.max_latency_ms
    if latency and maximum and latency.low <= maximum < latency.high:
        warnings.append(f"its latency straddles the budget: {latency.low:g} to {latency.high:g} ms")
    return replace(partial, pick=best, runner_up=runner_up, fallbacks=tuple(ladder), warnings=tuple(warnings))


def _cpu_last(
    shelf: Shelf, device: DeviceProfile, candidates: list[Candidate], budgets: Budgets
) -> Candidate | None:
    """The last rung: the fastest variant known on the CPU, else the smallest that fits it."""
    on_cpu = [
        each
        for each in candidates
        if each.processor is Processor.CPU
        and each.latency
        and (not budgets.available or each.variant.availability == "held")
        and not misfits(each, device, shelf.needs)
    ]
    if on_cpu:
        return min(on_cpu, key=lambda each: (each.latency.high if each.latency else 0, each.variant.digest,
                                             each.runtime, each.threads or 0, each.cores))  # fmt: skip
    return next(iter(_smallest_on_cpu(shelf, device, Budgets(available=budgets.available))), None)


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
    budgets: Budgets,
) -> Choice:
    relax = _cheapest(failed)
    absent = [each for each in budgets.processors if each not in device.processors]
    if budgets.processors and len(absent) == len(budgets.processors):
        reason = f"{device.name} has no {' or '.join(absent)} that a runtime can use"
    elif not failed:
        formats = {each.format for each in shelf.variants.values()}
        taken = {each.format for each in device.supports}
        reason = (
            f"no latency is known on {device.name} with the evidence asked for"
            if formats & taken
            else f"its formats ({', '.join(sorted(formats))}) do not run on {device.name}"
        )
    else:
        count = len({each.variant.name for each, _ in failed})
        reason = f"none of the {count} variants with a known latency is inside the budgets"
    return replace(partial, reason=reason, relax=relax)


def _cheapest(failed: list[tuple[Candidate, list[Broken]]]) -> Relax | None:
    """The single budget to loosen by the smallest factor; choices that are no numbers come after numbers."""
    options = []
    for candidate, broken in failed:
        if len(broken) != 1 or broken[0].rule not in BUDGET_RULES:
            continue
        only = broken[0]
        value, factor = _loosened(only)
        name = candidate.variant.name
        options.append(
            (factor, BUDGET_RULES.index(only.rule), str(value), name, Relax(only.rule, value, name))
        )
    return min(options, key=lambda each: each[:4])[4] if options else None


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
