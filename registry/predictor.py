"""The seam for numbers that nobody measured; `registry` knows prediction only by this protocol."""

from typing import Protocol

from device_profiles.profile import DeviceProfile, Support
from registry.candidates import Latency
from registry.values import Variant


class Predictor(Protocol):
    """Predicts latencies."""

    def latency(
        self, variant: Variant, device: DeviceProfile, way: Support, threads: int | None
    ) -> Latency | None:
        """Predict one inference of ``variant`` on ``device``.

        Args:
            variant: what would run.
            device: where.
            way: the runtime and processor.
            threads: CPU threads asked for; ``None`` leaves them to the predictor.

        Returns:
            A latency with evidence ``predicted``, whose low and high are a 90 % interval, or ``None`` where
            nothing is known to predict from.
        """
        ...
