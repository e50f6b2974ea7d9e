"""The Humanloop Python client, unmodified: logging, updating, reading back, and what its users see of mistakes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from humanloop import AsyncHumanloop, Humanloop
from humanloop.core.api_error import ApiError
from humanloop.errors.unprocessable_entity_error import UnprocessableEntityError
from humanloop.evals.run import HumanloopRuntimeError

from tests.sdk.in_turn import tracing
from tests.support.api import DEFAULT_KEY, unique

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support.api import Api, Json

START = datetime(2026, 1, 1, 12, tzinfo=UTC)

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

FIELDS: Json = {
    "output_message": {"role": "assistant", "content": "Hello", "tool_calls": [CALL]},
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi é😀"}]}],
    "output": "Hello",
    "inputs": {"name": "Ada", "nested": {"a": [1, None]}},
    "prompt_tokens": 1,
    "reasoning_tokens": 2,
    "output_tokens": 3,
    "prompt_cost": 0.5,
    "output_cost": 1,
    "finish_reason": "stop",
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "error": "e",
    "provider_latency": 0.75,
    "stdout": "printed",
    "provider_request": {"a": 1},
    "provider_response": {"b": [2]},
    "source": "sdk",
    "metadata": {"plan": "pro", "n": 1},
    "log_status": "complete",
}
"""What both `log` and `update_log` take, apart from times."""

ONLY_CREATE: Json = {
    "source_datapoint_id": "dp_1",
    "trace_parent_id": "log_of_somebody",
    "user": "u-1",
    "save": True,
    "run_id": "evr_1",
}

DETAILS: Json = {"model": "gpt-4o", "temperature": 0.5, "template": [{"role": "user", "content": "Hi {{name}}"}]}


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """What carries the client's requests; its own would never be closed."""
    with httpx.Client(timeout=60) as client:
        yield client


@pytest.fixture
def client(api: Api, http: httpx.Client) -> Iterator[Humanloop]:
    with tracing(Humanloop(api_key=DEFAULT_KEY, base_url=f"{api.url}/v5", httpx_client=http)) as client:
        yield client


@pytest.fixture
async def async_client(api: Api) -> AsyncIterator[AsyncHumanloop]:
    async with httpx.AsyncClient(timeout=60) as http:
        yield AsyncHumanloop(api_key=DEFAULT_KEY, base_url=f"{api.url}/v5", httpx_client=http)


def as_dict(log: Any) -> Json:
    """A log as the client hands it out: typed, or a plain dictionary where it can't resolve the union."""
    read: Json = log if isinstance(log, dict) else log.dict()
    return read


def instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def arguments(**more: Any) -> Json:
    """All arguments of `log`."""
    times = {"start_time": START, "end_time": START + timedelta(seconds=1.5), "created_at": START}
    return {"path": unique("sdk"), "prompt": DETAILS, **FIELDS, **ONLY_CREATE, **times, **more}


def check_whole(read: Json, created: Any) -> None:
    assert read["id"] == created.id
    assert {name: read[name] for name in FIELDS | ONLY_CREATE} == FIELDS | ONLY_CREATE
    assert instant(read["start_time"]) == instant(read["created_at"]) == START
    assert instant(read["end_time"]) == START + timedelta(seconds=1.5)
    assert read["environment"] == "staging"
    prompt = read["prompt"]
    assert (prompt["id"], prompt["version_id"]) == (created.prompt_id, created.version_id)
    assert {name: prompt[name] for name in DETAILS} == DETAILS
    assert prompt["inputs"] == [{"name": "name"}]


def test_every_argument_of_a_log(client: Humanloop) -> None:
    created = client.prompts.log(**arguments(prompt_log_request_environment="staging", log_id=unique()))
    check_whole(as_dict(client.logs.get(created.id)), created)


async def test_every_argument_of_a_log_asynchronously(async_client: AsyncHumanloop) -> None:
    created = await async_client.prompts.log(**arguments(prompt_log_request_environment="staging"))
    check_whole(as_dict(await async_client.logs.get(created.id)), created)


