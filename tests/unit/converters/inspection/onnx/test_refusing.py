"""What is wrong with an ONNX file is found before a runtime sees it, each thing in one line."""

import random

import pytest

onnx = pytest.importorskip("onnx", reason="onnx comes with the extra 'inspect'")
import numpy as np  # noqa: E402
from onnx import TensorProto as T  # noqa: E402
from onnx import helper as h  # noqa: E402

from converters.inspection import onnx as reader  # noqa: E402
from converters.inspection.reading import UnreadableError  # noqa: E402
from tests.unit.converters.inspection.onnx import onnx_models as models  # noqa: E402

pytestmark = pytest.mark.convert


@pytest.fixture
def refuse(tmp_path):
    def refuse(model, said):
        path = tmp_path / "model.onnx"
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        with pytest.raises(UnreadableError, match=said) as problem:
            reader.read(path)
        return problem.value.problems

    return refuse


def changed(change, make=models.convolution):
    model = make()
    change(model)
    return model


def tensor(name="w", dims=(2,), kind=T.FLOAT, **fields):
    made = onnx.TensorProto(name=name, dims=dims, data_type=kind)
    for field, content in fields.items():
        if isinstance(content, bytes):
            setattr(made, field, content)
        else:
            getattr(made, field).extend(content)
    return made


def holding(held):
    node = h.make_node("Identity", ["w"], ["y"])
    shape = [max(0, each) for each in held.dims]
    return models.model([node], [], [models.value("y", shape, held.data_type or 1)], [held], opset=21, ir=10)


@pytest.mark.parametrize(
    ("story", "held", "said"),
    [
        ("too few bytes", tensor(raw_data=bytes(4)), "4 bytes for float32 of shape .2,., wanted 8"),
        ("too many bytes", tensor(raw_data=bytes(12)), "12 bytes for float32"),
        ("half a byte too much", tensor(kind=T.INT4, dims=(3,), raw_data=bytes(3)), "wanted 2"),
        ("quarter bytes", tensor(kind=T.INT2, dims=(5,), raw_data=bytes(1)), "wanted 2"),
        ("too few numbers", tensor(float_data=[1.0]), "1 numbers in float_data for 2 elements"),
        (
            "numbers of another type",
            tensor(int32_data=[1, 2]),
            "float32 lies in int32_data, wanted float_data",
        ),
        ("a number too large", tensor(kind=T.INT8, int32_data=[1, 300]), "that int8 cannot hold"),
        (
            "values in two places",
            tensor(raw_data=bytes(8), float_data=[1.0, 2.0]),
            "one field holds them all",
        ),
        ("no values", tensor(), "lie in nothing"),
        ("a negative length", tensor(dims=(-2,), raw_data=bytes(8)), "holds nothing or too much"),
        ("an overflow", tensor(dims=(2**40, 2**40), raw_data=bytes(8)), "holds nothing or too much"),
        ("an unknown type", tensor(kind=99, raw_data=bytes(8)), "data type 99 is unknown"),
        ("texts as bytes", tensor(kind=T.STRING, raw_data=bytes(8)), "0 texts for 2 elements"),
        ("too few texts", tensor(kind=T.STRING, string_data=[b"a"]), "1 texts for 2 elements"),
        ("values of nothing", tensor(dims=(0,), raw_data=bytes(4)), "0 elements lie in raw_data"),
    ],
)
def test_tensors_whose_values_do_not_fit_are_refused(refuse, story, held, said):
    refuse(holding(held), said)


@pytest.mark.parametrize(
    ("kind", "numbers", "stored"),
    [
        (T.INT4, [0x21, 0x03], 3),
        (T.FLOAT16, [0x3C00, 0, 0], 3),
        (T.BOOL, [1, 0, 1], 3),
        (T.INT16, [-1, 2, 3], 3),
    ],
)
def test_small_types_in_whole_numbers_are_read(tmp_path, kind, numbers, stored):
    path = tmp_path / "model.onnx"
    path.write_bytes(holding(tensor(dims=(stored,), kind=kind, int32_data=numbers)).SerializeToString())
    assert reader.read(path).graph.tensors[0].elements == stored


