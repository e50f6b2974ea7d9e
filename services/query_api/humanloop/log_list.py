"""`GET /v5/logs` and `DELETE /v5/logs`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response
from starlette.routing import Route

from services.query_api.humanloop.records import LISTED_TYPES, add_children, log_records
from shared.errors import TooExpensive
from shared.http.responses import json_response
from shared.registry.entities import Scope
from shared.store import search
from shared.store.cursors import Cursor
from shared.store.search import Selection
from shared.wire.humanloop.log_list import LogListQuery, condition_of, cursor_of, parse_query, sampled
from shared.wire.validation import invalid_fields

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.query_api.query import Query
    from shared.store.base import Row

MAX_PAGE_BYTES: Final = 64 << 20
"""Of the logs of one page, as JSON."""

MAX_DELETED: Final = 1_000
"""Logs that one request deletes."""


def routes(query: Query) -> list[Route]:
    """The routes of many logs at once."""

    async def list_logs(request: Request) -> Response:
        """A page of a prompt's logs, newest first.

        The order and what holds of pages while logs come in is in `shared.store.search`: by `page`, a log may be seen
        twice; with `cursor` set to the `next_cursor` of the page before, every log is seen once. A page beyond the end
        is empty, for that is how clients find the end. A `file_id` that nobody knows has no logs.
        """
        workspace = query.authenticate(request).workspace
        wanted = parse_query(request.query_params.multi_items())
        cursor = cursor_of(wanted)
        rows, total = await _page(query, workspace, wanted, cursor)
        next_cursor = Cursor.at(rows[-1]).encode() if rows and len(rows) == wanted.size else None
        page = {"page": wanted.page, "size": wanted.size, "total": total, "next_cursor": next_cursor}
        return json_response(200, {"records": await _records(query, workspace, wanted, rows), **page})

    async def delete_logs(request: Request) -> Response:
        """End the logs of these ids, and wait until no read finds them any more.

        A key needs the scope ingest: it is what SDKs have, and what their decorators take back a log with whose
        function failed. Ids that are unknown, another workspace's, or those of no Humanloop log are passed over.
        """
        workspace = query.authenticate(request, Scope.INGEST).workspace
        public_ids = list(dict.fromkeys(request.query_params.getlist("id")))
        if not 1 <= len(public_ids) <= MAX_DELETED:
            message = "is required" if not public_ids else f"may be given {MAX_DELETED} times"
            raise invalid_fields([{"loc": ["query", "id"], "msg": message, "type": "missing"}])
        found = await asyncio.gather(*(query.reader.by_public_id(workspace, public_id) for public_id in public_ids))
        log_ids = {stored.log["id"] for stored in found if stored is not None and stored.log["type"] in LISTED_TYPES}
        appended = await asyncio.gather(*(query.updates.delete(workspace, log_id) for log_id in sorted(log_ids)))
        await asyncio.gather(*map(query.backends.visibility.wait_for_append, appended))
        return Response(status_code=204)

    return [
        Route("/v5/logs", list_logs, methods=["GET"]),
        Route("/v5/logs", delete_logs, methods=["DELETE"]),
    ]


async def _page(query: Query, workspace: str, wanted: LogListQuery, cursor: Cursor | None) -> tuple[list[Row], int]:
    store, limits = query.backends.store, query.limits
    selection = Selection(workspace, condition_of(wanted), LISTED_TYPES)
    if wanted.sample is not None:
        all_of_them = await search.count(store, selection, limits=limits)
        selection = Selection(workspace, sampled(selection.condition, wanted.sample, all_of_them), LISTED_TYPES)
    if cursor is None:
        return await search.page(store, selection, number=wanted.page, size=wanted.size, limits=limits)
    rows = await search.newest(store, selection, limit=wanted.size, after=cursor, limits=limits)
    return rows, await search.count(store, selection, limits=limits)


async def _records(query: Query, workspace: str, wanted: LogListQuery, rows: list[Row]) -> list[Any]:
    """The records, each as JSON text already: a page may be big, and is written once."""
    texts: list[orjson.Fragment] = []
    page_bytes = 0
    async for record in log_records(query, workspace, rows):
        if wanted.include_trace_children:
            await add_children(query, workspace, record)
        text = orjson.dumps(record)
        page_bytes += len(text)
        if page_bytes > MAX_PAGE_BYTES:
            raise TooExpensive(f"size: the logs of this page have more than {MAX_PAGE_BYTES >> 20} MiB: ask for fewer")
        texts.append(orjson.Fragment(text))
    return texts
