"""`POST /v5/prompts/log`: every field, default, older spelling and refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.humanloop import CONTENTS, DETAILS, NESTED, create, fetch, log
from tests.support.api import refused, unique

if TYPE_CHECKING:
    from tests.support.api import Api, Json

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "high"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}

READS_BACK: list[tuple[str, Any]] = [
    ("messages", []),
    ("messages", [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "r", "tool_call_id": "c1"}]),
    ("messages", [{"role": "developer", "content": [{"type": "text", "text": "t"}, IMAGE], "name": "n"}]),
    ("messages", [{"role": "alien", "content": None, "zz": 1}, {"role": "user", "content": [{"type": "audio"}]}]),
    ("output_message", {"role": "assistant", "content": "Hello", "tool_calls": [CALL]}),
    ("output_message", {"role": "assistant", "thinking": [{"type": "thinking", "thinking": "t", "signature": "s"}]}),
    ("output", "text"),
    ("output", ""),
    ("inputs", {"question": "What?", "none": None, "nested": NESTED}),
    ("inputs", {}),
    ("prompt_tokens", 12),
    ("output_tokens", 0),
    ("reasoning_tokens", 1 << 53),
    ("prompt_cost", 0.25),
    ("output_cost", 3),
    ("finish_reason", "stop"),
    ("tool_choice", "none"),
    ("tool_choice", "auto"),
    ("tool_choice", "required"),
    ("tool_choice", {"type": "function", "function": {"name": "f"}}),
    ("error", "boom"),
    ("provider_latency", 1.5),
    ("stdout", "printed\n"),
    ("provider_request", NESTED),
    ("provider_response", NESTED),
    ("source", "sdk"),
    ("metadata", {"plan": "pro"}),
    ("metadata", {"n": 5, "nested": NESTED, "none": None}),
    ("metadata", {}),
    ("source_datapoint_id", "dp_1"),
    ("trace_parent_id", "log_of_somebody"),
    ("user", "user-1"),
    ("environment", "staging"),
    ("save", True),
    ("log_status", "complete"),
    ("log_status", "incomplete"),
    ("run_id", "evr_1"),
]

NULL_WHEN_ABSENT = sorted({field for field, _ in READS_BACK} - {"save"})


def test_the_answer_names_log_prompt_and_version(api: Api) -> None:
    created = create(api, output="x")
    assert set(created) == {"id", "prompt_id", "version_id", "session_id"}
    assert created["id"].startswith("log_")
    assert created["prompt_id"].startswith("pr_")
    assert created["version_id"].startswith("prv_")
    assert created["session_id"] is None


@pytest.mark.parametrize(("field", "value"), READS_BACK)
def test_a_field_reads_back_as_it_was_sent(api: Api, field: str, value: Any) -> None:
    assert log(api, **{field: value})[field] == value


def test_null_is_as_good_as_absent(api: Api) -> None:
    sent = dict.fromkeys(
        [*NULL_WHEN_ABSENT, "save", "log_id", "created_at", "start_time", "end_time", "batch_id", "id"]
    )
    for read in (log(api), log(api, **sent)):
        assert {field: read[field] for field in NULL_WHEN_ABSENT} == dict.fromkeys(NULL_WHEN_ABSENT)
        assert (read["save"], read["batches"], read["log_id"]) == (True, [], None)
        assert (read["start_time"], read["end_time"]) == (None, None)
        assert read["created_at"].endswith("Z")


@pytest.mark.parametrize("field", ["start_time", "end_time", "created_at"])
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2024-07-19T00:29:35.178992", "2024-07-19T00:29:35.178992Z"),
        ("2024-07-19T00:29:35Z", "2024-07-19T00:29:35.000000Z"),
        ("2024-07-19T00:29:35.5-02:00", "2024-07-19T02:29:35.500000Z"),
        (1700000000, "2023-11-14T22:13:20.000000Z"),
        (1700000000123, "2023-11-14T22:13:20.123000Z"),
    ],
)
def test_times(api: Api, field: str, sent: Any, read: str) -> None:
    assert log(api, **{field: sent})[field] == read


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"evaluation_id": "evr_1"}, {"run_id": "evr_1"}),
        ({"evaluation_id": "old", "run_id": "new"}, {"run_id": "new"}),
        ({"batch_id": "b"}, {"batches": ["b"]}),
        ({"batches": ["a", "b"], "batch_id": "b"}, {"batches": ["a", "b"]}),
        ({"trace_parent_log_id": "p"}, {"trace_parent_id": "p"}),
        ({"trace_parent_log_id": "old", "trace_parent_id": "new"}, {"trace_parent_id": "new"}),
        ({"no_such_field": 1}, {}),
    ],
)
def test_fields_of_older_clients_and_unknown_ones(api: Api, sent: Json, read: Json) -> None:
    answer = log(api, **sent)
    assert {name: answer[name] for name in read} == read


WRONG: list[tuple[str, Any, list[str | int]]] = [
    ("messages", {}, ["messages"]),
    ("messages", ["x"], ["messages", 0]),
    ("messages", [{"content": "x"}], ["messages", 0, "role"]),
    ("messages", [{"role": "user", "content": 1}], ["messages", 0, "content"]),
    ("messages", [{"role": "user", "content": [{}]}], ["messages", 0, "content", 0, "type"]),
    ("messages", [{"role": "user", "content": [{"type": "text"}]}], ["messages", 0, "content", 0, "text"]),
    ("output_message", "x", ["output_message"]),
    (
        "output_message",
        {"role": "a", "tool_calls": [{"id": "1", "type": "function"}]},
        ["output_message", "tool_calls", 0, "function"],
    ),
    ("output", {}, ["output"]),
    ("inputs", [], ["inputs"]),
    ("prompt_tokens", "x", ["prompt_tokens"]),
    ("prompt_tokens", 1.5, ["prompt_tokens"]),
    ("output_tokens", True, ["output_tokens"]),
    ("reasoning_tokens", 1e300, ["reasoning_tokens"]),
    ("prompt_cost", "x", ["prompt_cost"]),
    ("output_cost", [], ["output_cost"]),
    ("finish_reason", 1, ["finish_reason"]),
    ("tool_choice", "any", ["tool_choice"]),
    ("tool_choice", {"type": "function"}, ["tool_choice", "function"]),
    ("start_time", "soon", ["start_time"]),
    ("created_at", True, ["created_at"]),
    ("error", {}, ["error"]),
    ("provider_latency", "x", ["provider_latency"]),
    ("stdout", 1, ["stdout"]),
    ("provider_request", "x", ["provider_request"]),
    ("provider_response", [], ["provider_response"]),
    ("source", 1, ["source"]),
    ("metadata", [], ["metadata"]),
    ("log_status", "done", ["log_status"]),
    ("path", 1, ["path"]),
    ("path", " / / ", ["path"]),
    ("path", "x" * 513, ["path"]),
    ("id", 1, ["id"]),
    ("prompt", [], ["prompt"]),
    ("prompt", "not a prompt file", ["prompt"]),
    ("prompt", {}, ["prompt", "model"]),
    ("prompt", {"model": None}, ["prompt", "model"]),
    ("prompt", {"model": "m", "temperature": "hot"}, ["prompt", "temperature"]),
    ("prompt", {"model": "m", "tools": [{"name": "f"}]}, ["prompt", "tools", 0, "description"]),
    ("save", "maybe", ["save"]),
    ("log_id", 1, ["log_id"]),
    ("user", {}, ["user"]),
    ("environment", 1, ["environment"]),
    ("trace_parent_id", 1, ["trace_parent_id"]),
    ("batches", "b", ["batches"]),
    ("run_id", 1, ["run_id"]),
    ("source_datapoint_id", 1, ["source_datapoint_id"]),
]


@pytest.mark.parametrize(("field", "value", "loc"), WRONG, ids=lambda value: repr(value)[:40])
def test_a_wrong_field_is_refused_by_name(api: Api, field: str, value: Any, loc: list[str | int]) -> None:
    sent = {"path": unique("refused"), "prompt": DETAILS, field: value}
    with api.nothing_stored():
        refused(api.default.post("/v5/prompts/log", json=sent), 422, "invalid", ["body", *loc])


@pytest.mark.parametrize("sent", [{}, {"path": None, "id": None}, {"path": "", "id": ""}, {"output": "x"}])
def test_a_log_without_id_and_path_is_refused(api: Api, sent: Json) -> None:
    with api.nothing_stored():
        refused(api.default.post("/v5/prompts/log", json=sent), 422, "invalid", ["body", "path"])


def test_save_false_keeps_contents_out(api: Api) -> None:
    kept = {
        "metadata": {"a": 1},
        "prompt_tokens": 3,
        "prompt_cost": 0.5,
        "provider_latency": 2,
        "error": "e",
        "user": "u",
    }
    created = create(api, save=False, **CONTENTS, **kept)
    read = fetch(api, created["id"])
    assert read["save"] is False
    assert {name: read[name] for name in CONTENTS} == dict.fromkeys(CONTENTS)
    assert {name: read[name] for name in kept} == kept
    assert "private" not in api.default.get(f"/v5/logs/{created['id']}").text
