"""The PromptLayer Python client, unmodified: what it logs reads back, and what its users see of mistakes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from promptlayer import AsyncPromptLayer, PromptLayer, PromptLayerAPIError

from tests.api.promptlayer import fetch
from tests.sdk.proxy import dropping_answers
from tests.support.api import DEFAULT_KEY, unique
from tests.unit.wire.promptlayer_bodies import chat, message

if TYPE_CHECKING:
    from tests.support.api import Api, Json

REQUIRED: Json = {
    "provider": "openai",
    "model": "gpt-4o",
    "input": chat(message("user", "2+2? é😀")),
    "output": chat(message("assistant", "four")),
    "request_start_time": 1700000000.5,
    "request_end_time": 1700000001.25,
}

ALL: Json = {
    **REQUIRED,
    "parameters": {"temperature": 0.5},
    "tags": ["a", "b"],
    "metadata": {"user": "u-1"},
    "prompt_name": "greeting",
    "prompt_id": 3,
    "prompt_version_number": 2,
    "prompt_input_variables": {"name": "Ada"},
    "input_tokens": 10,
    "output_tokens": 20,
    "price": 0.25,
    "function_name": "f",
    "score": 70,
    "status": "WARNING",
    "error_type": "UNKNOWN_ERROR",
    "error_message": "odd",
}

ONLY_SYNC: Json = {"score_name": "quality", "api_type": "responses"}
"""Arguments that the asynchronous client does not take."""


@pytest.fixture
def client(api: Api) -> PromptLayer:
    return PromptLayer(api_key=DEFAULT_KEY, base_url=api.url)


@pytest.fixture
def async_client(api: Api) -> AsyncPromptLayer:
    return AsyncPromptLayer(api_key=DEFAULT_KEY, base_url=api.url)


def check(read: Json, sent: Json) -> None:
    """Hold what reads back against the arguments of the call."""
    expected = dict(sent)
    score, name = expected.pop("score"), expected.pop("score_name", "default")
    assert read["scores"] == [{"name": name, "value": score}]
    for field, seconds in (("request_start_time", "20.500000"), ("request_end_time", "21.250000")):
        assert read[field] == f"2023-11-14T22:13:{seconds}Z"
        del expected[field]
    assert {field: read[field] for field in expected} == expected


def test_every_argument(api: Api, client: PromptLayer) -> None:
    sent = ALL | ONLY_SYNC
    answer = client.log_request(**sent)
    assert answer["prompt_version"]["prompt_template"]["messages"][-1]["content"][-1]["text"] == "four"
    check(fetch(api, answer["id"]), sent)


async def test_every_argument_asynchronously(api: Api, async_client: AsyncPromptLayer) -> None:
    answer = await async_client.log_request(**ALL)
    check(fetch(api, answer["id"]), ALL)


def test_only_the_required_arguments(api: Api, client: PromptLayer) -> None:
    read = fetch(api, client.log_request(**REQUIRED)["id"])
    assert (read["scores"], read["prompt_id"], read["metadata"], read["status"]) == ([], None, {}, "SUCCESS")


async def test_only_the_required_arguments_asynchronously(api: Api, async_client: AsyncPromptLayer) -> None:
    read = fetch(api, (await async_client.log_request(**REQUIRED))["id"])
    assert (read["scores"], read["prompt_id"], read["metadata"], read["status"]) == ([], None, {}, "SUCCESS")


@pytest.mark.parametrize(
    "changed",
    [
        {"output": None},
        {"output": chat()},
        {"request_start_time": "2026-01-01T00:00:00", "request_end_time": "2026-01-01T00:00:01Z"},
        {"request_start_time": time.time(), "request_end_time": int(time.time())},
        {"metadata": {"nested": {"a": [1]}, "n": 1}},
        {"input": {"type": "completion", "content": [{"type": "text", "text": "x"}]}},
        {"parameters": {"big": 1 << 70}},
    ],
)
def test_what_users_pass(api: Api, client: PromptLayer, changed: Json) -> None:
    read = fetch(api, client.log_request(**REQUIRED | changed)["id"])
    for field in changed.keys() - {"request_start_time", "request_end_time", "parameters"}:
        assert read[field] == changed[field]


def test_text_with_half_a_surrogate_pair(api: Api, client: PromptLayer) -> None:
    read = fetch(api, client.log_request(**REQUIRED | {"function_name": "cut \ud83d"})["id"])
    assert (read["function_name"], read["repaired"]) == ("cut \ufffd", True)


def test_a_datetime_never_leaves_the_client(api: Api, client: PromptLayer) -> None:
    with api.nothing_stored(), pytest.raises(PromptLayerAPIError):
        client.log_request(**REQUIRED | {"request_start_time": datetime.now(UTC)})


def test_a_base_url_that_ends_with_a_slash(api: Api) -> None:
    client = PromptLayer(api_key=DEFAULT_KEY, base_url=f"{api.url}/")
    assert fetch(api, client.log_request(**REQUIRED)["id"])["model"] == "gpt-4o"


MISTAKES: list[tuple[Json, str, str]] = [
    ({}, "wrong-key-1", "the API key in the header X-API-KEY is not known"),
    ({"score": 101}, DEFAULT_KEY, "score: must be at most 100"),
    ({"input": "hello", "status": "OK"}, DEFAULT_KEY, "input: must be an object, not 'hello' (and 1 more: status)"),
]


@pytest.mark.parametrize(("changed", "key", "says"), MISTAKES)
def test_the_users_of_the_client_see_our_message(api: Api, changed: Json, key: str, says: str) -> None:
    client = PromptLayer(api_key=key, base_url=api.url)
    with api.nothing_stored(), pytest.raises(PromptLayerAPIError) as caught:
        client.log_request(**REQUIRED | changed)
    assert says in str(caught.value)


@pytest.mark.parametrize(("changed", "key", "says"), MISTAKES)
async def test_the_users_of_the_asynchronous_client_see_our_message(
    api: Api, changed: Json, key: str, says: str
) -> None:
    client = AsyncPromptLayer(api_key=key, base_url=api.url)
    with api.nothing_stored(), pytest.raises(PromptLayerAPIError) as caught:
        await client.log_request(**REQUIRED | changed)
    assert says in str(caught.value)


def test_a_wrong_base_url_is_told(api: Api) -> None:
    client = PromptLayer(api_key=DEFAULT_KEY, base_url=f"{api.url}/v5")
    with pytest.raises(PromptLayerAPIError, match=r"no such route: POST /v5/log-request; did you mean /log-request\?"):
        client.log_request(**REQUIRED)


async def test_a_client_that_must_not_throw(api: Api) -> None:
    arguments: dict[str, Any] = {"api_key": "wrong-key-1", "base_url": api.url, "throw_on_error": False}
    assert PromptLayer(**arguments).log_request(**REQUIRED) is None
    assert await AsyncPromptLayer(**arguments).log_request(**REQUIRED) is None


def test_a_body_over_the_limit_is_refused_once_and_told(api: Api, client: PromptLayer) -> None:
    large = chat(message("user", "x" * (33 << 20)))
    with api.nothing_stored(), pytest.raises(PromptLayerAPIError, match="over the limit of 33554432 bytes"):
        client.log_request(**REQUIRED | {"input": large})


def test_a_post_that_the_client_sends_again_is_one_log_and_two_duplicates(api: Api) -> None:
    with dropping_answers(api.url, 2) as proxy:
        client = PromptLayer(api_key=DEFAULT_KEY, base_url=proxy.url)
        answer = client.log_request(**REQUIRED | {"function_name": unique()})
    ids = [stored["id"] for stored in proxy.answers]
    assert len(set(ids)) == 3
    assert answer["id"] == ids[-1]
    assert [fetch(api, log_id).get("duplicate_of") for log_id in ids] == [None, ids[0], ids[0]]
