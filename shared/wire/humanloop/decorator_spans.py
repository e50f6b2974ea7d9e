"""Logs in the spans of Humanloop's decorators: `@tool` and `@prompt` make one, `@flow` ends one.

A decorator writes its log and its file into attributes: `humanloop.log.inputs.a`, `humanloop.file.function.name`. The
calls inside `@prompt` are spans of an instrumentation, which have the call itself as the semantic conventions have it.
Every value is sent as text, as `str` or `toString` makes it, and what is empty is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shared.wire.otel.dotted import lists_of, put, texts_of
from shared.wire.otel.genai import call_of
from shared.wire.otel.spans import Span, error_text, moment_text

if TYPE_CHECKING:
    from shared.wire.otel.genai import GenAiCall

Json = dict[str, Any]

_PREFIX: Final = "humanloop."

_LOG_FIELDS: Final = (
    *("inputs", "output", "output_message", "messages", "error", "log_status", "trace_parent_id"),
    *("source_datapoint_id", "run_id", "metadata", "user", "environment", "source", "save", "log_id"),
)
_UPDATE_FIELDS: Final = ("inputs", "output", "output_message", "messages", "error", "log_status")
"""What attributes may say of a log, and of the end of one that is there."""

_TIMES: Final = ("start_time", "end_time")

_FLAGS: Final = frozenset({"strict", "additionalProperties", "nullable", "uniqueItems"})
"""Of a tool's function and the JSON schema of its parameters: the values that are true or false."""

_ENDPOINTS: Final = {"chat": "chat", "text_completion": "complete", "completion": "complete"}
_NUMBERS: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_INTEGERS: Final = ("max_tokens", "seed")
_MESSAGE_FIELDS: Final = ("content", "tool_calls", "thinking")
_NAMES: Final = ("name", "tool_call_id")


class SpanLog(NamedTuple):
    """A new log: what it is a log of (`prompt`, `tool`, `flow`), and its body as `POST /v5/{kind}s/log` takes it."""

    kind: str
    body: Json


class FlowEnd(NamedTuple):
    """The rest of a flow's log, which was created when the flow began: its id, and the body of its update."""

    log_id: str
    body: Json


def log_of(span: Span) -> SpanLog | FlowEnd | None:
    """What a span says of a log; None for a span of anything else."""
    tree: Json = {}
    for name, value in span.attributes.items():
        if name.startswith(_PREFIX):
            put(tree, name.removeprefix(_PREFIX), value)
    file, log = _object(tree.get("file")), _object(tree.get("log"))
    kind = file.get("type")
    given = {name: _value(name, log[name]) for name in _LOG_FIELDS if log.get(name) is not None}
    given |= _times(span)
    if kind == "flow" and isinstance(log.get("id"), str):
        return FlowEnd(log["id"], {name: value for name, value in given.items() if name in {*_UPDATE_FIELDS, *_TIMES}})
    if kind == "flow":
        return SpanLog("flow", {"path": file.get("path"), "flow": {"attributes": _tree(file, "attributes")}, **given})
    if kind == "tool":
        if given.get("error") is not None and given.get("output") == "null":
            del given["output"]  # what the function would have returned
        return SpanLog("tool", {"path": file.get("path"), "tool": _tool(file), **given})
    call = call_of(span) if kind == "prompt" else None
    if call is None:
        return None
    return SpanLog(
        "prompt", {"path": file.get("path"), "prompt": _prompt(file, call), **_exchange(span, call), **given}
    )


def _times(span: Span) -> Json:
    ends = zip(_TIMES, (span.started_ns, span.ended_ns), strict=True)
    return {name: moment_text(nanoseconds) for name, nanoseconds in ends if nanoseconds}


def _value(name: str, value: Any) -> Any:
    if name in {"inputs", "metadata"} and isinstance(value, dict):
        return {key: lists_of(inner) for key, inner in value.items()}
    return lists_of(value)


