"""Accepts a rebuilt module only where it gives what the original gives."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from converters.parity import compare
from converters.sources.base import Array, Port

SEED = 11
MOST_REL_ERROR = 1e-4
"""Largest difference over the largest value of an output. Orders of summation differ by 1e-6 or so; a wrong
operator, layout or rounding differs by far more."""
_SAMPLES = 2


def examples(ports: Sequence[Port], seed: int = SEED) -> list[Array]:
    """Seeded inputs: standard normal, or 0 and 1 where they are whole numbers."""
    random = np.random.default_rng(seed)
    return [
        random.standard_normal(each.shape).astype(each.dtype)
        if np.dtype(each.dtype).kind == "f"
        else random.integers(0, 2, each.shape).astype(each.dtype)
        for each in ports
    ]


def differs(module: Any, original: Callable[[Sequence[Array]], list[Array]], ports: Sequence[Port]) -> str:
    """Run both on seeded inputs; why the module is not the original, in words, or nothing where it is."""
    samples = [examples(ports, SEED + place) for place in range(_SAMPLES)]
    wanted = [original(each) for each in samples]
    with torch.no_grad():
        found = [[out.numpy() for out in module(*map(torch.from_numpy, each))] for each in samples]
    for want, have in zip(wanted, found, strict=True):
        for place, (left, right) in enumerate(zip(want, have, strict=True)):
            if left.shape != right.shape or left.dtype != right.dtype:
                return f"output {place} became {right.dtype} {right.shape}, and is {left.dtype} {left.shape}"
    error = compare(wanted, found).max_rel_error
    if error > MOST_REL_ERROR:
        return f"rebuilt as a torch module it differs by {error:.2g} (relative), at most {MOST_REL_ERROR:g} is wanted"
    return ""
