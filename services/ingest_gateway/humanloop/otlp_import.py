"""`POST /v5/import/otel/v1/traces`: the spans of Humanloop's decorators, which become logs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from services.ingest_gateway.bulk.batch import Batch
from services.ingest_gateway.humanloop.log_kinds import FLOW_LOGS, PROMPT_LOGS, TOOL_LOGS
from services.ingest_gateway.intake import span_fingerprint
from services.ingest_gateway.span_batch import SPANS, check_count, new_batch
from services.ingest_gateway.turns import Turns
from shared import ids
from shared.events import MAX_EXTERNAL_ID_CHARACTERS
from shared.http.bodies import read_json_object
from shared.http.json_bodies import JsonBody
from shared.http.responses import json_response
from shared.wire.humanloop.columns import update_columns
from shared.wire.humanloop.decorator_spans import FlowEnd, log_of
from shared.wire.humanloop.prompt_log import parse_update
from shared.wire.otel import json_form
from shared.wire.otel.spans import Rejected, Span, identity_columns, span_columns

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.ingest_gateway.gateway import Gateway
    from services.ingest_gateway.humanloop.file_logs import AcceptedLog, FileLogs
    from services.ingest_gateway.humanloop.log_kinds import LogKind
    from shared.records import Columns

API: Final = "humanloop"

_KINDS: Final[dict[str, LogKind]] = {"prompt": PROMPT_LOGS, "tool": TOOL_LOGS, "flow": FLOW_LOGS}


def routes(gateway: Gateway, file_logs: FileLogs) -> list[Route]:
    """The route for spans of decorators."""

    async def import_spans(request: Request) -> Response:
        """Keep the log that each span has, and all other spans as they are; `records` has the ids of the logs.

        The body is OTLP's JSON whatever its content type says. When a log is wrong nothing is kept: clients send one
        span at a time, and show what the answer says.
        """
        workspace = gateway.authenticate(request).workspace
        body = await read_json_object(request)
        check_count(gateway, json_form.count(body.value))
        imported = _Import(gateway, file_logs, workspace, repaired=body.repaired)
        turns = Turns()
        for number, span in enumerate(json_form.spans(body.value)):
            await imported.accept(number, span)
            await turns.give()
        await imported.append()
        answer: dict[str, Any] = {"records": [imported.records[number] for number in sorted(imported.records)]}
        if imported.rejected:
            answer |= json_form.response(len(imported.rejected), "; ".join(dict.fromkeys(imported.rejected)))
        return json_response(200, answer)

    return [Route("/v5/import/otel/v1/traces", import_spans, methods=["POST"])]


class _Import:
    """The spans of one request. After `append`, `records` has the public id of the log of each that has one."""

    def __init__(self, gateway: Gateway, file_logs: FileLogs, workspace: str, *, repaired: bool) -> None:
        self.records: dict[int, str] = {}
        self.rejected: list[str] = []
        self._intake = gateway.intake
        self._file_logs = file_logs
        self._workspace = workspace
        self._repaired = repaired
        self._logs = Batch(gateway.intake, workspace, home=0)  # each has a fingerprint, so none goes home
        self._spans = new_batch(gateway, workspace, API)
        self._accepted: dict[int, AcceptedLog] = {}
        self._ends: list[tuple[str, Columns]] = []

    async def accept(self, number: int, span: Span | Rejected) -> None:
        """Check a span, and find or make the file of its log. Raises what `FileLogs.accept` does."""
        if isinstance(span, Rejected):
            self._reject(span.reason)
            return
        found = log_of(span)
        if found is None:
            self._spans.add(number, span, span_columns(span, repaired=self._repaired))
        elif isinstance(found, FlowEnd):
            if len(found.log_id) > MAX_EXTERNAL_ID_CHARACTERS:
                self._reject(f"humanloop.log.id: must have at most {MAX_EXTERNAL_ID_CHARACTERS} characters")
                return
            self._ends.append((found.log_id, self._update(found)))
            self.records[number] = found.log_id
        else:
            accepted = await self._file_logs.accept(
                self._workspace, JsonBody(found.body, self._repaired), kind=_KINDS[found.kind]
            )
            columns = accepted.columns
            if found.kind == "prompt" and columns.get("save") != 0:
                # What an instrumentation said of a call is more than a log of a prompt has.
                columns["span"] = identity_columns(span)["span"]
            fingerprint = span_fingerprint(self._workspace, API, span.trace_id, span.span_id)
            self._logs.add(number, columns, external_id=accepted.log_id, fingerprint=fingerprint)
            self._accepted[number] = accepted

    async def append(self) -> None:
        """Append all. Raises TooLarge, and Unavailable when a part could not be kept: what was kept is known again."""
        await asyncio.gather(
            self._logs.append(),
            self._spans.append(),
            *(self._intake.patch(self._workspace, log_id, columns) for log_id, columns in self._ends),
        )
        for error in (*self._logs.errors.values(), *self._spans.too_large.values()):
            raise error
        for number, log_id in self._logs.ids.items():
            accepted = self._accepted[number]
            self._file_logs.appended(self._workspace, accepted)
            self.records[number] = accepted.log_id or ids.to_text(log_id)
        SPANS.labels("kept").inc(len(self.records))

    def _reject(self, reason: str) -> None:
        self.rejected.append(reason)
        SPANS.labels("rejected").inc()

    def _update(self, end: FlowEnd) -> Columns:
        columns = update_columns(parse_update(end.body), save=True)
        if self._repaired:
            columns["repaired"] = 1
        return columns
