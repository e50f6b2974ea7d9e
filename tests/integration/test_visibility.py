"""The read barrier on a real stream: who waits, who is told no, and who is told to come back."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from services.ingest_gateway.humanloop.file_logs import wait_until_shown
from shared import ids
from shared.errors import NotYetQueryable
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP, Appended, Message
from shared.stream.sqlite import SqliteStream
from shared.visibility import Visibility
from tests.support.streams import Listener

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Counting(SqliteStream):
    """A stream that counts how often the committed offsets, and the end offsets, are asked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, partitions=2)
        self.looks = 0
        self.looks_at_end = 0
        self.looked = asyncio.Event()

    async def committed(self, topic: str, group: str) -> dict[int, int]:
        self.looks += 1
        self.looked.set()
        return await super().committed(topic, group)

    async def end_offsets(self, topic: str) -> dict[int, int]:
        self.looks_at_end += 1
        return await super().end_offsets(topic)


@pytest.fixture
async def stream(tmp_path: Path) -> AsyncIterator[Counting]:
    stream = Counting(tmp_path / "stream.db")
    await stream.start()
    yield stream
    await stream.stop()


@pytest.fixture
async def visibility(stream: Counting) -> AsyncIterator[Visibility]:
    visibility = Visibility(stream, timeout_s=0.3)
    yield visibility
    await visibility.stop()


async def append(stream: SqliteStream) -> Appended:
    return await stream.append(LOGS_TOPIC, 0, [Message(b"key", b"value")])


async def commit(stream: SqliteStream, offset: int) -> None:
    consumer = stream.consumer(LOGS_TOPIC, WRITER_GROUP, Listener())
    await consumer.start()
    await consumer.commit({0: offset})
    await consumer.stop()


def id_of(appended: Appended) -> int:
    return ids.mint(appended.timestamp_ms, appended.partition, appended.offset)


async def test_an_accepted_log_is_waited_for_and_then_may_exist(stream: Counting, visibility: Visibility) -> None:
    appended = await append(stream)
    waiting = asyncio.create_task(visibility.may_exist(id_of(appended)))
    await commit(stream, 1)
    assert await waiting is True


async def test_an_accepted_log_that_is_not_applied_in_time_is_never_denied(
    stream: Counting, visibility: Visibility
) -> None:
    appended = await append(stream)
    with pytest.raises(NotYetQueryable, match="accepted"):
        await visibility.may_exist(id_of(appended))


async def test_what_cannot_exist_is_denied_at_once(stream: Counting) -> None:
    patient = Visibility(stream, timeout_s=60)
    appended = await append(stream)
    now_ms = int(time.time() * 1000)
    started = time.monotonic()
    assert not await patient.may_exist(ids.mint(now_ms, 0, appended.offset + 1))
    assert not await patient.may_exist(ids.mint(now_ms, 1, 0))
    assert not await patient.may_exist(ids.mint(now_ms, 2, 0))
    assert not await patient.may_exist(ids.mint(now_ms + 10 * ids.MINUTE_MS, 0, appended.offset))
    assert time.monotonic() - started < 30
    await patient.stop()


async def test_the_end_of_an_empty_partition_is_reached(visibility: Visibility) -> None:
    await visibility.wait_for_end(1)


async def test_waiters_share_one_poller_and_nothing_polls_without_them(stream: Counting) -> None:
    visibility = Visibility(stream, timeout_s=60)
    appended = await append(stream)
    waiting = [asyncio.create_task(visibility.wait_for_append(appended)) for _ in range(100)]
    await asyncio.sleep(0)
    await commit(stream, 1)
    await asyncio.gather(*waiting)
    assert stream.looks < 100
    await visibility.stop()
    looks = stream.looks
    await append(stream)
    assert stream.looks == looks


async def test_readers_share_looks_at_the_end_of_the_log_and_see_all_that_was_appended_before(
    stream: Counting, visibility: Visibility
) -> None:
    appended = [await append(stream) for _ in range(200)]
    await commit(stream, 200)
    stream.looks_at_end = 0
    assert all(await asyncio.gather(*[visibility.may_exist(id_of(position)) for position in appended]))
    assert stream.looks_at_end < 10
    for _ in range(20):
        older = asyncio.create_task(visibility.may_exist(id_of(appended[0])))
        await asyncio.sleep(0)
        position = await append(stream)
        await commit(stream, position.offset + 1)
        assert await visibility.may_exist(id_of(position))
        assert await older


async def test_a_stop_tells_waiters_to_come_back(stream: Counting) -> None:
    visibility = Visibility(stream, timeout_s=60)
    waiting = asyncio.create_task(visibility.wait_for_append(await append(stream)))
    await stream.looked.wait()
    await visibility.stop()
    with pytest.raises(NotYetQueryable):
        await waiting


# A log of an evaluator is answered when the log that it judged shows it, or a second later.


async def test_a_log_that_another_shows_is_waited_for_until_it_is_stored(stream: Counting) -> None:
    visibility = Visibility(stream, timeout_s=60)
    waiting = asyncio.create_task(wait_until_shown(visibility, id_of(await append(stream))))
    await stream.looked.wait()
    assert not waiting.done()
    await commit(stream, 1)
    await waiting
    await visibility.stop()


@pytest.mark.parametrize("timeout_s", [0.1, 60])
async def test_a_writer_that_stands_still_does_not_stop_ingestion(stream: Counting, timeout_s: float) -> None:
    """Whichever wait ends first, that for anything or that for judgments."""
    visibility = Visibility(stream, timeout_s=timeout_s)
    await wait_until_shown(visibility, id_of(await append(stream)))
    assert stream.looks > 0
    await visibility.stop()
