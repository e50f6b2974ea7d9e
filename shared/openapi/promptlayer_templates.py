"""PromptLayer's prompt templates, spans and traces."""

from __future__ import annotations

from typing import Final

from shared.openapi.operation import BINARY, OBJECT, Answer, Body, Json, Operation
from shared.openapi.promptlayer import TAG
from shared.wire.promptlayer.spans_bulk import SpansBulk
from shared.wire.promptlayer.templates import (
    LabelMove,
    NewLabel,
    Publication,
    RawTemplateQuery,
    TemplateListQuery,
    TemplateRequest,
)

_TEMPLATE: Final[Json] = {
    "type": "chat",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello, I am {name}."}]}],
}
_PUBLICATION: Final[Json] = {
    "prompt_template": {"prompt_name": "greeting", "tags": ["support"]},
    "prompt_version": {"prompt_template": _TEMPLATE, "commit_message": "Shorter"},
    "release_labels": ["prod"],
}
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
_ONE: Final = "/prompt-templates/{identifier}"
_LABEL: Final = "/prompt-labels/{label_id}"

_PROTOBUF: Final = "application/x-protobuf"

OPERATIONS: Final = (
    Operation(
        "POST",
        "/rest/prompt-templates",
        TAG,
        "Publish a version of a prompt template",
        "ingest",
        {201: Answer("The version; what is the same as the newest one is that one.")},
        Body(Publication, _PUBLICATION),
    ),
    Operation(
        "GET",
        "/prompt-templates",
        TAG,
        "List prompt templates, newest first",
        "read",
        {200: Answer("A page.")},
        query=TemplateListQuery,
    ),
    Operation(
        "GET",
        _ONE,
        TAG,
        "Read a prompt template as it was published",
        "read",
        {200: Answer("A version of it.")},
        query=RawTemplateQuery,
    ),
    Operation(
        "POST",
        _ONE,
        TAG,
        "Read a prompt template, filled in and in the words of its model's provider",
        "read",
        {200: Answer("A version of it.")},
        Body(TemplateRequest, {"label": "prod", "input_variables": {"name": "Ada"}}, required=False),
    ),
    Operation(
        "GET",
        f"{_ONE}/labels",
        TAG,
        "List the release labels of a prompt template",
        "read",
        {200: Answer("All of them.")},
    ),
    Operation(
        "POST",
        "/prompts/{identifier}/label",
        TAG,
        "Have a release label at a version",
        "admin",
        {200: Answer("The label, made or moved.")},
        Body(NewLabel, {"name": "prod", "prompt_version_number": 2}),
    ),
    Operation(
        "PATCH",
        _LABEL,
        TAG,
        "Move a release label to another version",
        "admin",
        {200: Answer("The label.")},
        Body(LabelMove, {"prompt_version_number": 1}),
    ),
    Operation("DELETE", _LABEL, TAG, "End a release label", "admin", {204: Answer("It is gone.", schema=None)}),
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
        {200: Answer("An `ExportTraceServiceResponse`, in the form of the request.", binary_media_type=_PROTOBUF)},
        Body(schema=OBJECT, example=_OTLP, other=Body(schema=BINARY, media_type=_PROTOBUF)),
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
