"""Writes what was measured into a registry of the user's own: rows with their source, environment and command.

Each variant is written when it is measured, in a transaction of its own: an interrupted run loses the one that it was
at, and the same command goes on with the next. The shipped registry is never written: it is made from texts.
"""

import hashlib
import json
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.adb import Phone
from bench.environment import Environment, read_environment
from bench.probing import facts_of, read_host
from bench.runners.base import ANDROID, HOST, chosen, runner
from device_profiles.matching import MatchedBy, match_facts, tokens
from device_profiles.profile import (
    CpuCluster,
    DeviceFacts,
    DeviceProfile,
    Kind,
    Processor,
    Soc,
    Support,
    Tier,
)
from registry.blobs import Blobs
from registry.catalogue import Source
from registry.reader import Reader, held_files, shipped_registry
from registry.values import Accuracy, Availability, Evidence, Measurement, Variant
from zoo.benching import ALL_KERNELS, Asked, Bench, chosen_runner, command, measure
from zoo.errors import BenchError, RegistryError, UnknownNameError, UsageError, ZooError

_GIB = 2**30
_EMULATED = "emulated by zoo bench"
_PROBED = "asked of the device itself by zoo probe"
Watch = Callable[[int, int], None]
"""Told how many variants of how many are done."""


def own_registry(location: str | None) -> Path:
    """The registry that may be written.

    Raises:
        UsageError: none is named, it is the shipped one, or it is no file.
        RegistryError: there is none.
    """
    advice = "Make one with: zoo rebuild --out own.db"
    if location is None:
        raise UsageError(
            f"name the registry to write to with --registry FILE: the shipped one is not written. {advice}"
        )
    if "://" in location:
        raise UsageError(
            f"registry '{location}' is no file, and measurements are written to files only. {advice}"
        )
    path = Path(location)
    if path.exists() and path.resolve() == shipped_registry().resolve():
        raise UsageError(f"'{location}' is the shipped registry, which is made from texts only. {advice}")
    with Reader(path):  # says what is no registry
        return path


@dataclass(frozen=True, slots=True)
class Target:
    """The device that rows are of.

    Attributes:
        id: in the registry, or what it will have there.
        added: its profile where the registry lacks it; ``None`` where it has it.
    """

    id: str
    added: DeviceProfile | None


def host(registry: Reader) -> Target:
    """This machine as a device: one that the registry knows by name, else one of its own."""
    return as_device(facts_of(read_host()), registry)


def device_of(path: Path, asked: Asked) -> Target:
    """The device that was measured, as the registry at ``path`` has it or will have it."""
    with Reader(path) as opened:
        if asked.device == HOST:
            return host(opened)
        if asked.device != ANDROID:
            return emulated(asked, opened)
        return as_device(facts_of(Phone(asked.setup.serial).read()), opened)


def emulated(asked: Asked, registry: Reader) -> Target:
    """An emulated core as a device: the microcontroller that was named, else one of its own."""
    if asked.board:
        return Target(asked.board, None)
    name, is_mcu = f"emulated-{asked.device}", asked.device.startswith("cortex-m")
    core = f"Cortex-{asked.device.rpartition('-')[2].upper()}"
    runtime, precisions = ("bakenn-cmsis-nn", ("int8",)) if is_mcu else ("tflite", ())
    profile = DeviceProfile(
        id=name,
        name=f"Emulated {core}",
        kind=Kind.MCU if is_mcu else Kind.BOARD,
        tier=Tier.LOW,
        soc=Soc(id=name, name=f"Emulated {core}", cpu=(CpuCluster(1, core),)),
        supports=(Support(runtime, "tflite", Processor.CPU, precisions, cited=_EMULATED),),
        note="Not a shipped profile: QEMU's core, which has instructions and no times; the tier is a guess.",
        cited={"cpu": _EMULATED},
    )
    return Target(name, None if any(each.id == name for each in registry.devices()) else profile)


def as_device(facts: DeviceFacts, registry: Reader) -> Target:
    """The device of these facts: one that the registry knows by a name of its own, else a new one.

    A device that is only near is another one: rows of this machine may not count as its.
    """
    known = registry.devices()
    own = _profile(facts, known)
    if any(each.id == own.id for each in known):
        return Target(own.id, None)
    try:
        match = match_facts(facts, known)
    except UnknownNameError:  # not even a device that it is like
        return Target(own.id, own)
    if match.by in {MatchedBy.ID, MatchedBy.ALIAS}:
        return Target(match.device, None)
    return Target(own.id, own)


