"""Sources that come from TensorFlow: Keras 3 files and SavedModels, frozen to one function of fixed shapes.

TensorFlow's own converter takes the function to TFLite; for the other formats a torch module is rebuilt from its graph.
Nothing that a file brings may run while it is read: Lambda layers and foreign classes are refused before Keras sees
them, tables and initializers of a SavedModel before TensorFlow does, and operators that reach outside of the graph
before anything is executed.
"""

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.quiet import quiet
from converters.sources.base import Array, Port, Source, SourceKind
from zoo.errors import BadSourceError, MissingExtraError

_LONGEST_CONFIG = 64 * 2**20  # bytes
_HDF5 = b"\x89HDF"
_REACHES_OUT = frozenset(
    {
        "ReadFile",
        "MatchingFiles",
        "PyFuncStateless",
        "RestoreV2",
        "Restore",
        "RestoreSlice",
        "LoadAndRemapMatrix",
    }
)
"""Operators that read files or run Python although TensorFlow does not call them stateful."""
_HARMLESS = frozenset({"StatefulPartitionedCall", "If", "While", "Placeholder", "Assert", "VarHandleOp"})


def from_keras(path: Path) -> Source:
    """Read a ``.keras`` file of Keras 3.

    Raises:
        BadSourceError: it is HDF5, holds code (a Lambda layer, a class from elsewhere), or does not load.
        MissingExtraError: TensorFlow is not installed.
    """
    with path.open("rb") as file:
        if file.read(len(_HDF5)) == _HDF5:
            raise BadSourceError(
                f"'{path}' is HDF5: weights alone, or a model of the older format. Load it in Keras and save the whole "
                "model as model.save('net.keras')"
            )
    _refuse_code(path)
    _tensorflow()
    with quiet():
        import keras

        if keras.backend.backend() != "tensorflow":
            raise BadSourceError(
                f"'{path}' can be read only with Keras on TensorFlow, and here it runs on {keras.backend.backend()}. "
                "Set KERAS_BACKEND=tensorflow"
            )
        try:
            net = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as problem:  # Keras raises what it likes on what it cannot read
            raise BadSourceError(f"'{path}' cannot be read by Keras: {_one_line(problem)}") from problem
    if not getattr(net, "inputs", None):
        raise BadSourceError(
            f"'{path}' holds a net without declared inputs: save it as a functional or sequential one"
        )
    inputs = [_Input(each.name, tuple(each.shape), each.dtype) for each in net.inputs]
    structure = getattr(
        net, "_inputs_struct", None
    )  # `net.input` fails on a sequential one that was only loaded

    def call(*tensors: Any) -> Any:
        if isinstance(structure, dict):
            return net(dict(zip(sorted(structure), tensors, strict=True)), training=False)
        return net(tensors[0] if len(tensors) == 1 else list(tensors), training=False)

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return _source(path, SourceKind.KERAS, digest, call, inputs)


