"""Layers of Core ML's older networks: what shape their weights have, and what shape they give.

Source: the comments on each layer in NeuralNetwork.proto. A layer that is not here has weights of any length, and gives
an unknown shape.
"""

from collections.abc import Callable, Mapping
from functools import partial
from math import ceil, prod
from types import MappingProxyType
from typing import Any

Shape = tuple[int, ...]
Weights = Callable[[Any], dict[str, Shape]]
Rule = Callable[[Any, list[Shape]], Shape | None]


def _pair(values: Any, default: int) -> list[int]:
    """Two numbers that may be left out."""
    return list(values) or [default, default]


def _convolution(layer: Any) -> dict[str, Shape]:
    kernel = _pair(layer.kernelSize, 3)
    groups = layer.nGroups or 1
    turned = (layer.kernelChannels, layer.outputChannels // groups)
    channels = turned if layer.isDeconvolution else (layer.outputChannels, layer.kernelChannels)
    return {"weights": (*channels, *kernel), "bias": (layer.outputChannels,)}


def _convolution_3d(layer: Any) -> dict[str, Shape]:
    kernel = (layer.kernelDepth, layer.kernelHeight, layer.kernelWidth)
    taken = layer.inputChannels // (layer.nGroups or 1)
    return {"weights": (layer.outputChannels, taken, *kernel), "bias": (layer.outputChannels,)}


def _gates(layer: Any, names: str, size: int, taken: int) -> dict[str, Shape]:
    """Weights of a recurrent layer: for each gate a matrix for the input, one for the state, a bias, a peephole."""
    del layer
    shapes: dict[str, Shape] = {}
    for gate in names.split():
        shapes |= {f"{gate}WeightMatrix": (size, taken), f"{gate}RecursionMatrix": (size, size)}
        shapes |= {f"{gate}BiasVector": (size,), f"{gate}PeepholeVector": (size,)}
    return shapes


def _recurrent(names: str) -> Weights:
    return lambda layer: _gates(layer, names, layer.outputVectorSize, layer.inputVectorSize)


def _same(names: str, size: Callable[[Any], Shape]) -> Weights:
    return lambda layer: dict.fromkeys(names.split(), size(layer))


# Expected shapes by the path of the weight inside of the layer's message; a path may end with any prefix before it.
WEIGHTS: Mapping[str, Weights] = MappingProxyType(
    {
        "convolution": _convolution,
        "convolution3d": _convolution_3d,
        "innerProduct": lambda layer: {
            "weights": (layer.outputChannels, layer.inputChannels),
            "bias": (layer.outputChannels,),
        },
        "embedding": lambda layer: {
            "weights": (layer.outputChannels, layer.inputDim),
            "bias": (layer.outputChannels,),
        },
        "embeddingND": lambda layer: {
            "weights": (layer.embeddingSize, layer.vocabSize),
            "bias": (layer.embeddingSize,),
        },
        "batchnorm": _same("gamma beta mean variance", lambda layer: (layer.channels,)),
        "scale": lambda layer: {"scale": tuple(layer.shapeScale), "bias": tuple(layer.shapeBias)},
        "bias": _same("bias", lambda layer: tuple(layer.shape)),
        "loadConstant": _same("data", lambda layer: tuple(layer.shape)),
        "loadConstantND": _same("data", lambda layer: tuple(layer.shape)),
        "layerNormalization": _same("gamma beta", lambda layer: tuple(layer.normalizedShape)),
        "batchedMatmul": lambda layer: {
            "weights": (layer.weightMatrixFirstDimension, layer.weightMatrixSecondDimension),
            "bias": (layer.weightMatrixSecondDimension,),
        },
        "gru": _recurrent("updateGate resetGate outputGate"),
        "uniDirectionalLSTM": _recurrent("inputGate forgetGate blockInput outputGate"),
        "biDirectionalLSTM": _recurrent("inputGate forgetGate blockInput outputGate"),
        "simpleRecurrent": lambda layer: {
            "weightMatrix": (layer.outputVectorSize, layer.inputVectorSize),
            "recursionMatrix": (layer.outputVectorSize, layer.outputVectorSize),
            "biasVector": (layer.outputVectorSize,),
        },
    }
)


def _windows(layer: Any, shape: Shape, kernel: list[int], dilations: list[int]) -> list[int]:
    """Lengths that windows leave of the last two axes."""
    strides = _pair(layer.stride, 1)
    out = []
    for axis in range(2):
        length, reach = shape[axis - 2], (kernel[axis] - 1) * dilations[axis] + 1
        if layer.HasField("same"):
            out.append(ceil(length / strides[axis]))
            continue
        borders = layer.valid.paddingAmounts.borderAmounts
        edges = borders[axis].startEdgeSize + borders[axis].endEdgeSize if len(borders) > axis else 0
        out.append((length + edges - reach) // strides[axis] + 1)
    return out


def _convolved(layer: Any, shapes: list[Shape]) -> Shape | None:
    kernel, dilations = _pair(layer.kernelSize, 3), _pair(layer.dilationFactor, 1)
    (shape,) = shapes
    if not layer.isDeconvolution:
        return (*shape[:-3], layer.outputChannels, *_windows(layer, shape, kernel, dilations))
    if layer.outputShape:
        return (*shape[:-3], layer.outputChannels, *layer.outputShape)
    strides, borders = _pair(layer.stride, 1), layer.valid.paddingAmounts.borderAmounts
    out = []
    for axis in range(2):
        edges = borders[axis].startEdgeSize + borders[axis].endEdgeSize if len(borders) > axis else 0
        grown = (shape[axis - 2] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - edges
        out.append(shape[axis - 2] * strides[axis] if layer.HasField("same") else grown)
    return (*shape[:-3], layer.outputChannels, *out)


def _pooled(layer: Any, shapes: list[Shape]) -> Shape | None:
    (shape,) = shapes
    if layer.globalPooling:
        return (*shape[:-2], 1, 1)
    if layer.HasField("includeLastPixel"):
        return None
    return (*shape[:-2], *_windows(layer, shape, _pair(layer.kernelSize, 3), [1, 1]))


def _multiplied(layer: Any, shapes: list[Shape]) -> Shape | None:
    """The axis of the inputs becomes the outputs: the last one, or the channels of an image of one pixel."""
    (shape,) = shapes
    if shape[-1] == layer.inputChannels:
        return (*shape[:-1], layer.outputChannels)
    if len(shape) > 2 and prod(shape[-3:]) == layer.inputChannels:  # noqa: PLR2004 - channels, height, width
        return (*shape[:-3], layer.outputChannels, 1, 1)
    return None


def _unchanged(layer: Any, shapes: list[Shape]) -> Shape | None:
    del layer
    return shapes[0]


def _broadcast(layer: Any, shapes: list[Shape]) -> Shape | None:
    del layer
    rank = max(map(len, shapes))
    columns = zip(*((1,) * (rank - len(each)) + each for each in shapes), strict=True)
    return tuple(max(each) for each in columns)


def _concatenated(axis: Callable[[Any], int], layer: Any, shapes: list[Shape]) -> Shape | None:
    place = axis(layer) % len(shapes[0])
    joined = sum(each[place] for each in shapes)
    return (*shapes[0][:place], joined, *shapes[0][place + 1 :])


def _upsampled(layer: Any, shapes: list[Shape]) -> Shape | None:
    factors = _pair(layer.scalingFactor, 1)
    return (*shapes[0][:-2], shapes[0][-2] * factors[0], shapes[0][-1] * factors[1])


def _padded(layer: Any, shapes: list[Shape]) -> Shape | None:
    borders = layer.paddingAmounts.borderAmounts
    edges = [each.startEdgeSize + each.endEdgeSize for each in borders] or [0, 0]
    return (*shapes[0][:-2], shapes[0][-2] + edges[0], shapes[0][-1] + edges[1])


def _reshaped(layer: Any, shapes: list[Shape]) -> Shape | None:
    known = -prod(layer.targetShape)
    return tuple(prod(shapes[0]) // known if each == -1 and known else each for each in layer.targetShape)


def _expanded(layer: Any, shapes: list[Shape]) -> Shape | None:
    shape = list(shapes[0])
    for axis in sorted(each % (len(shape) + len(layer.axes)) for each in layer.axes):
        shape.insert(axis, 1)
    return tuple(shape)


def _squeezed(layer: Any, shapes: list[Shape]) -> Shape | None:
    gone = {each % len(shapes[0]) for each in layer.axes}
    return tuple(
        each for axis, each in enumerate(shapes[0]) if (each != 1 if layer.squeezeAll else axis not in gone)
    )


UNCHANGED = """
activation unary softmax softmaxND batchnorm scale bias lrn mvn l2normalize clip ceil floor sign round exp2 sin cos
tan asin acos atan sinh cosh tanh asinh acosh atanh erf gelu layerNormalization clampedReLU cumSum reverse copy
"""
BROADCAST = """
add multiply average max min addBroadcastable multiplyBroadcastable subtractBroadcastable divideBroadcastable
floorDivBroadcastable powBroadcastable modBroadcastable minBroadcastable maxBroadcastable equal notEqual lessThan
lessEqual greaterThan greaterEqual logicalOr logicalXor logicalAnd
"""

SHAPES: Mapping[str, Rule] = MappingProxyType(
    {
        **dict.fromkeys(UNCHANGED.split(), _unchanged),
        **dict.fromkeys(BROADCAST.split(), _broadcast),
        "convolution": _convolved,
        "pooling": _pooled,
        "innerProduct": _multiplied,
        "concat": partial(_concatenated, lambda layer: 0 if layer.sequenceConcat else -3),
        "concatND": partial(_concatenated, lambda layer: layer.axis),
        "upsample": _upsampled,
        "padding": _padded,
        "reshapeStatic": _reshaped,
        "transpose": lambda layer, shapes: tuple(shapes[0][each] for each in layer.axes),
        "expandDims": _expanded,
        "squeeze": _squeezed,
        "flattenTo2D": lambda layer, shapes: (prod(shapes[0][: layer.axis]), prod(shapes[0][layer.axis :])),
        "loadConstant": lambda layer, shapes: tuple(layer.shape),  # noqa: ARG005 - one signature for all
        "loadConstantND": lambda layer, shapes: tuple(layer.shape),  # noqa: ARG005 - one signature for all
    }
)


def shape(kind: str, layer: Any, inputs: list[Shape | None]) -> Shape | None:
    """The shape that a layer gives; ``None`` where that is not known.

    Args:
        kind: name of the layer's message.
        layer: the message.
        inputs: shapes that it takes.
    """
    rule = SHAPES.get(kind)
    known = [each for each in inputs if each is not None]
    if rule is None or len(known) < len(inputs):
        return None
    try:
        found = rule(layer, known)
    except (IndexError, ValueError, ZeroDivisionError):
        return None
    return found if found is not None and min(found, default=1) > 0 else None
