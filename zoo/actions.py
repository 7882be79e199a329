"""What a user can do, one function a verb; the faces only call these and print what comes back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from device_profiles.matching import Match, MatchedBy, match_facts, match_name
from device_profiles.profile import DeviceFacts, DeviceProfile, Kind, Tier
from registry.candidates import Candidate, measured, unmeasured
from registry.choice import Choice, Rejection, Shelf, explain, line_up
from registry.choice import pick as choose
from registry.portfolio import Fleet, Portfolio
from registry.portfolio import portfolio as assess
from registry.ranking import Request
from registry.reader import Reader, shipped_registry
from registry.rules import Broken, Needs, misfits
from registry.values import Evidence, Measurement, Model, Processor, Variant
from zoo.errors import UnknownNameError, UsageError
from zoo.predictor import Predictions

_LATER = ("postgresql", "postgres", "https", "http", "s3")


def open_registry(location: str | None) -> Reader:
    """Open the registry at ``location`` for reading; ``None`` is the shipped one.

    Raises:
        UsageError: the location is no file path.
        RegistryError: the file is missing, damaged or of another schema.
    """
    return Reader(path_of(location))


def path_of(location: str | None) -> Path:
    """Where the registry at ``location`` lies; ``None`` is the shipped one.

    Raises:
        UsageError: the location is no file path.
    """
    if location is None:
        return shipped_registry()
    scheme = location.partition(":")[0].partition("+")[0]
    if "://" in location and scheme in _LATER:
        raise UsageError(f"registry '{location}': this version reads SQLite files only. Give the path of one")
    return Path(location)


@dataclass(frozen=True, slots=True)
class Target:
    """The device that an answer is for.

    Attributes:
        profile: what it can do.
        match: what it was found by.
        own: id whose measurements are its own; empty where the device itself was never measured.
        soc: id of the SoC whose measurements count as ``same-soc``; empty where it is unknown.
    """

    profile: DeviceProfile
    match: Match
    own: str
    soc: str


def find_device(registry: Reader, name: str) -> Target:
    """Find a device by id, alias or SoC.

    Where only the SoC is named, the best measured device with it stands for it, and every measurement with
    that SoC is evidence ``same-soc``: nobody said that it is that very device.

    Raises:
        UnknownNameError: no device bears the name.
        AmbiguousNameError: several do.
    """
    match = match_name(name, registry.names(), registry.measurement_counts())
    profile = registry.device(match.device)
    own = profile.id if match.by is not MatchedBy.SOC else ""
    return Target(profile, match, own, profile.soc.id)


def describe_device(registry: Reader, facts: DeviceFacts) -> Target:
    """Find the device that ``facts`` describe, else the nearest one, and lay the facts over its profile.

    A device that is only near lends its profile, never its measurements.
    """
    match = match_facts(facts, registry.devices(), registry.measurement_counts())
    profile = registry.device(match.device)
    if match.by in {MatchedBy.ID, MatchedBy.ALIAS}:
        return Target(profile, match, profile.id, profile.soc.id)
    described = replace(
        profile,
        name=facts.name or f"a device like {profile.name}",
        ram_bytes=facts.ram_bytes or profile.ram_bytes,
        memory=facts.memory or profile.memory,
        os=facts.os or profile.os,
        cpu=facts.cpu or profile.cpu,
        supports=facts.supports or profile.supports,
    )
    return Target(described, match, "", profile.soc.id if match.by is MatchedBy.SOC else "")


@dataclass(frozen=True, slots=True)
class PickReport:
    """Picks over one or all models.

    Attributes:
        target: the device.
        request: budgets and objective.
        choices: one a model, by name.
        rejections: by model; empty unless asked for.
    """

    target: Target
    request: Request
    choices: tuple[Choice, ...]
    rejections: tuple[tuple[str, tuple[Rejection, ...]], ...] = ()

    @property
    def answered(self) -> bool:
        """Whether any model has an answer."""
        return any(each.pick for each in self.choices)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a device is offered.

    Attributes:
        channel: such as ``stable``.
        key: of the device, which rollouts by percentage go by; empty where it has none.
    """

    channel: str
    key: str = ""


