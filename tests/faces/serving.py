"""A real server as a process, on a registry of its own."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

import zoo
from registry.reader import shipped_registry

CHECKOUT = Path(zoo.__file__).parents[1]
MODEL = "clothing-classifier"


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        port: that it listens on.
        process: its first process.
        log: its lines.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **other) -> requests.Response:
        return requests.get(self.url + path, timeout=60, **other)

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def raw(self, request: bytes) -> bytes:
        """What comes back for these bytes, until the server closes the connection."""
        answer = b""
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        with opened as connection, contextlib.suppress(OSError):
            connection.sendall(request)
            while part := connection.recv(65536):
                answer += part
        return answer

    def wait_for(self, is_so) -> None:
        """Wait until something is so, a minute at most."""
        for _ in range(600):
            if is_so():
                return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())


def command(registry: Path, port: int, *options: str) -> list[str]:
    code = "from zoo.cli import main; main()"
    return [sys.executable, "-c", code, "serve", "--port", str(port), "--registry", str(registry), *options]


def environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ZOO_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(CHECKOUT)}


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


@contextlib.contextmanager
def serving(registry: Path, *options: str) -> Iterator[Server]:
    port = free_port()
    log = registry.with_suffix(f".{port}.log")
    with log.open("wb") as file:
        process = subprocess.Popen(
            command(registry, port, *options),
            stdout=file,
            stderr=file,
            env=environment(),
            cwd=registry.parent,
        )
    server = Server(port, process, log)
    try:
        server.wait_for(lambda: process.poll() is not None or is_up(server))
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def is_up(server: Server) -> bool:
    try:
        return server.get("/healthz").ok
    except requests.ConnectionError:
        return False


def own_registry(folder: Path) -> Path:
    """A registry of one's own: the shipped one."""
    path = folder / "own.db"
    shutil.copy(shipped_registry(), path)
    return path


def hold(registry: Path, *files: bytes, rotten: bytes = b"") -> list[str]:
    """Let held variants of a registry have other files: whole ones, then a rotten one, then one that is not there.

    Returns:
        Their digests.
    """
    folder = registry.with_suffix(".blobs")
    folder.mkdir(exist_ok=True)
    digests = [hashlib.sha256(each).hexdigest() for each in files]
    for sha256, data in zip(digests, files, strict=True):
        (folder / sha256).write_bytes(data)
    if rotten:
        digests += [hashlib.sha256(rotten).hexdigest(), "0" * 64]
        (folder / digests[-2]).write_bytes(rotten[:-1] + bytes([rotten[-1] ^ 1]))
    update = (
        "UPDATE variant SET sha256 = ?, size_bytes = ? WHERE name = (SELECT name FROM variant "
        "WHERE model = ? AND availability = 'held' ORDER BY name LIMIT 1 OFFSET ?)"
    )
    sizes = [len(each) for each in (*files, rotten, b"")]
    change(registry, *[(update, (each, sizes[place], MODEL, place)) for place, each in enumerate(digests)])
    return digests


def change(registry: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
    """Write to a registry, in one transaction."""
    with contextlib.closing(sqlite3.connect(registry)) as connection, connection:
        for statement, values in statements:
            assert connection.execute(statement, values).rowcount == 1
