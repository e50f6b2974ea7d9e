"""What a provider's response says of itself beside its contents."""

from __future__ import annotations

from typing import Any, NamedTuple

from shared.wire.promptlayer.providers.parts import Json, as_list, as_object, first
from shared.wire.scalars import MAX_EXACT


class Usage(NamedTuple):
    """Numbers of tokens; None where the response does not say. Those of reasoning are among the output's."""

    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None


def usage(response: Json) -> Usage:
    """The tokens of a response of OpenAI, Anthropic, Google or Bedrock, or of what speaks like one of them."""
    said = as_object(first(response, "usage", "usage_metadata", "usageMetadata"))
    details = as_object(first(said, "completion_tokens_details", "output_tokens_details"))
    output = ("completion_tokens", "output_tokens", "candidates_token_count", "candidatesTokenCount", "outputTokens")
    input = ("prompt_tokens", "input_tokens", "prompt_token_count", "promptTokenCount", "inputTokens")
    output_tokens = _count(first(said, *output))
    # Google counts thoughts beside the output, and charges for both alike; the others count them in.
    thoughts = _count(first(said, "thoughts_token_count", "thoughtsTokenCount"))
    if thoughts is not None:
        output_tokens = (output_tokens or 0) + thoughts
    reasoning = thoughts if thoughts is not None else _count(details.get("reasoning_tokens"))
    return Usage(_count(first(said, *input)), output_tokens, reasoning)


def model(request: Json, response: Json) -> str:
    """The model that was asked for, else the one that answered; '' when neither is said."""
    asked = (request.get(name) for name in ("model", "engine", "modelId"))
    answered = (response.get(name) for name in ("model", "model_version", "modelVersion"))
    return next((name for name in (*asked, *answered) if isinstance(name, str) and name), "")


def finish_reason(response: Json) -> str | None:
    """Why the model stopped, in the provider's own word."""
    choices = as_list(first(response, "choices", "candidates"))
    choice = as_object(choices[0]) if choices else {}
    reason = first(choice, "finish_reason", "finishReason") or first(response, "stop_reason", "stopReason")
    return reason if isinstance(reason, str) else None


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_EXACT:
        return None
    return int(value)
