"""Humanloop's routes."""

from __future__ import annotations

from typing import Final

from shared.openapi.operation import OBJECT, Answer, Body, Json, Operation
from shared.wire.humanloop.file_logs import EvaluatorLogRequest, FlowLogRequest, FlowLogUpdate, ToolLogRequest
from shared.wire.humanloop.log_list import LogListQuery
from shared.wire.humanloop.prompt_log import PromptLogRequest, PromptLogUpdate

TAG: Final = "Humanloop"

_LOG: Final[Json] = {
    "path": "support/answer",
    "prompt": {"model": "gpt-4o", "template": [{"role": "system", "content": "Answer {{name}}."}]},
    "messages": [{"role": "user", "content": "Hello?"}],
    "output": "Hello!",
    "inputs": {"name": "Ada"},
    "prompt_tokens": 8,
    "output_tokens": 2,
    "start_time": "2026-01-31T12:00:00Z",
    "end_time": "2026-01-31T12:00:01Z",
}
_CREATED: Final[Json] = {
    "id": "log_07kgr1yzq2h8m",
    "prompt_id": "pr_000000000000a",
    "version_id": "prv_0f3b1c",
    "session_id": None,
}

_TOOL: Final[Json] = {
    "path": "support/weather",
    "tool": {"function": {"name": "weather", "description": "Tell the weather.", "parameters": {"type": "object"}}},
    "inputs": {"city": "Paris"},
    "output": "rain",
    "trace_parent_id": "log_07kgr1yzq2h",
}
_FLOW: Final[Json] = {
    "path": "support/conversation",
    "flow": {"attributes": {"version": "v1"}},
    "inputs": {"question": "Will it rain?"},
    "log_status": "incomplete",
}
_VERDICT: Final[Json] = {"path": "support/rating", "parent_id": "log_07kgr1yzq2h8m", "judgment": "good"}
_SPAN: Final[Json] = {
    "traceId": "Rr9ScNmiRdiuHnQOzCV+6A==",
    "spanId": "00dYGmQDBys=",
    "name": "humanloop.tool",
    "startTimeUnixNano": "1769860800000000000",
    "endTimeUnixNano": "1769860801000000000",
    "attributes": [
        {"key": "humanloop.file.type", "value": {"stringValue": "tool"}},
        {"key": "humanloop.file.path", "value": {"stringValue": "support/weather"}},
        {"key": "humanloop.log.inputs.city", "value": {"stringValue": "Paris"}},
        {"key": "humanloop.log.output", "value": {"stringValue": "rain"}},
    ],
}
_SPANS: Final[Json] = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "humanloop.sdk"}, "spans": [_SPAN]}]}]}

OPERATIONS: Final = (
    Operation(
        "POST",
        "/v5/prompts/log",
        TAG,
        "Log what a prompt was asked and answered",
        "ingest",
        {200: Answer("The log is durable; the prompt and its version were made if they were new.", example=_CREATED)},
        Body(PromptLogRequest, _LOG),
    ),
    Operation(
        "POST",
        "/v5/tools/log",
        TAG,
        "Log a call of a tool",
        "ingest",
        {200: Answer("The log is durable; the tool and its version were made if they were new.")},
        Body(ToolLogRequest, _TOOL),
    ),
    Operation(
        "POST",
        "/v5/flows/log",
        TAG,
        "Log a flow, below which other logs can be nested",
        "ingest",
        {200: Answer("The log is durable; the flow and its version were made if they were new.")},
        Body(FlowLogRequest, _FLOW),
    ),
    Operation(
        "POST",
        "/v5/evaluators/log",
        TAG,
        "Log what an evaluator, or a person, thinks of another log",
        "ingest",
        {200: Answer("The log is durable; the evaluator and its version were made if they were new.")},
        Body(EvaluatorLogRequest, _VERDICT),
    ),
    Operation(
        "POST",
        "/v5/import/otel/v1/traces",
        TAG,
        "Keep the logs that decorators of Humanloop's clients write into spans",
        "ingest",
        {200: Answer("The ids of the logs, in the order of the spans.", example={"records": ["log_07kgr1yzq2h"]})},
        Body(schema=OBJECT, example=_SPANS),
    ),
    Operation(
        "PATCH",
        "/v5/prompts/{id}/log/{log_id}",
        TAG,
        "Change a log of a prompt",
        "ingest",
        {200: Answer("The log as it is stored now.")},
        Body(PromptLogUpdate, {"output": "Hello, Ada!"}),
    ),
    Operation(
        "PATCH",
        "/v5/tools/{id}/log/{log_id}",
        TAG,
        "Change a log of a tool",
        "ingest",
        {200: Answer("The log as it is stored now.")},
        Body(PromptLogUpdate, {"output": "sun"}),
    ),
    Operation(
        "PATCH",
        "/v5/flows/logs/{log_id}",
        TAG,
        "Change or end a log of a flow",
        "ingest",
        {200: Answer("The log as it is stored now.")},
        Body(FlowLogUpdate, {"output": "Rain.", "log_status": "complete"}),
    ),
    Operation(
        "GET",
        "/v5/logs/{id}",
        TAG,
        "Read a log by its id, ours or the client's",
        "read",
        {200: Answer("The log, with the logs of evaluators that judged it.")},
    ),
    Operation(
        "GET",
        "/v5/logs",
        TAG,
        "List the logs of a file, newest first",
        "read",
        {200: Answer("A page of logs; one beyond the end is empty.")},
        query=LogListQuery,
    ),
    Operation(
        "DELETE",
        "/v5/logs",
        TAG,
        "Delete logs",
        "ingest",
        {204: Answer("No read finds them any more.", schema=None)},
        query={"id": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
    ),
)
