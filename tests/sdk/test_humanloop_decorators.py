"""The decorators of the Humanloop Python client, unmodified: what they trace becomes logs, nested as the calls were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from anthropic import Anthropic
from humanloop import Humanloop
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from opentelemetry.instrumentation.openai import OpenAIInstrumentor

from tests.api import humanloop
from tests.sdk import humanloop_tools
from tests.sdk.upstream import WORDS, upstream
from tests.support.api import DEFAULT_KEY, unique

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Api, Json

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def client(api: Api) -> Iterator[Any]:
    """A client with instrumentations of its own. Its decorators are typed by nobody."""
    instrumentors: list[Any] = [OpenAIInstrumentor(), AnthropicInstrumentor()]
    for instrumentor in instrumentors:
        instrumentor.uninstrument()  # an earlier client may have it, and there is one for all
    with httpx.Client(timeout=60) as http:
        made: Any = Humanloop(api_key=DEFAULT_KEY, base_url=f"{api.url}/v5", httpx_client=http)
        yield made
        made._tracer_provider.shutdown()
    for instrumentor in instrumentors:
        instrumentor.uninstrument()


def send_all(client: Any) -> None:
    """Wait until the client has sent its spans. It can trace nothing after that."""
    client._tracer_provider.shutdown()


def file_of(api: Api, path: str) -> Json:
    response = api.default.post("/v5/files/retrieve-by-path", json={"path": path})
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def logs_of(api: Api, path: str, **query: str) -> list[Json]:
    """The logs of the file at a path, newest first, once all are applied."""
    api.wait_until_applied()
    response = api.default.get("/v5/logs", params={"file_id": file_of(api, path)["id"], **query})
    assert response.status_code == 200, response.text
    records: list[Json] = response.json()["records"]
    return records


def test_a_tool(api: Api, client: Any) -> None:
    path = unique("tool")

    weather = client.tool(path=path, attributes={"version": "v1"}, setup_values={"unit": "C"})(humanloop_tools.weather)
    assert weather("Paris", tags=["a", "é"]) == {"city": "Paris", "rain": True}
    send_all(client)
    (log,) = logs_of(api, path)
    assert log["inputs"]["city"] == "Paris"
    assert log["inputs"]["tags"] == ["a", "é"]
    assert (log["output"], log["error"]) == ('{"city": "Paris", "rain": true}', None)
    assert log["start_time"] <= log["end_time"]
    tool = log["tool"]
    assert (tool["attributes"], tool["setup_values"]) == ({"version": "v1"}, {"unit": "C"})
    assert tool["source_code"].startswith("def weather(city: str")
    assert tool["function"] == {
        "name": "weather",
        "description": "Tell the weather.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": ["integer", "null"]},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["city", "tags"],
            "additionalProperties": False,
        },
    }


def test_a_tool_that_fails_and_has_no_arguments(api: Api, client: Any) -> None:
    path = unique("tool")

    failing = client.tool(path=path)(humanloop_tools.failing)
    for _ in range(2):
        # The decorator means to return None, and forgot to.
        with pytest.raises(UnboundLocalError):
            failing()
    send_all(client)
    logs = logs_of(api, path)
    assert [(log["output"], log["error"], log["inputs"]) for log in logs] == [(None, "no such word", None)] * 2
    assert logs[0]["tool"]["version_id"] == logs[1]["tool"]["version_id"]
    assert logs[0]["tool"]["function"]["parameters"] == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


def test_a_prompt_makes_a_version_for_each_way_of_calling(api: Api, client: Any) -> None:
    path = unique("prompt")

    @client.prompt(path=path)  # type: ignore[untyped-decorator]
    def ask(url: str, temperature: float) -> None:
        with openai.OpenAI(api_key="sk", base_url=url, max_retries=0) as provider:
            provider.chat.completions.create(
                model="gpt-4o",
                temperature=temperature,
                max_tokens=200,
                messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2? é"}],
            )

    @client.prompt(path=path)  # type: ignore[untyped-decorator]
    def ask_claude(url: str) -> None:
        with Anthropic(api_key="sk", base_url=url, max_retries=0) as provider:
            provider.messages.create(
                model="claude-3-5-sonnet-20241022", max_tokens=50, messages=[{"role": "user", "content": "2+2?"}]
            )

    with upstream() as url:
        ask(url, 0.5)
        ask(url, 0.5)
        ask(url, 0.9)
        ask_claude(url)
    send_all(client)
    claude, other, second, first = logs_of(api, path)
    assert first["prompt"]["version_id"] == second["prompt"]["version_id"] != other["prompt"]["version_id"]
    prompt = first["prompt"]
    assert {name: prompt[name] for name in ("model", "provider", "endpoint", "temperature", "max_tokens")} == {
        "model": "gpt-4o",
        "provider": "openai",
        "endpoint": "chat",
        "temperature": 0.5,
        "max_tokens": 200,
    }
    assert first["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2? é"}]
    assert (first["output"], first["output_message"]) == (WORDS, {"role": "assistant", "content": WORDS})
    assert (first["prompt_tokens"], first["output_tokens"], first["finish_reason"]) == (1_000, 300, "stop")
    assert first["price"] == 0.0055
    assert first["provider_latency"] > 0
    assert other["prompt"]["temperature"] == 0.9
    assert (claude["prompt"]["provider"], claude["prompt"]["max_tokens"]) == ("anthropic", 50)
    call = {"id": "toolu_1", "type": "function", "function": {"name": "note", "arguments": '{"sum":4}'}}
    assert claude["output_message"] == {"role": "assistant", "content": WORDS, "tool_calls": [call]}


def test_a_flow_with_all_kinds_of_logs_below_it(api: Api, client: Any) -> None:
    path = unique("flow")

    double = client.tool(path=f"{path}/tool")(humanloop_tools.double)

    @client.prompt(path=f"{path}/prompt")  # type: ignore[untyped-decorator]
    def ask(url: str) -> None:
        with openai.OpenAI(api_key="sk", base_url=url, max_retries=0) as provider:
            provider.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "2+2?"}])

    @client.flow(path=f"{path}/inner")  # type: ignore[untyped-decorator]
    def inner(number: int) -> dict[str, str]:
        return {"role": "assistant", "content": str(double(number))}

    @client.flow(path=path, attributes={"version": "v1"})  # type: ignore[untyped-decorator]
    def outer(question: str, messages: list[Json]) -> str:
        with upstream() as url:
            ask(url)
        client.prompts.log(path=f"{path}/logged", prompt={"model": "gpt-4o"}, output="by hand")
        return f"{question} {inner(3)['content']}"

    assert outer("2*3?", messages=[{"role": "user", "content": "Hi"}]) == "2*3? 6"
    send_all(client)
    (log,) = logs_of(api, path, include_trace_children="true")
    assert (log["log_status"], log["output"], log["error"]) == ("complete", "2*3? 6", None)
    assert (log["inputs"], log["messages"]) == ({"question": "2*3?"}, [{"role": "user", "content": "Hi"}])
    assert log["flow"]["attributes"] == {"version": "v1"}
    assert log["start_time"] < log["end_time"]
    children = {
        child[kind]["path"]: child for child in log["trace_children"] for kind in ("prompt", "flow") if kind in child
    }
    assert set(children) == {f"{path}/prompt", f"{path}/logged", f"{path}/inner"}
    assert {child["trace_flow_id"] for child in children.values()} == {log["id"]}
    below = children[f"{path}/inner"]
    assert below["output_message"] == {"role": "assistant", "content": "6"}
    (tool,) = below["trace_children"]
    assert (tool["tool"]["path"], tool["output"], tool["inputs"]) == (f"{path}/tool", "6", {"number": "3"})
    assert tool["trace_parent_id"] == below["id"]


def test_a_flow_that_fails(api: Api, client: Any) -> None:
    path = unique("flow")

    @client.flow(path=path)  # type: ignore[untyped-decorator]
    def failing(a: int) -> str:
        raise LookupError("no such word")

    assert failing(1) is None
    send_all(client)
    (log,) = logs_of(api, path)
    assert (log["log_status"], log["output"], log["error"]) == ("complete", None, "no such word")
    assert humanloop.fetch(api, log["id"])["error"] == "no such word"
