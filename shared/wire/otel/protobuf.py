"""Spans in OTLP's binary form (protobuf)."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from shared.errors import BadRequest
from shared.wire.otel.spans import KINDS, MAX_NS, STATUSES, Json, Rejected, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1 import trace_pb2

_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8


def parse(body: bytes) -> ExportTraceServiceRequest:
    """The request in a body. Raises BadRequest for what is not one."""
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError:
        raise BadRequest("body: is not an ExportTraceServiceRequest in protobuf") from None
    return request


def count(request: ExportTraceServiceRequest) -> int:
    """How many spans a request has."""
    return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)


def spans(request: ExportTraceServiceRequest) -> Iterator[Span | Rejected]:
    """The spans of a request, in order."""
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope = _named(name=scope_spans.scope.name, version=scope_spans.scope.version)
            for span in scope_spans.spans:
                yield _span(span, resource, scope)


def response(rejected: int, message: str) -> bytes:
    """The answer to a request: empty when all spans were kept."""
    answer = ExportTraceServiceResponse()
    if rejected or message:
        answer.partial_success.rejected_spans = rejected
        answer.partial_success.error_message = message
    return answer.SerializeToString()


def _span(span: trace_pb2.Span, resource: Json, scope: Json) -> Span | Rejected:
    if len(span.trace_id) != _TRACE_ID_BYTES or not any(span.trace_id):
        return Rejected("trace_id: must be 16 bytes that are not all zero")
    if len(span.span_id) != _SPAN_ID_BYTES or not any(span.span_id):
        return Rejected("span_id: must be 8 bytes that are not all zero")
    if max(span.start_time_unix_nano, span.end_time_unix_nano) > MAX_NS:
        return Rejected("start_time_unix_nano and end_time_unix_nano: must be before the year 2262")
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() if any(span.parent_span_id) else None,
        name=span.name,
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        kind=KINDS[span.kind] if 0 <= span.kind < len(KINDS) else KINDS[0],
        status=STATUSES[span.status.code] if 0 <= span.status.code < len(STATUSES) else "UNSET",
        status_message=span.status.message,
        trace_state=span.trace_state,
        attributes=_attributes(span.attributes),
        events=[
            {
                "name": event.name,
                "time_unix_nano": event.time_unix_nano,
                "attributes": _attributes(event.attributes),
            }
            for event in span.events
        ],
        links=[
            {
                "trace_id": link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                "attributes": _attributes(link.attributes),
            }
            for link in span.links
        ],
        resource=resource,
        scope=scope,
    )


def _named(**values: str) -> Json:
    return {name: value for name, value in values.items() if value}


def _attributes(pairs: Iterable[KeyValue]) -> Json:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    match kind:
        case None:
            return None
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "double_value":
            number = value.double_value
            return number if math.isfinite(number) else str(number)
        case _:
            return getattr(value, kind)
