"""NeuralNetwork files (.mlmodel): layers, each translated to the operation of ML Programs that computes the same.

Weights may be float32, float16, or up to 8 bits: linear (``scale * q + bias``) or indices into a table (Core ML's
``WeightParams``).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from converters.mil.base import Array, Port, Weight
from converters.mil.ops import OPERATIONS
from zoo.errors import ConversionError

Layer = Any
Compute = Callable[[Layer, list[torch.Tensor]], Any]


def decoded(weights: Any, shape: tuple[int, ...], channels: int = 0) -> Array:
    """Weights as float32 of a shape, whose axis of output channels is ``channels``."""
    if weights.floatValue:
        return np.asarray(weights.floatValue, np.float32).reshape(shape)
    if weights.float16Value:
        return np.frombuffer(weights.float16Value, np.float16).astype(np.float32).reshape(shape)
    quantization = weights.quantization
    bits, count = quantization.numberOfBits, int(np.prod(shape))
    if not weights.rawValue or not bits:
        raise ConversionError(
            "parity not checked: a layer's weights are of a kind that the evaluator does not know"
        )
    packed = np.unpackbits(np.frombuffer(weights.rawValue, np.uint8))[: bits * count].reshape(count, bits)
    indices = (packed * (1 << np.arange(bits - 1, -1, -1))).sum(axis=1)
    if quantization.WhichOneof("QuantizationType") == "lookupTableQuantization":
        table = np.asarray(quantization.lookupTableQuantization.floatValue, np.float32)
        return table[indices].reshape(shape)
    linear = quantization.linearQuantization
    scale, bias = np.asarray(linear.scale, np.float32), np.asarray(linear.bias, np.float32)
    along = [-1 if place == channels and scale.size > 1 else 1 for place in range(len(shape))]
    return indices.reshape(shape).astype(np.float32) * scale.reshape(along) + bias.reshape(along)


def _call(name: str, **arguments: Any) -> Any:
    return OPERATIONS[name]({key: each for key, each in arguments.items() if each is not None})


def _borders(params: Any) -> tuple[str, list[int] | None]:
    kind = (
        params.WhichOneof("ConvolutionPaddingType")
        if hasattr(params, "kernelChannels")
        else params.WhichOneof("PoolingPaddingType")
    )
    if kind == "same":
        return ("same_lower" if params.same.asymmetryMode else "same"), None
    if kind == "includeLastPixel":
        amounts = list(params.includeLastPixel.paddingAmounts) or [0, 0]
        return "custom", [amounts[0], amounts[0], amounts[1], amounts[1]]
    edges = list(params.valid.paddingAmounts.borderAmounts)
    return "custom", [each for edge in edges for each in (edge.startEdgeSize, edge.endEdgeSize)] or [
        0,
        0,
        0,
        0,
    ]


def _convolution(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    params = layer.convolution
    kernel = list(params.kernelSize) or [3, 3]
    kind, pads = _borders(params)
    bias = decoded(params.bias, (params.outputChannels,)) if params.hasBias else None
    shared = {"strides": list(params.stride) or [1, 1], "dilations": list(params.dilationFactor) or [1, 1],
              "groups": params.nGroups or 1, "pad_type": kind, "pad": pads, "bias": bias}  # fmt: skip
    if params.isDeconvolution:
        shape = (params.kernelChannels, params.outputChannels // (params.nGroups or 1), *kernel)
        wanted = None
        if params.outputShape:
            wanted = [inputs[0].shape[0], params.outputChannels, *params.outputShape]
        return _call(
            "conv_transpose",
            x=inputs[0],
            weight=decoded(params.weights, shape, channels=1),
            output_shape=wanted,
            **shared,
        )
    return _call("conv", x=inputs[0], weight=_weight(layer), **shared)


def _weight(layer: Layer) -> Array:
    """The weight of a convolution or dense layer, as torch has it."""
    kind = layer.WhichOneof("layer")
    params = getattr(layer, kind)
    if kind == "convolution":
        kernel = list(params.kernelSize) or [3, 3]
        return decoded(params.weights, (params.outputChannels, params.kernelChannels, *kernel))
    if kind == "innerProduct":
        return decoded(params.weights, (params.outputChannels, params.inputChannels))
    shape = (params.weightMatrixSecondDimension, params.weightMatrixFirstDimension)
    return decoded(params.weights, shape)


def _inner_product(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    params, x = layer.innerProduct, inputs[0]
    bias = decoded(params.bias, (params.outputChannels,)) if params.hasBias else None
    is_image = x.ndim >= 3 and x.shape[-1] == 1 and x.shape[-2] == 1 and x.shape[-3] == params.inputChannels  # noqa: PLR2004
    made = _call("linear", x=x[..., 0, 0] if is_image else x, weight=_weight(layer), bias=bias)
    return made[..., None, None] if is_image else made


def _batched_matmul(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    params = layer.batchedMatmul
    if len(inputs) > 1:
        return _call(
            "matmul", x=inputs[0], y=inputs[1], transpose_x=params.transposeA, transpose_y=params.transposeB
        )
    bias = decoded(params.bias, (params.weightMatrixSecondDimension,)) if params.hasBias else None
    return _call("linear", x=inputs[0], weight=_weight(layer), bias=bias)


def _activation(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    kind = layer.activation.WhichOneof("NonlinearityType")
    params, x = getattr(layer.activation, kind), inputs[0]
    plain = {
        "ReLU": "relu",
        "tanh": "tanh",
        "sigmoid": "sigmoid",
        "softsign": "softsign",
        "softplus": "softplus",
    }
    if kind in plain:
        return _call(plain[kind], x=x)
    if kind == "PReLU":
        channels = x.shape[1] if x.ndim > 1 else 1
        return _call("prelu", x=x, alpha=np.broadcast_to(decoded(params.alpha, (-1,)), channels).copy())
    named = {"leakyReLU": "leaky_relu", "ELU": "elu", "thresholdedReLU": "thresholded_relu",
        "linear": "linear_activation",
             "scaledTanh": "scaled_tanh", "sigmoidHard": "sigmoid_hard"}  # fmt: skip
    if kind not in named:
        raise ConversionError(f"parity not checked: the evaluator does not know the activation {kind}")
    return _call(named[kind], x=x, alpha=params.alpha, beta=getattr(params, "beta", None))


def _pooling(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    params, x = layer.pooling, inputs[0]
    operation = {0: "max_pool", 1: "avg_pool", 2: "l2_pool"}[params.type]
    if params.globalPooling:
        return _call(operation, x=x, kernel_sizes=list(x.shape[2:]))
    kind, pads = _borders(params)
    return _call(
        operation, x=x, kernel_sizes=list(params.kernelSize) or [3, 3], strides=list(params.stride) or [1, 1],
            pad_type=kind,
        pad=pads, exclude_padding_from_average=params.avgPoolExcludePadding,
        ceil_mode=params.WhichOneof("PoolingPaddingType") == "includeLastPixel",
    )  # fmt: skip


def _unary(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    params = layer.unary
    x = inputs[0] * (params.scale or 1.0) + params.shift
    epsilon = params.epsilon or 1e-6
    return {
        0: lambda: torch.sqrt(x), 1: lambda: torch.rsqrt(x + epsilon), 2: lambda: 1 / (x + epsilon),
            3: lambda: x**params.alpha,
        4: lambda: torch.exp(x), 5: lambda: torch.log(x + epsilon), 6: lambda: torch.abs(x),
        7: lambda: torch.clamp(x, min=params.alpha),
    }[params.type]()  # fmt: skip


def _batchnorm(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    params = layer.batchnorm
    size = (params.channels,)
    if params.computeMeanVar:
        raise ConversionError(
            "parity not checked: the evaluator does not know a batchnorm that computes its statistics"
        )
    return _call(
        "batch_norm", x=inputs[0], mean=decoded(params.mean, size), variance=decoded(params.variance, size),
        gamma=decoded(params.gamma, size), beta=decoded(params.beta, size), epsilon=params.epsilon or 1e-5,
    )  # fmt: skip


def _padding(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    params = layer.padding
    kind = params.WhichOneof("PaddingType")
    pads = [
        each
        for edge in params.paddingAmounts.borderAmounts
        for each in (edge.startEdgeSize, edge.endEdgeSize)
    ]
    mode = {"constant": "constant", "reflection": "reflect", "replication": "replicate"}[kind]
    return _call("pad", x=inputs[0], pad=pads, mode=mode, constant_val=params.constant.value)


def _constant_padding(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    params = layer.constantPad
    return _call("pad", x=inputs[0], pad=list(params.padAmounts), mode="constant", constant_val=params.value)


def _crop(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    if len(inputs) > 1:
        raise ConversionError(
            "parity not checked: the evaluator does not know a crop to another input's size"
        )
    edges = [[each.startEdgeSize, each.endEdgeSize] for each in layer.crop.cropAmounts.borderAmounts]
    return _call("crop", x=inputs[0], crop_height=edges[0], crop_width=edges[1])


def _slice(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    params = layer.sliceStatic
    return _call(
        "slice_by_index", x=inputs[0], begin=list(params.beginIds), end=list(params.endIds),
        stride=list(params.strides),
        begin_mask=list(params.beginMasks), end_mask=list(params.endMasks),
            squeeze_mask=list(params.squeezeMasks) or None,
    )  # fmt: skip


def _layer_normalization(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    params = layer.layerNormalization
    shape = tuple(params.normalizedShape)
    return _call(
        "layer_norm", x=inputs[0], axes=list(range(-len(shape), 0)), gamma=decoded(params.gamma, shape),
        beta=decoded(params.beta, shape), epsilon=params.eps,
    )  # fmt: skip


def _reduce(name: str, field: str) -> Compute:
    def compute(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
        params = getattr(layer, field)
        axes = None if params.reduceAll else list(params.axes)
        return _call(name, x=inputs[0], axes=axes, keep_dims=params.keepDims)

    return compute


def _pairwise(name: str) -> Compute:
    def compute(_: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
        made = inputs[0]
        for each in inputs[1:]:
            made = _call(name, x=made, y=each)
        return made

    return compute


def _add(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    return inputs[0] + layer.add.alpha if len(inputs) == 1 else _pairwise("add")(layer, inputs)


def _multiply(layer: Layer, inputs: list[torch.Tensor]) -> torch.Tensor:
    return inputs[0] * layer.multiply.alpha if len(inputs) == 1 else _pairwise("mul")(layer, inputs)


def _constant(layer: Layer, _: list[torch.Tensor]) -> torch.Tensor:
    params = layer.loadConstantND
    return torch.from_numpy(decoded(params.data, tuple(params.shape)).copy())


LAYERS: Mapping[str, Compute] = {
    "convolution": _convolution,
    "innerProduct": _inner_product,
    "batchedMatmul": _batched_matmul,
    "activation": _activation,
    "pooling": _pooling,
    "unary": _unary,
    "batchnorm": _batchnorm,
    "padding": _padding,
    "constantPad": _constant_padding,
    "crop": _crop,
    "sliceStatic": _slice,
    "layerNormalization": _layer_normalization,
    "loadConstantND": _constant,
    "add": _add,
    "multiply": _multiply,
    "addBroadcastable": _pairwise("add"),
    "multiplyBroadcastable": _pairwise("mul"),
    "subtractBroadcastable": _pairwise("sub"),
    "divideBroadcastable": _pairwise("real_div"),
    "maxBroadcastable": _pairwise("maximum"),
    "minBroadcastable": _pairwise("minimum"),
    "reduceMean": _reduce("reduce_mean", "reduceMean"),
    "reduceSum": _reduce("reduce_sum", "reduceSum"),
    "reduceMax": _reduce("reduce_max", "reduceMax"),
    "reduceMin": _reduce("reduce_min", "reduceMin"),
    "concat": lambda _, inputs: torch.cat(inputs, -3),
    "concatND": lambda layer, inputs: _call("concat", values=inputs, axis=layer.concatND.axis),
    "stack": lambda layer, inputs: torch.stack(inputs, layer.stack.axis),
    "softmax": lambda _, inputs: torch.softmax(inputs[0], -3),
    "softmaxND": lambda layer, inputs: torch.softmax(inputs[0], layer.softmaxND.axis),
    "reshapeStatic": lambda layer, inputs: inputs[0].reshape(list(layer.reshapeStatic.targetShape)),
    "rankPreservingReshape": lambda layer, inputs: _call(
        "reshape", x=inputs[0], shape=list(layer.rankPreservingReshape.targetShape)
    ),
    "flattenTo2D": lambda layer, inputs: _call("flatten2d", x=inputs[0], axis=layer.flattenTo2D.axis),
    "transpose": lambda layer, inputs: inputs[0].permute(list(layer.transpose.axes)),
    "expandDims": lambda layer, inputs: _call("expand_dims", x=inputs[0], axes=list(layer.expandDims.axes)),
    "squeeze": lambda layer, inputs: _call(
        "squeeze", x=inputs[0], axes=None if layer.squeeze.squeezeAll else list(layer.squeeze.axes)
    ),
    "copy": lambda _, inputs: inputs[0],
    "clip": lambda layer, inputs: inputs[0].clamp(layer.clip.minVal, layer.clip.maxVal),
    "gelu": lambda layer, inputs: _call(
        "gelu", x=inputs[0], mode=["EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"][layer.gelu.mode]
    ),
}
"""By the name of the layer in Core ML's NeuralNetwork.proto."""
_WEIGHTED = {"convolution", "innerProduct", "batchedMatmul"}


