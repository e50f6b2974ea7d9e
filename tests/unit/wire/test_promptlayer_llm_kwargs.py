"""`llm_kwargs`: templates in the words of providers, and back again by the conversion of what is tracked."""

from __future__ import annotations

from typing import Any

import pytest

from shared.wire.promptlayer.llm_kwargs.build import api_type, llm_kwargs
from shared.wire.promptlayer.llm_kwargs.parts import Unconvertible
from shared.wire.promptlayer.providers.conversion import convert
from tests.unit.wire.promptlayer_bodies import chat, completion, message, text_block

Json = dict[str, Any]

SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL: Json = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}}
CALL: Json = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
IMAGE: Json = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
DATA: Json = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
PDF: Json = {"type": "media", "media": {"title": "a.pdf", "type": "application/pdf", "url": "BBBB", "format": "base64"}}

CONVERSATION = chat(
    message("system", "be brief"),
    {"role": "user", "content": [text_block("what is it?"), IMAGE, DATA, PDF]},
    {"role": "assistant", "content": [text_block("I look")], "tool_calls": [CALL | {"tool_id": None}]},
    {"role": "tool", "tool_call_id": "call_1", "content": [text_block("sunny")]},
    message("user", "so?"),
    tools=[TOOL],
    tool_choice={"type": "function", "function": {"name": "weather"}},
)
"""Something of all that has a form everywhere."""

OPENAI = {"provider": "openai", "name": "gpt-4o", "parameters": {"temperature": 0.5}}
RESPONSES = OPENAI | {"api_type": "responses"}
CLAUDE = {"provider": "anthropic", "name": "claude-sonnet-4-5", "parameters": {"max_tokens": 50}}
GEMINI = {"provider": "google", "name": "gemini-2.5-pro", "parameters": {"temperature": 0.5}}


def test_openai_chat() -> None:
    arguments = llm_kwargs(CONVERSATION, OPENAI)
    assert arguments["messages"] == [
        {"role": "system", "content": "be brief"},
        {
            "role": "user",
            "content": [
                text_block("what is it?"),
                IMAGE,
                DATA,
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"},
                },
            ],
        },
        {"role": "assistant", "content": "I look", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "user", "content": "so?"},
    ]
    assert (arguments["tools"], arguments["tool_choice"]) == ([TOOL], CONVERSATION["tool_choice"])
    assert (arguments["model"], arguments["temperature"]) == ("gpt-4o", 0.5)


def test_openai_responses() -> None:
    arguments = llm_kwargs(CONVERSATION, RESPONSES)
    assert arguments["input"] == [
        {"role": "system", "content": [{"type": "input_text", "text": "be brief"}]},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "what is it?"},
                {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"},
            ],
        },
        {"role": "assistant", "content": [{"type": "output_text", "text": "I look"}]},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Rome"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
        {"role": "user", "content": [{"type": "input_text", "text": "so?"}]},
    ]
    assert arguments["tools"] == [{"type": "function", **TOOL["function"]}]
    assert arguments["tool_choice"] == {"type": "function", "name": "weather"}


def test_anthropic_messages() -> None:
    arguments = llm_kwargs(CONVERSATION, CLAUDE)
    assert arguments["system"] == [text_block("be brief")]
    assert arguments["messages"] == [
        {
            "role": "user",
            "content": [
                text_block("what is it?"),
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                text_block("I look"),
                {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Rome"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": [text_block("sunny")]},
                text_block("so?"),
            ],
        },
    ]
    assert arguments["tools"] == [{"name": "weather", "description": "d", "input_schema": SCHEMA}]
    assert arguments["tool_choice"] == {"type": "tool", "name": "weather"}
    assert arguments["max_tokens"] == 50
    assert llm_kwargs(CONVERSATION, CLAUDE | {"parameters": None})["max_tokens"] == 1024
    for choice, expected in (("auto", {"type": "auto"}), ("required", {"type": "any"}), ("none", {"type": "none"})):
        assert llm_kwargs(CONVERSATION | {"tool_choice": choice}, CLAUDE)["tool_choice"] == expected


def test_google() -> None:
    arguments = llm_kwargs(CONVERSATION, GEMINI)
    assert [content["role"] for content in arguments["history"]] == ["user", "model", "user", "user"]
    asked, called, result, _ = (content["parts"] for content in arguments["history"])
    assert asked[1:] == [
        {"file_data": {"mime_type": "image/jpeg", "file_uri": "https://example.com/a.png"}},
        {"inline_data": {"mime_type": "image/png", "data": "AAAA"}},
        {"inline_data": {"mime_type": "application/pdf", "data": "BBBB"}},
    ]
    assert called == [{"text": "I look"}, {"function_call": {"name": "weather", "args": {"city": "Rome"}}}]
    assert result == [{"function_response": {"name": "weather", "response": {"output": "sunny"}}}]
    assert arguments["generation_config"] == {
        "system_instruction": {"parts": [{"text": "be brief"}]},
        "tools": [{"function_declarations": [TOOL["function"]]}],
        "temperature": 0.5,
    }
    assert llm_kwargs(completion("a"), GEMINI)["contents"] == [{"role": "user", "parts": [{"text": "a"}]}]


