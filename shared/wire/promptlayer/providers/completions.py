"""Completions of a text: OpenAI's, Anthropic's first API, and images, whose prompt is a text as well."""

from __future__ import annotations

from shared.wire.promptlayer.providers.parts import Exchange, Json, as_list, as_object, others, text_block, text_of


def exchange(request: Json, response: Json) -> Exchange:
    """The call as templates. A prompt of token numbers is kept as their JSON text."""
    prompts = as_list(request.get("prompt"))
    if any(not isinstance(prompt, str) for prompt in prompts):
        prompts = [request.get("prompt")]
    texts = [as_object(choice).get("text") for choice in as_list(response.get("choices"))]
    answers = [text for text in (*texts, response.get("completion")) if isinstance(text, str)]
    return Exchange(
        _completion([text_of(prompt) for prompt in prompts]),
        _completion(answers) if answers else None,
        others(request, "model", "prompt"),
    )


def _completion(texts: list[str]) -> Json:
    return {"type": "completion", "content": [text_block(text) for text in texts]}
