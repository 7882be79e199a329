"""``zoo compress`` as people and scripts see it, before anything is trained."""

import json
import subprocess
import sys

import pytest

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
