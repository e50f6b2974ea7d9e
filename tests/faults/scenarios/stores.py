"""A store that is down, dies in the middle of an insert, is slow, or refuses a row."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from services.writer_worker import dead_letters
from shared.events import Event, EventKind, encode_key
from shared.stream.base import LOGS_TOPIC, Message
from tests.faults.installations import connected
from tests.faults.sabotage import REFUSED_TEXT
from tests.support.ledger import PROMPTLAYER

if TYPE_CHECKING:
    from shared.stream.base import Appended
    from tests.faults.context import Context

NARROW_BYTES_PER_S = 30_000
"""So narrow that an insert of a few hundred logs is on its way for seconds."""


async def store_down(context: Context) -> None:
    """The store is gone while logs are accepted as ever; readers wait."""
    async with context.cluster() as trial, trial.loaded():
        for _ in range(2):
            await trial.more(context.logs(100))
            await asyncio.to_thread(trial.installation.clickhouse.kill)
            await trial.more(context.logs(400))
            await asyncio.to_thread(trial.installation.clickhouse.start)
            await trial.recovered()
            await trial.more(context.logs(100))


async def store_killed_mid_insert(context: Context) -> None:
    """The store dies while rows are on their way to it, and while it works on them."""
    async with context.cluster() as trial, trial.loaded():
        for turn in range(4):
            proxy = trial.installation.to_store
            if turn % 2:
                proxy.bytes_per_s = NARROW_BYTES_PER_S
            await trial.more(context.logs(100) + context.random.randrange(50))
            await asyncio.to_thread(trial.installation.clickhouse.kill)
            proxy.clear()
            await trial.more(context.logs(50))
            await asyncio.to_thread(trial.installation.clickhouse.start)
            await trial.recovered()


async def store_slow(context: Context) -> None:
    """The way to the store is slow, then cut in the middle: creating does not wait for it."""
    async with context.cluster() as trial, trial.loaded():
        proxy = trial.installation.to_store
        proxy.latency_s = 0.3
        await trial.more(context.logs(300))
        proxy.bytes_per_s = NARROW_BYTES_PER_S
        await trial.more(context.logs(100))
        proxy.reset()
        await trial.more(context.logs(100))
        proxy.clear()
        await trial.recovered()


async def poisonous_rows(context: Context) -> None:
    """Rows that the store refuses are among others: they alone become dead letters, whole."""
    async with context.cluster() as trial:
        poisoned: list[Appended] = []
        async with connected(trial.installation) as stream, trial.loaded():
            before = {letter.origin async for letter in dead_letters.read_all(stream)}
            for number in range(5):
                await trial.more(context.logs(50))
                body = {"workspace_id": "default", "type": "test", "input_tokens": f"poison {number}"}
                key = encode_key(Event(EventKind.CREATE, "default"))
                poisoned.append(await stream.append(LOGS_TOPIC, number, [Message(key, orjson.dumps(body))]))
                await trial.recovered()
        async with connected(trial.installation) as stream:
            origins = {letter.origin async for letter in dead_letters.read_all(stream)} - before
        expected = {f"{one.timestamp_ms}:{one.partition}:{one.offset}" for one in poisoned}
        trial.expect(origins == expected, f"the dead letters are {origins} instead of {expected}")


async def dead_letters_replayed_twice(context: Context) -> None:
    """Logs that were acknowledged and could not be stored keep their ids when they are replayed, also twice."""
    async with context.embedded() as trial:
        up = trial.installation.up
        await trial.installation.stop()
        up.sabotage = "refuse-marked"
        await trial.installation.start()
        entries = []
        async with trial.loaded():
            for _ in range(5):
                entry = trial.ledger.new(PROMPTLAYER)
                entry.body["function_name"] = REFUSED_TEXT
                await trial.client.send(entry)
                entries.append(entry)
                await trial.more(context.logs(20))
        up.sabotage = ""
        await trial.installation.stop()
        await trial.installation.start()
        async with trial.loaded():
            for _ in range(2):
                replayed = await asyncio.to_thread(up.run, "dead-letters", "replay", "--all")
                trial.expect(f"{len(entries)} replayed" in replayed, f"replay says {replayed!r}")
                await trial.more(context.logs(50))
        await trial.recovered()
        for entry in entries:
            await trial.client.check(entry)
