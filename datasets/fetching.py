"""Downloads files that have an official address and a checksum."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import requests
from urllib3.exceptions import HTTPError

from datasets.catalogue import Download, Known
from zoo.errors import DatasetError

CHUNK_BYTES = 1 << 16
CONNECT_S = 10.0
SILENCE_S = 60.0  # longest wait for the next byte


def fetch(known: Known, folder: Path, progress: Callable[[int, int], None] = lambda *_: None) -> Path:
    """Download every file of a set that the folder does not have.

    Args:
        known: the set.
        folder: where its files go; made where it is missing.
        progress: told how many bytes of how many are there.

    Returns:
        The folder.

    Raises:
        DatasetError: the set has no official address, or a file cannot be had.
    """
    if not known.downloads:
        raise DatasetError(f"data set '{known.name}' cannot be downloaded: {known.origin}")
    missing = [each for each in known.downloads if not (folder / each.name).exists()]
    total, done = sum(each.size_bytes for each in missing), 0
    for each in missing:
        before = done
        fetch_file(each, folder, lambda size, before=before: progress(before + size, total))  # type: ignore[misc]
        done += each.size_bytes
    return folder


def fetch_file(file: Download, folder: Path, progress: Callable[[int], None] = lambda _: None) -> Path:
    """Download one file; it appears under its name only when all its bytes are there and right.

    Raises:
        DatasetError: the server does not give it, its bytes are others, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=folder)
    except OSError as problem:
        raise DatasetError(f"cannot write to '{folder}': {problem.strerror or problem}") from problem
    try:
        with os.fdopen(descriptor, "wb") as sink:
            _stream(file, sink, progress)
            sink.flush()
            os.fsync(sink.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(folder / file.name)
    except OSError as problem:
        raise DatasetError(f"cannot write '{folder / file.name}': {problem.strerror or problem}") from problem
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
    return folder / file.name


def _stream(file: Download, sink: IO[bytes], progress: Callable[[int], None]) -> None:
    """Copy the response, counting and hashing; the length that is known is the most that is read."""
    digest, size = hashlib.sha256(), 0
    try:
        # A .gz must arrive as it lies there: no encoding is asked for, and none is undone.
        with requests.get(
            file.url, stream=True, timeout=(CONNECT_S, SILENCE_S), headers={"Accept-Encoding": "identity"}
        ) as response:
            response.raise_for_status()
            for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                size += len(chunk)
                if size > file.size_bytes:
                    raise DatasetError(
                        f"{file.url} is longer than {file.size_bytes:,} bytes; nothing is kept"
                    )
                digest.update(chunk)
                sink.write(chunk)
                progress(size)
    except (requests.RequestException, HTTPError) as problem:
        raise DatasetError(f"cannot download {file.url}: {_reason(problem)}") from problem
    found = digest.hexdigest()
    if size != file.size_bytes or found != file.sha256:
        raise DatasetError(
            f"{file.url} gave {size:,} bytes with SHA-256 {found[:16]}..., but {file.size_bytes:,} bytes with "
            f"{file.sha256[:16]}... are wanted; nothing is kept"
        )


def _reason(problem: Exception) -> str:
    if isinstance(problem, requests.HTTPError) and problem.response is not None:
        return f"the server says {problem.response.status_code} {problem.response.reason}"
    if isinstance(problem, requests.Timeout):
        return "the server does not answer in time"
    return " ".join(str(problem).split())[:200]
