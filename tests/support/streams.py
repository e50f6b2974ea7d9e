"""Opening streams in tests: any number of connections to one log, all stopped at the end."""

from __future__ import annotations

import asyncio
import gc
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from shared.errors import OutcomeUnknown, StreamUnavailable
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP, Message, Record
from shared.stream.kafka import KafkaConfig, KafkaStream
from shared.stream.sqlite import SqliteStream

if TYPE_CHECKING:
    from pathlib import Path

    from shared.stream.base import Consumer, Stream

PARTITIONS: Final = 4

Connect = Callable[[], Awaitable["Stream"]]
"""A new connection to the test's log."""


def sqlite_stream(directory: Path) -> SqliteStream:
    """A stream in a file of the directory."""
    return SqliteStream(directory / "stream.db", partitions=PARTITIONS, sync=lambda: None)


def kafka_config(bootstrap: str) -> KafkaConfig:
    """Topics of its own on a shared cluster."""
    return KafkaConfig(bootstrap, prefix=f"test-{uuid.uuid4().hex[:12]}.", partitions=PARTITIONS)


def kafka_stream(config: KafkaConfig) -> KafkaStream:
    """A connection to the topics of the config."""
    return KafkaStream(config)


class Listener:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.owned: dict[int, int] = {}
        self.revoked: list[frozenset[int]] = []
        self.assigned: list[Mapping[int, int]] = []

    async def on_revoked(self, partitions: frozenset[int]) -> None:
        """See `AssignmentListener`."""
        self.revoked.append(partitions)
        for partition in partitions:
            del self.owned[partition]

    async def on_assigned(self, positions: Mapping[int, int]) -> None:
        """See `AssignmentListener`."""
        self.assigned.append(dict(positions))
        self.owned.update(positions)


async def read_all(stream: Stream, partition: int = 0, topic: str = LOGS_TOPIC, offset: int = 0) -> list[Record]:
    """Every record of a partition from an offset to its present end."""
    end = (await stream.end_offsets(topic))[partition]
    reader = await stream.reader(topic, partition, offset)
    records: list[Record] = []
    try:
        while not records or records[-1].offset < end - 1:
            found = await reader.read(1000, 5)
            if not found:
                break
            records += found
    finally:
        await reader.close()
    return records


async def fetch_until(consumer: Consumer, count: int, max_records: int = 1000) -> dict[int, list[Record]]:
    """What a consumer hands out until that is `count` records, by partition."""
    found: dict[int, list[Record]] = {}
    for _ in range(1000):
        for partition, records in (await consumer.fetch(max_records, 1)).items():
            assert len(records) <= max_records
            found.setdefault(partition, []).extend(records)
        if sum(map(len, found.values())) >= count:
            return found
    raise AssertionError(f"{found} is not {count} records")


async def lets_go_of_what_failed(stream: Stream) -> bool:
    """Whether an append, which must fail, keeps nothing of its message in memory until the garbage collector comes."""
    value = b"x" * 1000
    gc.disable()
    try:
        before = sys.getrefcount(value)
        try:
            await stream.append(LOGS_TOPIC, 0, [Message(b"k", value)])
        except (StreamUnavailable, OutcomeUnknown):
            pass
        else:
            raise AssertionError("the append did not fail")
        await asyncio.sleep(0)  # the event loop holds what woke this task until its next turn
        return sys.getrefcount(value) == before
    finally:
        gc.enable()


def messages(*values: str) -> list[Message]:
    """Messages with these values and the key `k`."""
    return [Message(b"k", value.encode()) for value in values]


__all__ = [
    "LOGS_TOPIC",
    "PARTITIONS",
    "WRITER_GROUP",
    "Connect",
    "Listener",
    "fetch_until",
    "kafka_config",
    "kafka_stream",
    "lets_go_of_what_failed",
    "messages",
    "read_all",
    "sqlite_stream",
]
