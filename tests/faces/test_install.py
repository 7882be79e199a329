"""A new user's first minute: the package in a fresh environment, and `make pick` on a fresh copy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.install

LIGHT_BYTES = 150 * 10**6


def run(command: list[str], folder: Path) -> str:
    # pip's own settings (such as an index to use) stay; the environment of this run does not leak in
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in {"VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS"}
    } | {"PIP_CONSTRAINT": str(ROOT / "constraints.txt"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture
def clone(tmp_path):
    """A copy of what the repository holds, without any environment."""
    for name in tracked_files():
        target = tmp_path / "clone" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
        target.chmod((ROOT / name).stat().st_mode)
    return tmp_path / "clone"


def test_make_pick_on_a_fresh_clone_installs_a_light_core_and_picks(clone):
    printed = run(["make", "pick", f"PYTHON={sys.executable}"], clone)
    assert "Google Pixel 3" in printed
    assert "imagenet-classifier" in printed
    size = sum(path.lstat().st_size for path in (clone / ".venv").rglob("*") if path.is_file())
    assert size < LIGHT_BYTES
    other = run(["make", "pick", "DEVICE=iphone12pro", f"PYTHON={sys.executable}"], clone)
    assert "iPhone 12 Pro" in other


def test_pip_install_into_another_environment_carries_the_registry(clone, tmp_path):
    run([sys.executable, "-m", "venv", str(tmp_path / "env")], tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    run([str(python), "-m", "pip", "install", "--quiet", str(clone)], tmp_path)
    (clone / "zoo.db").unlink()  # what is picked from now on is the wheel's own copy
    printed = run([str(python.with_name("zoo")), "pick", "--device", "pixel3", "--json"], tmp_path)
    assert '"imagenet-classifier"' in printed
    run([str(python.with_name("zoo")), "rebuild", "--out", str(tmp_path / "again.db")], tmp_path)
    assert (tmp_path / "again.db").stat().st_size > 10**6
