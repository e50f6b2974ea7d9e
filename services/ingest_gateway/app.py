"""The gateway as a process of its own."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Final

from services.ingest_gateway.memory import give_back_big_blocks
from services.ingest_gateway.routes import routes
from shared.backends import Backends
from shared.role import build_role
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.http.app import Application


NEW_OBJECTS: Final = 50_000
"""Objects made and not freed between two garbage collections; what lies in cycles meanwhile is some 5 MB."""


def create_app() -> Application:
    """The application, with settings from the environment. Raises Misconfigured."""
    backends = Backends(Settings.load(), role="gateway", needs_store=False)
    app = build_role("gateway", backends, routes(backends))
    # Hundreds of requests wait for the stream at a time, and none of their objects is in a cycle. By default Python
    # would look at all of them after every 700 new ones.
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 10, 10)
    give_back_big_blocks()
    return app
