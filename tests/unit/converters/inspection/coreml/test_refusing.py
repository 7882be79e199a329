"""What is wrong with a Core ML file is found without Core ML, each thing in one line."""

import json
import struct
import zipfile
from importlib.util import find_spec

import pytest

pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")
if find_spec("coremltools") is None:
    pytest.skip("coremltools comes with the extra 'coreml'", allow_module_level=True)

import numpy as np

from converters.inspection import coreml as reader
from converters.inspection.reading import UnreadableError
from tests.unit.converters.inspection.coreml import mil_programs as programs

pytestmark = pytest.mark.convert

MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"


@pytest.fixture
def package(tmp_path):
    return programs.convolution().save(tmp_path / "m.mlpackage")


def refuse(path, said):
    with pytest.raises(UnreadableError, match=said) as problem:
        reader.read(path)
    assert all(each and "\n" not in each for each in problem.value.problems)
    return problem.value.problems


def manifest(package, change):
    path = package / "Manifest.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("story", "change", "said"),
    [
        ("no items", lambda m: m.pop("itemInfoEntries"), "no itemInfoEntries"),
        ("a root that is none", lambda m: m.update(rootModelIdentifier="Z"), "none of its items"),
        ("another version", lambda m: m.update(fileFormatVersion="2.0"), "fileFormatVersion '2.0'"),
        ("up and out", lambda m: m["itemInfoEntries"]["A"].update(path="../../x"), "leads out"),
        ("absolute", lambda m: m["itemInfoEntries"]["A"].update(path="/etc/passwd"), "is absolute"),
        ("no path", lambda m: m["itemInfoEntries"]["B"].pop("path"), "is missing"),
        (
            "a path twice",
            lambda m: m["itemInfoEntries"]["B"].update(m["itemInfoEntries"]["A"]),
            "a path twice",
        ),
        ("a file not listed", lambda m: m["itemInfoEntries"].pop("B"), "is not in the manifest"),
        ("a root that is a folder", lambda m: m.update(rootModelIdentifier="B"), "is no file"),
    ],
)
def test_manifests_that_lead_elsewhere_are_refused(package, story, change, said):
    manifest(package, change)
    refuse(package, said)


def test_files_that_do_not_belong_are_refused(package):
    (package / "Data/com.apple.CoreML/evil.sh").write_text("#!/bin/sh")
    refuse(package, r"evil\.sh' is not in the manifest")


def test_links_are_refused(package, tmp_path):
    (tmp_path / "elsewhere").write_bytes((package / WEIGHTS).read_bytes())
    (package / WEIGHTS).unlink()
    (package / WEIGHTS).symlink_to(tmp_path / "elsewhere")
    refuse(package, "is a link")


def test_a_manifest_that_is_a_bomb_is_refused(package):
    (package / "Manifest.json").write_bytes(b"[" * 100_000)
    refuse(package, "nested deeper")


def test_a_zip_with_files_beside_the_package_is_refused(package, tmp_path):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as file:
        for each in package.rglob("*"):
            file.write(each, each.relative_to(tmp_path))
        file.writestr("run.sh", b"#!/bin/sh")
    refuse(tmp_path / "m.zip", r"'run\.sh' lies beside the package")


def header(field, value):
    return lambda data: struct.pack_into("<I", data, field, value)


def description(field, form, value):
    return lambda data: struct.pack_into(form, data, 64 + field, value)


@pytest.mark.parametrize(
    ("story", "change", "said"),
    [
        ("another version", header(4, 1), "version 1"),
        ("too many blobs", header(0, 10**9), "1,000,000,000 blobs"),
        ("more blobs than there are", header(0, 3), "ends inside|no description"),
        ("no mark", description(0, "<I", 0), "no description of a blob at 64"),
        ("an unknown type", description(4, "<I", 99), "type 99"),
        ("another type", description(4, "<I", 6), "holds 108 int16, the program says 108 float16"),
        ("a size beyond the end", description(8, "<Q", 2**40), "claims"),
        ("another size", description(8, "<Q", 214), "holds 107 float16"),
        ("half an element", description(8, "<Q", 215), "no whole number"),
        ("data that is not aligned", description(16, "<Q", 130), "claims"),
        ("data over the description", description(16, "<Q", 64), "claims"),
    ],
)
def test_weight_files_that_contradict_themselves_are_refused(package, story, change, said):
    data = bytearray((package / WEIGHTS).read_bytes())
    change(data)
    (package / WEIGHTS).write_bytes(data)
    refuse(package, said)


def at(program, kind):
    return next(each for each in program.block.operations if each.type == kind)


def const(program, name):
    return next(each for each in program.block.operations if each.outputs and each.outputs[0].name == name)


def rename(program, argument, name):
    at(program, "conv").inputs[argument].arguments[0].name = name


def retype(program, name, shape=None, dtype=None):
    each = const(program, name)
    kind = each.outputs[0].type.tensorType
    dtype = dtype or programs.DTYPES[kind.dataType]
    lengths = [axis.constant.size for axis in kind.dimensions]
    each.outputs[0].ClearField("type")
    programs.typed(each.outputs[0].type, dtype, lengths if shape is None else shape)


