"""Keeps one working idempotent producer. aiokafka's can get stuck for good, so it is replaced, not repaired.

A batch that failed, or that nobody answered for, has used up sequence numbers that the broker never saw: every later
batch of that partition is refused as out of order (aiokafka#1017). The same happens when a broker forgot an idle
producer. A new producer starts with a new id and new numbers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaProducer

from shared.stream import metrics
from shared.stream.kafka.errors import FAILURES

if TYPE_CHECKING:
    from shared.stream.kafka.config import KafkaConfig

log = logging.getLogger(__name__)

_RETRY_S: Final = 0.2
"""Pause between attempts to start a new producer."""


class ProducerSupervisor:
    """Owns the current producer. `replacements` counts, by reason, how often it was replaced."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._ready = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()
        self.current: AIOKafkaProducer | None = None
        self.replacements: Counter[str] = Counter()

    async def start(self) -> None:
        """Start the first producer. Raises aiokafka's errors."""
        self.current = await self._make()
        self._ready.set()

    async def stop(self) -> None:
        """Close the producer, and those that are being closed, within twice the produce deadline."""
        producer, self.current = self.current, None
        self._ready.clear()
        for task in self._background:
            if task.get_name() == "renew":
                task.cancel()
        if producer is not None:
            await self._retire(producer)
        if self._background:
            await asyncio.wait(self._background)

    async def get(self) -> AIOKafkaProducer:
        """The current producer; waits until there is one."""
        while self.current is None:
            await self._ready.wait()
        return self.current

    def replace(self, producer: AIOKafkaProducer, reason: str) -> None:
        """Take a producer out of use. Batches it has under way may still succeed while it is closed."""
        if producer is not self.current:
            return
        log.warning("kafka: the producer is replaced: %s", reason)
        self.replacements[reason] += 1
        metrics.PRODUCER_REPLACEMENTS.labels(reason).inc()
        self.current = None
        self._ready.clear()
        for name, coroutine in (("retire", self._retire(producer)), ("renew", self._renew())):
            task = asyncio.create_task(coroutine, name=name)
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def _renew(self) -> None:
        while True:
            try:
                self.current = await self._make()
            except FAILURES as error:
                log.warning("kafka: no new producer yet: %s", error)
                await asyncio.sleep(_RETRY_S)
            else:
                self._ready.set()
                return

    async def _make(self) -> AIOKafkaProducer:
        deadline_s = self._config.produce_deadline_s
        producer = AIOKafkaProducer(
            **self._config.connection(),
            acks="all",
            enable_idempotence=True,
            # The size at which a batch is closed is ours to choose; this is only the hard limit of one.
            max_batch_size=self._config.max_message_bytes,
            max_request_size=self._config.max_message_bytes,
            # A connection that went dead is noticed within the deadline, so that a second attempt fits into it.
            request_timeout_ms=int(deadline_s * 500),
        )
        try:
            async with asyncio.timeout(deadline_s):
                await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _retire(self, producer: AIOKafkaProducer) -> None:
        """Close a producer that may be stuck: `stop` alone waits for batches that are sent again for ever."""
        stopping = asyncio.ensure_future(producer.stop())
        await asyncio.wait([stopping], timeout=self._config.produce_deadline_s)
        if not stopping.done():
            # The sender ends once its requests in flight are answered or time out, and that ends `stop`.
            producer._sender.sender_task.cancel()
            await asyncio.wait([stopping], timeout=self._config.produce_deadline_s)
            stopping.cancel()
        accumulator: Any = producer._message_accumulator
        # A batch that waits to be sent again is no pending one, and still takes itself out of those at its end: were it
        # missing there, a KeyError would be logged that means nothing to anybody.
        accumulator._pending_batches.update(chain.from_iterable(accumulator._batches.values()))
        for batch in list(accumulator._pending_batches):
            batch.future.cancel()
        if stopping.done() and not stopping.cancelled() and stopping.exception() is not None:
            log.warning("kafka: closing a producer failed: %r", stopping.exception())
