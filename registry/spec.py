"""What goes into a file and what comes out: all that an app needs to run it, and that its accuracy was measured with.

A spec that contradicts itself is refused when it is made, so one that was read from anywhere is sound. Pydantic checks
what comes from outside and is imported there, at use.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import ClassVar, Self

from zoo.errors import UsageError

_STRICT: dict[str, str] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a file.

    Attributes:
        name: as the file has it; empty where names were stripped: ports then go by their order.
        shape: lengths of its axes; ``None`` for one that the caller chooses.
        dtype: of one element, in numpy's words, such as ``float32`` or ``int8``.
        layout: one letter an axis, such as ``NHWC``; empty where the axes have no such meaning.
        scale: what one step of an integer element is worth: ``value = scale * (element - zero_point)``; ``None``
            where elements are the values themselves.
        zero_point: the integer that stands for zero; ``None`` where there is no ``scale``.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    layout: str = ""
    scale: float | None = None
    zero_point: int | None = None

    def __post_init__(self) -> None:
        """Refuse a port that contradicts itself.

        Raises:
            ValueError: an axis is empty, the layout has another number of axes, or the quantization is half told,
                of floats, or no positive number.
        """
        if any(each is not None and each < 1 for each in self.shape):
            raise ValueError(f"shape {self.shape} has an axis without elements")
        if self.layout and len(self.layout) != len(self.shape):
            raise ValueError(f"layout {self.layout!r} does not name the {len(self.shape)} axes of the shape")
        if (self.scale is None) != (self.zero_point is None):
            raise ValueError("scale and zero_point belong together: give both or neither")
        if self.scale is not None:
            if not self.dtype.startswith(("int", "uint")):
                raise ValueError(f"{self.dtype} has a scale, but only integers are quantized")
            if not 0 < self.scale < math.inf:
                raise ValueError(f"scale is {self.scale!r}, but one step is a number above zero")


class InputKind(StrEnum):
    """What the first input is made from: a picture, sound, or numbers that are fed as they are."""

    IMAGE = "image"
    AUDIO = "audio"
    RAW = "raw"


class ChannelOrder(StrEnum):
    """Order of the colours of a picture; empty for what is no picture."""

    NONE = ""
    RGB = "RGB"
    BGR = "BGR"
    GRAY = "GRAY"


class Resize(StrEnum):
    """How a picture gets the height and width of the input.

    ``stretch``: each side by its own factor. ``center_crop``: the middle of it, of the input's aspect. ``letterbox``:
    whole, of its own aspect, with bars of zeros (of the values that are fed).
    """

    NONE = ""
    STRETCH = "stretch"
    CENTER_CROP = "center_crop"
    LETTERBOX = "letterbox"


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How the first input is made; further inputs are fed as they are.

    An integer port with a scale takes the values made here divided by its scale, plus its zero point, rounded.

    Attributes:
        kind: of what.
        channel_order: of a picture.
        scale: factor of 8-bit pixels or 16-bit samples, such as 1/255: ``value = (pixel * scale - mean) / std``.
        mean: one number a channel, in scaled units; empty means 0.
        std: one number a channel, in scaled units; empty means 1.
        resize: of a picture.
        crop: share of the shorter side that ``center_crop`` keeps, such as 0.875.
        features: of sound, by name with its unit, such as ``sample_rate_hz``, ``window_ms``, ``hop_ms``, ``mel_bins``.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    kind: InputKind = InputKind.RAW
    channel_order: ChannelOrder = ChannelOrder.NONE
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    resize: Resize = Resize.NONE
    crop: float = 1.0
    features: Mapping[str, int | float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be computed.

        Raises:
            ValueError: a number is not finite, a divisor is zero, mean and std have different lengths, or the crop is
                no share.
        """
        numbers = [self.scale, *self.mean, *self.std]
        numbers += [each for each in self.features.values() if not isinstance(each, str)]
        if not all(abs(each) < math.inf for each in numbers):
            raise ValueError("a number is not finite")
        if not self.scale or not all(self.std):
            raise ValueError("scale and std are factors and divisors: none may be zero")
        if self.mean and self.std and len(self.mean) != len(self.std):
            raise ValueError(f"mean has {len(self.mean)} channels and std has {len(self.std)}")
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop is {self.crop!r}, but a share is above 0 and at most 1")


class DecodingKind(StrEnum):
    """How the first output is read.

    ``top1``: a score a class; the highest is the answer. ``mask``: the same at every pixel. ``raw``: numbers as
    they are.
    """

    TOP1 = "top1"
    MASK = "mask"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Decoding:
    """What the first output means.

    Attributes:
        kind: how it is read.
        labels: names of the classes, in the order of the scores; empty where nobody wrote them down.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    kind: DecodingKind = DecodingKind.RAW
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """The input and output spec of a file.

    Attributes:
        inputs: in the order in which they are fed.
        outputs: in the order in which they come.
        preprocessing: how the first input is made.
        decoding: what the first output means.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    decoding: Decoding = field(default_factory=Decoding)

    def __post_init__(self) -> None:
        """Refuse a file without ports, or with two of one name.

        Raises:
            ValueError: see above.
        """
        for side, ports in (("input", self.inputs), ("output", self.outputs)):
            names = [each.name for each in ports if each.name]
            if not ports:
                raise ValueError(f"there is no {side}")
            if len(names) != len(set(names)):
                raise ValueError(f"two {side}s bear one name: {', '.join(names)}")

    def to_json(self) -> str:
        """Render it for `from_json` and `parse_spec`."""
        return json.dumps(asdict(self), separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Rebuild it from `to_json`: for data this project wrote.

        Raises:
            ValueError, KeyError, TypeError: it is something else.
        """
        data = json.loads(text)
        before, after = data["preprocessing"], data["decoding"]
        return cls(
            inputs=tuple(Port(**{**each, "shape": tuple(each["shape"])}) for each in data["inputs"]),
            outputs=tuple(Port(**{**each, "shape": tuple(each["shape"])}) for each in data["outputs"]),
            preprocessing=Preprocessing(
                **{
                    **before,
                    "kind": InputKind(before["kind"]),
                    "channel_order": ChannelOrder(before["channel_order"]),
                    "mean": tuple(before["mean"]),
                    "std": tuple(before["std"]),
                    "resize": Resize(before["resize"]),
                }
            ),
            decoding=Decoding(DecodingKind(after["kind"]), tuple(after["labels"])),
        )


def parse_spec(text: str, source: str) -> Spec:
    """Build the spec that a JSON text from outside gives.

    Args:
        text: one JSON object with the keys of `Spec`; what has a default may be left out.
        source: name of the file, for messages.

    Raises:
        UsageError: it is not JSON, a key is missing, unknown or of a wrong type, or it contradicts itself; all
            problems are listed at once.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - see the module's docstring

    try:
        return TypeAdapter(Spec).validate_json(text, strict=True)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}, found {each['input']!r:.60}"
            for each in error.errors(include_url=False)
        ]
        raise UsageError(f"bad spec '{source}': {'; '.join(problems)}") from error
