"""Writers that share a group on a real broker: what one gives up the other writes; nothing is lost or done twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from services.writer_worker.config import WriterConfig
from services.writer_worker.writer import Writer
from shared.errors import StoreUnavailable
from shared.events import Event, EventKind, encode_key
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP, Appended, Message
from shared.stream.kafka import KafkaConfig, KafkaStream
from shared.visibility import Visibility

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from shared.store.base import AnswerLimits, QueryLimits, Row
    from shared.store.chdb_store import ChdbStore

PARTITIONS = 4


class SlowStore:
    """The real store, whose inserts wait for a gate and are refused while it is `down`."""

    def __init__(self, store: ChdbStore) -> None:
        self._store = store
        self.gate = asyncio.Event()
        self.gate.set()
        self.down = False
        self.waiting = asyncio.Event()

    async def insert(self, table: str, rows: bytes) -> None:
        self.waiting.set()
        await self.gate.wait()
        if self.down:
            raise StoreUnavailable("down")
        await self._store.insert(table, rows)

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> list[Row]:
        return await self._store.query(sql, parameters, limits)

    async def answer(self, sql: str, parameters: Mapping[str, Any], limits: AnswerLimits, output_format: str) -> bytes:
        return await self._store.answer(sql, parameters, limits, output_format)

    async def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        await self._store.execute(sql, parameters)

    async def ping(self) -> None:
        return

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        return


class Member:
    """A writer in a task."""

    def __init__(self, stream: KafkaStream, store: SlowStore, **config: Any) -> None:
        self._stop = asyncio.Event()
        self.writer = Writer(stream, store, WriterConfig(**config))
        self._task = asyncio.create_task(self.writer.run(self._stop))

    async def owns(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.writer.waiting()) != count:  # noqa: ASYNC110 (a rebalance, with no event here)
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        self._stop.set()
        await self._task


@pytest.fixture
async def stream(kafka: str, database_name: str) -> AsyncIterator[KafkaStream]:
    stream = KafkaStream(KafkaConfig(kafka, prefix=f"{database_name}.", partitions=PARTITIONS))
    await stream.start()
    yield stream
    await stream.stop()


async def create(stream: KafkaStream, partition: int) -> Appended:
    value = orjson.dumps({"workspace_id": "default", "type": "test"})
    message = Message(encode_key(Event(EventKind.CREATE, "default")), value)
    return await stream.append(LOGS_TOPIC, partition, [message])


async def count(store: SlowStore) -> tuple[int, int]:
    """(logs, rows before any merge took place)"""
    (row,) = await store.query("SELECT count() AS logs FROM log_records")
    (rows,) = await store.query("SELECT count() AS all_rows FROM logs")
    return int(row["logs"]), int(rows["all_rows"])


async def test_a_member_that_joins_under_load_takes_over_without_loss(
    stream: KafkaStream, chdb_store: ChdbStore
) -> None:
    store = SlowStore(chdb_store)
    visibility = Visibility(stream, timeout_s=60)
    first = Member(stream, store)
    await first.owns(PARTITIONS)
    appended = [await create(stream, number % PARTITIONS) for number in range(200)]
    second = Member(stream, store)
    while len(second.writer.waiting()) != PARTITIONS // 2:
        appended.append(await create(stream, len(appended) % PARTITIONS))
    appended += [await create(stream, number % PARTITIONS) for number in range(200)]
    await first.stop()
    appended += [await create(stream, number % PARTITIONS) for number in range(200)]
    await asyncio.gather(*[visibility.wait_for_append(one) for one in appended])
    logs, _ = await count(store)
    assert logs == len(appended)
    await second.stop()
    await visibility.stop()


async def test_a_revoked_partition_is_not_committed_by_its_old_owner(
    stream: KafkaStream, chdb_store: ChdbStore
) -> None:
    store = SlowStore(chdb_store)
    store.gate.clear()
    first = Member(stream, store, drain_timeout_s=0.5)
    await first.owns(PARTITIONS)
    appended = [await create(stream, partition) for partition in range(PARTITIONS)]
    await store.waiting.wait()
    second = Member(stream, SlowStore(chdb_store), drain_timeout_s=0.5)
    await second.owns(PARTITIONS // 2)
    taken = set(second.writer.waiting())
    visibility = Visibility(stream, timeout_s=60)
    for one in appended:
        if one.partition in taken:
            await visibility.wait_for_append(one)
    store.gate.set()
    await asyncio.gather(*[visibility.wait_for_append(one) for one in appended])
    assert await stream.committed(LOGS_TOPIC, WRITER_GROUP) == dict.fromkeys(range(PARTITIONS), 1)
    logs, _ = await count(store)
    assert logs == PARTITIONS
    await first.stop()
    await second.stop()
    await visibility.stop()


async def test_a_hand_over_does_not_wait_for_a_store_that_is_down(stream: KafkaStream, chdb_store: ChdbStore) -> None:
    store = SlowStore(chdb_store)
    store.down = True
    first = Member(stream, store, drain_timeout_s=60)
    await first.owns(PARTITIONS)
    await create(stream, 0)
    await store.waiting.wait()
    second = Member(stream, store, drain_timeout_s=60)
    await second.owns(PARTITIONS // 2)
    store.down = False
    visibility = Visibility(stream, timeout_s=60)
    await visibility.wait_for_end(0)
    await first.stop()
    await second.stop()
    await visibility.stop()