def test_every_argument_of_an_update(client: Humanloop) -> None:
    created = client.prompts.log(path=unique("sdk"), prompt=DETAILS)
    sent = FIELDS | {"start_time": START, "end_time": START, "created_at": START}
    answer = as_dict(client.prompts.update_log(created.prompt_id, created.id, **sent))
    assert {name: answer[name] for name in FIELDS} == FIELDS
    assert instant(answer["start_time"]) == instant(answer["end_time"]) == instant(answer["created_at"]) == START
    assert as_dict(client.logs.get(created.id)) == answer


async def test_an_update_asynchronously(async_client: AsyncHumanloop) -> None:
    created = await async_client.prompts.log(path=unique("sdk"), prompt=DETAILS, output="one")
    answer = as_dict(await async_client.prompts.update_log(created.prompt_id, created.id, output="two", error=None))
    assert (answer["output"], answer["error"]) == ("two", None)


def test_null_clears_and_a_call_without_arguments_changes_nothing(client: Humanloop) -> None:
    created = client.prompts.log(path=unique("sdk"), prompt=DETAILS, output="one", metadata={"a": 1})
    cleared = as_dict(client.prompts.update_log(created.prompt_id, created.id, metadata=None))
    assert (cleared["metadata"], cleared["output"]) == (None, "one")
    assert as_dict(client.prompts.update_log(created.prompt_id, created.id)) == cleared


def test_selecting_a_version(client: Humanloop) -> None:
    path = unique("sdk")
    old = client.prompts.log(path=path, prompt={"model": "old"})
    client.prompts.log(path=path, prompt={"model": "new"})
    chosen = client.prompts.log(path=path, version_id=old.version_id, output="x")
    assert chosen.version_id == old.version_id
    assert client.prompts.log(id=old.prompt_id, prompt={"model": "old"}).version_id == old.version_id
    with pytest.raises(HumanloopRuntimeError) as caught:
        client.prompts.log(path=path, environment="production")
    assert isinstance(caught.value.__cause__, ApiError)
    assert caught.value.__cause__.status_code == 404


def test_a_prompt_as_text(client: Humanloop) -> None:
    created = client.prompts.log(path=unique("sdk"), prompt="---\nmodel: gpt-4o\n---\nHi {{name}}")
    prompt = as_dict(client.logs.get(created.id))["prompt"]
    assert (prompt["model"], prompt["template"]) == ("gpt-4o", "Hi {{name}}")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (datetime(2026, 1, 1, 12), datetime(2026, 1, 1, 12).astimezone()),
        (
            datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            datetime(2026, 7, 1, 6, 30, tzinfo=UTC),
        ),
        ("2024-07-19T00:29:35.178992", datetime(2024, 7, 19, 0, 29, 35, 178992, tzinfo=UTC)),
    ],
)
def test_times_as_users_give_them(client: Humanloop, given: Any, meant: datetime) -> None:
    created = client.prompts.log(path=unique("sdk"), prompt=DETAILS, start_time=given)
    assert instant(as_dict(client.logs.get(created.id))["start_time"]) == meant


def test_save_false(client: Humanloop) -> None:
    created = client.prompts.log(path=unique("sdk"), prompt=DETAILS, output="private", save=False, prompt_tokens=3)
    read = as_dict(client.logs.get(created.id))
    assert (read["save"], read["output"], read["prompt_tokens"]) == (False, None, 3)


def test_a_log_id_twice(client: Humanloop) -> None:
    path, log_id = unique("sdk"), unique()
    for output in ("one", "two"):
        assert client.prompts.log(path=path, prompt=DETAILS, log_id=log_id, output=output).id == log_id
    assert as_dict(client.logs.get(log_id))["output"] == "two"
    with pytest.raises(HumanloopRuntimeError) as caught:
        client.prompts.log(path=unique("sdk"), prompt=DETAILS, log_id=log_id)
    assert isinstance(caught.value.__cause__, ApiError)
    assert caught.value.__cause__.status_code == 409


# Many logs


def logged(client: Humanloop, *outputs: str) -> list[Any]:
    """Logs of one new prompt with these outputs, applied when this returns."""
    path = unique("sdk")
    created = [client.prompts.log(path=path, prompt=DETAILS, output=output) for output in outputs]
    for each in created:
        client.logs.get(each.id)
    return created


