"""Traces as applications send them: the PromptLayer clients' own tracing, and OpenTelemetry's exporter by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, format_span_id, format_trace_id, get_current_span
from promptlayer import AsyncPromptLayer, PromptLayer, configure_tracing

from shared.errors import OutcomeUnknown, StreamUnavailable
from tests.api import promptlayer
from tests.api.tracing import spans_of
from tests.sdk.upstream import WORDS, upstream
from tests.support.api import DEFAULT_KEY, unique
from tests.support.gateway_beside import gateway_beside
from tests.support.javascript import run
from tests.unit.wire.promptlayer_bodies import chat, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Tracer

    from tests.support.api import Api, Json

SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}


def trace_of(span: Any) -> str:
    return format_trace_id(span.get_span_context().trace_id)


def by_name(api: Api, trace: str) -> dict[str, Json]:
    return {span["name"]: span for span in spans_of(api, trace)}


# PromptLayer's own tracing


def test_traceable_functions_and_tools(api: Api) -> None:
    client: Any = PromptLayer(api_key=DEFAULT_KEY, base_url=api.url, enable_tracing=True)
    traces: list[str] = []

    @client.traceTool(name="multiply")  # type: ignore[untyped-decorator]
    def multiply(a: int, b: int) -> int:
        return a * b

    @client.traceable(name="outer", attributes={"plan": "pro"})  # type: ignore[untyped-decorator]
    def outer(a: int) -> str:
        traces.append(trace_of(get_current_span()))
        return f"it is {multiply(a, b=3)} é"

    assert outer(2) == "it is 6 é"
    client.tracer_provider.shutdown()
    spans = by_name(api, traces[0])
    assert list(spans) == ["outer", "Tool: multiply"]
    assert spans["outer"]["parent_id"] is None
    assert spans["outer"]["attributes"] == {
        "plan": "pro",
        "function_input": "{'args': (2,), 'kwargs': {}}",
        "function_output": "it is 6 é",
    }
    assert spans["outer"]["resource"] == {"attributes": {"service.name": "prompt-layer-library"}}
    tool = spans["Tool: multiply"]
    assert tool["parent_id"] == spans["outer"]["span_id"]
    assert (tool["attributes"]["tool.name"], tool["attributes"]["function_output"]) == ("multiply", "6")


async def test_traceable_functions_asynchronously(api: Api) -> None:
    client: Any = AsyncPromptLayer(api_key=DEFAULT_KEY, base_url=api.url, enable_tracing=True)
    traces: list[str] = []

    @client.traceable()  # type: ignore[untyped-decorator]
    async def failing() -> None:
        traces.append(trace_of(get_current_span()))
        raise LookupError("no such word")

    with pytest.raises(LookupError):
        await failing()
    await asyncio.to_thread(client.tracer_provider.shutdown)
    (span,) = spans_of(api, traces[0])
    assert (span["name"], span["status"]["status_code"]) == ("failing", "ERROR")
    assert span["status"]["description"] == "LookupError: no such word"
    assert span["events"][0]["attributes"]["exception.message"] == "no such word"


@pytest.mark.filterwarnings("ignore:The `dict` method is deprecated")
def test_a_traced_call_of_a_wrapped_client_is_one_log(api: Api) -> None:
    client: Any = PromptLayer(api_key=DEFAULT_KEY, base_url=api.url, enable_tracing=True)
    traces: list[str] = []

    @client.traceable(name="outer")  # type: ignore[untyped-decorator]
    def ask() -> Any:
        traces.append(trace_of(get_current_span()))
        with upstream() as provider:
            wrapped = client.openai.OpenAI(api_key="sk-provider", base_url=provider, max_retries=0)
            return wrapped.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "2+2?"}], return_pl_id=True
            )

    _, request_id = ask()
    client.tracer_provider.shutdown()
    api.wait_until_applied()
    spans = by_name(api, traces[0])
    logs = {name: span["request_log_id"] for name, span in spans.items()}
    called = "openai.OpenAI.chat.completions.create"
    assert logs == {"outer": None, "openai.OpenAI": None, called: request_id}
    assert spans[called]["parent_id"] == spans["outer"]["span_id"]
    assert promptlayer.fetch(api, request_id)["span_id"] == spans[called]["span_id"]


async def test_tools_that_are_traced_asynchronously(api: Api) -> None:
    client: Any = AsyncPromptLayer(api_key=DEFAULT_KEY, base_url=api.url, enable_tracing=True)
    traces: list[str] = []

    @client.traceTool(name="multiply")  # type: ignore[untyped-decorator]
    async def multiply(a: int, b: int) -> int:
        traces.append(trace_of(get_current_span()))
        return a * b

    assert await multiply(2, b=3) == 6
    await asyncio.to_thread(client.tracer_provider.shutdown)
    (span,) = spans_of(api, traces[0])
    assert (span["name"], span["attributes"]["tool.name"]) == ("Tool: multiply", "multiply")
    assert span["attributes"]["function_output"] == "6"


def test_a_provider_that_is_configured_without_a_client(api: Api) -> None:
    made = configure_tracing(
        api_key=DEFAULT_KEY, base_url=api.url, tracer_provider=TracerProvider(resource=Resource({})), providers=()
    )
    attributes: Json = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "2+2?"}]}]',
        "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "four"}]}]',
    }
    with made.get_tracer("tests").start_as_current_span("chat gpt-4o", attributes=attributes) as span:
        trace = trace_of(span)
    made.shutdown()
    (stored,) = spans_of(api, trace)
    log = promptlayer.fetch(api, stored["request_log_id"])
    assert (log["input"], log["output"]) == (chat(message("user", "2+2?")), chat(message("assistant", "four")))


# OpenTelemetry by itself


@pytest.fixture(params=[Compression.NoCompression, Compression.Gzip], ids=["plain", "gzip"])
def provider(api: Api, request: pytest.FixtureRequest) -> Iterator[TracerProvider]:
    exporter = OTLPSpanExporter(f"{api.url}/v1/traces", headers={"X-Api-Key": DEFAULT_KEY}, compression=request.param)
    made = TracerProvider(resource=Resource({"service.name": "shop", "user.id": "ada"}))
    made.add_span_processor(BatchSpanProcessor(exporter))
    yield made
    made.shutdown()


def test_spans_of_the_python_exporter(api: Api, provider: TracerProvider) -> None:
    tracer = provider.get_tracer("tests", "1.2")
    with tracer.start_as_current_span("outer", kind=SpanKind.SERVER, attributes={"i": 7, "l": ["a", "b"]}) as outer:
        outer.add_event("started", {"ok": True})
        with tracer.start_as_current_span("inner") as inner:
            inner.set_status(Status(StatusCode.ERROR, "broken"))
    assert provider.force_flush()
    spans = by_name(api, trace_of(outer))
    assert (spans["inner"]["parent_id"], spans["outer"]["parent_id"]) == (spans["outer"]["span_id"], None)
    assert spans["outer"]["span_id"] == format_span_id(outer.get_span_context().span_id)
    assert (spans["outer"]["kind"], spans["outer"]["attributes"]) == ("SERVER", {"i": 7, "l": ["a", "b"]})
    assert [(event["name"], event["attributes"]) for event in spans["outer"]["events"]] == [("started", {"ok": True})]
    assert spans["inner"]["status"] == {"status_code": "ERROR", "description": "broken"}
    assert spans["inner"]["scope"] == {"name": "tests", "version": "1.2"}


def test_spans_of_many_traces_in_batches(api: Api, provider: TracerProvider) -> None:
    tracer = provider.get_tracer("tests")
    made = [started_and_ended(tracer, str(number)) for number in range(600)]
    assert provider.force_flush()
    for number in range(0, 600, 60):
        (span,) = spans_of(api, made[number])
        assert span["name"] == str(number)


def started_and_ended(tracer: Tracer, name: str) -> str:
    with tracer.start_as_current_span(name) as span:
        return trace_of(span)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_instrumented_clients_of_providers(api: Api, provider: TracerProvider) -> None:
    """OpenLLMetry's instrumentations, which write messages in the form of the semantic conventions."""
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    instrumentors: list[Any] = [OpenAIInstrumentor(), AnthropicInstrumentor()]
    for instrumentor in instrumentors:
        instrumentor.uninstrument()  # another test may have left it to a provider of its own
        instrumentor.instrument(tracer_provider=provider)
    question = unique("2+2?")
    try:
        with provider.get_tracer("tests").start_as_current_span("outer") as outer, upstream() as url:
            call_both(url, question)
    finally:
        for instrumentor in instrumentors:
            instrumentor.uninstrument()
    assert provider.force_flush()
    spans = by_name(api, trace_of(outer))
    chat_log = promptlayer.fetch(api, spans["openai.chat"]["request_log_id"])
    assert chat_log["input"] == chat(
        message("system", "Be brief."),
        message("user", question),
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {**message("tool", "rainy"), "tool_call_id": "c1"},
        tools=[{"type": "function", "function": {"name": "weather", "description": "", "parameters": SCHEMA}}],
    )
    assert chat_log["output"] == chat(message("assistant", WORDS))
    assert chat_log["parameters"] == {"temperature": 0.5, "max_tokens": 100}
    assert (chat_log["provider"], chat_log["model"], chat_log["price"]) == ("openai", "gpt-4o", 0.0055)
    assert (chat_log["metadata"], chat_log["trace_id"]) == ({"user_id": "ada"}, trace_of(outer))
    messages_log = promptlayer.fetch(api, spans["anthropic.chat"]["request_log_id"])
    assert (messages_log["provider"], messages_log["api_type"]) == ("anthropic", "messages")
    assert messages_log["input"] == chat(message("system", "Be brief."), message("user", question))
    (answer,) = messages_log["output"]["messages"]
    assert answer["content"] == [{"type": "text", "text": WORDS}]
    assert answer["tool_calls"][0]["function"] == {"name": "note", "arguments": '{"sum":4}'}
    assert (messages_log["input_tokens"], messages_log["output_tokens"]) == (1_000, 300)


