"""The arguments of Anthropic's messages: the system prompt apart, results of tools inside the user's messages."""

from __future__ import annotations

from typing import Any, Final

import orjson

from shared.wire.promptlayer.llm_kwargs.parts import (
    SYSTEM_ROLES,
    Unconvertible,
    blocks_of,
    calls_of,
    chosen_function,
    data_of,
    functions_of,
    image_url,
    media_type,
    media_url,
    messages_of,
    text_of_block,
    unconvertible_block,
)
from shared.wire.promptlayer.providers.parts import Json, text_block, without_nulls

MAX_TOKENS: Final = 1024
"""The API needs a limit: this one where the template has none."""

_TOOL_CHOICES: Final = {"auto": {"type": "auto"}, "required": {"type": "any"}, "none": {"type": "none"}}


def chat_arguments(template: Json) -> Json:
    """The messages, system prompt and tools of a chat, and `max_tokens`. Raises Unconvertible."""
    messages = messages_of(template)
    system = [block for message in messages if message["role"] in SYSTEM_ROLES for block in blocks_of(message)]
    arguments: Json = {"messages": _conversation(messages), "max_tokens": MAX_TOKENS}
    if system:
        arguments["system"] = [text_block(text_of_block(block)) for block in system]
    functions = functions_of(template)
    if functions:
        arguments["tools"] = [_tool(function) for function in functions]
        choice = _tool_choice(template.get("tool_choice"))
        if choice is not None:
            arguments["tool_choice"] = choice
    return arguments


def _conversation(messages: list[Json]) -> list[Json]:
    """The messages of the user and the model in turn: those of one role without the other between are one."""
    turns: list[Json] = []
    for message in messages:
        if message["role"] in SYSTEM_ROLES:
            continue
        role = "assistant" if message["role"] == "assistant" else "user"
        content = _content(message)
        if not content:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += content
        else:
            turns.append({"role": role, "content": content})
    return turns


def _content(message: Json) -> list[Json]:
    blocks = [_block(block) for block in blocks_of(message)]
    if message["role"] == "tool":
        return [{"type": "tool_result", "tool_use_id": message.get("tool_call_id"), "content": blocks}]
    calls = [
        {"type": "tool_use", "id": call_id, "name": name, "input": _input(arguments)}
        for call_id, name, arguments in calls_of(message)
    ]
    return [*blocks, *calls]


def _block(block: Json) -> Json:
    if block["type"] == "text":
        return text_block(text_of_block(block))
    url = image_url(block)
    if url is not None:
        return {"type": "image", "source": _source(url)}
    if media_type(block) == "application/pdf":
        return {"type": "document", "source": _source(media_url(block))}
    raise unconvertible_block(block)


def _source(url: str) -> Json:
    data = data_of(url)
    if data is None:
        return {"type": "url", "url": url}
    return {"type": "base64", "media_type": data[0], "data": data[1]}


def _input(arguments: str) -> Any:
    try:
        return orjson.loads(arguments)
    except orjson.JSONDecodeError:
        raise Unconvertible("arguments of a tool call that are not JSON") from None


def _tool(function: Json) -> Json:
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    named = {"name": function.get("name"), "description": function.get("description") or None}
    return {**without_nulls(named), "input_schema": schema}


def _tool_choice(choice: Any) -> Json | None:
    name = chosen_function(choice)
    if name is not None:
        return {"type": "tool", "name": name}
    return _TOOL_CHOICES.get(choice) if isinstance(choice, str) else None
