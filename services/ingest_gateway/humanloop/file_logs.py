"""`POST /v5/prompts/log`, and the same for tools, flows and evaluators."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from starlette.routing import Route

from services.ingest_gateway.gateway import Gateway, fingerprint_of
from services.ingest_gateway.humanloop.client_ids import ClientIds
from services.ingest_gateway.humanloop.file_versions import Selection, resolve
from services.ingest_gateway.humanloop.log_kinds import EVALUATOR_LOGS, FLOW_LOGS, PROMPT_LOGS, TOOL_LOGS
from shared import ids
from shared.errors import Unavailable
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.wire.humanloop import responses
from shared.wire.humanloop.columns import file_log_columns
from shared.wire.humanloop.prompt_log import parse_log
from shared.wire.pricing import add_price

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.ingest_gateway.humanloop.log_kinds import LogKind
    from shared.http.json_bodies import JsonBody
    from shared.records import Columns
    from shared.visibility import Visibility

SHOWN_WITHIN_S: Final = 1.0
"""In which even under full load a log is stored (the target of its p99). Beyond it the answer is no later: the log is
durable, and a store that is away does not stop ingestion."""

_NO_SELECTION: Final = Selection(None, None)


class AcceptedLog(NamedTuple):
    """A log that may be appended. `log_id` is the client's own name for it, None when it has none."""

    columns: Columns
    log_id: str | None
    file_id: str
    version_id: str


class FileLogs:
    """Checks logs of prompts, tools, flows and evaluators, and finds their files, for every route that takes them."""

    def __init__(self, gateway: Gateway) -> None:
        self._registry = gateway.backends.registry
        self._client_ids = ClientIds(gateway.backends.store)

    async def accept(
        self, workspace: str, body: JsonBody, selection: Selection = _NO_SELECTION, kind: LogKind = PROMPT_LOGS
    ) -> AcceptedLog:
        """The log in a body, with its file and version found or made.

        Raises Invalid, NotFound, Conflict (the `log_id` is taken), and what appending to the registry raises.
        """
        log = parse_log(kind.request, body.value)
        version = await resolve(self._registry, workspace, kind, log, selection)
        if log.log_id is not None:
            await self._client_ids.check(workspace, log.log_id, version.file.id)
        columns = file_log_columns(
            log,
            log_type=kind.log_type,
            file_id=version.file.id,
            path=version.file.path,
            version_id=version.version_id,
            details=version.details,
            keep_details=not version.registered,
            repaired=body.repaired,
        )
        add_price(columns, datetime.now(UTC))
        return AcceptedLog(columns, log.log_id, version.file.id, version.version_id)

    def appended(self, workspace: str, log: AcceptedLog) -> None:
        """Take note of a log that is in the stream now."""
        if log.log_id is not None:
            self._client_ids.remember(workspace, log.log_id, log.file_id)


async def wait_until_shown(visibility: Visibility, log_id: int) -> None:
    """Wait until an appended log is stored, for at most `SHOWN_WITHIN_S`.

    The log that shows it is stored already, so its readers can't tell that there is something to wait for, and would
    have to wait for all that is on its way, whenever they read any log.
    """
    with suppress(TimeoutError, Unavailable):
        async with asyncio.timeout(SHOWN_WITHIN_S):
            await visibility.may_exist(log_id)


def routes(gateway: Gateway, file_logs: FileLogs) -> list[Route]:
    """The create routes of Humanloop logs."""

    def create_route(kind: LogKind) -> Route:
        async def log(request: Request) -> Response:
            workspace = gateway.authenticate(request).workspace
            body = await read_json_object(request)
            query = request.query_params
            selection = Selection(query.get("version_id") or None, query.get("environment") or None)
            accepted = await file_logs.accept(workspace, body, selection, kind)
            fingerprint = fingerprint_of(request, workspace)
            log_id = await gateway.intake.create(
                workspace, accepted.columns, external_id=accepted.log_id, fingerprint=fingerprint
            )
            file_logs.appended(workspace, accepted)
            if kind.shown_by_another:
                await wait_until_shown(gateway.backends.visibility, log_id)
            public_id = accepted.log_id or ids.to_text(log_id)
            answer = responses.created(public_id, kind.file_kind, accepted.file_id, accepted.version_id)
            return json_response(200, answer | {name: accepted.columns.get(name) for name in kind.also_answers})

        return Route(f"/v5/{kind.file_kind}s/log", log, methods=["POST"])

    return [create_route(kind) for kind in (PROMPT_LOGS, TOOL_LOGS, FLOW_LOGS, EVALUATOR_LOGS)]
