"""How far a file's outputs are from its source's, and how far they may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.recipes import Recipe

Array = NDArray[Any]

ARGMAX_RANK = 2  # outputs of shape (batch, classes) have a top-1
INFINITE_SNR_DB = 200.0  # written for equal outputs, because JSON has no infinity


@dataclass(frozen=True, slots=True)
class Parity:
    """Differences over all golden inputs and all outputs.

    Attributes:
        max_abs_error: largest absolute difference.
        max_rel_error: largest absolute difference over the largest absolute value of the same output.
        snr_db: ``10 log10(sum(reference^2) / sum(difference^2))``, of the worst output; 200 where they are equal.
        top1_agreement: share of golden inputs with the same largest class; ``None`` without an output of classes.
        finite: whether every value is a number.
        constant: whether the outputs are the same for all golden inputs although the source's are not.
    """

    max_abs_error: float
    max_rel_error: float
    snr_db: float
    top1_agreement: float | None
    finite: bool
    constant: bool


def compare(reference: Sequence[Sequence[Array]], outputs: Sequence[Sequence[Array]]) -> Parity:
    """Compare outputs with the source's.

    Args:
        reference: for each golden input, the source's outputs in order.
        outputs: for each golden input, the file's outputs in the same order and layout.

    Raises:
        ValueError: the number of outputs or a shape differs.
    """
    worst_abs = worst_rel = 0.0
    worst_snr, finite, constant = INFINITE_SNR_DB, True, len(reference) > 1
    agreement: float | None = None
    for position, (want, have) in enumerate(zip(_stacked(reference), _stacked(outputs), strict=True)):
        if want.shape != have.shape:
            raise ValueError(
                f"output {position} has shape {have.shape[1:]}, the source's has {want.shape[1:]}"
            )
        finite = finite and bool(np.isfinite(have).all())
        difference = np.abs(have - want)
        largest = float(np.abs(want).max(initial=0.0))
        abs_error = float(difference.max(initial=0.0)) if finite else float("inf")
        worst_abs = max(worst_abs, abs_error)
        worst_rel = max(
            worst_rel, abs_error / largest if largest else (0.0 if abs_error == 0 else float("inf"))
        )
        worst_snr = min(worst_snr, _snr_db(want, difference))
        constant = constant and bool((have == have[:1]).all()) and not bool((want == want[:1]).all())
        if agreement is None and want.ndim == ARGMAX_RANK + 1 and want.shape[-1] > 1:
            agreement = float((want.argmax(-1) == have.argmax(-1)).mean())
    return Parity(worst_abs, worst_rel, worst_snr, agreement, finite, constant)


def _stacked(runs: Sequence[Sequence[Array]]) -> list[NDArray[np.float64]]:
    return [np.stack([np.asarray(each, np.float64) for each in column]) for column in zip(*runs, strict=True)]


def _snr_db(want: NDArray[np.float64], difference: NDArray[np.float64]) -> float:
    noise = float((difference**2).sum())
    signal = float((want**2).sum())
    if noise == 0:
        return INFINITE_SNR_DB
    if not np.isfinite(noise) or signal == 0:
        return -INFINITE_SNR_DB
    return float(np.clip(10 * np.log10(signal / noise), -INFINITE_SNR_DB, INFINITE_SNR_DB))


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a file of a recipe must reach to get its final name.

    Attributes:
        max_rel_error: largest relative error; ``None`` where only the noise counts.
        min_snr_db: least signal-to-noise ratio.
    """

    max_rel_error: float | None
    min_snr_db: float

    def missed_by(self, parity: Parity) -> str | None:
        """What is not reached, in words; ``None`` when all is."""
        if not parity.finite:
            return "its outputs are not numbers (nan or inf)"
        if parity.constant:
            return "its outputs are the same whatever the input"
        if self.max_rel_error is not None and parity.max_rel_error > self.max_rel_error:
            return f"relative error {parity.max_rel_error:.2g}, at most {self.max_rel_error:g} is wanted"
        if parity.snr_db < self.min_snr_db:
            return f"signal-to-noise ratio {parity.snr_db:.1f} dB, at least {self.min_snr_db:g} dB is wanted"
        return None


TOLERANCES: Mapping[Recipe, Tolerance] = MappingProxyType(
    {
        Recipe.FLOAT32: Tolerance(1e-3, 60),
        Recipe.FLOAT16: Tolerance(3e-2, 30),
        Recipe.INT8: Tolerance(None, 20),
        Recipe.INT8_PER_TENSOR: Tolerance(None, 20),
        Recipe.INT8_DYNAMIC: Tolerance(None, 15),
        Recipe.INT8_WEIGHTS: Tolerance(None, 15),
        Recipe.INT4_WEIGHTS: Tolerance(None, 5),
        Recipe.INT2_WEIGHTS: Tolerance(None, 3),
        Recipe.INT4_DYNAMIC: Tolerance(None, 5),
        Recipe.INT2_DYNAMIC: Tolerance(None, 3),
        Recipe.PALETTE8: Tolerance(None, 15),
        Recipe.PALETTE6: Tolerance(None, 10),
        Recipe.PALETTE4: Tolerance(None, 5),
        Recipe.PALETTE2: Tolerance(None, 3),
        Recipe.PALETTE1: Tolerance(None, 3),
        Recipe.SPARSE: Tolerance(1e-3, 60),
    }
)
"""By recipe. ImageNet's EfficientNet-Lite0 reaches 46 dB as a float16 program and 20 dB with int8 weights. Below
3 dB the difference is half as strong as the signal: not the same net any more.
"""
