"""API keys: who may do what, what others see, and that no key is kept anywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shared.registry.entities import Scope
from tests.api import humanloop
from tests.api.promptlayer import create
from tests.support.api import DEFAULT_KEY, refused, unique
from tests.support.processes import Up
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.api import Api
    from tests.support.processes import Processes

ROUTES = [
    ("POST", "/log-request", Scope.INGEST),
    ("POST", "/v5/prompts/log", Scope.INGEST),
    ("PATCH", "/v5/prompts/pr_1/log/log_1", Scope.INGEST),
    ("GET", "/api/public/v2/requests/1", Scope.READ),
    ("GET", "/api/public/v2/request/1", Scope.READ),
    ("GET", "/v5/logs/log_1", Scope.READ),
]


@pytest.mark.parametrize(("method", "path"), [route[:2] for route in ROUTES])
@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "send it in the header X-API-KEY"),
        ({"x-api-key": ""}, "send it in the header X-API-KEY"),
        ({"authorization": f"Bearer {DEFAULT_KEY}"}, "send it in the header X-API-KEY"),
        ({"x-api-key": "wrong"}, "not known"),
        ({"x-api-key": DEFAULT_KEY[:-1]}, "not known"),
        ({"x-api-key": DEFAULT_KEY.upper()}, "not known"),
        ({"x-api-key": "x" * 10_000}, "not known"),
    ],
    ids=["none", "empty", "bearer", "wrong", "cut", "upper", "long"],
)
def test_without_a_known_key(api: Api, method: str, path: str, headers: dict[str, str], says: str) -> None:
    with api.nothing_stored(), api.client(None) as client:
        sent = body() | {"path": "p", "prompt": {"model": "m"}, "api_key": DEFAULT_KEY}
        message = refused(client.request(method, path, headers=headers, json=sent), 401, "unauthenticated", says=says)
        assert DEFAULT_KEY not in message


@pytest.mark.parametrize("name", ["X-API-KEY", "x-api-key", "X-Api-Key"])
def test_the_name_of_the_header_has_no_case(api: Api, name: str) -> None:
    with api.client(None) as client:
        assert client.post("/log-request", json=body(), headers={name: DEFAULT_KEY}).status_code == 201


@pytest.mark.parametrize("granted", [Scope.INGEST, Scope.READ, Scope.ADMIN])
def test_a_key_does_what_its_scopes_say(api: Api, granted: Scope) -> None:
    created = humanloop.create(api)
    real_ids = {"log_1": created["id"], "pr_1": created["prompt_id"], "/1": f"/{create(api, body())}"}
    sent = body(output=None) | {"path": "scopes", "prompt": {"model": "m"}}
    with api.client(api.create_key("default", granted)) as client:
        for method, path, needed in ROUTES:
            for placeholder, real in real_ids.items():
                path = path.replace(placeholder, real)
            response = client.request(method, path, json=sent)
            if granted is needed:
                assert response.is_success, response.text
            else:
                refused(response, 403, "forbidden", says=f"lacks the scope '{needed}'")


def test_a_revoked_key_stops_working(api: Api) -> None:
    key = api.create_key("default", Scope.INGEST)
    with api.client(key) as client:
        assert client.post("/log-request", json=body()).status_code == 201
        api.revoke_key(key)
        assert api.settles(lambda: client.post("/log-request", json=body()).status_code == 401)


def test_workspaces_never_see_each_others_logs(api: Api) -> None:
    name = unique("shared")
    sent = {"path": name, "prompt": {"model": "m"}, "log_id": name}
    ours = api.default.post("/v5/prompts/log", json=sent | {"output": "ours"}).json()
    theirs = api.other.post("/v5/prompts/log", json=sent | {"output": "theirs"}).json()
    assert ours["id"] == theirs["id"] == name
    assert ours["prompt_id"] != theirs["prompt_id"]
    for client, mine, output in ((api.default, ours, "ours"), (api.other, theirs, "theirs")):
        read = client.get(humanloop.log_url(name)).json()
        assert (read["output"], read["prompt"]["id"]) == (output, mine["prompt_id"])
        assert read["prompt"]["total_logs_count"] == 1
    assert api.other.patch(humanloop.update_url(theirs), json={"output": "changed"}).status_code == 200
    assert humanloop.fetch(api, name)["output"] == "ours"
    refused(api.other.patch(humanloop.update_url(ours), json={"output": "x"}), 404, "not_found")

    request_id = create(api, body())
    refused(api.other.get(f"/api/public/v2/requests/{request_id}"), 404, "not_found")


def files_with(directory: Path, text: str) -> list[str]:
    """The files under a directory that hold this text."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert files
    return [str(path.relative_to(directory)) for path in files if text.encode() in path.read_bytes()]


def test_no_key_is_kept_anywhere(processes: Processes, api: Api) -> None:
    secret, in_body, wrong, marker = "sk-header-93f1", "sk-body-5c2e", "sk-wrong-77aa", "marker-4b8d"
    up = Up(processes, api_keys=f"default:{secret}", log_level="debug").start()
    with api.client(secret) as client:
        client.base_url = up.url
        keys = {"api_key": in_body, "apiKey": in_body, "X-API-KEY": in_body}
        request_id = client.post("/log-request", json=body(function_name=marker, **keys)).json()["id"]
        created = client.post("/v5/prompts/log", json={"path": marker, "output": marker, **keys}).json()
        answers = [
            client.get(f"/api/public/v2/requests/{request_id}"),
            client.get(f"/v5/logs/{created['id']}"),
            client.patch(humanloop.update_url(created), json={"source": marker, **keys}),
            client.post("/log-request", json={**keys, "provider": 1}),
            client.post("/log-request", content=json.dumps(keys)[:-1]),
            client.post("/log-request", json=body(), headers={"x-api-key": wrong}),
        ]
    call = {"kwargs": {"model": marker, "api_key": in_body}, "request_start_time": 1, "request_end_time": 2}
    score = {"request_id": request_id, "score": 1, "name": marker}
    with api.client(None) as keyless:
        keyless.base_url = up.url
        answers += [
            keyless.post("/track-request", json={**call, "api_key": secret}),
            keyless.post("/library-track-score", json={**score, "api_key": secret}),
            keyless.post("/create-group", json={"api_key": secret}),
            keyless.post("/track-request", json={**call, "api_key": wrong}),
            keyless.post("/library-track-score", json={**score, "api_key": secret, "score": {"api_key": in_body}}),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 422, 400, 401, 200, 200, 200, 401, 422]
    for answer in answers:
        assert not any(key in answer.text for key in (secret, in_body, wrong))
    up.stop()
    data = up.directory / "data"
    assert files_with(data, marker), "what is kept can be found by this search"
    for key in (secret, in_body, wrong):
        assert files_with(up.directory, key) == []
