"""From a checked model to the report's graph.

Constant nodes become constants, as runtimes make them, and are no operators. A weight that goes through
DequantizeLinear, or into an operator that takes scales, is stored in its own type with that granularity; its scales and
zero points count as part of it. Operators with branches also list what these read from around them, after their own
inputs. Small constant inputs are options too, by the names of the operator's definition. Where the batch is open, the
option ``macs`` has an operator's MACs at a batch of one, because its shapes alone do not tell them.
"""

from dataclasses import replace
from typing import Any

import onnx

from converters.inspection.onnx import quantization
from converters.inspection.onnx.costs import macs
from converters.inspection.onnx.judges import Judged
from converters.inspection.onnx.payloads import DTYPES, Payload, Payloads
from converters.inspection.onnx.structure import branches
from converters.inspection.onnx.versions import CONTRIB, STANDARD
from converters.inspection.report import Graph, Operator, OptionValue, Tensor

MAX_OPTION = 64  # elements of an attribute that is shown as an option
MAX_INPUT = 16  # elements of a constant input that is
SHOWN = frozenset({"int32", "int64", "float32", "bool"})


def build(judged: Judged, model: Any, payloads: Payloads) -> Graph:
    """Build the graph of a model.

    Args:
        judged: what checker and inference made of it.
        model: as the file has it, with the weights.
        payloads: reads tensors of both.
    """
    graph = _Builder(judged.model, model, payloads).graph()
    if judged.batch_1 is None:
        return graph
    fixed = _shapes(judged.batch_1)
    tensors = tuple(
        each if each.name not in fixed or each.constant else replace(each, shape=fixed[each.name])
        for each in graph.tensors
    )
    fixed_graph = replace(graph, tensors=tensors)
    counted = ((each, macs(fixed_graph, each)) for each in graph.operators)
    operators = [
        replace(each, options={**each.options, "macs": count} if count else each.options)
        for each, count in counted
    ]
    return replace(graph, operators=tuple(operators))


def _shapes(model: Any) -> dict[str, tuple[int | None, ...] | None]:
    graph = model.graph
    return {each.name: _shape(each.type)[0] for each in (*graph.input, *graph.value_info, *graph.output)}


class _Builder:
    def __init__(self, judged: Any, model: Any, payloads: Payloads) -> None:
        self.judged, self.model, self.payloads = judged, model, payloads
        self.tensors: list[Tensor] = []
        self.places: dict[str, int] = {"": -1}
        self.types = {
            each.name: each.type
            for each in (*judged.graph.input, *judged.graph.value_info, *judged.graph.output)
        }
        self.constants: dict[str, Any] = {}  # TensorProtos and SparseTensorProtos by name
        self.schemas: dict[tuple[str, str], Any] = {}
        self.imports = {each.domain or "": each.version for each in judged.opset_import}
        self.imports.setdefault("", self.imports.get("ai.onnx", 1))

    def graph(self) -> Graph:
        """Put it together: constants, inputs, then each node with its outputs."""
        graph = self.judged.graph
        self.hold_all(self.model.graph)
        inputs = [each.name for each in self.model.graph.input if each.name not in self.constants]
        for name in inputs:
            self.add(name)
        nodes = []
        for node in graph.node:
            if node.op_type == "Constant" and node.domain in STANDARD:
                self.hold(node.output[0], _constant(node))
            else:
                nodes.append(node)
        operators = tuple(self.operator(node) for node in nodes)
        subgraphs = len(self.model.functions) + sum(self.inside(node) for node in nodes)
        for weight in quantization.weights(nodes, self.constants, self.payloads):
            self.quantize(weight)
        outputs = tuple(self.places[each.name] for each in graph.output)
        return Graph(
            tuple(self.tensors), operators, tuple(self.places[each] for each in inputs), outputs, subgraphs
        )

    def hold_all(self, graph: Any) -> None:
        """Take up all initializers of a graph."""
        for tensor in graph.initializer:
            self.hold(tensor.name, tensor)
        for sparse in graph.sparse_initializer:
            self.hold(sparse.values.name, sparse)

    def hold(self, name: str, value: Any) -> None:
        """Take up one constant."""
        sparse = isinstance(value, onnx.SparseTensorProto)
        payload = self.payloads.check_sparse(value) if sparse else self.payloads.read(value)
        total = payload.count
        if sparse:
            total = 1
            for each in payload.shape:
                total *= each
        zeros = (total - payload.count + payload.zeros()) / total if total else None
        self.constants[name] = value
        self.places[name] = len(self.tensors)
        self.tensors.append(
            Tensor(
                name,
                payload.shape,
                payload.dtype,
                constant=True,
                stored_bytes=payload.stored_bytes,
                zeros=zeros,
                sparse=sparse,
            )
        )

    def add(self, name: str) -> int:
        """Give a value's place; take it up when it is new."""
        if name not in self.places:
            self.places[name] = len(self.tensors)
            shape, dtype = _shape(self.types.get(name))
            self.tensors.append(Tensor(name, shape, dtype))
        return self.places[name]

    def operator(self, node: Any) -> Operator:
        """Build one operator."""
        schema = self.schema(node)
        inputs = [self.add(name) for name in node.input]
        inputs += [self.add(name) for name in self.captured(node)]
        return Operator(
            kind=node.op_type,
            inputs=tuple(inputs),
            outputs=tuple(self.add(name) for name in node.output),
            label=node.name,
            options=self.options(node, schema),
            version=1 if schema is None else schema.since_version,
            custom=node.domain not in STANDARD | CONTRIB,
        )

    def schema(self, node: Any) -> Any:
        """The definition of an operator; ``None`` for those that onnx does not define."""
        key = node.op_type, "" if node.domain == "ai.onnx" else node.domain
        if key not in self.schemas:
            version = self.imports.get(key[1], 1)
            known = key[1] in STANDARD and onnx.defs.has(key[0], max_inclusive_version=version, domain=key[1])
            self.schemas[key] = (
                onnx.defs.get_schema(key[0], max_inclusive_version=version, domain=key[1]) if known else None
            )
        return self.schemas[key]

    def options(self, node: Any, schema: Any) -> dict[str, OptionValue]:
        """Attributes, and constant inputs that are short."""
        options = {each.name: value for each in node.attribute if (value := _option(each)) is not None}
        if node.domain in CONTRIB:
            options["domain"] = node.domain
        for place, name in enumerate(node.input):
            constant = self.constants.get(name)
            if schema is None or place >= len(schema.inputs) or not isinstance(constant, onnx.TensorProto):
                continue
            formal = schema.inputs[place]
            payload = self.payloads.read(constant)
            variadic = formal.option == onnx.defs.OpSchema.FormalParameterOption.Variadic
            # What an operator declares by a plain type steers it; what it declares by a variable is data.
            steers = formal.type_str.startswith("tensor(") or payload.count == 1
            if place and steers and not variadic and payload.count <= MAX_INPUT and payload.dtype in SHOWN:
                options.setdefault(formal.name, _value(payload))
        return options

    def captured(self, node: Any) -> list[str]:
        """Names that the branches of a node read from around them."""
        found: dict[str, None] = {}
        for graph in branches(node):
            own = {each.name for each in (*graph.input, *graph.initializer)}
            own |= {each.values.name for each in graph.sparse_initializer}
            for inner in graph.node:
                found |= dict.fromkeys(
                    each for each in (*inner.input, *self.captured(inner)) if each and each not in own
                )
                own |= set(inner.output)
            found |= dict.fromkeys(each.name for each in graph.output if each.name not in own)
        return list(found)

    def inside(self, node: Any) -> int:
        """Count the graphs inside of a node, and take up the weights that they hold."""
        count = 0
        for graph in branches(node):
            count += 1 + sum(self.inside(each) for each in graph.node)
            outer = dict(self.places)
            self.hold_all(graph)
            self.places = outer
        return count

    def quantize(self, weight: quantization.Weight) -> None:
        """Mark a constant as quantized; its scales and zero points count as part of it."""
        place = self.places[weight.name]
        parts = [self.places[name] for name in weight.parts]
        stored = sum(self.tensors[each].stored_bytes for each in parts)
        for each in parts:
            self.tensors[each] = replace(self.tensors[each], stored_bytes=0)
        self.tensors[place] = replace(
            self.tensors[place],
            shape=weight.shape,
            dtype=weight.dtype,
            stored_bytes=self.tensors[place].stored_bytes + stored,
            granularity=weight.granularity,
            axis=weight.axis,
            scales=weight.scales,
            zeros=weight.zeros,
        )