def external(location="weights.bin", offset="0", length="8", **more):
    held = onnx.TensorProto(name="w", dims=[2], data_type=T.FLOAT, data_location=T.EXTERNAL)
    for key, text in {"location": location, "offset": offset, "length": length, **more}.items():
        if text is not None:
            held.external_data.add(key=key, value=text)
    return holding(held)


def test_external_data_is_read_beside_the_model(tmp_path):
    (tmp_path / "weights.bin").write_bytes(np.array([0, 7, 0], np.float32).tobytes())
    (tmp_path / "model.onnx").write_bytes(external(offset="4").SerializeToString())
    (found,) = [each for each in reader.read(tmp_path / "model.onnx").graph.tensors if each.constant]
    assert (found.stored_bytes, found.zeros) == (8, 0.5)


@pytest.mark.parametrize(
    ("story", "model", "said"),
    [
        ("absolute", external("/etc/passwd"), "is absolute"),
        ("up and out", external("../weights.bin"), "leads out of its folder"),
        ("a link", external("link.bin"), "no plain file"),
        ("missing", external("nothing.bin"), "is missing"),
        ("a folder", external("."), "empty part"),
        ("beyond the end", external(offset="8"), "8 bytes at 8 of 12"),
        ("negative", external(offset="-4"), "external data at '-4'"),
        ("a wrong length", external(length="4"), "wanted 8"),
        ("a key of its own", external(basepath="/"), "with keys"),
        ("no location", external(None), "with keys"),
        ("a huge offset", external(offset="9" * 30), "external data at"),
    ],
)
def test_external_data_that_lies_elsewhere_is_refused(refuse, tmp_path, story, model, said):
    (tmp_path / "weights.bin").write_bytes(bytes(12))
    (tmp_path / "link.bin").symlink_to(tmp_path / "weights.bin")
    refuse(model, said)


def rename_output(model):
    model.graph.node[1].output[0] = "c"


def reorder(model):
    model.graph.node[0].name = ""
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def second_attribute(model):
    model.graph.node[0].attribute.append(model.graph.node[0].attribute[0])


def wrong_attribute(model):
    attribute = model.graph.node[0].attribute[0]
    attribute.type = onnx.AttributeProto.FLOAT


def deep(model):
    graph = model.graph.node[0].attribute[0].g
    for _ in range(20):
        inner = h.make_graph([h.make_node("Neg", ["x"], ["e"])], "else", [], [models.value("e", [2])])
        node = h.make_node("If", ["c"], ["t"], then_branch=inner, else_branch=inner)
        graph.node[0].CopyFrom(node)
        graph = graph.node[0].attribute[0].g


def calls_itself(model):
    model.functions[0].node[0].CopyFrom(h.make_node("Twice", ["a"], ["b"], domain="mine"))


