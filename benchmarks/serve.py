"""What `zoo serve` answers in a second: picks, answers that did not change, and files, over a made-up large registry.

Run with ``make bench``; needs the extra ``serve`` and ``wrk`` (Debian: ``apt-get install wrk``). The registry of 200
models, 100 variants each and 150 devices is made once, in ``build/``. Load and server share this machine, so beside the
requests a second stand those for each second of CPU time that the server took: they do not depend on who else is
busy. Prints figures and asserts nothing.
"""

import contextlib
import functools
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import requests

from device_profiles.loading import load_profiles
from registry.catalogue import Catalogue, Source
from registry.store import rebuild
from registry.values import Model

MODELS, VARIANTS, DEVICES = 200, 100, 150
ASKED = 10  # devices that are asked for, with every model; --all asks for all of them, which takes a quarter of an hour
FILE_BYTES = 2**20
SECONDS, ROUNDS, CONNECTIONS = 6, 5, 32
_UVICORN = """
import sys, uvicorn
from pathlib import Path
from zoo.server.serving import Settings, worker
app = worker(Settings(Path(sys.argv[2]), cache_mb=160))
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="warning", access_log=False)
"""  # with --uvicorn, where uvicorn and httptools are installed: the same application, to compare
BUILD = Path(__file__).parents[1] / "build" / "serve"


def main() -> None:
    """Print all figures."""
    if shutil.which("wrk") is None:
        sys.exit(
            "bench: 'wrk', which makes the load, is not on this machine. On Debian, as root: apt-get install wrk"
        )
    registry = BUILD / f"made-up-{MODELS}-{VARIANTS}-{DEVICES}.db"
    if not registry.exists():
        _make(registry)
    print(f"zoo serve: {MODELS} models x {VARIANTS} variants x {DEVICES} devices, every pair measured")
    print(
        f"wrk -t1 -c{CONNECTIONS}, {ROUNDS} runs of {SECONDS} s, on {os.cpu_count()} cores: median (least to most)"
    )
    with _serving(registry) as (url, workers):
        _warm(url)
        print(f"  memory of the server with all answers it keeps: {_resident_mb(workers):.0f} MB")
        pick = f"{url}/v1/pick?model=model-007&device={_asked()[0]}"
        etag = requests.get(pick, timeout=60).headers["ETag"]
        blob = requests.get(pick, timeout=60).json()["picks"][0]["artifact"]["url"]
        all_pairs = ["-s", str(_script()), url]
        for name, arguments in (
            ("pick, one question", [pick]),
            (f"pick, {MODELS * len(_asked()):,} questions at random", all_pairs),
            ("pick, 304: nothing changed", ["-H", f"If-None-Match: {etag}", pick]),
            ("file of 1 MiB", [f"{url}{blob}"]),
        ):
            _measure(name, arguments, workers)
        print(f"  memory of the server at the end: {_resident_mb(workers):.0f} MB")


def _measure(name: str, arguments: Sequence[str], workers: Sequence[int]) -> None:
    rates, tails, by_cpu, bad = [], [], [], 0
    for _ in range(ROUNDS):
        before = _cpu_s(workers)
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "--latency", *arguments]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        taken = _cpu_s(workers) - before
        rates.append(float(_found(r"Requests/sec:\s+([\d.]+)", said)))
        by_cpu.append(float(_found(r"(\d+) requests in", said)) / taken)
        value, unit = re.findall(r"99%\s+([\d.]+)(us|ms|s)", said)[0]
        tails.append(float(value) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit])
        bad += int((re.findall(r"Non-2xx or 3xx responses: (\d+)", said) or ["0"])[0])
    print(f"  {name}: {_spread(rates)} requests/s, {_spread(by_cpu)} for a second of CPU, p99 {_spread(tails)} ms"
          + (f", {bad} NOT ANSWERED" if bad else ""))  # fmt: skip


def _found(pattern: str, text: str) -> str:
    return str(re.findall(pattern, text)[0])


def _spread(values: Sequence[float]) -> str:
    ordered = sorted(values)
    return f"{ordered[len(ordered) // 2]:,.0f} ({ordered[0]:,.0f} to {ordered[-1]:,.0f})"


