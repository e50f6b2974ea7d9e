"""`GET /api/public/v2/requests/{request_id}`: the blueprint, what is beside it, and requests that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared import ids
from tests.api import humanloop
from tests.api.promptlayer import create, fetch, log, resend
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import body, chat, completion, message, text_block

if TYPE_CHECKING:
    from tests.support.api import Api

EMPTY_BLUEPRINT = {
    "commit_message": None,
    "provider_base_url_name": None,
    "report_id": None,
    "inference_client_name": None,
    "provider_id": None,
}


def test_every_field_of_the_answer(api: Api) -> None:
    request_id = create(
        api,
        body(
            request_start_time="2026-01-01T00:00:00Z",
            request_end_time="2026-01-01T00:00:01.5Z",
            parameters={"temperature": 0.5},
            input_tokens=3,
            output_tokens=4,
            price=0.25,
            api_type="responses",
            tags=["t"],
            metadata={"k": "v"},
            score=9,
        ),
    )
    read = fetch(api, request_id)
    blueprint = read.pop("prompt_blueprint")
    assert {name: blueprint[name] for name in EMPTY_BLUEPRINT} == EMPTY_BLUEPRINT
    assert blueprint["metadata"]["model"] == {
        "provider": "openai",
        "name": "gpt-4o",
        "parameters": {"temperature": 0.5},
        "model_config_display_name": None,
        "base_model": None,
        "display_params": {},
        "api_type": "responses",
    }
    assert read.pop("created_at").endswith("Z")
    assert read == {
        "success": True,
        "request_id": request_id,
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 3,
        "output_tokens": 4,
        "tokens": 7,
        "price": 0.25,
        "request_start_time": "2026-01-01T00:00:00.000000Z",
        "request_end_time": "2026-01-01T00:00:01.500000Z",
        "latency_ms": 1500.0,
        "trace_id": None,
        "span_id": None,
        "group_id": None,
        "input": body()["input"],
        "output": body()["output"],
        "parameters": {"temperature": 0.5},
        "tags": ["t"],
        "metadata": {"k": "v"},
        "scores": [{"name": "default", "value": 9}],
        "status": "SUCCESS",
        "error_type": None,
        "error_message": None,
        "api_type": "responses",
        "function_name": "",
        "prompt_id": None,
        "prompt_name": None,
        "prompt_version_number": None,
        "prompt_label": None,
        "prompt_input_variables": {},
    }


TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]


def test_the_blueprint_is_input_followed_by_output_and_ends_with_the_answer(api: Api) -> None:
    asked = chat(
        message("system", "s"), message("user", "2+2?"), tools=TOOLS, tool_choice="auto", input_variables=["x"]
    )
    answered = chat(message("assistant", "four"), tools=[], input_variables=["y"])
    template = log(api, input=asked, output=answered)["prompt_blueprint"]["prompt_template"]
    assert [m["role"] for m in template["messages"]] == ["system", "user", "assistant"]
    assert template["messages"][-1]["content"][-1]["text"] == "four"
    assert (template["type"], template["tools"], template["tool_choice"]) == ("chat", TOOLS, "auto")
    assert template["input_variables"] == ["x"]
    for shown in template["messages"]:
        assert {"input_variables", "template_format", "content", "role", "name", "dataset_examples"} <= set(shown)


@pytest.mark.parametrize(
    ("asked", "answered", "merged"),
    [
        (completion("a"), completion("b"), {"type": "completion", "content": [text_block("a"), text_block("b")]}),
        (completion("a"), None, {"type": "completion", "content": [text_block("a")]}),
    ],
)
def test_a_blueprint_of_completions(api: Api, asked: Any, answered: Any, merged: dict[str, Any]) -> None:
    template = log(api, input=asked, output=answered)["prompt_blueprint"]["prompt_template"]
    assert {name: template[name] for name in merged} == merged


def test_a_request_is_there_at_once(api: Api) -> None:
    for number in range(30):
        assert log(api, function_name=str(number))["function_name"] == str(number)


def test_the_older_path(api: Api) -> None:
    request_id = create(api, body())
    assert api.default.get(f"/api/public/v2/request/{request_id}").json() == fetch(api, request_id)


@pytest.mark.parametrize(
    "request_id", ["0", "-1", "abc", "1.0", "1e3", "%20", "%31%20", "0x10", "%EF%BC%91", "1%2F2", "٣", "+1"]
)
def test_an_id_that_is_none(api: Api, request_id: str) -> None:
    with api.nothing_stored():
        response = api.default.get(f"/api/public/v2/requests/{request_id}")
        refused(response, 422, "invalid", ["path", "request_id"], says="request_id: must be an integer of at least 1")


@pytest.mark.parametrize("request_id", ["1", "007", "9007199254740991", "9007199254740992", "99999999999999999999"])
def test_an_unknown_id(api: Api, request_id: str) -> None:
    with api.nothing_stored():
        response = api.default.get(f"/api/public/v2/requests/{request_id}")
        refused(response, 404, "not_found", says="request_id: no request")
        assert response.elapsed.total_seconds() < 2


def test_ids_of_the_future_and_beyond_the_end_are_not_waited_for(api: Api) -> None:
    newest = create(api, body())
    for request_id in (newest + 1000, newest + (1 << 28) * 60 * 24, newest ^ (255 << 20)):
        response = api.default.get(f"/api/public/v2/requests/{request_id}")
        refused(response, 404, "not_found")
        assert response.elapsed.total_seconds() < 2


def test_another_workspace_does_not_see_the_request(api: Api) -> None:
    request_id = create(api, body())
    refused(api.other.get(f"/api/public/v2/requests/{request_id}"), 404, "not_found")


def test_a_humanloop_log_can_be_read_here_too(api: Api) -> None:
    sent = {"messages": [{"role": "user", "content": "Hi"}], "output": "Hello", "prompt_tokens": 2, "prompt_cost": 0.5}
    created = humanloop.create(api, **sent, output_cost=0.25, error="e")
    request_id = ids.from_text(created["id"])
    assert request_id is not None
    read = fetch(api, request_id)
    assert [m["content"] for m in read["input"]["messages"]] == ["Hi"]
    messages = read["prompt_blueprint"]["prompt_template"]["messages"]
    assert messages[-1]["content"] == [text_block("Hello")]
    assert (read["model"], read["status"], read["tokens"], read["price"]) == ("gpt-4o", "ERROR", 2, 0.75)
    assert read["prompt_id"] == created["prompt_id"]
    bare = ids.from_text(humanloop.create(api)["id"])
    assert bare is not None
    empty = fetch(api, bare)
    assert (empty["output"], empty["tokens"], empty["latency_ms"], empty["status"]) == (None, None, None, "SUCCESS")


def test_a_duplicate_names_its_original(api: Api) -> None:
    sent = body(model=unique())
    first, second = resend(api, sent), resend(api, sent)
    assert fetch(api, second)["duplicate_of"] == first
