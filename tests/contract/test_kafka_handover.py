"""How long partitions are nobody's when a member joins or leaves: what was just appended can't be read meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from shared.stream.base import LOGS_TOPIC
from shared.stream.kafka import KafkaStream
from shared.stream.kafka.consumer import HEARTBEAT_S
from tests.support.streams import PARTITIONS, Listener, kafka_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.stream.base import Consumer

GROUP = "group"
LONGEST_S = HEARTBEAT_S + 1.5
"""A heartbeat, and what the broker and a busy machine take for a rebalance."""


async def test_partitions_change_hands_soon_when_members_join_and_leave(kafka: str) -> None:
    stream = KafkaStream(kafka_config(kafka))
    await stream.start()
    stays, comes = Listener(), Listener()
    try:
        async with member(stream, stays):
            for _ in range(4):  # one lucky heartbeat proves nothing
                began = time.monotonic()
                async with member(stream, comes):
                    await settled(stays, PARTITIONS // 2, began + LONGEST_S)
                    left = time.monotonic()
                await settled(stays, PARTITIONS, left + LONGEST_S)
    finally:
        await stream.stop()


@contextlib.asynccontextmanager
async def member(stream: KafkaStream, listener: Listener) -> AsyncIterator[None]:
    """A member that fetches all the time, as the writer does."""
    consumer = stream.consumer(LOGS_TOPIC, GROUP, listener)
    await consumer.start()
    fetching = asyncio.create_task(fetch_on(consumer))
    try:
        yield
    finally:
        fetching.cancel()
        await asyncio.wait([fetching])
        await consumer.stop()


async def fetch_on(consumer: Consumer) -> None:
    while True:
        await consumer.fetch(10, 0.1)


async def settled(listener: Listener, partitions: int, deadline: float) -> None:
    """Return when the listener owns so many partitions."""
    while len(listener.owned) != partitions:
        assert time.monotonic() < deadline, f"still owns {sorted(listener.owned)}"
        await asyncio.sleep(0.01)
