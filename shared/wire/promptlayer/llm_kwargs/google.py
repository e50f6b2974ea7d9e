"""The arguments of Google's clients, as PromptLayer's pass them on: a history, or contents, and a configuration."""

from __future__ import annotations

from typing import Any

import orjson

from shared.wire.promptlayer.llm_kwargs.parts import (
    SYSTEM_ROLES,
    Unconvertible,
    blocks_of,
    calls_of,
    data_of,
    functions_of,
    image_url,
    media_type,
    media_url,
    messages_of,
    text_of_block,
)
from shared.wire.promptlayer.providers.parts import Json, text_of, without_nulls


def chat_arguments(template: Json) -> Json:
    """The history and configuration of a chat. Raises Unconvertible."""
    messages = messages_of(template)
    system = [block for message in messages if message["role"] in SYSTEM_ROLES for block in blocks_of(message)]
    names = {text_of(call_id): name for message in messages for call_id, name, _ in calls_of(message)}
    history = [_content(message, names) for message in messages if message["role"] not in SYSTEM_ROLES]
    configuration: Json = {}
    if system:
        configuration["system_instruction"] = {"parts": [{"text": text_of_block(block)} for block in system]}
    functions = functions_of(template)
    if functions:
        configuration["tools"] = [{"function_declarations": [_declaration(function) for function in functions]}]
    return {"history": history, "generation_config": configuration}


def completion_arguments(template: Json) -> Json:
    """The contents of a completion. Raises Unconvertible."""
    parts = [_part(block) for block in template["content"]]
    return {"contents": [{"role": "user", "parts": parts}], "generation_config": {}}


def _content(message: Json, names: dict[str, str]) -> Json:
    parts = [_part(block) for block in blocks_of(message)]
    if message["role"] == "tool":
        call_id = text_of(message.get("tool_call_id") or "")
        result = {"name": names.get(call_id, call_id), "response": {"output": _text(parts)}}
        return {"role": "user", "parts": [{"function_response": result}]}
    calls = [{"function_call": {"name": name, "args": _args(text)}} for _, name, text in calls_of(message)]
    return {"role": "model" if message["role"] == "assistant" else "user", "parts": [*parts, *calls]}


def _part(block: Json) -> Json:
    url = image_url(block)
    kind = media_type(block) or "image/jpeg"
    if url is None and block["type"] == "media":
        url = media_url(block)
    if url is None:
        return {"text": text_of_block(block)}
    data = data_of(url)
    if data is None:
        return {"file_data": {"mime_type": kind, "file_uri": url}}
    return {"inline_data": {"mime_type": data[0], "data": data[1]}}


def _text(parts: list[Json]) -> str:
    return "\n".join(text_of(part.get("text") or "") for part in parts)


def _args(arguments: str) -> Any:
    try:
        return orjson.loads(arguments)
    except orjson.JSONDecodeError:
        raise Unconvertible("arguments of a tool call that are not JSON") from None


def _declaration(function: Json) -> Json:
    return without_nulls({name: function.get(name) for name in ("name", "description", "parameters")})
