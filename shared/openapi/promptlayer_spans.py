"""PromptLayer's spans and traces."""

from __future__ import annotations

from typing import Final

from shared.openapi.operation import BINARY, OBJECT, Answer, Body, Json, Operation
from shared.openapi.promptlayer import TAG
from shared.wire.promptlayer.spans_bulk import SpansBulk

_TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
_SPAN: Final = "b7ad6b7169203331"
_SPANS: Final[Json] = {
    "spans": [
        {
            "name": "answer",
            "context": {"trace_id": _TRACE, "span_id": _SPAN, "trace_state": ""},
            "kind": "SpanKind.INTERNAL",
            "parent_id": None,
            "start_time": 1769860800000000000,
            "end_time": 1769860801000000000,
            "status": {"status_code": "StatusCode.OK", "description": None},
            "attributes": {"step": 1},
            "events": [],
            "links": [],
            "resource": {"attributes": {"service.name": "support"}, "schema_url": ""},
        }
    ]
}
_OTLP: Final[Json] = {
    "resourceSpans": [
        {
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": _TRACE,
                            "spanId": _SPAN,
                            "name": "answer",
                            "startTimeUnixNano": "1769860800000000000",
                            "endTimeUnixNano": "1769860801000000000",
                        }
                    ]
                }
            ]
        }
    ]
}
_PROTOBUF: Final = "application/x-protobuf"

OPERATIONS: Final = (
    Operation(
        "POST",
        "/spans-bulk",
        TAG,
        "Keep spans of traces, with the logs that belong to them",
        "ingest",
        {201: Answer("The ids that spans and logs were given.")},
        Body(SpansBulk, _SPANS),
    ),
    Operation(
        "POST",
        "/v1/traces",
        TAG,
        "Keep spans by OTLP; calls of models become logs",
        "ingest",
        {200: Answer("An `ExportTraceServiceResponse`, in the form of the request.", binary_media_types=(_PROTOBUF,))},
        Body(schema=OBJECT, example=_OTLP, other=Body(schema=BINARY, media_type=_PROTOBUF)),
        status_media_type=_PROTOBUF,
    ),
    Operation(
        "GET",
        "/api/public/v2/traces/{trace_id}",
        TAG,
        "Read the spans of a trace",
        "read",
        {200: Answer("All that were acknowledged, by their starts.")},
    ),
)
