"""Reading one log by id, on a real stream and a real store: which of them is asked first, and what if one is away."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from services.query_api.log_reader import FRESH_MS, LogReader
from shared import ids
from shared.errors import StreamUnavailable
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP, Appended, Message
from shared.stream.sqlite import SqliteStream
from shared.visibility import Visibility
from tests.support.streams import Listener

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from shared.backends import Backends
    from shared.store.base import QueryLimits, Row
    from shared.store.chdb_store import ChdbStore


class Stream(SqliteStream):
    """Counts looks at the end of the log, and can be away."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, partitions=1)
        self.looks = 0
        self.looked = asyncio.Event()
        self.is_away = False

    async def end_offsets(self, topic: str) -> dict[int, int]:
        self.looks += 1
        self.looked.set()
        if self.is_away:
            raise StreamUnavailable("the stream is away")
        return await super().end_offsets(topic)


class Store:
    """Counts queries."""

    def __init__(self, store: ChdbStore) -> None:
        self._store = store
        self.queries = 0

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> list[Row]:
        self.queries += 1
        return await self._store.query(sql, parameters, limits)


class Parts:
    """A reader over real parts. `now_ms` is its clock."""

    def __init__(self, stream: Stream, store: ChdbStore) -> None:
        self.stream = stream
        self.chdb = store
        self.store = Store(store)
        self.now_ms = 0
        self.visibility = Visibility(stream, timeout_s=20)
        backends = SimpleNamespace(stream=stream, store=self.store, visibility=self.visibility)
        self.reader = LogReader(cast("Backends", backends), lambda: self.now_ms / 1000)

    async def accept(self) -> int:
        """The id of a log that is in the stream, and not in the store. It is now."""
        appended: Appended = await self.stream.append(LOGS_TOPIC, 0, [Message(b"key", b"value")])
        self.now_ms = appended.timestamp_ms
        return ids.mint(appended.timestamp_ms, appended.partition, appended.offset)

    async def insert(self, log_id: int) -> None:
        row = {"workspace_id": "acme", "id": log_id, "version": 1, "received_at": self.now_ms / 1000, "model": "m"}
        await self.chdb.insert("logs_in", orjson.dumps(row))

    async def commit(self) -> None:
        consumer = self.stream.consumer(LOGS_TOPIC, WRITER_GROUP, Listener())
        await consumer.start()
        await consumer.commit({0: 1})
        await consumer.stop()


@pytest.fixture
async def parts(tmp_path: Path, chdb_store: ChdbStore) -> AsyncIterator[Parts]:
    stream = Stream(tmp_path / "stream.db")
    await stream.start()
    parts = Parts(stream, chdb_store)
    yield parts
    await parts.visibility.stop()
    await stream.stop()


async def test_the_store_is_not_asked_for_a_fresh_log_before_it_is_applied(parts: Parts) -> None:
    log_id = await parts.accept()
    reading = asyncio.create_task(parts.reader.by_id("acme", log_id))
    await parts.stream.looked.wait()
    await parts.insert(log_id)
    assert parts.store.queries == 0
    await parts.commit()
    stored = await reading
    assert stored is not None
    assert stored.log["model"] == "m"
    assert parts.store.queries == 2, "one for each of its two rows"


async def test_an_older_log_is_read_without_the_stream(parts: Parts) -> None:
    log_id = await parts.accept()
    await parts.insert(log_id)
    parts.now_ms += FRESH_MS + ids.MINUTE_MS
    parts.stream.is_away = True
    assert await parts.reader.by_id("acme", log_id) is not None
    assert await parts.reader.head_by_id("acme", log_id) is not None
    assert parts.stream.looks == 0


async def test_a_fresh_log_that_is_stored_is_found_while_the_stream_is_away(parts: Parts) -> None:
    log_id = await parts.accept()
    await parts.insert(log_id)
    parts.stream.is_away = True
    assert await parts.reader.by_id("acme", log_id) is not None
    assert await parts.reader.head_by_id("acme", log_id) is not None


async def test_a_fresh_log_that_is_not_stored_is_never_denied_while_the_stream_is_away(parts: Parts) -> None:
    log_id = await parts.accept()
    parts.stream.is_away = True
    with pytest.raises(StreamUnavailable):
        await parts.reader.by_id("acme", log_id)
    with pytest.raises(StreamUnavailable):
        await parts.reader.head_by_id("acme", log_id)


async def test_a_fresh_log_that_the_stream_never_had_is_none(parts: Parts) -> None:
    log_id = await parts.accept()
    assert await parts.reader.by_id("acme", log_id + 1) is None
