"""``zoo compress`` as a search: for the nets of a recipe that are worth having on a device."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from zoo.cli.read import print_json
from zoo.errors import UsageError, needing
from zoo.views.printer import Printer

if TYPE_CHECKING:
    from zoo.continuum.latencies import Pricing
    from zoo.continuum.searching import Budget

_FAILURE, _NOTHING_FITS = 1, 3
_MEASURED_MODEL = "imagenet-classifier"  # of which most is measured, and whose MACs are known


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of a search.

    Attributes:
        device: name of it; ``None`` where MACs are all that counts.
        max_latency_ms: budget; ``None`` for none.
        max_macs: budget; ``None`` for none.
        trials: nets that are trained; ``None`` for the recipe's number.
        write_recipe: file for the nets that were found.
        registry: file of what was measured.
    """

    device: str | None
    max_latency_ms: float | None
    max_macs: float | None
    trials: int | None
    write_recipe: Path | None
    registry: str | None

    @property
    def is_search(self) -> bool:
        """Whether a search is asked for at all."""
        told = (self.device, self.max_latency_ms, self.max_macs, self.trials, self.write_recipe)
        return any(each is not None for each in told)

    def check(self, of_sweeps: Sequence[str]) -> None:
        """Refuse what makes no sense, all problems at once.

        Args:
            of_sweeps: options that were given and that a search does not have.

        Raises:
            UsageError: see above.
        """
        problems = []
        budgets = (("--max-latency-ms", self.max_latency_ms), ("--max-macs", self.max_macs))
        for option, value in budgets:
            if value is not None and not 0 < value < math.inf:
                problems.append(f"{option} is {value:g}, but a number above zero is wanted")
        if self.device is None and self.max_latency_ms is not None:
            problems.append("--max-latency-ms needs a --device whose latency is meant")
        elif self.device is None and self.max_macs is None:
            problems.append("a search needs a --device, or --max-macs")
        if of_sweeps:
            problems.append(
                f"a search trains one net after the other, without {', '.join(of_sweeps)}; leave it out"
            )
        if self.write_recipe is not None and not self.write_recipe.absolute().parent.is_dir():
            problems.append(f"--write-recipe: there is no folder '{self.write_recipe.parent}'")
        if problems:
            raise UsageError("; ".join(problems))


def search(path: Path, asked: Asked, work: Path, *, as_json: bool) -> None:
    """Search as a recipe says, and show what is worth having.

    Args:
        path: of the recipe.
        asked: what the command line says.
        work: folder of what was found.
        as_json: whether programs read it.
    """
    with needing("search", "searching"):
        from zoo.continuum import searching
    from zoo.views import searches

    budget = searching.Budget(asked.max_latency_ms, None if asked.max_macs is None else int(asked.max_macs))
    pricing = _pricing(asked, budget)
    recipe, space = searching.read(path, asked.trials)
    try:
        with searches.following(space.plan.trials, pricing.unit) as listen:
            found = searching.run(recipe, space, pricing, budget, work=work, listen=listen)
    except KeyboardInterrupt:
        typer.echo(f"zoo: what was tried stays in '{work}'; the same command goes on from there", err=True)
        raise
    written = asked.write_recipe if found.found.judged else None
    if written is not None:
        written.write_text(searching.recipe_of(found), encoding="utf-8")
    if as_json:
        print_json(searches.document(found, written))
    else:
        searches.show(Printer(), found, written)
    if not found.found.judged:
        raise typer.Exit(_FAILURE if found.found.failed else _NOTHING_FITS)


def _pricing(asked: Asked, budget: "Budget") -> "Pricing":
    """What nets cost; see `zoo.continuum.latencies`."""
    from zoo import actions
    from zoo.continuum import latencies, searching
    from zoo.predictor import Predictions

    if asked.device is None:
        return latencies.Macs("no device is named: MACs are the price")
    with actions.open_registry(asked.registry) as registry:
        target = actions.find_device(registry, asked.device)
        predictor = Predictions(registry, is_own=bool(target.own))
        found = latencies.predicted(predictor, target.profile)
        if found is not None:
            return found
        if _MEASURED_MODEL not in registry.models():
            return searching.pricing_for(target.profile.id, (), budget)
        shelf = registry.shelves(target.own, target.soc, _MEASURED_MODEL)[_MEASURED_MODEL]
        return searching.pricing_for(target.profile.id, shelf.candidates, budget)
