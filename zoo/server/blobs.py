"""Downloads: files by their digest, whole or in part, never changing and never rotten."""

import asyncio
import base64
import re
from http import HTTPStatus

from zoo.server.files import File, Files, RottenError
from zoo.server.live import Live
from zoo.server.ranges import Part, wanted
from zoo.server.replies import NOT_SNIFFED, Headers, Reply, Scope, Send, header, is_match, refusal

PREFIX = "/v1/blobs/"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 256 * 1024
_WHOLE_FILE = "http.response.pathsend"


class Downloads:
    """Answers ``GET`` and ``HEAD`` of ``/v1/blobs/{sha256}``.

    Args:
        live: knows which files the registry holds.
        files: gives them.
        accelerated: prefix of ``X-Accel-Redirect`` where nginx sends the bytes; empty where this server does.
    """

    def __init__(self, live: Live, files: Files, accelerated: str = "") -> None:
        """See above."""
        self._live, self._files, self._accelerated = live, files, accelerated

    async def send(self, scope: Scope, send: Send) -> int:
        """Answer one request.

        Returns:
            The status.
        """
        if scope["method"] not in {"GET", "HEAD"}:
            reply = refusal(
                HTTPStatus.METHOD_NOT_ALLOWED, "a file is read only", headers=[(b"allow", b"GET, HEAD")]
            )
            return await reply.send(scope, send)
        sha256 = scope["path"].removeprefix(PREFIX)
        if not _DIGEST.fullmatch(sha256):
            reply = refusal(
                HTTPStatus.NOT_FOUND,
                "a file is named by its SHA-256: 64 digits and letters from a to f, small",
            )
            return await reply.send(scope, send)
        if sha256 not in self._live.snapshot.held:
            reply = refusal(HTTPStatus.NOT_FOUND, f"this registry holds no file with the SHA-256 {sha256}")
            return await reply.send(scope, send)
        try:
            file = await self._files.find(sha256)
        except RottenError as problem:
            return await refusal(HTTPStatus.INTERNAL_SERVER_ERROR, str(problem)).send(scope, send)
        return await self._give(file, sha256, scope, send)

    async def _give(self, file: File, sha256: str, scope: Scope, send: Send) -> int:
        etag = f'"sha256:{sha256}"'.encode()
        headers: Headers = [
            (b"etag", etag),
            (b"cache-control", b"public, max-age=31536000, immutable, no-transform"),
            (b"accept-ranges", b"bytes"),
            (b"repr-digest", b"sha-256=:" + base64.b64encode(bytes.fromhex(sha256)) + b":"),
            NOT_SNIFFED,
        ]
        none_match, match = header(scope, b"if-none-match"), header(scope, b"if-match")
        if match is not None and match.strip() != b"*" and etag not in _names(match):
            return await refusal(HTTPStatus.PRECONDITION_FAILED, "If-Match names another file").send(
                scope, send
            )
        if none_match is not None and is_match(none_match, etag):
            await send({"type": "http.response.start", "status": HTTPStatus.NOT_MODIFIED, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return HTTPStatus.NOT_MODIFIED
        headers.append((b"content-type", b"application/octet-stream"))
        if self._accelerated:
            redirect = (b"x-accel-redirect", f"{self._accelerated}{sha256}".encode())
            return await Reply(HTTPStatus.OK, [*headers, redirect], b"").send(scope, send)
        part = _part(scope, file.size_bytes, etag)
        if part is not None and part.start >= part.end:
            span = (b"content-range", f"bytes */{file.size_bytes}".encode())
            reason = f"the file has {file.size_bytes} bytes, and none of those asked for"
            return await refusal(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, reason, headers=[span]).send(
                scope, send
            )
        status = HTTPStatus.OK
        if part is not None:
            status = HTTPStatus.PARTIAL_CONTENT
            whole = f"bytes {part.start}-{part.end - 1}/{file.size_bytes}"
            headers.append((b"content-range", whole.encode()))
        start, end = (part.start, part.end) if part is not None else (0, file.size_bytes)
        headers.append((b"content-length", str(end - start).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        elif file.data is not None:
            await send(
                {"type": "http.response.body", "body": file.data if part is None else file.data[start:end]}
            )
        elif part is None and _WHOLE_FILE in scope.get("extensions", {}):
            await send({"type": _WHOLE_FILE, "path": str(file.path)})
        else:
            await _stream(file, Part(start, end), send)
        return status


def _names(given: bytes) -> list[bytes]:
    return [each.strip() for each in given.split(b",")]


def _part(scope: Scope, size: int, etag: bytes) -> Part | None:
    """The part that is asked for; ``None`` for the whole file, as for a ``HEAD`` or another file's ``If-Range``."""
    given, condition = header(scope, b"range"), header(scope, b"if-range")
    if given is None or scope["method"] != "GET" or (condition is not None and condition.strip() != etag):
        return None
    return wanted(given, size)


async def _stream(file: File, part: Part, send: Send) -> None:
    loop = asyncio.get_running_loop()
    with await loop.run_in_executor(None, file.path.open, "rb") as opened:
        opened.seek(part.start)
        left = part.end - part.start
        while left:
            data = await loop.run_in_executor(None, opened.read, min(left, _CHUNK_BYTES))
            if not data:
                raise OSError(f"'{file.path}' ended {left} bytes too soon")
            left -= len(data)
            await send({"type": "http.response.body", "body": data, "more_body": left > 0})
