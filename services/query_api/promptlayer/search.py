"""`POST /api/public/v2/requests/search`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.store import search
from shared.store.search import Selection
from shared.wire.promptlayer.search import Search, results

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.query_api.query import Query


def routes(query: Query) -> list[Route]:
    """The route that finds requests."""

    async def search_requests(request: Request) -> Response:
        workspace = query.authenticate(request).workspace
        wanted = Search((await read_json_object(request)).value)
        found = Selection(workspace, wanted.condition)
        size, store, limits = wanted.request.per_page, query.backends.store, query.limits
        if wanted.cursor is not None:
            rows = await search.newest(store, found, limit=size, after=wanted.cursor, limits=limits)
            return json_response(200, results(wanted, rows, None))
        rows, total = await search.page(
            store, found, number=wanted.request.page, size=size, order=wanted.request.order(), limits=limits
        )
        return json_response(200, results(wanted, rows, total))

    return [Route("/api/public/v2/requests/search", search_requests, methods=["POST"])]
