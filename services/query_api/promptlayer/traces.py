"""`GET /api/public/v2/traces/{trace_id}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from shared.errors import NotFound
from shared.events import trace_partition
from shared.http.responses import json_response
from shared.store import traces
from shared.stream.base import LOGS_TOPIC
from shared.wire.promptlayer.trace import parse_trace_id, span_answer, trace_answer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.query_api.query import Query

MAX_TRACE_BYTES: Final = 64 << 20
"""Of what the spans of one answer say, as JSON."""


def routes(query: Query) -> list[Route]:
    """The read routes of traces."""

    async def get_trace(request: Request) -> Response:
        """All spans of a trace that were acknowledged before this request.

        Of one with more than `traces.MAX_SPANS` spans, or more than `MAX_TRACE_BYTES`, the first ones by their starts,
        with `truncated` set. Requests that were logged apart (`POST /track-request`) are linked as soon as they are
        applied.
        """
        workspace = query.authenticate(request).workspace
        trace_id = parse_trace_id(request.path_params["trace_id"])
        backends = query.backends
        partition = trace_partition(workspace, trace_id, backends.stream.partitions(LOGS_TOPIC))
        await backends.visibility.wait_for_end(partition)
        rows = await traces.spans_of(backends.store, workspace, trace_id, query.limits)
        if not rows:
            raise NotFound(f"trace_id: no trace with the id {trace_id}")
        linked = await traces.linked_requests(backends.store, workspace, trace_id, rows, query.limits)
        details = traces.span_details(backends.store, rows[: traces.MAX_SPANS], MAX_TRACE_BYTES)
        spans = [span_answer(row, said, linked) async for row, said in details]
        return json_response(200, trace_answer(trace_id, spans, truncated=len(spans) < len(rows)))

    return [Route("/api/public/v2/traces/{trace_id}", get_trace, methods=["GET"])]
