"""The choice: which variant, where and with what, for one device; a pure function of values.

No I/O, no clock, no dependence on order: the command line, a server, a static export and a client that call it
with the same values get the same answer. In order: fit, evidence, budgets, objective.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from device_profiles.profile import DeviceProfile
from registry.candidates import Candidate, measured, unmeasured
from registry.predictor import Predictor
from registry.ranking import UNKNOWN, Order, Relax, Request, cheapest, tie_break
from registry.rules import Broken, Budgets, Needs, budget_checks, is_proven, misfits
from registry.values import Availability, Evidence, Measurement, Model, Processor, Variant


@dataclass(frozen=True, slots=True)
class Shelf:
    """Everything known of one model for one device; what the choice is made from.

    Attributes:
        model: the model.
        variants: its variants by name.
        rows: measurements on the device, and on others with its SoC (evidence ``same-soc``).
        needs: the least memory each variant was seen to need on any device.
        candidates: what is measured, made of ``rows``.
        proven: those of them that a measurement on the device itself proves to fit.
    """

    model: Model
    variants: Mapping[str, Variant]
    rows: Sequence[Measurement] = ()
    needs: Needs = field(default_factory=Needs)
    candidates: tuple[Candidate, ...] = field(init=False, repr=False, compare=False)
    proven: frozenset[int] = field(init=False, repr=False, compare=False)  # by identity: hashing costs more

    def __post_init__(self) -> None:
        """Line up what is measured, once for all questions."""
        candidates = tuple(measured(self.model, self.variants, self.rows))
        object.__setattr__(self, "candidates", candidates)
        object.__setattr__(self, "proven", frozenset(id(each) for each in candidates if is_proven(each)))


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
    candidates = line_up(shelf, device, predictor, request.budgets.threads)
    checks = budget_checks(budgets, higher_is_better=shelf.model.higher_is_better)
    good: list[Candidate] = []
    failed: list[tuple[Candidate, list[Broken]]] = []
    proven = shelf.proven
    fitting = [each for each in candidates if id(each) in proven or not misfits(each, device, shelf.needs)]
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
        ladder = _ladder(ranked, lambda: _cpu_last(shelf, device, fitting, budgets, ranked[0]))
        return _answer(partial, ranked, ladder, budgets)
    if any(each.evidence.rank <= budgets.evidence.rank for each in fitting):
        count = len({each.variant.name for each, _ in failed})
        reason = f"none of the {count} variants with a known latency is inside the budgets"
    elif budgets.evidence is Evidence.PREDICTED:
        return _without_numbers(partial, shelf, device, order)
    else:
        nothing = f"no latency is known on {device.name} with the evidence asked for"
        reason = _unusable(shelf, device) or nothing
    reason = _absent_processors(request, device) or reason
    return replace(partial, reason=reason, relax=cheapest(failed, order))


def line_up(
    shelf: Shelf, device: DeviceProfile, predictor: Predictor | None = None, threads: int | None = None
) -> list[Candidate]:
    """Every candidate with a number: measured ones, and predictions where nothing is measured.

    What the device cannot run is not predicted.
    """
    known = list(shelf.candidates)
    if predictor is None:
        return known
    predicted = []
    timed = [each for each in known if each.latency]
    for candidate, way in unmeasured(shelf.model, shelf.variants.values(), device, timed):
        if way is None or misfits(candidate, device, shelf.needs):
            continue
        pinned = threads if candidate.processor is Processor.CPU else None
        latency = predictor.latency(candidate.variant, device, way, pinned)
        if latency:
            predicted.append(replace(candidate, latency=latency, threads=pinned))
    return known + predicted


def explain(
    shelf: Shelf, device: DeviceProfile, request: Request, predictor: Predictor | None = None
) -> list[Rejection]:
    """Every candidate that is not the answer, with all the rules that it breaks, by variant name."""
    choice = pick(shelf, device, request, predictor)
    budgets, _ = _with_default_latency(shelf.model, request.budgets)
    checks = budget_checks(budgets, higher_is_better=shelf.model.higher_is_better)
    known = line_up(shelf, device, predictor, request.budgets.threads)
    blind = [each for each, _ in unmeasured(shelf.model, shelf.variants.values(), device, known)]
    rejections = []
    for candidate in [*known, *blind]:
        if choice.pick and _same(candidate, choice.pick):
            continue
        broken = misfits(candidate, device, shelf.needs)
        broken += [each for check in checks if (each := check(candidate)) is not None]
        if not broken and choice.pick:
            broken = [_outranked(candidate, choice.pick, Order(shelf.model, request))]
        rejections.append(Rejection(candidate, tuple(broken)))
    return sorted(
        rejections,
        key=lambda each: (each.candidate.variant.name, each.candidate.processor or "",
                          each.candidate.runtime, each.candidate.threads or 0, each.candidate.cores),
    )  # fmt: skip


def _same(one: Candidate, other: Candidate) -> bool:
    return (one.variant.name, one.processor, one.runtime, one.threads, one.cores) == (
        other.variant.name, other.processor, other.runtime, other.threads, other.cores)  # fmt: skip


def _outranked(candidate: Candidate, best: Candidate, order: Order) -> Broken:
    """Say by what: the first thing in the order of ranking in which the two differ."""
    mine, theirs = order.facts(candidate), order.facts(best)
    decided = next((name for name in mine if mine[name] != theirs[name]), "digest")
    who = best.variant.name
    if candidate.variant.name == who:
        who = f"{best.runtime} on the {best.processor}" + (
            f" with {best.threads} threads" if best.threads else ""
        )
    return Broken("outranked", f"{decided} {mine.get(decided)} against {theirs.get(decided)}", who)


def _with_default_latency(model: Model, budgets: Budgets) -> tuple[Budgets, bool]:
    if budgets.max_latency_ms is not None:
        return budgets, False
    return replace(budgets, max_latency_ms=model.default_max_latency_ms), True


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
    shelf: Shelf, device: DeviceProfile, fitting: list[Candidate], budgets: Budgets, best: Candidate
) -> Candidate | None:
    """The last rung: the fastest variant known on the CPU, else the smallest that fits it; never the pick again."""
    taken = best.variant.name if best.processor is Processor.CPU else ""
    on_cpu = [
        (each.latency.high, each)
        for each in fitting
        if each.processor is Processor.CPU and each.latency and each.variant.name != taken
    ]
    if budgets.available:
        on_cpu = [(high, each) for high, each in on_cpu if each.variant.availability is Availability.HELD]
    if on_cpu:
        fastest = min(high for high, _ in on_cpu)
        return min((each for high, each in on_cpu if high == fastest), key=tie_break)
    small = _smallest(_on_cpu(shelf, device, Budgets(available=budgets.available)))
    return next((each for each in small if each.variant.name != taken), None)


def _smallest(on_cpu: list[tuple[Candidate, list[Broken]]]) -> list[Candidate]:
    """Those that break nothing, the smallest first, one candidate a variant."""
    found: dict[str, Candidate] = {}
    for each, broken in on_cpu:
        if not broken:
            found.setdefault(each.variant.name, each)
    return sorted(
        found.values(),
        key=lambda each: (
            each.variant.size_bytes or UNKNOWN,
            each.variant.params or UNKNOWN,
            each.variant.digest,
        ),
    )


def _on_cpu(shelf: Shelf, device: DeviceProfile, budgets: Budgets) -> list[tuple[Candidate, list[Broken]]]:
    """Candidates without a latency that fit the CPU, and what of the user's budgets each breaks."""
    checks = budget_checks(
        replace(budgets, max_latency_ms=None, evidence=Evidence.NONE, threads=None),
        higher_is_better=shelf.model.higher_is_better,
    )
    untimed = sorted((each for each in shelf.candidates if each.latency is None), key=tie_break)
    blind = [each for each, _ in unmeasured(shelf.model, shelf.variants.values(), device, shelf.candidates)]
    return [
        (each, [broken for check in checks if (broken := check(each)) is not None])
        for each in [*untimed, *blind]
        if each.processor is Processor.CPU and not misfits(each, device, shelf.needs)
    ]


