"""What the claims measure beside recipes is measured on the whole thing."""

import importlib.util
import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch comes with the extra 'compress'")
pytest.importorskip("litert_torch", reason="it comes with the extra 'convert'")

import torch

from compress.container.packing import pack, unpack
from compress.net import Blueprint, fresh

pytestmark = pytest.mark.convert
JOBS = Path(__file__).parents[3] / "benchmarks" / "claims_jobs.py"


@pytest.fixture(scope="module")
def jobs():
    spec = importlib.util.spec_from_file_location("claims_jobs", JOBS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pruned():
    net = fresh(Blueprint("lenet-300-100", (1, 28, 28), 10), 0)
    with torch.no_grad():
        for layer in (net.module.first, net.module.second, net.module.classifier):
            largest = layer.weight.abs().flatten().topk(layer.weight.numel() // 10).indices
            mask = torch.zeros(layer.weight.numel())
            mask[largest] = 1
            layer.weight.mul_(mask.view_as(layer.weight)).add_(0.0)  # as pruning does: no negative zeros
    return net


def test_the_ratio_of_a_container_counts_its_whole_file_and_all_parameters(jobs):
    net = pruned()
    files = jobs.run({"container": True}, {"net": {"net.safetensors": net.to_bytes()}}, print)
    found = json.loads(files["result.json"])
    assert found["float_bytes"] == 4 * 266_610
    assert (found["weights_kept"], found["weights"]) == (26_620, 266_200)
    data = pack(net)
    assert found["container_bytes"] == len(data)
    assert unpack(data).to_bytes() == net.to_bytes()


def test_a_container_that_does_not_restore_its_net_is_no_result(jobs, monkeypatch):
    other = fresh(Blueprint("lenet-300-100", (1, 28, 28), 10), 1)
    monkeypatch.setattr(jobs, "unpack", lambda _: other)
    with pytest.raises(RuntimeError, match="does not restore the net bit for bit"):
        jobs.run({"container": True}, {"net": {"net.safetensors": pruned().to_bytes()}}, print)
