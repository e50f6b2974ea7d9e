"""`GET /v5/logs/{id}` and `PATCH /v5/prompts/{id}/log/{log_id}`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.routing import Route

from services.query_api.humanloop.records import LISTED_TYPES, log_record
from shared.errors import NotFound
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.records import HUMANLOOP_PROMPT_LOG
from shared.registry.entities import Scope
from shared.wire.humanloop.columns import update_columns
from shared.wire.humanloop.prompt_log import parse_update
from shared.wire.pricing import update_price

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.query_api.query import Query


def routes(query: Query) -> list[Route]:
    """The read and update routes of Humanloop logs."""

    async def get_log(request: Request) -> Response:
        workspace = query.authenticate(request).workspace
        public_id = request.path_params["id"]
        stored = await query.reader.by_public_id(workspace, public_id)
        if stored is None or stored.log["type"] not in LISTED_TYPES:
            raise NotFound(f"id: no log with the id {public_id[:80]!r}")
        return json_response(200, await log_record(query, workspace, stored))

    async def update_prompt_log(request: Request) -> Response:
        workspace = query.authenticate(request, Scope.INGEST).workspace
        body = await read_json_object(request)
        update = parse_update(body.value)
        prompt_id, public_id = request.path_params["id"], request.path_params["log_id"]
        head = await query.reader.head_by_public_id(workspace, public_id)
        if head is None or head["type"] != HUMANLOOP_PROMPT_LOG or head["prompt_id"] != prompt_id:
            raise NotFound(f"log_id: prompt {prompt_id[:80]!r} has no log with the id {public_id[:80]!r}")
        columns = update_columns(update, save=bool(head["save"]))
        update_price(columns, head, datetime.now(UTC))
        if columns:
            if body.repaired:
                columns["repaired"] = 1
            appended = await query.updates.patch(workspace, head["id"], columns)
            await query.backends.visibility.wait_for_append(appended)
        stored = await query.reader.by_id(workspace, head["id"])
        if stored is None:
            raise NotFound(f"log_id: the log {public_id[:80]!r} was deleted meanwhile")
        return json_response(200, await log_record(query, workspace, stored))

    return [
        Route("/v5/logs/{id:path}", get_log, methods=["GET"]),
        Route("/v5/prompts/{id}/log/{log_id:path}", update_prompt_log, methods=["PATCH"]),
    ]
