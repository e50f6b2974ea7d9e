"""Messages of a call of a model as instrumentations write them into spans, as chat messages.

A chat message is `{"role", "content", "tool_calls", "tool_call_id", ...}`, as OpenAI's chat API and others have it.
All of this takes any JSON: what is not understood is kept as a content block, nothing raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from shared.errors import BadRequest
from shared.http.json_bodies import check_depth
from shared.records import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]

_JSON_STARTS: Final = frozenset('[{"')
_PLAIN_KEYS: Final = ("name", "finish_reason")
"""Of a message, kept beside its parts."""


def parsed(value: Any) -> Any:
    """The JSON in a text; any other text, and any other value, as it is. So is JSON that is nested too deeply."""
    if not isinstance(value, str) or value[:1] not in _JSON_STARTS:
        return value
    try:
        found = orjson.loads(value)
        check_depth(found)
    except (orjson.JSONDecodeError, BadRequest):
        return value
    return found


def messages(value: Any, role: str) -> list[Json]:
    """The messages in an attribute, JSON text or not. `role` is that of a message that says none."""
    found = parsed(value)
    if found is None or found == "":
        return []
    items = found if isinstance(found, list) else [found]
    return [message for item in items for message in _messages(item, role)]


def instructions(value: Any) -> list[Json]:
    """The system message in an attribute that has its parts, or its text."""
    found = parsed(value)
    if found is None or found == "":
        return []
    parts = found if isinstance(found, list) else [found]
    if parts and all(isinstance(part, dict) and "role" in part for part in parts):
        return messages(parts, "system")
    return _of_parts({"role": "system"}, parts, "system")


def message(source: Json, role: str) -> Json:
    """A message that has its fields already; texts that hold JSON lists of tool calls or blocks are parsed."""
    found = {name: value for name, value in source.items() if value is not None and name != "parts"}
    own_role = source.get("role")
    found["role"] = own_role if isinstance(own_role, str) and own_role else role
    if "content" in found:
        found["content"] = _content(found["content"])
    calls = parsed(found.pop("tool_calls", None))
    if isinstance(calls, list) and calls:
        found["tool_calls"] = [_chat_call(call) for call in calls]
    return found


def tool_call(call_id: Any, name: Any, arguments: Any) -> Json:
    """A call of a tool."""
    text = arguments if isinstance(arguments, str) else json_text({} if arguments is None else arguments)
    function = {"name": name if isinstance(name, str) else "", "arguments": text}
    return {"id": call_id if isinstance(call_id, str) else "", "type": "function", "function": function}


def _messages(item: Any, role: str) -> Iterable[Json]:
    if not isinstance(item, dict):
        return [{"role": role, "content": item if isinstance(item, str) else json_text(item)}]
    parts = parsed(item.get("parts"))
    return _of_parts(item, parts, role) if isinstance(parts, list) else [message(item, role)]


def _of_parts(source: Json, parts: list[Any], role: str) -> list[Json]:
    """What tools answered becomes a message for each answer; all else is one message."""
    own_role = source.get("role")
    found: Json = {"role": own_role if isinstance(own_role, str) and own_role else role}
    found |= {name: source[name] for name in _PLAIN_KEYS if source.get(name) is not None}
    blocks: list[Json] = []
    calls: list[Json] = []
    thoughts: list[Json] = []
    answers: list[Json] = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "tool_call":
            calls.append(tool_call(part.get("id"), part.get("name"), part.get("arguments")))
        elif kind == "tool_call_response":
            answer = part.get("response", part.get("result"))
            text = answer if isinstance(answer, str) else json_text(answer)
            answers.append({"role": "tool", "tool_call_id": part.get("id") or "", "content": text})
        elif kind in ("reasoning", "thinking"):  # a tuple: a kind may be anything, also what has no hash
            thought = part.get("content", part.get("thinking"))
            thoughts.append({"type": "thinking", "thinking": _text(thought), "signature": _text(part.get("signature"))})
        else:
            blocks.append(_block(part))
    if blocks:
        is_text = len(blocks) == 1 and blocks[0]["type"] == "text"
        found["content"] = blocks[0]["text"] if is_text else blocks
    if calls:
        found["tool_calls"] = calls
    if thoughts:
        found["thinking"] = thoughts
    return [*answers, found] if blocks or calls or thoughts or not answers else answers


def _block(part: Any) -> Json:
    if not isinstance(part, dict):
        return {"type": "text", "text": part if isinstance(part, str) else json_text(part)}
    kind, content = part.get("type"), part.get("content")
    if kind == "text":
        return {"type": "text", "text": _text(content if content is not None else part.get("text"))}
    is_image = part.get("modality") == "image" or str(part.get("mime_type", "")).startswith("image/")
    if is_image and kind == "uri" and isinstance(part.get("uri"), str):
        return {"type": "image_url", "image_url": {"url": part["uri"]}}
    if is_image and kind == "blob" and isinstance(content, str):
        url = f"data:{part.get('mime_type') or 'image/png'};base64,{content}"
        return {"type": "image_url", "image_url": {"url": url}}
    return part if isinstance(kind, str) else {"type": "unknown", "value": part}


def _content(content: Any) -> Any:
    """Content as text, or as a list of blocks. Text that is JSON is parsed only when it is a list of blocks."""
    found = parsed(content)
    if isinstance(found, list) and found and all(isinstance(item, dict) and "type" in item for item in found):
        return [_block(item) for item in found]
    return content if isinstance(content, str) or content is None else json_text(content)


def _chat_call(call: Any) -> Json:
    source = call if isinstance(call, dict) else {"name": _text(call)}
    function = source.get("function")
    named = function if isinstance(function, dict) else source
    return tool_call(source.get("id"), named.get("name"), named.get("arguments"))


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json_text(value)