def _profile(facts: DeviceFacts, known: Sequence[DeviceProfile]) -> DeviceProfile:
    """A profile of facts; what changes from start to start, as a clock of the moment does, is no part of its id."""
    cores = sum(each.cores for each in facts.cpu)
    memory = None if facts.ram_bytes is None else round(facts.ram_bytes / _GIB)
    identity = [facts.name, facts.soc_name, [(each.core, each.cores) for each in facts.cpu], memory]
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:8]
    chip = facts.soc_name or (facts.cpu[0].core if facts.cpu else "unknown chip")
    socs = {each.soc.id: each.soc for each in known}
    slug = "-".join(tokens(chip))
    name = f"{facts.name or chip} ({cores} processors{f', {memory} GiB' if memory else ''})"
    is_phone = facts.kind is Kind.PHONE
    return DeviceProfile(
        id=f"{'phone' if is_phone else HOST}-{digest}",
        name=name,
        kind=facts.kind or Kind.BOARD,
        tier=Tier.MID,
        soc=socs.get(slug) or Soc(id=slug, name=chip, cpu=facts.cpu),
        aliases=tuple(dict.fromkeys((*facts.names, *(() if is_phone else (HOST,))))),
        ram_bytes=facts.ram_bytes,
        os=facts.os,
        supports=facts.supports,
        cpu=facts.cpu,
        note=f"Not a shipped profile: {_PROBED}; the tier is a guess.",
        cited=dict.fromkeys(("cpu", "ram_bytes", "os", "soc"), _PROBED),
    )


def source_of(environment: Environment, year: int) -> Source:
    """What rows of this environment cite; its note is the whole environment as JSON."""
    text = json.dumps(asdict(environment), sort_keys=True)
    digest = hashlib.sha256(f"{year} {text}".encode()).hexdigest()[:12]
    name = f"zoo-bench-{digest}"
    return Source(name, f"zoo bench on {environment} ({name})", year, text)


def row(bench: Bench, variant: str, device: str) -> Measurement:
    """What was measured, as the registry keeps it."""
    measured, latency = bench.measured, bench.measured.latency
    year = int(bench.date[:4])
    return Measurement(
        variant=variant,
        device=device,
        runtime=measured.runtime,
        runtime_version=measured.runtime_version,
        era=year,
        processor=Processor(measured.processor),
        processor_word=measured.kernels,
        threads=measured.threads,
        cores="",
        latency_ms=latency.median_ms if latency else None,
        low_ms=latency.p10_ms if latency else None,
        high_ms=latency.p90_ms if latency else None,
        statistic=measured.statistic if latency else "",
        runs=latency.runs if latency else None,
        peak_memory_bytes=measured.peak_memory_bytes,
        ram_bytes=measured.arena_bytes if measured.ram_bytes is None else measured.ram_bytes,
        flash_bytes=measured.flash_bytes,
        energy_mj=None,
        layers_npu=None,
        layers_gpu=None,
        layers_cpu=None,
        os=bench.environment.system if bench.asked.device == HOST else "",
        source=source_of(bench.environment, year).id,
        place=replace(bench, asked=replace(bench.asked, variant=variant)).command,
        excluded="",
        note=_note(bench),
        instructions=measured.instructions,
        evidence=Evidence.MEASURED,
    )


def _note(bench: Bench) -> str:
    """The date, the interval, the load, the sustained run and what may have spoilt it, in one line."""
    measured = bench.measured
    parts = [bench.date]
    if measured.latency is not None:
        found = measured.latency
        parts.append(f"median's 95 % interval {found.low_ms:.4g} to {found.high_ms:.4g} ms")
        parts.append(f"{measured.warm_up_runs} runs to warm up")
    if measured.sustained is not None:
        found_long = measured.sustained
        parts.append(
            f"sustained {found_long.seconds:.0f} s: {found_long.first.median_ms:.4g} ms first, "
            f"{found_long.last.median_ms:.4g} ms last"
        )
    parts += map(str, measured.comparisons)
    if bench.before.load is not None and measured.latency is not None:
        parts.append(f"load {bench.before.load:.1f}")
    return "; ".join((*parts, *bench.notes))


def variants_of(path: Path, file: Path) -> list[str]:
    """Names of the variants that a file is, by its bytes.

    Raises:
        UsageError: the registry has none.
    """
    from converters.inspection.packages import digest  # noqa: PLC0415 - needs an extra

    sha256 = digest(file)[0]
    with Reader(path) as opened:
        names = [each.name for each in opened.variants(specs=False).values() if each.sha256 == sha256]
    if not names:
        raise UsageError(
            f"'{path}' has no variant with the digest of '{file}', so nothing could be written. Leave --save out"
        )
    return names


def keep(path: Path, benches: Sequence[Bench], names: Sequence[str]) -> None:
    """Write what was measured of one file into a registry.

    Args:
        path: the registry.
        benches: one a kind of kernels.
        names: of the variants that the file is.

    Raises:
        RegistryError: it cannot be written.
    """
    from registry import store  # noqa: PLC0415 - SQLModel loads only when something is written

    for each in benches:
        target = _target(path, each)
        rows = [row(each, name, target.id) for name in names]
        store.record(path, source_of(each.environment, int(each.date[:4])), _added(target), rows)