def rewrite(program, name, content, dtype):
    each = const(program, name)
    each.outputs[0].ClearField("type")
    programs.typed(each.outputs[0].type, dtype, np.shape(content) if dtype != "string" else ())
    each.attributes["val"].Clear()
    programs.written(each.attributes["val"], content, dtype)


def ints(*numbers):
    return np.array(numbers, np.int32)


@pytest.mark.parametrize(
    ("story", "change", "said"),
    [
        ("an unknown value", lambda p: rename(p, "x", "q"), "takes 'q' as x"),
        ("a value used too early", lambda p: rename(p, "x", "y"), "takes 'y' as x"),
        (
            "an unknown operation",
            lambda p: setattr(at(p, "relu"), "type", "rely"),
            "this operation is unknown",
        ),
        (
            "an operation of a newer system",
            lambda p: setattr(at(p, "relu"), "type", "quantize"),
            "newer specification",
        ),
        (
            "an unknown argument",
            lambda p: at(p, "relu").inputs["z"].CopyFrom(at(p, "relu").inputs["x"]),
            "no argument 'z'",
        ),
        ("an argument missing", lambda p: at(p, "conv").inputs.pop("weight"), "lacks its argument weight"),
        ("a value that must be constant", lambda p: rename(p, "bias", "x"), "bias is no constant"),
        ("a value twice", lambda p: setattr(at(p, "relu").outputs[0], "name", "c"), "given already"),
        (
            "an output that nothing makes",
            lambda p: p.block.outputs.append("q"),
            "gives 'q', which nothing makes",
        ),
        (
            "an output of another shape",
            lambda p: retype(p, "c", (1, 4, 5, 4)),
            r"declared as float16\(1, 4, 5, 4\)",
        ),
        ("an output of another type", lambda p: retype(p, "y", dtype="float32"), "declared as float32"),
        ("a constant of another type", lambda p: retype(p, "groups", dtype="bool"), "declared as bool"),
        ("a weight of another shape", lambda p: retype(p, "w", (4, 3, 9)), "declared as"),
        ("a stride of nothing", lambda p: rewrite(p, "strides", ints(0, 0), "int32"), "windows"),
        ("a stride more", lambda p: rewrite(p, "strides", ints(1, 1, 1), "int32"), "windows"),
        ("a stride in words", lambda p: rewrite(p, "strides", "two", "string"), "wanted int32 of rank 1"),
        (
            "a padding that is none",
            lambda p: rewrite(p, "pad_type", "customs", "string"),
            "pad_type is 'customs'",
        ),
        ("a negative padding", lambda p: rewrite(p, "pad", ints(-1, 0, 0, 0), "int32"), "pad is"),
        (
            "groups that do not divide",
            lambda p: rewrite(p, "groups", np.int32(3), "int32"),
            "3 channels, the weight takes 3 x 3",
        ),
        (
            "too few numbers",
            lambda p: const(p, "pad").attributes["val"].immediateValue.tensor.ints.values.pop(),
            "3 ints",
        ),
        (
            "a rank that is not its lengths",
            lambda p: setattr(const(p, "c").outputs[0].type.tensorType, "rank", 3),
            "rank 3 with 4",
        ),
        ("a huge length", lambda p: retype(p, "c", (2**62, 4, 4, 4)), "holds nothing or too much"),
        ("a block without outputs", lambda p: p.block.ClearField("outputs"), "gives nothing"),
        ("another program version", lambda p: setattr(p.model.mlProgram, "version", 2), "version 2"),
        (
            "an operator set to come",
            lambda p: setattr(p.function, "opset", "CoreML8"),
            "uses the operator set 'CoreML8'",
        ),
        ("no function", lambda p: p.model.mlProgram.ClearField("functions"), "no functions"),
        (
            "no main",
            lambda p: (
                p.model.mlProgram.functions["other"].CopyFrom(p.function),
                p.model.mlProgram.functions.pop("main"),
            ),
            "no function 'main'",
        ),
        (
            "a blob outside",
            lambda p: setattr(const(p, "w").attributes["val"].blobFileValue, "fileName", "/etc/passwd"),
            "is not in the package",
        ),
        (
            "a blob up and out",
            lambda p: setattr(
                const(p, "w").attributes["val"].blobFileValue, "fileName", "@model_path/../../x"
            ),
            "is not in the package",
        ),
        (
            "a blob at no offset",
            lambda p: setattr(const(p, "w").attributes["val"].blobFileValue, "offset", 100),
            "no blob lies at 100",
        ),
        (
            "an announced input more",
            lambda p: programs.Program.announce(p.model.description.input, "z", "float16", (1,)),
            "names .'x', 'z'.",
        ),
        (
            "an announced output less",
            lambda p: p.model.description.ClearField("output"),
            r"names \[\], the program \['y'\]",
        ),
        (
            "an announced type",
            lambda p: setattr(p.model.description.input[0].type.multiArrayType, "dataType", 65568),
            "is announced as float32",
        ),
        (
            "an announced shape",
            lambda p: p.model.description.input[0].type.multiArrayType.shape.__setitem__(1, 4),
            "announced with shape",
        ),
        (
            "a version to come",
            lambda p: setattr(p.model, "specificationVersion", 99),
            "specification version 99",
        ),
        ("no type", lambda p: p.model.ClearField("mlProgram"), "no Core ML model"),
    ],
)
def test_programs_that_do_not_hold_together_are_refused(tmp_path, story, change, said):
    program = programs.convolution()
    change(program)
    refuse(program.save(tmp_path / "m.mlpackage"), said)


