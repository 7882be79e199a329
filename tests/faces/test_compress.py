"""``zoo compress`` as people and scripts see it, before anything is trained."""

import json
import subprocess
import sys

import pytest

from datasets.catalogue import FASHION_MNIST
from datasets.finding import find
from zoo.errors import DatasetError

RECIPE = """
model = "spoken-digits"
dataset = "spoken-digits"
protocol = "leave-one-group-out"
[train]
epochs = 40
[nets.large]
architecture = "ds-cnn-64"
steps = [{ do = "train" }]
[nets.thin]
from = "large"
control = true
steps = [{ do = "prune-filters", share = 0.5 }, { do = "train", epochs = 10 }]
[[emit]]
precisions = ["float32", "int8"]
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "digits.toml"
    path.write_text(RECIPE)
    return str(path)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(process, recipe, tmp_path):
    result = process("compress", recipe, "--dry-run")
    assert (result.code, result.err) == (0, "")
    first, second, third, *_ = result.out.splitlines()
    assert first == "spoken-digits, on spoken-digits: leave-one-group-out, seeds 0"
    assert second == "12 stages: 8 steps of nets, 3 to write files; 200 epochs, 18 files"
    assert third.startswith("'each group' stands for every group of the data set")
    assert "ds-cnn-64_t40_f50_t10_sc50" in result.out
    assert [each.name for each in tmp_path.iterdir()] == ["digits.toml"]


def test_a_dry_run_for_programs(cli, recipe):
    document = json.loads(cli("compress", recipe, "--dry-run", "--json").out)
    assert document["counts"] == {"stages": 12, "data": 1, "steps": 8, "emits": 3, "epochs": 200, "files": 18}
    assert [each["name"] for each in document["nets"]] == [
        "ds-cnn-64_t40", "ds-cnn-64_t40_f50_t10", "ds-cnn-64_t40_f50_t10_sc50",
    ]  # fmt: skip
    keys = [each["key"] for each in document["stages"]]
    assert all(parent in keys for each in document["stages"] for parent in each["parents"].values())


def test_a_dry_run_loads_no_framework(recipe):
    program = (
        "import sys\nfrom zoo.cli import run\ncode = run(sys.argv[1:])\n"
        "heavy = {'torch', 'numpy', 'ray', 'onnx', 'tensorflow', 'coremltools'} & set(sys.modules)\n"
        "sys.exit(code or ', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program, "compress", recipe, "--dry-run"], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_all_that_is_wrong_with_a_recipe_is_one_line(process, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(RECIPE.replace("epochs = 10", "epochs = 0").replace('do = "train" }]', 'do = "trian" }]'))
    result = process("compress", str(path), "--dry-run")
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert "nets.large.steps[0].do: 'trian', but there is no such step. Did you mean 'train'?" in result.err
    assert "nets.thin.steps[1].epochs: 0, but 1 or more are wanted" in result.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--jobs", "0"), "--jobs is 0, but 1 or more are wanted"),
        (("--jobs", "2", "--ray", "local"), "give one"),
    ],
)
def test_places_that_cannot_be_are_refused_before_the_recipe_is_read(cli, options, said):
    result = cli("compress", "nothing.toml", *options)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_a_recipe_that_is_not_there_is_one_line(cli):
    result = cli("compress", "nothing.toml", "--dry-run")
    assert (result.code, result.err) == (
        2,
        "zoo: bad recipe 'nothing.toml': cannot be read (No such file or directory)\n",
    )


SEARCHED = """
model = "fashion-classifier"
dataset = "fashion-mnist"
[input]
channels = "GRAY"
[search]
architectures = ["lenet-5"]
"""


@pytest.mark.parametrize(
    ("story", "options", "said"),
    [
        ("a latency needs a device", ("--max-latency-ms", "10"), "--max-latency-ms needs a --device"),
        ("trials of what", ("--trials", "3"), "a search needs a --device, or --max-macs"),
        ("a budget is above zero", ("--max-macs", "-1"), "--max-macs is -1, but a number above zero is wanted"),
        ("a budget is a number", ("--max-macs", "few"), "--max-macs is 'few', but a number above zero is wanted"),
        ("a search has no jobs", ("--max-macs", "1e6", "--jobs", "2", "--dry-run"),
         "without --jobs, --dry-run; leave it out"),
        ("the folder must be there", ("--max-macs", "1e6", "--write-recipe", "no/where.toml"),
         "--write-recipe: there is no folder 'no'"),
        pytest.param(
            "the device must be known", ("--device", "pixel33"), "unknown device 'pixel33'. Did you mean 'pixel3'",
            marks=pytest.mark.convert,
        ),
        pytest.param(
            "a latency must be known", ("--device", "ndp9120", "--max-latency-ms", "10"), "Give --max-macs instead",
            marks=pytest.mark.convert,
        ),
        pytest.param(
            "the recipe must be there", ("--device", "pixel3"), "bad recipe 'nothing.toml': cannot be read",
            marks=pytest.mark.convert,
        ),
    ],
)  # fmt: skip
def test_a_search_that_makes_no_sense_is_refused_in_one_line(cli, story, options, said):
    result = cli("compress", "nothing.toml", *options)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("options", [(), ("--max-macs", "1e6")], ids=["a sweep", "a search"])
def test_without_its_extra_the_command_says_what_to_install(options, recipe):
    hidden = "import sys\nsys.modules['torch'] = None\nfrom zoo.cli import run\nsys.exit(run(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", hidden, "compress", recipe, *options], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Install it with: pip install 'device-zoo[" in done.stderr


def test_a_recipe_of_a_search_says_how_it_is_run(cli, tmp_path):
    path = tmp_path / "searched.toml"
    path.write_text(SEARCHED)
    result = cli("compress", str(path), "--dry-run")
    assert result.code == 2
    assert "it has a [search] and no nets; search with --device or --max-macs" in result.err


@pytest.mark.convert
def test_a_search_shows_its_front_and_writes_it_as_a_recipe(process, tmp_path):
    pytest.importorskip("optuna", reason="optuna comes with the extra 'search'")
    try:
        find(FASHION_MNIST)
    except DatasetError as problem:
        pytest.skip(str(problem))
    (tmp_path / "s.toml").write_text(SEARCHED + "samples = 200\nbits = [32]\n")
    words = ("compress", "s.toml", "--device", "pixel3", "--max-latency-ms", "10", "--trials", "1")
    shown = process(*words, "--write-recipe", "front.toml")
    assert shown.code == 0, shown.err
    assert shown.out.startswith("latency is predicted for pixel3: tflite on its cpu")
    assert "3 nets to choose from: 1 trained, 0 left out before training" in shown.out
    assert shown.out.splitlines()[-1] == "recipe of 1 nets: front.toml"
    document = json.loads(process(*words, "--json").out)
    assert [each["front"] for each in document["trials"]] == [True]
    assert (document["unit"], document["budget"]["latency_ms"]) == ("ms", 10)
    assert process("compress", "front.toml", "--dry-run").code == 0
    nothing = process("compress", "s.toml", "--max-macs", "10")
    assert (nothing.code, nothing.out.count("no net was found within the budget")) == (3, 1)
