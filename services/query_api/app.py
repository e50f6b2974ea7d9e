"""The query API as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.query_api.promptlayer.renderer import Renderer
from services.query_api.routes import routes
from shared.backends import Backends
from shared.role import build_role
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.http.app import Application


def create_app() -> Application:
    """The application, with settings from the environment. Raises Misconfigured."""
    backends = Backends(Settings.load(), role="query", needs_store=True)
    renderer = Renderer()
    return build_role("query", backends, routes(backends, renderer), background=[renderer.running])
