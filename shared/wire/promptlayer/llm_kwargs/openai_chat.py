"""The arguments of OpenAI's chat completions, and of APIs in their image; and of its completions of a text."""

from __future__ import annotations

from typing import Any

from shared.wire.promptlayer.llm_kwargs.parts import (
    blocks_of,
    calls_of,
    functions_of,
    image_url,
    media_type,
    media_url,
    messages_of,
    text_in,
    text_of_block,
    unconvertible_block,
)
from shared.wire.promptlayer.providers.parts import Json, as_object, text_block, text_of, without_nulls


def chat_arguments(template: Json) -> Json:
    """The messages and tools of a chat. Raises Unconvertible."""
    arguments: Json = {"messages": [_message(message) for message in messages_of(template)]}
    functions = functions_of(template)
    if functions:
        arguments["tools"] = [{"type": "function", "function": without_nulls(function)} for function in functions]
        # The names of the time when functions were not tools.
        choice = template.get("tool_choice") or template.get("function_call")
        if choice is not None:
            is_function = isinstance(choice, dict) and "type" not in choice
            arguments["tool_choice"] = {"type": "function", "function": choice} if is_function else choice
    return arguments


def completion_arguments(template: Json) -> Json:
    """The prompt of a completion. Raises Unconvertible."""
    return {"prompt": text_in(template["content"])}


def _message(message: Json) -> Json:
    role, blocks = message["role"], blocks_of(message)
    calls = [
        {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for call_id, name, arguments in calls_of(message)
    ]
    converted: Json = {"role": role, "content": _content(blocks, takes_media=role == "user")}
    if calls:
        converted["tool_calls"] = calls
    others = {name: message.get(name) for name in ("name", "tool_call_id", "function_call")}
    return {**converted, **without_nulls(others)}


def _content(blocks: list[Json], *, takes_media: bool) -> Any:
    """A text alone as it is, more as a list."""
    if not blocks:
        return None
    if len(blocks) == 1 and blocks[0]["type"] == "text":
        return text_of_block(blocks[0])
    return [_part(block) if takes_media else text_block(text_of_block(block)) for block in blocks]


def _part(block: Json) -> Json:
    if block["type"] == "text":
        return text_block(text_of_block(block))
    url = image_url(block)
    if url is not None:
        detail = as_object(block.get("image_url")).get("detail")
        return {"type": "image_url", "image_url": without_nulls({"url": url, "detail": detail})}
    if media_type(block) == "application/pdf":
        title = text_of(as_object(block.get("media")).get("title") or "document.pdf")
        return {"type": "file", "file": {"filename": title, "file_data": media_url(block)}}
    raise unconvertible_block(block)
