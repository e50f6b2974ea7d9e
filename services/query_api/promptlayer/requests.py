"""`GET /api/public/v2/requests/{request_id}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from shared import ids
from shared.errors import Invalid, NotFound
from shared.http.responses import json_response
from shared.store import traces
from shared.store.search import REQUEST_TYPES
from shared.wire.promptlayer import responses

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.query_api.query import Query


def routes(query: Query) -> list[Route]:
    """The read routes of PromptLayer requests."""

    async def get_request(request: Request) -> Response:
        principal = query.authenticate(request)
        request_id = _request_id(request.path_params["request_id"])
        stored = await query.reader.by_id(principal.workspace, request_id) if request_id <= ids.MAX_ID else None
        if stored is None or stored.log["type"] not in REQUEST_TYPES:
            raise NotFound(f"request_id: no request with the id {request_id}")
        log = stored.log
        if log["span_id"] and not log["trace_id"]:
            # It was logged beside its span, which alone knows the trace.
            trace_id = await traces.trace_of(query.backends.store, principal.workspace, log)
            log = log | {"trace_id": trace_id or ""}
        return json_response(200, responses.request(log, stored.payload))

    return [
        Route("/api/public/v2/requests/{request_id}", get_request, methods=["GET"]),
        # The older spelling, still in clients.
        Route("/api/public/v2/request/{request_id}", get_request, methods=["GET"]),
    ]


def _request_id(text: str) -> int:
    """The id in a path. Raises Invalid."""
    if text.isascii() and text.isdigit() and 0 < len(text) <= 20 and int(text) >= 1:
        return int(text)
    message = "must be an integer of at least 1"
    raise Invalid(f"request_id: {message}", [{"loc": ["path", "request_id"], "msg": message, "type": "int_parsing"}])