def _target(path: Path, bench: Bench) -> Target:
    """The device that rows are of: on a board each row proves fit, so what does not fit there is its core's alone."""
    fit = bench.measured.fit
    fits = fit is None or fit.holds
    return device_of(path, bench.asked if fits else replace(bench.asked, board=""))


def _added(target: Target) -> list[DeviceProfile]:
    return [] if target.added is None else [target.added]


@dataclass(frozen=True, slots=True)
class Filled:
    """One variant of a run over all.

    Attributes:
        variant: name of it.
        bench: what was measured; ``None`` where nothing was.
        reason: why nothing was; empty where something was.
        failed: whether that is a failure; otherwise it was measured before.
    """

    variant: str
    bench: Bench | None
    reason: str = ""
    failed: bool = False


def fill(path: Path, asked: Asked, watch: Watch, *, again: bool = False) -> Iterator[Filled]:
    """Measure every variant whose file is held, and write each one as soon as it is measured.

    Args:
        path: the registry.
        asked: how; its file does not count.
        watch: see `Watch`.
        again: measure also what was measured in this environment before.

    Yields:
        One a variant, by name.

    Raises:
        UsageError: the registry holds no file.
        RegistryError: it cannot be written: then nothing more is measured.
    """
    if asked.setup.kernels == ALL_KERNELS:
        raise UsageError(
            "--all measures one kind of kernels in a run; name it with --kernels, or leave it out"
        )
    target = device_of(path, asked)
    with Reader(path) as opened:
        variants = [
            each for each in opened.variants(specs=False).values() if each.availability is Availability.HELD
        ]
        source = source_of(read_environment(), datetime.now(UTC).year).citation
        ids = {target.id, f"emulated-{asked.device}"}  # what does not fit a board is its core's, see _target
        own = [] if again else [each for each in opened.measurements() if each.device in ids]
        done = {each.place for each in own if each.source == source}
    if not variants:
        raise UsageError(
            f"'{path}' holds no file: its variants are catalogued or rebuildable only. Compress one with: zoo compress"
        )
    for place, each in enumerate(sorted(variants, key=lambda one: one.name)):
        watch(place, len(variants))
        yield _filled(path, each, replace(asked, variant=each.name), done)
    watch(len(variants), len(variants))


def _filled(path: Path, variant: Variant, asked: Asked, done: Container[str]) -> Filled:
    from registry import store  # noqa: PLC0415 - SQLModel loads only when something is written

    try:
        file = held_file(path, variant)
        name = chosen_runner(asked.runtime, variant.format, asked.device)
        if command(asked, name, chosen(asked.setup.kernels, runner(name).kernels)) in done:
            return Filled(variant.name, None, "measured before")
        (bench,) = measure(replace(asked, file=file, runtime=name), lambda *_: None)
    except RegistryError:
        raise
    except ZooError as problem:
        return Filled(variant.name, None, str(problem), failed=True)
    source, target = source_of(bench.environment, int(bench.date[:4])), _target(path, bench)
    store.record(path, source, _added(target), [row(bench, variant.name, target.id)])
    return Filled(variant.name, bench)


def held_file(path: Path, variant: Variant) -> Path:
    """Where the file of a variant lies, its bytes checked: beside the registry, or with the shipped one.

    Raises:
        BenchError: it is nowhere, or its bytes are others.
    """
    faults = []
    for folder in dict.fromkeys((path.with_suffix(".blobs"), held_files())):
        fault = Blobs(folder).fault(variant.sha256 or "")
        if fault is None:
            return Blobs(folder).path(variant.sha256 or "")
        faults.append(f"in '{folder}' {fault}")
    raise BenchError(f"the file of '{variant.name}' cannot be used: {'; '.join(faults)}")


def find_held(path: Path, name: str) -> Path:
    """The held file of a variant by its name.

    Raises:
        UnknownNameError: no such variant.
        BenchError: its file is not held.
    """
    with Reader(path) as opened:
        variants = opened.variants(specs=False)
    if name not in variants:
        raise UnknownNameError("variant", name, tuple(variants), advice="List them with: zoo variants MODEL")
    if variants[name].availability is not Availability.HELD:
        raise BenchError(f"the file of '{name}' is not held: it is {variants[name].availability}")
    return held_file(path, variants[name])


def keep_accuracy(path: Path, names: Sequence[str], accuracy: Accuracy, asked: Asked) -> None:
    """Write an accuracy as one of a device's processor and kernels.

    Args:
        path: the registry.
        names: of the variants that the scored file is.
        accuracy: what was scored; its device and source are filled in here.
        asked: the device whose kernels ran it: this machine, or an emulated one.

    Raises:
        RegistryError: it cannot be written.
    """
    from registry import store  # noqa: PLC0415 - SQLModel loads only when something is written

    target = device_of(path, asked)
    source = source_of(read_environment(), datetime.now(UTC).year)
    found = replace(accuracy, device=target.id, source=source.id)
    store.record(path, source, _added(target), accuracies=[(name, found) for name in names])
