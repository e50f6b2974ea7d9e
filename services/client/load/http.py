"""HTTP/1.1 for a client that must cost less than the server it measures.

Requests are bytes that the caller prepared, answers are a status and a body. One request is under way on a connection
at a time, as with the SDKs: a client gets more out of a server by opening more connections.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

import httptools

from shared.errors import Misconfigured, SluiceError

CONNECT_TIMEOUT_S: Final = 10.0
"""For the connection and its TLS handshake."""


class NoAnswer(SluiceError):
    """A request that was not answered; `str()` says why. `sent`: the server may have seen it, and acted on it."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class Response(NamedTuple):
    """An answer. `retry_after` is that header as it came, None when there was none."""

    status: int
    body: bytes
    retry_after: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """A server: where to connect, and the part of each request's head that is always the same."""

    url: str
    """As people know it."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    path: str
    """What the URL has before the paths of the API; without a slash at its end."""

    headers: bytes = field(repr=False)
    """Lines that go into every head, the key among them."""

    @classmethod
    def at(cls, url: str, api_key: str | None = None) -> Target:
        """The server at `http://host:port/path` or `https://...`. Raises Misconfigured for anything else.

        Certificates are checked against those that the system trusts; SSL_CERT_FILE adds others.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise Misconfigured(f"{url}: {error}") from None
        if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
            raise Misconfigured(f"{url}: give the server's URL, such as http://127.0.0.1:8000")
        headers = {"host": parts.netloc, "user-agent": "sluice-client"}
        if api_key:
            headers["x-api-key"] = api_key
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if not lines.isascii() or lines.count("\r\n") != len(headers) or lines.count("\n") != len(headers):
            raise Misconfigured("the URL and the key must be of ASCII characters in one line")
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        return cls(url, host, port or (443 if tls else 80), tls, parts.path.rstrip("/"), lines.encode())

    def head(
        self,
        method: str,
        path: str,
        length: int = 0,
        content_type: str = "application/json",
        *,
        idempotency_key: str | None = None,
    ) -> bytes:
        """The head of a request whose body has `length` bytes."""
        first = f"{method} {self.path}{path} HTTP/1.1\r\n".encode("ascii")
        if method == "GET":
            return first + self.headers + b"\r\n"
        own = f"content-type: {content_type}\r\ncontent-length: {length}\r\n"
        if idempotency_key is not None:
            own += f"idempotency-key: {idempotency_key}\r\n"
        return first + self.headers + f"{own}\r\n".encode("ascii")


class Connection(asyncio.Protocol):
    """A persistent connection to a server. `connect` makes it; when the server ends it, `connect` makes it again."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser
        self._answer: asyncio.Future[Response] | None = None
        self._parts: list[bytes] = []
        self._retry_after: str | None = None
        self.waiting_since: float | None = None
        """When the request under way was sent, on `perf_counter`; None when there is none."""

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def connect(self) -> None:
        """Connect. Raises NoAnswer after at most `CONNECT_TIMEOUT_S`."""
        target = self._target
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._loop.create_connection(lambda: self, target.host, target.port, ssl=target.tls)
        except (OSError, TimeoutError) as error:
            raise NoAnswer(_connect_problem(error), sent=False) from error

    def send(self, request: bytes) -> asyncio.Future[Response]:
        """Send one whole request, head and body. The future raises NoAnswer.

        The connection must be open, and the request before must have been answered.
        """
        assert self._transport is not None
        assert self._answer is None
        self._answer = answer = self._loop.create_future()
        self.waiting_since = perf_counter()
        self._transport.write(request)
        return answer

    def give_up(self, reason: str) -> None:
        """End the connection at once; a request under way fails with this reason."""
        self._fail(reason)
        if self._transport is not None:
            self._transport.abort()

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does all of that without being one.
        self._parser = httptools.HttpResponseParser(self)
        self._parts = []
        self._retry_after = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.give_up("answer is not HTTP")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail("connection reset" if isinstance(exc, ConnectionResetError) else "connection closed")

    # The parser calls these.

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 11 and name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return  # Only a hint that the answer will follow.
        parts, answer = self._parts, self._answer
        response = Response(status, parts[0] if len(parts) == 1 else b"".join(parts), self._retry_after)
        self._parts, self._retry_after = [], None
        self._answer = self.waiting_since = None
        if not self._parser.should_keep_alive() and self._transport is not None:
            self._transport.close()
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _fail(self, reason: str) -> None:
        answer, self._answer, self.waiting_since = self._answer, None, None
        if answer is not None and not answer.done():
            answer.set_exception(NoAnswer(reason, sent=True))


async def ask(target: Target, request: bytes, timeout_s: float) -> Response:
    """Send one whole request over a connection of its own. Raises NoAnswer, at the latest after `timeout_s`."""
    connection = Connection(target)
    try:
        async with asyncio.timeout(timeout_s):
            await connection.connect()
            return await connection.send(request)
    except TimeoutError:
        raise NoAnswer(f"no answer within {timeout_s:g} s", sent=True) from None
    finally:
        connection.give_up("no longer wanted")


def _connect_problem(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, TimeoutError):
        return f"no connection within {CONNECT_TIMEOUT_S:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror or str(error)).lower()