@pytest.mark.parametrize(
    ("story", "model", "said"),
    [
        ("a value given twice", changed(rename_output), "gives 'c', which is given already"),
        ("nodes out of order", changed(reorder), "which nothing before it gives"),
        ("an unknown input", changed(lambda m: m.graph.node[0].input.__setitem__(0, "q")), "reads 'q'"),
        (
            "an unknown output",
            changed(lambda m: setattr(m.graph.output[0], "name", "q")),
            "'q' of the graph is given by",
        ),
        (
            "an initializer twice",
            changed(lambda m: m.graph.initializer.append(m.graph.initializer[0])),
            "initializer 'w' twice",
        ),
        ("no opset", changed(lambda m: m.ClearField("opset_import")), "imports no operator set"),
        (
            "an opset twice",
            changed(lambda m: m.opset_import.add(domain="ai.onnx", version=9)),
            "'ai.onnx' twice",
        ),
        (
            "an opset to come",
            changed(lambda m: setattr(m.opset_import[0], "version", 999)),
            "imports 'ai.onnx' 999",
        ),
        (
            "an opset of no number",
            changed(lambda m: setattr(m.opset_import[0], "version", 2**62)),
            "imports 'ai.onnx'",
        ),
        (
            "a domain not imported",
            changed(lambda m: setattr(m.graph.node[1], "domain", "app")),
            "which is not imported",
        ),
        (
            "an operator that is none",
            changed(lambda m: setattr(m.graph.node[1], "op_type", "Rel")),
            "no such operator",
        ),
        ("an IR version to come", changed(lambda m: setattr(m, "ir_version", 99)), "IR version 99"),
        ("an attribute twice", changed(second_attribute), "attribute 'pads' twice"),
        ("an attribute of another type", changed(wrong_attribute), "its type says f"),
        ("graphs inside of graphs", changed(deep, models.branches), "64 deep"),
        ("a function that calls itself", changed(calls_itself, models.function), "calls itself"),
        ("sparse indices out of order", models.sparse((3, 0, 5)), "do not ascend"),
        ("a sparse index out of range", models.sparse((0, 3, 6)), "lies outside"),
        (
            "shapes that do not fit",
            changed(lambda m: m.graph.initializer[3].dims.__setitem__(1, 8)),
            "tensor 'gw'",
        ),
        (
            "an input of another rank",
            changed(lambda m: m.graph.input[0].CopyFrom(models.value("x", [3, 8]))),
            "inference",
        ),
        (
            "a runtime's operator that is none",
            changed(lambda m: setattr(m.graph.node[0], "op_type", "X"), models.blocks_of_bits),
            "no operator 'X'",
        ),
        (
            "a runtime's operator lacks an input",
            changed(lambda m: m.graph.node[0].input.pop(), models.blocks_of_bits),
            "2 inputs",
        ),
        (
            "a runtime's operator lacks an attribute",
            changed(lambda m: m.graph.node[0].attribute.pop(0), models.blocks_of_bits),
            "lacks its attribute",
        ),
        (
            "an attribute that is missing",
            changed(lambda m: m.graph.node[2].ClearField("attribute")),
            "checker|inference",
        ),
        (
            "a negative axis length",
            changed(lambda m: m.graph.input[0].CopyFrom(models.value("x", [1, -3, 8, 8]))),
            "negative",
        ),
        ("no graph", onnx.ModelProto(ir_version=8), "it has no graph"),
    ],
)
def test_models_that_do_not_hold_together_are_refused(refuse, story, model, said):
    problems = refuse(model, said)
    assert all(each and "\n" not in each for each in problems)


def test_functions_that_multiply_beyond_all_bounds_are_refused(refuse):
    """Twenty functions that call each other twice: a million nodes in a file of 2 kB."""
    imports = [h.make_opsetid("", 17), h.make_opsetid("mine", 1)]
    functions = []
    for place in range(15):
        kind, domain = (f"F{place + 1}", "mine") if place < 14 else ("Neg", "")
        nodes = [h.make_node(kind, ["a"], [f"t{each}"], domain=domain) for each in range(3)]
        nodes.append(h.make_node("Sum", ["t0", "t1", "t2"], ["b"]))
        functions.append(h.make_function("mine", f"F{place}", ["a"], ["b"], nodes, imports))
    node = h.make_node("F0", ["x"], ["y"], domain="mine")
    model = models.model(
        [node], [models.value("x", [2])], [models.value("y", [2])], imports=imports, functions=functions
    )
    refuse(model, "unfold to over 1,000,000 nodes")


def test_all_problems_are_listed_up_to_a_limit(refuse):
    nodes = [h.make_node("Relu", [f"in{each}"], [f"out{each}"]) for each in range(30)]
    problems = refuse(models.model(nodes, [], [models.value("out0", [1])]), "in0")
    assert len(problems) == 21
    assert problems[-1] == "and 10 problems more"


def test_bytes_that_are_cut_are_refused(refuse):
    data = models.convolution().SerializeToString()
    for length in range(1, len(data) - 1, 37):
        refuse(data[:length], ".")


@pytest.mark.parametrize("name", models.ALL)
def test_what_is_accepted_onnx_runtime_takes_but_for_a_few(tmp_path, name):
    """Most of what the runtime would reject is found here already; it has the last word on the rest."""
    chance = random.Random(name)
    data, path = models.ALL[name]().SerializeToString(), tmp_path / "model.onnx"
    accepted = rejected = 0
    for _ in range(150):
        raw = bytearray(data)
        for _ in range(chance.choice([1, 1, 2])):
            raw[chance.randrange(len(raw))] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
        path.write_bytes(raw)
        try:
            graph = reader.read(path).graph
        except UnreadableError:
            continue
        if any(each.custom for each in graph.operators):
            continue
        accepted += 1
        rejected += reader.load(path).loaded is False
    assert accepted
    assert rejected <= 0.1 * accepted + 1
