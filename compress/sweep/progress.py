"""How far a sweep is, and how long it will still take."""

from collections.abc import Iterable
from dataclasses import dataclass

from compress.sweep.stages import Stage


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is.

    Attributes:
        done: stages that are finished, those of earlier runs among them.
        total: all stages.
        failed: stages that failed or were skipped.
        running: titles of the stages that run now.
        seconds_left: until the end at the pace so far; ``None`` where no stage has been timed yet.
    """

    done: int
    total: int
    failed: int
    running: tuple[str, ...]
    seconds_left: float | None


class Pace:
    """What a unit of work takes, by stages of the same pace, of the same kind, and of all."""

    def __init__(self) -> None:
        """Nothing was timed yet."""
        self._seconds: dict[tuple[str, ...], float] = {}
        self._work: dict[tuple[str, ...], float] = {}

    def add(self, stage: Stage, seconds: float) -> None:
        """A stage took so long."""
        for key in _keys(stage):
            self._seconds[key] = self._seconds.get(key, 0.0) + seconds
            self._work[key] = self._work.get(key, 0.0) + stage.weight

    def seconds(self, stage: Stage) -> float | None:
        """How long a stage will take: by its own pace, else by its kind, else by all; ``None`` if nothing was timed."""
        for key in _keys(stage):
            if self._work.get(key):
                return stage.weight * self._seconds[key] / self._work[key]
        return None

    def left(
        self, waiting: Iterable[Stage], running: Iterable[tuple[Stage, float]], slots: int
    ) -> float | None:
        """How long all of it will take.

        Args:
            waiting: stages that were not started.
            running: stages that run, with the seconds that they have run for.
            slots: stages that run at a time.
        """
        rest = [(stage, 0.0) for stage in waiting] + list(running)
        found = [(self.seconds(stage), spent) for stage, spent in rest]
        known = [max(0.0, seconds - spent) for seconds, spent in found if seconds is not None]
        if len(known) < len(found):
            return None
        return max([sum(known) / slots, *known], default=0.0)


def _keys(stage: Stage) -> tuple[tuple[str, ...], ...]:
    return ((stage.kind, stage.pace), (stage.kind,), ())
