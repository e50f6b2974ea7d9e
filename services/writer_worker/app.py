"""The writer as a process of its own: it has no routes but health and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.writer_worker.supervision import SupervisedWriter
from shared.backends import Backends
from shared.role import build_role
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.http.app import Application


def create_app() -> Application:
    """The application, with settings from the environment. Raises Misconfigured."""
    backends = Backends(Settings.load(), role="writer", needs_store=True, needs_registry=False)
    writer = SupervisedWriter(backends)
    return build_role("writer", backends, [], background=[writer.running], not_ready=writer.not_ready)
