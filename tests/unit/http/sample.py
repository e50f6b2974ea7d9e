"""A small application that uses everything of shared.http; imported by name in worker processes."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.routing import Route

from shared.errors import Misconfigured, StreamUnavailable
from shared.http.app import Application, HttpLimits, build_app
from shared.http.bodies import read_body, read_json_object
from shared.http.responses import json_response
from shared.http.server import ServerOptions
from shared.http.serving import serve
from shared.observability.logging import configure_logging

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response


def mark(name: str) -> None:
    """Leave a trace for the test that started this process."""
    if directory := os.environ.get("SAMPLE_DIRECTORY"):
        Path(directory, name).touch()


async def echo_length(request: Request) -> Response:
    return json_response(200, {"length": len(await read_body(request)), "process": os.getpid()})


async def create(request: Request) -> Response:
    body = await read_json_object(request)
    return json_response(201, {"keys": sorted(body.value), "repaired": body.repaired})


async def named(request: Request) -> Response:
    return json_response(200, request.path_params)


async def slow(request: Request) -> Response:
    mark("slow-began")
    await asyncio.sleep(float(request.query_params["seconds"]))
    return json_response(200, {"slept": True})


async def block(request: Request) -> Response:
    """Keep the event loop from doing anything else."""
    mark("block-began")
    time.sleep(float(request.query_params["seconds"]))  # noqa: ASYNC251 (that is the point)
    return json_response(200, {})


async def crash(_: Request) -> Response:
    raise RuntimeError("sk_sluice_abcdef must not be shown")


async def unavailable(_: Request) -> Response:
    raise StreamUnavailable("the stream is down", retry_after_s=7)


async def die(_: Request) -> Response:
    os._exit(9)


async def fail(request: Request) -> Response:
    request.app.fail(Misconfigured("a part of the process can't go on"))
    return json_response(200, {})


def sample_routes() -> list[Route]:
    return [
        Route("/log-request", create, methods=["POST"]),
        Route("/length", echo_length, methods=["POST"]),
        Route("/names", named, methods=["GET"]),
        Route("/names/{name}", named, methods=["GET", "PATCH"]),
        Route("/names/{name}/parts/{part}", named, methods=["GET"]),
        Route("/v5/crash", crash, methods=["GET"]),
        Route("/crash", crash, methods=["GET"]),
        Route("/unavailable", unavailable, methods=["GET"]),
        Route("/slow", slow, methods=["GET"]),
        Route("/block", block, methods=["GET"]),
        Route("/die", die, methods=["GET"]),
        Route("/fail", fail, methods=["GET"]),
    ]


@asynccontextmanager
async def lifespan(_: Application) -> AsyncIterator[None]:
    if os.environ.get("SAMPLE_FAILS_TO_START"):
        raise Misconfigured("the sample was told not to start")
    yield
    mark(f"stopped-{os.getpid()}")


async def ready() -> list[str]:
    return []


def sample_app(limits: HttpLimits | None = None) -> Application:
    return build_app(sample_routes(), role="sample", state=None, readiness=ready, lifespan=lifespan, limits=limits)


def small_app() -> Application:
    """Its limits are small enough to run into."""
    return sample_app(HttpLimits(max_body_bytes=1 << 20, max_inflight_bytes=1 << 20, body_timeout_s=1.0))


def main() -> int:
    """`sample WORKERS [PORT]`: serve on stdout's first line."""
    configure_logging("info", "sample")
    options = ServerOptions(
        port=int(sys.argv[2]) if len(sys.argv) > 2 else 0,
        workers=int(sys.argv[1]),
        graceful_timeout_s=float(os.environ.get("SAMPLE_GRACEFUL_S", "20")),
        drain_delay_s=float(os.environ.get("SAMPLE_DRAIN_DELAY_S", "0")),
        environment={"SAMPLE_FROM_PARENT": "1"},
    )
    try:
        return serve("tests.unit.http.sample:small_app", options, lambda url: print(url, flush=True))
    except Misconfigured as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
