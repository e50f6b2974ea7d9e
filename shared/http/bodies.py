"""Reading request bodies: size limit, admission, compression, a deadline, and politeness to a client refused mid-send.

Content types are ignored on purpose: SDKs send JSON with none, or as text/plain.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from starlette.requests import ClientDisconnect, Request

from shared.deadlines import Deadlines
from shared.errors import BadRequest, TooLarge, UnsupportedMediaType
from shared.http.inflate import CODINGS, inflate
from shared.http.json_bodies import JsonBody, parse_json_object

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from shared.http.admission import Admission

__all__ = ["BodyReader", "JsonBody", "drain", "parse_json_object", "read_body", "read_json_object"]

READER_KEY: Final = "sluice.body_reader"
ADMITTED_KEY: Final = "sluice.admitted_bytes"
"""In the scope: bytes of the budget that this request holds. Whoever made the scope releases them."""

ABANDONED_KEY: Final = "sluice.body_abandoned"
"""In the scope: the rest of the body will not be read, so the connection can't serve another request."""

DRAIN_BYTES: Final = 256 << 20
DRAIN_S: Final = 30.0
"""How much, and how long, a refused client may go on sending before the connection is cut.

Cutting it at once would reset the connection under the client's feet: it would never see the answer, and the
PromptLayer Python client would send the same body again, twice.
"""

_PLAIN: Final = (b"", b"identity")

_OFF_LOOP_BYTES: Final = 64 << 10
"""Compressed bodies from this size on are inflated in a thread: inflating 64 KiB takes about a millisecond."""


class _BodyHeaders(NamedTuple):
    length: int | None
    encoding: bytes
    expects_continue: bool


class _Reading:
    """A task that waits for a body."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._is_late = False

    def expire(self) -> None:
        """Wake the task up: it has waited long enough."""
        self._is_late = True
        self._task.cancel()

    def was_late(self) -> bool:
        """Whether it is this, and nothing else, that the task was cancelled for; it goes on then."""
        return self._is_late and self._task.uncancel() == 0


class BodyReader:
    """Reads bodies of at most `max_bytes` (on the wire, and inflated) that arrive within `timeout_s`."""

    def __init__(self, max_bytes: int, timeout_s: float, admission: Admission) -> None:
        self.max_bytes = max_bytes
        self.timeout_s = timeout_s
        self.admission = admission
        self._deadlines = Deadlines[_Reading](timeout_s, _Reading.expire)

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The body, inflated. Blocks until the client has sent it.

        Raises TooLarge, UnsupportedMediaType, BadRequest (late, or not what its encoding says), Overloaded, and
        ClientDisconnect.
        """
        headers = _body_headers(scope)
        if headers.encoding not in _PLAIN and headers.encoding not in CODINGS:
            name = headers.encoding.decode("latin-1")
            raise UnsupportedMediaType(f"content-encoding {name[:40]!r} is not supported; send gzip, zstd or none")
        if headers.length is not None:
            if headers.length > self.max_bytes:
                self._refuse_size(scope)
            self._admit(scope, headers.length)
        reading = _Reading()
        self._deadlines.begin(reading)
        try:
            body = await self._receive_all(scope, receive, headers.length)
        except asyncio.CancelledError:
            if not reading.was_late():
                raise
            scope[ABANDONED_KEY] = True
            raise BadRequest(f"body: did not arrive within {self.timeout_s:g} s") from None
        finally:
            self._deadlines.end(reading)
        if headers.encoding in CODINGS and body:
            return await self._inflate(scope, body, headers.encoding)
        return body

    async def _receive_all(self, scope: Scope, receive: Receive, length: int | None) -> bytes:
        chunks: list[bytes] = []
        received = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk: bytes = message.get("body", b"")
            if length is None and chunk:
                received += len(chunk)
                if received > self.max_bytes:
                    self._refuse_size(scope)
                self._admit(scope, len(chunk))
            if not message.get("more_body", False):
                return chunk if not chunks else b"".join((*chunks, chunk))
            chunks.append(chunk)

    async def _inflate(self, scope: Scope, body: bytes, coding: bytes) -> bytes:
        if len(body) < _OFF_LOOP_BYTES:
            inflated = inflate(body, coding, self.max_bytes)
        else:
            inflated = await asyncio.to_thread(inflate, body, coding, self.max_bytes)
        self._admit(scope, len(inflated))
        return inflated

    def _admit(self, scope: Scope, size: int) -> None:
        self.admission.acquire(size)
        scope[ADMITTED_KEY] = scope.get(ADMITTED_KEY, 0) + size

    def _refuse_size(self, scope: Scope) -> NoReturn:
        scope[ABANDONED_KEY] = True
        raise TooLarge(f"body: over the limit of {self.max_bytes} bytes")


async def read_body(request: Request) -> bytes:
    """The body of a request to an app made by `build_app`. See `BodyReader.read`."""
    reader: BodyReader = request.scope[READER_KEY]
    return await reader.read(request.scope, request.receive)


async def read_json_object(request: Request) -> JsonBody:
    """`read_body`, then `parse_json_object`."""
    return parse_json_object(await read_body(request))


async def drain(scope: Scope, receive: Receive) -> None:
    """Throw away what a refused client is still sending, within bounds.

    Called after the answer is on its way and before the response is completed, since completing it closes the
    connection. A client that waits for `100 Continue` sends nothing and is not waited for.
    """
    if _body_headers(scope).expects_continue:
        return
    remaining = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_S):
            while remaining > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                remaining -= len(message.get("body", b""))
    except TimeoutError:
        return


def _body_headers(scope: Scope) -> _BodyHeaders:
    length: int | None = None
    encoding = b""
    expects_continue = False
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = int(value)
        elif name == b"content-encoding":
            encoding = value.strip().lower()
        elif name == b"expect":
            expects_continue = value.strip().lower() == b"100-continue"
    return _BodyHeaders(length, encoding, expects_continue)
