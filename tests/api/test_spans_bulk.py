"""`POST /spans-bulk` and `GET /api/public/v2/traces/{trace_id}`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.api import promptlayer, tracing
from tests.api.tracing import START_NS, bulk_span, read_trace, send_bulk, span_id, spans_of, trace_id
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import body, chat, message

if TYPE_CHECKING:
    from tests.support.api import Api, Json


def log_request(**changes: Any) -> Json:
    """A log without times of its own."""
    log = body(**changes)
    return {name: value for name, value in log.items() if not name.endswith("_time")}


def test_a_span_reads_back_at_once_and_whole(api: Api) -> None:
    trace = trace_id()
    sent = bulk_span(
        trace,
        name="find a word",
        kind="SpanKind.CLIENT",
        parent_id=span_id(),
        status={"status_code": "StatusCode.ERROR", "description": "no such word"},
        attributes={"text": "é😀", "number": 1, "list": ["a", "b"], "deep": {"a": [1, None]}},
        events=[{"name": "exception", "timestamp": str(START_NS + 5), "attributes": {"exception.type": "KeyError"}}],
        links=[{"context": {"traceId": trace, "spanId": "00000000000000aa"}, "attributes": {"a": 1}}],
    )
    answer = send_bulk(api, sent)
    (span,) = spans_of(api, trace)
    assert answer == {
        "success": True,
        "spans": [{"id": span["id"], "name": "find a word", "span_id": sent["context"]["span_id"]}],
        "request_logs": [],
    }
    assert span == {
        "id": answer["spans"][0]["id"],
        "name": "find a word",
        "span_id": sent["context"]["span_id"],
        "parent_id": sent["parent_id"],
        "start_time": "2023-11-14T22:13:20.123456Z",
        "end_time": "2023-11-14T22:13:20.873456Z",
        "latency_ms": 750.0,
        "request_log_id": None,
        "kind": "CLIENT",
        "status": {"status_code": "ERROR", "description": "no such word"},
        "attributes": sent["attributes"],
        "events": [
            {
                "name": "exception",
                "time_unix_nano": str(START_NS + 5),
                "attributes": {"exception.type": "KeyError"},
            }
        ],
        "links": [{"trace_id": trace, "span_id": "00000000000000aa", "attributes": {"a": 1}}],
        "resource": {"attributes": {"service.name": "prompt-layer-library"}},
        "scope": {},
    }


def test_spans_as_javascript_sends_them(api: Api) -> None:
    trace = trace_id()
    sent = bulk_span(
        trace, start_time=str(START_NS), end_time=str(START_NS + 10**9), status={"status_code": "StatusCode.UNSET"}
    )
    del sent["parent_id"]
    send_bulk(api, sent)
    (span,) = spans_of(api, trace)
    assert (span["start_time"], span["latency_ms"]) == ("2023-11-14T22:13:20.123456Z", 1000.0)
    assert span["status"] == {"status_code": "UNSET", "description": None}


def test_ids_without_their_leading_zeros(api: Api) -> None:
    """As the Python client writes the id of a parent."""
    trace, parent, child = "0" + trace_id()[1:], "00" + span_id()[2:], "0" + span_id()[1:]
    above = bulk_span(trace, context={"trace_id": trace.upper(), "span_id": parent, "trace_state": ""})
    below = bulk_span(trace, context={"trace_id": trace[1:], "span_id": "0x" + child[1:]}, parent_id=parent[2:])
    send_bulk(api, above, below)
    spans = spans_of(api, trace)
    assert [(span["span_id"], span["parent_id"]) for span in spans] == [(parent, None), (child, parent)]


@pytest.mark.parametrize("together", [True, False])
def test_spans_nest_whatever_order_they_come_in(api: Api, together: bool) -> None:
    trace = trace_id()
    names = ["root", "first", "leaf", "second", "orphan"]
    ids = {name: span_id() for name in names}
    parents = {"first": "root", "leaf": "first", "second": "root"}
    starts = {"root": 0, "first": 10, "leaf": 30, "second": 20, "orphan": 40}
    spans = {
        name: bulk_span(
            trace,
            name=name,
            context={"trace_id": trace, "span_id": ids[name]},
            parent_id=ids[parents[name]] if name in parents else span_id() if name == "orphan" else "0" * 16,
            start_time=START_NS + starts[name] * 1000,
        )
        for name in names
    }
    backwards = [spans[name] for name in ("leaf", "orphan", "second", "first", "root")]
    for some in [backwards] if together else [[span] for span in backwards]:
        send_bulk(api, *some)
    read = spans_of(api, trace)
    assert [span["name"] for span in read] == names
    assert {span["name"]: span["parent_id"] for span in read if span["name"] != "orphan"} == {
        name: ids[parents[name]] if name in parents else None for name in names if name != "orphan"
    }


def test_a_span_with_its_log(api: Api) -> None:
    trace = trace_id()
    logged = log_request(metadata={"user": "ada"}, prompt_name="greeting", price=0.25)
    plain, with_log = bulk_span(trace, name="outer"), bulk_span(trace, name="llm", log_request=logged)
    with_log["parent_id"] = plain["context"]["span_id"]
    answer = send_bulk(api, plain, with_log)
    (request_log,) = answer["request_logs"]
    assert request_log["span_id"] == with_log["context"]["span_id"]
    read = promptlayer.fetch(api, request_log["id"])
    assert {
        name: read[name] for name in ("provider", "model", "input", "output", "metadata", "prompt_name", "price")
    } == {name: logged[name] for name in ("provider", "model", "input", "output", "metadata", "prompt_name", "price")}
    assert (read["trace_id"], read["span_id"]) == (trace, request_log["span_id"])
    assert (read["request_start_time"], read["latency_ms"]) == ("2023-11-14T22:13:20.123456Z", 750)
    spans = spans_of(api, trace)
    assert [(span["name"], span["request_log_id"]) for span in spans] == [("outer", None), ("llm", request_log["id"])]


def test_times_of_a_log_win_over_those_of_its_span(api: Api) -> None:
    trace = trace_id()
    answer = send_bulk(api, bulk_span(trace, log_request=body()))
    read = promptlayer.fetch(api, answer["request_logs"][0]["id"])
    assert read["request_end_time"] == "2023-11-14T22:13:21.623456Z"


def test_a_log_is_found_and_a_span_is_not(api: Api) -> None:
    trace, tag = trace_id(), unique("tag")
    answer = send_bulk(api, bulk_span(trace), bulk_span(trace, log_request=log_request(tags=[tag])))
    spans_of(api, trace)
    filters = {"filters": [{"field": "tags", "operator": "contains", "value": tag}]}
    found = api.default.post("/api/public/v2/requests/search", json={"filter_group": filters}).json()["items"]
    assert [item["id"] for item in found] == [answer["request_logs"][0]["id"]]
    refused(api.default.get(f"/api/public/v2/requests/{answer['spans'][0]['id']}"), 404, "not_found")


def test_a_tracked_request_is_linked_to_its_span(api: Api) -> None:
    trace = trace_id()
    run, call = bulk_span(trace, name="run"), bulk_span(trace, name="call")
    call["attributes"] = {"promptlayer.request_log.span_id": run["context"]["span_id"]}
    tracked = api.default.post(
        "/track-request",
        json={
            "function_name": "openai.chat.completions.create",
            "provider_type": "openai",
            "kwargs": {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]},
            "request_response": {},
            "request_start_time": 1700000000,
            "request_end_time": 1700000001,
            "span_id": run["context"]["span_id"],
        },
    )
    request_id = tracked.json()["request_id"]
    send_bulk(api, run, call, bulk_span(trace, name="other", start_time=START_NS + 1000))
    api.wait_until_applied()
    linked = {span["name"]: span["request_log_id"] for span in spans_of(api, trace)}
    assert linked == {"run": request_id, "call": request_id, "other": None}
    assert promptlayer.fetch(api, request_id)["trace_id"] == trace


def test_a_batch_that_is_sent_again_counts_once(api: Api) -> None:
    """As after an answer that was lost; the second time with a span that is new."""
    trace = trace_id()
    first, second = bulk_span(trace, name="first"), bulk_span(trace, name="second", log_request=log_request())
    third = bulk_span(trace, name="third")
    once = send_bulk(api, first, second)
    again = send_bulk(api, first, second, third)
    assert [span["name"] for span in again["spans"]] == ["first", "second", "third"]
    ids = {span["name"]: span["id"] for span in spans_of(api, trace)}
    assert ids == {span["name"]: span["id"] for span in [*once["spans"], again["spans"][2]]}
    assert promptlayer.fetch(api, again["request_logs"][0]["id"])["duplicate_of"] == once["request_logs"][0]["id"]


def test_traces_of_other_workspaces_are_not_there(api: Api) -> None:
    trace = trace_id()
    send_bulk(api, bulk_span(trace))
    path = f"/api/public/v2/traces/{trace}"
    refused(api.other.get(path), 404, "not_found", says=trace)
    assert api.default.get(path.replace(trace, trace.upper())).status_code == 200
    # The same ids in another workspace are another span.
    response = api.other.post("/spans-bulk", json={"spans": [bulk_span(trace, name="theirs")]})
    assert response.status_code == 201
    assert [span["name"] for span in api.other.get(path).json()["spans"]] == ["theirs"]
    assert [span["name"] for span in spans_of(api, trace)] == ["a call"]


def test_many_spans_of_many_traces(api: Api) -> None:
    traces = [trace_id() for _ in range(5)]
    answer = send_bulk(api, *(bulk_span(traces[n % 5], name=str(n)) for n in range(200)), close_after=True)
    assert [span["name"] for span in answer["spans"]] == [str(n) for n in range(200)]
    ids = {span["name"]: span["id"] for span in answer["spans"]}
    for number, trace in enumerate(traces):
        read = {span["name"]: span["id"] for span in spans_of(api, trace)}
        assert read == {str(n): ids[str(n)] for n in range(number, 200, 5)}


def test_repaired_text_is_marked(api: Api) -> None:
    trace = trace_id()
    text = json.dumps({"spans": [bulk_span(trace, name="cut")]})
    response = api.default.post("/spans-bulk", content=text.replace('"cut"', '"cut \\ud83d"'))
    assert response.status_code == 201
    (span,) = spans_of(api, trace)
    assert (span["name"], span["repaired"]) == ("cut �", True)


@pytest.mark.parametrize(
    ("change", "loc", "says"),
    [
        ({"name": None}, ["name"], "string"),
        ({"context": {"trace_id": "0" * 32, "span_id": "a"}}, ["context", "trace_id"], "32 hexadecimal digits"),
        ({"context": {"trace_id": "x" * 32, "span_id": "a"}}, ["context", "trace_id"], "32 hexadecimal digits"),
        ({"context": {"trace_id": "a", "span_id": "a" * 17}}, ["context", "span_id"], "16 hexadecimal digits"),
        ({"context": {"trace_id": "a"}}, ["context", "span_id"], "is required"),
        ({"parent_id": "nobody"}, ["parent_id"], "16 hexadecimal digits"),
        ({"start_time": "yesterday"}, ["start_time"], "integer"),
        ({"start_time": True}, ["start_time"], "integer"),
        ({"end_time": 1 << 63}, ["end_time"], "at most"),
        ({"end_time": -1}, ["end_time"], "at least 0"),
        ({"attributes": []}, ["attributes"], "object"),
        ({"log_request": {"provider": "openai"}}, ["log_request", "model"], "is required"),
        ({"log_request": body(score=101)}, ["log_request", "score"], "at most 100"),
    ],
)
def test_one_wrong_span_refuses_all(api: Api, change: Json, loc: list[str], says: str) -> None:
    trace = trace_id()
    with api.nothing_stored():
        response = api.default.post("/spans-bulk", json={"spans": [bulk_span(trace), bulk_span(trace) | change]})
        refused(response, 422, "invalid", ["body", "spans", 1, *loc], says)
    refused(api.default.get(f"/api/public/v2/traces/{trace}"), 404, "not_found")


def test_bodies_that_hold_no_spans(api: Api) -> None:
    with api.nothing_stored():
        refused(api.default.post("/spans-bulk", json={}), 422, "invalid", ["body", "spans"], "is required")
        refused(api.default.post("/spans-bulk", json={"spans": {}}), 422, "invalid", ["body", "spans"], "list")
        refused(api.default.post("/spans-bulk", content=b"spans"), 400, "bad_request", says="JSON")
        too_many = api.default.post("/spans-bulk", json={"spans": [{}] * 10_001})
        refused(too_many, 413, "too_large", says="SLUICE_MAX_BULK_ITEMS")
        assert send_bulk(api) == {"success": True, "spans": [], "request_logs": []}


def test_a_trace_that_is_not_there(api: Api) -> None:
    refused(api.default.get(f"/api/public/v2/traces/{trace_id()}"), 404, "not_found")
    for wrong in ("0" * 32, "abc", "x" * 32, trace_id() + "0"):
        refused(api.default.get(f"/api/public/v2/traces/{wrong}"), 422, "invalid", ["path", "trace_id"])
    with api.client("no-such-key") as nobody:
        refused(nobody.get(f"/api/public/v2/traces/{trace_id()}"), 401, "unauthenticated")
        refused(nobody.post("/spans-bulk", json={"spans": []}), 401, "unauthenticated")


def test_what_a_span_shares_with_others_does_not_become_too_much(api: Api) -> None:
    """Each span is kept with the attributes of its resource: a small body of many could become gigabytes."""
    trace = trace_id()
    shared = {"attributes": {"text": "x" * 1000}}
    spans = [bulk_span(trace, resource=shared) for _ in range(3)]
    send_bulk(api, *spans)
    assert {span["resource"]["attributes"]["text"] for span in spans_of(api, trace)} == {"x" * 1000}


def test_a_prompt_layer_chat_in_a_log_of_a_span(api: Api) -> None:
    trace = trace_id()
    asked = chat(message("user", "2+2?"))
    answer = send_bulk(api, bulk_span(trace, log_request=log_request(input=asked)))
    read = promptlayer.fetch(api, answer["request_logs"][0]["id"])
    assert read["prompt_blueprint"]["prompt_template"]["messages"][0]["content"][0]["text"] == "2+2?"
    assert tracing.spans_of(api, trace)[0]["request_log_id"] == read["request_id"]
    assert "truncated" not in read_trace(api, trace)
