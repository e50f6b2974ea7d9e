"""Hostile values in every place of every body that a route takes, sent to one running `sluice up`.

Each request gets a documented answer, which is no 5xx. What was acknowledged can be read back, nothing becomes a dead
letter, and the process stays as ready as it was. What files of this folder three routes answer is in `test_poison.py`.
"""

from __future__ import annotations

import asyncio
import copy
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from services.query_api.sql import MAX_UNDER_WAY
from shared.openapi.operations import OPERATIONS
from shared.registry.entities import Scope
from tests.api.test_otlp_traces import protobuf_request
from tests.api.tracing import PROTOBUF, span_id, told, trace_id
from tests.poison.hostile import bodies
from tests.poison.large import LARGE, MIB
from tests.poison.test_poison import ANSWERS, READ_TIMEOUT_S, content, dead_letters
from tests.support.api import unique

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.openapi.operation import Json, Operation
    from tests.support.api import Api

AT_A_TIME: Final = MAX_UNDER_WAY
"""Requests: more queries than that are refused."""

MAX_ANSWER_BYTES: Final = 20_000
"""Of an error."""

OPERATIONS_WITH_BODIES: Final = [one for one in OPERATIONS if one.body is not None]
BULK: Final = "/v1/logs"

NOT_READABLE: Final = [name for name, statuses in ANSWERS.items() if {*statuses} == {400} and name not in LARGE]
"""Files that are JSON to no route."""

TRACES: Final = ("0af7651916cd43dd8448eb211c80319c", "46bf5270d9a245d8ae1e740ecc257ee8")
"""Of the examples of spans: PromptLayer's and Humanloop's."""

TOO_LARGE_GZIP: Final = gzip.compress(b" " * (33 * MIB))

Sent = tuple[str, str, bytes, dict[str, str]]
"""Method, path, body and headers."""

READS: Final = {
    "/log-request": "/api/public/v2/requests/{id}",
    "/track-request": "/api/public/v2/requests/{request_id}",
    "/rest/track-request": "/api/public/v2/requests/{request_id}",
    "/rest/prompt-templates": "/prompt-templates/{id}",
    **{f"/v5/{kind}s/log": "/v5/logs/{id}" for kind in ("prompt", "tool", "flow", "evaluator")},
    **{f"/v5/{kind}s": f"/v5/{kind}s/{{id}}" for kind in ("prompt", "tool", "flow", "evaluator")},
}
"""Where what a route has made is read back, from the answer."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """One of these tests' own, with something in it for every route to name."""

    name: str
    key: str
    paths: dict[str, str]
    """By the path of an operation: the same with ids."""

    named: Json
    """Fields of bodies that name what is there."""

    def path(self, one: Operation) -> str:
        """Where an operation is sent to."""
        return self.paths.get(one.path, one.path)

    def example(self, one: Operation) -> Any:
        """A body that the operation takes."""
        assert one.body is not None
        example = copy.deepcopy(one.body.example)
        if isinstance(example, dict):
            example |= {name: value for name, value in self.named.items() if name in example}
        return example


@pytest.fixture(scope="module")
def workspace(api: Api) -> Iterator[Workspace]:
    letters = dead_letters(api)
    name = unique("poison")
    key = api.create_key(name, *Scope)
    examples = {(one.method, one.path): one.body.example for one in OPERATIONS_WITH_BODIES if one.body is not None}
    with api.client(key) as client:

        def made(path: str, **fields: Any) -> Json:
            answer = client.post(path, json={**examples.get(("POST", path), {}), **fields})
            assert answer.status_code < 300, answer.text
            said: Json = answer.json()
            return said

        logged, group = made("/log-request"), made("/create-group")
        template = made("/rest/prompt-templates")["id"]
        label = made(f"/prompts/{template}/label", name="other", prompt_version_number=1)["id"]
        prompt, flow = made("/v5/prompts/log"), made("/v5/flows/log")
        tool = made("/v5/tools/log", trace_parent_id=flow["id"])
        paths = {
            "/prompt-templates/{identifier}": f"/prompt-templates/{template}",
            "/prompts/{identifier}/label": f"/prompts/{template}/label",
            "/prompt-labels/{label_id}": f"/prompt-labels/{label}",
            "/v5/prompts/{id}/log/{log_id}": f"/v5/prompts/{prompt['prompt_id']}/log/{prompt['id']}",
            "/v5/tools/{id}/log/{log_id}": f"/v5/tools/{tool['tool_id']}/log/{tool['id']}",
            "/v5/flows/logs/{log_id}": f"/v5/flows/logs/{flow['id']}",
        }
        for files in ("/v5/prompts", "/v5/tools", "/v5/flows", "/v5/evaluators"):
            file = made(files)
            paths[f"{files}/{{id}}"] = f"{files}/{file['id']}"
            paths[f"{files}/{{id}}/versions/{{version_id}}"] = f"{files}/{file['id']}/versions/{file['version_id']}"
    named = {
        "request_id": logged["id"],
        "group_id": group["id"],
        "parent_id": prompt["id"],
        "trace_parent_id": flow["id"],
        "workspace": name,
    }
    yield Workspace(name, key, paths, named)
    api.wait_until_applied()
    assert dead_letters(api) == letters
    assert api.default.get("/readyz").status_code == 200


