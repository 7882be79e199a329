"""Core ML models: ``.mlpackage`` folders, the same as a zip, and ``.mlmodel`` files.

In order: `package` opens the file or folder and holds it against its manifest; the protobuf wire is walked by our own
rules with the schema of `proto`, which loads Core ML's generated classes without importing coremltools; then one of two
readers: `program` for ML Programs (with `blobs` and `constants` for their weights, `constexpr` for compressed ones,
`operations` and `shapes` for what each operation takes and gives, `interface` for what the app is told), or
`neural_network` for the older layers. `graph` and `costs` make the report's values, `versions` knows the systems.
"""

import platform
import tempfile
import zipfile
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from converters.inspection import archives, protobuf
from converters.inspection.coreml import graph as graphs
from converters.inspection.coreml import interface, neural_network, package, program, proto, versions
from converters.inspection.coreml.blobs import Blobs
from converters.inspection.coreml.costs import macs
from converters.inspection.reading import Reading, UnreadableError
from converters.inspection.report import Load

__all__ = ["load", "macs", "read"]

NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")
TOOLS = "com.github.apple.coremltools."


def read(path: Path) -> Reading:
    """Read a Core ML model; see `converters.inspection.reading.Reader`."""
    opened = package.open_package(path)
    counts = protobuf.check(opened.model, proto.schema(), proto.root())
    model = proto.classes("Model_pb2").Model()
    try:
        model.ParseFromString(opened.model)
    except DecodeError as problem:
        raise UnreadableError([f"no Core ML model: {problem}"]) from problem
    kind = model.WhichOneof("Type")
    version = model.specificationVersion
    if kind is None or version not in versions.SYSTEMS:
        known = f"{min(versions.SYSTEMS)} to {max(versions.SYSTEMS)} are read"
        raise UnreadableError([f"no Core ML model, or specification version {version}; {known}"])
    warnings = []
    if counts.unknown:
        warnings.append(f"{counts.unknown:,} protobuf fields of unknown numbers: written by a newer tool")
    if kind == "mlProgram":
        reading = _program(model, opened)
    elif kind in NETWORKS:
        reading = _network(model, kind)
    else:
        reading = _other(model, kind)
    return Reading(
        flavour=reading.flavour,
        graph=reading.graph,
        producer=_producer(model.description.metadata.userDefined),
        minimum=reading.minimum,
        metadata_bytes=_metadata_bytes(model),
        warnings=(*warnings, *reading.warnings),
    )


def load(path: Path) -> Load:
    """Compile the model with Core ML, which only a Mac has; elsewhere `read` has held it to coremltools' own rules."""
    if platform.system() != "Darwin":
        return Load("coreml", None, "Core ML runs on macOS only")
    import coremltools

    runtime = f"coremltools {installed('coremltools')}"
    try:
        with tempfile.TemporaryDirectory(suffix=".mlpackage") as folder:
            if path.is_file() and zipfile.is_zipfile(path):
                archives.open_archive(path).extract(Path(folder))
                path = next(Path(folder).rglob(package.MANIFEST)).parent
            coremltools.models.MLModel(str(path), compute_units=coremltools.ComputeUnit.CPU_ONLY)
    except OSError as problem:  # where nothing may be written, Core ML cannot compile
        return Load(runtime, None, f"it cannot be compiled here: {problem}")
    except Exception as problem:  # noqa: BLE001 - Core ML's errors come as bare RuntimeError and others
        return Load(runtime, loaded=False, reason=" ".join(str(problem).split())[:500])
    return Load(runtime, loaded=True)


def _program(model: Any, opened: package.Package) -> Reading:
    version = model.specificationVersion
    blobs = Blobs(opened.files)
    found = program.read(model.mlProgram, version, blobs, model.description.defaultFunctionName or "main")
    problems, main = interface.check(model.description, found)
    if problems:
        raise UnreadableError(problems)
    warnings = []
    if not opened.folder:
        warnings.append("an ML Program outside of a package, which Core ML does not load")
    if blobs.unused_bytes:
        warnings.append(f"{blobs.unused_bytes:,} bytes of its weights are used by nothing")
    graph = graphs.build(found, main)
    return Reading(
        "ML Program", graph, minimum=versions.minimum(version, found.opset), warnings=tuple(warnings)
    )


def _network(model: Any, kind: str) -> Reading:
    graph = neural_network.read(getattr(model, kind), model.description)
    return Reading(kind[0].upper() + kind[1:], graph, minimum=versions.minimum(model.specificationVersion))


def _other(model: Any, kind: str) -> Reading:
    """A model that is no net: named, not read."""
    flavour = kind[0].upper() + kind[1:]
    if kind in PIPELINES:
        inner = getattr(model, kind) if kind == "pipeline" else getattr(model, kind).pipeline
        flavour = f"{flavour} of {', '.join(each.WhichOneof('Type') or 'nothing' for each in inner.models)}"[
            :200
        ]
    warning = f"a {kind} is no single net: its operators are not read"
    return Reading(flavour, None, minimum=versions.minimum(model.specificationVersion), warnings=(warning,))


def _producer(facts: Any) -> str:
    words = {key.removeprefix(TOOLS): value for key, value in facts.items() if key.startswith(TOOLS)}
    if "version" not in words:
        return ""
    source = f" from {words['source']}" if "source" in words else ""
    return f"coremltools {words['version']}{source}"[:200]


def _metadata_bytes(model: Any) -> int:
    """Texts of the description, build facts and names of operations, which no inference reads."""
    description = model.description
    features = (*description.input, *description.output, *description.state)
    total = description.metadata.ByteSize() + sum(len(each.shortDescription.encode()) for each in features)
    total += sum(each.ByteSize() for each in model.mlProgram.attributes.values())
    for function in model.mlProgram.functions.values():
        for block in function.block_specializations.values():
            total += sum(
                each.attributes["name"].ByteSize() for each in block.operations if "name" in each.attributes
            )
    return total
