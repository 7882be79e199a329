"""Downloads arrive whole and right, or not at all: tested against a server on the loopback."""

import gzip
import http.server
import threading
from dataclasses import replace

import pytest

from datasets.catalogue import FASHION_MNIST, SPOKEN_DIGITS, Download
from datasets.digests import sha256
from datasets.fetching import fetch, fetch_file
from datasets.loading import load
from zoo.errors import DatasetError

CONTENT = gzip.compress(bytes(range(256)) * 1000, mtime=0)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `CONTENT`, in the ways that servers have."""

    def do_GET(self):
        way = self.path.rpartition("/")[2]
        if way == "missing":
            self.send_error(404)
            return
        content = (
            CONTENT + bytes(10) if way == "longer" else CONTENT[:-1] + b"x" if way == "other" else CONTENT
        )
        self.send_response(200)
        if way == "encoded":
            self.send_header("Content-Encoding", "gzip")
        if way != "endless":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if way == "cut" else content)

    def log_message(self, *_):
        pass


@pytest.fixture
def address():
    """Of a server on the loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def download(address, way):
    return Download("file.gz", f"{address}/{way}", sha256(CONTENT), len(CONTENT))


@pytest.mark.parametrize("way", ["plain", "encoded", "endless"])
def test_the_bytes_arrive_as_they_lie_on_the_server(address, tmp_path, way):
    told = []
    path = fetch_file(download(address, way), tmp_path / "new", told.append)
    assert path.read_bytes() == CONTENT
    assert told[-1] == len(CONTENT)


FAILURES = {
    "missing": "the server says 404 Not Found",
    "longer": "is longer than",
    "other": "are wanted; nothing is kept",
    "cut": "cannot download",
}


@pytest.mark.parametrize("way", FAILURES)
def test_a_failure_leaves_nothing_behind(address, tmp_path, way):
    with pytest.raises(DatasetError, match=FAILURES[way]):
        fetch_file(download(address, way), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(DatasetError, match=r"^cannot download http://127\.0\.0\.1:9/x: [^\n]+$"):
        fetch_file(Download("x", "http://127.0.0.1:9/x", "", 1), tmp_path)


def test_a_folder_that_cannot_be_made_is_named(address, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match="cannot write to"):
        fetch_file(download(address, "plain"), tmp_path / "file" / "folder")


def test_only_what_is_missing_is_fetched(address, tmp_path):
    (tmp_path / "first.gz").write_bytes(b"here already")
    files = (
        Download("first.gz", f"{address}/missing", "", 1),
        replace(download(address, "plain"), name="second.gz"),
    )
    told = []
    fetch(replace(FASHION_MNIST, downloads=files), tmp_path, lambda *each: told.append(each))
    assert (tmp_path / "second.gz").read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_set_without_an_address_says_why(tmp_path):
    with pytest.raises(
        DatasetError, match=r"'spoken-digits' cannot be downloaded: .*archives that GitHub makes"
    ):
        fetch(SPOKEN_DIGITS, tmp_path)


def test_what_is_on_this_machine_is_not_fetched_again(small_fashion):
    _, folder = small_fashion
    with pytest.raises(DatasetError, match="is not what it should be"):  # its own bytes were read
        load("fashion-mnist", folder, splits=["test"], download=True)
