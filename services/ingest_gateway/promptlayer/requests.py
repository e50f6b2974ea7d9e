"""`POST /log-request`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from services.ingest_gateway.gateway import Gateway, fingerprint_of
from services.ingest_gateway.promptlayer.template_links import check_prompt, link
from shared.http.bodies import parse_json_object, read_body
from shared.http.responses import json_response
from shared.wire.pricing import add_price
from shared.wire.promptlayer import responses
from shared.wire.promptlayer.columns import log_request_columns
from shared.wire.promptlayer.log_request import LogRequest, parse_log_request

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from shared.http.json_bodies import JsonBody
    from shared.records import Columns

PATH: Final = "/log-request"


def routes(gateway: Gateway) -> list[Route]:
    """The create routes of PromptLayer requests."""

    async def log_request(request: Request) -> Response:
        workspace = gateway.authenticate(request).workspace
        raw = await read_body(request)
        log, columns = accept(gateway, workspace, parse_json_object(raw))
        fingerprint = fingerprint_of(request, workspace, raw)
        log_id = await gateway.intake.create(workspace, columns, fingerprint=fingerprint)
        return json_response(201, responses.created(log_id, log))

    return [Route(PATH, log_request, methods=["POST"])]


def accept(gateway: Gateway, workspace: str, body: JsonBody) -> tuple[LogRequest, Columns]:
    """The log in a body, checked, and its columns. Raises Invalid, and NotFound for a prompt that must be known."""
    log = parse_log_request(body.value)
    check_prompt(gateway, workspace, log.prompt_name)
    columns = log_request_columns(log, repaired=body.repaired)
    link(gateway.backends.registry.state, workspace, columns)
    add_price(columns, datetime.now(UTC))
    return log, columns
