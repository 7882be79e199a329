"""The README shows commands: each is run, and what it prints is what the README says."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ZOO = Path(sys.executable).with_name("zoo")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def lines(program: str) -> list[str]:
    return [line.split("  #")[0].strip() for block in blocks("sh") for line in block.splitlines()
            if line.startswith(f"{program} ")]  # fmt: skip


NEEDS = {"zoo plot": pytest.mark.plot, "zoo convert": pytest.mark.convert, "zoo inspect": pytest.mark.convert,
         "zoo bench": pytest.mark.convert, "zoo backtest": pytest.mark.convert,
         "zoo predict resnet": pytest.mark.convert}  # fmt: skip


def cases() -> list[object]:
    return [
        pytest.param(line, marks=[mark for start, mark in NEEDS.items() if line.startswith(start)], id=line)
        for line in lines("zoo")
    ]


def prepare(line: str, folder: Path) -> None:
    """Run the README's conversions whose files a command reads, and put the recipes beside it."""
    for conversion in lines("zoo convert"):
        (out,) = re.findall(r"--out (\S+)", conversion)
        if f" {out}/" in line:
            assert zoo(conversion, folder).returncode == 0
    if " recipes/" in line:
        shutil.copytree(ROOT / "recipes", folder / "recipes")


def zoo(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(ZOO), *shlex.split(line)[1:]]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("line", cases())
def test_every_zoo_command_of_the_readme_works_from_any_folder(line, tmp_path):
    prepare(line, tmp_path)
    done = zoo(line, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    for made in re.findall(r"--out (\S+)", line):
        assert (tmp_path / made).is_dir() or (tmp_path / made).stat().st_size > 10_000


def test_the_session_at_the_top_is_what_the_command_prints(tmp_path):
    (session,) = blocks("console")
    command, _, printed = session.partition("\n")
    assert zoo(command.removeprefix("$ "), tmp_path).stdout == printed


@pytest.mark.parametrize("line", lines("make"))
def test_every_make_command_of_the_readme_has_its_target(line):
    done = subprocess.run(
        [*shlex.split(line), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_is_shown_in_the_readme():
    names = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}
    names |= {each.name for each in app.registered_groups}
    assert {name for name in names if f"zoo {name}" not in README} == set()


def test_every_link_and_picture_of_the_readme_exists():
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    assert [each for each in targets if "://" not in each and not (ROOT / each).exists()] == []
