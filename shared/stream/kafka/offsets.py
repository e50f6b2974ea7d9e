"""Looking at offsets, without joining a group: one long-lived client each for logs and for groups."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import KafkaError, NoError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest

from shared.stream.kafka.closing import close_consumer
from shared.stream.kafka.errors import translated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from shared.stream.kafka.config import KafkaConfig

_RETRY_S: Final = 0.05
"""Pause before a group's coordinator is looked for again."""


class Offsets:
    """Reads offsets. Topics and groups are named as the brokers know them. Calls end within the produce deadline."""

    def __init__(self, config: KafkaConfig) -> None:
        connection: dict[str, Any] = {
            **config.connection(),
            "request_timeout_ms": int(config.produce_deadline_s * 500),
        }
        self._deadline_s = config.produce_deadline_s
        self._groups = AIOKafkaClient(**connection)
        self._logs = AIOKafkaConsumer(**connection)
        self._coordinators: dict[str, int] = {}

    async def start(self) -> None:
        """Connect. Raises aiokafka's errors."""
        await self._groups.bootstrap()
        await self._logs.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._groups.close()
        await close_consumer(self._logs, "the client for offsets", self._deadline_s)

    async def ends(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """The offset of the next record of each partition, as its leader knows it now."""
        async with self._bounded("reading end offsets"):
            found = await self._logs.end_offsets([TopicPartition(topic, partition) for partition in partitions])
            return {position.partition: offset for position, offset in found.items()}

    async def starts(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """The offset of the oldest record kept of each partition."""
        async with self._bounded("reading start offsets"):
            found = await self._logs.beginning_offsets([TopicPartition(topic, partition) for partition in partitions])
            return {position.partition: offset for position, offset in found.items()}

    async def committed(self, topic: str, group: str, partitions: Iterable[int]) -> dict[int, int]:
        """What a group committed, for the partitions where it did. One request once the coordinator is known."""
        request = OffsetFetchRequest(group, [(topic, list(partitions))])
        async with self._bounded("reading committed offsets"):
            while True:
                try:
                    return await self._committed(group, request)
                except KafkaError as error:
                    self._coordinators.pop(group, None)
                    if not error.retriable:
                        raise
                await asyncio.sleep(_RETRY_S)

    async def _committed(self, group: str, request: OffsetFetchRequest) -> dict[int, int]:
        node = self._coordinators.get(group)
        if node is None:
            node = await self._groups.coordinator_lookup(CoordinationType.GROUP, group)
            self._coordinators[group] = node
        response = await self._groups.send(node, request, group=ConnectionGroup.COORDINATION)
        # aiokafka's own reading of this answer looks only at the errors of partitions. A coordinator that moved or is
        # loading answers with an error for all and no partitions, which would read as "nothing committed".
        _raise_for(getattr(response, "error_code", 0))
        committed: dict[int, int] = {}
        for _, entries in response.topics:
            for partition, offset, _, code in entries:
                _raise_for(code)
                if offset >= 0:
                    committed[partition] = offset
        return committed

    @asynccontextmanager
    async def _bounded(self, doing: str) -> AsyncIterator[None]:
        with translated(doing):
            async with asyncio.timeout(self._deadline_s):
                yield


def _raise_for(code: int) -> None:
    error = for_code(code)
    if error is not NoError:
        raise error()