async def answers(api: Api, workspace: Workspace, requests: Iterable[Sent]) -> list[httpx.Response]:
    """What each request is answered, a few at a time."""
    turn = asyncio.Semaphore(AT_A_TIME)
    headers = {"x-api-key": workspace.key, "content-type": "application/json"}

    async def answer(
        client: httpx.AsyncClient, method: str, path: str, body: bytes, more: dict[str, str]
    ) -> httpx.Response:
        async with turn:
            return await client.request(method, path, content=body, headers=more)

    # A TLS context of its own for each client would take longer than the requests do.
    async with httpx.AsyncClient(base_url=api.url, headers=headers, timeout=READ_TIMEOUT_S, verify=False) as client:
        return await asyncio.gather(*(answer(client, *each) for each in requests))


def check(one: Operation, answer: httpx.Response) -> None:
    """That an answer is a documented one."""
    if answer.status_code in one.answers:
        assert answer.headers["content-type"] == one.answers[answer.status_code].media_type
        json.loads(answer.content)
    else:
        assert 400 <= answer.status_code < 500, answer.text[:500]
        assert len(answer.content) < MAX_ANSWER_BYTES
        envelope = answer.json()
        assert envelope["success"] is False
        assert envelope["message"]
        assert envelope["error"]


def made_by(one: Operation, answer: httpx.Response) -> list[str]:
    """Where what a route has made is read back."""
    if answer.status_code >= 300:
        return []
    said = answer.json()
    if one.path in READS:
        names = {name: quote(str(value), safe="") for name, value in said.items()}
        return [READS[one.path].format(**names)]
    log_ids: list[int | str] = []
    if one.path == BULK:
        log_ids = [result["id"] for result in said["results"] if "id" in result]
    elif one.path == "/spans-bulk":
        log_ids = [log["id"] for log in said["request_logs"] or ()]
    elif one.path.startswith("/v5/import/"):
        log_ids = said["records"]
    return [
        f"/api/public/v2/requests/{log_id}" if isinstance(log_id, int) else f"/v5/logs/{quote(log_id, safe='')}"
        for log_id in log_ids
    ]


@pytest.mark.parametrize("one", OPERATIONS_WITH_BODIES, ids=lambda one: one.name)
async def test_hostile_values_in_every_place(api: Api, workspace: Workspace, one: Operation) -> None:
    assert one.body is not None
    path = workspace.path(one)
    sent = list(bodies(workspace.example(one), one.body.model))
    said = await answers(api, workspace, ((one.method, path, body, {}) for body in sent))
    for answer in said:
        check(one, answer)
    reads = dict.fromkeys(url for answer in said for url in made_by(one, answer))
    for read in await answers(api, workspace, (("GET", url, b"", {}) for url in reads)):
        assert read.status_code == 200, read.text[:500]
        json.loads(read.content)


@pytest.mark.parametrize("one", [one for one in OPERATIONS_WITH_BODIES if one.path != BULK], ids=lambda one: one.name)
async def test_what_is_not_json_is_told_and_kept_nowhere(api: Api, workspace: Workspace, one: Operation) -> None:
    path = workspace.path(one)
    zipped = {"content-encoding": "gzip"}
    sent = [(one.method, path, content(name), zipped if name.endswith(".gz") else {}) for name in NOT_READABLE]
    with api.nothing_stored():
        for answer in await answers(api, workspace, sent):
            assert answer.status_code == 400, answer.text[:500]
            check(one, answer)
        (answer,) = await answers(api, workspace, [(one.method, path, TOO_LARGE_GZIP, zipped)])
        assert answer.status_code == 413, answer.text[:500]
        check(one, answer)


def nested(levels: int) -> ExportTraceServiceRequest:
    """A span with an attribute of that many levels."""
    request = protobuf_request(bytes.fromhex(trace_id()), bytes.fromhex(span_id()))
    value = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="deep").value
    for _ in range(levels):
        value = value.array_value.values.add()
    value.string_value = "core"
    return request


async def test_protobuf_that_is_damaged_or_odd(api: Api, workspace: Workspace) -> None:
    whole = protobuf_request(bytes.fromhex(trace_id()), bytes.fromhex(span_id())).SerializeToString()
    damaged = [whole[:end] for end in range(len(whole))]
    damaged += [whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in (1, 128)]
    damaged += [nested(levels).SerializeToString() for levels in (30, 40, 60)] + [b"\xff" * 1000, b"\0" * 1000]
    damaged += [content(name) for name in ANSWERS if name not in LARGE and not name.endswith(".gz")]
    headers = {"content-type": PROTOBUF}
    for answer in await answers(api, workspace, (("POST", "/v1/traces", body, headers) for body in damaged)):
        if answer.status_code == 200:
            assert answer.headers["content-type"] == PROTOBUF
            ExportTraceServiceResponse.FromString(answer.content)
        else:
            assert "protobuf" in told(answer, 400, 3)
    api.wait_until_applied()


async def test_lists_and_searches_of_it_work(api: Api, workspace: Workspace) -> None:
    """Of all that the tests above have stored."""
    api.wait_until_applied()
    fields = ("tags", "metadata_keys", "engine", "tool_names", "output_keys")
    urls = [f"/api/public/v2/requests/suggestions?field={field}" for field in fields]
    urls += ["/v5/prompts", "/v5/tools", "/v5/flows", "/v5/evaluators", "/prompt-templates"]
    urls += [f"/api/public/v2/traces/{trace}" for trace in TRACES]
    reads: list[Sent] = [("GET", url, b"", {}) for url in urls]
    search = b'{"q": "a", "per_page": 25}'
    query = b'{"query": "SELECT * FROM log_records LIMIT 1000"}'
    reads += [("POST", "/api/public/v2/requests/search", search, {}), ("POST", "/v1/sql", query, {})]
    for answer in await answers(api, workspace, reads):
        assert answer.status_code == 200, (answer.request.url, answer.request.content, answer.text[:500])
        assert answer.json()
