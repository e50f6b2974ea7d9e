"""`GET /v5/logs/{id}`: what strict clients need, and logs that can't be read there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared import ids
from tests.api.humanloop import create, fetch, log, log_url
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    from tests.support.api import Api

REQUIRED_OF_A_PROMPT: dict[str, type | tuple[type, ...]] = {
    "path": str,
    "id": str,
    "model": str,
    "name": str,
    "version_id": str,
    "created_at": str,
    "updated_at": str,
    "last_used_at": str,
    "version_logs_count": int,
    "total_logs_count": int,
    "inputs": list,
}
"""What the JavaScript client refuses to do without."""


def test_all_that_the_strict_client_needs_is_there(api: Api) -> None:
    for read in (log(api), log(api, save=False), log(api, prompt=None), log(api, log_id=unique(), error="e")):
        assert isinstance(read["id"], str)
        assert read["evaluator_logs"] == []
        prompt = read["prompt"]
        for name, kind in REQUIRED_OF_A_PROMPT.items():
            assert isinstance(prompt[name], kind), name
        assert prompt["type"] == "prompt"
        assert prompt["status"] == "committed"
        for name in ("created_at", "updated_at", "last_used_at"):
            assert prompt[name].endswith("Z")


def test_the_prompt_of_a_log_is_that_of_its_version(api: Api) -> None:
    path = f"a/{unique()}"
    details = {"model": "gpt-4o", "template": [{"role": "user", "content": "Hi {{name}}, {{ name }} {{other}}"}]}
    first = create(api, path=path, prompt=details)
    newer = create(api, path=path, prompt={"model": "newer"})
    fetch(api, newer["id"])  # once it is read it counts
    prompt = fetch(api, first["id"])["prompt"]
    assert (prompt["path"], prompt["name"], prompt["model"]) == (path, path[2:], "gpt-4o")
    assert (prompt["id"], prompt["version_id"]) == (first["prompt_id"], first["version_id"])
    assert prompt["inputs"] == [{"name": "name"}, {"name": "other"}]
    assert (prompt["version_logs_count"], prompt["total_logs_count"]) == (1, 2)


def test_a_log_is_there_at_once(api: Api) -> None:
    for number in range(20):
        created = create(api, output=str(number), log_id=unique() if number % 2 else None)
        assert fetch(api, created["id"])["output"] == str(number)


def test_a_nested_log_names_its_parent_and_the_root(api: Api) -> None:
    root = create(api)
    child = create(api, trace_parent_id=root["id"])
    read = log(api, trace_parent_id=child["id"])
    assert (read["trace_parent_id"], read["trace_id"]) == (child["id"], root["id"])
    assert fetch(api, root["id"])["trace_parent_id"] is None


def test_the_parent_may_be_unknown_or_arrive_later(api: Api) -> None:
    parent_id = unique("parent")
    created = create(api, trace_parent_id=parent_id)
    read = fetch(api, created["id"])
    assert (read["trace_parent_id"], read["trace_id"]) == (parent_id, parent_id)
    root = create(api)
    create(api, log_id=parent_id, trace_parent_id=root["id"])
    fetch(api, parent_id)
    assert fetch(api, created["id"])["trace_id"] == root["id"]


def test_logs_that_are_each_others_parent_are_readable(api: Api) -> None:
    one, two = unique(), unique()
    create(api, log_id=one, trace_parent_id=two)
    create(api, log_id=two, trace_parent_id=one)
    assert fetch(api, one)["trace_parent_id"] == two


@pytest.mark.parametrize(
    "log_id",
    [
        "log_00000000000",
        "log_zzzzzzzzzzz",
        "log_LOG00000000",
        "no-such-id",
        "a/b",
        "x" * 3000,
        "%",
        "\x00",
        "é",
        "5",
        " ",
    ],
    ids=lambda value: repr(value)[:20],
)
def test_an_unknown_id(api: Api, log_id: str) -> None:
    with api.nothing_stored():
        refused(api.default.get(log_url(log_id)), 404, "not_found", says="id: no log")


def test_ids_of_the_future_and_beyond_the_end_are_not_waited_for(api: Api) -> None:
    newest = ids.from_text(create(api)["id"])
    assert newest is not None
    for log_id in (newest + 1000, newest + (1 << 28) * 60 * 24, newest ^ (255 << 20)):
        response = api.default.get(log_url(ids.to_text(log_id)))
        refused(response, 404, "not_found")
        assert response.elapsed.total_seconds() < 2


def test_another_workspace_does_not_see_the_log(api: Api) -> None:
    log_id = unique()
    for created in (create(api), create(api, log_id=log_id)):
        refused(api.other.get(log_url(created["id"])), 404, "not_found", says="id: no log")


def test_a_promptlayer_request_is_not_a_humanloop_log(api: Api) -> None:
    request_id = api.default.post("/log-request", json=body()).json()["id"]
    refused(api.default.get(log_url(ids.to_text(request_id))), 404, "not_found")
    refused(api.default.get(log_url(str(request_id))), 404, "not_found")


def test_a_version_that_nobody_named_has_defaults(api: Api) -> None:
    prompt: dict[str, Any] = log(api, prompt={"model": "m"})["prompt"]
    assert (prompt["temperature"], prompt["top_p"], prompt["max_tokens"]) == (1, 1, -1)
    assert (prompt["tools"], prompt["template"], prompt["environments"], prompt["version_name"]) == (
        None,
        None,
        [],
        None,
    )