def call_both(url: str, question: str) -> None:
    asked: Any = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": question},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "rainy"},
    ]
    with openai.OpenAI(api_key="sk", base_url=url, max_retries=0) as client:
        client.chat.completions.create(
            model="gpt-4o",
            temperature=0.5,
            max_tokens=100,
            messages=asked,
            tools=[{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
        )
    with anthropic.Anthropic(api_key="sk", base_url=url, max_retries=0) as other:
        other.messages.create(
            model="claude-3-5-sonnet-20241022",
            max_tokens=100,
            system="Be brief.",
            messages=[{"role": "user", "content": question}],
        )


def test_an_export_that_is_refused_is_told(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    exporter = OTLPSpanExporter(f"{api.url}/v1/traces", headers={"X-Api-Key": "wrong-key-1"})
    made = TracerProvider()
    made.add_span_processor(BatchSpanProcessor(exporter))
    with api.nothing_stored(), caplog.at_level("ERROR"):
        started_and_ended(made.get_tracer("tests"), "lost")
        made.shutdown()
    assert "Failed to export spans batch code: 401, reason: Unauthorized" in caplog.text


def test_an_export_that_is_sent_again_after_a_503_counts_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with gateway_beside(api) as gateway, caplog.at_level("WARNING"):
        gateway.fails = [OutcomeUnknown("the stream is silent"), StreamUnavailable("the stream is away")]
        exporter = OTLPSpanExporter(f"{gateway.url}/v1/traces", headers={"X-Api-Key": DEFAULT_KEY})
        made = TracerProvider()
        made.add_span_processor(SimpleSpanProcessor(exporter))
        trace = started_and_ended(made.get_tracer("tests"), "once")
        made.shutdown()
        assert gateway.appends == 3
    retry = "Transient error Service Unavailable encountered while exporting spans batch, retrying in 1.00s."
    assert caplog.text.count(retry) == 2
    assert [span["name"] for span in spans_of(api, trace)] == ["once"]


def test_javascript_exporters_tell_why_an_export_is_refused(api: Api) -> None:
    with api.nothing_stored():
        seen = run(api, "promptlayer", "otlp-errors.cjs", SLUICE_KEY="wrong-key-1")
    for name in ("protobuf", "json"):
        text = " ".join(seen[name]["logged"])
        assert "Export failed with non-retryable error: OTLPExporterError: Unauthorized" in text
        assert "the API key in the header X-API-KEY is not known, or was revoked" in text


def test_javascript_exporters_send_an_export_again_after_a_503(api: Api) -> None:
    with gateway_beside(api) as gateway:
        gateway.fails = [OutcomeUnknown("the stream is silent")]
        seen = run(api, "promptlayer", "otlp-errors.cjs", SLUICE_URL=gateway.url)
        assert gateway.appends == 3
    for name in ("protobuf", "json"):
        assert seen[name]["logged"] == []
        assert [span["name"] for span in spans_of(api, seen[name]["trace_id"])] == [name]
