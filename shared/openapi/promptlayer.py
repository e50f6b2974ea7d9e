"""PromptLayer's routes. Requests in examples are what its Python client sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.openapi.operation import Answer, Body, Json, Operation
from shared.wire.promptlayer.log_request import LogRequest
from shared.wire.promptlayer.search import SearchRequest
from shared.wire.promptlayer.suggestions import SuggestionsQuery
from shared.wire.promptlayer.track_request import TrackRequest
from shared.wire.promptlayer.tracking import TrackedGroup, TrackedMetadata, TrackedPrompt, TrackedScore

if TYPE_CHECKING:
    from pydantic import BaseModel

TAG: Final = "PromptLayer"

_LOG_ID: Final = 266647145286120
_TIMES: Final = {"request_start_time": "2026-01-31T12:00:00Z", "request_end_time": "2026-01-31T12:00:01Z"}
_MESSAGES: Final = {
    "input": {"type": "chat", "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello?"}]}]},
    "output": {"type": "chat", "messages": [{"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]}]},
}
_LOG: Final[Json] = {
    "provider": "openai",
    "model": "gpt-4o",
    **_MESSAGES,
    **_TIMES,
    "parameters": {"temperature": 0.7},
    "tags": ["support"],
    "metadata": {"user": "ada"},
    "input_tokens": 8,
    "output_tokens": 2,
    "price": 0.00004,
}
_TRACKED: Final[Json] = {
    "function_name": "openai.chat.completions.create",
    "provider_type": "openai",
    "args": [],
    "kwargs": {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello?"}]},
    "request_response": {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}}]},
    "request_start_time": 1769860800.0,
    "request_end_time": 1769860801.0,
    "tags": ["support"],
}
_SEARCH: Final[Json] = {
    "q": "hello",
    "filter_group": {"logic": "AND", "filters": [{"field": "tags", "operator": "contains", "value": "support"}]},
    "per_page": 10,
}
_DONE: Final[Json] = {"success": True, "message": "Tracked"}


def _track(path: str, model: type[BaseModel], summary: str, fields: Json) -> Operation:
    example = {"request_id": _LOG_ID, **fields}
    answers = {200: Answer("It is so for every later read.", example=_DONE)}
    return Operation("POST", path, TAG, summary, "ingest", answers, Body(model, example), key_in_body=True)


def _twins(name: str, model: type[BaseModel], summary: str, fields: Json) -> list[Operation]:
    first = f"/track-{name}" if name == "group" else f"/library-track-{name}"
    return [_track(path, model, summary, fields) for path in (first, f"/rest/track-{name}")]


def _created(text: str) -> dict[int, Answer]:
    example: dict[str, Any] = {"id": _LOG_ID, "request_id": _LOG_ID, "status": "SUCCESS"}
    return {201: Answer(text, example=example)}


OPERATIONS: Final = (
    Operation(
        "POST",
        "/log-request",
        TAG,
        "Log a request to a model and what it answered",
        "ingest",
        _created("The log is durable, and its id works everywhere from now on."),
        Body(LogRequest, _LOG),
    ),
    *(
        Operation(
            "POST",
            path,
            TAG,
            "Log a call as the provider's client made it",
            "ingest",
            {200: Answer("The log is durable.", example={"success": True, "request_id": _LOG_ID})},
            Body(TrackRequest, _TRACKED),
            key_in_body=True,
        )
        for path in ("/track-request", "/rest/track-request")
    ),
    *_twins("metadata", TrackedMetadata, "Add metadata to a log", {"metadata": {"user": "ada"}}),
    *_twins("score", TrackedScore, "Score a log", {"score": 90, "name": "helpful"}),
    *_twins("prompt", TrackedPrompt, "Say which prompt a log was made from", {"prompt_name": "greeting"}),
    *_twins("group", TrackedGroup, "Put a log into a group", {"group_id": 266647145286121}),
    Operation(
        "POST",
        "/create-group",
        TAG,
        "Make a group of logs",
        "ingest",
        {200: Answer("The group's id.", example={"success": True, "id": 266647145286121})},
        Body(schema={"type": "object"}, example={}, required=False),
        key_in_body=True,
    ),
    *(
        Operation(
            "GET",
            path,
            TAG,
            "Read a log by its id",
            "read",
            {200: Answer("The log, with its Prompt Blueprint.", example={"success": True, "request_id": _LOG_ID})},
        )
        for path in ("/api/public/v2/requests/{request_id}", "/api/public/v2/request/{request_id}")
    ),
    Operation(
        "POST",
        "/api/public/v2/requests/search",
        TAG,
        "Find logs by filters and words, sorted and in pages",
        "read",
        {200: Answer("A page of logs.", example={"success": True, "items": [], "page": 1, "per_page": 10, "total": 0})},
        Body(SearchRequest, _SEARCH, required=False),
    ),
    Operation(
        "GET",
        "/api/public/v2/requests/suggestions",
        TAG,
        "Complete a value of a filter",
        "read",
        {
            200: Answer(
                "Values of the newest logs, the commonest first.", example={"success": True, "values": ["gpt-4o"]}
            )
        },
        query=SuggestionsQuery,
    ),
)
