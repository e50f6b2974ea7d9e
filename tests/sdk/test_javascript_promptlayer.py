"""The JavaScript client of PromptLayer, unmodified, in scripts under `js`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.api import promptlayer
from tests.api.templates import texts
from tests.api.tracing import spans_of
from tests.sdk.upstream import WORDS, upstream
from tests.support.api import unique
from tests.support.javascript import run
from tests.unit.wire.promptlayer_bodies import body, chat, message

if TYPE_CHECKING:
    from tests.support.api import Api, Json


@pytest.fixture(scope="module")
def logged(api: Api) -> Json:
    """The requests that `log-request.mjs` logged, read back by name; and its `clock`, in milliseconds."""
    printed = run(api, "promptlayer", "log-request.mjs")
    reads = {name: promptlayer.fetch(api, answer["id"]) for name, answer in printed["answers"].items()}
    return {"clock": printed["clock"], **reads}


def test_all_fields(logged: Json) -> None:
    read = logged["all"]
    assert (read["request_start_time"], read["request_end_time"]) == (
        "2023-11-14T22:13:20.500000Z",
        "2023-11-14T22:13:21.250000Z",
    )
    assert read["input"]["messages"][0]["content"][0]["text"] == "2+2? é😀"
    assert (read["parameters"], read["tags"], read["metadata"]) == ({"temperature": 0.5}, ["a", "b"], {"user": "u-1"})
    assert (read["prompt_name"], read["prompt_id"], read["prompt_version_number"]) == ("greeting", 3, 2)
    assert read["prompt_input_variables"] == {"name": "Ada"}
    assert (read["input_tokens"], read["output_tokens"], read["price"]) == (10, 20, 0.25)
    assert (read["function_name"], read["api_type"]) == ("f", "responses")
    assert read["scores"] == [{"name": "quality", "value": 70}]
    assert (read["status"], read["error_type"], read["error_message"]) == ("WARNING", "UNKNOWN_ERROR", "odd")


def test_dates_and_milliseconds(logged: Json) -> None:
    for name in ("required", "dates", "camelCase"):
        assert logged[name]["request_start_time"] == "2023-11-14T22:13:20.500000Z"
        assert logged[name]["latency_ms"] == 750
    started = datetime.fromisoformat(logged["now"]["request_start_time"])
    assert round(started.timestamp() * 1000) == logged["clock"]
    assert logged["now"]["latency_ms"] == 250


def test_nothings_are_defaults(logged: Json) -> None:
    read = logged["nothings"]
    assert (read["price"], read["scores"], read["input_tokens"], read["tags"], read["metadata"]) == (0, [], 0, [], {})


def test_camel_case(logged: Json) -> None:
    assert (logged["camelCase"]["input_tokens"], logged["camelCase"]["function_name"]) == (5, "camel")


def test_mistakes(api: Api) -> None:
    seen = run(api, "promptlayer", "mistakes.mjs")
    assert "X-API-KEY is not known" in seen["wrong key"]["error"]
    assert seen["wrong URL"]["error"] == "no such route: POST /v5/log-request; did you mean /log-request?"
    assert seen["slash at the end"]["answer"]["id"] > 0
    assert seen["missing fields"]["error"] == (
        "model: is required (and 4 more: input, output, request_start_time, request_end_time)"
    )
    assert seen["wrong field"]["error"] == "score: must be at most 100, not 101"
    assert seen["wrong key, no throw"] == {"answer": None}


def test_tracking(api: Api) -> None:
    request_id = promptlayer.create(api, body(metadata={"kept": "1", "plan": "free"}))
    with upstream() as provider:
        seen = run(api, "promptlayer", "tracking.cjs", REQUEST_ID=str(request_id), PROVIDER_URL=provider)
    assert seen["answers"] == [True] * 5
    assert seen["mistake"] == f"request_id: no request with the id {request_id + 1000}"
    api.wait_until_applied()
    read = promptlayer.fetch(api, request_id)
    assert read["metadata"] == {"kept": "1", "plan": "pro"}
    assert {score["name"]: score["value"] for score in read["scores"]} == {"default": 50.5, "quality": 0}
    assert (read["prompt_name"], read["prompt_version_number"], read["prompt_label"]) == ("a/b é", 4, "prod")
    assert (read["prompt_input_variables"], read["group_id"]) == ({"name": "Ada"}, seen["group_id"])

    assert seen["text"] == WORDS
    called = promptlayer.fetch(api, seen["called_id"])
    assert called["function_name"] == "openai.chat.completions.create"
    assert called["input"] == chat(message("user", f"2+2? {request_id}"))
    assert called["output"] == chat(message("assistant", WORDS))
    assert (called["tags"], called["tokens"], called["price"]) == (["js"], 1_300, 0.0055)
    claude = promptlayer.fetch(api, seen["claude_id"])
    assert (claude["function_name"], claude["provider"]) == ("anthropic.messages.create", "anthropic")
    assert claude["input"] == chat(message("user", f"2+2? {request_id}"))
    assert claude["output"]["messages"][0]["content"] == [{"type": "text", "text": WORDS}]
    assert (claude["parameters"], claude["tokens"], claude["price"]) == ({"max_tokens": 100}, 1_300, 0.0075)


def test_tracing(api: Api) -> None:
    with upstream() as provider:
        seen = run(api, "promptlayer", "tracing.cjs", PROVIDER_URL=provider)
    assert seen["text"] == "é 6"
    api.wait_until_applied()
    spans = {span["name"]: span for span in spans_of(api, seen["trace_id"])}
    assert list(spans) == ["outer", "openai.openai.chat.completions.create", "inner"]
    outer = spans["outer"]
    assert outer["parent_id"] is None
    assert {spans[name]["parent_id"] for name in spans if name != "outer"} == {outer["span_id"]}
    assert (outer["attributes"]["plan"], outer["attributes"]["function_input"]) == ("pro", '["é"]')
    assert outer["resource"]["attributes"]["service.name"] == "prompt-layer-js"
    called = spans["openai.openai.chat.completions.create"]
    assert called["request_log_id"] == seen["called_id"]
    assert promptlayer.fetch(api, seen["called_id"])["span_id"] == called["span_id"]


def test_templates(api: Api) -> None:
    with upstream() as provider:
        environment = {"OPENAI_BASE_URL": provider, "OPENAI_API_KEY": "sk-provider"}
        seen = run(api, "promptlayer", "templates.cjs", TEMPLATE_NAME=unique(), **environment)
    name, published, labelled = seen["name"], seen["published"], seen["labelled"]
    filled_in = ["You add, for Ada", "2+2?"]
    assert (published["version_number"], published["release_labels"], published["tags"]) == (1, [name], ["js"])
    assert (seen["newest"]["version"], seen["newest"]["commit_message"]) == (2, "second")
    assert (labelled["id"], labelled["version"], texts(labelled)) == (published["id"], 1, filled_in)
    assert seen["own"]["prompt_template"] == labelled["prompt_template"], "what the client fills in itself is the same"
    assert [(item["id"], item["version"]) for item in seen["all"]] == [(published["id"], 1)]

    read = promptlayer.fetch(api, seen["request_id"])
    assert read["input"] == chat(message("system", filled_in[0]), message("user", filled_in[1]))
    assert (read["output"], seen["answer"]) == (chat(message("assistant", WORDS)), WORDS)
    assert (read["prompt_name"], read["prompt_id"], read["prompt_version_number"]) == (name, published["id"], 1)
    assert (read["prompt_input_variables"], read["tags"]) == ({"who": "Ada", "numbers": [2, 2]}, ["js"])
    streamed = promptlayer.fetch(api, seen["streamed"])
    for field in ("input", "output", "prompt_id", "prompt_version_number", "tokens"):
        assert streamed[field] == read[field]
    assert seen["mistakes"] == [
        "identifier: no prompt template 'nobody/knows'",
        f"version: prompt template {name!r} has no version 9",
        "prompt_version.commit_message: must have at most 72 characters",
    ]
