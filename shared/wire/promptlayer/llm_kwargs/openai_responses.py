"""The arguments of OpenAI's Responses API, where a conversation is a list of messages, calls and their results."""

from __future__ import annotations

from typing import Any

from shared.wire.promptlayer.llm_kwargs.parts import (
    blocks_of,
    calls_of,
    chosen_function,
    functions_of,
    image_url,
    media_type,
    media_url,
    messages_of,
    text_in,
    text_of_block,
    unconvertible_block,
)
from shared.wire.promptlayer.providers.parts import Json, as_object, text_of, without_nulls


def chat_arguments(template: Json) -> Json:
    """The items and tools of a chat. Raises Unconvertible."""
    arguments: Json = {"input": [item for message in messages_of(template) for item in _items(message)]}
    functions = functions_of(template)
    if functions:
        arguments["tools"] = [{"type": "function", **without_nulls(function)} for function in functions]
        choice = template.get("tool_choice")
        name = chosen_function(choice)
        if choice is not None:
            arguments["tool_choice"] = choice if name is None else {"type": "function", "name": name}
    return arguments


def completion_arguments(template: Json) -> Json:
    """The input of a completion. Raises Unconvertible."""
    return {"input": text_in(template["content"])}


def _items(message: Json) -> list[Json]:
    role, blocks = message["role"], blocks_of(message)
    if role == "tool":
        call_id = message.get("tool_call_id")
        return [{"type": "function_call_output", "call_id": call_id, "output": text_in(blocks)}]
    calls = [
        {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
        for call_id, name, arguments in calls_of(message)
    ]
    content = [_part(block, role) for block in blocks]
    return [{"role": role, "content": content}, *calls] if content else calls


def _part(block: Json, role: Any) -> Json:
    if block["type"] == "text":
        return {"type": "output_text" if role == "assistant" else "input_text", "text": text_of_block(block)}
    url = image_url(block)
    if url is not None:
        detail = as_object(block.get("image_url")).get("detail") or "auto"
        return {"type": "input_image", "image_url": url, "detail": detail}
    if media_type(block) == "application/pdf":
        title = text_of(as_object(block.get("media")).get("title") or "document.pdf")
        return {"type": "input_file", "filename": title, "file_data": media_url(block)}
    raise unconvertible_block(block)
