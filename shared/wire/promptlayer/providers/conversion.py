"""Chooses the conversion for a call of a provider, by the function's name and the shape of what it got and gave."""

from __future__ import annotations

from typing import Any, Final

from shared.wire.promptlayer.providers import anthropic_messages, completions, google, openai_chat, openai_responses
from shared.wire.promptlayer.providers.parts import Exchange, Json, as_object, chat

_GOOGLE: Final = ("generate_content", "generatecontent", "send_message", "sendmessage")


def convert(function_name: str, request: Any, response: Any) -> Exchange:
    """The call as templates. One of an API that is not known has an empty input and no output. Takes any JSON."""
    asked, answered = as_object(request), as_object(response)
    name = function_name.lower()
    if ".responses." in f".{name}." or answered.get("object") == "response":
        return openai_responses.exchange(asked, answered)
    if any(word in name for word in _GOOGLE) or "contents" in asked or "candidates" in answered:
        return google.exchange(asked, answered)
    if _is_anthropic(name, asked, answered):
        return anthropic_messages.exchange(asked, answered)
    if "messages" in asked:
        return openai_chat.exchange(asked, answered)
    if "prompt" in asked:
        return completions.exchange(asked, answered)
    return Exchange(chat([]), None, {})


def _is_anthropic(name: str, asked: Json, answered: Json) -> bool:
    return "messages" in asked and ("anthropic" in name or answered.get("type") == "message")
