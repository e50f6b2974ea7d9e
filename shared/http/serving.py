"""Serving an application on a port, in this process or in several workers."""

from __future__ import annotations

import importlib.util
import logging
import socket
from collections.abc import Callable

from shared.errors import Misconfigured
from shared.http.server import AppFactory, ServerOptions, run_server
from shared.http.supervisor import supervise

OnStarted = Callable[[str], None]

logger = logging.getLogger(__name__)


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
            return supervise(factory, options, listener, lambda: announce(url))
        return run_server(factory, options, listener, lambda: announce(url))


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
