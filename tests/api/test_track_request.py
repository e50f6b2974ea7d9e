"""`POST /track-request`: calls of providers as their clients made them, read back through the requests route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.promptlayer import fetch
from tests.support.api import DEFAULT_KEY, OTHER_KEY, refused, unique
from tests.unit.wire.promptlayer_bodies import chat, message

if TYPE_CHECKING:
    from tests.support.api import Api, Json

REQUEST: Json = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "2+2? é😀"}],
    "temperature": 0.5,
    "tools": None,
}
RESPONSE: Json = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "four"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1_000, "completion_tokens": 300, "total_tokens": 1_300},
}


def call(**changes: Any) -> Json:
    """What the Python client's wrapped OpenAI client sends, but for the key; unlike any other such call."""
    return {
        "function_name": "openai.OpenAI.chat.completions.create",
        "provider_type": "openai",
        "args": [],
        "kwargs": {**REQUEST, "user": unique()},
        "tags": None,
        "request_response": RESPONSE,
        "request_start_time": 1700000000.5,
        "request_end_time": 1700000001.25,
        "metadata": None,
        "span_id": None,
        **changes,
    }


def track(api: Api, sent: Json, path: str = "/track-request") -> Json:
    """Track a call as the SDKs do, with the key in the body; returns the answer."""
    with api.client(None) as client:
        response = client.post(path, json={**sent, "api_key": DEFAULT_KEY})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    assert answer.keys() == {"success", "request_id", "prompt_blueprint", "message"}
    assert answer["success"] is True
    return answer


def tracked(api: Api, **changes: Any) -> Json:
    """Track a call with these changes and read it back."""
    return fetch(api, track(api, call(**changes))["request_id"])


def test_a_call_of_openai(api: Api) -> None:
    sent = call(tags=["a"], metadata={"k": "v"}, span_id="00F067AA0BA902B7", group_id=7)
    answer = track(api, sent)
    assert answer["prompt_blueprint"] is None
    assert answer["message"] == "Request tracked successfully"
    read = fetch(api, answer["request_id"])
    expected = {
        "provider": "openai",
        "model": "gpt-4o",
        "function_name": "openai.OpenAI.chat.completions.create",
        "api_type": "chat-completions",
        "request_start_time": "2023-11-14T22:13:20.500000Z",
        "request_end_time": "2023-11-14T22:13:21.250000Z",
        "input_tokens": 1_000,
        "output_tokens": 300,
        "price": 0.0055,
        "price_estimated": True,
        "input": chat(message("user", "2+2? é😀")),
        "output": chat(message("assistant", "four")),
        "parameters": {name: sent["kwargs"][name] for name in ("temperature", "user")},
        "tags": ["a"],
        "metadata": {"k": "v"},
        "span_id": "00f067aa0ba902b7",
        "group_id": 7,
        "status": "SUCCESS",
        "scores": [],
        "provider_request": sent["kwargs"],
        "provider_response": RESPONSE,
    }
    assert {name: read[name] for name in expected} == expected
    assert read["prompt_blueprint"]["prompt_template"]["messages"][-1]["content"][-1]["text"] == "four"


def test_the_blueprint_for_a_run(api: Api) -> None:
    """`run` gives it to its caller as the answer."""
    sent = call(return_prompt_blueprint=True, prompt_id=5, prompt_version=3, prompt_input_variables={"name": "Ada"})
    answer = track(api, sent)
    read = fetch(api, answer["request_id"])
    assert answer["prompt_blueprint"] == read["prompt_blueprint"]
    assert read["prompt_blueprint"]["metadata"]["model"]["name"] == "gpt-4o"
    assert (read["prompt_id"], read["prompt_version_number"]) == (5, 3)
    assert read["prompt_input_variables"] == {"name": "Ada"}


def test_a_call_of_anthropic(api: Api) -> None:
    request = {
        "model": "claude-3-5-sonnet-20241022",
        "system": "be brief",
        "messages": [{"role": "user", "content": "hi"}],
    }
    response = {
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "text", "text": "ok"},
            {"type": "tool_use", "id": "c1", "name": "lookup", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1_000, "output_tokens": 300},
    }
    read = tracked(
        api,
        function_name="anthropic.messages.create",
        provider_type="anthropic",
        kwargs={**request, "metadata": {"user_id": unique()}},
        request_response=response,
    )
    assert read["input"] == chat(message("system", "be brief"), message("user", "hi"))
    (answer,) = read["output"]["messages"]
    assert answer["tool_calls"][0]["function"] == {"name": "lookup", "arguments": '{"a":1}'}
    assert (read["tokens"], read["price"], read["price_estimated"]) == (1_300, 0.0075, True)