def pick(
    registry: Reader,
    target: Target,
    request: Request,
    *,
    model: str | None = None,
    task: str | None = None,
    explained: bool = False,
    offer: Offer | None = None,
) -> PickReport:
    """Choose for one model, the models of one task, or all models.

    Args:
        registry: where from.
        target: the device.
        request: budgets and objective.
        model: only this one.
        task: only models of this one.
        explained: say why each other candidate is not the answer.
        offer: choose only from what a channel offers the device; models without that channel are left out.

    Raises:
        UnknownNameError: no such model, task or channel.
        UsageError: a format that no variant has.
    """
    shelves = _shelves(registry, target, model)
    if offer is not None:
        from zoo.releasing import on_channel  # noqa: PLC0415 - few picks are from a channel

        shelves = on_channel(registry, shelves, target.profile, offer)
    if task is not None:
        tasks = {each.model.task for each in shelves.values()}
        if task not in tasks:
            raise UnknownNameError("task", task, tasks, advice=f"Known: {', '.join(sorted(tasks))}")
        shelves = {name: each for name, each in shelves.items() if each.model.task == task}
    _known_formats(registry, request.budgets.formats)
    is_wanted = request.budgets.evidence is Evidence.PREDICTED
    predictor = Predictions(registry, is_own=bool(target.own)) if is_wanted else None
    choices = [choose(each, target.profile, request, predictor) for each in shelves.values()]
    rejections = (
        [(name, tuple(explain(each, target.profile, request, predictor))) for name, each in shelves.items()]
        if explained
        else []
    )
    return PickReport(target, request, tuple(choices), tuple(rejections))


def _shelves(registry: Reader, target: Target, model: str | None) -> dict[str, Shelf]:
    return registry.shelves(target.own, target.soc, model)


def _known_formats(registry: Reader, formats: Collection[str]) -> None:
    known = registry.formats()
    for each in formats:
        if each not in known:
            raise UnknownNameError("format", each, known, advice=f"Known: {', '.join(known)}")


def devices(
    registry: Reader, *, kind: Kind | None = None, tier: Tier | None = None, soc: str | None = None
) -> list[tuple[DeviceProfile, int]]:
    """Profiles and the number of their measurements, filtered.

    Raises:
        UnknownNameError: no device has that SoC.
    """
    counts = registry.measurement_counts()
    profiles = registry.devices()
    if soc is not None:
        names = [each for each in registry.names() if each.by is MatchedBy.SOC]
        chip = registry.device(match_name(soc, names, counts).device).soc.id
        profiles = [each for each in profiles if each.soc.id == chip]
    return [
        (each, counts.get(each.id, 0))
        for each in profiles
        if kind in (None, each.kind) and tier in (None, each.tier)
    ]


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """One device and what is measured on it.

    Attributes:
        target: the device.
        measured: model, runtime, processor, era, and the number of variants and rows.
        same_soc: ids of the other devices with its SoC, with the number of their rows.
    """

    target: Target
    measured: tuple[tuple[str, str, Processor, int | None, int, int], ...]
    same_soc: tuple[tuple[str, int], ...]


def show_device(registry: Reader, name: str) -> DeviceReport:
    """Everything known of one device."""
    target = find_device(registry, name)
    owner = {each.name: each.model for each in registry.variants().values()}
    groups: dict[tuple[str, str, Processor, int], list[Measurement]] = {}
    for row in registry.measurements(device=target.profile.id):
        if not row.excluded:
            groups.setdefault((owner[row.variant], row.runtime, row.processor, row.era or 0), []).append(row)
    lines = [
        (model, runtime, processor, era or None, len({row.variant for row in rows}), len(rows))
        for (model, runtime, processor, era), rows in sorted(groups.items())
    ]
    counts = registry.measurement_counts()
    alike = [each.id for each in registry.devices() if each.soc.id == target.profile.soc.id]
    others = [(each, counts.get(each, 0)) for each in alike if each != target.profile.id]
    return DeviceReport(target, tuple(lines), tuple(others))


def models(registry: Reader) -> list[tuple[Model, int, int]]:
    """Each model with the number of its variants and usable measurements."""
    variants = registry.variants()
    rows = registry.variant_counts()
    found = []
    for name, model in registry.models().items():
        own = [each.name for each in variants.values() if each.model == name]
        found.append((model, len(own), sum(rows.get(each, 0) for each in own)))
    return found


def find_model(registry: Reader, name: str) -> Model:
    """One model.

    Raises:
        UnknownNameError: no such model.
    """
    known = registry.models()
    if name not in known:
        raise UnknownNameError("model", name, list(known), advice="List them with: zoo models")
    return known[name]


def variants(registry: Reader, name: str) -> tuple[Model, list[Variant]]:
    """The variants of a model, by name."""
    return find_model(registry, name), list(registry.variants(find_model(registry, name).name).values())


def find_variant(registry: Reader, name: str) -> Variant:
    """One variant.

    Raises:
        UnknownNameError: no such variant.
    """
    known = registry.variants()
    if name not in known:
        raise UnknownNameError("variant", name, list(known), advice="List them with: zoo variants MODEL")
    return known[name]


def measurements(
    registry: Reader, *, device: str | None = None, model: str | None = None, variant: str | None = None
) -> list[Measurement]:
    """The rows behind the numbers, excluded ones too, in the order of the tables.

    Args:
        registry: the registry.
        device: id, alias or SoC of a device; ``None`` means all.
        model: name of a model; ``None`` means all.
        variant: name of a variant; ``None`` means all.

    Raises:
        UnknownNameError: no such device, model or variant.
        UsageError: nothing is named: that would be the whole registry.
    """
    if device is None and model is None and variant is None:
        raise UsageError("name what you want to see: --device, --model or --variant")
    if variant is not None:
        model = find_variant(registry, variant).model
    elif model is not None:
        model = find_model(registry, model).name
    own = find_device(registry, device).profile.id if device is not None else None
    rows = registry.measurements(device=own, model=model)
    return [row for row in rows if variant in (None, row.variant)]


