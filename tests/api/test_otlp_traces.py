"""`POST /v1/traces`: what becomes of spans in protobuf and in JSON, and what of those that are wrong."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.code_pb2 import INVALID_ARGUMENT, UNAUTHENTICATED
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.api import promptlayer
from tests.api.tracing import START_NS, bulk_span, send_bulk, span_id, spans_of, told, trace_id
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import chat, message

if TYPE_CHECKING:
    import httpx

    from tests.support.api import Api, Json

PATH = "/v1/traces"
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


def value(plain: Any) -> Json:
    """A value as OTLP's JSON form has it."""
    match plain:
        case bool():
            return {"boolValue": plain}
        case int():
            return {"intValue": str(plain)}
        case float():
            return {"doubleValue": plain}
        case list():
            return {"arrayValue": {"values": [value(item) for item in plain]}}
        case dict():
            return {"kvlistValue": {"values": pairs(plain)}}
        case _:
            return {"stringValue": plain}


def pairs(attributes: Json) -> list[Json]:
    return [{"key": key, "value": value(item)} for key, item in attributes.items()]


def span(trace: str, attributes: Json | None = None, **changes: Any) -> Json:
    """A span in JSON."""
    return {
        "traceId": trace,
        "spanId": span_id(),
        "name": "a call",
        "kind": 3,
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": str(START_NS + 750_000_000),
        "attributes": pairs(attributes or {}),
        "status": {},
        **changes,
    }


