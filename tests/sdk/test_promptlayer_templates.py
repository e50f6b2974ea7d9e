"""The PromptLayer Python client, unmodified: `templates`, and `run` from a template to a logged request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from promptlayer import (
    AsyncPromptLayer,
    PromptLayer,
    PromptLayerNotFoundError,
    PromptLayerUnprocessableEntityError,
)

from tests.api.promptlayer import create, fetch
from tests.api.templates import MODEL, get, texts
from tests.sdk.upstream import WORDS, upstream
from tests.support.api import DEFAULT_KEY, unique
from tests.unit.wire.promptlayer_bodies import body, chat, completion, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Api, Json


@pytest.fixture
def client(api: Api) -> PromptLayer:
    return PromptLayer(api_key=DEFAULT_KEY, base_url=api.url)


@pytest.fixture
def async_client(api: Api) -> AsyncPromptLayer:
    return AsyncPromptLayer(api_key=DEFAULT_KEY, base_url=api.url)


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with upstream() as url:
        yield url


@pytest.fixture(autouse=True)
def providers(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    """Providers' clients, which `run` makes by itself, take their address and key from here."""
    for name in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{name}_BASE_URL", provider)
        monkeypatch.setenv(f"{name}_API_KEY", "sk-provider")


def template(name: str, **more: object) -> Json:
    """What a user publishes."""
    messages = (
        message("system", "You add, for {who}"),
        message("user", "{% for number in numbers %}{{ number }}{% if not loop.last %}+{% endif %}{% endfor %}?"),
    )
    messages[1]["template_format"] = "jinja2"
    return {"prompt_name": name, "prompt_template": chat(*messages), "metadata": {"model": MODEL}, **more}


VARIABLES: Json = {"who": "Ada", "numbers": [2, 2]}
FILLED_IN = ["You add, for Ada", "2+2?"]


def test_publish_get_and_all(api: Api, client: PromptLayer) -> None:
    name = unique() + "/a b é"
    published = client.templates.publish(template(name, tags=["a"], commit_message="first", release_labels=["prod"]))
    assert (published["prompt_name"], published["version_number"], published["release_labels"]) == (name, 1, ["prod"])
    second = client.templates.publish(
        {"prompt_name": name, "prompt_template": completion("Say {word}"), "metadata": {"model": MODEL}}
    )
    assert (second["id"], second["version_number"]) == (published["id"], 2)

    newest = client.templates.get(name, {"input_variables": {"word": "hi"}})
    assert newest["prompt_template"]["content"][0]["text"] == "Say hi"
    first = client.templates.get(name, {"label": "prod", "input_variables": VARIABLES})
    assert (first["id"], first["version"], first["tags"], first["commit_message"]) == (
        published["id"],
        1,
        ["a"],
        "first",
    )
    assert texts(first) == FILLED_IN
    assert first["llm_kwargs"] == {
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": FILLED_IN[0]}, {"role": "user", "content": FILLED_IN[1]}],
        "temperature": 0.5,
    }
    assert (
        client.templates.get(str(published["id"]), {"version": 1, "model": "gpt-5"})["llm_kwargs"]["model"] == "gpt-5"
    )

    label = unique("label")
    client.templates.publish(template(name, release_labels=[label]))
    (item,) = client.templates.all(label=label)
    assert (item["id"], item["version"], item["prompt_name"]) == (published["id"], 3, name)
    assert client.templates.all(page=1, per_page=1)[0]["id"] == published["id"], "the newest"
    assert client.templates.all(page=1_000) == []


async def test_get_and_all_asynchronously(api: Api, client: PromptLayer, async_client: AsyncPromptLayer) -> None:
    name, label = unique(), unique("label")
    published = client.templates.publish(template(name, release_labels=[label]))
    got = await async_client.templates.get(name, {"input_variables": VARIABLES, "version": 1})
    assert (got["id"], texts(got)) == (published["id"], FILLED_IN)
    (item,) = await async_client.templates.all(label=label)
    assert item["id"] == published["id"]


def test_what_the_client_fills_in_itself_is_the_same(api: Api, client: PromptLayer) -> None:
    """With a cache the client asks for the template as it is."""
    name = unique()
    client.templates.publish(template(name))
    cached = PromptLayer(api_key=DEFAULT_KEY, base_url=api.url, cache_ttl_seconds=60)
    for _ in range(2):
        own = cached.templates.get(name, {"input_variables": VARIABLES})
        theirs = client.templates.get(name, {"input_variables": VARIABLES})
        assert (texts(own), own["prompt_template"]) == (FILLED_IN, theirs["prompt_template"])


def test_run_logs_what_the_template_became(api: Api, client: PromptLayer) -> None:
    name = unique()
    published = client.templates.publish(template(name, release_labels=["prod"]))
    client.templates.publish(template(name, commit_message="newer"))
    done = client.run(
        name, prompt_release_label="prod", input_variables=VARIABLES, tags=["sum"], metadata={"user": "ada"}
    )
    assert done["raw_response"].choices[0].message.content == WORDS
    assert done["prompt_blueprint"]["prompt_template"]["messages"][-1]["content"][-1]["text"] == WORDS
    read = fetch(api, done["request_id"])
    assert read["input"] == chat(message("system", FILLED_IN[0]), message("user", FILLED_IN[1]))
    assert read["output"] == chat(message("assistant", WORDS))
    assert (read["prompt_name"], read["prompt_id"], read["prompt_version_number"]) == (name, published["id"], 1)
    assert (read["prompt_input_variables"], read["tags"], read["metadata"]) == (VARIABLES, ["sum"], {"user": "ada"})
    assert (read["function_name"], read["model"]) == ("openai.chat.completions.create", "gpt-4o")
    assert (read["parameters"], read["tokens"]) == ({"temperature": 0.5, "stream": False}, 1_300)