@dataclass(frozen=True, slots=True)
class PlanLine:
    """Whether one device can run a variant.

    Attributes:
        device: the device.
        candidate: its fastest known way there, or the way that breaks the fewest rules.
        broken: the rules that keep it off; empty when it runs.
    """

    device: DeviceProfile
    candidate: Candidate
    broken: tuple[Broken, ...]


def plan(registry: Reader, name: str) -> tuple[Variant, list[PlanLine]]:
    """On which devices a variant runs, the fastest first, then those without a number, then the misfits.

    Raises:
        UnknownNameError: no such variant.
    """
    variant = find_variant(registry, name)
    lines = []
    for profile, shelf in fleet(registry, variant.model, only=[name]).values():
        known = line_up(shelf, profile)
        ways = known + [each for each, _ in unmeasured(shelf.model, [variant], profile, known)]
        judged = [(misfits(each, profile, shelf.needs), each) for each in ways]
        broken, best = min(judged, key=lambda each: (len(each[0]), _milliseconds(each[1])))
        lines.append(PlanLine(profile, best, tuple(broken)))
    return variant, sorted(
        lines, key=lambda each: (len(each.broken) > 0, _milliseconds(each.candidate), each.device.id)
    )


def _milliseconds(candidate: Candidate) -> float:
    return candidate.latency.high if candidate.latency else float("inf")


def fleet(registry: Reader, name: str, *, only: Collection[str] = (), devices: Collection[str] = ()) -> Fleet:
    """What is known of a model on every device, or on some.

    Args:
        registry: the registry.
        name: the model.
        only: names of the variants to look at; empty means all.
        devices: ids to look at; empty means all.
    """
    found = find_model(registry, name)
    variants = {key: each for key, each in registry.variants(name).items() if not only or key in only}
    profiles = {each.id: each for each in registry.devices()}
    by_soc: dict[str, list[Measurement]] = {}
    for row in registry.measurements(model=name):
        by_soc.setdefault(profiles[row.device].soc.id, []).append(row)
    needs: Needs = registry.needs()
    result = {}
    for key, profile in profiles.items():
        if not devices or key in devices:
            rows = [
                row if row.device == key else replace(row, evidence=Evidence.SAME_SOC)
                for row in by_soc.get(profile.soc.id, [])
            ]
            result[key] = (profile, Shelf(found, variants, rows, needs))
    return result


@dataclass(frozen=True, slots=True)
class DiffReport:
    """Two variants side by side on one device.

    Attributes:
        target: the device.
        model: their model.
        variants: both.
        ways: for each (runtime, processor, threads, cores, era) that either has, the candidate of each.
    """

    target: Target
    model: Model
    variants: tuple[Variant, Variant]
    ways: tuple[tuple[Candidate | None, Candidate | None], ...]


def diff(registry: Reader, names: tuple[str, str], device: str) -> DiffReport:
    """Compare two variants of one model on a device.

    Raises:
        UnknownNameError: no such variant or device.
        UsageError: the variants belong to different models.
    """
    one, other = (find_variant(registry, each) for each in names)
    if one.model != other.model:
        raise UsageError(
            f"'{one.name}' is a {one.model} and '{other.name}' a {other.model}: "
            "accuracies of different models cannot be compared. Give two variants of one model"
        )
    target = find_device(registry, device)
    shelf = _shelves(registry, target, one.model)[one.model]
    pair = {each.name: each for each in (one, other)}
    sides: dict[tuple[str, str, int, str], dict[str, Candidate]] = {}
    for each in measured(shelf.model, pair, shelf.rows):
        key = (each.processor or "", each.runtime, each.threads or 0, each.cores)
        sides.setdefault(key, {})[each.variant.name] = each
    ways = [(found.get(one.name), found.get(other.name)) for _, found in sorted(sides.items())]
    return DiffReport(target, shelf.model, (one, other), tuple(ways))


def portfolio(
    registry: Reader,
    name: str,
    *,
    device_names: Sequence[str] = (),
    within: float = 1.0,
) -> Portfolio:
    """Which variants of a model a fleet needs.

    Args:
        registry: the registry.
        name: the model.
        device_names: ids or aliases; empty means every device.
        within: points of accuracy a device may lose against its own best.

    Raises:
        UnknownNameError: no such model or device.
        UsageError: ``within`` is no number from zero up.
    """
    if not 0 <= within < float("inf"):
        raise UsageError(f"within is {within!r}, but points of accuracy are a number from zero up")
    ids = [find_device(registry, each).profile.id for each in device_names]
    found = fleet(registry, name, devices=ids)
    return assess(find_model(registry, name), found, within)
