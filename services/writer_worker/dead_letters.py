"""Dead letters: records that can't become rows, kept whole in a topic of their own with what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.events import ORIGIN_HEADER, encode_origin
from shared.stream.base import DEAD_LETTERS_TOPIC, LOGS_TOPIC, Message
from shared.stream.reading import read_range

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.stream.base import Appended, Record, Stream

ERROR_HEADER: Final = "error"
MAX_ERROR_CHARACTERS: Final = 2000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as listed: its own position, the position it had first, and the error."""

    partition: int
    offset: int
    timestamp_ms: int
    origin: str
    error: str
    record: Record

    @property
    def name(self) -> str:
        """How people refer to it."""
        return f"{self.partition}:{self.offset}"


def message_of(record: Record, error: str) -> Message:
    """The message that keeps a record: its key, value and headers, its first position, and the error."""
    headers = record.headers
    if all(name != ORIGIN_HEADER for name, _ in headers):
        headers = (*headers, (ORIGIN_HEADER, encode_origin(record.timestamp_ms, record.partition, record.offset)))
    return Message(record.key, record.value, (*headers, (ERROR_HEADER, error[:MAX_ERROR_CHARACTERS].encode())))


async def append(stream: Stream, record: Record, error: str) -> None:
    """Keep one record. Durable on return; raises Unavailable when it is not."""
    await stream.append(DEAD_LETTERS_TOPIC, record.partition, [message_of(record, error)])


async def read_all(stream: Stream) -> AsyncIterator[DeadLetter]:
    """Every dead letter kept, partition by partition, oldest first, up to the ends as seen at the start."""
    starts = await stream.start_offsets(DEAD_LETTERS_TOPIC)
    for partition, end in sorted((await stream.end_offsets(DEAD_LETTERS_TOPIC)).items()):
        async for records in read_range(stream, DEAD_LETTERS_TOPIC, partition, starts[partition], end):
            for record in records:
                yield _letter(record)


async def replay(stream: Stream, letter: DeadLetter) -> Appended:
    """Append a dead letter to the logs topic again. It keeps the id and time of its first position.

    It may be replayed twice: the second time finds the log already there.
    """
    headers = tuple((name, value) for name, value in letter.record.headers if name != ERROR_HEADER)
    message = Message(letter.record.key, letter.record.value, headers)
    return await stream.append(LOGS_TOPIC, letter.partition, [message])


def _letter(record: Record) -> DeadLetter:
    headers = dict(record.headers)
    return DeadLetter(
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        origin=headers.get(ORIGIN_HEADER, b"").decode(errors="replace"),
        error=headers.get(ERROR_HEADER, b"").decode(errors="replace"),
        record=record,
    )
