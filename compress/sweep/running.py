"""Runs a sweep: starts what is ready, keeps what is finished, reports what failed, goes on with the rest."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from compress.sweep.progress import Pace, Progress
from compress.sweep.stages import Stage, ordered
from compress.sweep.store import Store
from compress.sweep.work import Failure, failure_of
from zoo.errors import SweepError

TICK_SECONDS = 1.0

Listener = Callable[[Progress], None]
"""Told of every change, and about every second between."""


@dataclass(frozen=True, slots=True)
class Job:
    """A stage that is about to run.

    Attributes:
        stage: what is to be made.
        function: ``module:function``.
        parents: folders of the finished parents, by role.
        staging: folder for its files.
        log: file for what it prints.
    """

    stage: Stage
    function: str
    parents: Mapping[str, Path]
    staging: Path
    log: Path


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended.

    Attributes:
        job: which.
        seconds: that it took.
        failure: why there are no files; ``None`` where they are all in its staging folder, synced.
    """

    job: Job
    seconds: float
    failure: Failure | None


class Executor(Protocol):
    """Runs jobs somewhere.

    Attributes:
        slots: jobs that run at a time.
    """

    slots: int

    def start(self, job: Job) -> None:
        """Start a job and return at once.

        Raises:
            OSError: it cannot be started.
        """
        ...

    def wait(self, seconds: float) -> list[Ended]:
        """The jobs that have ended; waits at most so long for one."""
        ...

    def stop(self) -> None:
        """End all jobs that run, and whatever they have started."""
        ...


@dataclass(frozen=True, slots=True)
class Missed:
    """A stage that was not made.

    Attributes:
        stage: which.
        reason: one line.
        log: of its job; ``None`` where it was not started.
    """

    stage: Stage
    reason: str
    log: Path | None

    def __str__(self) -> str:
        """Render as a line."""
        if self.log is None:
            return f"{self.stage.title}: {self.reason}"
        return f"{self.stage.title}: failed: {self.reason}. Its log: {self.log}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sweep ended.

    Attributes:
        finished: stages that are in the store.
        made: those of them that this run made.
        missed: stages that failed or were skipped.
    """

    finished: tuple[Stage, ...]
    made: tuple[Stage, ...]
    missed: tuple[Missed, ...]


def run(
    stages: Iterable[Stage],
    function: str,
    store: Store,
    executor: Executor,
    listen: Listener = lambda _: None,
) -> Outcome:
    """Make every stage that the store does not hold.

    Args:
        stages: with their parents, in the order in which they should be started.
        function: ``module:function`` that makes a stage, see `compress.sweep`.
        store: of finished stages; this process must hold its lock.
        executor: runs the jobs.
        listen: told how far it is.

    Returns:
        What was made, and what was not and why.

    Raises:
        SweepError: the disk is full; what was finished stays.
        ValueError: a parent is not among the stages.
        KeyboardInterrupt: by the user; running jobs are ended, what was finished stays.
    """
    sweep = _Sweep(ordered(stages), function, store, executor, listen)
    try:
        sweep.find_finished()
        sweep.run()
    finally:
        executor.stop()
    return sweep.outcome()


@dataclass(slots=True)
class _Sweep:
    """A sweep on its way; every stage is in one of waiting, running, finished and missed."""

    stages: tuple[Stage, ...]
    function: str
    store: Store
    executor: Executor
    listen: Listener
    waiting: dict[str, Stage] = field(default_factory=dict)
    running: dict[str, tuple[Job, float]] = field(default_factory=dict)
    finished: dict[str, Stage] = field(default_factory=dict)
    made: list[Stage] = field(default_factory=list)
    missed: dict[str, Missed] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    full: str = ""

    def find_finished(self) -> None:
        for each in self.stages:
            if self.store.holds(each.key):
                self.finished[each.key] = each
                record = self.store.record(each.key)
                if record is not None:
                    self.pace.add(each, record["seconds"])
            else:
                self.waiting[each.key] = each

    def run(self) -> None:
        self.start_ready()
        self.tell()
        while self.running:
            ended = self.executor.wait(TICK_SECONDS)
            for each in ended:
                self.take(each)
            self.start_ready()
            self.tell()
        if self.full:
            raise SweepError(
                f"{self.full}. {len(self.finished)} of {len(self.stages)} stages are finished and stay; "
                "make room and give the same command again"
            )

    def start_ready(self) -> None:
        for each in tuple(self.waiting.values()):
            if len(self.running) >= self.executor.slots or self.full:
                return
            if all(key in self.finished for key in each.parents.values()):
                del self.waiting[each.key]
                self.start(each)

    def start(self, stage: Stage) -> None:
        parents = {role: self.store.folder(key) for role, key in stage.parents.items()}
        try:
            staging = self.store.staging(stage.key)
            job = Job(stage, self.function, parents, staging, self.store.log(stage.key))
            self.executor.start(job)
        except OSError as problem:
            self.fail(stage, failure_of(problem))
        else:
            self.running[stage.key] = (job, time.monotonic())

    def take(self, ended: Ended) -> None:
        """A job has ended: its files are finished, or it has failed."""
        job, failure = ended.job, ended.failure
        del self.running[job.stage.key]
        if failure is None:
            try:
                self.store.commit(job.stage, job.staging, ended.seconds)
            except OSError as problem:
                failure = failure_of(problem)
        if failure is not None:
            self.store.discard(job.staging)
            self.fail(job.stage, failure)
            return
        self.pace.add(job.stage, ended.seconds)
        self.finished[job.stage.key] = job.stage
        self.made.append(job.stage)

    def fail(self, stage: Stage, failure: Failure) -> None:
        if failure.is_full:
            self.full = f"no room for '{stage.title}' in '{self.store.work}' ({failure.reason})"
        self.missed[stage.key] = Missed(stage, failure.reason, self.store.log(stage.key))
        for each in tuple(
            self.waiting.values()
        ):  # parents come first, so one pass finds all that build on it
            lost = next((self.missed[key] for key in each.parents.values() if key in self.missed), None)
            if lost is not None:
                del self.waiting[each.key]
                reason = f"skipped: its parent '{lost.stage.title}' {'failed' if lost.log else 'was skipped'}"
                self.missed[each.key] = Missed(each, reason, None)

    def tell(self) -> None:
        now = time.monotonic()
        running = [(job.stage, now - since) for job, since in self.running.values()]
        left = self.pace.left(self.waiting.values(), running, self.executor.slots)
        titles = tuple(stage.title for stage, _ in running)
        self.listen(Progress(len(self.finished), len(self.stages), len(self.missed), titles, left))

    def outcome(self) -> Outcome:
        finished = tuple(each for each in self.stages if each.key in self.finished)
        missed = tuple(self.missed[each.key] for each in self.stages if each.key in self.missed)
        return Outcome(finished, tuple(self.made), missed)