TEXTS = chat(message("system", "be brief"), message("user", "2+2?"), message("assistant", "4"), message("user", "so?"))


@pytest.mark.parametrize(
    ("model", "function"),
    [
        (OPENAI, "openai.chat.completions.create"),
        (RESPONSES, "openai.responses.create"),
        (CLAUDE, "anthropic.messages.create"),
        (GEMINI, "google.convo.send_message"),
        ({"provider": "mistral", "name": "mistral-large"}, "mistral.client.chat"),
        ({"provider": "vertexai", "name": "claude-sonnet-4-5"}, "anthropic.messages.create"),
        ({"provider": "vertexai", "name": "gemini-2.5-pro"}, "google.convo.send_message"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["provider"],
)
def test_a_call_with_them_is_tracked_as_the_template(model: Json, function: str) -> None:
    exchange = convert(function, llm_kwargs(TEXTS, model), {})
    assert exchange.input == TEXTS


@pytest.mark.parametrize("model", [OPENAI, RESPONSES, CLAUDE])
def test_tools_come_back_too(model: Json) -> None:
    functions = {"chat-completions": "openai.chat.completions.create", "responses": "openai.responses.create"}
    exchange = convert(functions.get(api_type(model), "anthropic.messages.create"), llm_kwargs(CONVERSATION, model), {})
    assert (exchange.input["tools"], exchange.input["tool_choice"]) == ([TOOL], CONVERSATION["tool_choice"])
    assert exchange.input["messages"][2]["tool_calls"] == [CALL]
    assert exchange.input["messages"][3]["content"] == [text_block("sunny")]


def test_a_completion() -> None:
    template = completion("a", "b")
    assert llm_kwargs(template, OPENAI) == {"prompt": "a\nb", "model": "gpt-4o", "temperature": 0.5}
    assert llm_kwargs(template, RESPONSES)["input"] == "a\nb"


def test_what_is_left_out_and_what_is_of_old() -> None:
    template = chat(
        {"role": "placeholder", "name": "history"},
        {"role": "user", "content": "text"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, text_block("a")]},
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": [text_block("sunny")]},
        functions=[TOOL["function"]],
        function_call={"name": "weather"},
    )
    arguments = llm_kwargs(template, OPENAI)
    assert arguments["messages"] == [
        {"role": "user", "content": "text"},
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "sunny"},
    ]
    assert arguments["tools"] == [TOOL]
    assert arguments["tool_choice"] == {"type": "function", "function": {"name": "weather"}}


def test_parameters_win() -> None:
    """So it is with the original service, whose users keep whole requests there."""
    parameters = {"model": "mine", "messages": []}
    assert llm_kwargs(TEXTS, OPENAI | {"parameters": parameters}) == parameters


@pytest.mark.parametrize(
    ("template", "model", "says"),
    [
        (TEXTS, {"provider": "odd", "name": "m"}, "a chat for 'm' of 'odd'"),
        (TEXTS, OPENAI | {"api_type": "images"}, "a chat for 'gpt-4o' of 'openai'"),
        (completion("a"), CLAUDE, "a completion for"),
        (chat({"role": "user", "content": [{"type": "mcp_call"}]}), OPENAI, "block of type 'mcp_call'"),
        (chat({"role": "system", "content": [IMAGE]}), OPENAI, "block of type 'image_url'"),
        (chat({"role": "user", "content": [{"type": "media_variable"}]}), CLAUDE, "block of type 'media_variable'"),
        (chat({"role": "user", "content": [{"type": "code"}]}), RESPONSES, "block of type 'code'"),
        (chat({"role": "user", "content": [{"type": "code"}]}), GEMINI, "block of type 'code'"),
        (chat(tools=[{"type": "variable", "name": "x"}]), OPENAI, "tool of type 'variable'"),
        (chat(tools=["x"]), CLAUDE, "tool of type 'None'"),
        (
            chat({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}),
            CLAUDE,
            "arguments of a tool call that are not JSON",
        ),
    ],
)
def test_what_has_no_form_is_said(template: Json, model: Json, says: str) -> None:
    with pytest.raises(Unconvertible, match=says):
        llm_kwargs(template, model)


@pytest.mark.parametrize("model", [OPENAI, RESPONSES, CLAUDE, GEMINI])
def test_blocks_that_hold_anything(model: Json) -> None:
    """What fields of blocks hold is not checked when a template is published."""
    odd: list[Any] = [None, 1, "x", [], {}, {"url": 1}, {"name": 1, "arguments": 2}]
    for value in odd:
        template = chat(
            {"role": "user", "content": [{"type": "text", "text": value}, {"type": "image_url", "image_url": value}]},
            {"role": "user", "content": [{"type": "media", "media": value}]},
            {"role": "assistant", "tool_calls": [value, {"function": value}]},
            {"role": "tool", "tool_call_id": str(value), "content": "x"},
            tools=[{"type": "function", "function": value}],
            tool_choice=value,
            functions=value,
        )
        try:
            llm_kwargs(template, model | {"parameters": value})
        except Unconvertible:
            continue