def _constant(node: Any) -> Any:
    """What a Constant node holds."""
    (attribute,) = node.attribute
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.name in {"value", "sparse_value"}:
        return value
    many = attribute.name.endswith("s")
    kind = {"f": onnx.TensorProto.FLOAT, "i": onnx.TensorProto.INT64}.get(
        attribute.name.removeprefix("value_")[0], onnx.TensorProto.STRING
    )
    return onnx.helper.make_tensor(
        node.output[0], kind, [len(value)] if many else [], value if many else [value]
    )


def _option(attribute: Any) -> OptionValue | None:
    kinds = onnx.AttributeProto
    if attribute.type in {kinds.INT, kinds.FLOAT}:
        number: int | float = onnx.helper.get_attribute_value(attribute)
        return number
    if attribute.type == kinds.STRING:
        return str(attribute.s.decode(errors="replace"))
    values = {kinds.INTS: attribute.ints, kinds.FLOATS: attribute.floats}.get(attribute.type)
    if attribute.type == kinds.STRINGS:
        values = [each.decode(errors="replace") for each in attribute.strings]
    return None if values is None or len(values) > MAX_OPTION else tuple(values)


def _value(payload: Payload) -> OptionValue:
    values = payload.numbers().reshape(-1).tolist()
    return tuple(values) if payload.shape else values[0]


def _shape(declared: Any) -> tuple[tuple[int | None, ...] | None, str]:
    """Lengths and element type of a value."""
    kind = declared.WhichOneof("value") if declared is not None else None
    if kind not in {"tensor_type", "sparse_tensor_type"}:
        return None, (kind or "unknown").removesuffix("_type")
    tensor = getattr(declared, kind)
    dtype = DTYPES.get(tensor.elem_type, "unknown")
    if not tensor.HasField("shape"):
        return None, dtype
    return tuple(each.dim_value if each.HasField("dim_value") else None for each in tensor.shape.dim), dtype


def metadata_bytes(model: Any) -> int:
    """Bytes that inference does not need: texts, properties, names of nodes, declared shapes of inner values."""
    texts = [
        model.doc_string,
        model.producer_name,
        model.producer_version,
        model.domain,
        model.graph.doc_string,
    ]
    messages = [*model.metadata_props, *model.graph.metadata_props, *model.graph.value_info]
    for node in model.graph.node:
        texts += [node.doc_string, node.name]
        messages += node.metadata_props
    for each in (*model.graph.initializer, *model.graph.input, *model.graph.output):
        texts.append(each.doc_string)
        messages += each.metadata_props
    return sum(len(each.encode()) for each in texts) + sum(each.ByteSize() for each in messages)
