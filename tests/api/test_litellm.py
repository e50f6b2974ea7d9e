"""What litellm's callback `promptlayer` sends (1.106.2): the call, then its metadata.

To litellm every function is OpenAI's and times are whole seconds. It is too big to be installed for a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.promptlayer import fetch
from tests.support.api import DEFAULT_KEY, unique
from tests.unit.wire.promptlayer_bodies import chat, message

if TYPE_CHECKING:
    from tests.support.api import Api


@pytest.mark.parametrize(
    ("model", "price"), [("gpt-4o", 0.0055), ("claude-3-5-sonnet-20241022", 0.0075), ("my-own-model", 0)]
)
def test_what_litellm_sends(api: Api, model: str, price: float) -> None:
    request = {
        "model": model,
        "messages": [{"role": "user", "content": "2+2?"}],
        "temperature": 0.5,
        "user": unique(),
        "extra_body": {},
    }
    answer = {"content": "four", "role": "assistant", "tool_calls": None, "function_call": None}
    sent = {
        "function_name": "openai.ChatCompletion.create",
        "kwargs": request,
        "tags": ["a", "b"],
        "request_response": {
            "id": "chatcmpl-1",
            "created": 1700000000,
            "model": model,
            "object": "chat.completion",
            "system_fingerprint": None,
            "choices": [
                {
                    "finish_reason": "stop",
                    "index": 0,
                    "message": answer | {"provider_specific_fields": {"refusal": None}},
                    "provider_specific_fields": {},
                }
            ],
            "usage": {
                "completion_tokens": 300,
                "prompt_tokens": 1_000,
                "total_tokens": 1_300,
                "completion_tokens_details": None,
                "prompt_tokens_details": None,
            },
            "metadata": None,
            "moderation": None,
            "service_tier": None,
        },
        "request_start_time": 1700000000,
        "request_end_time": 1700000002,
        "api_key": DEFAULT_KEY,
    }
    metadata = {
        "user": "ada",
        "n": 1,
        "hidden_params": {"region_name": None, "response_cost": 0.0055, "windows": [[1.5]]},
    }
    with api.client(None) as client:
        tracked = client.post("/rest/track-request", json=sent).json()
        assert tracked["success"] is True
        body = {"request_id": tracked["request_id"], "api_key": DEFAULT_KEY, "metadata": metadata}
        assert client.post("/rest/track-metadata", json=body).json()["success"] is True
    api.wait_until_applied()
    read = fetch(api, tracked["request_id"])
    assert (read["function_name"], read["model"], read["tags"]) == ("openai.ChatCompletion.create", model, ["a", "b"])
    assert (read["input"], read["tokens"]) == (chat(message("user", "2+2?")), 1_300)
    assert read["output"]["messages"][0]["content"] == [{"type": "text", "text": "four"}]
    assert (read["request_start_time"], read["latency_ms"]) == ("2023-11-14T22:13:20.000000Z", 2_000)
    assert (read["metadata"], read["price"]) == (metadata, price)
    assert read["provider_request"] == request
    assert DEFAULT_KEY not in str(read)
