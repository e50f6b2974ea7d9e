"""`POST /log-request`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from services.ingest_gateway.gateway import Gateway, fingerprint_of
from shared.errors import NotFound
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
    add_price(columns, datetime.now(UTC))
    return log, columns


def check_prompt(gateway: Gateway, workspace: str, name: str | None) -> None:
    """Under SLUICE_STRICT_REGISTRY a log may only name a prompt that the registry has. Raises NotFound."""
    if not gateway.backends.settings.strict_registry or not name:
        return
    if gateway.backends.registry.state.prompt_by_path(workspace, name) is None:
        raise NotFound(f"prompt_name: no prompt of this name: {name[:80]!r}")
