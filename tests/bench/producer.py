"""aiokafka alone, in a process of its own: how many records of the same bytes it gets acknowledged."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from aiokafka import AIOKafkaProducer

from shared.stream.base import LOGS_TOPIC
from shared.stream.kafka import KafkaConfig, KafkaStream
from tests.bench import logs
from tests.bench.kafka import PARTITIONS
from tests.bench.remote import Remote, Worker

PREFIX: Final = "reference-"
"""Of its topics, which are made as the product's are."""

_POOL: Final = 10_000
"""Different records, which are sent over and over: nothing on the way compresses them."""


class Producer(Remote):
    """Batches of `batch` bodies of this size, `at_once` of them under way, with acks=all."""

    def __init__(self, cores: frozenset[int], bootstrap: str, size: int, batch: int, at_once: int) -> None:
        super().__init__(cores, _Producer, bootstrap, size, batch, at_once)

    def send(self, seconds: float) -> float:
        """Send as much as is taken for so long; records acknowledged a second."""
        return float(self.ask("send", seconds))


class _Producer(Worker):
    def __init__(self, bootstrap: str, size: int, batch: int, at_once: int) -> None:
        self._config = KafkaConfig(bootstrap, prefix=PREFIX, partitions=PARTITIONS)
        self._batch, self._at_once = batch, at_once
        source = logs.bodies(size, "producer")
        self._values = [source.body(number) for number in range(max(batch, _POOL * logs.SIZES["2KB"] // size))]
        self._producer: AIOKafkaProducer

    async def start(self) -> None:
        stream = KafkaStream(self._config)
        await stream.start()  # makes the topics
        await stream.stop()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._config.bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=self._config.max_batch_bytes,
            max_request_size=self._config.max_message_bytes,
        )
        await self._producer.start()

    async def stop(self) -> None:
        await self._producer.stop()

    async def send(self, seconds: float) -> float:
        began = time.perf_counter()
        sent = 0

        async def work(number: int) -> None:
            nonlocal sent
            position = number * self._batch
            while time.perf_counter() < began + seconds:
                builder = self._producer.create_batch()
                for _ in range(self._batch):
                    builder.append(key=None, value=self._values[position % len(self._values)], timestamp=None)
                    position += 1
                done = await self._producer.send_batch(
                    builder, self._config.name(LOGS_TOPIC), partition=number % PARTITIONS
                )
                await done
                sent += self._batch

        await asyncio.gather(*(work(number) for number in range(self._at_once)))
        return sent / (time.perf_counter() - began)
