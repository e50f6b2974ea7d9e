"""`tools.log` and `flows.log` of the Humanloop Python client, unmodified, read back by `logs.get` and `logs.list`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from humanloop import AsyncHumanloop, Humanloop
from humanloop.core.api_error import ApiError
from humanloop.evals.run import HumanloopRuntimeError

from tests.sdk.test_humanloop_python import as_dict, instant
from tests.support.api import DEFAULT_KEY, unique

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Api, Json

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
FUNCTION: Json = {"name": "f", "description": "Do it.", "strict": True, "parameters": {"type": "object"}}
TOOL: Json = {
    "function": FUNCTION,
    "source_code": "def f(): ...",
    "setup_values": {"unit": "C"},
    "attributes": {"v": 1},
    "tool_type": "python",
}
FIELDS: Json = {
    "output": "6",
    "error": "odd",
    "inputs": {"a": 2, "nested": {"b": [1, None]}},
    "provider_latency": 0.75,
    "stdout": "printed",
    "provider_request": {"a": 1},
    "provider_response": {"b": [2]},
    "source": "sdk",
    "metadata": {"plan": "pro", "n": 1},
    "log_status": "complete",
    "source_datapoint_id": "dp_1",
    "trace_parent_id": "log_of_somebody",
    "user": "u-1",
    "save": True,
}
TIMES: Json = {"start_time": START, "end_time": START + timedelta(seconds=1.5), "created_at": START}
ONLY_FLOW: Json = {
    "run_id": "evr_1",
    "messages": [{"role": "user", "content": "Hi é😀"}],
    "output_message": {"role": "assistant", "content": "Hello"},
}


@pytest.fixture
def client(api: Api) -> Iterator[Humanloop]:
    with httpx.Client(timeout=60) as http:
        yield Humanloop(api_key=DEFAULT_KEY, base_url=f"{api.url}/v5", httpx_client=http)


def check_whole(read: Json, fields: Json) -> None:
    assert {name: read[name] for name in fields} == fields
    assert instant(read["start_time"]) == instant(read["created_at"]) == START
    assert instant(read["end_time"]) == START + timedelta(seconds=1.5)


def test_every_argument_of_a_tool_log(client: Humanloop) -> None:
    path, log_id = unique("tool"), unique("own")
    created = client.tools.log(path=path, tool=TOOL, log_id=log_id, **FIELDS, **TIMES)
    assert created.id == log_id
    read = as_dict(client.logs.get(created.id))
    check_whole(read, FIELDS)
    tool = read["tool"]
    assert (tool["id"], tool["version_id"], tool["path"]) == (created.tool_id, created.version_id, path)
    assert {name: tool[name] for name in TOOL} == TOOL
    (listed,) = client.logs.list(file_id=created.tool_id, size=1)
    assert (listed.id, listed.output) == (log_id, "6")
    assert as_dict(client.tools.get(created.tool_id))["version_logs_count"] == 1


def test_every_argument_of_a_flow_log(client: Humanloop) -> None:
    path = unique("flow")
    created = client.flows.log(path=path, flow={"attributes": {"v": {"n": 1}}}, **FIELDS, **ONLY_FLOW, **TIMES)
    read = as_dict(client.logs.get(created.id))
    check_whole(read, FIELDS | ONLY_FLOW)
    flow = read["flow"]
    assert (flow["id"], flow["version_id"], flow["path"]) == (created.flow_id, created.version_id, path)
    assert (flow["attributes"], created.log_status) == ({"v": {"n": 1}}, "complete")
    client.logs.delete(id=[created.id])
    with pytest.raises(ApiError) as caught:
        client.logs.get(created.id)
    assert caught.value.status_code == 404


async def test_logs_below_a_flow_asynchronously(api: Api) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        client = AsyncHumanloop(api_key=DEFAULT_KEY, base_url=f"{api.url}/v5", httpx_client=http)
        flow = await client.flows.log(path=unique("flow"), flow={"attributes": {}}, log_status="incomplete")
        tool = await client.tools.log(path=unique("tool"), tool=TOOL, trace_parent_id=flow.id, output="6")
        read = as_dict(await client.logs.get(tool.id))
        assert (read["trace_id"], read["trace_flow_id"], read["output"]) == (flow.id, flow.id, "6")
        pager = await client.logs.list(file_id=flow.flow_id, include_trace_children=True)
        (listed,) = [as_dict(record) async for record in pager]
        assert [child["id"] for child in listed["trace_children"]] == [tool.id]


def test_a_version_is_chosen(client: Humanloop) -> None:
    path = unique("tool")
    old: Any = client.tools.log(path=path, tool={"function": FUNCTION})
    client.tools.log(path=path, tool=TOOL)
    assert client.tools.log(path=path, version_id=old.version_id, output="x").version_id == old.version_id
    with pytest.raises(HumanloopRuntimeError) as caught:
        client.tools.log(path=path, environment="production")
    assert isinstance(caught.value.__cause__, ApiError)
    assert caught.value.__cause__.body["error"] == "not_found"
