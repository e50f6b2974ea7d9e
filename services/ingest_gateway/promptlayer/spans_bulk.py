"""`POST /spans-bulk`: spans of traces, each with the log of a request or without."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from services.ingest_gateway.promptlayer.template_links import check_prompt, link
from services.ingest_gateway.span_batch import check_count, new_batch
from services.ingest_gateway.turns import Turns
from shared.errors import NotFound
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.wire.otel.spans import span_columns
from shared.wire.pricing import add_price
from shared.wire.promptlayer.span_columns import request_span_columns
from shared.wire.promptlayer.spans_bulk import parse_spans_bulk, span_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.ingest_gateway.gateway import Gateway
    from shared.records import Columns
    from shared.wire.promptlayer.log_request import LogRequest

API: Final = "promptlayer"
"""Within which a span is known again, whichever of the routes it comes by."""


def routes(gateway: Gateway) -> list[Route]:
    """The route for spans as PromptLayer's clients without OTLP send them."""

    async def spans_bulk(request: Request) -> Response:
        """Keep all spans of the body, or none when one is wrong.

        After a 503 some of them may be kept: those are known when the body is sent again. A log of a request and its
        span are one log with one id. A log that names a prompt that must be known, and is not, is left out.
        """
        workspace = gateway.authenticate(request).workspace
        body = await read_json_object(request)
        check_count(gateway, len(spans) if isinstance(spans := body.value.get("spans"), list) else 0)
        sent = parse_spans_bulk(body.value)
        batch = new_batch(gateway, workspace, API)
        turns = Turns()
        logs: list[int] = []
        answers: list[dict[str, Any]] = []
        for number, each in enumerate(sent.spans):
            span = span_of(each)
            columns = None
            if each.log_request is not None:
                log = each.log_request
                columns = request_span_columns(span, log, repaired=body.repaired)
                columns = log_columns(gateway, workspace, log, columns)
            if columns is not None:
                logs.append(number)
            batch.add(number, span, columns or span_columns(span, repaired=body.repaired))
            answers.append({"id": None, "name": span.name, "span_id": span.span_id})
            await turns.give()
        await batch.append()
        for error in batch.too_large.values():
            raise error
        for number, answer in enumerate(answers):
            answer["id"] = batch.ids[number]
        request_logs = [{"id": answers[number]["id"], "span_id": answers[number]["span_id"]} for number in logs]
        return json_response(201, {"success": True, "spans": answers, "request_logs": request_logs})

    return [Route("/spans-bulk", spans_bulk, methods=["POST"])]


def log_columns(gateway: Gateway, workspace: str, log: LogRequest, columns: Columns) -> Columns | None:
    """The columns of the log of a span, with a price; None when it names a prompt that must be known, and is not."""
    try:
        check_prompt(gateway, workspace, log.prompt_name)
    except NotFound:
        return None
    link(gateway.backends.registry.state, workspace, columns)
    add_price(columns, datetime.now(UTC))
    return columns
