"""Places of a template for more than text: messages and tools that come from input variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.wire.promptlayer.blueprint import are_messages
from shared.wire.validation import invalid_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.errors import Invalid

Json = dict[str, Any]

PLACEHOLDER: Final = "placeholder"
"""The role of a message that stands for the messages in a variable."""

_TOOL_VARIABLE: Final = "variable"


def expanded(template: Json, variables: Mapping[str, Any]) -> Json:
    """The template with messages and tools in the places that have the name of a variable; the argument is not changed.

    Messages are taken as they are, and not filled in. A place without a variable stays. Raises Invalid for a variable
    that does not hold what its place asks for.
    """
    if template["type"] != "chat":
        return template
    messages: list[Json] = []
    for message in template["messages"]:
        name = _variable(message, variables) if message["role"] == PLACEHOLDER else None
        messages += [message] if name is None else _messages(name, variables[name])
    tools = template.get("tools")
    if not isinstance(tools, list):
        return {**template, "messages": messages}
    expanded_tools: list[Any] = []
    for tool in tools:
        is_place = isinstance(tool, dict) and tool.get("type") == _TOOL_VARIABLE
        name = _variable(tool, variables) if is_place else None
        expanded_tools += [tool] if name is None else _tools(name, variables[name])
    return {**template, "messages": messages, "tools": expanded_tools}


def _variable(place: Json, variables: Mapping[str, Any]) -> str | None:
    """The name of a place, if there is a variable for it."""
    name = place.get("name")
    return name if isinstance(name, str) and name in variables else None


def _messages(name: str, value: Any) -> list[Json]:
    if not are_messages(value):
        raise _wrong(name, "must be a list of messages, each with a role, for it stands in a placeholder")
    messages: list[Json] = value
    return messages


def _tools(name: str, value: Any) -> list[Json]:
    if not isinstance(value, list) or not all(isinstance(tool, dict) for tool in value):
        raise _wrong(name, "must be a list of tools, for it stands in their place")
    return value


def _wrong(name: str, text: str) -> Invalid:
    return invalid_fields([{"loc": ["body", "input_variables", name[:80]], "msg": text, "type": "list_type"}])
