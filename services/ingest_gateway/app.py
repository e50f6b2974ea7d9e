"""The gateway as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.ingest_gateway.routes import routes
from shared.backends import Backends
from shared.role import build_role
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.http.app import Application


def create_app() -> Application:
    """The application, with settings from the environment. Raises Misconfigured."""
    backends = Backends(Settings.load(), role="gateway", needs_store=False)
    return build_role("gateway", backends, routes(backends))
