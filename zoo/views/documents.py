"""JSON documents: plain dicts and lists, the contract that scripts depend on (see docs/json.md)."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from device_profiles.profile import DeviceProfile
from registry.candidates import Candidate
from registry.choice import Choice
from registry.portfolio import Portfolio, Step
from registry.ranking import Relax
from registry.rules import Budgets
from registry.values import Accuracy, DelegateCoverage, Evidence, Measurement, Model, Variant
from zoo.actions import DeviceReport, DiffReport, PickReport, PlanLine, Target

Document = dict[str, Any]


def text(document: object) -> str:
    """A document the way scripts read it."""
    return json.dumps(document, ensure_ascii=False, indent=1)


def pick(report: PickReport) -> Document:
    """The answer of ``zoo pick``."""
    document: Document = {
        "device": _target(report.target),
        "budgets": _budgets(report.request.budgets),
        "objective": str(report.request.objective),
        "picks": [_pick(each) for each in report.choices if each.pick],
        "unanswered": [
            {"model": each.model.name, "reason": each.reason, "relax": _relax(each.relax)}
            for each in report.choices
            if not each.pick
        ],
    }
    if report.rejections:
        document["rejected"] = [
            {
                "model": model,
                "variant": each.candidate.variant.name,
                "processor": each.candidate.processor,
                "runtime": each.candidate.runtime or None,
                "threads": each.candidate.threads,
                "reasons": [str(broken) for broken in each.broken],
            }
            for model, rejections in report.rejections
            for each in rejections
        ]
    return document


def _target(target: Target) -> Document:
    profile = target.profile
    document: Document = {
        "id": profile.id,
        "name": profile.name,
        "soc": profile.soc.name,
        "matched_by": str(target.match.by),
    }
    if target.match.others:
        document["same_soc"] = list(target.match.others)
    return document


def _budgets(budgets: Budgets) -> Document:
    limits = {
        "max_latency_ms": budgets.max_latency_ms,
        "max_size_bytes": budgets.max_size_bytes,
        "max_memory_bytes": budgets.max_memory_bytes,
        "max_energy_mj": budgets.max_energy_mj,
        "min_accuracy": budgets.min_accuracy,
        "formats": list(budgets.formats) or None,
        "processors": [str(each) for each in budgets.processors] or None,
        "threads": budgets.threads,
        "optimistic": budgets.optimistic or None,
    }
    known = {key: value for key, value in limits.items() if value is not None}
    return {**known, "available": budgets.available, "evidence": str(budgets.evidence)}


def _relax(relax: Relax | None) -> Document | None:
    return None if relax is None else asdict(relax)


def _pick(choice: Choice) -> Document:
    best = choice.pick
    return {
        "model": choice.model.name,
        **candidate(best, choice.model),
        "budget": {"max_latency_ms": choice.max_latency_ms, "default": choice.default_budget},
        "runner_up": candidate(choice.runner_up, choice.model) if choice.runner_up else None,
        "fallbacks": [candidate(each, choice.model) for each in choice.fallbacks],
        "warnings": list(choice.warnings),
    } if best else {}  # fmt: skip


def candidate(each: Candidate, model: Model) -> Document:
    """One way to serve a model: variant, artifact, place and numbers."""
    left = each.falls_back
    return {
        "variant": each.variant.name,
        "artifact": _artifact(each.variant),
        "processor": each.processor,
        **({} if left is None else {"falls_back": _coverage(left)}),
        "runtime": each.runtime,
        "era": each.era,
        "threads": each.threads,
        "cores": each.cores or None,
        "latency_ms": _latency(each),
        "memory_bytes": each.memory_bytes,
        "flash_bytes": each.flash_bytes,
        "energy_mj": each.energy_mj,
        "accuracy": _accuracy(each.accuracy, model),
    }


def _coverage(coverage: DelegateCoverage) -> Document:
    return {**asdict(coverage), "whole": coverage.whole}


def _artifact(variant: Variant) -> Document:
    return {
        "format": variant.format,
        "availability": str(variant.availability),
        "size_bytes": variant.size_bytes,
        "sha256": variant.sha256,
        "url": None,
        "upstream": variant.upstream or None,
    }


def _latency(each: Candidate) -> Document:
    latency = each.latency
    if latency is None:
        return {"value": None, "low": None, "high": None, "evidence": str(Evidence.NONE), "source": None}
    return {
        "value": latency.value,
        "low": latency.low,
        "high": latency.high,
        "evidence": str(latency.evidence),
        "statistic": latency.statistic or None,
        "n": each.rows[0].runs if each.rows else None,
        "device": latency.device,
        "source": latency.source,
        "also": [{"value": row.latency_ms, "source": row.source, "place": row.place} for row in each.also],
    }


def _accuracy(accuracy: Accuracy | None, model: Model) -> Document | None:
    if accuracy is None:
        return None
    interval = accuracy.interval()
    split = f"{accuracy.dataset}/{accuracy.split}" if accuracy.split else accuracy.dataset
    return {
        "metric": accuracy.metric,
        "value": accuracy.value,
        "unit": model.unit or None,
        "low": round(interval[0], 3) if interval else None,
        "high": round(interval[1], 3) if interval else None,
        "dataset": split,
        "samples": accuracy.samples,
        "evidence": accuracy.evidence,
        "runtime": accuracy.runtime or None,
        "processor": accuracy.processor,
        "device": accuracy.device or None,
        "source": accuracy.source,
    }


def devices(found: Iterable[tuple[DeviceProfile, int]]) -> list[Document]:
    """The list of ``zoo devices``."""
    return [
        {
            "id": profile.id,
            "name": profile.name,
            "kind": str(profile.kind),
            "tier": str(profile.tier),
            "year": profile.year,
            "soc": profile.soc.name,
            "processors": sorted(profile.processors),
            "measurements": count,
        }
        for profile, count in found
    ]


def device(report: DeviceReport) -> Document:
    """The answer of ``zoo devices show``; without ``matched_by``, ``measured`` and ``same_soc`` a set of facts."""
    return {
        **asdict(report.target.profile),
        "matched_by": str(report.target.match.by),
        "measured": [
            {
                "model": model,
                "runtime": runtime,
                "processor": processor,
                "era": era,
                "variants": variants,
                "rows": rows,
            }
            for model, runtime, processor, era, variants, rows in report.measured
        ],
        "same_soc": [{"device": name, "rows": rows} for name, rows in report.same_soc],
    }


def models(found: Iterable[tuple[Model, int, int]]) -> list[Document]:
    """The list of ``zoo models``."""
    return [{**_model(each), "variants": variants, "measurements": rows} for each, variants, rows in found]


def _model(model: Model) -> Document:
    document = asdict(model)
    return {"model": document.pop("name"), **document}


def model(found: Model, variants: Iterable[Variant]) -> Document:
    """The answer of ``zoo models show``."""
    return {**_model(found), "variants": [variant(each, found) for each in variants]}


def variant(each: Variant, model: Model) -> Document:
    """One variant with every accuracy that is known of it."""
    return {
        "variant": each.name,
        "model": each.model,
        "net": each.net,
        "family": each.family,
        "alpha": each.alpha,
        "resolution": each.resolution or None,
        "precision": str(each.precision),
        **_artifact(each),
        "weights": each.weights,
        "params": each.params,
        "macs": each.macs,
        "operators": list(each.operators),
        "min_os": each.min_os or None,
        "digest": each.digest,
        "spec": asdict(each.spec) if each.spec else None,
        "certificate": {"sha256": each.certificate} if each.certificate else None,
        "coverage": [_coverage(coverage) for coverage in each.coverage],
        "accuracy": _accuracy(each.accuracy(model), model),
        "accuracies": [_accuracy(accuracy, model) for accuracy in each.accuracies],
        "yanked": asdict(each.yanked) if each.yanked else None,
        "source": each.source,
        "note": each.note or None,
    }


def measurement(row: Measurement) -> Document:
    """One measurement, with everything its source says."""
    return {**asdict(row), "excluded": row.excluded or None, "note": row.note or None}


def plan(variant: Variant, lines: Iterable[PlanLine], model: Model) -> Document:
    """The answer of ``zoo plan``."""
    return {
        "variant": variant.name,
        "model": variant.model,
        "devices": [
            {
                "device": each.device.id,
                "name": each.device.name,
                "kind": str(each.device.kind),
                "runs": not each.broken,
                "processor": each.candidate.processor,
                "runtime": each.candidate.runtime or None,
                "threads": each.candidate.threads,
                "era": each.candidate.era,
                "latency_ms": _latency(each.candidate),
                "accuracy": _accuracy(each.candidate.accuracy, model),
                "reasons": [str(broken) for broken in each.broken],
            }
            for each in lines
        ],
    }


def diff(report: DiffReport) -> Document:
    """The answer of ``zoo diff``."""
    return {
        "device": _target(report.target),
        "model": report.model.name,
        "variants": [variant(each, report.model) for each in report.variants],
        "ways": [[candidate(each, report.model) if each else None for each in pair] for pair in report.ways],
    }


def portfolio(found: Portfolio) -> Document:
    """The answer of ``zoo portfolio``."""
    return {
        "model": found.model.name,
        "cover": list(found.cover),
        "cover_is": "exact" if found.exact else "greedy",
        "served_by": dict(found.served_by),
        "best_accuracy": dict(found.best),
        "unserved": list(found.unserved),
        "dominated": [asdict(each) for each in found.dominated],
        "dominated_by_twin": [each.variant for each in found.dominated if each.twin],
        "without_quantized_twin": list(found.without_twin),
        "front": [_step(each) for each in found.front],
        "gaps": [_step(each) for each in found.gaps],
    }


def _step(step: Step) -> Document:
    return {**asdict(step), "points_per_mb": step.points_per_mb, "points_per_ms": step.points_per_ms}
