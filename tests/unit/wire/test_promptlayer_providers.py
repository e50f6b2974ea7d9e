"""Providers' own requests and responses as templates: each API's shapes, and any JSON at all."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.wire.promptlayer.blueprint import Template, input_preview, merge, output_preview, tool_names
from shared.wire.promptlayer.providers.conversion import convert
from shared.wire.promptlayer.providers.usage import finish_reason, model, usage
from tests.unit.wire.promptlayer_bodies import chat, completion, message, text_block

Json = dict[str, Any]

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
TOOL = {"type": "function", "function": {"name": "f", "description": "does", "parameters": SCHEMA}}
CHOICE = {"type": "function", "function": {"name": "f"}}


def assistant(*content: Json, **more: Any) -> Json:
    return {"role": "assistant", "content": list(content), **more}


def tool_answer(call_id: str, text: str, **more: Any) -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": [text_block(text)], **more}


def test_openai_chat_completions() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
    request = {
        "model": "gpt-4o",
        "temperature": 0.5,
        "messages": [
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [text_block("look"), image], "name": "ada"},
            {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None},
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
        ],
        "tools": [TOOL],
        "tool_choice": CHOICE,
    }
    answer = {"role": "assistant", "content": "ok", "refusal": None, "tool_calls": [CALL], "function_call": None}
    response = {"object": "chat.completion", "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}]}
    converted = convert("openai.OpenAI.chat.completions.create", request, response)
    assert converted.input == chat(
        message("developer", "be brief"),
        {"role": "user", "content": [text_block("look"), image], "name": "ada"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        tool_answer("c1", "42"),
        tools=[TOOL],
        tool_choice=CHOICE,
    )
    assert converted.output == chat(assistant(text_block("ok"), tool_calls=[CALL]))
    assert (converted.parameters, converted.api_type) == ({"temperature": 0.5}, "chat-completions")


@pytest.mark.parametrize(
    "choice",
    [
        {"message": {"role": "assistant", "content": "ok"}},
        {"delta": {"role": "assistant", "content": "ok"}, "message": None},
        {"role": "assistant", "content": "ok"},
    ],
)
@pytest.mark.parametrize("name", ["openai.ChatCompletion.create", "mistral.client.chat", "openrouter.chat.send", ""])
def test_what_speaks_like_openai(name: str, choice: Json) -> None:
    converted = convert(name, {"messages": [{"role": "user", "content": "hi"}]}, {"choices": [choice]})
    assert (converted.input, converted.output) == (chat(message("user", "hi")), chat(message("assistant", "ok")))


def test_the_end_of_a_stream_says_nothing() -> None:
    response = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    assert convert("", {"messages": []}, response).output == chat({"role": "assistant", "content": None})


@pytest.mark.parametrize(
    ("name", "request_", "response"),
    [
        ("openai.completions.create", {"prompt": "a"}, {"choices": [{"text": "b"}]}),
        ("openai.Completion.create", {"prompt": ["a"]}, {"choices": [{"text": "b", "logprobs": None}]}),
        ("anthropic.completions.create", {"prompt": "a"}, {"completion": "b"}),
    ],
)
def test_completions(name: str, request_: Json, response: Json) -> None:
    converted = convert(name, {"model": "m", "max_tokens": 5, **request_}, response)
    assert (converted.input, converted.output) == (completion("a"), completion("b"))
    assert converted.parameters == {"max_tokens": 5}


def test_openai_responses() -> None:
    request = {
        "model": "gpt-4o",
        "instructions": "be brief",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "look"}]},
            {"role": "user", "content": [{"type": "input_image", "image_url": "https://example.com/a.png"}]},
            {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "id": "x", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
            {"type": "function_call_output", "call_id": "c1", "output": "42"},
        ],
        "tools": [
            {"type": "function", "name": "f", "description": "does", "parameters": SCHEMA},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "reasoning": {"effort": "low"},
    }
    search = {"type": "web_search_call", "id": "w", "status": "completed"}
    said: Json = {"type": "output_text", "text": "ok", "annotations": [], "logprobs": None}
    response = {
        "object": "response",
        "output": [
            search,
            {"type": "message", "role": "assistant", "id": "m", "content": [said], "status": "completed"},
        ],
    }
    converted = convert("openai.responses.create", request, response)
    assert converted.input == chat(
        message("system", "be brief"),
        message("user", "look"),
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]},
        assistant({"type": "thinking", "thinking": "hm", "id": "r1"}, tool_calls=[CALL]),
        tool_answer("c1", "42"),
        tools=[TOOL, {"type": "web_search"}],
        tool_choice=CHOICE,
    )
    assert converted.output == chat(assistant(search, {**text_block("ok"), "annotations": []}))
    assert (converted.parameters, converted.api_type) == ({"reasoning": {"effort": "low"}}, "responses")
    assert convert("openai.responses.create", {"input": "hi"}, {}).input == chat(message("user", "hi"))


def test_anthropic_messages() -> None:
    png = {"type": "base64", "media_type": "image/png", "data": "QQ=="}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "Qg=="}
    used = {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    request = {
        "model": "claude",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [thought, used]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [text_block("42")], "is_error": True},
                    {"type": "image", "source": png},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                    {"type": "document", "source": pdf, "title": "t"},
                ],
            },
        ],
        "tools": [{"name": "f", "description": "does", "input_schema": SCHEMA}, {"type": "bash_1", "name": "bash"}],
        "tool_choice": {"type": "tool", "name": "f"},
    }
    response = {"type": "message", "role": "assistant", "content": [{**text_block("ok"), "citations": None}, used]}
    converted = convert("anthropic.Anthropic.messages.create", request, response)
    assert converted.input == chat(
        {"role": "system", "content": [{**text_block("be brief"), "cache_control": {"type": "ephemeral"}}]},
        message("user", "hi"),
        assistant(thought, tool_calls=[CALL]),
        tool_answer("c1", "42", is_error=True),
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {
                    "type": "media",
                    "media": {"title": "t", "type": "application/pdf", "url": "Qg==", "format": "base64"},
                },
            ],
        },
        tools=[TOOL, {"type": "bash_1", "name": "bash"}],
        tool_choice=CHOICE,
    )
    assert converted.output == chat(assistant(text_block("ok"), tool_calls=[CALL]))
    assert (converted.parameters, converted.api_type) == ({"max_tokens": 100}, "messages")


@pytest.mark.parametrize(("said", "meant"), [("auto", "auto"), ("any", "required"), ("none", "none")])
def test_anthropic_tool_choices(said: str, meant: str) -> None:
    request = {"messages": [], "tool_choice": {"type": said}}
    assert convert("anthropic.messages.create", request, {}).input["tool_choice"] == meant


@pytest.mark.parametrize("camel", [False, True])
def test_google_generate_content(camel: bool) -> None:
    def key(snake: str) -> str:
        head, *rest = snake.split("_")
        return head + "".join(word.title() for word in rest) if camel else snake

    called = {key("function_call"): {"id": "c1", "name": "f", "args": {"a": 1}}}
    request = {
        "model": "gemini-2.5-pro",
        "contents": [
            "hi",
            {"role": "model", "parts": [called]},
            {"role": "user", "parts": [{key("function_response"): {"id": "c1", "name": "f", "response": {"x": 42}}}]},
            {"role": "user", "parts": [{key("inline_data"): {key("mime_type"): "image/png", "data": "QQ=="}}]},
        ],
        "config": {
            key("system_instruction"): "be brief",
            "temperature": 0.5,
            "tools": [{key("function_declarations"): [{"name": "f", "description": "does", "parameters": SCHEMA}]}],
        },
    }
    parts = [{"text": "hm", "thought": True}, {"text": "ok", "thought": None}, called]
    response = {"candidates": [{"content": {"role": "model", "parts": parts}}]}
    converted = convert("google.model.generate_content", request, response)
    assert converted.input == chat(
        message("system", "be brief"),
        message("user", "hi"),
        assistant(tool_calls=[CALL]),
        tool_answer("c1", '{"x":42}'),
        {
            "role": "user",
            "content": [
                {"type": "media", "media": {"title": "", "type": "image/png", "url": "QQ==", "format": "base64"}}
            ],
        },
        tools=[TOOL],
    )
    assert converted.output == chat(
        assistant({"type": "thinking", "thinking": "hm"}, text_block("ok"), tool_calls=[CALL])
    )
    assert converted.parameters == {"temperature": 0.5}


def test_a_google_chat() -> None:
    request = {"history": [{"role": "user", "parts": [{"text": "a"}]}], "message": "b"}
    assert convert("google.convo.send_message", request, {}).input == chat(message("user", "a"), message("user", "b"))


@pytest.mark.parametrize(
    ("name", "request_", "response"),
    [
        ("openai.embeddings.create", {"model": "e", "input": "hi"}, {"object": "list", "data": []}),
        ("boto3.bedrock-runtime.converse", {"modelId": "m"}, {"output": {}}),
        ("openai.models.retrieve", "gpt-4o", None),
        ("", None, [1]),
    ],
)
def test_what_is_not_known_has_an_empty_input(name: str, request_: Any, response: Any) -> None:
    assert convert(name, request_, response) == (chat(), None, {}, None)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}, (3, 4, None)),
        (
            {"usage": {"input_tokens": 3, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 2}}},
            (3, 4, 2),
        ),
        ({"usage": {"prompt_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 2}}}, (3, None, 2)),
        ({"usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 4}}, (3, 4, None)),
        (
            {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 5}},
            (3, 9, 5),
        ),
        ({"usage": {"inputTokens": 3, "outputTokens": 4.0}}, (3, 4, None)),
        ({"usage": {"prompt_tokens": -1, "completion_tokens": True}}, (None, None, None)),
        ({"usage": {"prompt_tokens": "3", "completion_tokens": 1e300}}, (None, None, None)),
        ({"usage": None}, (None, None, None)),
    ],
)
def test_tokens(response: Json, expected: tuple[int | None, int | None, int | None]) -> None:
    assert usage(response) == expected


@pytest.mark.parametrize(
    ("request_", "response", "expected"),
    [
        ({"model": "asked"}, {"model": "answered"}, "asked"),
        ({}, {"model": "answered"}, "answered"),
        ({"engine": "old"}, {}, "old"),
        ({"modelId": "bedrock"}, {}, "bedrock"),
        ({"model": ""}, {"modelVersion": "gemini"}, "gemini"),
        ({"model": 5}, {}, ""),
    ],
)
def test_models(request_: Json, response: Json, expected: str) -> None:
    assert model(request_, response) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"choices": [{"finish_reason": "length"}]}, "length"),
        ({"candidates": [{"finishReason": "STOP"}]}, "STOP"),
        ({"stop_reason": "end_turn"}, "end_turn"),
        ({"choices": []}, None),
        ({"choices": 5, "stop_reason": 5}, None),
    ],
)
def test_finish_reasons(response: Json, expected: str | None) -> None:
    assert finish_reason(response) == expected


KEYS = st.sampled_from(
    [
        *("model", "messages", "content", "role", "type", "text", "source", "input", "output", "instructions", "tools"),
        *("tool_choice", "functions", "prompt", "contents", "parts", "config", "system", "choices", "message", "delta"),
        *("candidates", "usage", "usage_metadata", "function_call", "function_response", "inline_data", "file_data"),
        *("executable_code", "code_execution_result", "tool_calls", "name", "arguments", "args", "id", "summary"),
        *(
            "input_schema",
            "function_declarations",
            "history",
            "data",
            "url",
            "title",
            "object",
            "completion",
            "call_id",
        ),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 1 << 60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(
        [
            *(
                "user",
                "assistant",
                "model",
                "tool_use",
                "tool_result",
                "image",
                "document",
                "base64",
                "url",
                "function",
            ),
            *(
                "function_call",
                "function_call_output",
                "reasoning",
                "message",
                "response",
                "input_image",
                "output_text",
            ),
        ]
    )
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)
NAMES = st.sampled_from(
    [
        *("openai.chat.completions.create", "openai.completions.create", "openai.responses.create", "anything"),
        *("anthropic.messages.create", "google.model.generate_content", "google.convo.send_message", ""),
    ]
)
CHECK: TypeAdapter[Json] = TypeAdapter(Template)


@settings(deadline=None)
@given(NAMES, st.dictionaries(KEYS, ANYTHING) | ANYTHING, st.dictionaries(KEYS, ANYTHING) | ANYTHING)
@example("anthropic.messages.create", {"messages": [{"role": "assistant", "content": {"type": "tool_use"}}]}, {})
def test_any_json_becomes_templates_that_can_be_stored_and_read(name: str, request: Any, response: Any) -> None:
    converted = convert(name, request, response)
    for template in (converted.input, converted.output):
        if template is not None:
            assert CHECK.validate_python(template) == template
            input_preview(template)
            output_preview(template)
            tool_names(template)
            orjson.dumps(template)
    merge(converted.input, converted.output)
    if isinstance(request, dict) and isinstance(response, dict):
        usage(response)
        assert isinstance(model(request, response), str)
        finish_reason(response)
