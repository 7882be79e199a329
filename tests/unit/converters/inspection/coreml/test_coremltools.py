"""The reader against coremltools: what it unpacks, coremltools unpacks to the same; what it accepts, coremltools loads.

On Linux nothing runs Core ML; coremltools' own loader of programs stands in for the runtime.
"""

import logging
import random
import warnings
from importlib.util import find_spec

import pytest

pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")
if find_spec("coremltools") is None:
    pytest.skip("coremltools comes with the extra 'coreml'", allow_module_level=True)

import numpy as np

from converters.inspection import coreml as reader
from converters.inspection.coreml import package, program, proto
from converters.inspection.coreml.blobs import Blobs
from converters.inspection.reading import UnreadableError
from tests.unit.converters.inspection.coreml import mil_programs as programs

pytestmark = pytest.mark.convert


@pytest.fixture(scope="module")
def load():
    """coremltools' loader: from a package to a program in its own classes."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings(action="ignore"):
        import coremltools  # noqa: PLC0415 - seconds
        from coremltools.converters.mil.frontend.milproto.load import load as milproto  # noqa: PLC0415

    def load(folder):
        inner = folder / "Data/com.apple.CoreML"
        spec = coremltools.proto.Model_pb2.Model()
        spec.ParseFromString((inner / "model.mlmodel").read_bytes())
        with warnings.catch_warnings(action="ignore"):
            return milproto(spec, spec.specificationVersion, str(inner / "weights"))

    yield load
    logging.disable(logging.NOTSET)


def constants(folder):
    opened = package.open_package(folder)
    model = proto.classes("Model_pb2").Model()
    model.ParseFromString(opened.model)
    read = program.read(model.mlProgram, model.specificationVersion, Blobs(opened.files))
    return {each.name: each.constant for each in read.constants}


VARIANTS = {
    **programs.COMPRESSED,
    "blocks": (9, lambda p: programs.blockwise(p, (2, 3, 1, 1))),
    "blocks without offsets": (9, lambda p: programs.blockwise(p, (4, 1, 3, 1), offset=False)),
    "a codebook of 3 bits": (9, lambda p: programs.grouped_palette(p, 4, 3)),
    "a codebook of vectors": (9, lambda p: programs.grouped_palette(p, 1, 2, vector=2)),
    "a palette of 6 bits": (7, lambda p: programs.palette(p, 6)),
    "a palette of 1 bit": (7, lambda p: programs.palette(p, 1)),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_compressed_weights_unpack_to_the_last_bit_as_coremltools_unpacks_them(tmp_path, load, name):
    version, make = VARIANTS[name]
    folder = programs.convolution(version, weight=make).save(tmp_path / "m.mlpackage")
    mine = constants(folder)
    (conv,) = load(folder).functions["main"].find_ops(op_type="conv")
    theirs = np.asarray(conv.weight.op.materialized_val_inference())
    assert np.array_equal(mine["w"].array(), theirs)
    assert mine["w"].storage.zeros() == int((theirs == 0).sum())


def test_the_hand_made_models_are_what_coremltools_loads(tmp_path, load):
    for number, make in enumerate((programs.convolution, programs.states)):
        folder = make().save(tmp_path / f"{number}.mlpackage")
        assert reader.read(folder).graph.operators
        assert load(folder).functions["main"]


@pytest.mark.parametrize("name", ["convolution", "affine", "blockwise", "sparse palette"])
def test_what_is_accepted_coremltools_loads(tmp_path, load, name):
    """Bytes of the program and of the weight file are changed at random; nothing accepted may fail later."""
    version, make = programs.COMPRESSED.get(name, (7, None))
    folder = programs.convolution(version, weight=make).save(tmp_path / "m.mlpackage")
    chance, accepted = random.Random(name), 0
    model = folder / "Data/com.apple.CoreML/model.mlmodel"
    weights = folder / "Data/com.apple.CoreML/weights/weight.bin"
    for path, rounds in ((model, 300), (weights, 100)):
        data = path.read_bytes()
        for _ in range(rounds):
            raw = bytearray(data)
            place = chance.randrange(len(raw))
            raw[place] = chance.choice([0, 1, 127, 128, 255, raw[place] ^ 1 << chance.randrange(8)])
            path.write_bytes(raw)
            try:
                reader.read(folder)
            except UnreadableError:
                continue
            load(folder)
            accepted += 1
        path.write_bytes(data)
    assert accepted > 20


def test_classes_loaded_alone_and_with_coremltools_are_the_same(load):
    import coremltools  # noqa: PLC0415 - seconds

    assert proto.classes("Model_pb2").Model is coremltools.proto.Model_pb2.Model
