"""The ASGI application of every role: routing, errors as the one envelope, health, metrics.

Routes are Starlette's and handlers are `async (Request) -> Response`; what is replaced is Starlette's middleware stack
and its linear search for a route, which together would cost more than a create does.

* A path is matched segment by segment before it is percent-decoded, so a parameter may hold an encoded slash. Several
  slashes at the start count as one: that is what clients send when their base URL ends with one.
* A path without parameters beats one with parameters; among those the first in the list wins.
* A handler finds the application in `request.app`, what the role needs in `request.app.state`, and the body through
  `shared.http.bodies.read_body`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request

from shared.errors import ClientError, MethodNotAllowed, Unavailable
from shared.http.admission import Admission
from shared.http.bodies import ABANDONED_KEY, ADMITTED_KEY, READER_KEY, BodyReader, drain
from shared.http.failure_log import FailureLog
from shared.http.probes import probe_routes
from shared.http.request_metrics import RequestMetrics
from shared.http.responses import ERROR_FORM_KEY, INTERNAL_ERROR, error_code, error_response, json_response
from shared.http.routing import RouteTable
from shared.observability.logging import trace_of

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import Receive, Scope, Send

Lifespan = Callable[["Application"], AbstractAsyncContextManager[None]]
"""Entered before the first request is taken, left after the last one is answered."""

Readiness = Callable[[], Awaitable[list[str]]]
"""Why the process can't serve now; [] when it can. Asked by every `/readyz`; may block for a few seconds."""

CLIENT_GONE: Final = 499
"""Status in metrics for a request whose client left before it was answered (nginx's number for it)."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one process takes. Sizes in bytes, times in seconds."""

    max_body_bytes: int = 32 << 20
    max_inflight_bytes: int = 256 << 20
    body_timeout_s: float = 60.0


class ShuttingDown(Unavailable):
    """The process stops before the request could be answered."""

    code = "shutting_down"


class Application:
    """See the module. Made by `build_app`."""

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        role: str,
        state: Any,
        readiness: Readiness,
        lifespan: Lifespan,
        limits: HttpLimits,
    ) -> None:
        self.role = role
        self.state = state
        self.readiness = readiness
        self.draining = False
        self.fatal_error: BaseException | None = None
        self.admission = Admission(limits.max_inflight_bytes)
        self.routes = [*routes, *probe_routes()]
        self._table = RouteTable(self.routes)
        self._lifespan = lifespan
        self._bodies = BodyReader(limits.max_body_bytes, limits.body_timeout_s, self.admission)
        self._metrics = RequestMetrics()
        self._failures = FailureLog(logger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection scope, as ASGI has it."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)

    def fail(self, error: BaseException) -> None:
        """Stop the process in an orderly way because a background part can't go on; it then exits with status 1."""
        if self.fatal_error is None:
            self.fatal_error = error
            logger.critical("stopping: %s", error, exc_info=trace_of(error))
            signal.raise_signal(signal.SIGTERM)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        scope["app"] = self
        scope[READER_KEY] = self._bodies
        route_path = "unmatched"
        status = CLIENT_GONE
        try:
            try:
                route = self._table.find(scope)
                route_path = route.path
                response: Response = await route.endpoint(Request(scope, receive, send))
            except ClientDisconnect:
                return
            except asyncio.CancelledError:
                # Only the server cancels requests, when their time to finish has run out. The client gets an answer.
                response = self._failed(ShuttingDown("the server stops; the request may have taken effect"), scope)
            except Exception as error:
                response = self._failed(error, scope)
            status = response.status_code
            if self.draining:
                # Else a client might send its next request just when the connection is closed, and never know whether
                # it was seen.
                response.headers["connection"] = "close"
            if ABANDONED_KEY in scope:
                await _send_and_drain(response, scope, receive, send)
            else:
                await response(scope, receive, send)
        finally:
            admitted = scope.get(ADMITTED_KEY)
            if admitted is not None:
                self.admission.release(admitted)
            elapsed = perf_counter() - started
            self._metrics.observe(route_path, scope["method"], status, elapsed)
            if logger.isEnabledFor(logging.DEBUG):
                fields = {"route": route_path, "status": status, "duration_ms": round(elapsed * 1000, 3)}
                fields |= {"client": (scope.get("client") or ("",))[0], "scheme": scope.get("scheme", "")}
                logger.debug("%s %s", scope["method"], scope["path"], extra=fields)

    def _failed(self, error: BaseException, scope: Scope) -> Response:
        code = error_code(error)
        self._metrics.error(code)
        error_id = ""
        if code == INTERNAL_ERROR:
            error_id = uuid4().hex
            logger.error("request failed", exc_info=error, extra={"error_id": error_id, "path": scope["path"]})
        elif not isinstance(error, ClientError):
            self._failures.refused(code, str(error))
        headers = {"allow": ", ".join(self._table.methods(scope))} if isinstance(error, MethodNotAllowed) else None
        form = scope.get(ERROR_FORM_KEY, json_response)
        return error_response(error, path=scope["path"], error_id=error_id, headers=headers, form=form)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        """Startup and shutdown. An expected error is one line in the log, an unexpected one has its traceback there."""
        await receive()
        stage = "startup"
        try:
            async with self._lifespan(self):
                await send({"type": "lifespan.startup.complete"})
                await receive()
                stage = "shutdown"
        except Exception as error:
            logger.critical("%s failed: %s", stage, error, exc_info=trace_of(error))
            await send({"type": f"lifespan.{stage}.failed", "message": ""})
        else:
            await send({"type": "lifespan.shutdown.complete"})


def build_app(
    routes: Iterable[Route],
    *,
    role: str,
    state: Any,
    readiness: Readiness,
    lifespan: Lifespan,
    limits: HttpLimits | None = None,
) -> Application:
    """The application of a role. Raises ValueError when two routes take the same method and path."""
    return Application(
        routes, role=role, state=state, readiness=readiness, lifespan=lifespan, limits=limits or HttpLimits()
    )


async def _send_and_drain(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the whole answer, let the client finish sending, and only then complete the response and close."""
    response.headers["connection"] = "close"
    headers = response.raw_headers
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(response.body), "more_body": True})
    with contextlib.suppress(asyncio.CancelledError):  # the server stops: no more time to be polite
        await drain(scope, receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})
