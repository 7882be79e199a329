"""Starts the processes that serve, and stops them."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from registry.blobs import Blobs
from registry.reader import Reader, held_files
from zoo.errors import ServeError, UsageError, needing
from zoo.publishing import blobs_of
from zoo.server.logs import LOGGING, log

_MB = 10**6
_HEADERS_TIMEOUT_MS = 10_000
_HEADERS_BYTES = 32 * 1024
_STOP_S = 30  # that running downloads have to finish
_WAITING = 200
_RUNNING = 512  # requests at once in a worker


@dataclass(frozen=True, slots=True)
class Settings:
    """How to serve.

    Attributes:
        registry: the file.
        host: address to listen on.
        port: to listen on.
        workers: processes.
        cache_mb: memory of a worker for answers, and as much for small files.
        accelerated: prefix of ``X-Accel-Redirect``; empty for none.
        access_log: log every request.
    """

    registry: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    cache_mb: int = 64
    accelerated: str = ""
    access_log: bool = False


def serve(settings: Settings, *, behind_proxy: bool = False) -> None:
    """Serve until told to stop (SIGTERM, SIGINT); running downloads finish.

    Args:
        settings: see there.
        behind_proxy: a proxy with TLS stands in front.

    Raises:
        UsageError: the address can be reached from outside, and no proxy stands in front.
        ServeError: the address cannot be had.
        RegistryError: the registry cannot be read.
        MissingExtraError: the extra is not installed.
    """
    with needing("serve", "serving"):
        import fastapi  # noqa: F401, PLC0415 - the workers need it, and the user should hear of it here
        from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415
        from granian.http import HTTP1Settings  # noqa: PLC0415
        from granian.log import LogLevels  # noqa: PLC0415
        from granian.server import Server  # noqa: PLC0415
    if not behind_proxy and not _is_loopback(settings.host):
        raise UsageError(
            f"--host {settings.host} can be reached from outside, and this server speaks plain HTTP. "
            "Put a proxy with TLS in front and say so with --behind-proxy, or listen on 127.0.0.1"
        )
    with Reader(settings.registry):
        pass
    _try_address(settings.host, settings.port)
    server = Server(
        "zoo.server",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        websockets=False,
        backpressure=_RUNNING,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_TIMEOUT_MS, max_buffer_size=_HEADERS_BYTES),
        workers_kill_timeout=_STOP_S,
        log_dictconfig=LOGGING,
        log_level=LogLevels.warning,
    )
    log("listening", address=f"http://{settings.host}:{settings.port}", workers=settings.workers)
    server.serve(target_loader=Loader(settings))


@dataclass(frozen=True, slots=True)
class Loader:
    """Makes the application inside a worker."""

    settings: Settings

    def __call__(self, _: str) -> Callable[..., Any]:
        """Make it."""
        return worker(self.settings)


def worker(settings: Settings) -> Callable[..., Any]:
    """The ASGI application of one worker."""
    from zoo.server.application import application  # noqa: PLC0415 - FastAPI is in an extra
    from zoo.server.blobs import Downloads  # noqa: PLC0415
    from zoo.server.files import Files  # noqa: PLC0415
    from zoo.server.front import Front  # noqa: PLC0415
    from zoo.server.live import Live  # noqa: PLC0415
    from zoo.server.metrics import Metrics  # noqa: PLC0415

    live = Live(settings.registry, settings.cache_mb * _MB, _WAITING)
    files = Files([blobs_of(settings.registry), Blobs(held_files())], settings.cache_mb * _MB)
    metrics = Metrics()
    return Front(
        live,
        files,
        Downloads(live, files, settings.accelerated),
        application(live, files, metrics),
        metrics,
        access_log=settings.access_log,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _try_address(host: str, port: int) -> None:
    """Say before any process starts that an address cannot be had.

    Raises:
        ServeError: see above.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as problem:
        raise ServeError(
            f"cannot listen on {host}:{port}: {problem.strerror}. Give another --port or --host"
        ) from problem
