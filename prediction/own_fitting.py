"""Finds what each part of a net takes on a machine that measured itself. It needs the extra ``predict``."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from prediction.own import PARTS

Matrix = NDArray[np.float64]
_USUAL = {
    "operators": 1e-3, "conv": 3e-8, "pointwise": 3e-8, "product_bytes": 5e-8, "weight_bytes": 5e-8, "depthwise": 1e-7,
    "depthwise_elements": 1e-7, "depthwise_bytes": 5e-8, "dense": 3e-8, "hard_swish": 5e-7, "functions": 5e-7,
    "max_pool_bytes": 2e-7, "mean_pool_bytes": 2e-7, "arithmetic": 2e-7,
    "moved_bytes": 1e-7,
}  # fmt: skip
"""Milliseconds a unit that a part has as long as nothing is known: of a laptop, in magnitude."""

_PULL = 0.05  # how much a factor of e away from it weighs against a relative error of 1
_OUTLIER = 0.1  # relative errors from which on a net pulls less: something else ran then
_COVERED = 0.9


def fit_parts(amounts: Sequence[Sequence[float]], times_ms: Sequence[float]) -> tuple[float, ...]:
    """Milliseconds a unit of each part, all above zero, that explain ``times_ms`` best in relative terms.

    Args:
        amounts: of each net, in the order of `PARTS`.
        times_ms: of each net.
    """
    table, target = np.array(amounts, np.float64), np.log(times_ms)
    usual = np.log([_USUAL[each] for each in PARTS])

    def off(logs: Matrix) -> Matrix:
        errors = np.log(table @ np.exp(logs)) - target
        return np.concatenate([errors / _OUTLIER, _PULL / _OUTLIER * (logs - usual)])

    found = least_squares(off, usual, loss="soft_l1").x
    return tuple(float(f"{each:.6g}") for each in np.exp(found))


def left_out(
    amounts: Sequence[Sequence[float]], times_ms: Sequence[float], places: Iterable[int]
) -> list[float]:
    """What is guessed of each net in ``places`` from all others, in milliseconds."""
    guesses = []
    for place in places:
        mine = amounts[place]
        others = [each for index, each in enumerate(amounts) if index != place]
        times = [each for index, each in enumerate(times_ms) if index != place]
        guesses.append(float(np.dot(fit_parts(others, times), mine)))
    return guesses


def width_of(guesses_ms: Sequence[float], times_ms: Sequence[float]) -> float:
    """Half of the interval of the logarithm that holds nine in ten nets that were left out, rank rounded up."""
    errors = sorted(abs(math.log(time / guess)) for guess, time in zip(guesses_ms, times_ms, strict=True))
    return errors[min(len(errors) - 1, math.ceil(_COVERED * (len(errors) + 1)) - 1)]