def _refuse_code(path: Path) -> None:
    """Keras refuses Lambda layers by itself, but imports the modules that a file names."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > _LONGEST_CONFIG:
                raise BadSourceError(f"'{path}' has a config.json of more than {_LONGEST_CONFIG >> 20} MiB")
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as problem:
        raise BadSourceError(f"'{path}' cannot be read as a .keras file: {problem}") from problem
    for each in _objects(config):
        kind, module = each.get("class_name"), each.get("module")
        if kind in {"Lambda", "__lambda__"}:
            raise BadSourceError(
                f"'{path}' has a Lambda layer, which is code of its own: write it with Keras layers and save it again"
            )
        if (
            isinstance(kind, str)
            and isinstance(module, str)
            and module.split(".")[0] not in {"keras", "builtins"}
        ):
            raise BadSourceError(
                f"'{path}' has {kind} of the module '{module}', which is code from elsewhere: only Keras' own layers "
                "are read. Export it as a SavedModel: model.export('folder')"
            )


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    waiting = [config]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def from_saved_model(path: Path) -> Source:
    """Read a SavedModel folder: its signature ``serving_default``, or its only one.

    Raises:
        BadSourceError: it has no such signature, holds tables or initializers, or does not load.
        MissingExtraError: TensorFlow is not installed.
    """
    tf = _tensorflow()
    _refuse_initializers(path)
    with quiet():
        try:
            loaded = tf.saved_model.load(str(path))
        except Exception as problem:  # TensorFlow raises what it likes on what it cannot read
            raise BadSourceError(
                f"'{path}' cannot be read as a SavedModel: {_one_line(problem)}"
            ) from problem
    signatures = dict(loaded.signatures)
    name = (
        "serving_default"
        if "serving_default" in signatures or len(signatures) != 1
        else next(iter(signatures))
    )
    if name not in signatures:
        listed = ", ".join(sorted(signatures)) or "none"
        raise BadSourceError(
            f"'{path}' has the signatures: {listed}. One named serving_default is wanted: "
            "tf.saved_model.save(model, folder, signatures={'serving_default': function})"
        )
    function = signatures[name]
    taken = function.structured_input_signature[1]
    inputs = [_Input(key, _lengths(spec.shape), spec.dtype.name) for key, spec in sorted(taken.items())]

    def call(*tensors: Any) -> Any:
        return function(**{each.name: tensor for each, tensor in zip(inputs, tensors, strict=True)})

    return _source(path, SourceKind.SAVED_MODEL, _folder_digest(path), call, inputs)


def _refuse_initializers(path: Path) -> None:
    """Loading restores variables, and runs what tables, assets and objects with their own restoring bring."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel()
    try:
        model.ParseFromString((path / "saved_model.pb").read_bytes())
    except (OSError, DecodeError) as problem:
        raise BadSourceError(f"'{path}' cannot be read as a SavedModel: {problem}") from problem
    for graph in model.meta_graphs:
        nodes = graph.object_graph_def.nodes
        if not nodes:
            raise BadSourceError(
                f"'{path}' was written by TensorFlow 1: load it and save it again with TensorFlow 2"
            )
        kinds = {each.WhichOneof("kind") for each in nodes}
        if kinds & {"resource", "asset"} or any(each.saveable_objects for each in nodes):
            raise BadSourceError(
                f"'{path}' holds tables or assets, which run code of its own when loaded: save a net without them"
            )


def _lengths(shape: Any) -> tuple[int | None, ...]:
    if shape.rank is None:
        raise BadSourceError(f"an input has the shape {shape}, of which not even the number of axes is known")
    return tuple(shape.as_list())


