"""`PATCH /v5/prompts/{id}/log/{log_id}`: absent, null and value of every field; the answer and later reads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from shared import ids
from tests.api.humanloop import CONTENTS, NESTED, create, fetch, patch, patched, update_url
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    from tests.support.api import Api, Json

CHANGES: list[tuple[str, Any, Any]] = [
    (
        "messages",
        [{"role": "user", "content": "old"}],
        [{"role": "user", "content": [{"type": "text", "text": "new"}]}],
    ),
    ("output_message", {"role": "assistant", "content": "old", "name": "n"}, {"role": "assistant", "content": "new"}),
    ("output", "old", ""),
    ("inputs", {"a": 1, "b": {"c": 2}}, {"b": {"d": None}}),
    ("prompt_tokens", 1, 2),
    ("output_tokens", 1, 0),
    ("reasoning_tokens", 1, 2),
    ("prompt_cost", 0.5, 1.25),
    ("output_cost", 0.5, 2),
    ("finish_reason", "stop", "length"),
    ("tool_choice", "auto", {"type": "function", "function": {"name": "f"}}),
    ("tool_choice", {"type": "function", "function": {"name": "f"}}, "none"),
    ("start_time", "2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.500000Z"),
    ("end_time", "2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.500000Z"),
    ("error", "old", "new"),
    ("provider_latency", 1.5, 2),
    ("stdout", "old", "new"),
    ("provider_request", {"a": 1, "b": 2}, {"b": [NESTED]}),
    ("provider_response", {"a": 1, "b": 2}, {}),
    ("source", "old", "new"),
    ("metadata", {"a": "1", "b": {"c": 2}}, {"b": "x"}),
    ("metadata", {"a": [1]}, {}),
    ("log_status", "incomplete", "complete"),
    ("log_status", "complete", "incomplete"),
]


@pytest.mark.parametrize(("field", "old", "new"), CHANGES)
def test_a_value_replaces_null_clears_and_absence_keeps(api: Api, field: str, old: Any, new: Any) -> None:
    # A model without a known price: the price that tokens give a log would change with them.
    created = create(api, **{field: old, "user": "u", "prompt": {"model": "unknown"}})
    before = patched(api, created)
    assert before[field] == old
    changed = patched(api, created, **{field: new})
    assert changed[field] == new, "replaced whole"
    assert {name for name in changed if changed[name] != before[name]} == {field}
    assert fetch(api, created["id"]) == changed
    assert patched(api, created, error="e" if field != "error" else new)[field] == new
    cleared = patched(api, created, **{field: None})
    assert cleared[field] is None
    assert fetch(api, created["id"]) == cleared


def test_created_at_is_replaced_and_cleared_to_the_time_of_reception(api: Api) -> None:
    created = create(api)
    received = fetch(api, created["id"])["created_at"]
    assert patched(api, created, created_at="2020-01-01T00:00:00")["created_at"] == "2020-01-01T00:00:00.000000Z"
    assert patched(api, created, created_at=None)["created_at"] == received


@pytest.mark.parametrize("content", [b"", b"{}", b"  "])
def test_an_empty_update_is_answered_with_the_log(api: Api, content: bytes) -> None:
    created = create(api, output="x")
    with api.nothing_stored():
        response = api.default.patch(update_url(created), content=content, headers={"content-type": "application/json"})
        assert response.status_code == 200
        assert response.json() == fetch(api, created["id"])


@pytest.mark.parametrize(
    "field",
    [
        "path",
        "id",
        "prompt",
        "user",
        "environment",
        "save",
        "log_id",
        "run_id",
        "trace_parent_id",
        "batches",
        "source_datapoint_id",
        "no_such_field",
    ],
)
def test_other_fields_are_ignored(api: Api, field: str) -> None:
    created = create(api, output="x")
    before = fetch(api, created["id"])
    with api.nothing_stored():
        assert patched(api, created, **{field: ["changed"]}) == before


def test_several_fields_at_once_and_several_updates_one_after_the_other(api: Api) -> None:
    created = create(api, output="one", metadata={"a": 1})
    patched(api, created, output="two", prompt_tokens=1, error=None)
    read = patched(api, created, prompt_tokens=2, metadata={"b": 2})
    assert (read["output"], read["prompt_tokens"], read["metadata"], read["error"]) == ("two", 2, {"b": 2}, None)


def test_updates_at_the_same_time_are_all_kept(api: Api) -> None:
    created = create(api)
    fields: list[Json] = [{"prompt_tokens": 1}, {"output_tokens": 2}, {"output": "o"}, {"source": "s"}]
    fields += [{"metadata": {"n": 1}}, {"inputs": {"n": 2}}, {"error": "e"}, {"finish_reason": "stop"}]

    def update(sent: Json) -> int:
        with api.client("default-key-1") as client:
            return client.patch(update_url(created), json=sent).status_code

    with ThreadPoolExecutor(len(fields)) as threads:
        assert list(threads.map(update, fields)) == [200] * len(fields)
    read = fetch(api, created["id"])
    for sent in fields:
        assert {name: read[name] for name in sent} == sent


def test_the_answer_to_each_of_many_quick_updates_shows_that_update(api: Api) -> None:
    created = create(api)
    assert [patched(api, created, output=str(number))["output"] for number in range(20)] == [str(n) for n in range(20)]


def test_an_update_right_after_the_creation(api: Api) -> None:
    for number in range(10):
        assert patched(api, create(api, source="s"), output=str(number))["output"] == str(number)


def test_a_log_under_a_client_id_is_updated_by_that_id(api: Api) -> None:
    created = create(api, log_id=f"{unique()}/with a slash?", output="one")
    read = patched(api, created, output="two")
    assert (read["id"], read["output"]) == (created["id"], "two")


def test_contents_of_a_log_that_is_not_saved_stay_out(api: Api) -> None:
    created = create(api, save=False, metadata={"a": 1})
    read = patched(api, created, **CONTENTS, error="e", prompt_tokens=5)
    assert {name: read[name] for name in CONTENTS} == dict.fromkeys(CONTENTS)
    assert (read["save"], read["error"], read["prompt_tokens"], read["metadata"]) == (False, "e", 5, {"a": 1})
    with api.nothing_stored():
        patched(api, created, **CONTENTS)


def test_text_that_had_to_be_repaired_is_marked(api: Api) -> None:
    created = create(api, output="fine")
    assert "repaired" not in fetch(api, created["id"])
    answer = api.default.patch(update_url(created), content=b'{"output": "half \\ud83d"}').json()
    assert (answer["output"], answer["repaired"]) == ("half \ufffd", True)
    assert patched(api, created, output="fine")["repaired"] is True


WRONG: list[tuple[str, Any, list[str | int]]] = [
    ("messages", [{"content": "x"}], ["messages", 0, "role"]),
    ("output_message", [], ["output_message"]),
    ("output", {}, ["output"]),
    ("inputs", "x", ["inputs"]),
    ("prompt_tokens", "x", ["prompt_tokens"]),
    ("output_cost", True, ["output_cost"]),
    ("tool_choice", "any", ["tool_choice"]),
    ("created_at", "soon", ["created_at"]),
    ("metadata", "x", ["metadata"]),
    ("log_status", "done", ["log_status"]),
]


@pytest.mark.parametrize(("field", "value", "loc"), WRONG)
def test_a_wrong_field_is_refused_by_name(api: Api, field: str, value: Any, loc: list[str | int]) -> None:
    created = create(api, output="x")
    before = fetch(api, created["id"])
    with api.nothing_stored():
        refused(patch(api, created, {field: value, "error": "e"}), 422, "invalid", ["body", *loc])
        assert fetch(api, created["id"]) == before


def test_logs_that_are_not_there(api: Api) -> None:
    created, other_prompt = create(api), create(api)
    request_id = api.default.post("/log-request", json=body(prompt_id=7)).json()["id"]
    with api.nothing_stored():
        for prompt_id, log_id in (
            (created["prompt_id"], "log_00000000000"),
            (created["prompt_id"], "no-such-id"),
            (other_prompt["prompt_id"], created["id"]),
            ("pr_nobody", created["id"]),
            ("a/b", created["id"]),
            ("7", ids.to_text(request_id)),
        ):
            response = patch(api, {"prompt_id": prompt_id, "id": log_id}, {"output": "x"})
            refused(response, 404, "not_found", says="log_id: ")
        theirs = api.other.patch(update_url(created), json={"output": "x"})
        refused(theirs, 404, "not_found", says="log_id: ")
        unquoted = api.default.patch(f"/v5/prompts/a/b/log/{created['id']}", json={"output": "x"})
        refused(unquoted, 404, "not_found", says="no such route")