def export(*spans: Json, resource: Json | None = None) -> Json:
    """A request in JSON."""
    scope = {"scope": {"name": "tests", "version": "1"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": {"attributes": pairs(resource or {})}, "scopeSpans": [scope]}]}


def send(api: Api, *spans: Json, resource: Json | None = None) -> None:
    """Send spans in JSON; all are kept."""
    response = api.default.post(PATH, json=export(*spans, resource=resource))
    assert (response.status_code, response.json()) == (200, {"partialSuccess": None}), response.text


def log_of(api: Api, attributes: Json, **more: Any) -> Json:
    """The request that a span with these attributes becomes."""
    trace = trace_id()
    resource = more.pop("resource", None)
    send(api, span(trace, attributes, **more), resource=resource)
    (read,) = spans_of(api, trace)
    return promptlayer.fetch(api, read["request_log_id"])


def test_json_with_all_kinds_of_values(api: Api) -> None:
    trace, parent, linked = trace_id(), span_id(), span_id()
    attributes = {"t": "é😀", "i": 1 << 40, "f": 0.5, "b": True, "l": ["a", 1], "o": {"k": {"n": 1}}}
    sent = span(
        trace,
        attributes,
        parentSpanId=parent,
        traceState="a=b",
        status={"code": 2, "message": "broken"},
        events=[{"name": "e", "timeUnixNano": START_NS + 1, "attributes": pairs({"x": 1})}],
        links=[{"traceId": trace, "spanId": linked, "attributes": pairs({"y": 2})}],
    )
    send(api, sent, resource={"service.name": "shop"})
    (read,) = spans_of(api, trace)
    assert read["attributes"] == attributes
    assert (read["span_id"], read["parent_id"], read["kind"]) == (sent["spanId"], parent, "CLIENT")
    assert (read["start_time"], read["latency_ms"]) == ("2023-11-14T22:13:20.123456Z", 750)
    assert read["status"] == {"status_code": "ERROR", "description": "broken"}
    assert read["events"] == [{"name": "e", "time_unix_nano": str(START_NS + 1), "attributes": {"x": 1}}]
    assert read["links"] == [{"trace_id": trace, "span_id": linked, "attributes": {"y": 2}}]
    assert read["resource"] == {"attributes": {"service.name": "shop"}}
    assert (read["scope"], read["request_log_id"]) == ({"name": "tests", "version": "1"}, None)


def test_protobuf_and_its_json_form_say_the_same(api: Api) -> None:
    """Ids in base64 and names of enumerations are how protobuf's own JSON form has them, and some clients with it."""
    reads = []
    for form in ("hex", "base64", "protobuf", "gzip"):
        trace, own_id = trace_id(), span_id()
        trace_bytes, id_bytes = bytes.fromhex(trace), bytes.fromhex(own_id)
        sent = span(trace, {"a": 1, "l": [True, "x"]}, spanId=own_id, kind=3, status={"code": 1})
        if form == "base64":
            sent |= {
                "traceId": base64.b64encode(trace_bytes).decode(),
                "spanId": base64.b64encode(id_bytes).decode(),
                "kind": "SPAN_KIND_CLIENT",
                "status": {"code": "STATUS_CODE_OK"},
            }
        body, headers = json.dumps(export(sent)).encode(), JSON
        if form in {"protobuf", "gzip"}:
            body, headers = protobuf_request(trace_bytes, id_bytes).SerializeToString(), PROTOBUF
        if form == "gzip":
            body, headers = gzip.compress(body), headers | {"content-encoding": "gzip"}
        response = api.default.post(PATH, content=body, headers=headers)
        assert response.status_code == 200, response.text
        assert response.content == (b"" if headers is not JSON else b'{"partialSuccess":null}')
        assert response.headers["content-type"] == headers["content-type"]
        (read,) = spans_of(api, trace)
        assert (read.pop("span_id"), read.pop("id") > 0) == (own_id, True)
        reads.append(read)
    assert all(read == reads[0] for read in reads)
    assert reads[0]["attributes"] == {"a": 1, "l": [True, "x"]}


def protobuf_request(trace: bytes, own_id: bytes) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    scope.scope.name, scope.scope.version = "tests", "1"
    added = scope.spans.add(
        trace_id=trace,
        span_id=own_id,
        name="a call",
        kind="SPAN_KIND_CLIENT",
        start_time_unix_nano=START_NS,
        end_time_unix_nano=START_NS + 750_000_000,
    )
    added.status.code = 1  # type: ignore[assignment]
    added.attributes.add(key="a").value.int_value = 1
    items = added.attributes.add(key="l").value.array_value
    items.values.add().bool_value = True
    items.values.add().string_value = "x"
    return request


def test_a_call_of_a_model_becomes_a_log(api: Api) -> None:
    asked = [
        {"role": "user", "parts": [{"type": "text", "content": "Weather in Paris?"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Paris"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "rainy"}]},
    ]
    answered = [{"role": "assistant", "parts": [{"type": "text", "content": "It rains."}], "finish_reason": "stop"}]
    read = log_of(
        api,
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.stop_sequences": ["END"],
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 300,
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
            "gen_ai.input.messages": json.dumps(asked),
            "gen_ai.output.messages": json.dumps(answered),
            "gen_ai.conversation.id": "conv-1",
            "user.id": "ada",
            "promptlayer.metadata.plan": "pro",
            "promptlayer.prompt.name": "forecast",
            "promptlayer.prompt.id": "7",
            "promptlayer.prompt.version": "3",
            "promptlayer.prompt.label": "prod",
        },
        name="chat gpt-4o",
        resource={"service.name": "shop", "promptlayer.metadata.region": "eu"},
    )
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
    assert read["input"] == chat(
        message("system", "Be brief."),
        message("user", "Weather in Paris?"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {**message("tool", "rainy"), "tool_call_id": "c1"},
    )
    assert read["output"] == chat(message("assistant", "It rains."))
    assert (read["provider"], read["model"], read["api_type"]) == ("openai", "gpt-4o", "chat-completions")
    assert (read["input_tokens"], read["output_tokens"], read["price"]) == (1000, 300, 0.0055)
    assert read["parameters"] == {"temperature": 0.5, "stop": ["END"]}
    assert read["metadata"] == {"conversation_id": "conv-1", "user_id": "ada", "plan": "pro", "region": "eu"}
    assert (read["prompt_name"], read["prompt_id"], read["prompt_version_number"]) == ("forecast", 7, 3)
    assert (read["prompt_label"], read["function_name"], read["status"]) == ("prod", "chat gpt-4o", "SUCCESS")
    assert (read["request_start_time"], read["latency_ms"]) == ("2023-11-14T22:13:20.123456Z", 750)


def test_messages_in_events(api: Api) -> None:
    events = [
        {"name": "gen_ai.system.message", "attributes": pairs({"content": "Be brief."})},
        {"name": "gen_ai.user.message", "attributes": pairs({"content": "2+2?", "gen_ai.system": "openai"})},
        {"name": "gen_ai.choice", "attributes": pairs({"finish_reason": "stop", "message": '{"content": "4"}'})},
    ]
    read = log_of(api, {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}, events=events)
    assert read["input"] == chat(message("system", "Be brief."), message("user", "2+2?"))
    assert read["output"] == chat(message("assistant", "4"))


def test_a_call_that_failed(api: Api) -> None:
    exception = {"exception.type": "openai.RateLimitError", "exception.message": "slow down"}
    read = log_of(
        api,
        {
            "gen_ai.provider.name": "gcp.gemini",
            "gen_ai.request.model": "gemini-2.0-flash",
            "error.type": "RateLimitError",
        },
        status={"code": 2},
        events=[{"name": "exception", "attributes": pairs(exception)}],
    )
    assert (read["status"], read["error_type"], read["error_message"]) == ("ERROR", "PROVIDER_RATE_LIMIT", "slow down")
    assert (read["provider"], read["output"]) == ("google", None)


def test_agents_and_tools_are_spans_and_their_calls_are_logs(api: Api) -> None:
    trace = trace_id()
    agent = span(trace, {"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-4o"}, name="agent")
    tool = span(trace, {"gen_ai.operation.name": "execute_tool"}, name="tool", parentSpanId=agent["spanId"])
    call = span(trace, {"gen_ai.request.model": "gpt-4o"}, name="call", parentSpanId=agent["spanId"])
    managed = {"gen_ai.request.model": "gpt-4o", "promptlayer.request_log.managed": True}
    send(api, tool, call, span(trace, managed, name="managed", parentSpanId=agent["spanId"]), agent)
    logs = {read["name"]: read["request_log_id"] is not None for read in spans_of(api, trace)}
    assert logs == {"agent": False, "tool": False, "call": True, "managed": False}


def test_a_log_of_a_span_is_searched_for_like_any_other(api: Api) -> None:
    model = unique("model")
    read = log_of(
        api, {"gen_ai.request.model": model, "gen_ai.input.messages": '[{"role": "user", "content": "refund"}]'}
    )
    filters = {"filters": [{"field": "engine", "operator": "is", "value": model}]}
    found = api.default.post("/api/public/v2/requests/search", json={"filter_group": filters, "q": "refund"}).json()
    assert [item["id"] for item in found["items"]] == [read["request_id"]]


def test_an_export_that_is_sent_again_counts_once(api: Api) -> None:
    """By whatever encoding and whichever route."""
    trace = trace_id()
    sent = span(trace, {"gen_ai.request.model": "gpt-4o"})
    for _ in range(2):
        send(api, sent)
    content = protobuf_request(bytes.fromhex(trace), bytes.fromhex(sent["spanId"])).SerializeToString()
    assert api.default.post(PATH, content=content, headers=PROTOBUF).status_code == 200
    send_bulk(api, bulk_span(trace, context={"trace_id": trace, "span_id": sent["spanId"]}))
    (read,) = spans_of(api, trace)
    assert read["request_log_id"] == read["id"]


def rejected(response: httpx.Response) -> tuple[int, str]:
    assert response.status_code == 200, response.text
    if response.headers["content-type"] == "application/json":
        said = response.json()["partialSuccess"]
        return said["rejectedSpans"], said["errorMessage"]
    answer = ExportTraceServiceResponse.FromString(response.content)
    return answer.partial_success.rejected_spans, answer.partial_success.error_message


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"traceId": "0" * 32}, "traceId: must be 32 hexadecimal digits"),
        ({"traceId": "abc"}, "traceId: must be 32 hexadecimal digits"),
        ({"traceId": None}, "traceId: must be 32 hexadecimal digits"),
        ({"spanId": "x" * 16}, "spanId: must be 16 hexadecimal digits"),
        ({"spanId": 7}, "spanId: must be 16 hexadecimal digits"),
        ({"startTimeUnixNano": "yesterday"}, "startTimeUnixNano: must be nanoseconds"),
        ({"endTimeUnixNano": str(1 << 63)}, "endTimeUnixNano: must be nanoseconds"),
        ({"endTimeUnixNano": -1}, "endTimeUnixNano: must be nanoseconds"),
    ],
)
def test_a_wrong_span_in_json_keeps_no_other_out(api: Api, change: Json, says: str) -> None:
    trace = trace_id()
    response = api.default.post(PATH, json=export(span(trace), span(trace) | change, span(trace)))
    count, text = rejected(response)
    assert count == 1
    assert text.startswith(says)
    assert len(spans_of(api, trace)) == 2


def test_wrong_spans_in_protobuf_keep_no_other_out(api: Api) -> None:
    trace = trace_id()
    request = ExportTraceServiceRequest()
    for trace_bytes, id_bytes in [(trace, "00" * 8), ("00" * 16, span_id()), ("ab", span_id()), (trace, span_id())]:
        request.MergeFrom(protobuf_request(bytes.fromhex(trace_bytes), bytes.fromhex(id_bytes)))
    count, text = rejected(api.default.post(PATH, content=request.SerializeToString(), headers=PROTOBUF))
    assert count == 3
    assert text == "span_id: must be 8 bytes that are not all zero; trace_id: must be 16 bytes that are not all zero"
    assert len(spans_of(api, trace)) == 1


def test_bodies_that_are_no_export(api: Api) -> None:
    whole = gzip.compress(protobuf_request(b"t" * 16, b"s" * 8).SerializeToString())
    with api.nothing_stored():
        for content in (b"no protobuf", b"\x0a\xff\xff\xff\xff\x0f", b'{"resourceSpans": []}'):
            assert "protobuf" in told(api.default.post(PATH, content=content, headers=PROTOBUF), 400, INVALID_ARGUMENT)
        cut = api.default.post(PATH, content=whole[:-9], headers=PROTOBUF | {"content-encoding": "gzip"})
        assert "gzip" in told(cut, 400, INVALID_ARGUMENT)
        plain = api.default.post(PATH, content=b"plain", headers=PROTOBUF | {"content-encoding": "gzip"})
        assert "gzip" in told(plain, 400, INVALID_ARGUMENT)
        refused(api.default.post(PATH, content=b"{", headers=JSON), 400, "bad_request", says="JSON")
        for content_type in ("text/plain", "application/grpc", ""):
            response = api.default.post(PATH, content=whole, headers={"content-type": content_type})
            refused(response, 415, "unsupported_media_type", says="application/x-protobuf")
        frame: Json = {"resourceSpans": [{"scopeSpans": [{"spans": {}}]}]}
        for wrong, loc, says in (
            ({"resourceSpans": 1}, [], "list"),
            ({"resourceSpans": [1]}, [0], "object"),
            (frame, [0, "scopeSpans", 0, "spans"], "list"),
        ):
            answer = api.default.post(PATH, json=wrong)
            assert says in told(answer, 400, INVALID_ARGUMENT)  # OTLP has no 422
            assert answer.json()["detail"][0]["loc"] == ["body", "resourceSpans", *loc]
        many = api.default.post(PATH, json=export(*[{}] * 10_001))
        refused(many, 413, "too_large", says="SLUICE_MAX_BULK_ITEMS")
        with api.client("no-such-key") as nobody:
            assert "X-API-KEY" in told(nobody.post(PATH, content=whole, headers=PROTOBUF), 401, UNAUTHENTICATED)


def test_exports_of_nothing(api: Api) -> None:
    """Some clients look with one whether the server is there."""
    with api.nothing_stored():
        assert api.default.post(PATH, json={"resourceSpans": []}).json() == {"partialSuccess": None}
        assert api.default.post(PATH, content=b"", headers=PROTOBUF).content == b""
        assert api.default.post(f"{PATH}?close_after=true", content=b"", headers=JSON).status_code == 200


def test_an_export_that_would_grow_too_much(api: Api) -> None:
    """Each span is kept with the attributes of its resource."""
    trace = trace_id()
    with api.nothing_stored():
        response = api.default.post(
            PATH, json=export(*(span(trace) for _ in range(200)), resource={"text": "x" * 1_000_000})
        )
        refused(response, 413, "too_large", says="resource")


def test_json_that_is_nested_deeply_inside_an_attribute(api: Api) -> None:
    """It stays the text that it is."""
    deep = "[" * 500 + "]" * 500
    attributes = {"gen_ai.request.model": "m", "gen_ai.input.messages": deep, "gen_ai.tool.definitions": deep}
    read = log_of(api, attributes | {"gen_ai.prompt." + ".".join("1" * 500): "x"})
    assert read["input"] == chat(message("user", deep))
