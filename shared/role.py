"""The application of a role: its routes over its backends, started and stopped with the server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from shared.http.app import Application, HttpLimits, build_app
from shared.openapi.routes import description_routes

if TYPE_CHECKING:
    from starlette.routing import Route

    from shared.backends import Backends

Background = Callable[[Application], AbstractAsyncContextManager[None]]
"""Work beside the requests: entered when the backends were started, left before they are stopped."""


def build_role(
    role: str,
    backends: Backends,
    routes: Sequence[Route],
    *,
    background: Sequence[Background] = (),
    not_ready: Callable[[], list[str]] = list,
) -> Application:
    """The application. `not_ready` adds reasons to those of the backends."""

    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(backends.stop)
            await backends.start()
            for enter in background:
                await stack.enter_async_context(enter(app))
            yield

    async def readiness() -> list[str]:
        return await backends.not_ready() + not_ready()

    settings = backends.settings
    return build_app(
        [*routes, *description_routes()],
        role=role,
        state=backends,
        readiness=readiness,
        lifespan=lifespan,
        limits=HttpLimits(settings.max_body_bytes, settings.max_inflight_bytes, settings.body_timeout_s),
    )
