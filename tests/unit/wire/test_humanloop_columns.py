from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared import records
from shared.wire.humanloop.columns import file_log_columns, update_columns
from shared.wire.humanloop.prompt_log import parse_prompt_log, parse_update
from tests.unit.wire.test_humanloop_prompt_log import FULL

if TYPE_CHECKING:
    from shared.records import Columns

MESSAGE = {"role": "assistant", "content": "said", "tool_calls": [
    {"id": "1", "type": "function", "function": {"name": "f"}},
]}  # fmt: skip


def create(body: dict[str, Any], **changes: Any) -> Columns:
    arguments: dict[str, Any] = {
        "log_type": "humanloop.prompt_log",
        "file_id": "pr_1",
        "path": "a/b",
        "version_id": "prv_1",
        "details": {"model": ""},
        "keep_details": False,
        "repaired": False,
    }
    return file_log_columns(parse_prompt_log({"path": "a/b", **body}), **arguments | changes)


def test_the_least_log() -> None:
    assert create({}) == {
        "type": "humanloop.prompt_log",
        "prompt_id": "pr_1",
        "prompt_name": "a/b",
        "prompt_version_id": "prv_1",
        "model": "",
    }


def test_every_field_has_its_column() -> None:
    body = FULL | {"save": True, "output_message": MESSAGE, "trace_parent_id": "log_0"}
    details = {"model": "gpt-4o", "provider": "openai", "temperature": 0.5}
    columns = create(body, details=details, keep_details=True, repaired=True)
    assert columns == {
        "type": "humanloop.prompt_log",
        "prompt_id": "pr_1",
        "prompt_name": "a/b",
        "prompt_version_id": "prv_1",
        "prompt_details": details,
        "model": "gpt-4o",
        "provider": "openai",
        "external_id": "mine",
        "input": FULL["messages"],
        "output": MESSAGE,
        "output_text": "hello",
        "variables": {"name": None},
        "input_preview": "hi",
        "output_preview": "hello",
        "tool_names": ["f"],
        "input_tokens": 3,
        "output_tokens": 1,
        "reasoning_tokens": 0,
        "input_cost": 1.0,
        "output_cost": 0.5,
        "finish_reason": "stop",
        "tool_choice": FULL["tool_choice"],
        "started_at": "2024-07-19 00:29:35.178992",
        "ended_at": "2024-07-19 00:29:36.000000",
        "created_at": "2024-07-19 00:29:36.500000",
        "error": "e",
        "provider_latency": 1.25,
        "stdout": "out",
        "provider_request": {"model": "gpt-4o"},
        "provider_response": {},
        "source": "sdk",
        "metadata": {"a.b": "[1]"},
        "metadata_json": '{"a":{"b":[1]}}',
        "source_datapoint_id": "dp_1",
        "parent_id": "log_0",
        "trace_id": "tr_1",
        "user_id": "ann",
        "environment": "production",
        "log_status": "incomplete",
        "run_id": "evr_1",
        "batches": ["b_0", "b_1"],
        "repaired": 1,
    }
    assert columns.keys() <= records.LOG_FIELDS | records.PAYLOAD_FIELDS


def test_what_is_not_saved_is_not_in_the_event() -> None:
    body = FULL | {"output_message": MESSAGE, "save": False}
    columns = create(body, keep_details=True)
    assert columns["save"] == 0
    assert columns.keys().isdisjoint(records.CONTENT_COLUMNS)
    kept = create(body | {"save": True}, keep_details=True)
    assert {name for name in kept if name not in columns} == set(records.CONTENT_COLUMNS)
    assert columns["error"] == "e"
    assert columns["prompt_details"] == {"model": ""}


@pytest.mark.parametrize(
    ("choice", "stored"),
    [
        ("auto", '"auto"'),
        ({"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "f"}}),
    ],
)
def test_tool_choice_is_json_text(choice: Any, stored: Any) -> None:
    assert create({"tool_choice": choice})["tool_choice"] == stored
    assert update_columns(parse_update({"tool_choice": choice}), save=True) == {"tool_choice": stored}


@pytest.mark.parametrize(
    ("body", "preview"),
    [
        ({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}, "b"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "a"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": None}]}, "a"),
        ({"messages": [{"role": "system", "content": "a"}], "inputs": {"b": 1}}, '{"b":1}'),
        ({"messages": [], "inputs": {"b": "ü"}}, '{"b":"ü"}'),
        ({"messages": [{"role": "user", "content": "x" * 500}]}, "x" * 200),
        ({"inputs": {}}, None),
    ],
)
def test_input_preview(body: dict[str, Any], preview: str | None) -> None:
    assert create(body).get("input_preview") == preview
    assert update_columns(parse_update(body), save=True)["input_preview"] == preview


@pytest.mark.parametrize(
    ("body", "preview"),
    [
        ({"output": "a", "output_message": {"role": "assistant", "content": "b"}}, "a"),
        ({"output": "", "output_message": {"role": "assistant", "content": "b"}}, "b"),
        ({"output_message": {"role": "assistant", "content": [{"type": "text", "text": "b"}]}}, "b"),
        ({"output_message": {"role": "assistant", "content": None}}, None),
        ({"output": "x" * 500}, "x" * 200),
    ],
)
def test_output_preview(body: dict[str, Any], preview: str | None) -> None:
    assert create(body).get("output_preview") == preview
    assert update_columns(parse_update(body), save=True)["output_preview"] == preview


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ({}, {}),
        ({"error": "e"}, {"error": "e"}),
        ({"prompt_tokens": 5, "output_tokens": None}, {"input_tokens": 5, "output_tokens": None}),
        ({"created_at": None, "start_time": 0}, {"created_at": None, "started_at": "1970-01-01 00:00:00.000000"}),
        ({"metadata": None}, {"metadata": None, "metadata_json": None}),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}, "metadata_json": ""}),
        ({"messages": None}, {"input": None, "input_preview": None}),
        ({"inputs": {"a": 1}}, {"variables": {"a": 1}, "input_preview": '{"a":1}'}),
        ({"output": None}, {"output_text": None, "output_preview": None}),
        ({"output": "x"}, {"output_text": "x", "output_preview": "x"}),
        ({"output_message": MESSAGE}, {"output": MESSAGE, "output_preview": "said", "tool_names": ["f"]}),
        ({"output_message": None}, {"output": None, "output_preview": None, "tool_names": None}),
        ({"tool_choice": None}, {"tool_choice": None}),
        ({"log_status": "complete"}, {"log_status": "complete"}),
    ],
)
def test_an_update_changes_what_it_names(body: dict[str, Any], columns: Columns) -> None:
    assert update_columns(parse_update(body), save=True) == columns


def test_an_update_of_a_log_that_does_not_save_keeps_contents_out() -> None:
    columns = update_columns(parse_update(FULL), save=False)
    assert columns.keys().isdisjoint(records.CONTENT_COLUMNS)
    assert {"error", "input_tokens", "metadata", "started_at", "tool_choice"} <= columns.keys()
