"""`sluice up`: gateway, query API and writer in one process, on one port, over an embedded stream and store."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.ingest_gateway import routes as gateway
from services.query_api import routes as query
from services.query_api.promptlayer.renderer import Renderer
from services.writer_worker.supervision import SupervisedWriter
from shared.backends import Backends
from shared.registry.entities import Scope
from shared.role import build_role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.http.app import Application
    from shared.settings import Settings

FIRST_WORKSPACE = "default"


class Embedded:
    """The whole product in one process. `first_key` is the key made on a start that found none."""

    def __init__(self, settings: Settings) -> None:
        self.first_key: str | None = None
        self._backends = Backends(settings, role="up", needs_store=True, migrate=True)
        self._writer = SupervisedWriter(self._backends)

    def app(self) -> Application:
        """The application. Raises ValueError when two services claim one path."""
        renderer = Renderer()
        routes = [*gateway.routes(self._backends), *query.routes(self._backends, renderer)]
        background = [self._first_start, self._writer.running, renderer.running]
        return build_role("up", self._backends, routes, background=background, not_ready=self._writer.not_ready)

    @asynccontextmanager
    async def _first_start(self, _app: Application) -> AsyncIterator[None]:
        registry = self._backends.registry
        if registry.ready and not self._backends.settings.api_keys and not registry.state.keys(None):
            _key, self.first_key = await registry.create_key(FIRST_WORKSPACE, frozenset(Scope), "first start")
        yield
