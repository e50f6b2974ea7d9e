"""Appending: one batch in flight per partition, and all that comes before the next one is sent goes into it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shared.deadlines import Deadlines
from shared.errors import OutcomeUnknown, StreamUnavailable, TooLarge
from shared.stream.base import Appended, Message
from shared.stream.kafka.batches import BATCH_BYTES, LateBatch, size_of
from shared.stream.kafka.errors import FAILURES, TOO_LARGE, append_error
from shared.stream.kafka.supervisor import ProducerSupervisor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka import AIOKafkaProducer

    from shared.stream.kafka.config import KafkaConfig

log = logging.getLogger(__name__)

_IN_FLIGHT_BYTES: Final = 64 << 20
"""Sent and not yet answered, over all partitions. They can end up in one request, and a broker closes the connection on
one bigger than its `socket.request.max.bytes` (100 MiB by default)."""

_RETRY_S: Final = 0.1
"""Pause before the metadata of a topic is asked for again."""


@dataclass(slots=True, eq=False)
class _Append:
    """One call of `append`. Until it is handed over nothing of it can be stored; from then on anything may happen."""

    lane: _Lane
    messages: Sequence[Message]
    size: int
    future: asyncio.Future[Appended]
    handed_over: bool = False


@dataclass(slots=True, eq=False)
class _Lane:
    """The way to one partition."""

    topic: str
    partition: int
    max_batch_bytes: int
    waiting: deque[_Append] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


class BatchProducer:
    """Appends to topics whose names and biggest batches (bytes) are given."""

    def __init__(self, config: KafkaConfig, limits: Mapping[str, int]) -> None:
        self._config = config
        self._limits = {topic: min(limit, config.max_message_bytes) for topic, limit in limits.items()}
        self._supervisor = ProducerSupervisor(config)
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._deadlines = Deadlines[_Append](config.produce_deadline_s, self._expire)
        self._flights = Deadlines[asyncio.Future[None]](config.produce_deadline_s, _complete)
        self._in_flight_bytes = 0
        self._landed = asyncio.Event()
        self._stopping = False

    @property
    def replacements(self) -> Counter[str]:
        """How often a stuck producer was replaced, by reason."""
        return self._supervisor.replacements

    async def start(self) -> None:
        """Connect. Raises aiokafka's errors."""
        await self._supervisor.start()

    async def stop(self) -> None:
        """Refuse new appends, finish those that wait within the produce deadline, disconnect."""
        self._stopping = True
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=self._config.produce_deadline_s)
            for task in unfinished:
                task.cancel()
        await self._supervisor.stop()

    async def append(self, topic: str, partition: int, messages: Sequence[Message]) -> Appended:
        """See `Stream.append`. Raises TooLarge when the messages don't fit into one batch."""
        size = size_of(messages)
        limit = self._limits[topic]
        if size > limit:
            raise _too_large(topic, size, limit)
        if self._stopping:
            raise StreamUnavailable("the stream is stopped")
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = _Lane(topic, partition, min(limit, self._config.max_batch_bytes))
            self._lanes[topic, partition] = lane
        append = _Append(lane, messages, size, asyncio.get_running_loop().create_future())
        lane.waiting.append(append)
        if lane.task is None:
            lane.task = asyncio.create_task(self._send_all(lane))
        self._deadlines.begin(append)
        try:
            return await append.future
        finally:
            self._deadlines.end(append)
            # The future has the exception, that has the traceback, and that has this frame: with the append in it, all
            # that failed would stay in memory until the garbage collector comes, and an outage makes a lot of it.
            del append

    def _expire(self, append: _Append) -> None:
        if append.future.done():
            return
        within = f"within {self._config.produce_deadline_s} s"
        if append.handed_over:
            append.future.set_exception(OutcomeUnknown(f"Kafka did not acknowledge the append {within}"))
        else:
            append.lane.waiting.remove(append)
            append.future.set_exception(StreamUnavailable(f"Kafka took no append {within}"))

    async def _send_all(self, lane: _Lane) -> None:
        """Send what waits, batch after batch, and end when nothing does."""
        try:
            while lane.waiting:
                producer = await self._supervisor.get()
                try:
                    await producer.partitions_for(lane.topic)
                except FAILURES as error:
                    log.warning("kafka: no metadata of topic %s: %s", lane.topic, error)
                    await asyncio.sleep(_RETRY_S)
                    continue
                if producer is self._supervisor.current and await self._has_room(lane):
                    await self._send(lane, producer)
        finally:
            lane.task = None
            for append in lane.waiting:
                _fail(append, StreamUnavailable("the stream is stopped"))
            lane.waiting.clear()

    async def _has_room(self, lane: _Lane) -> bool:
        """Whether the next batch may be in flight beside the others; after a wait, the caller has to look again."""
        if self._fits(lane):
            return True
        self._landed.clear()
        await self._landed.wait()
        return False

    def _fits(self, lane: _Lane) -> bool:
        if not lane.waiting or not self._in_flight_bytes:
            return True
        return self._in_flight_bytes + max(lane.waiting[0].size, lane.max_batch_bytes) <= _IN_FLIGHT_BYTES

    async def _send(self, lane: _Lane, producer: AIOKafkaProducer) -> None:
        sent: list[_Append] = []
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def fill(batch: LateBatch) -> None:
            if producer is not self._supervisor.current or not self._fits(lane):
                return
            for append in _take(lane):
                try:
                    batch.add(append.messages)
                except Exception as error:
                    _fail(append, error)  # what can't be encoded is not sent
                    continue
                append.handed_over = True
                sent.append(append)
                self._in_flight_bytes += append.size
            self._flights.end(over)
            self._flights.begin(over)

        batch = LateBatch(self._config.max_message_bytes, fill)
        try:
            # Does not wait: the metadata is there, and no batch of this partition is queued before this one.
            answer = await producer.send_batch(batch, lane.topic, partition=lane.partition)
        except FAILURES as error:
            self._supervisor.replace(producer, type(error).__name__)
            return
        answer.add_done_callback(lambda _: _complete(over))
        self._flights.begin(over)
        try:
            await over
        finally:
            self._flights.end(over)
            batch.close()  # a producer that is replaced may still send it, but takes nothing more into it
            self._in_flight_bytes -= sum(append.size for append in sent)
            self._landed.set()
        self._settle(lane, producer, sent, answer)

    def _settle(
        self, lane: _Lane, producer: AIOKafkaProducer, sent: list[_Append], answer: asyncio.Future[Any]
    ) -> None:
        if not answer.done():
            # All who waited have given up by now. The batch may be sent again for ever, and so block the partition.
            answer.cancel()
            self._supervisor.replace(producer, "timeout")
        elif answer.cancelled():
            _fail_all(sent, OutcomeUnknown("the connection to Kafka was closed before it acknowledged the append"))
        elif (error := answer.exception()) is not None:
            self._supervisor.replace(producer, type(error).__name__)
            self._fail_batch(lane, sent, error)
        elif sent:
            self._acknowledge(lane, sent, answer.result())

    def _fail_batch(self, lane: _Lane, batch: list[_Append], error: BaseException) -> None:
        if not isinstance(error, TOO_LARGE):
            _fail_all(batch, append_error(error))
            return
        # The limit of the topic was lowered since the start. Nothing of the batch was stored.
        size = BATCH_BYTES + sum(append.size for append in batch)
        if len(batch) == 1:
            _fail(batch[0], TooLarge(f"{size} bytes are more than the brokers take for topic {lane.topic}: {error}"))
            return
        lane.max_batch_bytes = size // 2
        for append in reversed(batch):
            append.handed_over = False
            lane.waiting.appendleft(append)

    def _acknowledge(self, lane: _Lane, batch: list[_Append], metadata: Any) -> None:
        if metadata.offset < 0 or metadata.timestamp < 0:
            # Stored, but without the position: the broker knew the batch from an earlier attempt and forgot where it
            # is, or the topic does not stamp records any more.
            log.error("kafka: an append to %s was acknowledged without offset or time: %s", lane.topic, metadata)
            _fail_all(batch, OutcomeUnknown("Kafka acknowledged the append without its position"))
            return
        offset = metadata.offset
        for append in batch:
            if not append.future.done():
                append.future.set_result(Appended(lane.partition, offset, metadata.timestamp))
            offset += len(append.messages)


def _take(lane: _Lane) -> list[_Append]:
    """The next batch: whole appends in order, at least one. Those whose waiters were cancelled are left out."""
    batch: list[_Append] = []
    size = BATCH_BYTES
    while lane.waiting and (not batch or size + lane.waiting[0].size <= lane.max_batch_bytes):
        append = lane.waiting.popleft()
        if not append.future.done():
            batch.append(append)
            size += append.size
    return batch


def _too_large(topic: str, size: int, limit: int) -> TooLarge:
    return TooLarge(f"{size} bytes are more than the {limit} bytes that topic {topic} takes at once")


def _complete(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail_all(batch: Sequence[_Append], error: Exception) -> None:
    for append in batch:
        _fail(append, error)


def _fail(append: _Append, error: Exception) -> None:
    if not append.future.done():
        append.future.set_exception(error)
