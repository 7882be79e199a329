"""What every source is once it is read: something that runs, and something to convert from."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
IMAGE_RANK = 4


class SourceKind(StrEnum):
    """Where a net comes from."""

    ARCHITECTURE = "architecture"
    TORCH_EXPORT = "torch_export"
    PYTHON = "python"
    KERAS = "keras"
    SAVED_MODEL = "saved_model"
    ONNX = "onnx"


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a net.

    Attributes:
        name: as files carry it.
        shape: lengths of its axes, batch first.
        dtype: of its elements, in numpy's words.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Source:
    """A net to convert, in evaluation mode.

    Attributes:
        name: what its files are called.
        kind: where it comes from.
        origin: what the user gave: a name, a path, a reference.
        sha256: digest of its weights, or of its file.
        inputs: what it takes.
        outputs: what it gives.
        run: takes one array an input and gives one an output, in this source's own layout.
        examples: one array an input that the net is known to take; empty where none was given.
        module: the net as a ``torch.nn.Module`` with batch norms folded; ``None`` where there is only a graph.
        no_module: why `module` is ``None``, in words.
        channels_last: whether images are (N, H, W, C) here already.
        tensorflow: a frozen concrete function, where the net comes from TensorFlow.
        onnx: the ONNX file that it was read from.
    """

    name: str
    kind: SourceKind
    origin: str
    sha256: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    run: Callable[[Sequence[Array]], list[Array]]
    examples: tuple[Array, ...] = ()
    module: Any = None
    no_module: str = ""
    channels_last: bool = False
    tensorflow: Any = None
    onnx: Path | None = None

    def images(self, ports: Sequence[Port]) -> list[int]:
        """Positions of the ports that a channels-last format must transpose: (N, C, H, W) in this source."""
        if self.channels_last:
            return []
        return [place for place, port in enumerate(ports) if len(port.shape) == IMAGE_RANK]

    @property
    def parameters(self) -> int:
        """How many weights the module has; a large number where there is no module to count in."""
        if self.module is None:
            return sys.maxsize
        return sum(each.numel() for each in self.module.parameters())

    def weights(self) -> list[Array]:
        """The weights that a quantizer would take, output channels first; empty where there is no module."""
        if self.module is None:
            return []
        found = {
            id(each): np.ascontiguousarray(np.moveaxis(each.detach().numpy(), output_axis(module), 0))
            for module in self.module.modules()
            for each in module.parameters(recurse=False)
            if each.ndim > 1
        }
        return list(found.values())


def output_axis(module: Any) -> int:
    """Axis of the output channels in the weights of a layer: transposed convolutions have them second."""
    return int(bool(getattr(module, "transposed", False)) and module.groups == 1)
