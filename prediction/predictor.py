"""The model as the choice asks it."""

from dataclasses import dataclass, replace

from device_profiles.profile import DeviceProfile, Processor, Support
from prediction.model import Fitted
from prediction.query import Prediction, Query
from prediction.words import query_of_variant
from registry.candidates import Latency
from registry.values import Evidence, Variant


@dataclass(frozen=True, slots=True)
class ModelPredictor:
    """Implements `registry.predictor.Predictor`.

    Attributes:
        fitted: the model.
    """

    fitted: Fitted

    def latency(
        self, variant: Variant, device: DeviceProfile, way: Support, threads: int | None
    ) -> Latency | None:
        """Predict one inference; see the protocol."""
        answer = self.fitted.predict(query_on(variant, device, way, threads))
        if not isinstance(answer, Prediction):
            return None
        return Latency(
            answer.value_ms,
            answer.low_ms,
            answer.high_ms,
            Evidence.PREDICTED,
            "predicted",
            answer.basis,
            device.id,
        )


def query_on(variant: Variant, device: DeviceProfile, way: Support, threads: int | None) -> Query:
    """What the choice asks, as a query; with threads left open, the model takes the group that it knows best."""
    return replace(
        query_of_variant(variant, way.processor, way.runtime),
        device=device.id,
        profile=device,
        threads=threads if way.processor is Processor.CPU else None,
    )