def test_going_through_all_logs_of_a_prompt(client: Humanloop) -> None:
    created = logged(client, "one", "two", "three")
    file_id = created[0].prompt_id
    pager = client.logs.list(file_id=file_id, size=2)
    records = [as_dict(record) for record in pager]
    assert [record["output"] for record in records] == ["three", "two", "one"]
    assert [record["prompt"]["version_id"] for record in records] == [created[0].version_id] * 3
    query: Json = {"search": "TW", "start_date": START - timedelta(days=999), "in_trace_filter": False}
    assert [as_dict(record)["id"] for record in client.logs.list(file_id=file_id, **query)] == [created[1].id]
    assert list(client.logs.list(file_id=file_id, id=["no such id"], metadata_search="x", sample=5)) == []


async def test_going_through_logs_asynchronously(client: Humanloop, async_client: AsyncHumanloop) -> None:
    created = logged(client, "one", "two")
    pager = await async_client.logs.list(file_id=created[0].prompt_id, size=1)
    assert [as_dict(record)["output"] async for record in pager] == ["two", "one"]


def test_deleting_logs(client: Humanloop) -> None:
    one, two, three = logged(client, "one", "two", "three")
    client.logs.delete(id=[one.id, three.id, "unknown"])
    client.logs.delete(id=one.id)
    with pytest.raises(ApiError) as caught:
        client.logs.get(one.id)
    assert caught.value.status_code == 404
    assert [as_dict(record)["id"] for record in client.logs.list(file_id=one.prompt_id)] == [two.id]


# Mistakes


def test_a_wrong_key(api: Api, http: httpx.Client) -> None:
    wrong = Humanloop(api_key="wrong-key-1", base_url=f"{api.url}/v5", httpx_client=http)
    with tracing(wrong) as client, api.nothing_stored(), pytest.raises(HumanloopRuntimeError) as caught:
        client.prompts.log(path=unique("sdk"), prompt=DETAILS)
    cause = caught.value.__cause__
    assert isinstance(cause, ApiError)
    assert cause.status_code == 401
    assert "X-API-KEY is not known" in cause.body["detail"]["message"]
    with pytest.raises(ApiError) as read:
        client.logs.get("log_1")
    assert read.value.status_code == 401


def test_a_wrong_field(api: Api, client: Humanloop) -> None:
    wrong: Any = {"not": "text"}
    with api.nothing_stored(), pytest.raises(HumanloopRuntimeError) as caught:
        client.prompts.log(path=unique("sdk"), prompt=DETAILS, output=wrong)
    cause = caught.value.__cause__
    assert isinstance(cause, UnprocessableEntityError)
    (problem,) = cause.body.detail
    assert problem.loc == ["body", "output"]
    assert problem.msg == "must be a string, not an object"


async def test_a_wrong_field_asynchronously(api: Api, async_client: AsyncHumanloop) -> None:
    wrong: Any = "x"
    with api.nothing_stored(), pytest.raises(UnprocessableEntityError) as caught:
        await async_client.prompts.log(path=unique("sdk"), prompt=DETAILS, prompt_tokens=wrong)
    assert caught.value.body.detail[0].loc == ["body", "prompt_tokens"]


def test_a_call_without_arguments(api: Api, client: Humanloop) -> None:
    with api.nothing_stored(), pytest.raises(HumanloopRuntimeError) as caught:
        client.prompts.log()
    assert isinstance(caught.value.__cause__, UnprocessableEntityError)


def test_a_log_that_is_not_there(client: Humanloop) -> None:
    with pytest.raises(ApiError) as caught:
        client.logs.get("nobody")
    assert (caught.value.status_code, caught.value.body["error"]) == (404, "not_found")
    with pytest.raises(ApiError) as caught:
        client.prompts.update_log("pr_nobody", "log_nobody", output="x")
    assert caught.value.body["message"] == "log_id: prompt 'pr_nobody' has no log with the id 'log_nobody'"


def test_a_base_url_without_v5_is_told(api: Api, http: httpx.Client) -> None:
    wrong = Humanloop(api_key=DEFAULT_KEY, base_url=api.url, httpx_client=http)
    with tracing(wrong) as client, pytest.raises(HumanloopRuntimeError) as caught:
        client.prompts.log(path=unique("sdk"), prompt=DETAILS)
    assert "no such route: POST /prompts/log; did you mean /v5/prompts/log?" in str(caught.value.__cause__)
