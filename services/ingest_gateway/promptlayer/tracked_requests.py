"""`POST /track-request`: a log of a call as the provider's client made it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from starlette.routing import Route

from services.ingest_gateway.gateway import fingerprint_of
from services.ingest_gateway.promptlayer.keyed_bodies import read_keyed_body
from services.ingest_gateway.promptlayer.template_links import link
from shared.http.responses import json_response
from shared.wire.pricing import add_price
from shared.wire.promptlayer import responses
from shared.wire.promptlayer.track_request import converted, parse_track_request, track_request_columns

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.ingest_gateway.gateway import Gateway


def routes(gateway: Gateway) -> list[Route]:
    """The create routes of tracked calls."""

    async def track_request(request: Request) -> Response:
        workspace, body = await read_keyed_body(gateway, request)
        tracked = parse_track_request(body.value)
        log = converted(tracked)
        columns = track_request_columns(tracked, log, repaired=body.repaired)
        link(gateway.backends.registry.state, workspace, columns)
        # Clients that name no provider, like litellm, call the function OpenAI's whatever the model is.
        add_price(columns, datetime.now(UTC), by_model=not tracked.provider_type)
        fingerprint = fingerprint_of(request, workspace, orjson.dumps(body.value))  # without the key
        log_id = await gateway.intake.create(workspace, columns, fingerprint=fingerprint)
        return json_response(200, responses.tracked(log_id, log if tracked.return_prompt_blueprint else None))

    return [
        Route("/track-request", track_request, methods=["POST"]),
        # Where clients of before 2023 post.
        Route("/rest/track-request", track_request, methods=["POST"]),
    ]
