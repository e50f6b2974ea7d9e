"""Kafka for measures: topics come and go, and logs are appended by the thousand."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from shared.stream.base import LOGS_TOPIC, Message
from shared.stream.kafka import KafkaConfig, KafkaStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from shared.stream.base import Stream

PARTITIONS: Final = 8
_AT_ONCE: Final = 250
"""Messages of one append: about half of what a batch holds."""

_AT_ONCE_WARMING_UP: Final = 64
_LOOK_S: Final = 0.02
_PATIENCE_S: Final = 300.0


def url(bootstrap: str) -> str:
    """What SLUICE_STREAM is for the product."""
    return f"kafka://{bootstrap}?partitions={PARTITIONS}"


@contextlib.asynccontextmanager
async def connected(bootstrap: str) -> AsyncIterator[Stream]:
    """The stream, from outside of the product's processes."""
    stream = KafkaStream(KafkaConfig(bootstrap, client_id="sluice-bench", partitions=PARTITIONS))
    await stream.start()
    try:
        yield stream
    finally:
        await stream.stop()


async def delete_topics(bootstrap: str) -> None:
    """Delete all topics but Kafka's own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        while ours := [topic for topic in await admin.list_topics() if not topic.startswith("__")]:
            await admin.delete_topics(ours)
            await asyncio.sleep(_LOOK_S)
    finally:
        await admin.close()


@contextlib.asynccontextmanager
async def group(bootstrap: str, name: str) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """A way to commit offsets of the logs topic for a group that has no members."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=name, enable_auto_commit=False)
    await consumer.start()
    positions = [TopicPartition(LOGS_TOPIC, partition) for partition in range(PARTITIONS)]
    consumer.assign(positions)

    async def commit(offset: int) -> None:
        await consumer.commit(dict.fromkeys(positions, OffsetAndMetadata(offset, "")))

    try:
        yield commit
    finally:
        await consumer.stop()


async def warm_up(bootstrap: str, seconds: float) -> None:
    """Append single logs for so long: until its code is compiled, a broker takes ten times the CPU."""
    message = Message(b"warm-up", b"-" * 2_000)
    over = time.monotonic() + seconds
    async with connected(bootstrap) as stream:

        async def work(number: int) -> None:
            while time.monotonic() < over:
                await stream.append(LOGS_TOPIC, number % PARTITIONS, [message])

        await asyncio.gather(*(work(number) for number in range(_AT_ONCE_WARMING_UP)))


async def append_all(stream: Stream, messages: Sequence[Message]) -> None:
    """Append logs to all partitions in turn; all are acknowledged on return."""
    partitions = stream.partitions(LOGS_TOPIC)

    async def fill(partition: int) -> None:
        own = messages[partition::partitions]
        for start in range(0, len(own), _AT_ONCE):
            await stream.append(LOGS_TOPIC, partition, own[start : start + _AT_ONCE])

    await asyncio.gather(*(fill(partition) for partition in range(partitions)))


async def until_applied(stream: Stream, group: str) -> None:
    """Return when a group has committed all there is. Raises TimeoutError after five minutes."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            if await stream.committed(LOGS_TOPIC, group) == await stream.end_offsets(LOGS_TOPIC):
                return
            await asyncio.sleep(_LOOK_S)
