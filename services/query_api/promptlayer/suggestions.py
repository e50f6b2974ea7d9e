"""`GET /api/public/v2/requests/suggestions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from shared.http.responses import json_response
from shared.store.search import Selection
from shared.store.suggestions import suggestions
from shared.wire.promptlayer.suggestions import Suggestions

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.query_api.query import Query


def routes(query: Query) -> list[Route]:
    """The route that completes what somebody types into a filter."""

    async def suggest(request: Request) -> Response:
        workspace = query.authenticate(request).workspace
        wanted = Suggestions(request.query_params.multi_items())
        selection = Selection(workspace, wanted.condition)
        values = await suggestions(query.backends.store, selection, wanted.values, wanted.prefix, query.limits)
        return json_response(200, {"success": True, "values": values})

    return [Route("/api/public/v2/requests/suggestions", suggest, methods=["GET"])]
