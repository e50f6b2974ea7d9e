"""A small HTTP server in the test's own loop, for answers that a real one gives rarely."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

CLOSE = None
"""In place of a piece of an answer: the server ends the connection there."""


class Asked(NamedTuple):
    """A request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Pieces = list[bytes | None]
Handle = Callable[[Asked], Awaitable[Pieces]]


def answer(status: int, body: bytes = b"{}", *headers: str) -> Pieces:
    """A whole answer of known length."""
    head = "\r\n".join([f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *headers])
    return [head.encode() + b"\r\n\r\n" + body]


@contextlib.asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[str]:
    """A server that answers with what `handle` returns, each piece sent by itself. Gives its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                for piece in await handle(await _request(reader)):
                    if piece is CLOSE:
                        raise ConnectionAbortedError
                    writer.write(piece)
                    await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Asked:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = lines[0].split(" ")
    headers = {name: value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
    return Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
