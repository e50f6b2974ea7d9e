"""Chat messages: checked as far as the API defines them, kept exactly as sent.

What is checked is what the strict JavaScript client needs to read a message back. Roles, content types and keys that
nobody defined are kept: they are how the API grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Tag
from pydantic_core import core_schema

from shared.wire.scalars import Items

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidatorFunctionWrapHandler


class AsSent:
    """Annotation of a field that is checked against a model and holds the value as it was sent."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_wrap_validator_function(_check, handler.generate_schema(self._model))


def _check(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    check(value)
    return value


class Part(BaseModel):
    """An object inside a body. Only its known keys are looked at."""

    model_config = ConfigDict(extra="ignore")


def by_type(*known: str) -> Discriminator:
    """Chooses a union member by an item's `type`: the one tagged `<type> item`, or `other item` for all other types."""

    def tag(item: Any) -> str:
        kind = item.get("type") if isinstance(item, dict) else None
        return f"{kind} item" if kind in known else "other item"

    return Discriminator(tag)


class OtherItem(Part):
    type: str


class TextItem(Part):
    text: str


class ImageUrl(Part):
    url: str
    detail: str | None = None


class ImageItem(Part):
    image_url: ImageUrl


class ThinkingItem(Part):
    thinking: str
    signature: str


class RedactedThinkingItem(Part):
    data: str


class FunctionCall(Part):
    name: str
    arguments: str | None = None


class ToolCall(Part):
    id: str
    type: Literal["function"]
    function: FunctionCall


ContentItem = Annotated[
    Annotated[TextItem, Tag("text item")]
    | Annotated[ImageItem, Tag("image_url item")]
    | Annotated[OtherItem, Tag("other item")],
    by_type("text", "image_url"),
]

Thinking = Annotated[
    Annotated[ThinkingItem, Tag("thinking item")]
    | Annotated[RedactedThinkingItem, Tag("redacted_thinking item")]
    | Annotated[OtherItem, Tag("other item")],
    by_type("thinking", "redacted_thinking"),
]


class ChatMessage(Part):
    """What a message must look like."""

    role: str
    content: str | Items[ContentItem] | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: Items[ToolCall] | None = None
    thinking: Items[Thinking] | None = None


Message = Annotated[dict[str, Any], AsSent(ChatMessage)]
"""A field that takes a chat message and holds it as it was sent."""


def message_text(message: dict[str, Any]) -> str:
    """The text of a checked message: its string content, or its text items, one per line."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(item["text"] for item in content if item["type"] == "text")
    return content or ""


def tool_names(message: dict[str, Any]) -> list[str]:
    """The functions that a checked message calls, in order, each once."""
    return list(dict.fromkeys(call["function"]["name"] for call in message.get("tool_calls") or ()))
