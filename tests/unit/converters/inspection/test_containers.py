"""Containers are told apart, listed, and their dangers said; none of their frameworks is imported."""

import json
import struct
import sys
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.inspection import containers
from converters.inspection.reading import UnreadableError

HDF5 = b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + bytes(24) + struct.pack("<Q", 100) + bytes(52)


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(*fields):
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def saved_model(version=1, operator="MatMul"):
    shape = message((2, message((1, 2**64 - 1))), (2, message((1, 8))))
    tensor = message((1, "serving_default_x:0"), (2, 1), (3, shape))
    signature = message((1, message((1, "x"), (2, tensor))), (2, message((1, "y"), (2, tensor))))
    node = message((1, "node"), (2, operator))
    library = message((1, message((3, node))))
    graph = message(
        (1, message((4, "serve"), (5, "2.21.0"))),
        (2, message((2, library))),
        (5, message((1, "serving_default"), (2, signature))),
    )
    return message((1, version), (2, graph))


def saved_model_folder(folder, data=None, shards=("variables.data-00000-of-00001", "variables.index")):
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(saved_model() if data is None else data)
    for each in shards:
        (folder / "variables" / each).write_bytes(b"x")
    return folder


def archive(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data if isinstance(data, bytes) else json.dumps(data))
    return path


def keras(path, *layers, **more):
    config = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "net", "layers": list(layers)},
    }
    members = {"metadata.json": {"keras_version": "3.15.1"}, "config.json": config, "model.weights.h5": HDF5}
    return archive(path, {**members, **more})


def layer(kind, module="keras.layers", **more):
    return {
        "module": module,
        "class_name": kind,
        "config": {"name": kind.lower()},
        "registered_name": None,
        **more,
    }


def pt2(path, **more):
    sizes = [{"as_int": 4}, {"as_int": 3}]
    weights = {
        "config": {
            "0.weight": {
                "path_name": "weight_0",
                "use_pickle": False,
                "tensor_meta": {"dtype": 7, "sizes": sizes},
            }
        }
    }
    return archive(
        path,
        {
            "m/archive_format": b"pt2",
            "m/archive_version": b"0",
            "m/models/model.json": {"graph_module": {}},
            "m/data/weights/model_weights_config.json": weights,
            "m/data/weights/weight_0": bytes(48),
            **more,
        },
    )


def refuse(path, said):
    with pytest.raises(UnreadableError, match=said):
        containers.read(path)


def test_a_saved_model_lists_its_signatures_and_files(tmp_path):
    reading = containers.read(saved_model_folder(tmp_path / "m"))
    assert (reading.flavour, reading.graph, reading.producer) == ("SavedModel", None, "tensorflow 2.21.0")
    assert "signature serving_default: x float32 (?, 8) -> y float32 (?, 8)" in reading.entries
    assert "variables/variables.index 1 bytes" in reading.entries
    assert reading.warnings == ()


def test_a_saved_model_that_runs_python_is_said(tmp_path):
    folder = saved_model_folder(tmp_path / "m", saved_model(operator="EagerPyFunc"))
    assert "EagerPyFunc" in containers.read(folder).warnings[0]


@pytest.mark.parametrize(
    ("story", "data", "shards", "said"),
    [
        (
            "another version",
            saved_model(version=2),
            ("variables.index", "variables.data-00000-of-00001"),
            "version 2",
        ),
        ("no graph", message((1, 1)), (), "with 0 graphs"),
        ("a shard is missing", None, ("variables.index", "variables.data-00000-of-00002"), "missing"),
        ("the index is missing", None, ("variables.data-00000-of-00001",), "missing"),
        ("something else", None, ("variables.index", "variables.data-00000-of-00001", "x.py"), "x.py"),
        ("a length beyond the end", saved_model()[:-3], (), "announced"),
    ],
)
def test_a_saved_model_that_contradicts_itself_is_refused(tmp_path, story, data, shards, said):
    refuse(saved_model_folder(tmp_path / "m", data, shards), said)


def test_a_folder_without_a_model_is_refused(tmp_path):
    refuse(tmp_path, r"no saved_model\.pb")


def test_a_keras_file_lists_its_layers(tmp_path):
    reading = containers.read(keras(tmp_path / "m.keras", layer("Dense"), layer("Conv2D")))
    assert reading.entries == ("Sequential net", "Dense dense", "Conv2D conv2d")
    assert (reading.producer, reading.warnings) == ("keras 3.15.1", ())


