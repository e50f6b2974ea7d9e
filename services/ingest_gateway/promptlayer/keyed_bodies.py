"""Bodies of the routes to which PromptLayer's clients send their key inside the body, most of them without a header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.auth import HEADER
from shared.http.bodies import read_json_object
from shared.http.headers import header
from shared.registry.entities import Scope

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.ingest_gateway.gateway import Gateway
    from shared.http.json_bodies import JsonBody

_FIELD: Final = "api_key"


async def read_keyed_body(gateway: Gateway, request: Request) -> tuple[str, JsonBody]:
    """The workspace and the body of a request, the key taken out of it. Where the header has a key too, it counts.

    Raises Unauthenticated, Forbidden, StreamUnavailable, and what reading and parsing the body raises.
    """
    if header(request, b"x-api-key"):
        workspace = gateway.authenticate(request).workspace
        body = await read_json_object(request)
        body.value.pop(_FIELD, None)
        return workspace, body
    body = await read_json_object(request)
    key = body.value.pop(_FIELD, None)
    place = f"the body's {_FIELD}" if key else f"{HEADER}, or in the body as {_FIELD}"
    principal = gateway.backends.authenticate(key if isinstance(key, str) else None, Scope.INGEST, place)
    return principal.workspace, body
