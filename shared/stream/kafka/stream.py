"""`KafkaStream`: the port over a Kafka cluster."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

from aiokafka.admin import AIOKafkaAdminClient

from shared.errors import StreamUnavailable
from shared.stream.base import DEAD_LETTERS_TOPIC, LOGS_TOPIC
from shared.stream.kafka import topics
from shared.stream.kafka.config import PLAINTEXT
from shared.stream.kafka.consumer import KafkaConsumer
from shared.stream.kafka.errors import translated
from shared.stream.kafka.offsets import Offsets
from shared.stream.kafka.producer import BatchProducer
from shared.stream.kafka.reader import KafkaReader
from shared.stream.kafka.refusals import raise_refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.stream.base import Appended, AssignmentListener, Message, TopicInfo
    from shared.stream.kafka.config import KafkaConfig

DEAD_LETTER_BYTES: Final = 16 << 10
"""What a dead letter has more than its record: a record that was taken must fit among the dead letters too."""

_START_TIMEOUT_S: Final = 30
"""How long `start` waits for brokers that accept connections but are not ready."""


class KafkaStream:
    """A stream on Kafka. Topics are named as in the port, whatever prefix they have on the brokers."""

    def __init__(self, config: KafkaConfig) -> None:
        self.config = config
        self._topics: dict[str, topics.Topic] = {}
        self._producer: BatchProducer | None = None
        self._offsets: Offsets | None = None

    @property
    def producer_replacements(self) -> Counter[str]:
        """How often a producer that could no longer succeed was replaced, by reason."""
        return Counter() if self._producer is None else self._producer.replacements

    async def start(self) -> None:
        """See `Stream.start`."""
        try:
            with translated(f"starting with {self.config.bootstrap}"):
                async with asyncio.timeout(_START_TIMEOUT_S):
                    await self._start()
        except StreamUnavailable:
            await self.stop()
            if self.config.security_protocol != PLAINTEXT:
                await raise_refusal(self.config)
            raise
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        admin = AIOKafkaAdminClient(**self.config.connection())
        try:
            await admin.start()
            self._topics = await topics.prepare(self.config, admin)
        finally:
            await admin.close()
        self._offsets = Offsets(self.config)
        await self._offsets.start()
        if self.config.read_only:
            return
        limits = {topic.info.name: topic.max_message_bytes for topic in self._topics.values()}
        letters = min(self._topics[DEAD_LETTERS_TOPIC].max_message_bytes, self.config.max_message_bytes)
        logs = self._topics[LOGS_TOPIC].info.name
        limits[logs] = min(limits[logs], letters - DEAD_LETTER_BYTES)
        self._producer = BatchProducer(self.config, limits)
        await self._producer.start()

    async def stop(self) -> None:
        """See `Stream.stop`."""
        if self._producer is not None:
            await self._producer.stop()
        if self._offsets is not None:
            await self._offsets.stop()
            self._offsets = None

    def topics(self) -> dict[str, TopicInfo]:
        """See `Stream.topics`."""
        return {name: topic.info for name, topic in self._topics.items()}

    def partitions(self, topic: str) -> int:
        """See `Stream.partitions`."""
        return self._topics[topic].info.partitions

    async def append(self, topic: str, partition: int, messages: Sequence[Message]) -> Appended:
        """See `Stream.append`."""
        if self._producer is None:
            raise StreamUnavailable("the stream is not started")
        if not messages:
            raise ValueError("nothing to append")
        if not 0 <= partition < self.partitions(topic):
            raise ValueError(f"{topic} has no partition {partition}")
        return await self._producer.append(self.config.name(topic), partition, messages)

    async def end_offsets(self, topic: str) -> dict[int, int]:
        """See `Stream.end_offsets`."""
        return await self._connected().ends(self.config.name(topic), range(self.partitions(topic)))

    async def start_offsets(self, topic: str) -> dict[int, int]:
        """See `Stream.start_offsets`."""
        return await self._connected().starts(self.config.name(topic), range(self.partitions(topic)))

    async def committed(self, topic: str, group: str) -> dict[int, int]:
        """See `Stream.committed`."""
        partitions = range(self.partitions(topic))
        found = await self._connected().committed(self.config.name(topic), self.config.name(group), partitions)
        return {partition: found.get(partition, 0) for partition in partitions}

    def consumer(self, topic: str, group: str, listener: AssignmentListener) -> KafkaConsumer:
        """See `Stream.consumer`."""
        name = self.config.name
        return KafkaConsumer(self.config, self._connected(), name(topic), name(group), listener)

    async def reader(self, topic: str, partition: int, offset: int) -> KafkaReader:
        """See `Stream.reader`."""
        oldest = await self.start_offsets(topic)
        reader = KafkaReader(self.config, self.config.name(topic), partition)
        await reader.start(max(offset, oldest[partition]))
        return reader

    def _connected(self) -> Offsets:
        if self._offsets is None:
            raise StreamUnavailable("the stream is not started")
        return self._offsets
