"""Reading stretches of a partition: for tools, which know where to begin and where to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.stream.base import Record, Stream

_CHUNK_RECORDS: Final = 1000
_READ_TIMEOUT_S: Final = 5.0


async def read_range(stream: Stream, topic: str, partition: int, start: int, end: int) -> AsyncIterator[list[Record]]:
    """The records from offset `start` (or the oldest kept) up to `end`, in order, in lists of at most 1,000.

    Ends early when the stream hands out no more for 5 s: the last offsets before `end` need not hold records. Raises
    StreamUnavailable.
    """
    if start >= end:
        return
    reader = await stream.reader(topic, partition, start)
    try:
        position = start
        while position < end and (records := await reader.read(_CHUNK_RECORDS, _READ_TIMEOUT_S)):
            position = records[-1].offset + 1
            yield [record for record in records if record.offset < end]
    finally:
        await reader.close()


async def record_at(stream: Stream, topic: str, partition: int, offset: int) -> Record | None:
    """The record at an offset, or the next one that there is; None when there is none. Raises StreamUnavailable."""
    reader = await stream.reader(topic, partition, offset)
    try:
        records = await reader.read(1, _READ_TIMEOUT_S)
    finally:
        await reader.close()
    return records[0] if records else None
