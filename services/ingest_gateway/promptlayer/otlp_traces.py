"""`POST /v1/traces`: spans by OTLP over HTTP, in protobuf or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from services.ingest_gateway.promptlayer.spans_bulk import API, log_columns
from services.ingest_gateway.span_batch import SPANS, check_count, new_batch
from services.ingest_gateway.turns import Turns
from shared.errors import UnsupportedMediaType
from shared.http.bodies import parse_json_object, read_body
from shared.http.headers import header
from shared.http.responses import ERROR_FORM_KEY, json_response
from shared.wire.otel import errors, json_form, protobuf
from shared.wire.otel.genai import call_of
from shared.wire.otel.spans import Rejected, Span, span_columns
from shared.wire.promptlayer.span_requests import call_columns, is_logged_apart, request_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

    from services.ingest_gateway.gateway import Gateway
    from shared.records import Columns

PATH: Final = "/v1/traces"

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_REASONS: Final = 5
"""Of rejections, that an answer tells."""


def routes(gateway: Gateway) -> list[Route]:
    """The OTLP route."""

    async def otlp_traces(request: Request) -> Response:
        """Keep the spans of a request; a call of a model becomes a log.

        As OTLP has it: 200 with the number of rejected spans when some are not valid, an error when the body is not
        readable or nothing could be kept for now, told in the encoding of the request. After a 503 some spans may be
        kept: they are known when they come again. `close_after` changes nothing: a span that comes late is worth
        keeping.
        """
        media_type = (header(request, b"content-type") or "").partition(";")[0].strip().lower()
        request.scope[ERROR_FORM_KEY] = _error_in_protobuf if media_type == _PROTOBUF else _error_in_json
        workspace = gateway.authenticate(request).workspace
        if media_type not in {_PROTOBUF, _JSON}:
            raise UnsupportedMediaType(
                f"content-type {media_type[:40]!r} is not supported; send {_PROTOBUF} or {_JSON}"
            )
        raw = await read_body(request)
        export = _Export(gateway, workspace)
        if media_type == _PROTOBUF:
            message = protobuf.parse(raw)
            check_count(gateway, protobuf.count(message))
            await export.keep(protobuf.spans(message), repaired=False)
            return Response(protobuf.response(*export.outcome()), media_type=_PROTOBUF)
        body = parse_json_object(raw)
        check_count(gateway, json_form.count(body.value))
        await export.keep(json_form.spans(body.value), repaired=body.repaired)
        return json_response(200, json_form.response(*export.outcome()))

    return [Route(PATH, otlp_traces, methods=["POST"])]


def _error_in_protobuf(status: int, envelope: dict[str, Any], headers: Mapping[str, str]) -> Response:
    said = errors.status_message(status, envelope["message"])
    return Response(said, errors.http_status(status), headers, media_type=_PROTOBUF)


def _error_in_json(status: int, envelope: dict[str, Any], headers: Mapping[str, str]) -> Response:
    return json_response(errors.http_status(status), {**envelope, "code": errors.rpc_code(status)}, headers)


class _Export:
    """The spans of one request."""

    def __init__(self, gateway: Gateway, workspace: str) -> None:
        self._gateway = gateway
        self._workspace = workspace
        self._rejected = 0
        self._reasons: dict[str, None] = {}

    async def keep(self, spans: Iterable[Span | Rejected], *, repaired: bool) -> None:
        """Append all that are valid. Raises what `SpanBatch` does."""
        batch = new_batch(self._gateway, self._workspace, API)
        turns = Turns()
        for number, span in enumerate(spans):
            if isinstance(span, Rejected):
                self._reject(span.reason)
            else:
                batch.add(number, span, self._columns(span, repaired=repaired))
            await turns.give()
        await batch.append()
        for error in batch.too_large.values():
            self._reject(error.message)

    def outcome(self) -> tuple[int, str]:
        """How many spans were rejected, and why."""
        return self._rejected, "; ".join(self._reasons)

    def _reject(self, reason: str) -> None:
        self._rejected += 1
        SPANS.labels("rejected").inc()
        if len(self._reasons) < _REASONS:
            self._reasons[reason] = None

    def _columns(self, span: Span, *, repaired: bool) -> Columns:
        call = None if is_logged_apart(span) else call_of(span)
        if call is not None:
            log = request_of(span, call)
            columns = log_columns(self._gateway, self._workspace, log, call_columns(span, call, log, repaired=repaired))
            if columns is not None:
                return columns
        return span_columns(span, repaired=repaired)
