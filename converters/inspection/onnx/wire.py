"""From bytes to a ModelProto: the wire is walked by our own rules before the protobuf library parses it."""

from functools import cache
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from converters.inspection import protobuf
from converters.inspection.reading import UnreadableError


@cache
def _schema() -> protobuf.Schema:
    return protobuf.schema_of(onnx.ModelProto.DESCRIPTOR)


def parse(data: bytes) -> tuple[Any, int]:
    """Check and parse a model.

    Returns:
        The ModelProto, and how many fields have numbers that this onnx does not know.

    Raises:
        UnreadableError: the bytes are no ModelProto.
    """
    counts = protobuf.check(data, _schema(), onnx.ModelProto.DESCRIPTOR.full_name)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as problem:
        raise UnreadableError([f"no ONNX model: {problem}"]) from problem
    if not model.HasField("graph"):
        raise UnreadableError(["no ONNX model: it has no graph"])
    return model, counts.unknown