def _cpu_s(processes: Sequence[int]) -> float:
    """User and system time of processes so far."""
    ticks = 0
    for each in processes:
        fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _resident_mb(processes: Sequence[int]) -> float:
    pages = sum(int(Path(f"/proc/{each}/statm").read_text(encoding="utf-8").split()[1]) for each in processes)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def _serving(registry: Path) -> Iterator[tuple[str, list[int]]]:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    command = [sys.executable, "-c", "from zoo.cli import main; main()", "serve", "--port", str(port)]
    command += ["--cache-mb", "160", "--registry", str(registry)]
    if "--uvicorn" in sys.argv:
        command = [sys.executable, "-c", _UVICORN, str(port), str(registry)]
    with (BUILD / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{url}/healthz", timeout=60).ok:
                    break
            time.sleep(0.2)
        else:
            sys.exit(f"bench: the server does not start; see {BUILD / 'serve.log'}")
        children = Path(f"/proc/{process.pid}/task").glob("*/children")
        workers = [int(each) for path in children for each in path.read_text(encoding="utf-8").split()]
        yield url, workers or [process.pid]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _warm(url: str) -> None:
    """Ask every question once, over one connection."""
    start, count = time.perf_counter(), 0
    with requests.Session() as session:
        for device in _asked():
            for number in range(MODELS):
                answer = session.get(f"{url}/v1/pick?model=model-{number:03}&device={device}", timeout=60)
                answer.raise_for_status()
                count += 1
    taken = time.perf_counter() - start
    print(f"  {count:,} new questions, one after the other: {count / taken:,.0f} a second")


def _script() -> Path:
    """A program for wrk that asks for any model on any device."""
    path = BUILD / "pairs.lua"
    names = ",".join(f'"{each}"' for each in _asked())
    path.write_text(
        f"local devices = {{{names}}}\n"
        "math.randomseed(7)\n"
        "request = function()\n"
        f'  local path = string.format("/v1/pick?model=model-%03d&device=%s", math.random(0, {MODELS - 1}), '
        "devices[math.random(#devices)])\n"
        '  return wrk.format("GET", path)\n'
        "end\n",
        encoding="utf-8",
    )
    return path


def _asked() -> list[str]:
    return _devices() if "--all" in sys.argv else _devices()[:ASKED]


@functools.cache
def _devices() -> list[str]:
    return [each.id for each in load_profiles()][:DEVICES]


def _make(registry: Path) -> None:
    """Write the made-up registry and a few files that its variants share; its figures mean nothing."""
    start = time.perf_counter()
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    models = {
        name: Model(name, name, "classification", "made-up", "", "top1", "%", higher_is_better=True,
                    default_max_latency_ms=33.0, description="")
        for name in (f"model-{number:03}" for number in range(MODELS))
    }  # fmt: skip
    new = BUILD / "new.db"
    rebuild(
        new, Catalogue({"made-up": Source("made-up", "made up", None, "")}, models, {}, ()), load_profiles()
    )
    blobs = registry.with_suffix(".blobs")
    blobs.mkdir()
    files = []
    for seed in range(20):
        data = random.Random(seed).randbytes(FILE_BYTES)  # noqa: S311 - any bytes will do
        files.append(hashlib.sha256(data).hexdigest())
        (blobs / files[-1]).write_bytes(data)
    with contextlib.closing(sqlite3.connect(new)) as connection, connection:
        for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -200000"):
            connection.execute(f"PRAGMA {pragma}")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql != ''"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for model in models:
            _add_model(connection, model, files)
        for _, sql in indexes:  # made at the end, they cost a tenth
            connection.execute(sql)
    new.replace(registry)
    size = registry.stat().st_size / 1e6
    print(f"made {registry.name}, {size:,.0f} MB, in {time.perf_counter() - start:.0f} s", file=sys.stderr)


def _add_model(connection: sqlite3.Connection, model: str, files: Sequence[str]) -> None:
    names = [f"{model}-net-{number:03}.tflite" for number in range(VARIANTS)]
    connection.executemany(
        "INSERT INTO variant (name, model, net, family, resolution, precision, format, weights, params, macs, "
        "size_bytes, operators, min_os, availability, sha256, upstream, source, note) "
        "VALUES (?, ?, ?, 'net', '224', 'float32', 'tflite', 'own', ?, ?, ?, '[]', '', 'held', ?, '', 'made-up', '')",
        [(name, model, name, place * 1000, place * 100_000, FILE_BYTES, files[place % len(files)])
         for place, name in enumerate(names)],
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO accuracy (variant, metric, value, dataset, split, samples, evidence, runtime, device, source, "
        "note) VALUES (?, 'top1', ?, 'made-up', '', 1000, 'measured', '', '', 'made-up', '')",
        [(name, 40 + place * 40 / VARIANTS) for place, name in enumerate(names)],
    )
    connection.executemany(
        "INSERT INTO measurement (variant, device, runtime, runtime_version, era, processor, processor_word, threads, "
        "cores, latency_ms, statistic, runs, os, source, place, excluded, note) "
        "VALUES (?, ?, 'tflite', '', 2020, 'cpu', 'cpu', 4, '', ?, 'mean', 50, '', 'made-up', '', '', '')",
        [(name, device, 1 + (place * 7919 % 1000) / 10 + row / 10)
         for row, device in enumerate(_devices()) for place, name in enumerate(names)],
    )  # fmt: skip


if __name__ == "__main__":
    main()
