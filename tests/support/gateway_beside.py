"""A gateway in the tests' own process, over the stream of the `sluice up` that they share: its appends fail as told.

    with gateway_beside(api) as gateway:
        gateway.fails = [OutcomeUnknown("no answer")]       # for the next append; those after it succeed
        httpx.post(gateway.url + "/v1/traces", ...)

What it stores is written and read by the shared process.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Final

import uvicorn

from services.ingest_gateway.routes import routes
from shared.backends import Backends
from shared.errors import OutcomeUnknown
from shared.http.server import ServerOptions, uvicorn_config
from shared.http.serving import bind
from shared.role import build_role
from shared.settings import Settings
from shared.stream.base import LOGS_TOPIC
from tests.support.api import DEFAULT_KEY, SETTLE_S
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.http.app import Application
    from shared.stream.base import Appended, Message
    from tests.support.api import Api

NO_STORE: Final = "clickhouse://127.0.0.1:9/none"
"""A gateway needs none."""


class GatewayBeside:
    """A running gateway. `fails` are the errors of its next appends of logs, `appends` is how many there were."""

    def __init__(self, url: str, backends: Backends) -> None:
        self.url = url
        self.fails: list[Exception] = []
        self.appends = 0
        self.app: Application = build_role("gateway", backends, routes(backends))
        self._append = backends.stream.append
        backends.stream.append = self._append_or_fail  # type: ignore[method-assign]

    async def _append_or_fail(self, topic: str, partition: int, messages: Sequence[Message]) -> Appended:
        if topic != LOGS_TOPIC:
            return await self._append(topic, partition, messages)
        self.appends += 1
        if not self.fails:
            return await self._append(topic, partition, messages)
        error = self.fails.pop(0)
        if isinstance(error, OutcomeUnknown):  # the worse of its two outcomes
            await self._append(topic, partition, messages)
        raise error


@contextmanager
def gateway_beside(api: Api, **settings: str) -> Iterator[GatewayBeside]:
    """The gateway with these settings, from when it is ready until its requests are answered."""
    stream = f"sqlite:///{api.up.directory}/data/stream.db"
    own = {"stream": stream, "store": NO_STORE, "api_keys": f"default:{DEFAULT_KEY}"}
    backends = Backends(Settings.load(own | settings), role="gateway", needs_store=False)
    with bind("127.0.0.1", 0) as listener:
        gateway = GatewayBeside(f"http://127.0.0.1:{listener.getsockname()[1]}", backends)
        server = uvicorn.Server(uvicorn_config(gateway.app, ServerOptions()))
        thread = Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            wait_until(lambda: server.started, "the gateway to start", SETTLE_S)
            yield gateway
        finally:
            server.should_exit = True
            thread.join()
