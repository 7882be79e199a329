"""The registry's model of latencies as the choice asks it.

The fitted model is a text in the registry. It is read when the first number is asked for: a choice among measured
candidates never pays for it.
"""

from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING

from device_profiles.profile import DeviceProfile, Support
from registry.candidates import Latency
from registry.reader import Reader
from registry.values import Variant
from zoo.errors import RegistryError

if TYPE_CHECKING:
    from prediction.model import Fitted
    from prediction.predictor import ModelPredictor

LATENCY = "latency"
"""What the registry calls the model of latencies."""


def shipped() -> str:
    """The text of the model that this package ships."""
    return (resources.files("prediction") / "data" / "fitted.json").read_text(encoding="utf-8")


class Predictions:
    """Implements `registry.predictor.Predictor` with the model of a registry.

    Args:
        registry: open for as long as predictions are asked for.
    """

    def __init__(self, registry: Reader) -> None:
        """Read nothing yet."""
        self._registry = registry

    @cached_property
    def fitted(self) -> "Fitted":
        """The registry's model.

        Raises:
            RegistryError: it has none.
        """
        from prediction.model import Fitted  # noqa: PLC0415 - only who predicts pays for it

        text = self._registry.predictor(LATENCY)
        if text is None:
            raise RegistryError(
                "the registry has no model of latencies. Make a registry that has one with: zoo rebuild --out PATH"
            )
        return Fitted.from_json(text)

    def latency(
        self, variant: Variant, device: DeviceProfile, way: Support, threads: int | None
    ) -> Latency | None:
        """Predict one inference; see the protocol. A registry without a model predicts nothing."""
        return self._model.latency(variant, device, way, threads) if self._model else None

    @cached_property
    def _model(self) -> "ModelPredictor | None":
        from prediction.predictor import ModelPredictor  # noqa: PLC0415 - only who predicts pays for it

        return ModelPredictor(self.fitted) if self._registry.predictor(LATENCY) is not None else None
