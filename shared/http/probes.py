"""What operators and orchestrators ask every role: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from shared.http.responses import json_response
from shared.observability import metrics

if TYPE_CHECKING:
    from starlette.requests import Request

READINESS_TIMEOUT_S: Final = 5.0
"""A dependency that takes longer than this to answer is not usable."""

logger = logging.getLogger(__name__)


def probe_routes() -> list[Route]:
    """The routes, for GET and HEAD."""
    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", prometheus, methods=["GET"]),
    ]


async def healthz(request: Request) -> Response:
    """200 as long as the process answers at all."""
    return json_response(200, {"status": "alive", "role": request.app.role})


async def readyz(request: Request) -> Response:
    """200 when the process can do its work, else 503 with the reasons. False from the start of a shutdown."""
    reasons = ["the process is stopping"] if request.app.draining else await _reasons(request)
    if reasons:
        body = {"status": "not ready", "role": request.app.role, "reasons": reasons}
        return json_response(503, body, {"retry-after": "1"})
    return json_response(200, {"status": "ready", "role": request.app.role})


async def _reasons(request: Request) -> list[str]:
    try:
        async with asyncio.timeout(READINESS_TIMEOUT_S):
            reasons: list[str] = await request.app.readiness()
    except TimeoutError:
        return [f"a dependency did not answer within {READINESS_TIMEOUT_S:g} s"]
    except Exception as error:
        logger.exception("the readiness check failed")
        return [f"the readiness check failed: {type(error).__name__}"]
    return reasons


async def prometheus(_: Request) -> Response:
    """All metrics as Prometheus text."""
    return Response(metrics.render(), headers={"content-type": metrics.CONTENT_TYPE})
