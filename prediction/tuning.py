"""Finds the variances of the model: ``python -m prediction.tuning``, which writes ``data/variances.json``.

The likelihood of a sample of the measurements is made as large as it can be (type II maximum likelihood, Rasmussen and
Williams 2006, chapter 5), with a weak prior that keeps each variance within a few orders of magnitude of 0.01.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve
from scipy.optimize import least_squares, minimize

from prediction.design import Design, Matrix
from prediction.fitting import in_domain, observations
from prediction.model import DOMAINS

PATH = Path(__file__).parent / "data" / "variances.json"
_ROWS = 1000
_ROUNDS = 40
_USUAL = np.log(0.01)
_SPREAD = 3.0
_FIRST = (0.5, 3.0, 1.0, 1.0, 5.0, 1.0, 0.3)  # a start only
_LOOSE, _TIGHT = 0.05, 0.15
_NETS = 8

TERMS = {
    "cpu": (
        "one.c one.s one.m one.q one.k one.r one.f one.net one.nqq rt.c rt.s rt.m rt.q rt.r rt.net "
        "rt.nqq src.c src.s src.m src.q hw.c hw.s hw.m hw.q hw.r hl.c hl.s breed.c breed.s breed.m "
        "breed.q rtbreed.c rtbreed.m rtbreed.q chip.c chip.s chip.m chip.q th.c th.s rtchip.c rtchip.m "
        "rtchip.q rtchip.r rthw.c rthw.s rthw.r rtth.c rtth.s rtth.m dev.c dev.s dev.m dev.q mach.c "
        "mach.s mach.m mach.q mach.r mach.f grp.c grp.s grp.m grp.q grp.r grp.f grp.nq"
    ),
    "mcu": (
        "one.c one.s one.m one.q one.r one.f one.net rt.c rt.s rt.m rt.q rt.r rt.net src.c src.s hw.c hw.s hl.c hl.s "
        "breed.c breed.s breed.m breed.q rtbreed.c rtbreed.s dev.c dev.s dev.m dev.q mach.c mach.s mach.m mach.r "
        "mach.f mach.nq"
    ),
    "gpu": (
        "one.c one.s one.m one.q one.k one.r one.f one.net rt.c rt.s rt.m rt.q rt.r rt.net rt.f src.c "
        "src.s hl.c hl.s breed.c breed.s breed.m breed.net chip.c chip.s chip.m dev.c dev.s mach.c "
        "mach.s mach.m mach.q mach.r mach.f mach.nq"
    ),
    "npu": (
        "one.c one.s one.m one.q one.k one.r one.f one.net one.nqq one.nq one.fb rt.c rt.s rt.m rt.q "
        "rt.r rt.net rt.nqq rt.nq rt.fb rt.f src.c hw.c hl.c hl.s hl.q hl.r hl.net breed.c breed.s "
        "breed.q chip.c chip.s chip.q soc.c dev.c dev.s dev.m dev.q dev.r dev.fb dev.net mach.c mach.s "
        "mach.q mach.r mach.fb mach.net mach.nq"
    ),
}


def costs(design: Design) -> dict[str, tuple[float, ...]]:
    """What each part of the work takes, in general (under the empty name) and by runtime where enough nets are counted.

    Only relations matter: each place has its own speed, and of a net with many rows each counts less.
    """
    rows = [
        row for row, (_, what) in enumerate(design.pairs)
        if design.jobs[what].vague[3] == 0 and design.jobs[what].bits == 0 and not design.jobs[what].falls
    ]  # fmt: skip
    general = _costs(design, rows, np.log(_FIRST), _LOOSE)
    found = {"": general}
    for runtime in sorted({design.places[design.pairs[row][0]].runtime for row in rows}):
        mine = [row for row in rows if design.places[design.pairs[row][0]].runtime == runtime]
        if len({design.pairs[row][1] for row in mine}) >= _NETS:
            found[runtime] = _costs(design, mine, np.log(general), _TIGHT)
    return found


def _costs(design: Design, rows: Sequence[int], usual: Matrix, pull: float) -> tuple[float, ...]:
    chosen = np.array(rows)
    _, where = np.unique(design.where[chosen], return_inverse=True)
    _, what = np.unique(design.what[chosen], return_inverse=True)
    work = np.array([design.jobs[design.what[row]].work for row in rows])
    share = 1 / np.sqrt(np.bincount(what))[what]
    weigh = np.bincount(where, share**2)

    def off(logs: Matrix) -> Matrix:
        rest = design.target[chosen] - np.log(work @ np.exp(logs))
        rest = rest - (np.bincount(where, rest * share**2) / weigh)[where]
        return np.concatenate([share * rest, pull * (logs - usual)])

    best = least_squares(off, usual).x
    return tuple(float(f"{each:.3g}") for each in np.exp(best - best[2]))


def tuned(design: Design, target: Matrix, names: Sequence[str]) -> tuple[dict[str, float], float]:
    """The variances that explain ``target`` best, and that of the noise."""
    terms = design.terms(names)
    target = target - target.mean()
    count = len(target)

    def cost(logs: Matrix) -> tuple[float, NDArray[np.float64]]:
        variances = np.exp(logs)
        total = np.tensordot(variances[:-1].astype(np.float32), terms, 1).astype(np.float64)
        total[np.diag_indices(count)] += variances[-1] + 1e-5
        low = np.linalg.cholesky(total)
        inverse = cho_solve((low, True), np.eye(count))
        weights = inverse @ target
        slope = np.outer(weights, weights) - inverse
        flat = slope.astype(np.float32)
        slopes = np.array([0.5 * np.vdot(flat, term) for term in terms] + [0.5 * np.trace(slope)]) * variances
        pull = (logs - _USUAL) / _SPREAD
        value = 0.5 * target @ weights + np.log(np.diag(low)).sum() + 0.5 * pull @ pull
        return float(value), -slopes + pull / _SPREAD

    start = np.full(len(names) + 1, _USUAL)
    best = minimize(
        cost,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-14.0, 3.0)] * len(start),
        options={"maxiter": _ROUNDS},
    )
    found = np.exp(best.x)
    return dict(zip(names, map(float, found[:-1]), strict=True)), float(found[-1])


def main() -> None:
    """Tune the domains named on the command line, or all."""
    rows = observations()
    kept = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    for domain in sys.argv[1:] or DOMAINS:
        design = Design.of(in_domain(rows, domain))
        chosen = np.sort(np.random.default_rng(0).permutation(len(design.target))[:_ROWS])
        found = costs(design)
        target = design.over(found)
        odd = design.odd(target)
        target = target - np.array([odd.get(design.jobs[what].net, 0.0) for _, what in design.pairs])
        variances, noise = tuned(design.part(chosen), target[chosen], TERMS[domain].split())
        kept[domain] = {
            "costs": found,
            "noise": round(noise, 6),
            "variances": {name: float(f"{value:.3g}") for name, value in variances.items() if value > 1e-5},  # noqa: PLR2004 - a hundredth of a percent of latency
        }
        PATH.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
