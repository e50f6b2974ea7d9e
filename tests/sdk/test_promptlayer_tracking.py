"""The PromptLayer Python client, unmodified: `track`, `group`, and the clients of providers that it wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from promptlayer import AsyncPromptLayer, PromptLayer, PromptLayerAPIError, PromptLayerNotFoundError

from tests.api.promptlayer import create, fetch
from tests.sdk.upstream import WORDS, upstream
from tests.support.api import DEFAULT_KEY, unique
from tests.unit.wire.promptlayer_bodies import body, chat, completion, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Api, Json

TRACKED: Json = {
    "metadata": {"kept": "1", "plan": "pro"},
    "scores": [{"name": "default", "value": 70}, {"name": "quality", "value": 0}],
    "prompt_name": "a/b é",
    "prompt_input_variables": {"name": "Ada"},
}
"""What the calls of both tests below leave of a log that was made with the metadata `kept`."""


@pytest.fixture
def client(api: Api) -> PromptLayer:
    return PromptLayer(api_key=DEFAULT_KEY, base_url=api.url)


@pytest.fixture
def async_client(api: Api) -> AsyncPromptLayer:
    return AsyncPromptLayer(api_key=DEFAULT_KEY, base_url=api.url)


def read_tracked(api: Api, request_id: int) -> Json:
    api.wait_until_applied()
    read = fetch(api, request_id)
    read["scores"].sort(key=lambda score: score["name"])
    return read


def test_tracking(api: Api, client: PromptLayer) -> None:
    request_id = create(api, body(metadata={"kept": "1", "plan": "free"}))
    group_id = client.group.create()
    assert client.track.metadata(request_id=request_id, metadata={"plan": "pro"})
    assert client.track.score(request_id=request_id, score=70)
    assert client.track.score(request_id=request_id, score=0, score_name="quality")
    assert client.track.prompt(
        request_id=request_id, prompt_name="a/b é", prompt_input_variables={"name": "Ada"}, version=4, label="prod"
    )
    assert client.track.group(request_id=request_id, group_id=group_id)
    read = read_tracked(api, request_id)
    assert {name: read[name] for name in TRACKED} == TRACKED
    assert (read["prompt_version_number"], read["prompt_label"], read["group_id"]) == (4, "prod", group_id)


async def test_tracking_asynchronously(api: Api, async_client: AsyncPromptLayer) -> None:
    """`track.prompt` of this client shifts its arguments, and loses the label."""
    request_id = create(api, body(metadata={"kept": "1", "plan": "free"}))
    group_id = await async_client.group.create()
    assert await async_client.track.metadata(request_id=request_id, metadata={"plan": "pro"})
    assert await async_client.track.score(request_id=request_id, score=70)
    assert await async_client.track.score(request_id=request_id, score=0, score_name="quality")
    assert await async_client.track.prompt(
        request_id=request_id, prompt_name="a/b é", prompt_input_variables={"name": "Ada"}, version=4
    )
    assert await async_client.track.group(request_id=request_id, group_id=group_id)
    read = read_tracked(api, request_id)
    assert {name: read[name] for name in TRACKED} == TRACKED
    assert (read["prompt_version_number"], read["group_id"]) == (4, group_id)


async def test_mistakes(api: Api, client: PromptLayer, async_client: AsyncPromptLayer) -> None:
    unknown = create(api, body()) + 1000
    with api.nothing_stored():
        with pytest.raises(PromptLayerAPIError, match="request_id: no request with the id"):
            client.track.metadata(request_id=unknown, metadata={"a": "b"})
        with pytest.raises(PromptLayerNotFoundError, match="request_id: no request with the id"):
            client.track.group(request_id=unknown, group_id=1)
        with pytest.raises(PromptLayerNotFoundError, match="request_id: no request with the id"):
            await async_client.track.score(request_id=unknown, score=5)
        wrong = PromptLayer(api_key="wrong-key-1", base_url=api.url)
        with pytest.raises(PromptLayerAPIError, match="the API key in the body's api_key is not known"):
            wrong.group.create()
        lenient = PromptLayer(api_key=DEFAULT_KEY, base_url=api.url, throw_on_error=False)
        assert lenient.track.score(request_id=unknown, score=5) is False


# Wrapped clients of providers

its_own_warning = pytest.mark.filterwarnings("ignore:The `dict` method is deprecated")
"""The PromptLayer client asks the provider's answer for its `dict`."""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with upstream() as url:
        yield url


def check(read: Json, function_name: str, asked: Json, answered: Json, price: float | None) -> None:
    """Hold a call that reads back against what was asked of the provider, and what it answered."""
    assert (read["function_name"], read["input"], read["output"]) == (function_name, asked, answered)
    assert (read["input_tokens"], read["output_tokens"], read["status"]) == (1_000, 300, "SUCCESS")
    assert read["latency_ms"] > 0
    if price is not None:
        assert (read["price"], read["price_estimated"]) == (price, True)


