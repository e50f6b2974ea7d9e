"""Reading one partition from an offset on, without a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.stream.kafka.closing import close_consumer
from shared.stream.kafka.consumer import FETCH_BYTES, PARTITION_FETCH_BYTES, to_record
from shared.stream.kafka.errors import translated

if TYPE_CHECKING:
    from shared.stream.base import Record
    from shared.stream.kafka.config import KafkaConfig


class KafkaReader:
    """See `Reader`. `topic` is named as the brokers know it."""

    def __init__(self, config: KafkaConfig, topic: str, partition: int) -> None:
        self._position = TopicPartition(topic, partition)
        self._close_timeout_s = config.produce_deadline_s
        self._consumer = AIOKafkaConsumer(
            **config.connection(),
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            fetch_max_bytes=FETCH_BYTES,
        )

    async def start(self, offset: int) -> None:
        """Connect and read from `offset`. Raises StreamUnavailable."""
        try:
            with translated(f"reading {self._position.topic}"):
                await self._consumer.start()
                self._consumer.assign([self._position])
                self._consumer.seek(self._position, offset)
        except BaseException:
            await self.close()
            raise

    async def read(self, max_records: int, timeout_s: float) -> list[Record]:
        """See `Reader.read`."""
        with translated(f"reading {self._position.topic}"):
            fetched = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        return [to_record(message) for message in fetched.get(self._position, ())]

    async def close(self) -> None:
        """See `Reader.close`."""
        await close_consumer(self._consumer, f"a reader of {self._position.topic}", self._close_timeout_s)
