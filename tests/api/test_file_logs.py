"""Logs of tools and flows: created, read back, nested, listed, deleted. What prompt logs share is tested with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.api import humanloop
from tests.support.api import refused, unique

if TYPE_CHECKING:
    from tests.support.api import Api, Json

FUNCTION: Json = {
    "name": "multiply",
    "description": "Multiply two numbers.",
    "strict": True,
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
}
TOOL: Json = {"function": FUNCTION, "source_code": "def multiply(a): ...", "attributes": {"v": 1}}


def create(api: Api, kind: str, **fields: Any) -> Json:
    """Log to a file of its own, unless the fields name one; returns the answer."""
    response = api.default.post(f"/v5/{kind}s/log", json={"path": unique(kind), **fields})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def test_a_tool_log_reads_back(api: Api) -> None:
    path = unique("tool")
    fields: Json = {
        "inputs": {"a": 2, "b": None},
        "output": "6",
        "error": "odd",
        "start_time": "2026-01-01T12:00:00Z",
        "end_time": "2026-01-01T12:00:01Z",
        "metadata": {"plan": "pro"},
        "user": "ada",
        "source": "tests",
        "run_id": "evr_1",
        "source_datapoint_id": "dp_1",
    }
    created = create(api, "tool", path=path, tool=TOOL, **fields)
    assert set(created) == {"id", "tool_id", "version_id", "session_id"}
    read = humanloop.fetch(api, created["id"])
    assert {name: read[name] for name in ("inputs", "output", "error", "metadata", "user", "source", "run_id")} == {
        name: fields[name] for name in ("inputs", "output", "error", "metadata", "user", "source", "run_id")
    }
    assert read["start_time"] == "2026-01-01T12:00:00.000000Z"
    tool = read["tool"]
    assert {name: tool[name] for name in TOOL} == TOOL
    assert (tool["id"], tool["path"], tool["type"]) == (created["tool_id"], path, "tool")
    assert tool["version_id"] == created["version_id"]
    assert "prompt" not in read


def test_versions_follow_from_details(api: Api) -> None:
    path = unique("tool")
    first = create(api, "tool", path=path, tool=TOOL)
    again = create(api, "tool", path=path, tool=TOOL)
    other = create(api, "tool", path=path, tool={"function": FUNCTION | {"name": "divide"}})
    assert {first["tool_id"]} == {again["tool_id"], other["tool_id"]}
    assert first["version_id"] == again["version_id"] != other["version_id"]
    bare = create(api, "flow", path=unique("flow"))
    assert humanloop.fetch(api, bare["id"])["flow"]["attributes"] == {}


def test_a_flow_with_logs_below_it(api: Api) -> None:
    flow = create(
        api,
        "flow",
        flow={"attributes": {"version": "v1"}},
        messages=[{"role": "user", "content": "Hi"}],
        log_status="incomplete",
        trace_parent_id=None,
    )
    assert (set(flow), flow["log_status"]) == (
        {"id", "flow_id", "version_id", "session_id", "log_status"},
        "incomplete",
    )
    tool = create(api, "tool", trace_parent_id=flow["id"], output="6")
    prompt = humanloop.create(api, trace_parent_id=tool["id"], output="six")
    for below in (tool, prompt):
        read = humanloop.fetch(api, below["id"])
        assert (read["trace_id"], read["trace_flow_id"]) == (flow["id"], flow["id"])
    read = humanloop.fetch(api, flow["id"])
    assert (read["trace_id"], read["trace_flow_id"], read["log_status"]) == (None, None, "incomplete")
    assert read["messages"] == [{"role": "user", "content": "Hi"}]
    assert read["flow"]["attributes"] == {"version": "v1"}
    listed = api.default.get("/v5/logs", params={"file_id": flow["flow_id"], "include_trace_children": "true"})
    (record,) = listed.json()["records"]
    assert [child["tool"]["id"] for child in record["trace_children"]] == [tool["tool_id"]]
    assert [child["output"] for child in record["trace_children"][0]["trace_children"]] == ["six"]


def test_older_clients_call_the_status_of_a_flow_otherwise(api: Api) -> None:
    created = create(api, "flow", trace_status="complete")
    assert humanloop.fetch(api, created["id"])["log_status"] == "complete"


def test_deleting(api: Api) -> None:
    created = create(api, "flow")
    assert api.default.delete("/v5/logs", params={"id": created["id"]}).status_code == 204
    refused(api.default.get(humanloop.log_url(created["id"])), 404, "not_found")


def test_files_of_different_kinds_share_paths(api: Api) -> None:
    path = unique("taken")
    tool = create(api, "tool", path=path)
    refused(
        api.default.post("/v5/flows/log", json={"path": path}), 409, "conflict", says="of type tool, not of type flow"
    )
    refused(api.default.post("/v5/flows/log", json={"id": tool["tool_id"]}), 404, "not_found", says="no flow")
    url = f"/v5/prompts/{tool['tool_id']}/log/{tool['id']}"
    refused(api.default.patch(url, json={"output": "x"}), 404, "not_found")


@pytest.mark.parametrize(
    ("kind", "fields", "loc"),
    [
        ("tool", {"tool": {"function": {"name": "f"}}}, ["tool", "function", "description"]),
        ("flow", {"flow": {}}, ["flow", "attributes"]),
        ("flow", {"log_status": "done"}, ["log_status"]),
        ("tool", {"path": None}, ["path"]),
    ],
)
def test_wrong_fields(api: Api, kind: str, fields: Json, loc: list[str]) -> None:
    with api.nothing_stored():
        response = api.default.post(f"/v5/{kind}s/log", json={"path": unique(kind)} | fields)
        refused(response, 422, "invalid", ["body", *loc])


def test_a_log_of_a_tool_is_no_request(api: Api) -> None:
    created = create(api, "tool", output="6", inputs={"a": 1})
    number = api.default.get(humanloop.log_url(created["id"])).json()
    assert number["output"] == "6"
    found = api.default.post("/api/public/v2/requests/search", json={"q": "6"}).json()
    assert created["tool_id"] not in str(found)


def test_updates(api: Api) -> None:
    tool, flow = create(api, "tool", output="6"), create(api, "flow", log_status="incomplete", inputs={"a": 1})
    tool_url, flow_url = f"/v5/tools/{tool['tool_id']}/log/{tool['id']}", f"/v5/flows/logs/{flow['id']}"
    answer = api.default.patch(tool_url, json={"output": "7", "metadata": {"n": 1}}).json()
    assert (answer["tool"]["id"], answer["output"], answer["metadata"]) == (tool["tool_id"], "7", {"n": 1})
    assert humanloop.fetch(api, tool["id"]) == answer
    answer = api.default.patch(flow_url, json={"output": "done", "trace_status": "complete"}).json()
    assert (answer["output"], answer["log_status"], answer["inputs"]) == ("done", "complete", {"a": 1})
    assert humanloop.fetch(api, flow["id"]) == answer
    with api.nothing_stored():
        says = f"tool 'tl_1' has no log with the id '{tool['id']}'"
        refused(api.default.patch(f"/v5/tools/tl_1/log/{tool['id']}", json={}), 404, "not_found", says=says)
        says = f"no flow has a log with the id '{tool['id']}'"
        refused(api.default.patch(f"/v5/flows/logs/{tool['id']}", json={}), 404, "not_found", says=says)
        refused(api.default.patch(flow_url, json={"log_status": "done"}), 422, "invalid", ["body", "log_status"])
        refused(api.other.patch(flow_url, json={"output": "x"}), 404, "not_found")


def begun(api: Api, **fields: Any) -> str:
    """Where a flow's log is updated, which is incomplete."""
    return f"/v5/flows/logs/{create(api, 'flow', **{'log_status': 'incomplete', **fields})['id']}"


