"""TFLite files: what a file is read to be is what it was made to be, and damage is said before a library sees it."""

import struct
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
pytest.importorskip("litert_torch", reason="litert-torch comes with the extra 'tflite'")
import numpy as np  # noqa: E402
from ai_edge_litert import schema_py_generated as theirs  # noqa: E402
from ai_edge_litert.tools import flatbuffer_utils  # noqa: E402

from converters.inspection import tflite  # noqa: E402
from converters.inspection.inspecting import Inspector  # noqa: E402
from converters.inspection.reading import UnreadableError  # noqa: E402
from converters.inspection.tflite.checked import decode, schema  # noqa: E402
from converters.inspection.tflite.versions import least_runtime  # noqa: E402
from converters.recipes import Recipe, Target  # noqa: E402
from converters.sources.base import SourceKind  # noqa: E402
from converters.sources.torch_modules import from_module  # noqa: E402
from converters.targets import flatbuffer  # noqa: E402
from converters.targets.base import Settings, converter  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2]))
import nets  # noqa: E402

pytestmark = pytest.mark.convert

RECIPES = (
    Recipe.FLOAT32, Recipe.FLOAT16, Recipe.INT8, Recipe.INT8_PER_TENSOR, Recipe.INT8_DYNAMIC, Recipe.INT8_WEIGHTS,
    Recipe.INT4_WEIGHTS,
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tflite")
    net, example = nets.classifier()
    source = from_module(net, [example], "net", SourceKind.PYTHON, "net")
    target = converter(Target.TFLITE, source, folder)
    dice = np.random.default_rng(0)
    settings = Settings([[dice.standard_normal(example.shape).astype(np.float32)] for _ in range(4)])
    for recipe in RECIPES:
        target.write(recipe, settings, folder / f"{recipe}.tflite")
    return folder


@pytest.fixture(scope="module")
def reports(made):
    with Inspector() as inspector:
        return {recipe: inspector.inspect(made / f"{recipe}.tflite") for recipe in RECIPES}


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_bytes_say_which_precision_they_hold(recipe, reports):
    assert reports[recipe].precision == recipe.precision
    wanted = {Recipe.FLOAT32: "", Recipe.FLOAT16: "", Recipe.INT8_PER_TENSOR: "per_tensor"}.get(
        recipe, "per_channel"
    )
    assert reports[recipe].granularity == wanted


def test_parameters_and_macs_do_not_depend_on_the_precision(reports):
    assert {each.params for each in reports.values()} == {1482}  # 432 + 16 + 144 + 16 + 512 + 32 + 320 + 10
    assert {each.macs for each in reports.values()} == {8 * 8 * (16 * 27 + 16 * 9 + 32 * 16) + 320}


def test_peak_memory_is_that_of_the_two_largest_neighbours(reports):
    assert reports[Recipe.FLOAT32].peak_activation_bytes == 4 * 8 * 8 * (16 + 32)  # the pointwise convolution
    assert reports[Recipe.INT8].peak_activation_bytes == 8 * 8 * (16 + 32)


def test_older_runtimes_take_older_operators(reports):
    assert reports[Recipe.FLOAT32].minimum["runtime"] == "1.5.0"
    assert reports[Recipe.INT8].minimum["runtime"] == "1.14.0"
    assert reports[Recipe.INT4_WEIGHTS].minimum["runtime"] == "2.18.0"


def test_every_file_loads_in_the_runtime(reports):
    assert all(each.loads[0].loaded for each in reports.values())


def test_the_schema_has_every_field_of_litert_s():
    tables, enumerations = schema()
    for name, fields in tables.items():
        known = [each for each in fields if each is not None]
        kind = getattr(theirs, f"{name}T")()
        attributes = {each.lower().replace("_", "") for each in vars(kind)}
        assert {each.name.replace("_", "") for each in known} <= attributes, name
    operators = {
        name: number for name, number in vars(theirs.BuiltinOperator).items() if isinstance(number, int)
    }
    assert {name: number for number, name in enumerations["BuiltinOperator"].items()} == operators


def damaged(made, change):
    model = flatbuffer.read(made / f"{Recipe.INT8}.tflite")
    change(model)
    path = made / "damaged.tflite"
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    return path


def _first(model):
    return model.subgraphs[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda model: setattr(model, "version", 2), "schema version is 2"),
        (lambda model: setattr(_first(model).tensors[1], "buffer", 999), "is in buffer 999"),
        (lambda model: setattr(_first(model).operators[0], "inputs", [999]), "999 is no tensor"),
        (lambda model: setattr(_first(model), "outputs", [-1]), "-1 is no tensor"),
        (lambda model: setattr(_first(model).tensors[0], "shape", [-3, 2]), "lengths of at least 0"),
        (lambda model: setattr(_first(model).tensors[0], "shape", [2**30] * 4), "too many elements"),
        (lambda model: _first(model).operators.reverse(), "before anything writes it"),
    ],
    ids=["version", "buffer", "input", "output", "negative", "overflow", "order"],
)  # fmt: skip
def test_what_does_not_hold_is_refused_before_a_runtime_sees_it(change, says, made):
    path = damaged(made, change)
    with pytest.raises(UnreadableError, match=says):
        tflite.read(path)


@pytest.mark.parametrize("at", [0, 4])
def test_offsets_out_of_the_file_are_refused(at, made):
    data = bytearray((made / "float32.tflite").read_bytes())
    struct.pack_into("<I", data, at, 0xFFFFFFF0)
    with pytest.raises(UnreadableError):
        decode(bytes(data))


def test_versions_nobody_listed_are_named():
    assert least_runtime([("CONV_2D", 3), ("CONV_2D", 99), ("ADD", 1)]) == ("1.14.0", ("CONV_2D 99",))
