"""Sluice's own routes."""

from __future__ import annotations

import json
from typing import Final

from shared.openapi.operation import Answer, Body, Json, Operation
from shared.wire.purge import PurgeRequest
from shared.wire.sql import FORMATS, Format, SqlRequest

TAG: Final = "Sluice"

_ITEMS: Final[list[Json]] = [
    {
        "type": "promptlayer.request",
        "provider": "openai",
        "model": "gpt-4o",
        "input": {"type": "completion", "content": [{"type": "text", "text": "Hello"}]},
        "output": None,
        "request_start_time": 1769860800,
        "request_end_time": 1769860801,
    },
    {"type": "humanloop.prompt_log", "path": "greeting", "prompt": {"model": "gpt-4o"}, "output": "Hello!"},
]
_LINES: Final = "".join(json.dumps(item) + "\n" for item in _ITEMS)
_STORED: Final[Json] = {
    "stored": 2,
    "failed": 0,
    "results": [{"id": 266647145286120}, {"id": "log_07kgr1yzq2h8m"}],
}

_COUNTED: Final[Json] = {
    "success": True,
    "columns": [{"name": "model", "type": "String"}, {"name": "logs", "type": "UInt64"}],
    "rows": [{"model": "gpt-4o", "logs": 17}],
    "row_count": 1,
}

OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1/logs",
        TAG,
        "Log thousands of requests at once, as NDJSON or a JSON array",
        "ingest",
        {
            200: Answer(
                "For each item in order its id, or its error; good ones are stored beside bad ones.", example=_STORED
            )
        },
        Body(
            schema={"type": "array", "items": {"type": "object"}},
            example=_ITEMS,
            other=Body(schema={"type": "string"}, example=_LINES, media_type="application/x-ndjson"),
        ),
        query={"type": {"type": "string", "description": "Of items that say none."}},
    ),
    Operation(
        "POST",
        "/v1/purge",
        TAG,
        "Delete logs, and take them off the store's disks",
        "admin",
        {200: Answer("How many logs that were.")},
        Body(PurgeRequest, {"workspace": "default", "user": "ada", "dry_run": True}),
    ),
    Operation(
        "POST",
        "/v1/sql",
        TAG,
        "Ask with SQL: one SELECT over the logs of the key's workspace",
        "read",
        {
            200: Answer(
                "The rows, with the names and types of their columns; or a file.",
                example=_COUNTED,
                binary_media_types=tuple(FORMATS[each].media_type for each in Format if each is not Format.JSON),
            )
        },
        Body(SqlRequest, {"query": "SELECT model, count() AS logs FROM log_records GROUP BY model"}),
        query={"format": {"type": "string", "enum": list(Format), "description": "Else by the header Accept."}},
    ),
    Operation("GET", "/healthz", TAG, "Whether the process lives", None, {200: Answer("It does.")}),
    Operation("GET", "/readyz", TAG, "Whether the process can do its work", None, {200: Answer("It can.")}),
    Operation(
        "GET",
        "/metrics",
        TAG,
        "Metrics for Prometheus",
        None,
        {200: Answer("All metrics.", schema={"type": "string"}, media_type="text/plain")},
    ),
    Operation("GET", "/openapi.json", TAG, "This description, for programs", None, {200: Answer("OpenAPI 3.1.")}),
    Operation(
        "GET",
        "/docs",
        TAG,
        "This description, for people",
        None,
        {200: Answer("A page.", schema={"type": "string"}, media_type="text/html")},
    ),
)
