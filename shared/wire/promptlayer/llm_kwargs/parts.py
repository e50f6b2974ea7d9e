"""What every conversion reads a template with. A template's frame is checked; what its blocks hold may be anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.wire.promptlayer.placeholders import PLACEHOLDER
from shared.wire.promptlayer.providers.parts import Json, as_list, as_object, text_block, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEM_ROLES: Final = frozenset({"system", "developer"})


class Unconvertible(ValueError):
    """The template has something for which the provider's request has no form; the text says what."""


def messages_of(template: Json) -> list[Json]:
    """The messages of a chat, without placeholders for which there was no variable."""
    return [message for message in template["messages"] if message["role"] != PLACEHOLDER]


def blocks_of(message: Json) -> list[Json]:
    """The content of a message as blocks, without what the model thought."""
    content = message.get("content")
    if isinstance(content, str):
        return [text_block(content)]
    return [block for block in content or () if block["type"] != "thinking"]


def text_in(blocks: list[Json]) -> str:
    """The text of blocks that have nothing else. Raises Unconvertible for others."""
    return "\n".join(text_of_block(block) for block in blocks)


def text_of_block(block: Json) -> str:
    """The text of a block that is one. Raises Unconvertible."""
    if block["type"] != "text":
        raise unconvertible_block(block)
    return text_of(block.get("text") or "")


def image_url(block: Json) -> str | None:
    """The address (or `data:` URL) of a block that is an image."""
    if block["type"] == "image_url":
        image = block.get("image_url")
        return text_of(as_object(image).get("url") if isinstance(image, dict) else image or "")
    return media_url(block) if media_type(block).startswith("image/") else None


def media_type(block: Json) -> str:
    """The media type of a block of media; empty for any other."""
    if block["type"] != "media":
        return ""
    return text_of(as_object(block.get("media")).get("type") or "image/jpeg")


def media_url(block: Json) -> str:
    """Where the contents of a block of media are: an address, or a `data:` URL."""
    media = as_object(block.get("media"))
    url = text_of(media.get("url") or "")
    return f"data:{media_type(block)};base64,{url}" if media.get("format") == "base64" and ":" not in url else url


def data_of(url: str) -> tuple[str, str] | None:
    """The media type and the base64 text of a `data:` URL; None for any other URL."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    return head.removeprefix("data:").removesuffix(";base64"), data


def unconvertible_block(block: Json) -> Unconvertible:
    """The error for a block of a type that a place can't hold."""
    return Unconvertible(f"a content block of type {block['type'][:40]!r}")


def functions_of(template: Json) -> list[Json]:
    """The functions that the model may call. Raises Unconvertible for tools that are none."""
    functions = [as_object(function) for function in as_list(template.get("functions"))]
    for value in as_list(template.get("tools")):
        tool = as_object(value)
        if tool.get("type") != "function":
            raise Unconvertible(f"a tool of type {str(tool.get('type'))[:40]!r}")
        functions.append(as_object(tool.get("function")))
    return functions


def calls_of(message: Json) -> Iterator[tuple[Any, str, str]]:
    """(id, name, arguments as JSON text) of the functions that a message calls."""
    for value in as_list(message.get("tool_calls")):
        call = as_object(value)
        function = as_object(call.get("function"))
        yield call.get("id"), text_of(function.get("name") or ""), text_of(function.get("arguments") or "{}")


def chosen_function(choice: Any) -> str | None:
    """The name in a `tool_choice` that asks for one function."""
    function = as_object(as_object(choice).get("function"))
    return text_of(function["name"]) if "name" in function else None