def test_a_failed_call(api: Api) -> None:
    failure = {"status": "ERROR", "error_type": "PROVIDER_TIMEOUT", "error_message": "é" * 2_000}
    read = tracked(api, request_response={}, **failure)
    assert (read["status"], read["error_type"], read["error_message"]) == ("ERROR", "PROVIDER_TIMEOUT", "é" * 1_024)
    assert (read["output"], read["tokens"], read["price"]) == (None, 0, 0)
    assert read["prompt_blueprint"]["prompt_template"]["messages"][-1]["content"][-1]["text"] == "2+2? é😀"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"span_id": "0000000000000000"}, {"span_id": None}),
        ({"span_id": ""}, {"span_id": None}),
        (
            {"request_start_time": "2026-01-01T00:00:00.465Z", "request_end_time": 1767225601},
            {"request_start_time": "2026-01-01T00:00:00.465000Z", "request_end_time": "2026-01-01T00:00:01.000000Z"},
        ),
        ({"prompt_version": 3}, {"prompt_version_number": None, "prompt_id": None}),
        ({"prompt_id": "5", "prompt_version": "3"}, {"prompt_version_number": 3, "prompt_id": 5}),
        ({"group_id": "12"}, {"group_id": 12}),
        ({"provider_type": None, "function_name": "openai.ChatCompletion.create"}, {"provider": "openai"}),
        ({"function_name": None, "provider_type": None}, {"provider": "", "function_name": ""}),
        ({"kwargs": "gpt-4o", "request_response": "text"}, {"provider_request": "gpt-4o", "provider_response": "text"}),
        ({"args": [1], "kwargs": {"n": 1}}, {"provider_request": {"args": [1], "kwargs": {"n": 1}}}),
        ({"kwargs": None, "request_response": None}, {"input": chat(), "output": None, "model": ""}),
        ({"request_response": [1]}, {"provider_response": [1], "output": None}),
        ({"return_pl_id": True, "unknown": {"key": 1}}, {"model": "gpt-4o"}),
    ],
)
def test_what_clients_send(api: Api, changes: Json, expected: Json) -> None:
    read = tracked(api, **changes)
    assert {name: read[name] for name in expected} == expected


def test_the_body_of_old_clients(api: Api) -> None:
    sent = {
        "function_name": "openai.ChatCompletion.create",
        "kwargs": {"model": "gpt-4o", "messages": [{"role": "user", "content": unique()}]},
        "tags": ["hello"],
        "request_response": RESPONSE,
        "request_start_time": 1700000000,
        "request_end_time": 1700000001,
    }
    read = fetch(api, track(api, sent, "/rest/track-request")["request_id"])
    assert (read["provider"], read["latency_ms"], read["tags"]) == ("openai", 1000.0, ["hello"])


def test_a_key_of_the_provider_is_not_kept(api: Api) -> None:
    read = tracked(api, kwargs={**REQUEST, "api_key": "sk-of-the-provider"})
    assert read["provider_request"] == REQUEST
    assert read["parameters"] == {"temperature": 0.5}


def test_a_call_sent_again_is_a_duplicate_whatever_key_it_carries(api: Api) -> None:
    sent = call()
    first = track(api, sent)["request_id"]
    again = api.default.post("/track-request", json={**sent, "api_key": OTHER_KEY}).json()["request_id"]
    changed = track(api, {**sent, "request_end_time": 1700000002})["request_id"]
    assert [fetch(api, log_id).get("duplicate_of") for log_id in (first, again, changed)] == [None, first, None]


def test_tracking_a_tracked_call(api: Api) -> None:
    request_id = track(api, call())["request_id"]
    answer = api.default.post("/rest/track-score", json={"request_id": request_id, "score": 90})
    assert answer.status_code == 200
    api.wait_until_applied()
    assert fetch(api, request_id)["scores"] == [{"name": "default", "value": 90}]


WRONG: list[tuple[Json, list[str], str]] = [
    ({"request_start_time": None}, ["body", "request_start_time"], "must be a time"),
    ({"request_end_time": "yesterday"}, ["body", "request_end_time"], "must be a time"),
    ({"tags": ["t" * 513]}, ["body", "tags"], "at most 512 characters"),
    ({"group_id": "x"}, ["body", "group_id"], "must be an integer"),
    ({"prompt_id": 1, "prompt_version": 0}, ["body", "prompt_version"], "must be at least 1"),
    ({"status": "OK"}, ["body", "status"], "must be one of"),
    ({"error_type": "ODD"}, ["body", "error_type"], "must be one of"),
    ({"span_id": 5}, ["body", "span_id"], "must be a string"),
    ({"metadata": ["a"]}, ["body", "metadata"], "must be an object"),
]


@pytest.mark.parametrize(("changes", "loc", "says"), WRONG)
def test_what_is_wrong_is_told(api: Api, changes: Json, loc: list[str], says: str) -> None:
    with api.nothing_stored():
        answer = api.default.post("/track-request", json=call(**changes))
        refused(answer, 422, "invalid", says=says)
        assert answer.json()["detail"][0]["loc"][:2] == loc


def test_keys(api: Api) -> None:
    with api.nothing_stored(), api.client(None) as client:
        refused(client.post("/track-request", json=call()), 401, "unauthenticated", says="in the body as api_key")
        wrong = client.post("/track-request", json=call(api_key="wrong-key-1"))
        assert "wrong-key" not in refused(wrong, 401, "unauthenticated", says="the body's api_key is not known")
