"""What every conversion is made of. All of it takes any JSON: what is not understood is kept as it is, nothing raises.

A template made from these parts always has the frame that `blueprint` asks for: a message has a role, and a content
that is null or a list of blocks; a block has a type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from shared.records import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]


class Exchange(NamedTuple):
    """A call of a provider: what was asked, what came back (None when nothing did), and with which parameters."""

    input: Json
    output: Json | None
    parameters: Json
    api_type: str | None = None


def as_object(value: Any) -> Json:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is a list; nothing for null; else a list of it alone."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def first(source: Json, *names: str) -> Any:
    """The value of the first of these keys that is there and not null: clients spell keys in several ways."""
    return next((value for name in names if (value := source.get(name)) is not None), None)


def without_nulls(source: Json) -> Json:
    """The object without the keys that are null, which clients' own models are full of."""
    return {name: value for name, value in source.items() if value is not None}


def others(source: Json, *names: str) -> Json:
    """The object without these keys."""
    return {name: value for name, value in source.items() if name not in names}


def text_of(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json_text(value)


def text_block(text: str) -> Json:
    """A block of text."""
    return {"type": "text", "text": text}


def block(value: Any) -> Json:
    """A content block as it is; text becomes one. Whatever else may stand there is kept inside a block."""
    if isinstance(value, str):
        return text_block(value)
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        return without_nulls(value)
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return {"type": "text", **without_nulls(others(value, "type"))}
    return {"type": "unknown", "value": value}


def role_of(source: Json, default: str) -> str:
    """The role of a message."""
    role = source.get("role")
    return role if isinstance(role, str) else default


def tool_call(call_id: Any, name: Any, arguments: Any) -> Json:
    """A call of a tool; `arguments` may be JSON text or what it stands for."""
    function = {"name": text_of(name), "arguments": text_of({} if arguments is None else arguments)}
    return {"id": call_id, "type": "function", "function": function}


def tool_message(call_id: Any, content: list[Json], **more: Any) -> Json:
    """What a tool answered."""
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


def function_tool(source: Json, parameters: Any) -> Json:
    """A function that the model may call, from what the provider's request says of it."""
    function = {"name": text_of(source.get("name") or ""), "description": source.get("description") or ""}
    if isinstance(source.get("strict"), bool):
        function["strict"] = source["strict"]
    return {"type": "function", "function": {**function, "parameters": parameters}}


def named_choice(name: Any) -> Json:
    """A `tool_choice` that asks for one function."""
    return {"type": "function", "function": {"name": text_of(name)}}


def assistant(content: list[Json], tool_calls: list[Json]) -> Json:
    """A message of the model."""
    message: Json = {"role": "assistant", "content": content}
    return {**message, "tool_calls": tool_calls} if tool_calls else message


def chat(messages: Iterable[Json], **more: Any) -> Json:
    """A chat template; what is null or empty of `more` is left out."""
    return {"type": "chat", "messages": list(messages), **{name: value for name, value in more.items() if value}}
