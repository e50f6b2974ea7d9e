"""`/openapi.json` and `/docs`.

Every role answers them for all of Sluice: which role has a path is no client's concern.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import orjson
from starlette.responses import HTMLResponse
from starlette.routing import Route

from shared.http.responses import JsonResponse
from shared.openapi.document import document
from shared.openapi.operations import OPERATIONS
from shared.openapi.page import page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from shared.openapi.operation import Json

VERSION: Final = "1"
"""Of the API; it changes when a client has to."""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""The page fetches nothing and runs nothing, whatever gets into it."""


def description_routes() -> list[Route]:
    """The routes. They take no key: what is in them is in the README too."""
    return [
        Route("/openapi.json", openapi_json, methods=["GET"]),
        Route("/docs", docs, methods=["GET"]),
    ]


async def openapi_json(_: Request) -> Response:
    """The description, for programs."""
    return JsonResponse(200, orjson.dumps(_described()))


async def docs(_: Request) -> Response:
    """The description, for people."""
    return HTMLResponse(page(_described()), headers={"content-security-policy": _POLICY})


@cache
def _described() -> Json:
    return document(OPERATIONS, VERSION)
