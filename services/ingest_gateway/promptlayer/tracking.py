"""Routes that add to a logged request, and the one that makes a group.

Each path that the clients use has a documented twin under `/rest`. An answer means that the update is durable; it does
not wait for the writer. An update of another workspace's request changes nothing, which only the writer can see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from services.ingest_gateway.promptlayer.keyed_bodies import read_keyed_body
from services.ingest_gateway.promptlayer.template_links import tracked_columns
from shared.errors import NotFound
from shared.http.responses import json_response
from shared.updates import Updates
from shared.wire.promptlayer.tracking import TrackedPrompt, parse_group, parse_metadata, parse_prompt, parse_score

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from services.ingest_gateway.gateway import Gateway
    from shared.records import Columns
    from shared.wire.promptlayer.tracking import Tracked

_BODIES: Final[dict[str, Callable[[Any], Tracked]]] = {
    "/library-track-metadata": parse_metadata,
    "/library-track-score": parse_score,
    "/library-track-prompt": parse_prompt,
    "/track-group": parse_group,
    "/rest/track-metadata": parse_metadata,
    "/rest/track-score": parse_score,
    "/rest/track-prompt": parse_prompt,
    "/rest/track-group": parse_group,
}


def routes(gateway: Gateway) -> list[Route]:
    """The tracking routes."""
    updates = Updates(gateway.backends.stream)

    def tracking(parse: Callable[[Any], Tracked]) -> Callable[[Request], Awaitable[Response]]:
        async def track(request: Request) -> Response:
            workspace, body = await read_keyed_body(gateway, request)
            tracked = parse(body.value)
            columns = await _columns(gateway, workspace, tracked)
            if body.repaired:
                columns["repaired"] = 1
            if await gateway.backends.visibility.locate(tracked.request_id) is None:
                raise NotFound(f"request_id: no request with the id {tracked.request_id}")
            await updates.patch(workspace, tracked.request_id, columns)
            return json_response(200, {"success": True, "message": "Tracked"})

        return track

    async def create_group(request: Request) -> Response:
        workspace, _ = await read_keyed_body(gateway, request)
        return json_response(200, {"success": True, "id": await gateway.intake.create_group(workspace)})

    return [
        *(Route(path, tracking(parse), methods=["POST"]) for path, parse in _BODIES.items()),
        Route("/create-group", create_group, methods=["POST"]),
    ]


async def _columns(gateway: Gateway, workspace: str, tracked: Tracked) -> Columns:
    """The update that tracking makes. Raises NotFound for a prompt that must be known."""
    if isinstance(tracked, TrackedPrompt):
        return await tracked_columns(gateway, workspace, tracked)
    return tracked.columns()
