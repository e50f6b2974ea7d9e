from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import Invalid
from shared.wire.humanloop.prompt_log import PromptLogRequest, PromptLogUpdate, parse_prompt_log, parse_update

FULL: dict[str, Any] = {
    "path": "folder/name",
    "id": "pr_1",
    "prompt": {"model": "gpt-4o"},
    "messages": [{"role": "user", "content": "hi"}],
    "output_message": {"role": "assistant", "content": "hello"},
    "output": "hello",
    "inputs": {"name": None},
    "prompt_tokens": 3,
    "output_tokens": 1,
    "reasoning_tokens": 0,
    "prompt_cost": 1,
    "output_cost": 0.5,
    "finish_reason": "stop",
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "start_time": "2024-07-19T00:29:35.178992",
    "end_time": "2024-07-19T05:59:36+05:30",
    "created_at": 1721348976.5,
    "error": "e",
    "provider_latency": 1.25,
    "stdout": "out",
    "provider_request": {"model": "gpt-4o"},
    "provider_response": {},
    "source": "sdk",
    "metadata": {"a": {"b": [1]}},
    "source_datapoint_id": "dp_1",
    "trace_parent_id": "log_0",
    "user": "ann",
    "environment": "production",
    "save": False,
    "log_id": "mine",
    "log_status": "incomplete",
    "run_id": "evr_1",
    "evaluation_id": "ev_1",
    "batch_id": "b_1",
    "trace_id": "tr_1",
    "trace_parent_log_id": "log_9",
    "batches": ["b_0", "b_1"],
}

NOT_PATCHABLE = {
    "path", "id", "prompt", "user", "environment", "save", "log_id", "run_id", "trace_parent_id", "batches",
    "source_datapoint_id", "evaluation_id", "batch_id", "trace_id", "trace_parent_log_id",
}  # fmt: skip


def problems(parse: Any, body: Any) -> list[list[str | int]]:
    with pytest.raises(Invalid) as caught:
        parse(body)
    return [problem["loc"] for problem in caught.value.detail or []]


def test_every_field_of_every_age_is_taken() -> None:
    assert set(PromptLogRequest.model_fields) == set(FULL)
    assert set(PromptLogUpdate.model_fields) == set(FULL) - NOT_PATCHABLE
    request = parse_prompt_log(FULL)
    changed_by_reading = {"prompt", "start_time", "end_time", "created_at"}
    for name in set(FULL) - changed_by_reading:
        assert getattr(request, name) == FULL[name], name
    assert request.prompt is not None
    assert request.prompt.as_dict() == {"model": "gpt-4o"}
    assert request.start_time == datetime(2024, 7, 19, 0, 29, 35, 178992, UTC)
    assert request.end_time == datetime(2024, 7, 19, 0, 29, 36, tzinfo=UTC)
    assert request.created_at == datetime(2024, 7, 19, 0, 29, 36, 500000, UTC)


def test_null_is_absent_in_a_create() -> None:
    assert parse_prompt_log(dict.fromkeys(FULL) | {"path": "p"}) == parse_prompt_log({"path": "p"})


def test_unknown_keys_are_no_error() -> None:
    assert parse_prompt_log({"path": "p", "new": 1}) == parse_prompt_log({"path": "p"})
    assert parse_update({"new": 1, "path": 5}).model_fields_set == set()


@pytest.mark.parametrize("body", [{}, {"path": ""}, {"path": None, "id": None}, {"output": "x"}])
def test_a_create_must_say_which_prompt_it_is(body: dict[str, Any]) -> None:
    assert problems(parse_prompt_log, body) == [["body", "path"]]


def test_an_id_or_a_path_is_enough() -> None:
    assert parse_prompt_log({"id": "pr_1"}).path is None
    assert parse_prompt_log({"path": "p"}).id is None


@pytest.mark.parametrize(
    ("body", "parent", "run", "batches"),
    [
        ({}, None, None, []),
        ({"trace_parent_log_id": "old"}, "old", None, []),
        ({"trace_parent_id": None, "trace_parent_log_id": "old"}, "old", None, []),
        ({"trace_parent_id": "new", "trace_parent_log_id": "old"}, "new", None, []),
        ({"evaluation_id": "old"}, None, "old", []),
        ({"run_id": "new", "evaluation_id": "old"}, None, "new", []),
        ({"batch_id": "a"}, None, None, ["a"]),
        ({"batches": ["b", "a", "b"], "batch_id": "a"}, None, None, ["b", "a"]),
    ],
)
def test_earlier_names(body: dict[str, Any], parent: str | None, run: str | None, batches: list[str]) -> None:
    request = parse_prompt_log({"path": "p", **body})
    assert (request.parent_id, request.evaluation_run_id, request.batch_ids) == (parent, run, batches)


