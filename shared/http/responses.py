"""JSON answers, and the one error envelope of every route.

    {"success": false, "message": "for people", "error": "machine_code", "detail": ...}

`message` always says what is wrong and where, because some clients show their users nothing else. `detail` is a list of
{"loc", "msg", "type"} on 422 and, under /v5, an object on every other code. An error that nobody expected says only an
id, under which the log has the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response

from shared.errors import ClientError, Unavailable

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

ORIGIN: Final = "sluice"
DETAIL_OBJECT_PREFIX: Final = "/v5/"
"""Routes whose clients expect `detail` to be an object on codes other than 422."""

INTERNAL_ERROR: Final = "internal_error"

RawHeaders = tuple[tuple[bytes, bytes], ...]

ErrorForm = Callable[[int, dict[str, Any], Mapping[str, str]], Response]
"""Makes the answer of an error from its status, its envelope and its headers."""

ERROR_FORM_KEY: Final = "sluice.error_form"
"""In the scope: the `ErrorForm` of a request to which a protocol has errors of its own; the envelope without it."""

_CONTENT_TYPE: Final = (b"content-type", b"application/json")


class JsonResponse(Response):
    """A body that is JSON already. Builds the two headers it needs directly: this is the hot path of every create."""

    media_type = "application/json"

    def __init__(self, status: int, body: bytes, headers: RawHeaders = ()) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), _CONTENT_TYPE, *headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> JsonResponse:
    """`value` as JSON. Raises TypeError for what JSON can't hold (lone surrogates, integers beyond 64 bits)."""
    if headers is None:
        return JsonResponse(status, orjson.dumps(value))
    raw = tuple((name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers.items())
    return JsonResponse(status, orjson.dumps(value), raw)


def error_code(error: BaseException) -> str:
    """The machine code of an error, as answered and as counted."""
    return error.code if isinstance(error, ClientError | Unavailable) else INTERNAL_ERROR


def error_response(
    error: BaseException,
    *,
    path: str,
    error_id: str = "",
    headers: Mapping[str, str] | None = None,
    form: ErrorForm = json_response,
) -> Response:
    """The envelope for an error raised by the route at `path`, in the form that the request wants.

    The text of an error that is neither a ClientError nor Unavailable is not answered, since it may hold anything: the
    caller logs it under `error_id`.
    """
    code = error_code(error)
    extra = dict(headers or {})
    detail: list[dict[str, Any]] | None = None
    if isinstance(error, ClientError):
        status, message, detail = error.status, error.message, error.detail
    elif isinstance(error, Unavailable):
        status, message = error.status, error.message
        extra["retry-after"] = str(error.retry_after_s)
    else:
        status, message = 500, f"internal error; the server's log has the details under {error_id or 'this time'}"
    return form(status, _envelope(status, message, code, detail, path), extra)


def _envelope(status: int, message: str, code: str, detail: list[dict[str, Any]] | None, path: str) -> dict[str, Any]:
    envelope: dict[str, Any] = {"success": False, "message": message, "error": code}
    if status == 422:
        envelope["detail"] = detail or [{"loc": ["body"], "msg": message, "type": code}]
    elif path.startswith(DETAIL_OBJECT_PREFIX):
        envelope["detail"] = {"type": code, "message": message, "code": status, "origin": ORIGIN}
    elif detail is not None:
        envelope["detail"] = detail
    return envelope
