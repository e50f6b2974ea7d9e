"""Anthropic messages, from its own API or from who else sells it."""

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
    tool_call,
    tool_message,
)

_TOOL_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}


def exchange(request: Json, response: Json) -> Exchange:
    """The call as templates. The system prompt is the first message."""
    messages = [message for value in as_list(request.get("messages")) for message in _messages(value)]
    system = [block(part) for part in as_list(request.get("system"))]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    input = chat(
        messages,
        tools=[_tool(tool) for tool in as_list(request.get("tools"))],
        tool_choice=_tool_choice(request.get("tool_choice")),
    )
    answered = response.get("content") is not None
    parameters = others(request, "model", "messages", "system", "tools", "tool_choice")
    output = chat(_messages({"role": "assistant", "content": response["content"]})) if answered else None
    return Exchange(input, output, parameters, "messages")


def _messages(value: Any) -> list[Json]:
    """One message, or several: results of tools stand in a user's message here, and are messages in a template."""
    source = value if isinstance(value, dict) else {"content": value}
    role = role_of(source, "user")
    parts = as_list(source.get("content"))
    if role == "assistant":
        calls = [_tool_call(part) for part in parts if _kind(part) == "tool_use"]
        return [assistant([_block(part) for part in parts if _kind(part) != "tool_use"], calls)]
    results = [_tool_result(part) for part in parts if _kind(part) == "tool_result"]
    rest = [_block(part) for part in parts if _kind(part) != "tool_result"]
    return [*results, {"role": role, "content": rest}] if rest or not results else results


def _kind(part: Any) -> Any:
    return as_object(part).get("type")


def _tool_call(part: Json) -> Json:
    return tool_call(part.get("id"), part.get("name"), part.get("input"))


def _tool_result(part: Json) -> Json:
    content = [_block(inner) for inner in as_list(part.get("content"))]
    failed = {"is_error": True} if part.get("is_error") is True else {}
    return tool_message(part.get("tool_use_id"), content, **failed)


def _block(part: Any) -> Json:
    source = as_object(as_object(part).get("source"))
    form = source.get("type")
    content = source.get("url") if form == "url" else source.get("data") if form == "base64" else None
    if not isinstance(content, str) or _kind(part) not in ("image", "document"):
        return block(part)
    media_type = source.get("media_type")
    if _kind(part) == "image":
        url = content if form == "url" else f"data:{media_type};base64,{content}"
        return {"type": "image_url", "image_url": {"url": url}}
    media = {"title": part.get("title") or "", "type": media_type, "url": content, "format": form}
    return {"type": "media", "media": media}


def _tool(value: Any) -> Any:
    tool = as_object(value)
    return function_tool(tool, tool["input_schema"]) if "input_schema" in tool else value


def _tool_choice(value: Any) -> Any:
    choice = as_object(value)
    if choice.get("type") == "tool":
        return named_choice(choice.get("name"))
    kind = choice.get("type")
    return _TOOL_CHOICES.get(kind, value) if isinstance(kind, str) else value
