"""OpenAI chat completions, and what others offer in their image (Mistral, Groq, OpenRouter, LiteLLM)."""

from __future__ import annotations

from typing import Any, Final

from shared.wire.promptlayer.providers.parts import (
    Exchange,
    Json,
    as_list,
    as_object,
    block,
    chat,
    first,
    others,
    role_of,
    without_nulls,
)

_OF_TEMPLATE: Final = ("tools", "tool_choice", "functions", "function_call")


def exchange(request: Json, response: Json) -> Exchange:
    """The call as templates: they are so near to this API that messages are kept, contents made lists of blocks."""
    asked = chat(
        (_message(message, "user") for message in as_list(request.get("messages"))),
        **{name: request.get(name) for name in _OF_TEMPLATE},
    )
    choices = [as_object(choice) for choice in as_list(response.get("choices"))]
    # The last chunk of a stream has a delta; some clients put the message itself in its place.
    said = [first(choice, "message", "delta") for choice in choices]
    answers = [
        _message(choice if answer is None else answer, "assistant")
        for choice, answer in zip(choices, said, strict=True)
    ]
    parameters = others(request, "model", "messages", *_OF_TEMPLATE)
    return Exchange(asked, chat(answers) if answers else None, parameters, "chat-completions")


def _message(value: Any, role: str) -> Json:
    if not isinstance(value, dict):
        return {"role": role, "content": [block(value)]}
    content = value.get("content")
    blocks = None if content is None else [block(part) for part in as_list(content)]
    return {**without_nulls(value), "role": role_of(value, role), "content": blocks}