def _tool(file: Json) -> Json:
    tool: Json = {"source_code": file.get("source_code")}
    for name in ("setup_values", "attributes"):
        if name in file:
            tool[name] = _tree(file, name)
    function = file.get("function")
    if isinstance(function, dict):
        parameters = _schema(_object(function.get("parameters")))
        tool["function"] = {
            "name": function.get("name"),
            "description": function.get("description") or "",
            "strict": _flag(function.get("strict")),
            "parameters": {"type": "object", "properties": {}, "required": [], **parameters},
        }
    return {name: value for name, value in tool.items() if value is not None}


def _schema(source: Json) -> Json:
    """A JSON schema of which every leaf became text."""
    schema: Json = {}
    for name, value in source.items():
        if name == "properties" and isinstance(value, dict):
            schema[name] = {key: _schema(_object(inner)) for key, inner in value.items()}
        elif name == "required":
            schema[name] = _names(lists_of(value))
        elif name == "type" and isinstance(value, str) and "," in value:
            schema[name] = _names(value)
        elif name in _FLAGS:
            schema[name] = _flag(value)
        elif isinstance(value, dict) and not all(key.isdigit() for key in value):
            schema[name] = _schema(value)
        else:
            items = lists_of(value)
            made = isinstance(items, list)
            schema[name] = [_schema(item) if isinstance(item, dict) else item for item in items] if made else items
    return schema


def _names(value: Any) -> list[str]:
    """A list of names. JavaScript makes text of one without brackets and quotes: `a,b`."""
    return [name.strip() for text in texts_of(value) for name in text.split(",")]


def _flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _prompt(file: Json, call: GenAiCall) -> Json:
    """The details of the version that a call was made with."""
    parameters = call.parameters
    details: Json = {
        "model": call.model,
        "provider": call.provider or None,
        "endpoint": _ENDPOINTS.get(call.operation),
        "template": lists_of(file.get("template")),
        "stop": texts_of(parameters.get("stop")) or None,
        "reasoning_effort": parameters.get("reasoning_effort", parameters.get("reasoning.level")),
        "tools": [tool for each in call.tools if (tool := _prompt_tool(each)) is not None] or None,
    }
    details |= {name: _number(parameters.get(name)) for name in _NUMBERS}
    details |= {name: None if (n := _number(parameters.get(name))) is None else int(n) for name in _INTEGERS}
    response_format = parameters.get("response_format")
    if isinstance(response_format, dict) and isinstance(response_format.get("type"), str):
        details["response_format"] = response_format
    return {name: value for name, value in details.items() if value is not None}


def _prompt_tool(tool: Json) -> Json | None:
    function = _object(tool.get("function"))
    if not isinstance(function.get("name"), str):
        return None
    parameters = function.get("parameters")
    made = {"name": function["name"], "description": str(function.get("description") or "")}
    return {**made, "parameters": parameters} if isinstance(parameters, dict) else made


def _exchange(span: Span, call: GenAiCall) -> Json:
    """What was asked and answered in a call, and what it took."""
    answer = _message(call.output[0]) if call.output else None
    seconds = (span.ended_ns - span.started_ns) / 1e9 if span.started_ns and span.ended_ns else None
    fields: Json = {
        "messages": [_message(message) for message in call.input] or None,
        "output_message": answer,
        "output": answer.get("content") if answer and isinstance(answer.get("content"), str) else None,
        "prompt_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "reasoning_tokens": call.reasoning_tokens,
        "finish_reason": call.finish_reason,
        "provider_latency": seconds,
        "error": error_text(span),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _message(message: Json) -> Json:
    """A chat message with what Humanloop's messages have."""
    found = {name: message[name] for name in ("role", *_MESSAGE_FIELDS) if message.get(name) is not None}
    found |= {name: message[name] for name in _NAMES if isinstance(message.get(name), str)}
    if not isinstance(found.get("thinking", []), list):
        found["thinking"] = [{"type": "thinking", "thinking": str(found["thinking"]), "signature": ""}]
    return found


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 2**53 else None


def _tree(source: Json, name: str) -> Json:
    return {key: lists_of(value) for key, value in _object(source.get(name)).items()}


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
