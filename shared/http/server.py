"""Running an application on a port: uvicorn with uvloop and httptools, in this process or in several workers.

A signal to stop is served in this order: `/readyz` turns false; `drain_delay_s` passes, in which load balancers notice
and answers end their connections; no more connections are taken, and what was sent on them is read; requests in flight
finish within `graceful_timeout_s`; the application's lifespan ends; the process exits with status 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import uvicorn
from uvicorn.importer import import_from_string

from shared.errors import Misconfigured, SluiceError
from shared.http.app import Application
from shared.http.protocol import JsonHttpProtocol

AppFactory = Callable[[], Application]
OnStarted = Callable[[str], None]

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


def serve(factory: AppFactory | str, options: ServerOptions, on_started: OnStarted | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status. Blocks.

    `factory` makes the application; with several workers it is given as `module:function`, since each worker calls it
    itself. `on_started` is called once with the URL when requests are taken; the default logs it. Call this from the
    main thread. Raises Misconfigured when the port can't be had or a package is missing.
    """
    _require("uvloop", "httptools")
    with bind(options.host, options.port) as listener:
        url = _url(options.host, listener)
        announce = on_started or (lambda where: logger.info("listening on %s", where))
        if options.workers > 1:
            if not isinstance(factory, str):
                raise ValueError("several workers need the application factory as 'module:function'")
            from shared.http.supervisor import supervise

            return supervise(factory, options, listener, lambda: announce(url))
        return run_server(factory, options, listener, lambda: announce(url))


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


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet, so nobody can connect before the application is up.

    Raises Misconfigured, in one line, when the address is taken or not of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Misconfigured(f"can't listen on {host}: {error.strerror} (SLUICE_HOST, --host)") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.set_inheritable(True)
    except OSError as error:
        listener.close()
        where = f"{host} port {port}"
        raise Misconfigured(f"can't listen on {where}: {error.strerror} (SLUICE_HOST, SLUICE_PORT)") from None
    return listener


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _require(*packages: str) -> None:
    """Without these uvicorn silently falls back to parts that are three times slower."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise Misconfigured(f"missing Python package: {', '.join(missing)} (pip install {' '.join(missing)})")


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
