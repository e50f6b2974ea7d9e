"""`llm_kwargs`: chooses the API by the model's provider, and adds the model and its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.wire.promptlayer.llm_kwargs import anthropic_messages, google, openai_chat, openai_responses
from shared.wire.promptlayer.llm_kwargs.parts import Unconvertible
from shared.wire.promptlayer.providers.parts import Json, as_object

if TYPE_CHECKING:
    from collections.abc import Callable

    Conversion = Callable[[Json], Json]

CHAT_COMPLETIONS: Final = "chat-completions"
RESPONSES: Final = "responses"

_OPENAI: Final = frozenset({"openai", "openai.azure"})
_LIKE_OPENAI: Final = frozenset({"mistral", "openrouter"})
_ANTHROPIC: Final = frozenset({"anthropic", "anthropic.bedrock"})
_VERTEX: Final = "vertexai"


def api_type(model: Json) -> Any:
    """Which of its provider's APIs a model is called by; OpenAI's clients need to be told."""
    given = model.get("api_type")
    return CHAT_COMPLETIONS if given is None and model["provider"] in _OPENAI else given


def llm_kwargs(template: Json, model: Json) -> Json:
    """The arguments with which a provider's client is called. Parameters win, as with the original service.

    Raises Unconvertible for a provider that is not known, and for what the provider's request has no form for.
    """
    arguments = _conversion(template, model)(template)
    parameters = as_object(model.get("parameters"))
    if "generation_config" in arguments:  # where Google's clients look for parameters
        return {**arguments, "model": model["name"], "generation_config": arguments["generation_config"] | parameters}
    return {**arguments, "model": model["name"], **parameters}


def _conversion(template: Json, model: Json) -> Conversion:
    provider, name, is_chat = model["provider"], model["name"], template["type"] == "chat"
    if provider in _OPENAI and api_type(model) == RESPONSES:
        return openai_responses.chat_arguments if is_chat else openai_responses.completion_arguments
    if (provider in _OPENAI and api_type(model) == CHAT_COMPLETIONS) or (provider in _LIKE_OPENAI and is_chat):
        return openai_chat.chat_arguments if is_chat else openai_chat.completion_arguments
    if (provider in _ANTHROPIC or (provider == _VERTEX and "claude" in name)) and is_chat:
        return anthropic_messages.chat_arguments
    if provider == "google" or (provider == _VERTEX and "gemini" in name):
        return google.chat_arguments if is_chat else google.completion_arguments
    raise Unconvertible(f"a {template['type']} for {name[:80]!r} of {provider[:80]!r}")
