"""Reads from a store with two million logs, one after the other, beside the same SQL without what the product adds.

* By id: `GET /api/public/v2/requests/{id}` of `sluice query`, beside the product's SQL through its own client.
* The newest 50, and the newest 50 of a full-text search: through the store port, beside the engine's bare client.

The engine is behind HTTP, on the server's core, as `sluice query` is.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any, Final, cast

import clickhouse_connect

from services.client.load.http import Connection, Target
from shared.store import search
from shared.store.factory import open_store
from shared.store.logs import read_logs
from shared.store.search import Selection
from shared.store.session import SESSION_SETTINGS, query_settings
from shared.store.texts import has_words
from tests.bench import kafka
from tests.bench.bench import API_KEYS, KEY, WORKSPACE, Bench, Measure
from tests.bench.engine import Engine
from tests.bench.figures import Figure, percentile, ratio_at_most
from tests.bench.filling import Filling
from tests.support.processes import Query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from shared.store.base import LogStore, Row

STORED: Final = 2_000_000
QUICK_STORED: Final = 100_000
READS: Final = 40
QUICK_READS: Final = 20
"""Of each kind in a round."""

LEAST_READS: Final = 3
ROUND_S: Final = 4.0
"""A round of slow reads has fewer of them."""

PAGE: Final = 50


async def run(bench: Bench) -> None:
    """Fill a store, and read from it."""
    directory = bench.new_directory("reads")
    stored = await asyncio.to_thread(fill, directory, QUICK_STORED if bench.quick else STORED)
    note = f"{stored / 1e6:g} M logs stored"
    async with bench.kafka() as bootstrap:
        with bench.clickhouse(directory, bench.cores.server) as url, bench.processes() as processes:
            settings = {"stream": kafka.url(bootstrap), "store": url, "api_keys": API_KEYS}
            query = bench.start(Query(processes, **settings))
            store = open_store(url)
            await store.start()
            bare = await bare_client(url)
            try:
                await by_id(bench, note, query, store)
                for name, words in (("newest-50", [""]), ("full-text", await rare_words(store))):
                    ours, theirs = await alternate(bench, words, port_read(store), bare_read(bare))
                    bench.add(
                        Figure(
                            name=name,
                            unit="ms",
                            rounds=ours,
                            references=theirs,
                            target=ratio_at_most(1.2),
                            note=f"p50, {note}",
                        )
                    )
            finally:
                await bare.close()
                await store.stop()
            query.stop()


async def by_id(bench: Bench, note: str, query: Query, store: LogStore) -> None:
    """The figure of reads by id."""
    found = await store.query(f"SELECT id FROM logs ORDER BY cityHash64(id) LIMIT {READS * (bench.rounds + 1)}")
    target = Target.at(query.url, KEY)
    connection = Connection(target)
    await connection.connect()

    async def get(log_id: int) -> None:
        response = await connection.send(target.head("GET", f"/api/public/v2/requests/{log_id}"))
        if response.status != 200:
            raise RuntimeError(f"log {log_id} reads as {response.status}")

    async def same_sql(log_id: int) -> None:
        if not await read_logs(store, [(WORKSPACE, log_id)]):
            raise RuntimeError(f"log {log_id} is not stored")

    ours, theirs = await alternate(bench, [row["id"] for row in found], get, same_sql)
    connection.give_up("done")
    bench.add(
        Figure(
            name="get-by-id",
            unit="ms",
            rounds=ours,
            references=theirs,
            target=ratio_at_most(1.3),
            note=f"p50, {note}",
        )
    )


async def alternate(
    bench: Bench,
    arguments: list[Any],
    first: Callable[[Any], Awaitable[None]],
    second: Callable[[Any], Awaitable[None]],
) -> tuple[list[float], list[float]]:
    """The median times of two ways to read the same, in ms for each round; which of them begins changes every time."""
    ways = (first, second)
    chosen = random.Random(0)
    medians: tuple[list[float], list[float]] = ([], [])
    for number in range(bench.rounds + 1):
        times: tuple[list[float], list[float]] = ([], [])
        started = time.perf_counter()
        for turn in range(bench.scale(READS, QUICK_READS)):
            if turn >= LEAST_READS and time.perf_counter() - started > ROUND_S:
                break
            argument = chosen.choice(arguments)
            for way in (turn % 2, 1 - turn % 2):
                began = time.perf_counter()
                await ways[way](argument)
                times[way].append((time.perf_counter() - began) * 1000)
        if number:  # the first round warms up
            for found, values in zip(medians, times, strict=True):
                found.append(percentile(values, 0.5))
    return medians


def selection_of(word: str) -> Selection:
    """The logs with a word in their text; all for ''."""
    return Selection(WORKSPACE, has_words([word])) if word else Selection(WORKSPACE)


def port_read(store: LogStore) -> Callable[[Any], Awaitable[None]]:
    """Reads the newest 50 through the store port."""

    async def read(word: str) -> None:
        if not await search.newest(store, selection_of(word), limit=PAGE):
            raise RuntimeError(f"nothing was found for {word!r}")

    return read


def bare_read(client: Any) -> Callable[[Any], Awaitable[None]]:
    """Reads the same bytes through the bare client, and leaves them as they are."""

    async def read(word: str) -> None:
        told = _Told()
        await search.newest(cast("LogStore", told), selection_of(word), limit=PAGE)
        await client.raw_query(told.sql, told.parameters, fmt="JSONEachRow")

    return read


class _Told:
    """A store that only takes note of a query."""

    def __init__(self) -> None:
        self.sql = ""
        self.parameters: dict[str, Any] = {}

    async def query(self, sql: str, parameters: Mapping[str, Any], _limits: object = None) -> list[Row]:
        self.sql = sql
        self.parameters = {name: value for name, value in parameters.items() if f"{{{name}:" in sql}
        return []


async def bare_client(url: str) -> Any:
    """The library's client, with the settings that the product asks for."""
    dsn = url.replace("clickhouse://", "http://")
    settings = {**SESSION_SETTINGS, **query_settings(None)}
    return await clickhouse_connect.get_async_client(
        dsn=dsn, settings=settings, compress=False, autogenerate_session_id=False
    )


async def rare_words(store: LogStore) -> list[str]:
    """Words that a small part of all logs has."""
    rows = await store.query("SELECT extract(input, ' ([0-9]{5}) ') AS word FROM log_payloads LIMIT 500")
    return sorted({row["word"] for row in rows if row["word"]})


def fill(directory: Path, size: int) -> int:
    """Make a store with so many logs; how many they are."""
    engine = Engine(directory, memory_bytes=8_000_000_000)
    filling = Filling(engine)
    filled = filling.up_to(size)
    filling.finish()
    engine.stop()
    return filled


READ: Final = Measure("reads", ("get-by-id", "newest-50", "full-text"), run)