@pytest.mark.parametrize(
    "each",
    [
        layer("Lambda"),
        layer("Evil", module="os"),
        layer("Mine", registered_name="package>Mine"),
        layer("Dense", activation={"class_name": "__lambda__", "config": {"code": "4wEA"}}),
    ],
    ids=["lambda", "foreign module", "registered class", "lambda as an activation"],
)
def test_keras_layers_that_carry_code_are_said(tmp_path, each):
    (warning,) = containers.read(keras(tmp_path / "m.keras", each)).warnings
    assert "runs code of its own when loaded" in warning


@pytest.mark.parametrize(
    ("story", "more", "said"),
    [
        ("weights that are none", {"model.weights.h5": b"\x80\x04."}, "no HDF5 file"),
        ("a config that is no object", {"config.json": b"[1]"}, "no JSON object"),
        ("a key twice", {"config.json": b'{"a": 1, "a": 1}'}, "comes twice"),
        ("a bomb of brackets", {"config.json": b"[" * 5_000}, "nested deeper"),
    ],
)
def test_a_keras_file_that_contradicts_itself_is_refused(tmp_path, story, more, said):
    refuse(keras(tmp_path / "m.keras", layer("Dense"), **more), said)


def test_a_pt2_archive_lists_its_weights(tmp_path):
    reading = containers.read(pt2(tmp_path / "m.pt2"))
    assert reading.flavour == "PT2"
    assert reading.entries == ("model models/model.json", "0.weight float32 (4, 3)")
    assert reading.warnings == ()


def test_pickles_in_a_pt2_archive_are_said(tmp_path):
    path = pt2(tmp_path / "m.pt2", **{"m/data/sample_inputs/model.pt": b"PK"})
    assert "data/sample_inputs/model.pt" in containers.read(path).warnings[0]


@pytest.mark.parametrize(
    ("story", "more", "said"),
    [
        ("another format", {"m/archive_format": b"zip"}, "neither"),
        ("no version", {"m/archive_version": b"x"}, "version b'x'"),
        ("files beside it", {"other/x": b""}, "1 files outside"),
        ("a weight that is not there", {"m/data/weights/model_weights_config.json": {"config": {"a": {
            "path_name": "nothing", "tensor_meta": {"dtype": 7, "sizes": []}}}}}, "is not there"),
        ("an odd listing", {"m/data/weights/model_weights_config.json": {"config": {"a": 1}}}, "odd entry"),
    ],
)  # fmt: skip
def test_a_pt2_archive_that_contradicts_itself_is_refused(tmp_path, story, more, said):
    refuse(pt2(tmp_path / "m.pt2", **more), said)


def test_an_hdf5_file_is_held_to_its_superblock(tmp_path):
    path = tmp_path / "m.h5"
    path.write_bytes(HDF5)
    assert containers.read(path).flavour == "HDF5"
    path.write_bytes(HDF5[:90])
    refuse(path, "90 bytes, its superblock says 100")
    path.write_bytes(HDF5[:8] + b"\x09" + HDF5[9:])
    refuse(path, "superblock version 9")
    path.write_bytes(HDF5[:30])
    refuse(path, "too few")


def test_a_lambda_in_an_hdf5_file_is_said(tmp_path):
    path = tmp_path / "m.h5"
    path.write_bytes(HDF5[:60] + b'"class_name": "Lambda"' + HDF5[60:])
    assert "Lambda" in containers.read(path).warnings[0]


def test_other_files_are_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"hello there")
    refuse(tmp_path / "x", "neither a folder")


def test_nothing_is_loaded_and_no_framework_imported(tmp_path):
    assert containers.load(tmp_path).loaded is None
    before = set(sys.modules)
    containers.read(keras(tmp_path / "m.keras", layer("Dense")))
    assert not {"tensorflow", "keras", "torch", "h5py"} & (set(sys.modules) - before)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["sm", "keras", "pt2", "h5"]), st.data())
def test_any_change_is_accepted_or_refused_and_nothing_else(tmp_path_factory, kind, data):
    folder = tmp_path_factory.mktemp("fuzz")
    make = {
        "keras": lambda path: keras(path, layer("Dense")),
        "pt2": pt2,
        "h5": lambda path: (path.write_bytes(HDF5), path)[1],
    }
    path = saved_model_folder(folder / "m") if kind == "sm" else make[kind](folder / "m")
    target = path / "saved_model.pb" if kind == "sm" else path
    raw = bytearray(target.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    target.write_bytes(raw)
    try:
        reading = containers.read(path)
    except UnreadableError:
        return
    assert reading.graph is None
