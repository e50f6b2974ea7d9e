"""Paths, methods and connections: what clients with a wrong URL see, and answers given before a body was read."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.api import humanloop
from tests.api.promptlayer import create, fetch
from tests.support.api import DEFAULT_KEY, refused, unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    from tests.support.api import Api


@pytest.mark.parametrize(
    ("method", "path", "hint"),
    [
        ("GET", "/", ""),
        ("GET", "/favicon.ico", ""),
        ("POST", "/nope", ""),
        ("POST", "/v5/nope", ""),
        ("POST", "/v5/log-request", "; did you mean /log-request?"),
        ("POST", "/log-request/", "; did you mean /log-request?"),
        ("POST", "/prompts/log", "; did you mean /v5/prompts/log?"),
        ("POST", "/v5/v5/prompts/log", "; did you mean /v5/prompts/log?"),
        ("GET", "/api/public/v2/requests/1/2", ""),
        ("GET", "/" + "x" * 5000, ""),
    ],
    ids=lambda value: value[:30],
)
def test_an_unknown_path(api: Api, method: str, path: str, hint: str) -> None:
    with api.nothing_stored():
        message = refused(api.default.request(method, path, json={}), 404, "not_found")
    assert message == f"no such route: {method} {path[:80]}{hint}"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/log-request", "POST"),
        ("PUT", "/log-request", "POST"),
        ("DELETE", "/v1/logs", "POST"),
        ("POST", "/v5/logs/log_1", "GET, HEAD"),
        ("GET", "/v5/prompts/pr_1/log/log_1", "PATCH"),
        ("OPTIONS", "/log-request", "POST"),
        ("POST", "/readyz", "GET, HEAD"),
    ],
)
def test_another_method(api: Api, method: str, path: str, allowed: str) -> None:
    with api.nothing_stored():
        response = api.default.request(method, path)
        message = refused(response, 405, "method_not_allowed")
    assert response.headers["allow"] == allowed
    assert message == f"no such route: {method} {path}; this path takes {allowed}"


def test_head_is_get_without_the_body(api: Api) -> None:
    created = humanloop.create(api)
    for path in ("/healthz", "/readyz", "/metrics", humanloop.log_url(created["id"])):
        response = api.default.head(path)
        assert (response.status_code, response.content) == (200, b"")
    for path, status in (("/nope", 404), ("/log-request", 405), ("/v5/logs/nope", 404)):
        response = api.default.head(path)
        assert (response.status_code, response.content) == (status, b"")


def test_slashes_at_the_start_count_as_one(api: Api) -> None:
    response = api.default.post(f"{api.url}//log-request", json=body())
    assert response.status_code == 201
    assert api.default.get(f"{api.url}///api/public/v2/requests/{response.json()['id']}").status_code == 200


def test_encoded_characters_of_a_path(api: Api) -> None:
    request_id = create(api, body())
    encoded = "".join(f"%{ord(character):02x}" for character in str(request_id))
    assert api.default.get(f"/api/public/v2/requests/{encoded}").json() == fetch(api, request_id)
    assert api.default.post("/%6cog-request", json=body()).status_code == 201
    created = humanloop.create(api, log_id=f"{unique()}/x")
    plain = api.default.get(f"/v5/logs/{created['id']}")
    assert plain.json()["id"] == created["id"], "the Python client does not encode slashes"


def test_queries_of_nobody_are_ignored(api: Api) -> None:
    assert api.default.post("/log-request?version_id=1&x=%ff&", json=body()).status_code == 201


def test_health_needs_no_key(api: Api) -> None:
    with api.client(None) as client:
        assert client.get("/healthz").json() == {"status": "alive", "role": "up"}
        assert client.get("/readyz").json() == {"status": "ready", "role": "up"}
        metrics = client.get("/metrics").text
    assert re.search(
        r'^sluice_http_requests_total\{method="GET",route="/healthz",status="200"\} \d', metrics, re.MULTILINE
    )


# On a bare socket


def exchange(api: Api, head: str, content: bytes = b"") -> httpx.Response:
    """Send a request's head and what follows, and no more; returns the answer to it."""
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + content)
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        answer_head, _, answer = received.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", answer_head, re.IGNORECASE)[1])  # type: ignore[index]
        while len(answer) < length:
            answer += connection.recv(65536)
    lines = answer_head.decode().split("\r\n")
    path = re.match(r"\S+ (/[^ ?]*)", head)
    return httpx.Response(
        int(lines[0].split()[1]),
        headers=dict(line.split(": ", 1) for line in lines[1:]),
        content=answer,
        request=httpx.Request("GET", api.url + (path[1] if path else "/")),
    )


@pytest.mark.parametrize("path", ["/log-request", "/v5/prompts/log"])
@pytest.mark.parametrize("key", ["", "X-API-KEY: \n", "X-API-KEY: wrong-key-1\n", "X-API-KEY: \xff\xe9\n"])
def test_without_a_key_the_answer_comes_before_the_body(api: Api, path: str, key: str) -> None:
    with api.nothing_stored():
        answer = exchange(api, f"POST {path} HTTP/1.1\nHost: x\n{key}Content-Length: 100000", b"{")
        refused(answer, 401, "unauthenticated", says="X-API-KEY")


def test_a_client_that_asks_first_is_refused_before_it_sends(api: Api) -> None:
    head = (
        f"POST /log-request HTTP/1.1\nHost: x\nX-API-KEY: {DEFAULT_KEY}\nExpect: 100-continue\nContent-Length: 99999999"
    )
    refused(exchange(api, head), 413, "too_large")


@pytest.mark.parametrize(
    "head",
    [
        "NOT HTTP",
        "GET /caf\xe9 HTTP/1.1\nHost: x",
        "POST /log-request HTTP/1.1\nHost: x\nContent-Length: -1",
        "POST /log-request HTTP/1.1\nHost: x\nContent-Length: 5\nTransfer-Encoding: chunked",
        "POST /log-request HTTP/1.1\nHost: x\nContent-Length: 5\nContent-Length: 6",
    ],
)
def test_what_is_not_http_gets_json_too(api: Api, head: str) -> None:
    with api.nothing_stored():
        answer = exchange(api, head)
        assert answer.status_code == 400
        assert answer.json()["success"] is False
        assert answer.json()["error"] == "bad_request"


def test_a_client_that_leaves_in_the_middle_of_its_body(api: Api) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    with api.nothing_stored():
        with socket.create_connection((host, int(port))) as connection:
            head = f"POST /log-request HTTP/1.1\r\nHost: x\r\nX-API-KEY: {DEFAULT_KEY}\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head.encode() + b'{"provider": "openai"')
        assert api.default.get("/healthz").status_code == 200
