"""Hostile values in every place of what calls of providers and spans have in them: of any shape, they are converted."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import orjson
import pytest

from shared.errors import Invalid
from shared.wire.humanloop.decorator_spans import log_of
from shared.wire.otel.genai import call_of
from shared.wire.otel.spans import Span
from shared.wire.promptlayer.llm_kwargs.build import llm_kwargs
from shared.wire.promptlayer.llm_kwargs.parts import Unconvertible
from shared.wire.promptlayer.span_requests import call_columns, request_of
from shared.wire.promptlayer.templates import Publication
from shared.wire.promptlayer.track_request import converted, parse_track_request, track_request_columns
from shared.wire.validation import validate
from tests.poison.hostile import every_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.api import Json

ARGUMENTS: Final = '{"city": "Paris"}'
CALL: Final[Json] = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}
TOOL: Final[Json] = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CHAT_BLOCKS: Final[list[Json]] = [
    {"type": "text", "text": "x"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
]
CALLS: Final[dict[str, tuple[str, Json, Json]]] = {
    "OpenAI chat": (
        "openai.chat.completions.create",
        {
            "model": "gpt-4o",
            "messages": [
                {"role": "user", "content": CHAT_BLOCKS},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c", "content": "rain"},
            ],
            "tools": [TOOL],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
        },
        {
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "x", "tool_calls": [CALL]}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}},
        },
    ),
    "OpenAI completions": (
        "openai.completions.create",
        {"model": "m", "prompt": ["a", "b"]},
        {"choices": [{"text": "x"}], "usage": {"prompt_tokens": 1}},
    ),
    "OpenAI responses": (
        "openai.responses.create",
        {
            "model": "gpt-4o",
            "instructions": "s",
            "input": [
                {
                    "role": "user",
                    "content": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "u"}],
                },
                {"type": "function_call", "call_id": "c", "name": "n", "arguments": ARGUMENTS},
                {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
            ],
            "tools": [{"type": "function", "name": "n", "parameters": {}}],
            "tool_choice": {"type": "function", "name": "n"},
        },
        {
            "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
                {"type": "function_call", "call_id": "c", "name": "n", "arguments": ARGUMENTS},
            ],
            "usage": {"input_tokens": 1, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 1}},
        },
    ),
    "Anthropic": (
        "anthropic.messages.create",
        {
            "model": "claude",
            "system": [{"type": "text", "text": "s"}],
            "messages": [
                {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "AAAA"}}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": CHAT_BLOCKS}]},
            ],
            "tools": [{"name": "n", "input_schema": {}}],
            "tool_choice": {"type": "tool", "name": "n"},
        },
        {
            "content": [
                {"type": "thinking", "thinking": "t"},
                {"type": "tool_use", "id": "t", "name": "n", "input": {}},
            ],
            "usage": {"input_tokens": 1, "cache_read_input_tokens": 1},
        },
    ),
    "Google": (
        "google.genai.models.generate_content",
        {
            "model": "gemini",
            "contents": [
                {"role": "user", "parts": [{"text": "x"}, {"inline_data": {"mime_type": "image/png", "data": "AA"}}]},
                {"role": "model", "parts": [{"function_call": {"name": "a", "args": {}}}]},
                {"role": "user", "parts": [{"function_response": {"name": "a", "response": {"b": 1}}}]},
            ],
            "config": {"system_instruction": "s", "tools": [{"function_declarations": [{"name": "a"}]}]},
        },
        {
            "candidates": [{"content": {"role": "model", "parts": [{"executable_code": {"code": "1"}}]}}],
            "usage_metadata": {"prompt_token_count": 1},
        },
    ),
}
SPOKEN: Final[list[Json]] = [
    {"role": "user", "parts": [{"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AA"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "n", "arguments": {"a": 1}}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "rain"}]},
    {"role": "assistant", "parts": [{"type": "reasoning", "content": "t"}, {"type": "text", "content": "x"}]},
    {"role": "assistant", "content": CHAT_BLOCKS, "tool_calls": [CALL], "finish_reason": "stop"},
]
ATTRIBUTES: Final[Json] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.stop_sequences": ["END"],
    "gen_ai.usage.input_tokens": 3,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.system_instructions": [{"type": "text", "content": "s"}],
    "gen_ai.tool.definitions": [TOOL, {"name": "n", "input_schema": {}}],
    "gen_ai.input.messages": SPOKEN,
    "gen_ai.output.messages": SPOKEN,
    "humanloop.file.type": "prompt",
    "humanloop.file.path": "a/b",
    "humanloop.log.inputs": {"a": [1]},
}

TEMPLATES: Final[dict[str, Json]] = {
    "chat": {
        "type": "chat",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Hello {name}"}], "template_format": "f-string"},
            {
                "role": "user",
                "content": [*CHAT_BLOCKS, {"type": "media", "media": {"type": "a/b", "url": "https://a"}}],
            },
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "t"}], "tool_calls": [CALL]},
            {"role": "tool", "content": [{"type": "text", "text": "rain"}], "tool_call_id": "c"},
            {"role": "placeholder", "name": "history"},
        ],
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "input_variables": ["name"],
    },
    "completion": {"type": "completion", "content": CHAT_BLOCKS, "input_variables": ["name"]},
}
MODELS: Final[list[Json]] = [
    {"provider": provider, "name": "a model", "api_type": api_type, "parameters": {"a": 1}}
    for provider, api_type in (
        ("openai", "chat-completions"),
        ("openai", "responses"),
        ("anthropic", None),
        ("google", None),
    )
]


def track(function_name: str, sent: Json) -> None:
    times = {"request_start_time": 1, "request_end_time": 2}
    body = {"function_name": function_name, "provider_type": "any", "args": [], **times, **sent}
    tracked = parse_track_request(body)
    orjson.dumps(track_request_columns(tracked, converted(tracked), repaired=False))


def refused_field(function_name: str, sent: Json) -> str | None:
    try:
        track(function_name, sent)
    except Invalid as error:
        return error.message.partition(":")[0]
    return None


def span(attributes: Json) -> Span:
    return Span("a" * 32, "b" * 16, None, "a call", 1, 2, attributes=attributes)


def log_of_promptlayer(attributes: Json) -> None:
    found = span(attributes)
    call = call_of(found)
    if call is not None:
        orjson.dumps(call_columns(found, call, request_of(found, call), repaired=False))


def log_of_humanloop(attributes: Json) -> None:
    log_of(span(attributes))


@pytest.mark.parametrize("name", CALLS)
def test_a_call_of_any_shape_is_converted(name: str) -> None:
    function_name, request, response = CALLS[name]
    bodies = list(every_body({"kwargs": request, "request_response": response}))
    refused = [field for body in bodies if (field := refused_field(function_name, body))]
    assert set(refused) <= {"kwargs", "request_response"}
    assert len(refused) < len(bodies) / 2


@pytest.mark.parametrize("convert", [log_of_promptlayer, log_of_humanloop])
@pytest.mark.parametrize("as_text", [False, True], ids=["as it is", "as JSON text"])
def test_messages_of_any_shape_in_a_span_are_converted(convert: Callable[[Json], None], as_text: bool) -> None:
    for body in every_body(ATTRIBUTES):
        texts = {
            name: json.dumps(value) if as_text and isinstance(value, list | dict) else value
            for name, value in body.items()
        }
        convert(texts)


@pytest.mark.parametrize("form", TEMPLATES)
def test_a_template_that_can_be_published_is_put_into_every_providers_words(form: str) -> None:
    published = 0
    for template in every_body(TEMPLATES[form]):
        body = {"prompt_template": {"prompt_name": "a"}, "prompt_version": {"prompt_template": template}}
        try:
            kept = validate(Publication, body).details()["prompt_template"]
        except Invalid:
            continue
        published += 1
        for model in MODELS:
            with suppress(Unconvertible):  # told in the answer's `warning`
                orjson.dumps(llm_kwargs(kept, model))
    assert published