def held(program, argument):
    operation = next(each for each in program.block.operations if each.type.startswith("constexpr"))
    if argument in operation.attributes:
        return operation.attributes[argument]
    return operation.inputs[argument].arguments[0].value


def replace(argument, content, dtype):
    def change(program):
        value = held(program, argument)
        value.Clear()
        programs.written(value, content, dtype)

    return change


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("affine", replace("axis", np.int32(4), "int32"), "axis 4"),
        ("affine", replace("scale", programs.half(3), "float16"), r"float16\(3,\) along axis 0"),
        ("affine", replace("zero_point", np.zeros(4, np.int32), "int32"), "zero_point is int32"),
        ("palette", replace("lut", programs.half(5), "float16"), r"a codebook float16\(5,\)"),
        ("palette", replace("shape", np.array([4, 3, 3, 4], np.uint32), "uint32"), "indices uint8"),
        ("sparse", replace("mask", np.full(14, 255, np.uint8), "uint8"), "beyond its elements are set"),
        ("sparse", replace("mask", np.zeros(14, np.uint8), "uint8"), "for 0 set bits"),
        ("blockwise", replace("scale", programs.half(3, 1, 1, 1), "float16"), "does not divide"),
        ("blockwise", replace("scale", programs.half(4), "float16"), "scale float16"),
        ("blockwise", replace("offset", programs.half(2, 1, 1, 1), "float16"), "offset float16"),
        (
            "grouped palette",
            replace("lut", programs.half(2, 1, 1, 1, 8, 1), "float16"),
            "for indices of 2 bits",
        ),
        ("grouped palette", replace("lut", programs.half(3, 1, 1, 1, 4, 1), "float16"), "do not divide"),
        (
            "grouped palette",
            replace("lut", programs.half(2, 1, 1, 1, 4, 2), "float16"),
            "without a vector_axis",
        ),
    ],
)
def test_compressed_weights_whose_parts_do_not_fit_are_refused(tmp_path, name, change, said):
    version, make = programs.COMPRESSED[name]
    program = programs.convolution(version, weight=make)
    change(program)
    refuse(program.save(tmp_path / "m.mlpackage"), said)


@pytest.mark.parametrize(
    ("story", "change", "said"),
    [
        ("an unknown value", lambda net: net.layers[1].input.__setitem__(0, "q"), "reads 'q'"),
        ("a layer without a type", lambda net: net.layers[1].ClearField("activation"), "has no type"),
        ("a name twice", lambda net: setattr(net.layers[1], "name", "conv"), "comes twice"),
        (
            "too few weights",
            lambda net: net.layers[0].convolution.weights.floatValue.pop(),
            "428 bytes for shape",
        ),
        (
            "another number of channels",
            lambda net: setattr(net.layers[0].convolution, "outputChannels", 5),
            "432 bytes",
        ),
        (
            "weights in two places",
            lambda net: setattr(net.layers[0].convolution.weights, "rawValue", b"1"),
            "lie in",
        ),
        ("bits that are none", lambda net: quantize(net, 9), "quantized to 9 bits"),
        ("scales that do not divide", lambda net: quantize(net, 8, scales=5), "5 scales"),
        ("a table of another length", lambda net: quantize(net, 8, table=7), "a table of 7"),
        ("no layers", lambda net: net.ClearField("layers"), "no layers"),
    ],
)
def test_older_networks_that_do_not_hold_together_are_refused(tmp_path, story, change, said):
    model = programs.network()
    change(model.neuralNetwork)
    (tmp_path / "m.mlmodel").write_bytes(model.SerializeToString())
    refuse(tmp_path / "m.mlmodel", said)


def quantize(net, bits, scales=1, table=0):
    weights = net.layers[0].convolution.weights
    del weights.floatValue[:]
    weights.rawValue = bytes(programs.ELEMENTS)
    weights.quantization.numberOfBits = bits
    if table:
        weights.quantization.lookupTableQuantization.floatValue.extend([1.0] * table)
    else:
        weights.quantization.linearQuantization.scale.extend([1.0] * scales)


def test_bytes_that_are_cut_are_refused(package):
    data = (package / MODEL).read_bytes()
    for length in range(1, len(data) - 1, 41):
        (package / MODEL).write_bytes(data[:length])
        refuse(package, ".")
