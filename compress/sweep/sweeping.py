"""A whole sweep in one call."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from compress.sweep.local import LocalExecutor
from compress.sweep.running import Executor, Listener, Outcome, run
from compress.sweep.stages import Stage
from compress.sweep.store import Store
from zoo.errors import UsageError


@dataclass(frozen=True, slots=True)
class Place:
    """Where jobs run.

    Attributes:
        jobs: processes of this machine at a time; ``None`` for as many as it has processors for.
        threads: of each job. Sums of floats depend on it in their last bits, so it does not follow from ``jobs``.
        ray: address of a cluster, or ``local``; empty for processes of this machine.
    """

    jobs: int | None = None
    threads: int = 1
    ray: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: fewer than one job or thread, or jobs of this machine on a cluster.
        """
        for what, number in (("--jobs", self.jobs), ("--threads", self.threads)):
            if number is not None and number < 1:
                raise UsageError(f"{what} is {number}, but 1 or more are wanted")
        if self.jobs is not None and self.ray:
            raise UsageError(
                "--jobs is for this machine, and a cluster (--ray) runs as many as it can; give one"
            )

    def executor(self) -> Executor:
        """What runs jobs there.

        Raises:
            MissingExtraError: Ray is wanted and not installed.
            SweepError: no cluster answers.
        """
        if self.ray:
            from compress.sweep.cluster import RayExecutor

            return RayExecutor(self.ray, self.threads)
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return LocalExecutor(self.jobs or max(1, processors // self.threads), self.threads)


def sweep(
    stages: Iterable[Stage], function: str, work: Path, place: Place, listen: Listener = lambda _: None
) -> Outcome:
    """Make every stage that ``work`` does not hold: see `compress.sweep.running.run`.

    Args:
        stages: with their parents, in the order in which they should be started.
        function: ``module:function`` that makes a stage.
        work: folder of what is finished.
        place: where jobs run.
        listen: told how far it is.

    Raises:
        SweepError: the folder is in use or full, or no cluster answers.
        MissingExtraError: Ray is wanted and not installed.
    """
    with Store(work).locked() as store:
        return run(stages, function, store, place.executor(), listen)
