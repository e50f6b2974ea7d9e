"""Running an application on a bound socket: uvicorn with uvloop and httptools, in this process.

A signal to stop is served in this order: `/readyz` turns false; `drain_delay_s` passes, in which load balancers notice
and answers end their connections; no more connections are taken, and what was sent on them is read; requests in flight
finish within `graceful_timeout_s`; the application's lifespan ends; the process exits with status 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.importer import import_from_string

from shared.errors import SluiceError
from shared.http.app import Application
from shared.http.protocol import JsonHttpProtocol

if TYPE_CHECKING:
    import socket

AppFactory = Callable[[], Application]

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1

_BACKLOG: Final = 2048
_KEEP_ALIVE_S: Final = 75
"""Longer than the idle timeout of common load balancers (60 s), so that it is never we who close a connection just as
they send a request on it."""

_LAST_WORDS_S: Final = 0.25
"""How long a connection that was made at the end of a drain has for its request to arrive."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How to serve. Times in seconds; port 0 lets the system choose one."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    graceful_timeout_s: float = 30.0
    drain_delay_s: float = 0.0
    trusted_proxies: str | None = None
    """Addresses and networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, as uvicorn's
    `forwarded_allow_ips` has them; None: nobody's."""

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Added to the environment of workers: they read their settings from there."""


def run_server(
    factory: AppFactory | str, options: ServerOptions, listener: socket.socket, on_started: Callable[[], None]
) -> int:
    """Serve on a bound socket in this process; returns the exit status."""
    try:
        make: AppFactory = import_from_string(factory) if isinstance(factory, str) else factory
        app = make()
    except SluiceError as error:
        logger.critical("%s", error)
        return EXIT_FAILED
    server = _Server(uvicorn_config(app, options), app, options.drain_delay_s, on_started)

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    # While it runs, uvicorn has handlers of its own. When it has stopped it raises the signal again; ours then lets the
    # process live on to exit with a status of its own.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        return EXIT_FAILED  # the application's startup failed, which it has logged
    except OSError as error:
        logger.critical("can't listen: %s", error.strerror)
        return EXIT_FAILED
    failed = app.fatal_error is not None or getattr(server.lifespan, "shutdown_failed", False)
    return EXIT_FAILED if failed else EXIT_OK


def uvicorn_config(app: Application, options: ServerOptions) -> uvicorn.Config:
    """How uvicorn serves an application."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=JsonHttpProtocol,
        ws="none",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=options.trusted_proxies is not None,
        forwarded_allow_ips=options.trusted_proxies or "",
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(options.graceful_timeout_s)),
    )


class _Server(uvicorn.Server):
    """uvicorn's server with a callback when it takes requests and a pause before it stops taking them."""

    def __init__(
        self, config: uvicorn.Config, app: Application, drain_delay_s: float, on_started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._app = app
        self._drain_delay_s = drain_delay_s
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.draining = True
        if self._app.fatal_error is None and self._drain_delay_s:
            await asyncio.sleep(self._drain_delay_s)
            await self._hear_the_last(sockets or [])
        await super().shutdown(sockets)

    async def _hear_the_last(self, listeners: list[socket.socket]) -> None:
        """Take no more connections, and the requests of those that were made.

        A connection that is closed unread is reset: its client can't know whether its request was seen.
        """
        made = [connection for listener in listeners for connection in _accept_all(listener)]
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()
        protocol = partial(
            JsonHttpProtocol,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        for connection in made:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)
        await asyncio.sleep(min(self._drain_delay_s, _LAST_WORDS_S))


def _accept_all(listener: socket.socket) -> Iterator[socket.socket]:
    """The connections that wait to be accepted."""
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while True:
            yield listener.accept()[0]
