"""The same jobs on a Ray of this machine."""

import pytest

pytest.importorskip("ray")
pytestmark = pytest.mark.convert

from compress.sweep.stages import Stage  # noqa: E402
from compress.sweep.store import Store  # noqa: E402
from compress.sweep.sweeping import Place, sweep  # noqa: E402
from tests.unit.compress.sweep.test_sweeping import diamond, files  # noqa: E402
from zoo.errors import SweepError  # noqa: E402

JOBS = "tests.unit.compress.sweep.jobs"


@pytest.mark.filterwarnings("ignore")  # Ray's own, of its processes and pipes
def test_a_cluster_gives_the_same_bytes_and_reports_what_fails(tmp_path):
    broken = [Stage("x", wrong, {"number": 0, "wrong": wrong}) for wrong in ("nan", "killed")]
    child = Stage("x", "child", {"number": 1}, {"net": broken[0].key})
    stages = [*diamond(), *broken, child]
    outcome = sweep(stages, f"{JOBS}:go_wrong", tmp_path / "ray", Place(ray="local"))
    sweep(diamond(), f"{JOBS}:go_wrong", tmp_path / "local", Place(2))
    assert [each.title for each in outcome.finished] == ["top", "left", "right", "end"]
    assert files(tmp_path / "ray") == files(tmp_path / "local")
    nan, killed, skipped = outcome.missed
    assert nan.reason.startswith("the loss is nan in epoch 3")
    assert "the worker was lost" in killed.reason
    assert skipped.reason == "skipped: its parent 'nan' failed"
    log = Store(tmp_path / "ray").log(stages[0].key).read_text()
    assert all(each in log for each in ("printed\n", "complained\n", "mixing 1\n"))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:99999"])
def test_a_cluster_that_is_not_there_is_one_line(tmp_path, address):
    with pytest.raises(SweepError, match=rf"^no Ray at '{address}': "):
        sweep([], f"{JOBS}:mix", tmp_path, Place(ray=address))
