from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Invalid
from shared.wire.humanloop.messages import Message, message_text, tool_names
from shared.wire.scalars import WireModel
from shared.wire.validation import validate

CALL = {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": "{}"}}


class Body(WireModel):
    message: Message


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user"},
        {"role": "user", "content": None, "name": None, "tool_calls": None, "thinking": None},
        {"role": "user", "content": ""},
        {"role": "user", "content": "a\u0000b", "name": "Ann"},
        {"role": "narrator", "content": "a role of tomorrow"},
        {"role": "user", "content": []},
        {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b", "detail": "odd"}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA"}}]},
        {"role": "tool", "content": "42", "tool_call_id": "call_1"},
        {"role": "assistant", "tool_calls": [CALL, {"id": "2", "type": "function", "function": {"name": "f"}}]},
        {"role": "assistant", "thinking": [{"type": "thinking", "thinking": "hm", "signature": "s"}]},
        {"role": "assistant", "thinking": [{"type": "redacted_thinking", "data": "x"}, {"type": "musing"}]},
        {"role": "assistant", "content": "x", "refusal": None, "audio": {"id": 1}},
    ],
)
def test_a_message_is_kept_as_it_was_sent(message: dict[str, Any]) -> None:
    assert validate(Body, {"message": message}).message is message


@pytest.mark.parametrize(
    ("message", "loc"),
    [
        ("hi", []),
        ({}, ["role"]),
        ({"role": None}, ["role"]),
        ({"role": 1}, ["role"]),
        ({"role": "user", "content": 5}, ["content"]),
        ({"role": "user", "content": {"type": "text", "text": "hi"}}, ["content"]),
        ({"role": "user", "content": ["hi"]}, ["content", 0]),
        ({"role": "user", "content": [{"text": "hi"}]}, ["content", 0, "type"]),
        ({"role": "user", "content": [{"type": 7}]}, ["content", 0, "type"]),
        ({"role": "user", "content": [{"type": ["text"]}]}, ["content", 0, "type"]),
        ({"role": "user", "content": [{"type": "text"}]}, ["content", 0, "text"]),
        ({"role": "user", "content": [{"type": "text", "text": None}]}, ["content", 0, "text"]),
        ({"role": "user", "content": [{"type": "image_url"}]}, ["content", 0, "image_url"]),
        ({"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}, ["content", 0, "image_url"]),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, ["content", 0, "image_url", "url"]),
        ({"role": "user", "name": 1}, ["name"]),
        ({"role": "tool", "tool_call_id": 1}, ["tool_call_id"]),
        ({"role": "assistant", "tool_calls": {}}, ["tool_calls"]),
        ({"role": "assistant", "tool_calls": [{**CALL, "id": None}]}, ["tool_calls", 0, "id"]),
        ({"role": "assistant", "tool_calls": [CALL, {**CALL, "type": "custom"}]}, ["tool_calls", 1, "type"]),
        ({"role": "assistant", "tool_calls": [{**CALL, "function": {}}]}, ["tool_calls", 0, "function", "name"]),
        (
            {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}]},
            ["tool_calls", 0, "function", "arguments"],
        ),
        ({"role": "assistant", "thinking": "hm"}, ["thinking"]),
        ({"role": "assistant", "thinking": [{"type": "thinking", "thinking": "hm"}]}, ["thinking", 0, "signature"]),
        ({"role": "assistant", "thinking": [{"type": "redacted_thinking"}]}, ["thinking", 0, "data"]),
    ],
)
def test_what_a_strict_client_could_not_read_is_refused_by_name(message: Any, loc: list[str | int]) -> None:
    with pytest.raises(Invalid) as caught:
        validate(Body, {"message": message})
    assert [problem["loc"] for problem in caught.value.detail or []] == [["body", "message", *loc]]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"role": "user"}, ""),
        ({"role": "user", "content": None}, ""),
        ({"role": "user", "content": "hi"}, "hi"),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "x"}, {"type": "text", "text": "b"}]},
            "a\nb",
        ),
    ],
)
def test_message_text(message: dict[str, Any], text: str) -> None:
    assert message_text(message) == text


def test_tool_names_are_in_order_and_once() -> None:
    calls = [{"function": {"name": name}} for name in ("b", "a", "b")]
    assert tool_names({"tool_calls": calls}) == ["b", "a"]
    assert tool_names({"tool_calls": None}) == []
    assert tool_names({}) == []
