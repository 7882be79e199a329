"""The model as the choice asks it."""

from dataclasses import dataclass

from device_profiles.profile import DeviceProfile, Processor, Support
from prediction.model import Fitted
from prediction.query import Prediction, Query
from prediction.words import stem
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
        answer = self.fitted.predict(query_of_variant(variant, device, way, threads))
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


def query_of_variant(variant: Variant, device: DeviceProfile, way: Support, threads: int | None) -> Query:
    """What the choice asks, as a query; with threads left open, the model takes the group that it knows best."""
    return Query(
        stem(variant.net, variant.alpha, variant.resolution),
        variant.family,
        way.processor,
        way.runtime,
        variant.alpha,
        variant.resolution,
        str(variant.precision),
        None if variant.params is None else variant.params / 1e6,
        None if variant.macs is None else variant.macs / 1e6,
        device=device.id,
        profile=device,
        threads=threads if way.processor is Processor.CPU else None,
    )
