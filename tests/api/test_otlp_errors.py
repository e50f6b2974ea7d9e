"""`POST /v1/traces`: its errors are a `google.rpc.Status` in protobuf, and the envelope with the same code in JSON."""

from __future__ import annotations

import gzip
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
import pytest
from google.rpc import code_pb2

from shared.errors import OutcomeUnknown, StreamUnavailable
from shared.registry.entities import Scope
from tests.api.test_otlp_traces import JSON, PATH, PROTOBUF, export, protobuf_request, span
from tests.api.tracing import span_id, told, trace_id
from tests.support.api import DEFAULT_KEY, SETTLE_S
from tests.support.gateway_beside import gateway_beside
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.api import Api
    from tests.support.gateway_beside import GatewayBeside

MIB: Final = 1 << 20
ENCODINGS: Final = {
    "protobuf": PROTOBUF,
    "JSON": JSON,
    "a charset": {"content-type": "Application/JSON; charset=utf-8"},
}


@pytest.fixture(scope="module")
def gateway(api: Api) -> Iterator[GatewayBeside]:
    with gateway_beside(api, max_body_bytes=str(MIB), max_inflight_bytes=str(2 * MIB)) as gateway:
        yield gateway


@pytest.fixture(params=ENCODINGS)
def client(gateway: GatewayBeside, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A client whose requests are in one of the encodings."""
    headers = {"x-api-key": DEFAULT_KEY, **ENCODINGS[request.param]}
    with httpx.Client(base_url=gateway.url, headers=headers) as client:
        yield client


def content(client: httpx.Client) -> bytes:
    """A request that is right."""
    if client.headers["content-type"] == PROTOBUF["content-type"]:
        return protobuf_request(bytes.fromhex(trace_id()), bytes.fromhex(span_id())).SerializeToString()
    return httpx.Request("POST", "http://any", json=export(span(trace_id()))).content


def test_a_key_that_is_not_known_or_may_not_do_it(api: Api, client: httpx.Client) -> None:
    answer = client.post(PATH, content=content(client), headers={"x-api-key": "no-such-key"})
    assert "X-API-KEY" in told(answer, 401, code_pb2.UNAUTHENTICATED)
    reader = api.create_key("default", Scope.READ)
    answer = client.post(api.url + PATH, content=content(client), headers={"x-api-key": reader})
    assert "ingest" in told(answer, 403, code_pb2.PERMISSION_DENIED)


def test_a_body_that_can_not_be_read(gateway: GatewayBeside, client: httpx.Client) -> None:
    for body in (b"\x0a\xff\xff\xff\xff\x0f", b"{"):
        assert "body" in told(client.post(PATH, content=body), 400, code_pb2.INVALID_ARGUMENT)
    zipped = gzip.compress(content(client))
    cut = client.post(PATH, content=zipped[:-9], headers={"content-encoding": "gzip"})
    assert "gzip" in told(cut, 400, code_pb2.INVALID_ARGUMENT)
    other = client.post(PATH, content=zipped, headers={"content-encoding": "br"})
    assert "content-encoding 'br'" in told(other, 415, code_pb2.INVALID_ARGUMENT)


def test_a_media_type_that_is_not_known(gateway: GatewayBeside) -> None:
    """There is no encoding to answer in but JSON."""
    headers = {"x-api-key": DEFAULT_KEY, "content-type": "application/grpc"}
    answer = httpx.post(gateway.url + PATH, content=b"", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/json")
    assert (answer.json()["error"], answer.json()["code"]) == ("unsupported_media_type", code_pb2.INVALID_ARGUMENT)


def test_a_body_that_is_too_large(gateway: GatewayBeside, client: httpx.Client) -> None:
    message = told(client.post(PATH, content=b" " * (MIB + 1)), 413, code_pb2.INVALID_ARGUMENT)
    assert message == f"body: over the limit of {MIB} bytes"
    zipped = client.post(PATH, content=gzip.compress(b" " * (MIB + 1)), headers={"content-encoding": "gzip"})
    assert "limit" in told(zipped, 413, code_pb2.INVALID_ARGUMENT)


def test_more_in_flight_than_the_gateway_holds(gateway: GatewayBeside, client: httpx.Client) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nhost: test\r\nx-api-key: {DEFAULT_KEY}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {MIB}\r\n\r\n"
    address = urlsplit(gateway.url)

    def holds(size: int) -> Callable[[], bool]:
        return lambda: gateway.app.admission.admitted_bytes == size

    with (
        socket.create_connection((address.hostname, address.port)) as one,
        socket.create_connection((address.hostname, address.port)) as other,
    ):
        for number, slow in enumerate((one, other), start=1):
            slow.sendall(head.encode())
            wait_until(holds(number * MIB), "the body to be awaited", SETTLE_S)
        message = told(client.post(PATH, content=content(client)), 503, code_pb2.UNAVAILABLE)
        assert "in flight" in message
    wait_until(holds(0), "the gateway to see that the clients are gone", SETTLE_S)
    assert client.post(PATH, content=content(client)).status_code == 200


@pytest.mark.parametrize("error", [StreamUnavailable("the stream is away"), OutcomeUnknown("the stream is silent")])
def test_a_stream_that_takes_nothing_for_now(gateway: GatewayBeside, client: httpx.Client, error: Exception) -> None:
    gateway.fails = [error]
    answer = client.post(PATH, content=content(client))
    assert told(answer, 503, code_pb2.UNAVAILABLE) == str(error)


def test_what_nobody_expected(gateway: GatewayBeside, client: httpx.Client) -> None:
    gateway.fails = [RuntimeError("not to be shown")]
    message = told(client.post(PATH, content=content(client)), 500, code_pb2.INTERNAL)
    assert message.startswith("internal error; the server's log has the details under ")
