"""The ``zoo`` command, as a process and inside this one."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import zoo
from zoo.cli import run

CHECKOUT = Path(zoo.__file__).parents[1]


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """The environment of a process: this one's, without what would change the command's output."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ZOO_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(CHECKOUT)}


@pytest.fixture(scope="session")
def command() -> list[str]:
    """The installed ``zoo`` script where there is one, else the same entry point."""
    script = Path(sys.executable).with_name("zoo")
    if script.exists():
        return [str(script)]
    return [sys.executable, "-c", "import sys; sys.argv[0] = 'zoo'; from zoo.cli import main; main()"]


@pytest.fixture
def process(command, environment, tmp_path) -> Callable[..., Result]:
    """Runs the command as a process, in an empty folder."""

    def call(*arguments: str, stdin: bytes = b"", **changed: str) -> Result:
        done = subprocess.run(
            [*command, *arguments], input=stdin, capture_output=True, check=False, timeout=60, cwd=tmp_path,
            env={**environment, **changed},
        )  # fmt: skip
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


@pytest.fixture
def cli(capsys, monkeypatch) -> Callable[..., Result]:
    """Runs the command inside this process."""
    monkeypatch.delenv("ZOO_REGISTRY", raising=False)

    def call(*arguments: str) -> Result:
        capsys.readouterr()
        code = run(list(arguments))
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return call