WRONG: list[tuple[dict[str, Any], list[str | int]]] = [
    ({"messages": {}}, ["messages"]),
    ({"messages": [{"content": "x"}]}, ["messages", 0, "role"]),
    ({"output_message": "x"}, ["output_message"]),
    ({"output_message": {"role": "a", "content": 1}}, ["output_message", "content"]),
    ({"output": {"a": 1}}, ["output"]),
    ({"output": 1}, ["output"]),
    ({"inputs": "x"}, ["inputs"]),
    ({"prompt_tokens": "x"}, ["prompt_tokens"]),
    ({"prompt_tokens": 1.5}, ["prompt_tokens"]),
    ({"output_tokens": True}, ["output_tokens"]),
    ({"reasoning_tokens": 1 << 70}, ["reasoning_tokens"]),
    ({"prompt_cost": "free"}, ["prompt_cost"]),
    ({"output_cost": True}, ["output_cost"]),
    ({"finish_reason": 1}, ["finish_reason"]),
    ({"tool_choice": "any"}, ["tool_choice"]),
    ({"tool_choice": 1}, ["tool_choice"]),
    ({"tool_choice": {"type": "function"}}, ["tool_choice", "function"]),
    ({"tool_choice": {"type": "tool", "function": {"name": "f"}}}, ["tool_choice", "type"]),
    ({"tool_choice": {"type": "function", "function": {}}}, ["tool_choice", "function", "name"]),
    ({"start_time": "yesterday"}, ["start_time"]),
    ({"end_time": ""}, ["end_time"]),
    ({"created_at": {}}, ["created_at"]),
    ({"error": {"code": 1}}, ["error"]),
    ({"provider_latency": "slow"}, ["provider_latency"]),
    ({"stdout": 1}, ["stdout"]),
    ({"provider_request": "x"}, ["provider_request"]),
    ({"provider_response": []}, ["provider_response"]),
    ({"source": 1}, ["source"]),
    ({"metadata": []}, ["metadata"]),
    ({"log_status": "done"}, ["log_status"]),
]


@pytest.mark.parametrize(("body", "loc"), WRONG)
def test_wrong_fields_are_refused_by_name(body: dict[str, Any], loc: list[str | int]) -> None:
    assert problems(parse_prompt_log, {"path": "p", **body}) == [["body", *loc]]
    assert problems(parse_update, body) == [["body", *loc]]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"path": 1}, ["path"]),
        ({"id": 1}, ["id"]),
        ({"prompt": {}}, ["prompt", "model"]),
        ({"prompt": 1}, ["prompt"]),
        ({"user": 1}, ["user"]),
        ({"environment": {}}, ["environment"]),
        ({"save": "maybe"}, ["save"]),
        ({"log_id": 1}, ["log_id"]),
        ({"log_id": "x" * 1025}, ["log_id"]),
        ({"run_id": 1}, ["run_id"]),
        ({"source_datapoint_id": 1}, ["source_datapoint_id"]),
        ({"trace_parent_id": 1}, ["trace_parent_id"]),
        ({"trace_parent_log_id": 1}, ["trace_parent_log_id"]),
        ({"trace_id": 1}, ["trace_id"]),
        ({"evaluation_id": 1}, ["evaluation_id"]),
        ({"batch_id": 1}, ["batch_id"]),
        ({"batches": "b"}, ["batches"]),
        ({"batches": [1]}, ["batches", 0]),
    ],
)
def test_wrong_fields_of_a_create_are_refused_by_name(body: dict[str, Any], loc: list[str | int]) -> None:
    assert problems(parse_prompt_log, {"path": "p"} | body) == [["body", *loc]]


@pytest.mark.parametrize("body", [[], "x", 1, None])
def test_a_body_is_an_object(body: Any) -> None:
    assert problems(parse_prompt_log, body) == [["body"]]
    assert problems(parse_update, body) == [["body"]]


def test_an_update_tells_absent_null_and_value_apart() -> None:
    update = parse_update({"output": None, "error": "e"})
    assert update.model_fields_set == {"output", "error"}
    assert (update.output, update.error) == (None, "e")
    assert parse_update({}).model_fields_set == set()
