"""A group member. Positions come from the group's commits alone; nothing is committed unless we say so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import NoOffsetForPartitionError
from aiokafka.structs import OffsetAndMetadata

from shared.errors import Misconfigured, NotOwner, StreamUnavailable
from shared.stream.base import AssignmentListener, Record
from shared.stream.kafka.closing import close_consumer
from shared.stream.kafka.errors import FAILURES, sluice_error, translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.stream.kafka.config import KafkaConfig
    from shared.stream.kafka.offsets import Offsets

log = logging.getLogger(__name__)

FETCH_BYTES: Final = 8 << 20
"""The most that is fetched ahead from one broker; a single batch may be bigger and is still fetched. Every byte is
copied several times on its way, and memory of this size is used again, where more comes fresh from the system."""

PARTITION_FETCH_BYTES: Final = 2 << 20
"""The same for one partition; twice the size of a gateway's batches."""

_RETRY_S: Final = 0.2
"""Pause before the positions of new partitions are asked for again."""

HEARTBEAT_S: Final = 0.5
"""How soon a member learns that partitions are to be dealt out anew. Until all have learned it, nobody gets any, and
what was just logged can't be read; Kafka's own default of 3 s is for groups that are in no such hurry."""

_GRACE_S: Final = 0.1
"""How much later than its own timeout a fetch is ended by force: it waits for a rebalance without looking at it."""


