"""The first and often the last thing that a request meets: answers that are there go out without any framework."""

import asyncio
import contextlib
import time
from http import HTTPStatus

from zoo.errors import ZooError
from zoo.server.blobs import PREFIX, Downloads
from zoo.server.files import Files
from zoo.server.live import Live
from zoo.server.logs import log, log_bug
from zoo.server.metrics import Metrics
from zoo.server.questions import LONGEST_QUERY_BYTES
from zoo.server.replies import (
    BUG,
    Application,
    Message,
    Receive,
    Reply,
    Scope,
    Send,
    header,
    refusal,
    refusal_of,
)

_LOOK_AGAIN_S = 3600.0
_ROUTES = {"pick", "devices", "models", "blobs", "healthz", "metrics", "openapi.json"}


class Front:
    """The ASGI application of one worker.

    Args:
        live: the registry.
        files: the files it holds.
        downloads: gives the files.
        routes: an ASGI application for everything else.
        metrics: counts.
        access_log: log every request.
    """

    def __init__(
        self,
        live: Live,
        files: Files,
        downloads: Downloads,
        routes: Application,
        metrics: Metrics,
        *,
        access_log: bool,
    ) -> None:
        """See above."""
        self._live, self._files, self._downloads = live, files, downloads
        self._routes, self._metrics, self._access_log = routes, metrics, access_log
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._lifespan(receive, send)
            return
        started = time.perf_counter()
        kept = self._live.answers.get((scope["path"], scope["query_string"]))
        if kept is not None and scope["method"] == "GET" and not _has_body(scope):
            status = await kept.send(scope, send)
        else:
            kept = None
            self._metrics.running += 1
            try:
                status = await self._answer(scope, receive, send)
            finally:
                self._metrics.running -= 1
        seconds = time.perf_counter() - started
        route = _route(scope["path"])
        self._metrics.count(route, status, seconds, kept=kept is not None)
        if self._access_log:
            log(
                "request",
                method=scope["method"][:16],
                route=route,
                status=status,
                ms=round(seconds * 1000, 3),
            )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        sent = _Watched(scope, send)
        try:
            if _has_body(scope):
                reason = "this server takes no bodies: ask with the path and the query"
                await _say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason).send(scope, sent)
            elif len(scope["query_string"]) > LONGEST_QUERY_BYTES:
                reason = f"the query has {len(scope['query_string'])} bytes; at most {LONGEST_QUERY_BYTES} are wanted"
                await _say(HTTPStatus.REQUEST_URI_TOO_LONG, reason).send(scope, sent)
            elif scope["path"].startswith(PREFIX):
                await self._downloads.send(scope, sent)
            else:
                await self._route(scope, receive, sent)
        except ZooError as problem:
            log("refused", reason=str(problem))
            await refusal_of(problem).send(scope, sent)
        except Exception as bug:  # the asker learns nothing of it, the log everything
            log_bug(_route(scope["path"]), bug)
            if sent.status and not sent.whole:
                raise  # half an answer is out: the connection has to break
            if not sent.status:
                await refusal(HTTPStatus.INTERNAL_SERVER_ERROR, BUG).send(scope, sent)
        return sent.status

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A ``HEAD`` is a ``GET`` whose body stays here."""
        is_head = scope["method"] == "HEAD"
        await self._routes({**scope, "method": "GET"} if is_head else scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._live.open()
                except ZooError as problem:
                    log("not-started", reason=str(problem))
                    await send({"type": "lifespan.startup.failed", "message": str(problem)})
                    return
                self._tasks = [asyncio.create_task(self._live.watch()), asyncio.create_task(self._look())]
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                for task in self._tasks:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
                self._files.close()
                await self._live.close()
                log("stopped")
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _look(self) -> None:
        """Hash every held file now, and again every hour."""
        while True:
            await self._files.look(list(self._live.snapshot.held))
            await asyncio.sleep(_LOOK_AGAIN_S)


class _Watched:
    """Knows what was sent, and keeps the body of a ``HEAD``."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._is_head, self._send = scope["method"] == "HEAD", send
        self.status = 0
        self.whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
        else:
            self.whole = not message.get("more_body")
            if self._is_head:
                message = {**message, "body": b""}
        await self._send(message)


def _has_body(scope: Scope) -> bool:
    length = header(scope, b"content-length")
    return length not in {None, b"0"} or header(scope, b"transfer-encoding") is not None


def _say(status: int, reason: str) -> Reply:
    return refusal(status, reason, headers=[(b"connection", b"close")])


def _route(path: str) -> str:
    """What a path is about, as one of few words: what askers make up must not fill the memory."""
    parts = path.strip("/").split("/", 2)
    word = parts[1] if parts[0] == "v1" and len(parts) > 1 else parts[0]
    return word if word in _ROUTES else "other"
