"""Reading Core ML's older networks: layers with their weights inside, as in ``.mlmodel`` files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from converters.inspection import elements
from converters.inspection.coreml import neural_layers
from converters.inspection.reading import UnreadableError
from converters.inspection.report import Granularity, Graph, Operator, OptionValue, Tensor

MAX_LAYERS = 100_000
MAX_PROBLEMS = 20
MAX_DEPTH = 8  # networks inside of branches and loops
MAX_OPTION = 16
MAX_BITS = 8
WEIGHT = "CoreML.Specification.WeightParams"
NETWORK = "CoreML.Specification.NeuralNetwork"
# Arrays of an app come as they are, or brought to five axes: sequence, batch, channel, height, width.
RANK5, EXACT = 0, 1


@dataclass(frozen=True, slots=True)
class Weight:
    """One weight of a layer.

    Attributes:
        path: its place in the layer's message.
        params: the message that holds it.
    """

    path: str
    params: Any


def read(network: Any, description: Any) -> Graph:
    """Read a network.

    Args:
        network: a NeuralNetwork, NeuralNetworkClassifier or NeuralNetworkRegressor.
        description: the model's ModelDescription.

    Raises:
        UnreadableError: what does not hold, all of it up to a limit.
    """
    reader = _Reader()
    graph = reader.network(network, description)
    problems = list(dict.fromkeys(reader.problems))
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS:,} problems more"]
    if problems:
        raise UnreadableError(problems)
    return graph


class _Reader:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self.tensors: list[Tensor] = []
        self.places: dict[str, int] = {}
        self.subgraphs = 0
        self.layers = 0

    def network(self, network: Any, description: Any) -> Graph:
        """Read inputs, layers and outputs."""
        for each in description.input:
            self.add(Tensor(each.name, _input_shape(each.type, network), "float32"))
        inputs = tuple(range(len(self.tensors)))
        known = {each.name for each in self.tensors}
        operators = self.operators(network.layers, known, 1)
        classes = {description.predictedFeatureName, description.predictedProbabilitiesName}
        outputs = []
        for each in description.output:
            if each.name in known:
                outputs.append(self.places[each.name])
            elif each.name not in classes:
                self.problems.append(f"the output '{each.name[:80]}' is given by no layer")
        if not operators:
            self.problems.append("the network has no layers")
        return Graph(tuple(self.tensors), tuple(operators), inputs, tuple(outputs), self.subgraphs)

    def add(self, tensor: Tensor) -> int:
        """Take up a value; a later one of the same name replaces it."""
        self.places[tensor.name] = len(self.tensors)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def operators(self, layers: Any, known: set[str], depth: int) -> list[Operator]:
        """Read layers in the order in which they run."""
        found: list[Operator] = []
        names: set[str] = set()
        for place, layer in enumerate(layers):
            kind = layer.WhichOneof("layer")
            said = f"layer {place} ({kind} '{layer.name[:80]}')"
            self.layers += 1
            if kind is None or self.layers > MAX_LAYERS or depth > MAX_DEPTH:
                self.problems.append(f"{said} has no type, is one of over {MAX_LAYERS:,}, or lies too deep")
                return found
            if not layer.name or layer.name in names:
                self.problems.append(f"{said}: this name is empty, or comes twice")
            names.add(layer.name)
            for name in layer.input:
                if name not in known:
                    self.problems.append(f"{said} reads '{name[:80]}', which nothing before it gives")
            if not all(layer.output) or len(set(layer.output)) < len(layer.output):
                self.problems.append(f"{said} gives a value without a name, or one twice")
            found.append(self.operator(kind, layer, said))
            known |= {*layer.output}
            for each in _networks(getattr(layer, kind)):
                self.subgraphs += 1
                self.operators(each.layers, known, depth + 1)
        return found

    def operator(self, kind: str, layer: Any, said: str) -> Operator:
        """Build one operator: its data, then its weights."""
        params = getattr(layer, kind)
        inputs = [self.places.get(name, -1) for name in layer.input]
        shapes = [self.tensors[each].shape if each >= 0 else None for each in inputs]
        expected = neural_layers.WEIGHTS[kind](params) if kind in neural_layers.WEIGHTS else {}
        for weight in _weights(params):
            wanted = next((shape for end, shape in expected.items() if weight.path.endswith(end)), None)
            try:
                tensor = _weight(weight.params, f"{layer.name}.{weight.path}", wanted)
            except UnreadableError as problem:
                self.problems += [f"{said}, {weight.path}: {each}" for each in problem.problems]
                continue
            if tensor is not None:
                self.tensors.append(tensor)
                inputs.append(len(self.tensors) - 1)
        known = [None if each is None else tuple(length or 0 for length in each) for each in shapes]
        shape = neural_layers.shape(kind, params, known)
        outputs = [self.add(Tensor(name, shape, "float32")) for name in layer.output]
        custom = kind == "custom"
        return Operator(
            kind=_kind(kind, params),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            label=layer.name,
            options=_options(params),
            custom=custom,
        )


def _kind(kind: str, params: Any) -> str:
    if kind == "custom":
        return str(params.className) or kind
    return "deconvolution" if kind == "convolution" and params.isDeconvolution else kind


def _input_shape(declared: Any, network: Any) -> tuple[int | None, ...] | None:
    """The shape in which a network gets one input."""
    kind = declared.WhichOneof("Type")
    if kind == "imageType":
        channels = 3 if declared.imageType.colorSpace in {20, 30} else 1
        shape = (1, channels, declared.imageType.height, declared.imageType.width)
        return shape if network.imageInputShapeMapping else (1, *shape)
    if kind != "multiArrayType" or not declared.multiArrayType.shape:
        return None
    given = tuple(declared.multiArrayType.shape)
    if network.arrayInputShapeMapping == EXACT:
        return given
    return (1, 1, *given, *(1,) * (3 - len(given))) if len(given) in {1, 3} else given


def _weights(params: Any, path: str = "") -> Iterator[Weight]:
    """Every weight inside of a layer's message, networks inside of it left out."""
    for field, value in params.ListFields():
        if field.message_type is None or field.message_type.full_name == NETWORK:
            continue
        if field.message_type.GetOptions().map_entry:
            continue
        for place, each in enumerate(value if field.is_repeated else [value]):
            inner = f"{path}{field.name}{place if field.is_repeated and place else ''}"
            if field.message_type.full_name == WEIGHT:
                yield Weight(inner, each)
            else:
                yield from _weights(each, f"{inner}.")


