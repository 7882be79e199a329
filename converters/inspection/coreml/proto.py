"""The generated protobuf classes of Core ML, without importing coremltools.

Importing coremltools costs seconds and pulls in frameworks; its package ``proto`` alone costs milliseconds. It is
loaded under a private name. Where coremltools is imported already, or is later, both share one pool of descriptors.
"""

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from converters.inspection import protobuf

PRIVATE = "_device_zoo_coreml_proto"


@cache
def classes(name: str) -> Any:
    """Give one generated module.

    Args:
        name: ``Model_pb2``, ``MIL_pb2``, ``NeuralNetwork_pb2`` or ``FeatureTypes_pb2``.

    Raises:
        ModuleNotFoundError: coremltools is not installed.
    """
    if "coremltools.proto" in sys.modules:
        return import_module(f"coremltools.proto.{name}")
    if PRIVATE not in sys.modules:
        found = find_spec("coremltools")
        if found is None or not found.submodule_search_locations:
            raise ModuleNotFoundError("No module named 'coremltools'", name="coremltools")
        folder = Path(next(iter(found.submodule_search_locations))) / "proto"
        spec = spec_from_file_location(
            PRIVATE, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        if spec is None or spec.loader is None:
            raise ModuleNotFoundError("coremltools has no package 'proto'", name="coremltools.proto")
        package = module_from_spec(spec)
        sys.modules[PRIVATE] = package
        spec.loader.exec_module(package)
    return import_module(f"{PRIVATE}.{name}")


@cache
def schema() -> protobuf.Schema:
    """The wire schema of a Core ML Model."""
    return protobuf.schema_of(classes("Model_pb2").Model.DESCRIPTOR)


def root() -> str:
    """The name of a Core ML Model in `schema`."""
    return str(classes("Model_pb2").Model.DESCRIPTOR.full_name)