def _folder_digest(path: Path) -> str:
    digest = hashlib.sha256()
    for each in sorted(path.rglob("*")):
        if each.is_file():
            digest.update(f"{each.relative_to(path).as_posix()} {each.stat().st_size}\n".encode())
            digest.update(each.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Input:
    """What a net takes: ``None`` for an open length."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


def _source(
    path: Path, kind: SourceKind, digest: str, call: Callable[..., Any], inputs: Sequence[_Input]
) -> Source:
    ports = tuple(_port(path, each) for each in inputs)
    with quiet():
        try:
            names, frozen = _frozen(call, ports)
            _refuse_operators(path, frozen.graph)
            run = _runner(frozen)
            outputs = run([np.zeros(each.shape, each.dtype) for each in ports])
        except BadSourceError:
            raise
        except Exception as problem:  # tracing and running raise what they like
            raise BadSourceError(f"'{path}' does not run: {_one_line(problem)}") from problem
        module, reason = _module(frozen, ports, run)
    return Source(
        name=re.sub(r"[^\w.-]+", "-", path.stem),
        kind=kind,
        origin=str(path),
        sha256=digest,
        inputs=ports,
        outputs=tuple(
            Port(name, array.shape, str(array.dtype)) for name, array in zip(names, outputs, strict=True)
        ),
        run=run,
        module=module,
        no_module=reason,
        channels_last=True,
        tensorflow=frozen,
    )


def _port(path: Path, given: _Input) -> Port:
    shape = tuple(1 if place == 0 else length for place, length in enumerate(given.shape))
    if any(length is None for length in shape):
        raise BadSourceError(
            f"'{path}' takes '{given.name}' of shape {given.shape}, and only the first axis may be open: build the net "
            "with fixed shapes"
        )
    return Port(_word(given.name), tuple(map(int, filter(None, shape))), given.dtype)


def _word(name: str) -> str:
    """A name that TensorFlow takes for a placeholder, and every format for an input."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return word if word[:1].isalpha() else f"input_{word}"


def _frozen(call: Callable[..., Any], ports: Sequence[Port]) -> tuple[list[str], Any]:
    """A concrete function without variables and without custom gradients, and the names of what it gives.

    TensorFlow's converter fails on variables when it calibrates, and on custom gradients when it is to keep names.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    specs = [tf.TensorSpec(each.shape, each.dtype, name=each.name) for each in ports]
    names: list[str] = []

    def flat(*tensors: Any) -> list[Any]:
        given = call(*tensors)
        leaves = list(_leaves("", given))
        names[:] = [_word(f"output_{name}" if name[:1].isdigit() else name or "output") for name, _ in leaves]
        return [each for _, each in leaves]

    concrete = tf.function(flat).get_concrete_function(*specs)
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    definition = frozen.graph.as_graph_def()
    for nodes in (definition.node, *(each.node_def for each in definition.library.function)):
        for each in nodes:
            each.attr.pop("_gradient_op_type", None)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    ends = [
        [wrapped.graph.get_tensor_by_name(each.name) for each in side]
        for side in (frozen.inputs, frozen.outputs)
    ]
    return names, wrapped.prune(*ends)


def _leaves(name: str, given: Any) -> Iterator[tuple[str, Any]]:
    """Every tensor of a structure with its place in it, in the order of ``tf.nest``: keys of a mapping sorted."""
    if isinstance(given, dict):
        parts = [(str(key), given[key]) for key in sorted(given)]
    elif isinstance(given, list | tuple):
        parts = [(str(place), each) for place, each in enumerate(given)]
    else:
        yield name, given
        return
    for key, each in parts:
        yield from _leaves(f"{name}_{key}" if name else key, each)


def _refuse_operators(path: Path, graph: Any) -> None:
    """Refuse operators that touch anything outside of the graph, before it is run."""
    from tensorflow.python.framework import op_def_registry

    definition = graph.as_graph_def()
    for nodes in (definition.node, *(each.node_def for each in definition.library.function)):
        for each in nodes:
            known = op_def_registry.get(each.op)
            stateful = known is None or (known.is_stateful and each.op not in _HARMLESS)
            if stateful or each.op in _REACHES_OUT:
                raise BadSourceError(
                    f"'{path}' uses {each.op} (node '{each.name}'), which keeps state or touches files: only nets that "
                    "compute their outputs from their inputs are converted"
                )


def _runner(frozen: Any) -> Callable[[Sequence[Array]], list[Array]]:
    import tensorflow as tf

    def run(arrays: Sequence[Array]) -> list[Array]:
        found = frozen(*(tf.constant(each) for each in arrays))
        return [np.asarray(each) for each in (found if isinstance(found, list | tuple) else [found])]

    return run


def _module(
    frozen: Any, ports: Sequence[Port], run: Callable[[Sequence[Array]], list[Array]]
) -> tuple[Any, str]:
    """The torch module, or why there is none."""
    from converters.sources.lowering.builder import NotCoveredError
    from converters.sources.lowering.proving import differs
    from converters.sources.tf_graph import rebuild
    from converters.sources.torch_modules import Flat

    try:
        rebuilt = rebuild(frozen.graph.as_graph_def(), ports, [each.name for each in frozen.outputs])
        module = Flat(rebuilt, is_graph=False)
        problem = differs(module, run, ports)
    except NotCoveredError as found:
        return None, str(found)
    return (None, problem) if problem else (module, "")


def _tensorflow() -> Any:
    """TensorFlow, without its messages and without a search for graphics cards."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        with quiet():
            import tensorflow as tf
    except ModuleNotFoundError as problem:
        raise MissingExtraError(
            f"reading Keras files and SavedModels needs '{problem.name}'. "
            "Install it with: pip install 'device-zoo[keras]'"
        ) from problem
    return tf


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:300]
