"""The OpenAI Responses API, where a conversation is a list of items: messages, calls, their results, reasoning."""

from __future__ import annotations

from typing import Any, Final

from shared.wire.promptlayer.providers.parts import (
    Exchange,
    Json,
    as_list,
    as_object,
    assistant,
    block,
    chat,
    function_tool,
    named_choice,
    others,
    role_of,
    text_block,
    tool_call,
    tool_message,
    without_nulls,
)

_TEXTS: Final = ("input_text", "output_text")
"""A tuple: a type may be anything, also what has no hash."""


def exchange(request: Json, response: Json) -> Exchange:
    """The call as templates. Instructions are the first message, of the system."""
    asked = _messages(as_list(request.get("input")))
    instructions = request.get("instructions")
    if isinstance(instructions, str):
        asked.insert(0, {"role": "system", "content": [text_block(instructions)]})
    input = chat(
        asked,
        tools=[_tool(tool) for tool in as_list(request.get("tools"))],
        tool_choice=_tool_choice(request.get("tool_choice")),
    )
    answers = _messages(as_list(response.get("output")))
    parameters = others(request, "model", "input", "instructions", "tools", "tool_choice")
    return Exchange(input, chat(answers) if answers else None, parameters, "responses")


def _messages(items: list[Any]) -> list[Json]:
    """Messages, in order: what the model says, thinks and calls without anybody between is one message."""
    messages: list[Json] = []
    content: list[Json] = []
    calls: list[Json] = []

    def end_turn() -> None:
        if content or calls:
            messages.append(assistant(content.copy(), calls.copy()))
            content.clear()
            calls.clear()

    for value in items:
        item = {"role": "user", "content": value} if isinstance(value, str) else as_object(value)
        kind = item.get("type")
        if kind == "function_call_output":
            end_turn()
            messages.append(tool_message(item.get("call_id"), _blocks(item.get("output"))))
        elif kind == "function_call":
            calls.append(tool_call(item.get("call_id"), item.get("name"), item.get("arguments")))
        elif kind == "reasoning":
            content.append(_thinking(item))
        elif "role" not in item:
            content.append(block(value))
        elif item["role"] == "assistant":
            content += _blocks(item.get("content"))
        else:
            end_turn()
            messages.append({"role": role_of(item, "user"), "content": _blocks(item.get("content"))})
    end_turn()
    return messages


def _blocks(content: Any) -> list[Json]:
    return [_block(part) for part in as_list(content)]


def _block(part: Any) -> Json:
    source = as_object(part)
    kind = source.get("type")
    if kind in _TEXTS and isinstance(source.get("text"), str):
        return {**without_nulls(source), "type": "text"}
    if kind == "input_image" and isinstance(source.get("image_url"), str):
        return {
            "type": "image_url",
            "image_url": without_nulls({"url": source["image_url"], "detail": source.get("detail")}),
        }
    return block(part)


def _thinking(item: Json) -> Json:
    texts = [as_object(part).get("text") for part in (*as_list(item.get("summary")), *as_list(item.get("content")))]
    thinking = "\n".join(text for text in texts if isinstance(text, str))
    return without_nulls({"type": "thinking", "thinking": thinking, "id": item.get("id")})


def _tool(value: Any) -> Any:
    tool = as_object(value)
    return function_tool(tool, tool.get("parameters")) if tool.get("type") == "function" and "name" in tool else value


def _tool_choice(value: Any) -> Any:
    choice = as_object(value)
    return named_choice(choice["name"]) if choice.get("type") == "function" and "name" in choice else value
