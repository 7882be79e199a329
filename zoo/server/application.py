"""The routes and their OpenAPI document; what is asked often never gets here, see `zoo.server.front`."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

from zoo.errors import ZooError
from zoo.server import answers
from zoo.server.files import Files
from zoo.server.live import Live
from zoo.server.logs import log
from zoo.server.metrics import Metrics
from zoo.server.questions import DEVICES, LONGEST_NAME, PICK, Parameter
from zoo.server.replies import BUG, Receive, Reply, Scope, Send, refusal, refusal_of
from zoo.views import documents

_Name = Annotated[str, Path(min_length=1, max_length=LONGEST_NAME)]
_Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
_Schema = dict[str, Any]
_TEXTS = {"type": "array", "items": {"type": "string"}}
_PROBLEM: _Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "closest": _TEXTS,
        "matches": _TEXTS,
    },
}
_REASONS = {
    304: "If-None-Match names what would be sent.",
    400: "A value makes no sense, or the request cannot be read.",
    404: "Nobody knows that name; `closest` has the nearest ones.",
    409: "The name means several devices; `matches` has their ids.",
    412: "If-Match names something else.",
    413: "A request with a body.",
    414: "A query that is too long.",
    416: "The file has none of the bytes asked for.",
    422: "A parameter is unknown, given twice, or of the wrong kind.",
    500: "The file is missing or rotten.",
    503: "The registry cannot be read, or too many questions wait. Ask again after Retry-After.",
}
_ASKED = (304, 400, 404, 409, 413, 414, 422, 503)
_LIST = {"type": "array", "items": {"type": "object"}}
_PICKED = {
    "type": "object",
    "required": ["device", "budgets", "objective", "picks", "unanswered"],
    "properties": {
        "device": {"type": "object", "required": ["id", "name", "soc", "matched_by"]},
        "budgets": {"type": "object", "required": ["available", "evidence"]},
        "objective": {"type": "string"},
        "picks": {"type": "array", "items": {"type": "object", "required": ["model", "variant", "artifact"]}},
        "unanswered": {
            "type": "array",
            "items": {"type": "object", "required": ["model", "reason", "relax"]},
        },
        "rejected": _LIST,
    },
}


def application(live: Live, files: Files, metrics: Metrics) -> FastAPI:
    """The routes of one worker."""
    app = FastAPI(
        title="device-zoo",
        version="1",
        description="The right variant of a model for a device, and its file. Answers are the JSON of the zoo command.",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
    )
    _add_questions(app, live)
    _add_downloads(app)
    _add_operation(app, live, files, metrics)
    _add_refusals(app)
    return app


def _add_questions(app: FastAPI, live: Live) -> None:
    async def reply(request: Request, make: answers.Make) -> Response:
        return _Sent(await live.ask((request.scope["path"], request.scope["query_string"]), make))

    async def pick(request: Request) -> Response:
        return await reply(request, answers.pick(request.scope["query_string"]))

    async def devices(request: Request) -> Response:
        return await reply(request, answers.devices(request.scope["query_string"]))

    async def device(request: Request, device: _Name) -> Response:
        return await reply(request, answers.device(request.scope["query_string"], device))

    async def models(request: Request) -> Response:
        return await reply(request, answers.models(request.scope["query_string"]))

    async def model(request: Request, model: _Name) -> Response:
        return await reply(request, answers.model(request.scope["query_string"], model))

    async def variants(request: Request, model: _Name) -> Response:
        return await reply(request, answers.variants(request.scope["query_string"], model))

    one_device = {"type": "object", "required": ["id", "name", "soc", "matched_by"]}
    one_model = {"type": "object", "required": ["model", "variants"]}
    _ask(app, "/v1/pick", pick, "The best variant of each model for a device", _PICKED, PICK)
    _ask(app, "/v1/devices", devices, "The devices", _LIST, DEVICES)
    _ask(app, "/v1/devices/{device}", device, "One device, by any of its names", one_device)
    _ask(app, "/v1/models", models, "The models", _LIST)
    _ask(app, "/v1/models/{model}", model, "One model with its variants", one_model)
    _ask(app, "/v1/models/{model}/variants", variants, "The variants of a model", _LIST)


def _ask(
    app: FastAPI,
    path: str,
    endpoint: Callable[..., Any],
    summary: str,
    schema: _Schema,
    parameters: Sequence[Parameter] = (),
) -> None:
    """Add a question about the registry; its query is read by `zoo.server.questions`, not by FastAPI."""
    app.add_api_route(
        path,
        endpoint,
        summary=summary,
        responses={200: _content("The answer.", "application/json", schema), **_problems(*_ASKED)},
        openapi_extra={"parameters": [each.openapi() for each in parameters]},
    )


def _content(text: str, kind: str, schema: _Schema) -> _Schema:
    return {"description": text, "content": {kind: {"schema": schema}}}


def _problems(*statuses: int) -> dict[int | str, _Schema]:
    return {
        status: {"description": _REASONS[status]}
        if status == HTTPStatus.NOT_MODIFIED
        else _content(_REASONS[status], "application/problem+json", _PROBLEM)
        for status in statuses
    }


def _add_downloads(app: FastAPI) -> None:
    """Put the downloads, which `zoo.server.blobs` answers, into the OpenAPI document."""

    async def file(sha256: _Digest) -> Response:  # noqa: ARG001 - described only
        raise AssertionError

    octets = {"type": "string", "format": "binary"}
    app.add_api_route(
        "/v1/blobs/{sha256}",
        file,
        summary="A file by its digest, whole or in part",
        response_class=Response,
        responses={
            200: _content("The file.", "application/octet-stream", octets),
            206: _content("The part that Range asks for.", "application/octet-stream", octets),
            **_problems(304, 404, 412, 413, 414, 416, 500),
        },
    )


def _add_operation(app: FastAPI, live: Live, files: Files, metrics: Metrics) -> None:
    async def healthz() -> Response:
        return _Sent(health(live, files))

    async def counters() -> Response:
        return PlainTextResponse(metrics.text(live, files), media_type="text/plain; version=0.0.4")

    is_well: dict[int | str, _Schema] = {200: _content("It is.", "application/json", {"type": "object"})}
    app.add_api_route(
        "/healthz", healthz, summary="Whether all is well", responses={**is_well, **_problems(413, 414, 503)}
    )
    app.add_api_route(
        "/metrics",
        counters,
        summary="Counters, as Prometheus reads them",
        response_class=PlainTextResponse,
        responses=_problems(413, 414),
    )


def health(live: Live, files: Files) -> Reply:
    """Whether the registry can be read (else 503) and which files are missing or rotten."""
    if live.problem:
        reason = "the registry cannot be read: the log of the server says why"
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE, reason, [("health", "unreadable")])
    document = {
        "health": "degraded" if files.faults else "ok",
        "files": {
            "held": len(live.snapshot.held),
            "whole": files.checked,
            "faults": dict(list(files.faults.items())[:100]),
        },
    }
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    return Reply(HTTPStatus.OK, headers, (documents.text(document) + "\n").encode())


def _add_refusals(app: FastAPI) -> None:
    async def routing(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = [(b"allow", b"GET, HEAD")]
            return _Sent(refusal(status, "this path takes GET and HEAD only", headers=allowed))
        return _Sent(refusal(status, "there is nothing at this path: /openapi.json lists what there is"))

    async def expected(_: Request, error: Exception) -> Response:
        if not isinstance(error, ZooError):
            raise error
        if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log("refused", reason=str(error))
        return _Sent(refusal_of(error))

    async def path(_: Request, error: Exception) -> Response:
        problems = error.errors() if isinstance(error, RequestValidationError) else []
        reason = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in problems)
        return _Sent(refusal(HTTPStatus.UNPROCESSABLE_ENTITY, reason))

    async def bug(_: Request, __: Exception) -> Response:  # the front logs it
        return _Sent(refusal(HTTPStatus.INTERNAL_SERVER_ERROR, BUG))

    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(ZooError, expected)
    app.add_exception_handler(RequestValidationError, path)
    app.add_exception_handler(Exception, bug)


class _Sent(Response):
    """A reply that is sent as it is."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(status_code=reply.status)
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as Starlette has it
        await self._reply.send(scope, send)
