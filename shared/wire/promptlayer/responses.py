"""What the PromptLayer routes answer about a log: right after it was accepted, and as read from the store."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from shared.records import HUMANLOOP_PROMPT_LOG, iso_time, json_value, metadata_value
from shared.wire.promptlayer.blueprint import blueprint

if TYPE_CHECKING:
    from shared.store.base import Row
    from shared.wire.promptlayer.log_request import LogRequest

_MILLISECOND: Final = timedelta(milliseconds=1)


def created(log_id: int, request: LogRequest) -> dict[str, Any]:
    """The answer to `POST /log-request`. The id has two names: clients' types say `id`, a docs page `request_id`."""
    return {
        "id": log_id,
        "request_id": log_id,
        "prompt_version": _blueprint_of(request),
        "status": request.status,
        "error_type": request.error_type,
        "error_message": request.error_message,
    }


def tracked(log_id: int, request: LogRequest | None) -> dict[str, Any]:
    """The answer to `POST /track-request`, with the blueprint of the call for a client that asked for it."""
    return {
        "success": True,
        "request_id": log_id,
        "prompt_blueprint": None if request is None else _blueprint_of(request),
        "message": "Request tracked successfully",
    }


def request(log: Row, payload: Row) -> dict[str, Any]:
    """The answer to `GET /api/public/v2/requests/{id}`, from a row of each table.

    Beside the documented keys it has the exact originals of what was logged. A Humanloop log can be read here too: its
    messages are the input, its output message (or text) the output.
    """
    parameters = json_value(payload["parameters"]) or {}
    input, output = _templates(log, payload)
    answer = {
        "success": True,
        "prompt_blueprint": blueprint(
            provider=log["provider"],
            model=log["model"],
            parameters=parameters,
            input=input,
            output=output,
            api_type=log["api_type"],
        ),
        "request_id": log["id"],
        "provider": log["provider"],
        "model": log["model"],
        "input_tokens": log["input_tokens"],
        "output_tokens": log["output_tokens"],
        "tokens": _sum(log["input_tokens"], log["output_tokens"]),
        "price": price_of(log),
        "request_start_time": iso_time(log["started_at"]),
        "request_end_time": iso_time(log["ended_at"]),
        "latency_ms": latency_ms(log["started_at"], log["ended_at"]),
        "trace_id": log["trace_id"] or None,
        "span_id": log["span_id"] or None,
        "group_id": log["group_id"],
        "created_at": iso_time(log["created_at"]),
        "input": input,
        "output": output,
        "parameters": parameters,
        "tags": log["tags"],
        "metadata": metadata_value(log) or {},
        "scores": [{"name": name, "value": value} for name, value in log["scores"].items()],
        "status": log["status"] or ("SUCCESS" if log["error"] is None else "ERROR"),
        "error_type": log["error_type"],
        "error_message": log["error"],
        "api_type": log["api_type"],
        "function_name": log["function_name"],
        "prompt_id": prompt_id(log["prompt_id"]),
        "prompt_name": log["prompt_name"] or None,
        "prompt_version_number": log["prompt_version_number"],
        "prompt_label": log["prompt_label"] or None,
        "prompt_input_variables": json_value(payload["variables"]) or {},
    }
    for name in ("provider_request", "provider_response"):
        if payload[name]:
            answer[name] = json_value(payload[name])
    if log["price_estimated"]:
        answer["price_estimated"] = True
    if log["repaired"]:
        answer["repaired"] = True
    if log["duplicate_of"]:
        answer["duplicate_of"] = log["duplicate_of"]
    return answer


def _blueprint_of(request: LogRequest) -> dict[str, Any]:
    return blueprint(
        provider=request.provider,
        model=request.model,
        parameters=request.parameters,
        input=request.input,
        output=request.output,
        api_type=request.api_type,
    )


def _templates(log: Row, payload: Row) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    input, output = json_value(payload["input"]), json_value(payload["output"])
    if log["type"] != HUMANLOOP_PROMPT_LOG:
        return input, output
    text = payload["output_text"]
    if output is None and text is not None:
        output = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    return _chat(input or []), None if output is None else _chat([output])


def _chat(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "chat", "messages": messages}


def _sum(*numbers: float | None) -> float | None:
    given = [number for number in numbers if number is not None]
    return sum(given) if given else None


def price_of(log: Row) -> float | None:
    """What a log cost: its price, else the sum of its costs."""
    return _sum(log["input_cost"], log["output_cost"]) if log["price"] is None else log["price"]


def latency_ms(started_at: str | None, ended_at: str | None) -> float | None:
    """Milliseconds between two stored times."""
    if started_at is None or ended_at is None:
        return None
    return (datetime.fromisoformat(ended_at) - datetime.fromisoformat(started_at)) / _MILLISECOND


def prompt_id(stored: str) -> int | str | None:
    """A prompt id as it was given: PromptLayer's are integers; the store keeps them as text, beside Humanloop's."""
    return int(stored) if stored.removeprefix("-").isdecimal() else stored or None
