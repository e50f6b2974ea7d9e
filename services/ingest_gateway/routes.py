"""Every route of the gateway, one line per protocol family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.ingest_gateway.bulk import logs
from services.ingest_gateway.gateway import Gateway
from services.ingest_gateway.humanloop import file_logs, otlp_import
from services.ingest_gateway.intake import Intake
from services.ingest_gateway.promptlayer import otlp_traces, requests, spans_bulk, templates, tracked_requests, tracking

if TYPE_CHECKING:
    from starlette.routing import Route

    from shared.backends import Backends


def routes(backends: Backends) -> list[Route]:
    """The create routes, over these backends."""
    gateway = Gateway(backends, Intake(backends.stream))
    accepted_logs = file_logs.FileLogs(gateway)
    return [
        *requests.routes(gateway),
        *tracked_requests.routes(gateway),
        *tracking.routes(gateway),
        *templates.routes(gateway),
        *spans_bulk.routes(gateway),
        *otlp_traces.routes(gateway),
        *file_logs.routes(gateway, accepted_logs),
        *otlp_import.routes(gateway, accepted_logs),
        *logs.routes(gateway, accepted_logs),
    ]
