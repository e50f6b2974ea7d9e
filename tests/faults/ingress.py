"""What stands before the processes of a deployment: one address for clients, as an ingress controller gives them.

A path belongs to one role. A process whose `/readyz` says no gets no more requests; one that can't be connected to
never saw the request, so the next one gets it. Nothing else is tried again. Every request is a connection of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.support.processes import Process

GATEWAY_PATHS: Final = frozenset({"/log-request", "/v5/prompts/log", "/v1/logs"})
LOOK_S: Final = 0.2
"""Pause between two looks at `/readyz`. The processes' drain delay has to be longer than a few of them."""

TIMEOUT_S: Final = 60.0
MAX_BODY_BYTES: Final = 32 << 20


class Ingress:
    """Forwards to gateways and query processes. `answers` counts what clients were answered, by method and status."""

    def __init__(self, gateways: Sequence[Process], queries: Sequence[Process], session: aiohttp.ClientSession) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        self._gateways = gateways
        self._queries = queries
        self._session = session
        self._ready: set[Process] = set()
        self._turns = itertools.count()

    async def watch(self) -> None:
        """Look for ever at which processes are ready."""
        while True:
            await asyncio.gather(*(self._look(process) for process in (*self._gateways, *self._queries)))
            await asyncio.sleep(LOOK_S)

    async def forward(self, request: web.Request) -> web.Response:
        """Answer a client with what one of the processes answers."""
        answer = await self._forward(request)
        self.answers[request.method, answer.status] += 1
        return answer

    async def _forward(self, request: web.Request) -> web.Response:
        content = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_THE_CONNECTION}
        role = self._gateways if request.path in GATEWAY_PATHS else self._queries
        ready = [process for process in role if process in self._ready] or list(role)
        first = next(self._turns) % len(ready)
        for process in (*ready[first:], *ready[:first]):
            try:
                async with self._session.request(
                    request.method, process.url + request.raw_path, data=content, headers=headers
                ) as answer:
                    kind = {"content-type": answer.headers["content-type"]}
                    return web.Response(status=answer.status, body=await answer.read(), headers=kind)
            except aiohttp.ClientConnectorError:
                continue
            except (aiohttp.ClientError, TimeoutError):
                return web.Response(status=502)
        return web.Response(status=503)

    async def _look(self, process: Process) -> None:
        try:
            async with self._session.get(f"{process.url}/readyz") as answer:
                ready = answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            ready = False
        (self._ready.add if ready else self._ready.discard)(process)


@contextlib.asynccontextmanager
async def ingress(gateways: Sequence[Process], queries: Sequence[Process]) -> AsyncIterator[tuple[str, Ingress]]:
    """A running one, and its URL."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(TIMEOUT_S)) as session:
        running = Ingress(gateways, queries, session)
        watching = asyncio.create_task(running.watch())
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", running.forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}", running
        finally:
            watching.cancel()
            await asyncio.wait({watching})
            await runner.cleanup()


_OF_THE_CONNECTION: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
