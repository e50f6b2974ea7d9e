"""The Humanloop Python clients, unmodified: logs of tools, flows and evaluators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from humanloop import EvaluatorLogResponse
from humanloop.core.api_error import ApiError

from tests.api.humanloop import fetch
from tests.sdk.in_turn import FLAVOURS, humanloop_client
from tests.support.api import unique

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Api, Json

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
TIMES: Json = {"start_time": START, "end_time": START + timedelta(seconds=1.5), "created_at": START}
TIMES_READ: Json = {
    "start_time": "2026-01-01T12:00:00.000000Z",
    "end_time": "2026-01-01T12:00:01.500000Z",
    "created_at": "2026-01-01T12:00:00.000000Z",
}

FIELDS: Json = {
    "output": "6 é😀",
    "inputs": {"a": 2, "nested": {"b": [3, None]}},
    "error": "odd",
    "provider_latency": 0.75,
    "stdout": "printed",
    "provider_request": {"a": 1},
    "provider_response": {"b": [2]},
    "source": "sdk",
    "metadata": {"plan": "pro", "n": 1},
    "log_status": "complete",
}
"""What logs of all files and updates of tools' logs take, apart from times."""

ONLY_CREATE: Json = {
    "source_datapoint_id": "dp_1",
    "trace_parent_id": "log_of_somebody",
    "user": "u-1",
    "save": True,
}

TOOL: Json = {
    "function": {"name": "add", "description": "d", "parameters": {"type": "object"}},
    "source_code": "def add(): ...",
    "setup_values": {"unit": "C"},
    "attributes": {"v": 1},
}
SPEC: Json = {"evaluator_type": "human", "arguments_type": "target_free", "return_type": "number"}


@pytest.fixture(params=FLAVOURS)
def client(api: Api, request: pytest.FixtureRequest) -> Iterator[Any]:
    with humanloop_client(api, request.param) as made:
        yield made


def check(api: Api, log_id: str, expected: Json) -> Json:
    """Hold a log that reads back against what it must have; returns it."""
    read = fetch(api, log_id)
    assert {name: read[name] for name in expected} == expected
    return read


def test_a_tool(api: Api, client: Any) -> None:
    path, log_id = unique("tool"), unique("log")
    created = client.tools.log(
        path=path, tool=TOOL, log_id=log_id, **FIELDS, **ONLY_CREATE, **TIMES, tool_log_request_environment="staging"
    )
    assert created.id == log_id
    read = check(api, log_id, FIELDS | ONLY_CREATE | TIMES_READ | {"environment": "staging"})
    assert {name: read["tool"][name] for name in TOOL} == TOOL
    assert (read["tool"]["id"], read["tool"]["version_id"]) == (created.tool_id, created.version_id)
    assert client.tools.log(id=created.tool_id).version_id == created.version_id

    bare = client.tools.log(path=path, tool=TOOL)
    answer = client.tools.update(bare.tool_id, bare.id, **FIELDS, **TIMES)
    answered = answer if isinstance(answer, dict) else answer.dict()
    assert (answered["output"], answered["tool"]["path"]) == (FIELDS["output"], path)
    check(api, bare.id, FIELDS | TIMES_READ)
    client.tools.update(bare.tool_id, bare.id, error=None)
    check(api, bare.id, {"error": None, "output": FIELDS["output"]})
    with pytest.raises(ApiError) as caught:
        client.tools.update("tl_nobody", bare.id, output="x")
    assert caught.value.status_code == 404


def test_a_flow(api: Api, client: Any) -> None:
    path = unique("flow")
    exchange: Json = {
        "messages": [{"role": "user", "content": "Hi"}],
        "output_message": {"role": "assistant", "content": "Hello"},
    }
    attributes: Json = {"version": "v1", "deep": {"a": [1]}}
    created = client.flows.log(
        path=path, flow={"attributes": attributes}, run_id="evr_1", **FIELDS, **exchange, **ONLY_CREATE, **TIMES
    )
    assert created.log_status == "complete"
    read = check(api, created.id, FIELDS | exchange | ONLY_CREATE | TIMES_READ | {"run_id": "evr_1"})
    assert (read["flow"]["id"], read["flow"]["attributes"]) == (created.flow_id, attributes)

    begun = client.flows.log(path=path, log_status="incomplete", inputs={"a": 1})
    below = client.tools.log(path=f"{path}/tool", output="6", trace_parent_id=begun.id)
    answer = client.flows.update_log(begun.id, output="done", log_status="complete", **exchange)
    assert (answer.output, answer.log_status, answer.flow.path) == ("done", "complete", path)
    check(api, begun.id, {"output": "done", "log_status": "complete", "inputs": {"a": 1}, **exchange})
    check(api, below.id, {"trace_flow_id": begun.id, "trace_parent_id": begun.id})
    with pytest.raises(ApiError) as caught:
        client.flows.update_log(begun.id, log_status="incomplete")
    assert (caught.value.status_code, caught.value.body.detail[0].loc) == (422, ["body", "log_status"])
    bare = client.flows.log(path=path, log_status="incomplete")
    with pytest.raises(ApiError) as caught:
        client.flows.update_log(bare.id, log_status="complete", output="done")
    assert caught.value.body.detail[0].loc == ["body", "inputs"]
    with pytest.raises(ApiError) as caught:
        client.flows.update_log("log_nobody", output="x")
    assert caught.value.body["message"] == "log_id: no flow has a log with the id 'log_nobody'"


def test_an_evaluator(api: Api, client: Any) -> None:
    path = unique("evaluator")
    judged = client.prompts.log(path=unique("sdk"), prompt={"model": "gpt-4o"}, output="six")
    created = client.evaluators.log(
        path=path, parent_id=judged.id, spec=SPEC, judgment=0.5, marked_completed=True, **FIELDS, **ONLY_CREATE, **TIMES
    )
    assert created.parent_id == judged.id
    expected = FIELDS | ONLY_CREATE | TIMES_READ
    read = check(api, created.id, expected | {"judgment": 0.5, "marked_completed": True, "parent_id": judged.id})
    assert (read["evaluator"]["spec"], read["evaluator"]["version_id"]) == (SPEC, created.version_id)
    feedback = client.evaluators.log(path=path, parent_id=judged.id, judgment="good")
    shown = [EvaluatorLogResponse.model_validate(log) for log in client.logs.get(id=judged.id)["evaluator_logs"]]
    assert [(log.id, log.judgment, log.evaluator.path) for log in shown] == [
        (feedback.id, "good", path),
        (created.id, 0.5, path),
    ]
    api.wait_until_applied()
    (listed_judged,) = client.logs.list(file_id=judged.prompt_id)
    assert [(type(log), log.id) for log in listed_judged.evaluator_logs] == [
        (EvaluatorLogResponse, feedback.id),
        (EvaluatorLogResponse, created.id),
    ]
    client.evaluators.log(path=path, parent_id=judged.id, judgment=None)
    client.evaluators.log(path=unique("evaluator"), parent_id=judged.id, judgment=True)
    assert [log["judgment"] for log in client.logs.get(id=judged.id)["evaluator_logs"]] == [True, 0.5]  # by a user
    listed = list(client.logs.list(file_id=read["evaluator"]["id"]))
    assert [(log.id, log.judgment, log.evaluator.path) for log in listed[-2:]] == [
        (feedback.id, "good", path),
        (created.id, 0.5, path),
    ]
    client.logs.delete(id=[created.id])
    assert api.default.get(f"/v5/logs/{created.id}").status_code == 404
