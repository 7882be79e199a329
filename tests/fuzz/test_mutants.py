"""Hostile files: no mutant crashes or hangs the inspector, and none that it accepts is one that a runtime rejects."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch comes with the extra 'convert'")
pytest.importorskip("litert_torch", reason="litert-torch comes with the extra 'tflite'")
pytest.importorskip("coremltools", reason="coremltools comes with the extra 'coreml'")

from converters.inspection.inspecting import Inspector
from zoo.errors import BadFileError

sys.path.insert(0, str(Path(__file__).parent))
import mutants
import sound

pytestmark = pytest.mark.convert

FORMATS = ("tflite", "onnx", "mlpackage", "mlmodel", "weights")
FEW, MANY, MOST = 2_000, 10_000, 100_000
PROGRESS = Path(__file__).parents[2] / "build" / "fuzz.json"


@pytest.fixture(scope="session")
def seeds(tmp_path_factory):
    return sound.files(tmp_path_factory.mktemp("sound"))


class Oracle:
    """The runtimes, in processes of their own."""

    def __enter__(self):
        command = [sys.executable, str(Path(__file__).with_name("oracle.py"))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=60)

    def takes(self, path):
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        return {"1": True, "0": False, "-": None}[self.process.stdout.readline().strip()]


def hunt(seeds, format_, numbers, folder):
    """Inspect mutants; give what became of them, by number the ones that must not be."""
    outcomes, wrong = Counter(), {}
    with Inspector() as inspector, Oracle() as oracle:
        for number in numbers:
            path = mutants.write(seeds[format_][number % len(seeds[format_])], number, folder)
            try:
                inspector.inspect(path, coverage=number % 10 == 0)
                outcomes["accepted"] += 1
                if oracle.takes(path) is False:
                    wrong[number] = "accepted, and the runtime rejects it"
            except BadFileError as refusal:
                said = str(refusal)
                kind = (
                    "runtime"
                    if " rejects it" in said
                    else "crash"
                    if "crashed" in said
                    else "late"
                    if "more than" in said and " s" in said
                    else "static"
                )
                outcomes[kind] += 1
                if "\n" in said:
                    wrong[number] = "refused in more than one line"
            except RuntimeError as bug:
                wrong[number] = str(bug)[-600:]
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return outcomes, wrong


@pytest.mark.parametrize("format_", FORMATS)
def test_two_thousand_mutants_are_told_apart(format_, seeds, tmp_path):
    _, wrong = hunt(seeds, format_, range(FEW), tmp_path)
    assert wrong == {}


@pytest.mark.long
@pytest.mark.parametrize("format_", FORMATS)
def test_ten_thousand_mutants_are_told_apart(format_, seeds, tmp_path):
    outcomes, wrong = hunt(seeds, format_, range(FEW, MANY), tmp_path)
    print(format_, dict(outcomes))  # noqa: T201 - what a long run found
    assert wrong == {}


@pytest.mark.fuzz
@pytest.mark.parametrize("format_", FORMATS)
def test_a_hundred_thousand_mutants_are_told_apart(format_, seeds, tmp_path):
    """Goes on where the last run stopped: ``build/fuzz.json`` has the next number of each format."""
    done = json.loads(PROGRESS.read_text(encoding="utf-8")) if PROGRESS.exists() else {}
    for start in range(done.get(format_, MANY), MOST, 500):
        outcomes, wrong = hunt(seeds, format_, range(start, min(start + 500, MOST)), tmp_path)
        assert wrong == {}
        done[format_] = start + 500
        PROGRESS.parent.mkdir(exist_ok=True)
        PROGRESS.write_text(json.dumps(done), encoding="utf-8")
        print(format_, start, dict(outcomes))  # noqa: T201 - what a long run found


@pytest.mark.parametrize("format_", FORMATS)
def test_the_sound_files_themselves_are_accepted(format_, seeds):
    with Inspector() as inspector:
        for each in seeds[format_]:
            assert inspector.inspect(each).size_bytes > 0
