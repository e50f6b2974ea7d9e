"""Records of every kind for a writer, and running one until it has applied them."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson

from services.writer_worker.config import WriterConfig
from services.writer_worker.writer import Writer
from shared import ids
from shared.events import Event, EventKind, encode_key
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP, Appended, Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.store.base import LogStore
    from shared.stream.base import Stream

WORKSPACE = "default"


async def append(stream: Stream, partition: int, event: Event, body: dict[str, Any]) -> Appended:
    """Append one event."""
    return await stream.append(LOGS_TOPIC, partition, [Message(encode_key(event), orjson.dumps(body))])


async def create(stream: Stream, partition: int = 0, **body: Any) -> Appended:
    """Append a log with these columns."""
    names = {name: body.get(name) for name in ("external_id", "fingerprint")}
    return await append(
        stream,
        partition,
        Event(EventKind.CREATE, WORKSPACE, **names),
        {"workspace_id": WORKSPACE, "type": "test", **body},
    )


async def patch(stream: Stream, partition: int, log_id: int, **body: Any) -> Appended:
    """Append an update of a log."""
    return await append(stream, partition, Event(EventKind.PATCH, WORKSPACE, log_id=log_id), body)


def id_of(appended: Appended) -> int:
    """The id of the log that was appended there."""
    return ids.mint(appended.timestamp_ms, appended.partition, appended.offset)


async def append_all_kinds(stream: Stream, partition: int, name: str) -> None:
    """Records in which every outcome occurs that a first pass can have; `name` makes them unlike any other's."""
    first = await create(stream, partition, fingerprint=name, source="a")
    for _ in range(2):
        await create(stream, partition, fingerprint=name, source="a")  # re-sends
    for number in range(3):
        await patch(stream, partition, id_of(first), source=str(number))
    await patch(stream, partition, id_of(first) + ids.MAX_RECORDS_PER_MINUTE * 2**9, source="nobody's")
    await create(stream, partition, external_id=name, prompt_id="a")
    await create(stream, partition, external_id=name, prompt_id="a", source="b")
    await create(stream, partition, external_id=name, prompt_id="b")
    await create(stream, partition, input_tokens="not a number")
    second = await create(stream, partition)
    await patch(stream, partition, id_of(second), input_tokens="not a number")
    await stream.append(LOGS_TOPIC, partition, [Message(b"nonsense", b"{}")])
    for _ in range(3):
        await create(stream, partition)


OUTCOMES = Counter(created=6, duplicate=2, updated=4, unknown_log=1, id_taken=1, dead_letter=3)
"""What becomes of them: a refused update does not take its log along."""


@asynccontextmanager
async def writing(stream: Stream, store: LogStore) -> AsyncIterator[Writer]:
    """Inside, a writer runs; it is drained at the end."""
    stop = asyncio.Event()
    writer = Writer(stream, store, WriterConfig())
    task = asyncio.create_task(writer.run(stop))
    try:
        yield writer
    finally:
        stop.set()
        await task


async def applied(stream: Stream) -> dict[int, int]:
    """The committed offsets, once they are the end offsets."""
    async with asyncio.timeout(30):
        ends = await stream.end_offsets(LOGS_TOPIC)
        while await stream.committed(LOGS_TOPIC, WRITER_GROUP) != ends:  # noqa: ASYNC110 (no event in the port)
            await asyncio.sleep(0.02)
    return ends
