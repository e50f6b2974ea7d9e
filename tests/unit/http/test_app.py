"""The application called as a server calls it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.routing import Route

from shared.errors import Misconfigured
from shared.http.app import Application, HttpLimits, build_app
from shared.http.bodies import read_body
from shared.http.responses import json_response
from shared.observability import metrics
from tests.unit.http.sample import lifespan, sample_app, sample_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Message


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(sample_app()) as client:
        yield client


def client_of(app: Application) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sluice")


def app_with_readiness(*reasons: str) -> Application:
    async def readiness() -> list[str]:
        return list(reasons)

    return build_app([], role="sample", state=None, readiness=readiness, lifespan=lifespan)


def sample(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize("path", ["/log-request", "//log-request", "///log-request"])
async def test_slashes_at_the_start_of_a_path_count_as_one(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(httpx.URL("http://sluice", path="/").copy_with(raw_path=path.encode()), content=b"{}")
    assert response.status_code == 201


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/names/a%2Fb", {"name": "a/b"}),
        ("/names/a%2fb/parts/%C3%A9", {"name": "a/b", "part": "é"}),
        ("/names/a%252Fb", {"name": "a%2Fb"}),
        ("/names/50%25", {"name": "50%"}),
        ("/names/plain", {"name": "plain"}),
        ("/n%61mes/plain", {"name": "plain"}),
        ("/names/%2F%2F", {"name": "//"}),
        ("/names", {}),
    ],
)
async def test_a_parameter_may_hold_any_character(
    client: httpx.AsyncClient, path: str, parameters: dict[str, str]
) -> None:
    response = await client.get(httpx.URL("http://sluice", path="/").copy_with(raw_path=path.encode()))
    assert response.status_code == 200
    assert response.json() == parameters


@pytest.mark.parametrize("path", ["/nope", "/names/a/b", "/log-request/", "/", "/v5/nope"])
async def test_an_unknown_path_is_a_json_404(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(path, content=b"{}")
    assert response.status_code == 404
    assert response.json()["error"] == "not_found"
    assert ("detail" in response.json()) is path.startswith("/v5")
    assert f"POST {path}" in response.json()["message"]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v5/log-request", "/log-request"),
        ("/log-request/", "/log-request"),
        ("/request", ""),
        ("/", ""),
        ("/nope", ""),
    ],
)
async def test_an_unknown_path_that_resembles_a_route_is_told_which(
    client: httpx.AsyncClient, path: str, meant: str
) -> None:
    message = (await client.get(path)).json()["message"]
    assert message == f"no such route: GET {path}" + (f"; did you mean {meant}?" if meant else "")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/log-request", "POST"),
        ("DELETE", "/names/a%2Fb", "GET, HEAD, PATCH"),
        ("OPTIONS", "/log-request", "POST"),
        ("POST", "/metrics", "GET, HEAD"),
    ],
)
async def test_another_method_is_a_json_405_that_names_the_methods(
    client: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allow
    assert response.json()["error"] == "method_not_allowed"


async def test_an_unexpected_error_is_answered_and_logged_under_one_id(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.get("/crash")
    assert response.status_code == 500
    assert "sk_sluice" not in response.text
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert vars(record)["error_id"] in response.json()["message"]
    assert record.exc_info is not None


async def test_an_outage_is_logged_once_a_second(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        response = await client.get("/unavailable")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "7"
    assert 1 <= len([record for record in caplog.records if record.levelno == logging.WARNING]) <= 2


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_probes_take_get_and_head(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200
    assert (await client.head(path)).status_code == 200


async def test_not_ready_says_why() -> None:
    async with client_of(app_with_readiness("store: connection refused")) as client:
        response = await client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["reasons"] == ["store: connection refused"]
        assert (await client.get("/healthz")).status_code == 200


async def test_a_process_that_stops_is_not_ready() -> None:
    app = app_with_readiness()
    async with client_of(app) as client:
        assert (await client.get("/readyz")).status_code == 200
        app.draining = True
        assert (await client.get("/readyz")).json()["reasons"] == ["the process is stopping"]


async def test_a_readiness_check_that_hangs_or_fails_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.probes.READINESS_TIMEOUT_S", 0.01)

    async def hangs() -> list[str]:
        await asyncio.Event().wait()
        return []

    async def fails() -> list[str]:
        raise RuntimeError("sk_sluice_secret")

    for readiness in (hangs, fails):
        app = build_app([], role="sample", state=None, readiness=readiness, lifespan=lifespan)
        async with client_of(app) as client:
            response = await client.get("/readyz")
            assert response.status_code == 503
            assert "secret" not in response.text


async def test_requests_are_counted_by_route_template(client: httpx.AsyncClient) -> None:
    labels = {"route": "/names/{name}", "method": "GET", "status": "200"}
    count = sample("sluice_http_requests_total", **labels)
    errors = sample("sluice_http_errors_total", error="not_found")
    durations = sample("sluice_http_request_duration_seconds_count", route="/names/{name}")
    await client.get("/names/a")
    await client.get("/names/b")
    await client.get("/nope")
    assert sample("sluice_http_requests_total", **labels) == count + 2
    assert sample("sluice_http_request_duration_seconds_count", route="/names/{name}") == durations + 2
    assert sample("sluice_http_errors_total", error="not_found") == errors + 1
    text = (await client.get("/metrics")).text
    assert 'sluice_http_requests_total{method="GET",route="/names/{name}",status="200"}' in text
    assert 'route="/nope"' not in text


async def test_methods_that_clients_invent_do_not_make_series(client: httpx.AsyncClient) -> None:
    await client.request("INVENTED", "/log-request")
    assert "INVENTED" not in (await client.get("/metrics")).text


async def test_bytes_are_held_until_the_answer_and_the_next_request_is_refused_meanwhile() -> None:
    held, release = asyncio.Event(), asyncio.Event()

    async def hold(request: Request) -> Response:
        await read_body(request)
        held.set()
        await release.wait()
        return json_response(200, {})

    async def ready() -> list[str]:
        return []

    limits = HttpLimits(max_body_bytes=100, max_inflight_bytes=150)
    routes = [Route("/hold", hold, methods=["POST"])]
    app = build_app(routes, role="sample", state=None, readiness=ready, lifespan=lifespan, limits=limits)
    async with client_of(app) as client:
        first = asyncio.create_task(client.post("/hold", content=b"a" * 100))
        await held.wait()
        refused = await client.post("/hold", content=b"a" * 51)
        assert (refused.status_code, refused.json()["error"]) == (503, "overloaded")
        assert "retry-after" in refused.headers
        release.set()
        assert (await first).status_code == 200
        assert app.admission.admitted_bytes == 0
        assert (await client.post("/hold", content=b"a" * 100)).status_code == 200


async def test_a_client_that_leaves_frees_its_bytes_and_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    app = sample_app()
    messages: list[Message] = [
        {"type": "http.request", "body": b"abc", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent = await call(app, "POST", "/length", messages, content_length="1000")
    assert sent == []
    assert app.admission.admitted_bytes == 0
    assert caplog.records == []
    assert sample("sluice_http_requests_total", route="/length", method="POST", status="499") >= 1


async def test_a_request_cut_off_by_the_server_gets_an_answer() -> None:
    task = asyncio.create_task(call(sample_app(), "GET", "/slow", [], query=b"seconds=60"))
    await asyncio.sleep(0)
    task.cancel()
    start, body = await task
    assert start["status"] == 503
    assert b"shutting_down" in body["body"]


async def test_a_refused_body_is_answered_before_it_is_drained() -> None:
    app = sample_app(HttpLimits(max_body_bytes=10))
    messages: list[Message] = [{"type": "http.request", "body": b"a" * 10, "more_body": n < 3} for n in range(4)]
    start, answer, end = await call(app, "POST", "/length", messages, content_length="40")
    assert start["status"] == 413
    assert (b"connection", b"close") in start["headers"]
    assert answer["more_body"] is True
    assert b"too_large" in answer["body"]
    assert end == {"type": "http.response.body", "body": b"", "more_body": False}
    assert messages == []


async def call(
    app: Application, method: str, path: str, messages: list[Message], query: bytes = b"", **headers: str
) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "raw_path": path.encode()}
    await app(scope | {"headers": raw, "query_string": query}, receive, send)
    return sent


def test_two_routes_for_one_method_and_path_are_refused() -> None:
    async def ready() -> list[str]:
        return []

    routes = [*sample_routes(), sample_routes()[0]]
    with pytest.raises(ValueError, match="two routes take POST /log-request"):
        build_app(routes, role="sample", state=None, readiness=ready, lifespan=lifespan)


@pytest.mark.parametrize("stage", ["startup", "shutdown"])
@pytest.mark.parametrize("error", [Misconfigured("no such topic"), RuntimeError("unforeseen")])
async def test_a_failing_lifespan_is_reported(stage: str, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def failing(_: Application) -> AsyncIterator[None]:
        if stage == "startup":
            raise error
        yield
        raise error

    async def ready() -> list[str]:
        return []

    app = build_app([], role="sample", state=None, readiness=ready, lifespan=failing)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "lifespan"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "lifespan"}, receive, send)
    assert sent[-1]["type"] == f"lifespan.{stage}.failed"
    (record,) = caplog.records
    assert str(error) in record.getMessage()
    assert (record.exc_info is not None) is isinstance(error, RuntimeError)
