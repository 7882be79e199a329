"""Whether files of different formats carry the same integer weights."""

import hashlib
from collections.abc import Sequence

import numpy as np

from converters.targets.base import QuantizedWeight


def weights_digest(weights: Sequence[QuantizedWeight]) -> str:
    """SHA-256 over all integer weights and scales of a file; empty where it has none.

    Formats order and name tensors differently, so each tensor is digested alone (integers in torch's layout, one
    scale an output channel) and the digests are sorted. Axes of length 1 do not count: a 1x1 convolution may have
    become a matrix product.
    """
    if not weights:
        return ""
    digests = sorted(_digest(each) for each in weights)
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _digest(weight: QuantizedWeight) -> str:
    integers = np.asarray(weight.integers, np.int8)
    shape = tuple(each for each in integers.shape if each != 1)
    scales = np.broadcast_to(np.asarray(weight.scales, np.float32).reshape(-1), integers.shape[0])
    digest = hashlib.sha256(f"{shape}".encode())
    digest.update(np.ascontiguousarray(integers).tobytes())
    digest.update(np.ascontiguousarray(scales).tobytes())
    return digest.hexdigest()
