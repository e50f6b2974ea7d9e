"""The bare stack: what the web server of the product does when nothing is done with a log.

    python -m tests.bench.bare [--port N]

uvicorn with uvloop and httptools, Starlette with one route: it reads the body, parses it with orjson, and answers 201.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request


async def create(request: Request) -> Response:
    """Acknowledge a log, and forget it."""
    orjson.loads(await request.body())
    return Response(b'{"id":1}', 201, media_type="application/json")


async def ready(_: Request) -> Response:
    """Here it is."""
    return Response()


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    app = Starlette(routes=[Route("/log-request", create, methods=["POST"]), Route("/readyz", ready)])
    config = {"loop": "uvloop", "http": "httptools", "access_log": False, "log_level": "warning"}
    uvicorn.run(app, port=parser.parse_args().port, **config)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