def _networks(params: Any) -> Iterator[Any]:
    for field, value in params.ListFields():
        if field.message_type is not None and field.message_type.full_name == NETWORK:
            yield value


def _options(params: Any) -> dict[str, OptionValue]:
    """Numbers and choices of a layer, by their names in snake_case."""
    options: dict[str, OptionValue] = {}
    for field, value in params.ListFields():
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field.name).lower()
        if field.message_type is not None:
            if field.containing_oneof is not None:
                options[field.containing_oneof.name.lower()] = field.name
            continue
        if field.is_repeated:
            if len(value) <= MAX_OPTION:
                options[name] = tuple(value)
        elif field.enum_type is not None:
            word = field.enum_type.values_by_number.get(value)
            options[name] = value if word is None else word.name
        elif not isinstance(value, bytes):
            options[name] = value
    return options


def _weight(params: Any, name: str, shape: tuple[int, ...] | None) -> Tensor | None:
    """Read one WeightParams; ``None`` for an empty one.

    Raises:
        UnreadableError: it does not hold what its layer and its quantization say.
    """
    held = [
        each
        for each in ("floatValue", "float16Value", "rawValue", "int8RawValue")
        if len(getattr(params, each))
    ]
    if not held:
        return None
    if len(held) > 1:
        raise UnreadableError([f"its values lie in {' and '.join(held)}"])
    field, values = held[0], getattr(params, held[0])
    quantized = params.HasField("quantization")
    bits = {"floatValue": 32, "float16Value": 16, "int8RawValue": 8}.get(
        field, params.quantization.numberOfBits
    )
    if (field == "rawValue") != quantized and field != "int8RawValue":
        raise UnreadableError(
            [f"its values lie in {field}, {'with' if quantized else 'without'} quantization"]
        )
    if field == "rawValue" and not 1 <= bits <= MAX_BITS:
        raise UnreadableError([f"quantized to {bits} bits, 1 to {MAX_BITS} are read"])
    size = len(values) * (4 if field == "floatValue" else 1)
    count = size * elements.BYTE // bits if shape is None else prod(shape)
    if size != -(-count * bits // elements.BYTE):
        raise UnreadableError([f"{size:,} bytes for shape {shape} of {bits} bits"])
    tensor = Tensor(
        name, (count,) if shape is None else shape, f"float{bits}", constant=True, stored_bytes=size
    )
    if field == "floatValue":
        zeros = count - int(np.count_nonzero(np.asarray(values, np.float32)))
    elif field == "float16Value":
        zeros = elements.zeros(values, "float16", count)
    elif field == "int8RawValue":
        zeros = elements.zeros(values, "int8", count)
        tensor = replace(tensor, dtype="int8", granularity=Granularity.PER_TENSOR, scales=1)
    else:
        return _dequantized(params.quantization, tensor, values, count)
    return replace(tensor, zeros=zeros / count if count else None)


def _dequantized(quantization: Any, tensor: Tensor, values: bytes, count: int) -> Tensor:
    """A weight of 1 to 8 bits: steps of a line for each channel, or indices into a table."""
    bits, kind = quantization.numberOfBits, quantization.WhichOneof("QuantizationType")
    packed = np.unpackbits(np.frombuffer(values, np.uint8))[: count * bits].reshape(count, bits)
    numbers = packed @ (1 << np.arange(bits)[::-1])
    stored = tensor.stored_bytes
    if kind == "lookupTableQuantization":
        table = np.asarray(quantization.lookupTableQuantization.floatValue, np.float32)
        if len(table) != 1 << bits:
            raise UnreadableError([f"a table of {len(table):,} values for {bits} bits"])
        zeros = int(np.count_nonzero(table[numbers] == 0))
        found = replace(tensor, dtype=f"palette{bits}", granularity=Granularity.PER_TENSOR, scales=1)
        return replace(found, stored_bytes=stored + table.nbytes, zeros=zeros / count if count else None)
    if kind != "linearQuantization":
        raise UnreadableError(["quantized without scales or a table"])
    scale, bias = (
        np.asarray(getattr(quantization.linearQuantization, each), np.float32) for each in ("scale", "bias")
    )
    channels = max(len(scale), len(bias))
    if len(scale) < 1 or count % channels or any(len(each) not in {0, 1, channels} for each in (scale, bias)):
        raise UnreadableError([f"{len(scale):,} scales and {len(bias):,} biases for {count:,} elements"])
    with np.errstate(all="ignore"):  # scales may be anything
        lines = numbers.reshape(channels, -1) * scale.reshape(-1, 1) + (
            bias.reshape(-1, 1) if len(bias) else 0
        )
    return replace(
        tensor,
        dtype=f"uint{bits}",
        stored_bytes=stored + scale.nbytes + bias.nbytes,
        granularity=Granularity.PER_CHANNEL if channels > 1 else Granularity.PER_TENSOR,
        axis=0 if channels > 1 else None,
        scales=channels,
        zeros=float(np.mean(lines == 0)) if count else None,
    )
