"""A call of a model that a span tells of, as a logged request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from shared.wire.otel.spans import Span, error_text, metadata_of, moment_text
from shared.wire.promptlayer.log_request import (
    MAX_ERROR_MESSAGE_CHARACTERS,
    MAX_METADATA_KEY_CHARACTERS,
    MAX_PROMPT_VERSION,
    ErrorType,
    LogRequest,
)
from shared.wire.promptlayer.providers.openai_chat import exchange
from shared.wire.promptlayer.providers.parts import Json, as_list, text_block
from shared.wire.promptlayer.span_columns import request_span_columns
from shared.wire.scalars import MAX_EXACT

if TYPE_CHECKING:
    from shared.records import Columns
    from shared.wire.otel.genai import GenAiCall

_MANAGED: Final = "promptlayer.request_log.managed"
"""Says that the client logs the request of this span itself (`POST /track-request`)."""

_PROVIDERS: Final = {
    "gcp.gemini": "google",
    "gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "vertexai",
    "vertex_ai": "vertexai",
    "aws.bedrock": "amazon.bedrock",
    "azure.ai.openai": "openai.azure",
    "az.ai.openai": "openai.azure",
    "mistral_ai": "mistral",
    "openai.responses": "openai",
    "x_ai": "xai",
}
"""What PromptLayer calls a provider that the convention has another name for."""

_API_TYPES: Final = {
    "chat": "chat-completions",
    "text_completion": "completions",
    "completion": "completions",
    "embeddings": "embeddings",
    "generate_content": "generate-content",
}

_ERROR_TYPES: Final[tuple[tuple[str, ErrorType], ...]] = (
    ("ratelimit", "PROVIDER_RATE_LIMIT"),
    ("429", "PROVIDER_RATE_LIMIT"),
    ("quota", "PROVIDER_QUOTA_LIMIT"),
    ("timeout", "PROVIDER_TIMEOUT"),
    ("authentication", "PROVIDER_AUTH_ERROR"),
    ("permissiondenied", "PROVIDER_AUTH_ERROR"),
    ("401", "PROVIDER_AUTH_ERROR"),
    ("403", "PROVIDER_AUTH_ERROR"),
)
"""What `error.type` has in it (a class of an exception, or an HTTP status), and what PromptLayer calls that."""


def is_logged_apart(span: Span) -> bool:
    """Whether the client logs the request of a span itself: the span must not become a second log."""
    managed = span.attributes.get(_MANAGED)
    return managed is True or (isinstance(managed, str) and managed.lower() == "true")


def request_of(span: Span, call: GenAiCall) -> LogRequest:
    """The request. Whatever the span does not say is left empty; a time that is not known is that of the other end."""
    started_ns, ended_ns = span.started_ns or span.ended_ns, span.ended_ns or span.started_ns
    parts = exchange(
        {"messages": [_with_thoughts(each) for each in call.input], "tools": call.tools or None},
        {"choices": [{"message": _with_thoughts(each)} for each in call.output]},
    )
    error = error_text(span)
    return LogRequest.model_construct(
        provider=_text(span, "promptlayer.provider.type") or _PROVIDERS.get(call.provider, call.provider),
        model=call.model,
        input=parts.input,
        output=parts.output,
        request_start_time=_moment(started_ns),
        request_end_time=_moment(ended_ns),
        parameters=call.parameters,
        tags=[],
        metadata={name[:MAX_METADATA_KEY_CHARACTERS]: value for name, value in metadata_of(span).items()},
        prompt_name=_text(span, "promptlayer.prompt.name"),
        prompt_id=_number(span, "promptlayer.prompt.id", MAX_EXACT),
        prompt_version_number=_number(span, "promptlayer.prompt.version", MAX_PROMPT_VERSION),
        prompt_input_variables={},
        input_tokens=call.input_tokens or 0,
        output_tokens=call.output_tokens or 0,
        price=0,
        function_name=span.name,
        score=0,
        score_name=None,
        api_type=_text(span, "promptlayer.api.type") or _api_type(call),
        status="SUCCESS" if error is None else "ERROR",
        error_type=None if error is None else _error_type(span),
        error_message=error[:MAX_ERROR_MESSAGE_CHARACTERS] if error else None,
    )


def call_columns(span: Span, call: GenAiCall, log: LogRequest, *, repaired: bool) -> Columns:
    """The event body of the call of a span; `log` is the call as `request_of` has it."""
    columns = request_span_columns(span, log, repaired=repaired)
    more = {
        "reasoning_tokens": call.reasoning_tokens,
        "finish_reason": call.finish_reason,
        "prompt_label": _text(span, "promptlayer.prompt.label"),
    }
    columns.update((name, value) for name, value in more.items() if value is not None)
    return columns


def _with_thoughts(message: Json) -> Json:
    """A chat message with what the model thought as blocks of its content, and without why it ended."""
    thoughts = message.get("thinking")
    found = {name: value for name, value in message.items() if name not in {"thinking", "finish_reason"}}
    if not thoughts:
        return found
    blocks: list[Any] = thoughts if isinstance(thoughts, list) else [{"type": "thinking", "thinking": str(thoughts)}]
    content = found.get("content")
    said = [text_block(part) if isinstance(part, str) else part for part in as_list(content)]
    return {**found, "content": [*blocks, *said]}


def _api_type(call: GenAiCall) -> str | None:
    is_messages = call.provider == "anthropic" and call.operation == "chat"
    return "messages" if is_messages else _API_TYPES.get(call.operation)


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromisoformat(moment_text(nanoseconds)).replace(tzinfo=UTC)


def _error_type(span: Span) -> ErrorType:
    said = str(span.attributes.get("error.type", "")).lower().replace("_", "")
    return next((error_type for part, error_type in _ERROR_TYPES if part in said), "PROVIDER_ERROR")


def _text(span: Span, name: str) -> str | None:
    value = span.attributes.get(name)
    return value if isinstance(value, str) and value else None


def _number(span: Span, name: str, maximum: int) -> int | None:
    value = span.attributes.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(maximum)):
        value = int(value)
    return value if type(value) is int and 0 < value <= maximum else None
