"""`POST /v5/prompts/log`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from services.ingest_gateway.gateway import Gateway, fingerprint_of
from services.ingest_gateway.humanloop.client_ids import ClientIds
from services.ingest_gateway.humanloop.prompt_versions import Selection, resolve
from shared import ids
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.wire.humanloop import responses
from shared.wire.humanloop.columns import prompt_log_columns
from shared.wire.humanloop.prompt_log import parse_prompt_log

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def routes(gateway: Gateway) -> list[Route]:
    """The create routes of Humanloop prompt logs."""
    client_ids = ClientIds(gateway.backends.store)

    async def log(request: Request) -> Response:
        workspace = gateway.authenticate(request).workspace
        body = await read_json_object(request)
        prompt_log = parse_prompt_log(body.value)
        query = request.query_params
        selection = Selection(query.get("version_id") or None, query.get("environment") or None)
        version = await resolve(gateway.backends.registry, workspace, prompt_log, selection)
        if prompt_log.log_id is not None:
            await client_ids.check(workspace, prompt_log.log_id, version.prompt.id)
        columns = prompt_log_columns(
            prompt_log,
            prompt_id=version.prompt.id,
            path=version.prompt.path,
            version_id=version.version_id,
            details=version.details,
            keep_details=not version.registered,
            repaired=body.repaired,
        )
        log_id = await gateway.intake.create(
            workspace, columns, external_id=prompt_log.log_id, fingerprint=fingerprint_of(request, workspace)
        )
        if prompt_log.log_id is not None:
            client_ids.remember(workspace, prompt_log.log_id, version.prompt.id)
        public_id = prompt_log.log_id or ids.to_text(log_id)
        return json_response(200, responses.created(public_id, version.prompt.id, version.version_id))

    return [Route("/v5/prompts/log", log, methods=["POST"])]
