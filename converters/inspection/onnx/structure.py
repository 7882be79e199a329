"""Whether a model holds together: operator sets, names, types, attributes, branches and functions.

Rules: docs/IR.md of the onnx project. What needs the definition of an operator is left to `judges`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import onnx

from converters.inspection.onnx import contrib
from converters.inspection.onnx.payloads import DTYPES, MAX_AXES, Payloads
from converters.inspection.onnx.versions import CONTRIB, STANDARD
from converters.inspection.reading import UnreadableError

MAX_PROBLEMS = 20  # listed; a damaged file may have thousands
MAX_DEPTH = 16  # graphs inside of branches and loops
MAX_EXPANDED = 1_000_000  # nodes once every function is put in its place
MAX_NODES = 200_000
MAX_VERSION = 10_000  # of operator sets that onnx does not number

# The field that holds an attribute of each type (AttributeProto.AttributeType).
ATTRIBUTE_FIELDS: Mapping[int, str] = MappingProxyType(
    {
        1: "f",
        2: "i",
        3: "s",
        4: "t",
        5: "g",
        6: "floats",
        7: "ints",
        8: "strings",
        9: "tensors",
        10: "graphs",
        11: "sparse_tensor",
        12: "sparse_tensors",
        13: "tp",
        14: "type_protos",
    }
)
BINARY_TEXT = "ep_cache_context"  # EPContext keeps compiled code in a string
_TYPES_INSIDE = ("sequence_type", "optional_type")
_Function = tuple[str, str, str]  # domain, name, overload


def check(model: Any, payloads: Payloads) -> None:
    """Check everything that can be told without the definitions of operators.

    Raises:
        UnreadableError: what does not hold, all of it up to a limit.
    """
    checker = _Checker(model, payloads)
    checker.model()
    problems = list(dict.fromkeys(checker.problems))
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS:,} problems more"]
    if problems:
        raise UnreadableError(problems)


def function_key(function: Any) -> _Function:
    """What a node names to call a function."""
    return _domain(function.domain), function.name, function.overload


def call_key(node: Any) -> _Function:
    """The function that a node would call, if there is one."""
    return _domain(node.domain), node.op_type, node.overload


def defined(kind: str, domain: str, version: int) -> bool:
    """Whether a version of an operator set has an operator."""
    return bool(onnx.defs.has(kind, max_inclusive_version=version, domain=domain))


def branches(node: Any) -> Iterator[Any]:
    """The graphs inside of a node."""
    for each in node.attribute:
        if each.type == onnx.AttributeProto.GRAPH:
            yield each.g
        yield from each.graphs


def _domain(text: str) -> str:
    return "" if text == "ai.onnx" else text


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


class _Checker:
    """One check of one model; a class because problems and functions are needed everywhere."""

    def __init__(self, model: Any, payloads: Payloads) -> None:
        self.proto, self.payloads = model, payloads
        self.problems: list[str] = []
        self.nodes = 0
        self.functions = {function_key(each): each for each in model.functions}

    def model(self) -> None:
        """Check the model's own fields, its functions and its graph."""
        model = self.proto
        if not 3 <= model.ir_version <= onnx.IR_VERSION:  # noqa: PLR2004 - the first version of today's layout
            self.problems.append(f"IR version {model.ir_version}; 3 to {onnx.IR_VERSION} are read")
        imports = self.imports(model.opset_import, "the model")
        self.keys(model.metadata_props, "the model")
        if len(self.functions) != len(model.functions):
            self.problems.append("a function is defined twice")
        for function in model.functions:
            self.function(function, imports)
        self.expansion()
        self.graph(model.graph, imports, frozenset(), 1)
        self.initial_inputs(model)

    def imports(self, opsets: Any, where: str) -> Mapping[str, int]:
        """Check operator sets; give the version of each domain."""
        names = [_domain(each.domain) for each in opsets]
        for name in _twice(names):
            self.problems.append(f"{where} imports the operator set '{name or 'ai.onnx'}' twice")
        if not names:
            self.problems.append(f"{where} imports no operator set")
        for name, each in zip(names, opsets, strict=True):
            newest = MAX_VERSION if name else onnx.defs.onnx_opset_version()
            if not 1 <= each.version <= newest:
                known = f"1 to {newest} are known"
                self.problems.append(f"{where} imports '{name or 'ai.onnx'}' {each.version}; {known}")
        return {name: each.version for name, each in zip(names, opsets, strict=True)}

    def keys(self, properties: Any, where: str) -> None:
        """Check that metadata keys come once."""
        for key in _twice(each.key for each in properties):
            self.problems.append(f"the metadata key '{key[:80]}' of {where} comes twice")

    def initial_inputs(self, model: Any) -> None:
        """Before IR version 4, each initializer must be an input as well."""
        if model.ir_version >= 4:  # noqa: PLR2004 - docs/IR.md
            return
        inputs = {each.name for each in model.graph.input}
        self.problems.extend(
            f"initializer '{each.name[:80]}' is no input, which IR version {model.ir_version} demands"
            for each in model.graph.initializer
            if each.name not in inputs
        )

    def function(self, function: Any, imports: Mapping[str, int]) -> None:
        """Check one function as a graph whose inputs are its arguments."""
        where = f"function '{function.name[:80]}'"
        if not function.name or not function.domain:
            self.problems.append(f"{where} has no name or no domain")
        own = self.imports(function.opset_import, where) if function.opset_import else imports
        for name in _twice(function.input):
            self.problems.append(f"{where} has the input '{name[:80]}' twice")
        if not all((*function.input, *function.output)):
            self.problems.append(f"an input or output of {where} has no name")
        attributes = [*function.attribute, *(each.name for each in function.attribute_proto)]
        for name in _twice(attributes):
            self.problems.append(f"{where} has the attribute '{name[:80]}' twice")
        for each in function.attribute_proto:
            self.attribute(each, where, own, frozenset(), 1, frozenset(attributes))
        self.body(function, own, set(function.input), 1, frozenset(attributes), where)

    def expansion(self) -> None:
        """Check that functions do not call themselves and do not multiply beyond all bounds."""
        sizes: dict[_Function, int] = {}
        open_calls: set[_Function] = set()

        def size(key: _Function) -> int:
            if key in open_calls or len(open_calls) > MAX_DEPTH:
                raise UnreadableError(
                    [f"function '{key[1][:80]}' calls itself, or calls nest over {MAX_DEPTH} deep"]
                )
            if key not in sizes:
                open_calls.add(key)
                sizes[key] = total(self.functions[key].node)
                open_calls.remove(key)
            return sizes[key]

        def total(nodes: Any) -> int:
            count = 0
            for node in nodes:
                count += size(call_key(node)) if call_key(node) in self.functions else 1
                count += sum(total(graph.node) for graph in branches(node))
            return count

        try:
            if total(self.proto.graph.node) > MAX_EXPANDED:
                self.problems.append(f"its functions unfold to over {MAX_EXPANDED:,} nodes")
        except UnreadableError as problem:
            self.problems += problem.problems

    def graph(
        self,
        graph: Any,
        imports: Mapping[str, int],
        outer: frozenset[str],
        depth: int,
        attributes: frozenset[str] = frozenset(),
    ) -> None:
        """Check one graph and those inside of it."""
        where = f"graph '{graph.name[:80]}'" if depth > 1 else "the graph"
        if depth > MAX_DEPTH:
            self.problems.append(f"graphs lie inside each other over {MAX_DEPTH} deep")
            return
        constants = [each.name for each in graph.initializer] + [
            each.values.name for each in graph.sparse_initializer
        ]
        for what, names in (
            ("initializer", constants),
            ("input", [each.name for each in graph.input]),
            ("output", [each.name for each in graph.output]),
            ("value_info", [each.name for each in graph.value_info]),
        ):
            self.problems += [f"{where} has the {what} '{name[:80]}' twice" for name in _twice(names)]
            if not all(names):
                self.problems.append(f"an {what} of {where} has no name")
        for value in (*graph.input, *graph.output, *graph.value_info):
            self.value(value, where)
        for tensor in graph.initializer:
            self.tensor(tensor)
        for sparse in graph.sparse_initializer:
            self.sparse(sparse)
        self.keys(graph.metadata_props, where)
        self.same_types(graph, where)
        given = {each.name for each in graph.input} | set(constants) | outer
        known = self.body(graph, imports, given, depth, attributes, where)
        for each in graph.quantization_annotation:
            if each.tensor_name not in known:
                self.problems.append(
                    f"a quantization annotation names '{each.tensor_name[:80]}', which is unknown"
                )

    def same_types(self, graph: Any, where: str) -> None:
        """An initializer that is an input as well has the input's type and shape."""
        inputs = {
            each.name: each.type.tensor_type for each in graph.input if each.type.HasField("tensor_type")
        }
        for tensor in graph.initializer:
            declared = inputs.get(tensor.name)
            if declared is None:
                continue
            dims = [each.dim_value if each.HasField("dim_value") else None for each in declared.shape.dim]
            fits = len(dims) == len(tensor.dims) and all(
                want in {None, have} for want, have in zip(dims, tensor.dims, strict=True)
            )
            if declared.elem_type != tensor.data_type or (declared.HasField("shape") and not fits):
                self.problems.append(
                    f"initializer '{tensor.name[:80]}' of {where} has another type as an input"
                )

    def body(self, holder: Any, imports: Mapping[str, int], names: set[str], depth: int,
             attributes: frozenset[str], where: str) -> set[str]:  # fmt: skip
        """Check the nodes of a graph or a function in the order in which they run; give all names known at the end."""
        own: set[str] = set()
        for place, node in enumerate(holder.node):
            said = f"node {place} ({node.op_type[:40]} '{node.name[:80]}') of {where}"
            self.nodes += 1
            if self.nodes > MAX_NODES:
                raise UnreadableError([f"over {MAX_NODES:,} nodes"])
            self.operator(node, imports, said)
            for name in node.input:
                if name and name not in names:
                    self.problems.append(f"{said} reads '{name[:80]}', which nothing before it gives")
            for name in _twice(each.name for each in node.attribute):
                self.problems.append(f"{said} has the attribute '{name[:80]}' twice")
            scope = frozenset(names) if any(True for _ in branches(node)) else frozenset()
            for each in node.attribute:
                self.attribute(each, said, imports, scope, depth, attributes)
            for name in filter(None, node.output):
                if name in own or name in names:
                    self.problems.append(f"{said} gives '{name[:80]}', which is given already")
                own.add(name)
                names.add(name)
        outputs = [each if isinstance(each, str) else each.name for each in holder.output]
        self.problems += [
            f"the output '{name[:80]}' of {where} is given by nothing"
            for name in outputs
            if name not in names
        ]
        return names

    def operator(self, node: Any, imports: Mapping[str, int], said: str) -> None:
        """Check that an operator's set is imported and has it."""
        domain = _domain(node.domain)
        standard = domain in STANDARD and call_key(node) not in self.functions
        version = imports.get(domain, 0)
        if not node.op_type:
            self.problems.append(f"{said} has no operator")
        elif domain not in imports:
            self.problems.append(f"{said} is of the operator set '{node.domain[:80]}', which is not imported")
        elif domain in CONTRIB:
            self.problems += [f"{said}: {each}" for each in contrib.problems(node)]
        elif standard and 0 < version <= MAX_VERSION and not defined(node.op_type, domain, version):
            self.problems.append(f"{said}: '{domain or 'ai.onnx'}' {version} has no such operator")

    def attribute(self, attribute: Any, said: str, imports: Mapping[str, int],
                  scope: frozenset[str], depth: int, referable: frozenset[str]) -> None:  # fmt: skip
        """Check that an attribute holds what its type says and nothing else."""
        said = f"{said}, attribute '{attribute.name[:80]}'"
        field = ATTRIBUTE_FIELDS.get(attribute.type)
        held = {each.name for each, _ in attribute.ListFields()} - {
            "name",
            "type",
            "doc_string",
            "ref_attr_name",
        }
        if not attribute.name or field is None:
            self.problems.append(f"{said}: it has no name or no known type ({attribute.type})")
            return
        if attribute.ref_attr_name:
            if attribute.ref_attr_name not in referable or held:
                self.problems.append(
                    f"{said} refers to '{attribute.ref_attr_name[:80]}', which is no attribute"
                )
            return
        alone = field in {"f", "i", "s"}
        if held - {field} or (not held and not alone and not field.endswith("s")):
            self.problems.append(f"{said}: it holds {sorted(held)}, its type says {field}")
            return
        if attribute.name != BINARY_TEXT and not all(map(_is_text, (attribute.s, *attribute.strings))):
            self.problems.append(f"{said}: its text is not UTF-8")
        for tensor in (attribute.t,) if field == "t" else attribute.tensors:
            self.tensor(tensor)
        for sparse in (attribute.sparse_tensor,) if field == "sparse_tensor" else attribute.sparse_tensors:
            self.sparse(sparse)
        for graph in (attribute.g,) if field == "g" else attribute.graphs:
            self.graph(graph, imports, scope, depth + 1, referable)
        for each in (attribute.tp,) if field == "tp" else attribute.type_protos:
            self.type(each, said, 1)

    def tensor(self, tensor: Any) -> None:
        """Check a tensor's values."""
        try:
            self.payloads.read(tensor)
        except UnreadableError as problem:
            self.problems += problem.problems

    def sparse(self, sparse: Any) -> None:
        """Check a sparse tensor's values and indices."""
        try:
            self.payloads.check_sparse(sparse)
        except UnreadableError as problem:
            self.problems += problem.problems

    def value(self, value: Any, where: str) -> None:
        """Check the declared type of a value."""
        if value.HasField("type"):
            self.type(value.type, f"value '{value.name[:80]}' of {where}", 1)

    def type(self, declared: Any, said: str, depth: int) -> None:
        """Check element types and lengths."""
        kind = declared.WhichOneof("value")
        if depth > MAX_DEPTH:
            self.problems.append(f"{said}: types lie inside each other over {MAX_DEPTH} deep")
        elif kind in {"tensor_type", "sparse_tensor_type"}:
            tensor = getattr(declared, kind)
            if tensor.elem_type not in DTYPES:
                self.problems.append(f"{said}: element type {tensor.elem_type} is unknown")
            if len(tensor.shape.dim) > MAX_AXES or any(each.dim_value < 0 for each in tensor.shape.dim):
                self.problems.append(f"{said}: over {MAX_AXES} axes, or one of a negative length")
        elif kind in _TYPES_INSIDE:
            self.type(getattr(declared, kind).elem_type, said, depth + 1)
        elif kind == "map_type":
            if declared.map_type.key_type not in DTYPES:
                self.problems.append(f"{said}: key type {declared.map_type.key_type} is unknown")
            self.type(declared.map_type.value_type, said, depth + 1)
        elif kind is None and depth > 1:
            self.problems.append(f"{said}: a type that says nothing")
