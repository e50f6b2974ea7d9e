"""A TCP proxy whose weather a test makes: slow, narrow, silent, torn down, gone.

    proxy = Proxy(target_port)        listens on `proxy.port` once started
    proxy.latency_s = 0.2             every piece of data, each way, arrives that much later
    proxy.bytes_per_s = 50_000        ... and no faster than this; 0 is no limit
    proxy.black_hole()                connections are taken and nothing is forwarded, either way, until `clear`
    proxy.clear()                     fair weather; what was held back in the black hole arrives now
    proxy.reset()                     open connections end with a reset
    proxy.refuse()                    the same, and new ones are refused until `accept`

It runs in a thread with an event loop of its own. All methods may be called from any thread and block for an instant.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from tests.support.kafka_broker import free_port

if TYPE_CHECKING:
    from collections.abc import Coroutine

_PIECE_BYTES: Final = 64 << 10
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of zero: closing sends RST instead of FIN."""


class Proxy:
    """One port of this machine in front of another one."""

    def __init__(self, target_port: int = 0) -> None:
        self.port = free_port()
        self.target_port = target_port
        self.latency_s = 0.0
        self.bytes_per_s = 0
        self._flowing = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._transports: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> Self:
        """Listen, and forward."""
        assert self.target_port, "the proxy has no target"
        self._flowing.set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{self.port}", daemon=True)
        self._thread.start()
        self.accept()
        return self

    def close(self) -> None:
        """End everything."""
        self.refuse()
        self._call(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def black_hole(self) -> None:
        """Forward nothing any more; connections stay open, and new ones are taken."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def clear(self) -> None:
        """No latency, no limit, no black hole."""
        self.latency_s, self.bytes_per_s = 0.0, 0
        self._loop.call_soon_threadsafe(self._flowing.set)

    def reset(self) -> None:
        """Tear down the open connections."""
        self._call(self._reset())

    def refuse(self) -> None:
        """Stop listening, and tear down the open connections."""
        self._call(self._refuse())

    def accept(self) -> None:
        """Listen again."""
        self._call(self._accept())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _accept(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _reset(self) -> None:
        for writer in list(self._transports):
            _tear_down(writer)

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0)  # transports close one turn of the loop after they are told to

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._transports.add(writer)
        try:
            await self._forward(reader, writer)
        except OSError:
            _tear_down(writer)  # the target does not listen, or one side tore the connection down
        except asyncio.CancelledError:
            _tear_down(writer)  # not raised again: the stream server would report it
        finally:
            writer.close()
            self._transports.discard(writer)
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        self._transports.add(target_writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, target_writer))
                group.create_task(self._pump(target_reader, writer))
        except* OSError:
            _tear_down(writer)
            _tear_down(target_writer)
        finally:
            self._transports.discard(target_writer)
            target_writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_PIECE_BYTES):
            delay_s = self.latency_s + (len(piece) / self.bytes_per_s if self.bytes_per_s else 0)
            if delay_s:
                await asyncio.sleep(delay_s)
            await self._flowing.wait()
            writer.write(piece)
            await writer.drain()
        await self._flowing.wait()
        with contextlib.suppress(OSError):
            writer.write_eof()


def _tear_down(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
