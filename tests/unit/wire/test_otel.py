"""Spans of any encoding in one form, the calls of models in them, and that nothing in them is refused or lost."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import BadRequest, Invalid
from shared.records import LOG_FIELDS, PAYLOAD_FIELDS, Columns
from shared.wire.humanloop.decorator_spans import FlowEnd, SpanLog, log_of
from shared.wire.otel import json_form, protobuf
from shared.wire.otel.chat import instructions, messages
from shared.wire.otel.dotted import lists_of, put, texts_of
from shared.wire.otel.genai import GenAiCall, call_of
from shared.wire.otel.spans import MAX_NS, Rejected, Span, hex_id, json_id, moment_text, span_columns
from shared.wire.promptlayer import responses
from shared.wire.promptlayer.span_requests import call_columns, request_of
from shared.wire.promptlayer.spans_bulk import parse_spans_bulk, span_of
from shared.wire.promptlayer.trace import span_answer, trace_answer
from tests.unit.wire.promptlayer_bodies import chat, message, stored

if TYPE_CHECKING:
    from collections.abc import Sequence

some = settings(deadline=None, max_examples=50)
few = settings(deadline=None, max_examples=20)

TRACE, ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "gen_ai.request.model",
        "gen_ai.operation.name",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.request.stop_sequences",
        "gen_ai.usage.input_tokens",
        "gen_ai.response.finish_reasons",
        "gen_ai.prompt.0.content",
        "gen_ai.prompt.0.tool_calls.0.name",
        "gen_ai.completion.0",
        "llm.request.functions.0.name",
        "promptlayer.prompt.id",
        "promptlayer.metadata.a",
        "error.type",
        "user.id",
        "humanloop.file.type",
        "humanloop.file.function.parameters.properties.a.type",
        "humanloop.log.inputs.a.0",
        "humanloop.log.output",
        "humanloop.log.id",
    ]
)
PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_call", "tool_call_response", "reasoning", "blob", "uri", "odd"])},
    optional=dict.fromkeys(("content", "id", "name", "arguments", "response", "mime_type", "modality", "uri"), JSON),
)
MESSAGES = st.lists(
    st.fixed_dictionaries({}, optional={"role": JSON, "parts": st.lists(PARTS | JSON, max_size=3) | JSON})
)
ATTRIBUTES = st.dictionaries(NAMES, JSON | MESSAGES | MESSAGES.map(json.dumps) | JSON.map(json.dumps), max_size=8)


def span(**changes: Any) -> Span:
    fields: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": ID,
        "parent_id": None,
        "name": "a call",
        "started_ns": 1_700_000_000_000_000_000,
        "ended_ns": 1_700_000_001_000_000_000,
    }
    return Span(**fields | changes)


def call(**attributes: Any) -> GenAiCall:
    found = call_of(span(attributes={"gen_ai.request.model": "m"} | attributes))
    assert found is not None
    return found


# Ids and times


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ID, ID),
        (ID.upper(), ID),
        ("0x1f", "000000000000001f"),
        ("7ad6b7169203331", "07ad6b7169203331"),
        ("0" * 16, None),
        ("", None),
        ("xyz", None),
        (ID + "0", None),
        (None, None),
        (7, None),
    ],
)
def test_hexadecimal_ids(text: Any, found: str | None) -> None:
    assert hex_id(text, 16) == found


def test_ids_in_json_are_told_apart_by_their_length() -> None:
    for digits, own_id in ((32, TRACE), (16, ID)):
        encoded = base64.b64encode(bytes.fromhex(own_id)).decode()
        urlsafe = base64.urlsafe_b64encode(bytes.fromhex(own_id)).decode()
        for text in (own_id, own_id.upper(), encoded, encoded.rstrip("="), urlsafe):
            assert json_id(text, digits) == own_id
    for wrong in ("AAAAAAAAAAA=", "0" * 16, "b7ad6b716920333", "b7ad6b716920333z", "=", "", None, 7, "é" * 16):
        assert json_id(wrong, 16) is None


def test_times_are_kept_to_the_edge_of_what_the_store_holds() -> None:
    assert moment_text(0) == "1970-01-01 00:00:00.000000"
    assert moment_text(MAX_NS) == "2261-12-31 23:59:59.999999"
    columns = span_columns(span(started_ns=0, ended_ns=MAX_NS), repaired=False)
    assert "started_at" not in columns
    assert columns["ended_at"] == "2261-12-31 23:59:59.999999"


# OTLP's JSON


def otlp(sent: dict[str, Any]) -> Span | Rejected:
    (found,) = json_form.spans({"resourceSpans": [{"scopeSpans": [{"spans": [sent]}]}]})
    return found


def test_spellings_of_other_writers() -> None:
    snake = {"trace_id": TRACE, "span_id": ID, "parent_span_id": "", "start_time_unix_nano": 5, "kind": "2"}
    found = otlp(snake | {"end_time_unix_nano": 1.7e18, "status": {"code": "STATUS_CODE_ERROR"}})
    assert isinstance(found, Span)
    assert (found.trace_id, found.parent_id, found.started_ns, found.kind) == (TRACE, None, 5, "SERVER")
    assert (found.ended_ns, found.status) == (1_700_000_000_000_000_000, "ERROR")
    old = {"resourceSpans": [{"instrumentationLibrarySpans": [{"spans": [snake]}]}]}
    assert json_form.count(old) == 1


@some
@given(st.dictionaries(st.sampled_from(["resourceSpans", "x"]), JSON))
def test_any_json_is_an_export_or_invalid(body: dict[str, Any]) -> None:
    with suppress(Invalid):
        assert json_form.count(body) == len(list(json_form.spans(body)))


@some
@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("kind", "status", "attributes", "events", "links", "name", "startTimeUnixNano"), JSON),
            "attributes": st.lists(st.fixed_dictionaries({"key": st.text(max_size=8)}, optional={"value": JSON})),
        },
    )
)
def test_any_span_is_kept_or_rejected_with_a_reason(sent: dict[str, Any]) -> None:
    found = otlp({"traceId": TRACE, "spanId": ID, **sent})
    if isinstance(found, Rejected):
        assert found.reason.startswith("startTimeUnixNano: ")
    else:
        check(span_columns(found, repaired=False))


def check(columns: Columns) -> dict[str, Any]:
    """Check that an event body can be written, and stored; returns its row."""
    assert columns.keys() <= LOG_FIELDS | PAYLOAD_FIELDS
    return stored(orjson.loads(orjson.dumps(columns)))


# OTLP's protobuf


@some
@given(st.binary(max_size=60))
def test_any_bytes_are_an_export_or_refused(body: bytes) -> None:
    with suppress(BadRequest):
        request = protobuf.parse(body)
        assert protobuf.count(request) == len(list(protobuf.spans(request)))


def test_numbers_that_json_has_not_are_kept_as_text() -> None:
    request = protobuf.parse(b"")
    sent = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, kind=9)
    for number, value in enumerate((float("nan"), float("inf"), 0.5)):
        sent.attributes.add(key=str(number)).value.double_value = value
    sent.attributes.add(key="bytes").value.bytes_value = b"\xff\x00"
    sent.attributes.add(key="nothing")
    (found,) = protobuf.spans(request)
    assert isinstance(found, Span)
    assert found.attributes == {"0": "nan", "1": "inf", "2": 0.5, "bytes": "/wA=", "nothing": None}
    assert found.kind == "UNSPECIFIED"
    check(span_columns(found, repaired=False))


# Calls of models


@few
@given(
    ATTRIBUTES, st.lists(st.tuples(st.sampled_from(["gen_ai.user.message", "gen_ai.choice", "exception"]), ATTRIBUTES))
)
def test_whatever_a_call_says_it_can_be_stored_and_read(attributes: dict[str, Any], events: list[Any]) -> None:
    made = [{"name": name, "time_unix_nano": 0, "attributes": of_event} for name, of_event in events]
    found = span(attributes=attributes, events=made, status="ERROR")
    check(span_columns(found, repaired=False))
    called = call_of(found)
    if called is not None:
        log = request_of(found, called)
        row = check(call_columns(found, called, log, repaired=False))
        read = responses.request(row, row)
        assert read["input"] == orjson.loads(orjson.dumps(log.input))


@few
@given(ATTRIBUTES, st.sampled_from(["prompt", "tool", "flow"]))
def test_whatever_a_decorator_says_becomes_json(attributes: dict[str, Any], kind: str) -> None:
    found = log_of(span(attributes={"gen_ai.request.model": "m", **attributes, "humanloop.file.type": kind}))
    if found is not None:
        orjson.dumps(found.body)


@pytest.mark.parametrize(
    ("attributes", "is_call"),
    [
        ({"gen_ai.request.model": "m"}, True),
        ({"gen_ai.response.model": "m", "gen_ai.operation.name": "embeddings"}, True),
        ({"gen_ai.operation.name": "chat"}, True),
        ({"llm.request.type": "chat", "gen_ai.system": "OpenAI"}, True),
        ({"gen_ai.request.model": "m", "gen_ai.operation.name": "invoke_agent"}, False),
        ({"gen_ai.operation.name": "execute_tool"}, False),
        ({"gen_ai.provider.name": "openai"}, False),
        ({"gen_ai.request.model": 7}, False),
        ({}, False),
    ],
)
def test_which_spans_are_calls(attributes: dict[str, Any], is_call: bool) -> None:
    assert (call_of(span(attributes=attributes)) is not None) is is_call


def test_messages_that_are_attributes_each() -> None:
    found = call(
        **{
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be brief.",
            "gen_ai.prompt.1.content": '[{"type": "text", "text": "2+2?"}]',
            "gen_ai.prompt.10.role": "tool",
            "gen_ai.prompt.10.tool_call_id": "c1",
            "gen_ai.prompt.10.content": "4",
            "gen_ai.prompt.2.role": "assistant",
            "gen_ai.prompt.2.tool_calls.0.id": "c1",
            "gen_ai.prompt.2.tool_calls.0.name": "add",
            "gen_ai.prompt.2.tool_calls.0.arguments": '{"a":2}',
            "gen_ai.completion.0.content": "4",
            "gen_ai.completion.0.finish_reason": "stop",
            "llm.request.functions.0.name": "add",
            "llm.request.functions.0.description": "Add.",
            "llm.request.functions.0.parameters": '{"type": "object"}',
        }
    )
    tool_call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":2}'}}
    assert found.input == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "2+2?"}]},
        {"role": "assistant", "tool_calls": [tool_call]},
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
    ]
    assert (found.output[0]["content"], found.finish_reason) == ("4", "stop")
    assert found.tools == [
        {"type": "function", "function": {"name": "add", "description": "Add.", "parameters": {"type": "object"}}}
    ]


def test_parts_of_all_kinds() -> None:
    parts = [
        {"type": "reasoning", "content": "Hm."},
        {"type": "text", "content": "See:"},
        {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"},
        {"type": "blob", "mime_type": "image/jpeg", "content": "QUJD"},
        {"type": "file", "file_id": "f1"},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": None},
    ]
    (found,) = messages([{"role": "assistant", "parts": parts}], "user")
    assert found == {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "See:"},
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,QUJD"}},
            {"type": "file", "file_id": "f1"},
        ],
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        "thinking": [{"type": "thinking", "thinking": "Hm.", "signature": ""}],
    }
    log = request_of(span(), GenAiCall("openai", "m", "chat", output=[found]))
    assert log.output is not None
    (answer,) = log.output["messages"]
    assert answer["content"][:2] == [
        {"type": "thinking", "thinking": "Hm.", "signature": ""},
        {"type": "text", "text": "See:"},
    ]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("plain text", [{"role": "user", "content": "plain text"}]),
        ('["a", {"role": "x", "content": null}]', [{"role": "user", "content": "a"}, {"role": "x"}]),
        ([{"role": "user", "content": {"a": 1}}], [{"role": "user", "content": '{"a":1}'}]),
        ('[{"role": "user"', [{"role": "user", "content": '[{"role": "user"'}]),
        (None, []),
        ("", []),
    ],
)
def test_messages_of_other_forms(value: Any, found: list[Any]) -> None:
    assert messages(value, "user") == found


def test_instructions_of_other_forms() -> None:
    assert instructions("Be brief.") == [{"role": "system", "content": "Be brief."}]
    assert instructions('[{"role": "developer", "content": "x"}]') == [{"role": "developer", "content": "x"}]
    assert instructions(None) == []


def test_events_are_read_where_attributes_say_nothing() -> None:
    details = {"gen_ai.input.messages": '[{"role": "user", "content": "2+2?"}]'}
    event = {"name": "gen_ai.client.inference.operation.details", "time_unix_nano": 0, "attributes": details}
    choice = {"name": "gen_ai.choice", "time_unix_nano": 0, "attributes": {"content": "4", "finish_reason": "stop"}}
    found = call_of(span(attributes={"gen_ai.request.model": "m"}, events=[event, choice]))
    assert found is not None
    assert found.input == [{"role": "user", "content": "2+2?"}]
    assert found.output == [{"role": "assistant", "content": "4", "finish_reason": "stop"}]
    assert found.finish_reason == "stop"
    other = request_of(span(), found)
    assert other.output == chat(message("assistant", "4"))


@pytest.mark.parametrize(
    ("error_type", "meant"),
    [
        ("openai.RateLimitError", "PROVIDER_RATE_LIMIT"),
        ("429", "PROVIDER_RATE_LIMIT"),
        ("insufficient_quota", "PROVIDER_QUOTA_LIMIT"),
        ("APITimeoutError", "PROVIDER_TIMEOUT"),
        ("AuthenticationError", "PROVIDER_AUTH_ERROR"),
        ("ValueError", "PROVIDER_ERROR"),
    ],
)
def test_errors_are_called_what_promptlayer_calls_them(error_type: str, meant: str) -> None:
    failed = span(attributes={"error.type": error_type}, status="ERROR")
    log = request_of(failed, call())
    assert (log.status, log.error_type, log.error_message) == ("ERROR", meant, error_type)


# Flat attributes


def test_values_in_one_anothers_way() -> None:
    tree: dict[str, Any] = {}
    for path, value in [
        ("a", 1),
        ("a.b", 2),
        ("b.0", "x"),
        ("b.2", "z"),
        ("b.10", "w"),
        ("c." * 99 + "d", 3),
        ("b", 4),
    ]:
        put(tree, path, value)
    assert (tree["a"], lists_of(tree["b"])) == (1, ["x", "z", "w"])
    assert lists_of(tree)["c"]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("('stop',)", ["stop"]),
        ("['a', \"b's\"]", ["a", "b's"]),
        ("()", []),
        ("stop", ["stop"]),
        (["a", 1], ["a"]),
        (None, []),
        ("", []),
    ],
)
def test_lists_as_python_writes_them(value: Any, texts: Sequence[str]) -> None:
    assert texts_of(value) == texts


# Humanloop's decorators


def test_the_end_of_a_flow() -> None:
    attributes = {
        "humanloop.file.path": "p",
        "humanloop.file.type": "flow",
        "humanloop.log.id": "log_1",
        "humanloop.log.log_status": "complete",
        "humanloop.log.output_message.role": "assistant",
        "humanloop.log.output_message.content": "Hi",
        "humanloop.log.user": "never in an update",
    }
    assert log_of(span(attributes=attributes)) == FlowEnd(
        "log_1",
        {
            "output_message": {"role": "assistant", "content": "Hi"},
            "log_status": "complete",
            "start_time": "2023-11-14 22:13:20.000000",
            "end_time": "2023-11-14 22:13:21.000000",
        },
    )


def test_a_flow_without_a_log_yet() -> None:
    attributes = {
        "humanloop.file.path": "p",
        "humanloop.file.type": "flow",
        "humanloop.file.attributes.v.n": "1",
        "humanloop.log.inputs.0": "x",
        "humanloop.log.save": "False",
    }
    found = log_of(span(attributes=attributes, started_ns=0, ended_ns=0))
    body = {"path": "p", "flow": {"attributes": {"v": {"n": "1"}}}, "inputs": {"0": "x"}, "save": "False"}
    assert found == SpanLog("flow", body)


def test_other_spans_have_no_log() -> None:
    assert log_of(span(attributes={"humanloop.file.type": "prompt", "humanloop.file.path": "p"})) is None
    assert log_of(span(attributes={"humanloop.file.type": "agent"})) is None
    assert log_of(span(attributes={"gen_ai.request.model": "m"})) is None


# spans-bulk and traces


@some
@given(st.dictionaries(st.sampled_from(["status", "kind", "events", "links", "resource", "attributes"]), JSON))
def test_any_span_of_a_batch_is_kept_or_invalid(fields: dict[str, Any]) -> None:
    sent = {"name": "n", "context": {"trace_id": TRACE, "span_id": ID}, "start_time": 1, "end_time": 2, **fields}
    with suppress(Invalid):
        (one,) = parse_spans_bulk({"spans": [sent]}).spans
        check(span_columns(span_of(one), repaired=False))


@some
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6) | st.none()), max_size=12))
def test_every_span_is_in_the_trace_once_and_after_its_parent(links: list[tuple[int, int | None]]) -> None:
    """Rings, spans that are their own parents, and ids that are there twice included."""
    spans = [
        {"id": number, "span_id": str(own), "parent_id": None if parent is None else str(parent)}
        for number, (own, parent) in enumerate(links)
    ]
    answered = trace_answer(TRACE, spans, truncated=False)["spans"]
    assert sorted(one["id"] for one in answered) == list(range(len(links)))
    tree = {own: parent for own, parent in links if parent is not None and parent < own}
    if len(tree) == len(links) == len({own for own, _ in links}):
        places = {one["span_id"]: place for place, one in enumerate(answered)}
        for own, parent in tree.items():
            assert str(parent) not in places or places[str(parent)] < places[str(own)]


def test_a_span_without_details_can_still_be_answered() -> None:
    row = stored(span_columns(span(), repaired=False)) | {"id": 7}
    answered = span_answer(row, "", {ID: 9})
    assert (answered["name"], answered["request_log_id"], answered["attributes"]) == ("a call", 9, {})
