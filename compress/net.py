"""A net between two steps: its module, how to build the module again, and its bytes.

The bytes are one safetensors file. Pruned weights are zeros in it, quantized weights lie on their grid, shared weights
are the values of their codebook; what shape the layers have is read off the tensors. So every step can go on from the
bytes of the step before, on any machine.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from architectures.catalogue import parse
from architectures.folding import fold_batch_norms
from zoo.errors import BadFileError

_METADATA = "blueprint"
_HEADER_BYTES = 8
_GAIN = 2.0  # of a rectifier, as variance


@dataclass(frozen=True, slots=True)
class Blueprint:
    """All that is needed to build a module for a set of tensors.

    Attributes:
        architecture: name for `architectures.catalogue.parse`.
        shape: of one example without its batch.
        classes: outputs.
        removed: paths of blocks that were taken out.
        folded: whether batch norms were folded into the layers before them.
    """

    architecture: str
    shape: tuple[int, ...]
    classes: int
    removed: tuple[str, ...] = ()
    folded: bool = False


@dataclass(slots=True)
class Net:
    """A module and its blueprint.

    Attributes:
        blueprint: how to build it again.
        module: takes (N, *shape), gives logits (N, classes).
    """

    blueprint: Blueprint
    module: Any

    def to_bytes(self) -> bytes:
        """One safetensors file, the same for the same weights."""
        state = {name: each.detach().contiguous() for name, each in self.module.state_dict().items()}
        return bytes(save(state, {_METADATA: json.dumps(asdict(self.blueprint), sort_keys=True)}))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Net":
        """Build the net of `to_bytes`, in evaluation mode.

        Raises:
            BadFileError: they are no checkpoint of a net.
        """
        try:
            length = int.from_bytes(data[:_HEADER_BYTES], "little")
            header = json.loads(data[_HEADER_BYTES : _HEADER_BYTES + length])
            told = json.loads(header["__metadata__"][_METADATA])
            blueprint = Blueprint(
                **{**told, "shape": tuple(told["shape"]), "removed": tuple(told["removed"])}
            )
            state = load(data)
        except (SafetensorError, ValueError, KeyError, TypeError) as problem:
            raise BadFileError("a checkpoint", [f"it holds no net of this project: {problem}"]) from problem
        return cls(blueprint, build(blueprint, state))

    def copy(self) -> "Net":
        """A net of the same weights that shares nothing."""
        return Net.from_bytes(self.to_bytes())

    def folded(self) -> "Net":
        """A copy without batch norms, whose convolutions compute the same: what the converters will see."""
        if self.blueprint.folded:
            return self.copy()
        return Net(replace(self.blueprint, folded=True), fold_batch_norms(self.module))


def fresh(blueprint: Blueprint, seed: int) -> Net:
    """A net of random weights."""
    torch.manual_seed(seed)
    return Net(blueprint, build(blueprint, None))


def from_scratch(net: Net, seed: int) -> Net:
    """A net of the same shapes with random weights: what a pruned net is compared with (Liu et al. 2018).

    Convolutions get He's variance (fan in), dense layers and norms torch's usual start.
    """
    module = net.copy().module
    torch.manual_seed(seed)
    for each in module.modules():
        if isinstance(each, nn.Conv2d):
            nn.init.normal_(each.weight, std=(_GAIN / each.weight[0].numel()) ** 0.5)
            if each.bias is not None:
                nn.init.zeros_(each.bias)
        elif hasattr(each, "reset_parameters"):
            each.reset_parameters()
    return Net(net.blueprint, module)


def build(blueprint: Blueprint, state: Mapping[str, torch.Tensor] | None) -> Any:
    """Build the module of a blueprint, with layers as wide as the tensors are.

    Args:
        blueprint: of the net.
        state: its tensors; ``None`` for random weights of the usual widths.

    Returns:
        The module, in evaluation mode.

    Raises:
        BadFileError: the tensors do not belong to that net.
    """
    module = parse(blueprint.architecture).with_shape(blueprint.shape).build(blueprint.classes)
    for path in blueprint.removed:
        module.set_submodule(path, nn.Identity())
    if blueprint.removed:
        fit_head(module, blueprint.shape)
    if blueprint.folded:
        module = fold_batch_norms(module)
    if state is not None:
        _resize(module, state)
        try:
            module.load_state_dict(state)
        except RuntimeError as problem:
            found = " ".join(str(problem).split())[:300]
            raise BadFileError("a checkpoint", [f"not of {blueprint.architecture}: {found}"]) from problem
    return module.eval()


@torch.no_grad()
def fit_head(module: Any, shape: tuple[int, ...]) -> None:
    """Give the pool and the layer behind it the size of what the last block leaves, after blocks were taken out.

    A layer whose inputs change starts again with random weights. Nets without ``features`` keep the head they have.

    Args:
        module: changed in place, left in evaluation mode.
        shape: of one example.
    """
    if not hasattr(module, "features"):
        return
    maps = module.eval().features(torch.zeros(1, *shape))
    if hasattr(module, "pool"):
        module.pool = nn.AvgPool2d(tuple(maps.shape[2:]))
        maps = module.pool(maps)
    path, reader = next(
        (path, each)
        for path, each in module.named_modules()
        if isinstance(each, nn.Conv2d | nn.Linear) and not path.startswith("features.")
    )
    if isinstance(reader, nn.Conv2d) and reader.in_channels != maps.shape[1]:
        module.set_submodule(path, nn.Conv2d(maps.shape[1], reader.out_channels, reader.kernel_size))
    elif isinstance(reader, nn.Linear) and reader.in_features != maps[0].numel():
        module.set_submodule(path, nn.Linear(maps[0].numel(), reader.out_features))


def _resize(module: Any, state: Mapping[str, torch.Tensor]) -> None:
    """Give each layer the shape of its tensors."""
    for path, layer in module.named_modules():
        weight = state.get(f"{path}.weight")
        if weight is None or getattr(layer, "weight", None) is None or layer.weight.shape == weight.shape:
            continue
        if isinstance(layer, nn.Conv2d):
            if layer.groups > 1:  # depthwise: one filter a channel
                layer.groups = layer.in_channels = weight.shape[0]
            else:
                layer.in_channels = weight.shape[1]
            layer.out_channels = weight.shape[0]
        elif isinstance(layer, nn.Linear):
            layer.out_features, layer.in_features = weight.shape
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
            layer.num_features = weight.shape[0]
        elif isinstance(layer, nn.LayerNorm):
            layer.normalized_shape = tuple(weight.shape)
        for own in (*layer._parameters, *layer._buffers):  # noqa: SLF001
            found = state.get(f"{path}.{own}")
            if found is not None:
                old = getattr(layer, own)
                new = torch.empty_like(found)
                setattr(layer, own, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)
