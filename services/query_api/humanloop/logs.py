"""`GET /v5/logs/{id}`, and the updates of logs of prompts, tools and flows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.routing import Route

from services.query_api.humanloop.log_files import FILE_KINDS
from services.query_api.humanloop.records import LISTED_TYPES, log_record
from shared.errors import NotFound
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.records import HUMANLOOP_FLOW_LOG, HUMANLOOP_PROMPT_LOG, HUMANLOOP_TOOL_LOG
from shared.registry.entities import Scope
from shared.wire.humanloop.columns import update_columns
from shared.wire.humanloop.file_logs import FlowLogUpdate
from shared.wire.humanloop.prompt_log import PromptLogUpdate, parse_update
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

    async def update_log(request: Request, log_type: str, model: type[PromptLogUpdate] = PromptLogUpdate) -> Response:
        """Change a log of this type, of the file that the path names, if it names one."""
        workspace = query.authenticate(request, Scope.INGEST).workspace
        body = await read_json_object(request)
        update = parse_update(body.value, model)
        file_id, public_id = request.path_params.get("id"), request.path_params["log_id"]
        head = await query.reader.head_by_public_id(workspace, public_id)
        if head is None or head["type"] != log_type or head["prompt_id"] != (file_id or head["prompt_id"]):
            kind = FILE_KINDS[log_type]
            owner = f"{kind} {file_id[:80]!r} has no" if file_id else f"no {kind} has a"
            raise NotFound(f"log_id: {owner} log with the id {public_id[:80]!r}")
        if isinstance(update, FlowLogUpdate) and update.completes(head["log_status"]) and head["save"]:
            stored = await query.reader.by_id(workspace, head["id"])
            if stored is not None:
                update.check_complete(stored.payload | stored.log)
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

    async def update_prompt_log(request: Request) -> Response:
        return await update_log(request, HUMANLOOP_PROMPT_LOG)

    async def update_tool_log(request: Request) -> Response:
        return await update_log(request, HUMANLOOP_TOOL_LOG)

    async def update_flow_log(request: Request) -> Response:
        return await update_log(request, HUMANLOOP_FLOW_LOG, FlowLogUpdate)

    return [
        Route("/v5/logs/{id:path}", get_log, methods=["GET"]),
        Route("/v5/prompts/{id}/log/{log_id:path}", update_prompt_log, methods=["PATCH"]),
        Route("/v5/tools/{id}/log/{log_id:path}", update_tool_log, methods=["PATCH"]),
        Route("/v5/flows/logs/{log_id:path}", update_flow_log, methods=["PATCH"]),
    ]
