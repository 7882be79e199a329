"""Answers and refusals as bytes, ready to be sent as often as they are asked for."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from zoo.errors import AmbiguousNameError, UnknownNameError, ZooError

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
BUG = "a bug of this server; its log has it"
NOT_SNIFFED = (b"x-content-type-options", b"nosniff")


def header(scope: Scope, name: bytes) -> bytes | None:
    """The value of a request's header; several lines of one name count as one list; ``None`` where there is none."""
    found = [value for key, value in scope["headers"] if key == name]
    return b", ".join(found) if found else None


def is_match(given: bytes, etag: bytes) -> bool:
    """Whether ``If-None-Match`` names the ETag (RFC 9110, 13.1.2: compared weakly)."""
    if given == etag:
        return True
    names = [each.strip().removeprefix(b"W/") for each in given.split(b",")]
    return given.strip() == b"*" or etag in names


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer.

    Attributes:
        status: of HTTP.
        headers: of the answer, without its length.
        body: its bytes.
        etag: what names these bytes; empty where they are not to be kept.
    """

    status: int
    headers: Headers
    body: bytes
    etag: bytes = b""
    _start: dict[str, Any] = field(init=False, repr=False, compare=False)
    _body: dict[str, Any] = field(init=False, repr=False, compare=False)
    _unchanged: dict[str, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the messages once, for all who ask."""
        length = (b"content-length", str(len(self.body)).encode())
        start = {
            "type": "http.response.start",
            "status": self.status,
            "headers": [*self.headers, NOT_SNIFFED, length],
        }
        kept = [each for each in self.headers if each[0] in {b"etag", b"cache-control", b"vary"}]
        object.__setattr__(self, "_start", start)
        object.__setattr__(self, "_body", {"type": "http.response.body", "body": self.body})
        object.__setattr__(
            self, "_unchanged", {"type": "http.response.start", "status": 304, "headers": kept}
        )

    async def send(self, scope: Scope, send: Send) -> int:
        """Send it, or say that the asker has it already.

        Returns:
            The status.
        """
        given = header(scope, b"if-none-match") if self.etag else None
        if given is not None and is_match(given, self.etag):
            await send(self._unchanged)
            await send(_EMPTY)
            return HTTPStatus.NOT_MODIFIED
        await send(self._start)
        await send(_EMPTY if scope["method"] == "HEAD" else self._body)
        return self.status


_EMPTY = {"type": "http.response.body", "body": b""}


def answer(text: str) -> Reply:
    """JSON that is to be asked for again: caches keep it and ask whether it is still the same."""
    body = f"{text}\n".encode(errors="backslashreplace")  # half a surrogate, as a device may report it
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-cache"), (b"etag", etag)]
    return Reply(HTTPStatus.OK, headers, body, etag)


def refusal(
    status: int,
    reason: str,
    more: Iterable[tuple[str, object]] = (),
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> Reply:
    """A problem as RFC 9457 writes it: ``title``, ``status``, ``detail`` and what helps."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": reason,
        **dict(more),
    }
    body = json.dumps(document, ensure_ascii=False, indent=1).encode(errors="backslashreplace")
    kind = (b"content-type", b"application/problem+json")
    return Reply(status, [kind, (b"cache-control", b"no-store"), *headers], body + b"\n")


def refusal_of(error: ZooError) -> Reply:
    """What an expected error is over HTTP; what ails the server itself is for its log."""
    if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return refusal(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the registry cannot be read at the moment; /healthz and the log of the server say more",
            headers=[(b"retry-after", b"1")],
        )
    more: list[tuple[str, object]] = []
    if isinstance(error, UnknownNameError):
        more = [("closest", error.close)]
    elif isinstance(error, AmbiguousNameError):
        more = [("matches", list(error.matches))]
    return refusal(error.http_status, str(error), more)
