"""The registry's model of latencies as the choice asks it.

The fitted model is a text in the registry. It is read when the first number is asked for: a choice among measured
candidates never pays for it.
"""

from dataclasses import replace
from functools import cached_property, lru_cache
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


def stranger(device: DeviceProfile) -> DeviceProfile:
    """A device of the same facts that nobody measured."""
    return replace(device, id="")


@lru_cache(maxsize=2)  # a server asks again and again
def _fitted(text: str) -> "Fitted":
    from prediction.model import Fitted  # noqa: PLC0415 - only who predicts pays for it

    return Fitted.from_json(text)


class Predictions:
    """Implements `registry.predictor.Predictor` with the model of a registry.

    Args:
        registry: open for as long as predictions are asked for.
        is_own: whether the profiles are of the very devices that are meant; a device that is only near, or only has the
            same chip, lends its facts and not its measurements.
    """

    def __init__(self, registry: Reader, *, is_own: bool = True) -> None:
        """Read nothing yet."""
        self._registry, self._is_own = registry, is_own

    @cached_property
    def fitted(self) -> "Fitted":
        """The registry's model.

        Raises:
            RegistryError: it has none.
        """
        if self._text is None:
            raise RegistryError(
                "the registry has no model of latencies. Make a registry that has one with: zoo rebuild --out PATH"
            )
        return _fitted(self._text)

    def latency(
        self, variant: Variant, device: DeviceProfile, way: Support, threads: int | None
    ) -> Latency | None:
        """Predict one inference; see the protocol. A registry without a model predicts nothing."""
        if self._model is None:
            return None
        return self._model.latency(variant, device if self._is_own else stranger(device), way, threads)

    @cached_property
    def _model(self) -> "ModelPredictor | None":
        from prediction.predictor import ModelPredictor  # noqa: PLC0415 - only who predicts pays for it

        return None if self._text is None else ModelPredictor(self.fitted)

    @cached_property
    def _text(self) -> str | None:
        return self._registry.predictor(LATENCY)