class NetworkEvaluator:
    """See `converters.mil.base.Evaluator`.

    Args:
        spec: the saved model.
    """

    def __init__(self, spec: Any) -> None:
        """Take the layers."""
        self._layers = list(spec.neuralNetwork.layers)
        self.inputs = tuple(
            Port(each.name, tuple(each.type.multiArrayType.shape)) for each in spec.description.input
        )
        self.outputs = tuple(
            Port(each.name, tuple(each.type.multiArrayType.shape)) for each in spec.description.output
        )

    def unknown_operators(self) -> tuple[str, ...]:
        """See `converters.mil.base.Evaluator`."""
        return tuple(sorted({each.WhichOneof("layer") for each in self._layers} - set(LAYERS)))

    def weights(self) -> dict[str, Weight]:
        """See `converters.mil.base.Evaluator`."""
        return {
            each.name: Weight(_weight(each))
            for each in self._layers
            if each.WhichOneof("layer") in _WEIGHTED
            and len(each.input) == 1
            and not each.convolution.isDeconvolution
        }

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """See `converters.mil.base.Evaluator`."""
        unknown = self.unknown_operators()
        if unknown:
            raise ConversionError(f"parity not checked: the evaluator does not know {', '.join(unknown)}")
        values = {
            name: torch.from_numpy(np.ascontiguousarray(each, np.float32)) for name, each in feeds.items()
        }
        with torch.no_grad():
            for layer in self._layers:
                made = LAYERS[layer.WhichOneof("layer")](layer, [values[each] for each in layer.input])
                values[layer.output[0]] = made
        return {each.name: values[each.name].numpy() for each in self.outputs}