@pytest.mark.parametrize(
    ("before", "update"),
    [
        ({"inputs": {}}, {"output": ""}),
        ({"inputs": {"a": 1}, "output": "done"}, {}),
        ({"output": ""}, {"inputs": {"a": 1}}),
        (
            {"messages": [{"role": "user", "content": "Hi"}]},
            {"output_message": {"role": "assistant", "content": "Hello"}},
        ),
        ({}, {"inputs": {"a": 1}, "error": "odd"}),
        ({"save": False, "inputs": {"a": 1}, "output": "done"}, {}),  # its contents are not kept, so nobody can tell
        ({"log_status": None, "inputs": {}, "output": "done"}, {}),
    ],
)
def test_completing_a_flow(api: Api, before: Json, update: Json) -> None:
    answer = api.default.patch(begun(api, **before), json={"log_status": "complete", **update})
    assert (answer.status_code, answer.json()["log_status"]) == (200, "complete"), answer.text


@pytest.mark.parametrize(
    ("before", "update", "says"),
    [
        ({}, {}, "inputs: is required to complete the log, or messages (and 1 more: output)"),
        ({"output": "done"}, {"error": "odd"}, "inputs: is required to complete the log, or messages"),
        ({"inputs": {"a": 1}}, {}, "output: is required to complete the log, or output_message or error"),
        ({"inputs": {"a": 1}, "output": "done"}, {"output": None}, "output: is required to complete the log"),
        ({"output": "done", "inputs": {}}, {"inputs": None, "trace_status": "complete"}, "inputs: is required to"),
    ],
)
def test_what_a_flow_needs_to_be_completed(api: Api, before: Json, update: Json, says: str) -> None:
    url = begun(api, **before)
    api.wait_until_applied()
    with api.nothing_stored():
        response = api.default.patch(url, json={"log_status": "complete", **update})
        refused(response, 422, "invalid", ["body", says.partition(":")[0]], says=says)


@pytest.mark.parametrize("status", ["incomplete", None])
def test_a_complete_flow_stays_complete(api: Api, status: str | None) -> None:
    """Nothing is asked of one that was created complete."""
    created = create(api, "flow", log_status="complete", log_id=unique("log"))
    url = f"/v5/flows/logs/{created['id']}"
    assert api.default.patch(url, json={"log_status": "complete", "error": "odd"}).json()["error"] == "odd"
    assert api.default.patch(url, json={"error": None}).json()["error"] is None
    says = "log_status: can't change any more: the log is complete. Leave it out to update the rest"
    api.wait_until_applied()
    with api.nothing_stored():
        refused(api.default.patch(url, json={"log_status": status}), 422, "invalid", ["body", "log_status"], says=says)
    create(api, "flow", id=created["flow_id"], path=None, log_id=created["id"], log_status="incomplete", output="again")
    read = humanloop.fetch(api, created["id"])
    assert (read["log_status"], read["output"]) == ("complete", "again")


def test_updates_that_race_leave_a_complete_flow_complete(api: Api) -> None:
    """Whichever is stored first, and whether or not the other was refused for it."""
    url = begun(api, inputs={"a": 1}, output="done")
    with ThreadPoolExecutor(8) as pool:
        statuses = ["complete", *["incomplete"] * 7]
        answers = list(pool.map(lambda status: api.default.patch(url, json={"log_status": status}), statuses))
    assert {answer.status_code for answer in answers} <= {200, 422}
    assert humanloop.fetch(api, url.rpartition("/")[2])["log_status"] == "complete"
