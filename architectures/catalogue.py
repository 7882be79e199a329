"""Names of nets, and what is known of each family before torch is imported.

A name is ``FAMILY[-WIDTH][-SIZE][-grey]``, such as ``mobilenet-v2-0.35-96``; what is left out has its usual value. The
width multiplies channels (``mobilenet-v2``), or counts channels (``ds-cnn``) or layers (``transformer-encoder``). The
size is an image's height and width, or the features of a token. ``grey`` images have one channel.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from types import MappingProxyType
from typing import Any

from architectures.families import ALIASES, FAMILIES, Family, Range
from zoo.errors import UnknownNameError, UsageError

SEED = 0
HEAD = "classifier.weight"
"""Name, in every state dict, of the weight whose first axis has the classes."""

_GREY = "grey"
_IMAGE_RANK = 3


@dataclass(frozen=True, slots=True)
class Architecture:
    """A net by name.

    Attributes:
        name: in full, such as ``mobilenet-v2-0.35-96``.
        family: key of `FAMILIES`.
        width: see the module's docstring; ``None`` where the family has none.
        shape: of one example without its batch.
        classes: outputs of its head, as published.
    """

    name: str
    family: str
    width: float | None
    shape: tuple[int, ...]
    classes: int

    def build(self, classes: int | None = None, in_channels: int | None = None) -> Any:
        """Make the net with random weights: seed torch first where they matter.

        Args:
            classes: outputs of its head, where they are not the published ones.
            in_channels: of an image, or time steps of a sequence, where they are not the usual ones.

        Returns:
            A ``torch.nn.Module`` in training mode that takes (batch, *shape) and gives logits.

        Raises:
            UsageError: a number is below 1.
        """
        for what, number in (("classes", classes), ("in_channels", in_channels)):
            if number is not None and number < 1:
                raise UsageError(
                    f"architecture '{self.name}' cannot have {number} {what}; 1 or more are wanted"
                )
        family = FAMILIES[self.family]
        module, _, function = family.builder.partition(":")
        make = getattr(import_module(f"architectures.nets.{module}"), function)
        settings: dict[str, Any] = dict(family.settings)
        if family.width is not None and self.width is not None:
            settings["width"] = int(self.width) if family.width.whole else self.width
        shape = self.shape if in_channels is None else (in_channels, *self.shape[1:])
        return make(shape, self.classes if classes is None else classes, **settings)

    def example(self) -> Any:
        """One input, standard normal, the same every time: a float32 tensor of shape (1, *shape)."""
        import torch

        return torch.randn((1, *self.shape), generator=torch.Generator().manual_seed(SEED))

    def with_shape(self, shape: tuple[int, ...]) -> "Architecture":
        """The same net for examples of another shape."""
        return replace(self, shape=shape)


def build(name: str, *, classes: int | None = None, in_channels: int | None = None) -> Any:
    """Make the net of that name: see `Architecture.build` and `parse`."""
    return parse(name).build(classes, in_channels)


def example(name: str) -> Any:
    """One input of the net of that name: see `Architecture.example` and `parse`."""
    return parse(name).example()


def known() -> tuple[str, ...]:
    """The full name of every family at its usual width and size."""
    return tuple(parse(each).name for each in FAMILIES)


def parse(name: str) -> Architecture:
    """Decode a name.

    Raises:
        UnknownNameError: no family has that name.
        UsageError: its width or size makes no sense.
    """
    text = ALIASES.get(name, name)
    key = max((each for each in FAMILIES if f"{text}-".startswith(f"{each}-")), key=len, default=None)
    if key is None:
        closest = {each: each for each in FAMILIES} | dict(_usual())
        raise UnknownNameError("architecture", name, closest, f"Known: {', '.join(FAMILIES)}")
    family = FAMILIES[key]
    parts = _Parts(name, key, family, text.removeprefix(key).split("-")[1:])
    grey = parts.grey()
    width, size = parts.width(), parts.size()
    parts.end()
    shape = family.shape
    if size is not None:
        shape = (shape[0], size, size) if len(shape) == _IMAGE_RANK else (shape[0], size)
    shape = (1, *shape[1:]) if grey else shape
    return Architecture(_full(key, family, width, size, grey=grey), key, width, shape, family.classes)


@dataclass(slots=True)
class _Parts:
    """What a name says after its family, taken one by one."""

    name: str
    key: str
    family: Family
    left: list[str] = field(default_factory=list)

    def grey(self) -> bool:
        if self.left[-1:] != [_GREY] or len(self.family.shape) != _IMAGE_RANK or self.family.size is None:
            return False
        self.left.pop()
        return True

    def width(self) -> float | None:
        allowed = self.family.width
        if allowed is None or not self.left:
            return None if allowed is None else allowed.usual
        if (
            self.family.size is not None
            and not allowed.whole
            and len(self.left) == 1
            and "." not in self.left[0]
        ):
            return allowed.usual  # one whole number is a size: mobilenet-v2-96
        return self._take("width", allowed)

    def size(self) -> int | None:
        if self.family.size is None:
            return None
        return int(self._take("size", self.family.size) if self.left else self.family.size.usual)

    def end(self) -> None:
        if self.left:
            raise UsageError(
                f"architecture '{self.name}' has '{'-'.join(self.left)}' too many; {self._wanted()}"
            )

    def _take(self, what: str, allowed: Range) -> float:
        text = self.left.pop(0)
        number = float(text) if re.fullmatch(r"\d+" if allowed.whole else r"\d+(\.\d+)?", text) else None
        if number is None or not allowed.holds(number):
            raise UsageError(f"architecture '{self.name}' has {what} '{text}', but {allowed} is wanted")
        return number

    def _wanted(self) -> str:
        return f"'{parse(self.key).name}' is a whole name"


def _full(key: str, family: Family, width: float | None, size: int | None, *, grey: bool) -> str:
    parts = [key]
    if family.width is not None and width is not None:
        parts.append(f"{int(width)}" if family.width.whole else _fraction(width))
    if size is not None:
        parts.append(f"{size}")
    return "-".join([*parts, *([_GREY] if grey else [])])


def _fraction(width: float) -> str:
    return f"{width:.1f}" if width == round(width, 1) else f"{width:g}"


def _usual() -> Mapping[str, str]:
    """Full names, for suggestions."""
    return MappingProxyType({each: each for each in (*known(), *ALIASES)})
