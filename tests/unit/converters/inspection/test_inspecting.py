"""Inspection: format by content, sandboxed, and one clear line for what is refused."""

import os
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest

np = pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")

from converters.inspection import packages, serving  # noqa: E402
from converters.inspection.inspecting import Inspector, inspect  # noqa: E402
from converters.inspection.report import FileReport, Format  # noqa: E402
from converters.inspection.sniffing import sniff  # noqa: E402
from converters.inspection.workers import Limits, Server  # noqa: E402
from zoo.errors import BadFileError  # noqa: E402

pytestmark = pytest.mark.convert


class Explosive:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def arrays(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, weight=np.float32([[1, 0], [0, 2]]))
    return path


def test_a_name_says_nothing(arrays, tmp_path):
    disguised = tmp_path / "model.tflite"
    shutil.copy(arrays, disguised)
    report = inspect(disguised)
    assert report.format is Format.NPZ
    assert (report.params, report.zeros) == (4, 0.5)


def test_a_report_survives_its_way_out_of_the_sandbox(arrays):
    report = inspect(arrays)
    assert FileReport.from_json(report.to_json()) == report


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_are_refused_by_content_and_never_run(protocol, tmp_path):
    path, bomb = tmp_path / "weights.safetensors", tmp_path / "went off"
    path.write_bytes(pickle.dumps(Explosive(bomb), protocol=protocol))
    with pytest.raises(BadFileError, match="pickle"):
        inspect(path)
    assert not bomb.exists()


def test_pickles_in_a_zip_are_refused(tmp_path):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps([1]))
    with pytest.raises(BadFileError, match="pickle"):
        inspect(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"hello world, no model", "no known format"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PK\x03\x04 no zip", "zip directory"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(content, says, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match=says) as refusal:
        inspect(path)
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_links_in_a_package_are_refused(tmp_path):
    package = tmp_path / "net.mlpackage"
    (package / "Data").mkdir(parents=True)
    (package / "Manifest.json").write_text("{}")
    (package / "Data" / "weights.bin").symlink_to("/etc/passwd")
    with pytest.raises(BadFileError, match="is a link"):
        inspect(package)


@pytest.mark.parametrize("path", ["missing.onnx", "/dev/null"])
def test_what_is_no_plain_file_is_refused(path):
    with pytest.raises(BadFileError):
        inspect(Path(path))


def test_a_fifo_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "model.tflite"
    os.mkfifo(path)
    with pytest.raises(BadFileError, match="neither a file nor a folder"):
        inspect(path)


def test_reading_that_takes_too_long_is_ended(arrays):
    with Inspector() as inspector:
        inspector.inspect(arrays)
        with pytest.raises(BadFileError, match="takes more than 0 s"):
            inspector.inspect(arrays, limits=Limits(seconds=0))
        assert inspector.inspect(arrays).params == 4  # the sandbox goes on


def test_reading_that_takes_too_much_memory_is_ended(tmp_path):
    path = tmp_path / "large.tflite"
    path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(100 * 2**20))
    with Inspector() as inspector, pytest.raises(BadFileError, match="takes more than 8 MiB"):
        inspector.inspect(path, limits=Limits(memory_bytes=8 * 2**20))


def test_the_sandbox_ends_with_its_user():
    with Server() as server:
        process = server._process
    assert process.poll() is not None


def test_messages_are_framed_by_their_length(tmp_path):
    path = tmp_path / "pipe"
    with path.open("wb") as sink:
        serving.write(sink, {"a": 1})
        serving.write(sink, {"b": [2]})
    with path.open("rb") as source:
        assert [serving.read(source) for _ in range(3)] == [{"a": 1}, {"b": [2]}, None]


def test_the_digest_of_a_package_is_that_of_its_contents(tmp_path):
    one, other = tmp_path / "one.mlpackage", tmp_path / "other.mlpackage"
    (one / "Data").mkdir(parents=True)
    (one / "Manifest.json").write_text("{}")
    (one / "Data" / "model").write_bytes(b"123")
    shutil.copytree(one, other)
    os.utime(other / "Manifest.json", (1, 1))
    assert packages.pack(one) == packages.pack(other)
    with (tmp_path / "packed.zip").open("wb") as out:
        digest = packages.pack(one, out)
    assert digest == packages.digest(tmp_path / "packed.zip")[0]
    (other / "Data" / "model").write_bytes(b"124")
    assert packages.pack(one) != packages.pack(other)


def test_folders_are_told_apart(tmp_path):
    (tmp_path / "Manifest.json").write_text("{}")
    assert sniff(tmp_path) is Format.MLPACKAGE
