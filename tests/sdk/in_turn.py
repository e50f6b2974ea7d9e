"""Asynchronous clients for tests that are written for synchronous ones: each call is waited for."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import httpx
from humanloop import AsyncHumanloop, Humanloop
from humanloop.core.pagination import AsyncPager

from tests.support.api import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Api

Flavour = Literal["synchronous", "asynchronous"]
FLAVOURS: tuple[Flavour, ...] = ("synchronous", "asynchronous")


class InTurn:
    """The same as an asynchronous client, but that its calls return what comes of them; a pager becomes a list."""

    def __init__(self, client: object, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not inspect.iscoroutinefunction(found):
            return InTurn(found, self._runner)

        async def call(*args: Any, **kwargs: Any) -> Any:
            result = await found(*args, **kwargs)
            return [item async for item in result] if isinstance(result, AsyncPager) else result

        return lambda *args, **kwargs: self._runner.run(call(*args, **kwargs))


@contextmanager
def tracing(client: Humanloop) -> Iterator[Humanloop]:
    """A client, which traces what the clients of providers do in this process, until the end of the context."""
    yield client
    client._tracer_provider.shutdown()


@contextmanager
def humanloop_client(api: Api, flavour: Flavour) -> Iterator[Any]:
    """Humanloop's client of this flavour. Typed by nobody, for `InTurn` is not."""
    if flavour == "synchronous":
        http = httpx.Client(timeout=60)  # the client's own would never be closed
        with http, tracing(Humanloop(api_key=DEFAULT_KEY, base_url=f"{api.url}/v5", httpx_client=http)) as client:
            yield client
        return
    with asyncio.Runner() as runner:
        async_http = httpx.AsyncClient(timeout=60)
        async_client = AsyncHumanloop(api_key=DEFAULT_KEY, base_url=f"{api.url}/v5", httpx_client=async_http)
        yield InTurn(async_client, runner)
        runner.run(async_http.aclose())