async def test_run_asynchronously(api: Api, client: PromptLayer, async_client: AsyncPromptLayer) -> None:
    name = unique()
    published = client.templates.publish(template(name))
    done = await async_client.run(name, input_variables=VARIABLES, model_parameter_overrides={"temperature": 1})
    assert done["raw_response"].choices[0].message.content == WORDS
    read = fetch(api, done["request_id"])
    assert (read["prompt_name"], read["prompt_id"], read["prompt_version_number"]) == (name, published["id"], 1)
    assert read["parameters"]["temperature"] == 1


CLAUDE: Json = {"provider": "anthropic", "name": "claude-3-5-sonnet-20241022", "parameters": {}}


def test_a_streamed_run_is_logged_whole(api: Api, client: PromptLayer) -> None:
    name = unique()
    published = client.templates.publish(template(name))
    *pieces, last = list(client.run(name, input_variables=VARIABLES, stream=True))
    choices = [choice for piece in pieces if piece["raw_response"] for choice in piece["raw_response"].choices]
    assert "".join(choice.delta.content or "" for choice in choices) == WORDS
    read = fetch(api, last["request_id"])
    assert read["output"] == chat(message("assistant", WORDS))
    assert (read["prompt_id"], read["prompt_version_number"], read["tokens"]) == (published["id"], 1, 1_300)


RUNS: list[tuple[Json, str, str]] = [
    ({"api_type": "responses"}, "openai.responses.create", "openai"),
    (CLAUDE, "anthropic.messages.create", "anthropic"),
]


@pytest.mark.parametrize(("model", "function_name", "called"), RUNS, ids=lambda value: str(value)[:40])
def test_run_of_other_apis(api: Api, client: PromptLayer, model: Json, function_name: str, called: str) -> None:
    name = unique()
    client.templates.publish(template(name) | {"metadata": {"model": MODEL | model}})
    read = fetch(api, client.run(name, input_variables=VARIABLES)["request_id"])
    assert (read["function_name"], read["provider"]) == (function_name, called)
    assert [shown["content"][0]["text"] for shown in read["input"]["messages"]] == FILLED_IN
    assert read["output"]["messages"][0]["content"][0]["text"] == WORDS


def test_run_of_a_completion_and_of_another_provider(api: Api, client: PromptLayer) -> None:
    name = unique()
    model = {"provider": "openai", "name": "gpt-3.5-turbo-instruct", "parameters": {}}
    client.templates.publish(
        {"prompt_name": name, "prompt_template": completion("{a}+{a}?"), "metadata": {"model": model}}
    )
    read = fetch(api, client.run(name, input_variables={"a": 2})["request_id"])
    assert (read["input"], read["output"]) == (completion("2+2?"), completion(WORDS))
    client.templates.publish(template(name))
    done = client.run(name, input_variables=VARIABLES, provider="anthropic", model=CLAUDE["name"])
    assert fetch(api, done["request_id"])["function_name"] == "anthropic.messages.create"


def test_a_failed_run_is_logged_as_such(api: Api, client: PromptLayer) -> None:
    name = unique()
    client.templates.publish(template(name))
    with pytest.raises(TypeError, match="odd_argument"):
        client.run(name, model_parameter_overrides={"odd_argument": 1}, tags=[name])
    search = {"filter_group": {"filters": [{"field": "tags", "operator": "contains", "value": name}]}}
    api.wait_until_applied()
    (found,) = api.default.post("/api/public/v2/requests/search", json=search).json()["items"]
    read = fetch(api, found["id"])
    assert (read["status"], read["prompt_name"], read["prompt_version_number"]) == ("ERROR", name, 1)


def test_mistakes(api: Api, client: PromptLayer) -> None:
    with pytest.raises(PromptLayerNotFoundError, match="identifier: no prompt template 'nobody/knows'"):
        client.templates.get("nobody/knows")
    with pytest.raises(PromptLayerUnprocessableEntityError, match="version: must be greater than 0"):
        client.templates.get("nobody/knows", {"version": 0})
    lenient = PromptLayer(api_key=DEFAULT_KEY, base_url=api.url, throw_on_error=False)
    assert lenient.templates.get("nobody/knows") is None
    name = unique()
    wrong = client.templates.publish({"prompt_name": name, "prompt_template": {"type": "chat"}})
    assert wrong["message"] == "prompt_version.prompt_template.messages: is required", "this client raises for 400 only"
    client.templates.publish({"prompt_name": name, "prompt_template": chat(message("user", "x"))})
    with pytest.raises(ValueError, match="does not have any LLM kwargs"):
        client.run(name)
    assert get(api, name)["version"] == 1


async def test_track_prompt_finds_the_version(api: Api, client: PromptLayer, async_client: AsyncPromptLayer) -> None:
    name = unique()
    published = client.templates.publish(template(name, release_labels=["prod"]))
    client.templates.publish(template(name, commit_message="newer"))
    labelled, newest = create(api, body()), create(api, body())
    assert client.track.prompt(request_id=labelled, prompt_name=name, prompt_input_variables=VARIABLES, label="prod")
    assert await async_client.track.prompt(request_id=newest, prompt_name=name, prompt_input_variables=VARIABLES)
    api.wait_until_applied()
    for request_id, number in ((labelled, 1), (newest, 2)):
        read = fetch(api, request_id)
        assert (read["prompt_name"], read["prompt_id"], read["prompt_version_number"]) == (
            name,
            published["id"],
            number,
        )
        assert read["prompt_input_variables"] == VARIABLES
