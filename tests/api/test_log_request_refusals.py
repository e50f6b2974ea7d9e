"""`POST /log-request`: what is refused, and that the answer names each wrong field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.promptlayer import log
from tests.api.templates import publication
from tests.support.api import refused
from tests.support.processes import Up
from tests.unit.wire.promptlayer_bodies import body, chat

if TYPE_CHECKING:
    from tests.support.api import Api
    from tests.support.processes import Processes

REQUIRED = ["provider", "model", "input", "output", "request_start_time", "request_end_time"]


@pytest.mark.parametrize("field", REQUIRED)
def test_a_missing_field_is_named(api: Api, field: str) -> None:
    sent = body()
    del sent[field]
    with api.nothing_stored():
        refused(api.default.post("/log-request", json=sent), 422, "invalid", ["body", field], says=f"{field}: is requ")


def test_all_missing_fields_are_named_in_the_message(api: Api) -> None:
    message = refused(api.default.post("/log-request", json={}), 422, "invalid", ["body", "provider"])
    assert all(field in message for field in REQUIRED)


WRONG: list[tuple[str, Any, list[str | int]]] = [
    ("provider", None, ["provider"]),
    ("model", None, ["model"]),
    ("input", None, ["input"]),
    ("request_start_time", None, ["request_start_time"]),
    ("request_end_time", None, ["request_end_time"]),
    ("provider", 1, ["provider"]),
    ("model", ["m"], ["model"]),
    ("input", "hello", ["input"]),
    ("input", [], ["input"]),
    ("input", {}, ["input", "type"]),
    ("input", {"type": "picture"}, ["input", "type"]),
    ("input", {"type": "chat"}, ["input", "messages"]),
    ("input", chat("hello"), ["input", "messages", 0]),  # type: ignore[arg-type]
    ("input", chat({"content": "x"}), ["input", "messages", 0, "role"]),
    ("input", chat({"role": "user", "content": 5}), ["input", "messages", 0, "content"]),
    ("output", chat({"role": "user", "content": [{}]}), ["output", "messages", 0, "content", 0, "type"]),
    ("output", {"type": "completion", "content": "x"}, ["output", "content"]),
    ("request_start_time", "yesterday", ["request_start_time"]),
    ("request_end_time", True, ["request_end_time"]),
    ("request_end_time", {}, ["request_end_time"]),
    ("request_end_time", 1e300, ["request_end_time"]),
    ("request_end_time", "1899-12-31T23:59:59Z", ["request_end_time"]),
    ("parameters", [], ["parameters"]),
    ("tags", "a", ["tags"]),
    ("tags", ["a", 1], ["tags", 1]),
    ("tags", ["x" * 513], ["tags", 0]),
    ("metadata", "a", ["metadata"]),
    ("metadata", {"k" * 1025: ""}, ["metadata", "k" * 80]),
    ("prompt_name", 1, ["prompt_name"]),
    ("prompt_id", "x", ["prompt_id"]),
    ("prompt_version_number", 0, ["prompt_version_number"]),
    ("prompt_version_number", 1 << 32, ["prompt_version_number"]),
    ("prompt_input_variables", [], ["prompt_input_variables"]),
    ("input_tokens", -1, ["input_tokens"]),
    ("input_tokens", 12.5, ["input_tokens"]),
    ("input_tokens", True, ["input_tokens"]),
    ("output_tokens", "x", ["output_tokens"]),
    ("output_tokens", 1e300, ["output_tokens"]),
    ("price", -0.01, ["price"]),
    ("price", True, ["price"]),
    ("price", "free", ["price"]),
    ("price", "NaN", ["price"]),
    ("function_name", {}, ["function_name"]),
    ("score", 101, ["score"]),
    ("score", -1, ["score"]),
    ("score", 50.5, ["score"]),
    ("score_name", 1, ["score_name"]),
    ("api_type", 1, ["api_type"]),
    ("status", "OK", ["status"]),
    ("status", "success", ["status"]),
    ("error_type", "BOOM", ["error_type"]),
    ("error_message", "e" * 1025, ["error_message"]),
    ("errorMessage", "e" * 1025, ["errorMessage"]),
]


@pytest.mark.parametrize(("field", "value", "loc"), WRONG, ids=lambda value: repr(value)[:40])
def test_a_wrong_field_is_refused_by_name(api: Api, field: str, value: Any, loc: list[str | int]) -> None:
    with api.nothing_stored():
        refused(api.default.post("/log-request", json=body(**{field: value})), 422, "invalid", ["body", *loc])


def test_an_unknown_prompt_is_refused_only_where_the_registry_is_strict(api: Api, processes: Processes) -> None:
    assert log(api, prompt_name="nobody/knows")["prompt_name"] == "nobody/knows"
    strict = Up(processes, api_keys="default:strict-key-1", strict_registry="true").start()
    with api.client("strict-key-1") as client:
        client.base_url = strict.url
        answer = client.post("/log-request", json=body(prompt_name="nobody/knows"))
        refused(answer, 404, "not_found", says="prompt_name: ")
        assert client.post("/log-request", json=body(prompt_name="")).status_code == 201
        assert client.post("/v5/prompts/log", json={"path": "known", "output": "x"}).status_code == 200
        assert client.post("/log-request", json=body(prompt_name="known")).status_code == 201
        assert client.post("/rest/prompt-templates", json=publication("template")).status_code == 201
        request_id = client.post("/log-request", json=body(prompt_name="template")).json()["id"]
        tracked = {"request_id": request_id, "prompt_name": "template"}
        for wrong, says in (
            ({"prompt_name": "nobody/knows"}, "prompt_name: "),
            ({"version": 2}, "version: "),
            ({"label": "prod"}, "label: "),
        ):
            answer = client.post("/library-track-prompt", json=tracked | wrong)
            refused(answer, 404, "not_found", says=says)
        assert client.post("/library-track-prompt", json=tracked | {"version": 1}).status_code == 200
    strict.stop()
