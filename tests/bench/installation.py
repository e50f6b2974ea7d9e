"""Every role of the product in a process of its own, over Kafka and ClickHouse, on the server's cores."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.store.factory import open_store
from shared.stream.base import WRITER_GROUP
from tests.bench import kafka
from tests.bench.bench import API_KEYS, Bench
from tests.support.processes import Gateway, Query, Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.store.base import LogStore
    from shared.stream.base import Stream


@dataclass(frozen=True, slots=True)
class Installation:
    """One process of each role. `stream` and `store` look at it from outside."""

    gateway: Gateway
    writer: Writer
    query: Query
    stream: Stream
    store: LogStore
    bootstrap: str
    store_url: str

    async def until_applied(self) -> None:
        """Return when everything that was acknowledged is stored."""
        await kafka.until_applied(self.stream, WRITER_GROUP)

    async def stored_ids(self) -> list[int]:
        """The ids of all logs."""
        return [row["id"] for row in await self.store.query("SELECT id FROM log_records")]


@contextlib.asynccontextmanager
async def installation(bench: Bench) -> AsyncIterator[Installation]:
    """A new one, ready; it must stop in order."""
    cores = bench.cores.servers
    directory = bench.new_directory("store")
    async with contextlib.AsyncExitStack() as stack:
        bootstrap = await stack.enter_async_context(bench.kafka())
        url = stack.enter_context(bench.clickhouse(directory, cores))
        processes = stack.enter_context(bench.processes())
        settings = {"stream": kafka.url(bootstrap), "store": url, "api_keys": API_KEYS}
        gateway = bench.start(Gateway(processes, **settings), cores)
        writer = bench.start(Writer(processes, **settings), cores)
        query = bench.start(Query(processes, **settings), cores)
        stream = await stack.enter_async_context(kafka.connected(bootstrap))
        store = open_store(url)
        await store.start()
        stack.push_async_callback(store.stop)
        yield Installation(gateway, writer, query, stream, store, bootstrap, url)
        for process in (gateway, query, writer):
            process.stop()
