"""Sweeps for tests: random ones, and an executor that runs nothing and ends jobs in any order."""

import itertools
from collections.abc import Callable

from hypothesis import strategies as st

from compress.sweep.running import Ended, Job
from compress.sweep.stages import Stage
from compress.sweep.store import write_files
from compress.sweep.work import Failure


@st.composite
def graphs(draw, most: int = 7) -> list[Stage]:
    """Stages in an order in which parents need not come first."""
    made: list[Stage] = []
    for number in range(draw(st.integers(0, most))):
        chosen = (
            draw(st.lists(st.sampled_from(made), max_size=3, unique_by=lambda each: each.key)) if made else []
        )
        parents = {f"p{place}": each.key for place, each in enumerate(chosen)}
        made.append(Stage("mix", f"stage {number}", {"number": number}, parents))
    return draw(st.permutations(made))


def by_brute_force(stages: list[Stage]) -> tuple[Stage, ...]:
    """The first order, as the given one counts, in which parents come first."""

    def fits(order: tuple[Stage, ...]) -> bool:
        places = {each.key: place for place, each in enumerate(order)}
        return all(places[key] < places[each.key] for each in order for key in each.parents.values())

    return next(order for order in itertools.permutations(stages) if fits(order))


def lost(stages: list[Stage], failing: set[str]) -> set[str]:
    """Keys of all that builds on what fails, by brute force."""
    found: set[str] = set()
    for _ in stages:
        found |= {each.key for each in stages if (found | failing) & set(each.parents.values())}
    return found


class Scripted:
    """An executor of this process: jobs end in the order that ``choose`` says.

    Args:
        slots: jobs that run at a time.
        failing: keys of stages whose jobs fail.
        choose: which of the running jobs ends next.
    """

    def __init__(self, slots: int, failing: set[str], choose: Callable[[list[Job]], Job]) -> None:
        self.slots, self.failing, self.choose = slots, failing, choose
        self.running: list[Job] = []
        self.started: list[Stage] = []
        self.most = 0

    def start(self, job: Job) -> None:
        assert all(folder.is_dir() for folder in job.parents.values())
        self.running.append(job)
        self.started.append(job.stage)
        self.most = max(self.most, len(self.running))

    def wait(self, seconds: float) -> list[Ended]:
        job = self.choose(self.running)
        self.running.remove(job)
        if job.stage.key in self.failing:
            return [Ended(job, 1.0, Failure("as asked"))]
        write_files(job.staging, {"net.bin": b"x"})
        return [Ended(job, 1.0, None)]

    def stop(self) -> None:
        self.running.clear()