CALLS: list[tuple[str, Json, Json, Json, float | None]] = [
    (
        "chat.completions.create",
        {"model": "gpt-4o", "messages": [{"role": "user", "content": "2+2?"}]},
        chat(message("user", "2+2?")),
        chat(message("assistant", WORDS)),
        0.0055,
    ),
    (
        "completions.create",
        {"model": "gpt-3.5-turbo-instruct", "prompt": "2+2?"},
        completion("2+2?"),
        completion(WORDS),
        None,
    ),
    (
        "responses.create",
        {"model": "gpt-4o", "input": "2+2?", "instructions": "be brief"},
        chat(message("system", "be brief"), message("user", "2+2?")),
        chat({"role": "assistant", "content": [{"type": "text", "text": WORDS, "annotations": []}]}),
        0.0055,
    ),
]


@its_own_warning
@pytest.mark.parametrize(("method", "arguments", "asked", "answered", "price"), CALLS)
def test_openai(
    api: Api,
    client: PromptLayer,
    provider: str,
    method: str,
    arguments: Json,
    asked: Json,
    answered: Json,
    price: float | None,
) -> None:
    openai = client.openai.OpenAI(api_key="sk-provider", base_url=provider, max_retries=0)
    user = unique()
    response, request_id = call(openai, method)(**arguments, user=user, pl_tags=["sdk", user], return_pl_id=True)
    assert WORDS in str(response)
    read = fetch(api, request_id)
    check(read, f"openai.OpenAI.{method}", asked, answered, price)
    assert (read["provider"], read["model"], read["tags"]) == ("openai", arguments["model"], ["sdk", user])
    assert read["parameters"] == {"user": user}
    assert read["provider_request"] == {**arguments, "user": user}
    openai.close()


def call(wrapped: Any, method: str) -> Any:
    for name in method.split("."):
        wrapped = getattr(wrapped, name)
    return wrapped


@its_own_warning
async def test_openai_asynchronously(api: Api, async_client: AsyncPromptLayer, provider: str) -> None:
    method, arguments, asked, answered, price = CALLS[0]
    openai = async_client.openai.AsyncOpenAI(api_key="sk-provider", base_url=provider, max_retries=0)
    _, request_id = await call(openai, method)(**arguments, user=unique(), return_pl_id=True)
    check(fetch(api, request_id), f"openai.AsyncOpenAI.{method}", asked, answered, price)
    await openai.close()


@its_own_warning
async def test_anthropic_asynchronously(api: Api, async_client: AsyncPromptLayer, provider: str) -> None:
    anthropic = async_client.anthropic.AsyncAnthropic(api_key="sk-provider", base_url=provider, max_retries=0)
    question = [{"role": "user", "content": f"2+2? {unique()}"}]
    _, request_id = await anthropic.messages.create(
        model="claude-3-5-sonnet-20241022", max_tokens=100, messages=question, return_pl_id=True
    )
    await anthropic.close()
    read = fetch(api, request_id)
    assert read["function_name"] == "anthropic.AsyncAnthropic.messages.create"
    assert read["input"] == chat(message("user", question[0]["content"]))
    assert read["output"]["messages"][0]["content"] == [{"type": "text", "text": WORDS}]
    assert (read["provider"], read["tokens"], read["price"]) == ("anthropic", 1_300, 0.0075)


@its_own_warning
def test_anthropic(api: Api, client: PromptLayer, provider: str) -> None:
    anthropic = client.anthropic.Anthropic(api_key="sk-provider", base_url=provider, max_retries=0)
    tool = {"name": "note", "description": "keeps", "input_schema": {"type": "object"}}
    _, request_id = anthropic.messages.create(
        model="claude-3-5-sonnet-20241022",
        max_tokens=100,
        system="be brief",
        messages=[{"role": "user", "content": f"2+2? {unique()}"}],
        tools=[tool],
        return_pl_id=True,
    )
    anthropic.close()
    read = fetch(api, request_id)
    assert (read["provider"], read["api_type"], read["parameters"]) == ("anthropic", "messages", {"max_tokens": 100})
    assert [shown["role"] for shown in read["input"]["messages"]] == ["system", "user"]
    assert read["input"]["tools"][0]["function"]["name"] == "note"
    (answer,) = read["output"]["messages"]
    assert answer["content"] == [{"type": "text", "text": WORDS}]
    assert answer["tool_calls"][0]["function"] == {"name": "note", "arguments": '{"sum":4}'}
    assert (read["tokens"], read["price"], read["price_estimated"]) == (1_300, 0.0075, True)