class KafkaConsumer:
    """See `Consumer`. `topic` and `group` are named as the brokers know them."""

    def __init__(
        self, config: KafkaConfig, offsets: Offsets, topic: str, group: str, listener: AssignmentListener
    ) -> None:
        self._config = config
        self._offsets = offsets
        self._topic = topic
        self._group = group
        self._listener = listener
        self._owned: frozenset[int] = frozenset()
        self._paused: frozenset[int] = frozenset()
        self._stopped = False
        self._settled = asyncio.Event()
        self._failure: Exception | None = None
        self._consumer = AIOKafkaConsumer(
            **config.connection(),
            group_id=group,
            group_instance_id=config.group_instance_id,
            enable_auto_commit=False,
            auto_offset_reset="none",
            session_timeout_ms=int(config.session_timeout_s * 1000),
            heartbeat_interval_ms=int(min(HEARTBEAT_S, config.session_timeout_s / 3) * 1000),
            rebalance_timeout_ms=int(config.rebalance_timeout_s * 1000),
            max_poll_interval_ms=int(config.max_poll_interval_s * 1000),
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            fetch_max_bytes=FETCH_BYTES,
        )

    async def start(self) -> None:
        """See `Consumer.start`. Waits for the other members to give partitions up."""
        self._consumer.subscribe([self._topic], listener=_Callbacks(self))
        try:
            with translated(f"joining group {self._group}"):
                await self._consumer.start()
            await self._settled.wait()
            self._raise_failure()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """See `Consumer.stop`."""
        self._owned = frozenset()
        self._stopped = True
        await close_consumer(self._consumer, f"a member of {self._group}", self._config.produce_deadline_s)

    async def fetch(self, max_records: int, timeout_s: float) -> dict[int, list[Record]]:
        """See `Consumer.fetch`. Raises what the listener raised; StreamUnavailable; Misconfigured."""
        self._raise_failure()
        fetched: dict[TopicPartition, list[Any]] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s + _GRACE_S):
                fetched = await self._getmany(max_records, timeout_s)
        self._raise_failure()
        # A record of a partition that is not owned is not lost: the position of its next owner does not include it.
        return {
            position.partition: [to_record(message) for message in messages]
            for position, messages in fetched.items()
            if position.partition in self._owned
        }

    async def _getmany(self, max_records: int, timeout_s: float) -> dict[TopicPartition, list[Any]]:
        try:
            return await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)  # type: ignore[no-any-return]
        except NoOffsetForPartitionError:
            return {}  # just assigned: `assign` is about to set the position
        except FAILURES as error:
            raise sluice_error(error, f"fetching from {self._topic}") from error

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """See `Consumer.commit`."""
        lost = offsets.keys() - self._owned
        if lost:
            raise NotOwner(f"partitions {sorted(lost)} of {self._topic} are not this member's")
        with translated(f"committing for group {self._group}"):
            async with asyncio.timeout(self._config.produce_deadline_s):
                await self._consumer.commit(
                    {self._position(partition): OffsetAndMetadata(offset, "") for partition, offset in offsets.items()}
                )

    def pause(self, partitions: frozenset[int]) -> None:
        """See `Consumer.pause`."""
        self._paused |= partitions & self._owned
        self._consumer.pause(*(self._position(partition) for partition in partitions & self._owned))

    def resume(self, partitions: frozenset[int]) -> None:
        """See `Consumer.resume`."""
        self._paused -= partitions
        self._consumer.resume(*(self._position(partition) for partition in partitions & self._owned))

    async def revoke(self, partitions: frozenset[int]) -> None:
        """Called in a rebalance, before the partitions are given up."""
        known = partitions & self._owned
        try:
            if known:
                await self._listener.on_revoked(known)
        finally:
            self._owned = frozenset()
            self._paused = frozenset()

    async def assign(self, partitions: frozenset[int]) -> None:
        """Called in a rebalance, with the partitions that are ours now."""
        positions = [self._position(partition) for partition in sorted(partitions)]
        self._consumer.pause(*positions)  # nothing is handed out before the listener knows the positions
        start = await self._find_start(partitions)
        for position in positions:
            self._consumer.seek(position, start[position.partition])
        self._owned = partitions
        await self._listener.on_assigned(start)
        self._consumer.resume(*(position for position in positions if position.partition not in self._paused))

    async def _find_start(self, partitions: frozenset[int]) -> dict[int, int]:
        while True:
            try:
                return await self._starting_offsets(partitions)
            except StreamUnavailable as error:
                if self._stopped:
                    raise
                log.warning("kafka: group %s can't start reading yet: %s", self._group, error)
                await asyncio.sleep(_RETRY_S)

    async def _starting_offsets(self, partitions: frozenset[int]) -> dict[int, int]:
        committed = await self._offsets.committed(self._topic, self._group, partitions)
        oldest = await self._offsets.starts(self._topic, partitions)
        ends = await self._offsets.ends(self._topic, partitions)
        for partition, offset in committed.items():
            if not oldest[partition] <= offset <= ends[partition]:
                raise Misconfigured(
                    f"group {self._group} committed offset {offset} of {self._topic} partition {partition}, which now"
                    f" holds {oldest[partition]} to {ends[partition]}: records were deleted before they were read, or"
                    " the topic was made anew"
                )
        fresh = {partition: oldest[partition] for partition in partitions - committed.keys()}
        if fresh:
            # Committed at once, so that what the group has applied can be read from its offsets alone.
            with translated(f"committing for group {self._group}"):
                await self._consumer.commit({self._position(p): OffsetAndMetadata(o, "") for p, o in fresh.items()})
        return {**committed, **fresh}

    def settle(self, failure: Exception | None) -> None:
        """Called when partitions were taken over, or that failed; the first failure is kept for `fetch`."""
        if failure is not None and self._failure is None:
            log.error("kafka: group %s: %s", self._group, failure)
            self._failure = failure
        self._settled.set()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _position(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


class _Callbacks(ConsumerRebalanceListener):  # type: ignore[misc]
    """aiokafka logs and forgets what a callback raises, so it is caught here and kept."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        try:
            await self._consumer.revoke(frozenset(position.partition for position in revoked))
        except Exception as error:
            self._consumer.settle(error)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        try:
            await self._consumer.assign(frozenset(position.partition for position in assigned))
        except NotOwner:
            pass  # the next rebalance has begun, and will assign again
        except Exception as error:
            self._consumer.settle(error)
        else:
            self._consumer.settle(None)


def to_record(message: Any) -> Record:
    """Our record of aiokafka's."""
    return Record(
        message.partition,
        message.offset,
        message.timestamp,
        message.key or b"",
        message.value or b"",
        tuple(message.headers) if message.headers else (),
    )