def _without_numbers(partial: Choice, shelf: Shelf, device: DeviceProfile, order: Order) -> Choice:
    """Answer where no latency is known at all: the smallest variant for the CPU, unless the user set a budget."""
    on_cpu = _on_cpu(shelf, device, order.request.budgets)
    inside = _smallest(on_cpu)
    if inside and partial.default_budget:
        return replace(
            partial,
            pick=inside[0],
            runner_up=next(iter(inside[1:]), None),
            fallbacks=tuple(inside[1:2]),
            warnings=(f"no latency is known on {device.name}: this is the smallest variant for its CPU",),
        )
    if inside:
        reason = f"no latency is known on {device.name}, and a budget for it is set"
        return replace(partial, reason=reason, relax=Relax("max_latency_ms", None, inside[0].variant.name))
    # where the user's latency budget is unmet too, no single budget would do
    relax = cheapest(on_cpu, order) if partial.default_budget else None
    if on_cpu:
        count = len({each.variant.name for each, _ in on_cpu})
        reason = f"none of the {count} variants that fit its CPU is inside the budgets"
    else:
        reason = _unusable(shelf, device) or f"none of its variants is known to run on {device.name}"
    return replace(partial, reason=_absent_processors(order.request, device) or reason, relax=relax)


def _absent_processors(request: Request, device: DeviceProfile) -> str:
    """What to say where none of the processors asked for is there; empty where one is."""
    wanted = request.budgets.processors
    if not wanted or not device.processors.isdisjoint(wanted):
        return ""
    return f"{device.name} has no {' or '.join(wanted)} that a runtime can use"


def _unusable(shelf: Shelf, device: DeviceProfile) -> str:
    """Why no variant can be used on the device; empty where one might."""
    trained = [each for each in shelf.variants.values() if each.has_trained_weights]
    if not trained:
        return "its variants have random weights: they were only timed"
    formats = {each.format for each in trained}
    if not formats & {each.format for each in device.supports}:
        return f"its formats ({', '.join(sorted(formats))}) do not run on {device.name}"
    return ""
