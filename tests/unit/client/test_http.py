"""The HTTP client, against answers of all shapes."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from services.client.load.http import Connection, NoAnswer, Response, Target, ask
from shared.errors import Misconfigured
from tests.support.processes import until
from tests.unit.client.server import CLOSE, Asked, Pieces, answer, serving

if TYPE_CHECKING:
    from tests.unit.client.server import Handle

TIMEOUT_S = 30


async def answer_to(handle: Handle, timeout_s: float = TIMEOUT_S) -> Response:
    """What one GET of this server is answered."""
    async with serving(handle) as url:
        target = Target.at(url)
        return await ask(target, target.head("GET", "/"), timeout_s)


def always(pieces: Pieces) -> Handle:
    async def handle(_asked: Asked) -> Pieces:
        return pieces

    return handle


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (answer(201, b'{"id": 1}'), Response(201, b'{"id": 1}', None)),
        (answer(204, b""), Response(204, b"", None)),
        (answer(503, b"later", "Retry-After: 7"), Response(503, b"later", "7")),
        (
            [b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 6\r\n\r\nab", b"cd", b"ef"],
            Response(200, b"abcdef", None),
        ),
        (
            [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2\r\nde\r\n0\r", b"\n\r\n"],
            Response(200, b"abcde", None),
        ),
        ([b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", *answer(200, b"x")], Response(200, b"x", None)),
        (
            [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx", CLOSE],
            Response(200, b"x", None),
        ),
        (answer(200, b"y" * 3_000_000), Response(200, b"y" * 3_000_000, None)),
    ],
    ids=["whole", "empty", "retry-after", "in pieces", "chunked", "hint first", "last of its connection", "large"],
)
async def test_answers(pieces: Pieces, expected: Response) -> None:
    assert await answer_to(always(pieces)) == expected


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([CLOSE], "connection closed"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", CLOSE], "connection closed"),
        ([b"220 mail.example.com ESMTP\r\n"], "answer is not HTTP"),
    ],
    ids=["closed", "closed half way", "another protocol"],
)
async def test_no_answers(pieces: Pieces, reason: str) -> None:
    with pytest.raises(NoAnswer, match=reason) as problem:
        await answer_to(always(pieces))
    assert problem.value.sent


async def test_a_slow_answer_is_waited_for_until_the_timeout() -> None:
    async def never(_asked: Asked) -> Pieces:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(NoAnswer, match=r"no answer within 0\.05 s") as problem:
        await answer_to(never, timeout_s=0.05)
    assert problem.value.sent


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        target = Target.at(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(NoAnswer, match="connection refused") as problem:
            await ask(target, target.head("GET", "/"), TIMEOUT_S)
    assert not problem.value.sent


async def test_no_such_host() -> None:
    target = Target.at("http://nobody.invalid")
    with pytest.raises(NoAnswer):
        await ask(target, target.head("GET", "/"), TIMEOUT_S)


async def test_a_server_without_tls() -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        target = Target.at(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(NoAnswer, match="TLS: ") as problem:
            await ask(target, target.head("GET", "/"), TIMEOUT_S)
    assert not problem.value.sent


async def test_one_connection_carries_many_requests_and_is_made_again() -> None:
    seen: list[bytes] = []

    async def echo(asked: Asked) -> Pieces:
        seen.append(asked.body)
        return [*answer(200, asked.body), *([CLOSE] if asked.body == b"last" else [])]

    async with serving(echo) as url:
        target = Target.at(url)
        connection = Connection(target)
        assert not connection.is_open
        for body in (b"first", b"", b"last"):
            if not connection.is_open:
                await connection.connect()
            assert (await connection.send(target.head("POST", "/", len(body)) + body)).body == body
        await until(lambda: not connection.is_open, "the end of the connection, after its last answer", TIMEOUT_S)
        await connection.connect()
        assert (await connection.send(target.head("POST", "/", 5) + b"again")).body == b"again"
        connection.give_up("done")
    assert seen == [b"first", b"", b"last", b"again"]


async def test_what_a_request_says() -> None:
    seen: list[Asked] = []

    async def note(asked: Asked) -> Pieces:
        seen.append(asked)
        return answer(200)

    async with serving(note) as url:
        target = Target.at(f"{url}/tenant-a/", api_key="some-key")
        await ask(target, target.head("POST", "/log-request", 2) + b"{}", TIMEOUT_S)
        await ask(target, target.head("GET", "/v5/logs/1"), TIMEOUT_S)
    create, read = seen
    assert create[:2] == ("POST", "/tenant-a/log-request")
    assert create.headers["x-api-key"] == "some-key"
    assert create.headers["content-type"] == "application/json"
    assert create.headers["host"] == url.removeprefix("http://")
    assert read[:2] == ("GET", "/tenant-a/v5/logs/1")
    assert "content-length" not in read.headers


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "ftp://host",
        "http://",
        "http://host:port",
        "http://host:99999",
        "http://[::1",
        "http://u@h",
    ],
)
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(Misconfigured):
        Target.at(url)


def test_a_key_cannot_add_headers_and_is_not_shown() -> None:
    with pytest.raises(Misconfigured) as error:
        Target.at("http://host", api_key="secret\r\nx-evil: 1")
    assert "secret" not in str(error.value)
    assert "secret" not in repr(Target.at("http://host", api_key="secret"))


def test_default_ports() -> None:
    assert Target.at("http://host").port == 80
    assert Target.at("https://host").port == 443
    assert Target.at("https://host:8443/x/").path == "/x"
