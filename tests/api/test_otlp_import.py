"""`POST /v5/import/otel/v1/traces`: spans of decorators in the forms that both clients send, and wrong ones."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from tests.api import humanloop
from tests.api.test_file_logs import create
from tests.api.tracing import START_NS, span_id, spans_of, trace_id
from tests.support.api import refused, unique

if TYPE_CHECKING:
    from tests.support.api import Api, Json

PATH = "/v5/import/otel/v1/traces"


def span(attributes: dict[str, str], **changes: Any) -> Json:
    """A span as the Python client sends it: protobuf's own JSON form."""
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    return {
        "traceId": base64.b64encode(bytes.fromhex(trace_id())).decode(),
        "spanId": base64.b64encode(bytes.fromhex(span_id())).decode(),
        "name": "humanloop.tool",
        "kind": "SPAN_KIND_INTERNAL",
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": str(START_NS + 10**9),
        "attributes": pairs,
        **changes,
    }


def as_javascript(sent: Json) -> Json:
    """The same as the JavaScript client sends it: ids in hexadecimal, times as numbers, another numbering of kinds."""
    return sent | {
        "traceId": base64.b64decode(sent["traceId"]).hex(),
        "spanId": base64.b64decode(sent["spanId"]).hex(),
        "kind": 0,
        "startTimeUnixNano": float(START_NS),
        "endTimeUnixNano": float(START_NS + 10**9),
    }


def send(api: Api, *spans: Json, content_type: str = "") -> list[str]:
    """Send spans; returns the ids of their logs."""
    body = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "humanloop.sdk.decorator"}, "spans": list(spans)}]}]}
    response = api.default.post(PATH, content=json.dumps(body), headers={"content-type": content_type})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert set(answer) == {"records"}
    records: list[str] = answer["records"]
    return records


def tool(path: str, **more: str) -> dict[str, str]:
    return {
        "humanloop.file.path": path,
        "humanloop.file.type": "tool",
        "humanloop.file.function.name": "f",
        "humanloop.file.function.description": "",
        "humanloop.log.inputs.a": "1",
        "humanloop.log.output": "2",
        **more,
    }


def test_a_tool_of_either_client(api: Api) -> None:
    path = unique("tool")
    sent = span(tool(path))
    (first,) = send(api, sent)
    (second,) = send(api, as_javascript(span(tool(path))), content_type="text/plain;charset=UTF-8")
    reads = [humanloop.fetch(api, log_id) for log_id in (first, second)]
    for read in reads:
        assert (read["inputs"], read["output"]) == ({"a": "1"}, "2")
        assert (read["tool"]["path"], read["tool"]["function"]["name"]) == (path, "f")
        assert read["start_time"].startswith("2023-11-14T22:13:20.1234")
    assert reads[0]["tool"]["version_id"] == reads[1]["tool"]["version_id"]


def test_a_span_that_is_sent_again_counts_once(api: Api) -> None:
    path = unique("tool")
    sent = span(tool(path))
    (first,), (again,) = send(api, sent), send(api, sent)
    read = humanloop.fetch(api, again)
    assert read["duplicate_of"] == first
    listed = api.default.get("/v5/logs", params={"file_id": read["tool"]["id"]}).json()
    assert [record["id"] for record in listed["records"]] == [first]


def test_the_end_of_a_flow_updates_its_log(api: Api) -> None:
    for more in ({}, {"log_id": unique("own")}):
        flow = create(api, "flow", inputs={"a": 1}, log_status="incomplete", **more)
        end = {
            "humanloop.file.path": "whatever",
            "humanloop.file.type": "flow",
            "humanloop.log.id": flow["id"],
            "humanloop.log.log_status": "complete",
            "humanloop.log.output": "done",
        }
        for _ in range(2):
            assert send(api, span(end, name="humanloop.flow")) == [flow["id"]]
        api.wait_until_applied()
        read = humanloop.fetch(api, flow["id"])
        assert (read["log_status"], read["output"], read["inputs"]) == ("complete", "done", {"a": 1})
        assert read["end_time"] == "2023-11-14T22:13:21.123456Z"


def test_a_log_whose_contents_are_not_to_be_kept(api: Api) -> None:
    path = unique("prompt")
    attributes = {
        "humanloop.file.path": path,
        "humanloop.file.type": "prompt",
        "humanloop.log.save": "False",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": "3",
        "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "private"}]}]',
        "gen_ai.completion.0.content": "private",
    }
    (log_id,) = send(api, span(attributes, name="openai.chat"))
    response = api.default.get(humanloop.log_url(log_id))
    assert "private" not in response.text
    read = response.json()
    assert (read["save"], read["prompt_tokens"], read["prompt"]["model"]) == (False, 3, "gpt-4o")


def test_spans_of_anything_else_are_kept_as_spans(api: Api) -> None:
    other = span({"gen_ai.request.model": "gpt-4o"}, name="a call outside of a prompt")
    path = unique("tool")
    (log_id,) = send(api, other, span(tool(path)))
    assert humanloop.fetch(api, log_id)["tool"]["path"] == path
    (read,) = spans_of(api, base64.b64decode(other["traceId"]).hex())
    assert (read["name"], read["request_log_id"]) == ("a call outside of a prompt", None)


def test_what_is_wrong_is_told_and_keeps_nothing(api: Api) -> None:
    taken = unique("tool")
    send(api, span(tool(taken)))
    with api.nothing_stored():
        wrong = span(tool(unique(), **{"humanloop.log.log_status": "done"}))
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span(tool(taken)), wrong]}]}]}
        refused(api.default.post(PATH, json=body), 422, "invalid", ["body", "log_status"], "complete")
        pathless = span({"humanloop.file.type": "tool"})
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [pathless]}]}]}
        refused(api.default.post(PATH, json=body), 422, "invalid", ["body", "path"], "is required")
        other_kind = span(tool(taken) | {"humanloop.file.type": "flow"})
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [other_kind]}]}]}
        refused(api.default.post(PATH, json=body), 409, "conflict", says="of type tool, not of type flow")
        refused(api.default.post(PATH, content=b"x"), 400, "bad_request", says="JSON")
        refused(api.default.post(PATH, json={"resourceSpans": 1}), 422, "invalid", ["body", "resourceSpans"], "list")
        with api.client("no-such-key") as nobody:
            refused(nobody.post(PATH, json={}), 401, "unauthenticated")
    response = api.default.post(PATH, json={"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "x"}]}]}]})
    assert response.status_code == 200
    assert response.json()["records"] == []
    assert response.json()["partialSuccess"]["rejectedSpans"] == 1


def test_another_workspaces_flow_is_not_touched(api: Api) -> None:
    flow = create(api, "flow", log_status="incomplete")
    attributes = {
        "humanloop.file.path": "p",
        "humanloop.file.type": "flow",
        "humanloop.log.id": flow["id"],
        "humanloop.log.output": "theirs",
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span(attributes)]}]}]}
    assert api.other.post(PATH, json=body).status_code == 200
    api.wait_until_applied()
    assert humanloop.fetch(api, flow["id"])["output"] is None
