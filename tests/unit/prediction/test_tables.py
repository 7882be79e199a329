"""The tables that workloads come from agree with each other."""

import csv
from importlib import resources

import pytest

from benchmarks.sketches import SKETCHES
from benchmarks.workloads import from_sketch


def table(name):
    return list(
        csv.DictReader((resources.files("prediction") / "data" / name).read_text("utf-8").splitlines())
    )


COUNTED = {row["net"]: row for row in table("ncnn_nets.csv")}


def total(row):
    return sum(float(row[kind]) for kind in ("conv", "depthwise", "pointwise", "dense", "other"))


@pytest.mark.parametrize("net", ["inception-v1", "shufflenet-v2", "regnet-y-400mf"])
def test_a_sketch_does_what_the_file_of_the_same_net_does(net):
    sketch = next(each for each in SKETCHES if each.net == net)
    alpha = 1.0 if 1.0 in sketch.alphas else None
    found, file = from_sketch(sketch, alpha, 224), COUNTED[net]
    assert found.conv + found.depthwise + found.pointwise + found.dense == pytest.approx(
        total(file), rel=1e-4
    )
    assert found.elements == pytest.approx(float(file["elements"]), rel=0.01)


@pytest.mark.parametrize("net", ["mobilenet-v1", "resnet-18", "vgg-16", "resnet-50", "squeezenet-1.1"])
def test_counts_of_an_architecture_and_of_a_file_agree(net):
    mine = [row for row in table("workloads.csv") if row["net"] == net and row["alpha"] in {"", "1"}]
    file = COUNTED[net]
    scale = (float(file["height"]) / float(mine[0]["height"])) ** 2
    assert total(mine[0]) * scale == pytest.approx(total(file), rel=0.2)
    assert float(mine[0]["params"]) == pytest.approx(float(file["params"]), rel=0.01)


def test_every_row_has_its_source():
    for name in ("workloads.csv", "ncnn_nets.csv", "accelerators.csv"):
        assert all(row["source"] for row in table(name))


def test_no_net_is_counted_twice_at_one_size():
    keys = [(row["net"], row["alpha"], row["height"]) for row in table("workloads.csv")]
    assert len(keys) == len(set(keys))
