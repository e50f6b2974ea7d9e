"""Calls of models in spans: OpenTelemetry's semantic conventions for generative AI, of all ages.

Messages are in attributes (`gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions`; or, as
OpenLLMetry writes them, `gen_ai.prompt.0.content` and `gen_ai.completion.0.content`), or in events
(`gen_ai.user.message`, `gen_ai.choice`, ...). Where there are several, attributes count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shared.wire.otel.chat import instructions, message, messages, parsed
from shared.wire.otel.dotted import lists_of, put, texts_of
from shared.wire.scalars import MAX_EXACT

if TYPE_CHECKING:
    from shared.wire.otel.spans import Span

Json = dict[str, Any]

_CALLS: Final = frozenset({"chat", "text_completion", "generate_content", "embeddings", "completion"})
_NOT_CALLS: Final = frozenset({"create_agent", "invoke_agent", "invoke_workflow", "execute_tool", "plan", "retrieval"})
"""Operations that hold calls of models, or are none: their tokens are those of their children."""

_REQUEST: Final = "gen_ai.request."
_PARAMETERS: Final = {"choice.count": "n", "stop_sequences": "stop", "encoding_formats": "encoding_format"}
"""What parameters are called in an API, where the convention has another name."""

_OTHER_PARAMETERS: Final = {
    "llm.frequency_penalty": "frequency_penalty",
    "llm.presence_penalty": "presence_penalty",
    "llm.top_k": "top_k",
    "gen_ai.openai.request.response_format": "response_format",
    "gen_ai.openai.request.seed": "seed",
}
"""Names from before the convention had its own."""

_FUNCTIONS: Final = "llm.request.functions."
_DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"
_MESSAGE_EVENT: Final = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")


@dataclass(frozen=True, slots=True)
class GenAiCall:
    """One call of a model. Messages are chat messages, see `chat`."""

    provider: str
    model: str
    operation: str
    parameters: Json = field(default_factory=dict)
    input: list[Json] = field(default_factory=list)
    output: list[Json] = field(default_factory=list)
    tools: list[Any] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    finish_reason: str | None = None


def call_of(span: Span) -> GenAiCall | None:
    """The call that a span stands for; None for a span of anything else."""
    attributes = span.attributes
    operation = _text(attributes, "gen_ai.operation.name", "llm.request.type").lower()
    model = _text(attributes, "gen_ai.request.model", "gen_ai.response.model")
    if operation in _NOT_CALLS or (not model and operation not in _CALLS):
        return None
    provider = _text(attributes, "gen_ai.provider.name", "gen_ai.system").lower()
    input, output = _exchange(span)
    return GenAiCall(
        provider=provider,
        model=model,
        operation=operation,
        parameters=_parameters(attributes),
        input=input,
        output=output,
        tools=_tools(attributes),
        input_tokens=_count(attributes, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        output_tokens=_count(attributes, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        reasoning_tokens=_count(
            attributes,
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "gen_ai.usage.details.reasoning_tokens",
        ),
        finish_reason=_finish_reason(attributes, output),
    )


def _exchange(span: Span) -> tuple[list[Json], list[Json]]:
    """What was asked and what was answered."""
    sources = [span.attributes]
    sources += [event["attributes"] for event in span.events if event["name"] == _DETAILS_EVENT]
    input: list[Json] = []
    output: list[Json] = []
    for source in sources:
        if not input:
            asked = messages(source.get("gen_ai.input.messages"), "user") or _indexed(source, "gen_ai.prompt.", "user")
            input = [*instructions(source.get("gen_ai.system_instructions")), *asked]
        if not output:
            answered = messages(source.get("gen_ai.output.messages"), "assistant")
            output = answered or _indexed(source, "gen_ai.completion.", "assistant")
    if input and output:
        return input, output
    input_events, output_events = _from_events(span)
    return input or input_events, output or output_events


def _indexed(attributes: Json, prefix: str, role: str) -> list[Json]:
    """Messages of which each field is an attribute: `gen_ai.prompt.0.content`, `gen_ai.prompt.0.tool_calls.0.name`."""
    tree: Json = {}
    for name, value in attributes.items():
        if name.startswith(prefix):
            put(tree, name.removeprefix(prefix), value)
    found = lists_of(tree)
    return [message(item, role) for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _from_events(span: Span) -> tuple[list[Json], list[Json]]:
    input: list[Json] = []
    output: list[Json] = []
    for event in span.events:
        name, attributes = event["name"], event["attributes"]
        role = _MESSAGE_EVENT.fullmatch(name)
        if role is not None:
            fields = {key: value for key, value in attributes.items() if not key.startswith("gen_ai.")}
            call_id = fields.pop("id", None)
            if role[1] == "tool" and call_id is not None:
                fields["tool_call_id"] = call_id
            input.append(message(fields, role[1]))
        elif name == "gen_ai.choice":
            said = parsed(attributes.get("message"))
            fields = said if isinstance(said, dict) else attributes
            reason = attributes.get("finish_reason")
            kept = {key: fields[key] for key in ("role", "content", "tool_calls") if key in fields}
            output.append(message(kept if reason is None else kept | {"finish_reason": reason}, "assistant"))
    return input, output


def _parameters(attributes: Json) -> Json:
    parameters = {
        name: parsed(attributes[source]) for source, name in _OTHER_PARAMETERS.items() if source in attributes
    }
    for source, value in attributes.items():
        name = source.removeprefix(_REQUEST)
        if source.startswith(_REQUEST) and name not in {"model", ""}:
            parameters[_PARAMETERS.get(name, name)] = value
    return parameters


def _tools(attributes: Json) -> list[Any]:
    """The tools that the model could call, as `{"type": "function", "function": {...}}`."""
    found = parsed(attributes.get("gen_ai.tool.definitions"))
    if not isinstance(found, list):
        tree: Json = {}
        for name, value in attributes.items():
            if name.startswith(_FUNCTIONS):
                put(tree, name.removeprefix(_FUNCTIONS), parsed(value))
        found = lists_of(tree) if tree else []
    items = found if isinstance(found, list) else []
    return [
        item if "function" in item or "name" not in item else {"type": "function", "function": _function(item)}
        for item in items
        if isinstance(item, dict)
    ]


def _function(tool: Json) -> Json:
    function = {name: value for name, value in tool.items() if name != "type"}
    return {"description": "", **function}


def _finish_reason(attributes: Json, output: list[Json]) -> str | None:
    reasons = texts_of(attributes.get("gen_ai.response.finish_reasons"))
    first = next((reason for reason in reasons if reason), None)
    said = output[0].get("finish_reason") if output else None
    return first or (said if isinstance(said, str) and said else None)


def _text(attributes: Json, *names: str) -> str:
    return next((value for name in names if isinstance(value := attributes.get(name), str) and value), "")


def _count(attributes: Json, *names: str) -> int | None:
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(MAX_EXACT)):
            value = int(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_EXACT:
            return int(value)
    return None
