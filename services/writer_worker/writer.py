"""The writer's loop: fetch, gather, flush, and hand partitions over without losing or repeating work.

Fetching goes on while a flush runs, so the group sees a living member however long the store takes; what was fetched
waits, bounded in number and bytes. One flush runs at a time: it commits before the next begins.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from services.writer_worker import metrics
from services.writer_worker.assignment import OwnedPartition
from services.writer_worker.flush import Flusher
from services.writer_worker.flush_policy import FlushPolicy
from services.writer_worker.retry import Abandoned
from services.writer_worker.row_cache import RowCache
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.writer_worker.config import WriterConfig
    from shared.store.base import LogStore
    from shared.stream.base import Record, Stream

_log = logging.getLogger(__name__)

_FETCH_S: Final = 0.1
"""How long one fetch waits for records; also how soon a stop is noticed."""

_GATHER_S: Final = 0.02
"""Pause before a fetch while a flush runs: what comes meanwhile has to wait anyway, and is fetched together. Also how
long the rest of a backlog is waited for before a flush."""

_BACKLOG_RECORDS: Final = 1000
"""A fetch of so many says that there are more: an insert costs as much as the rows of two thousand logs by itself."""


class Writer:
    """One member of the writer group."""

    def __init__(
        self, stream: Stream, store: LogStore, config: WriterConfig, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._clock = clock
        self._policy = FlushPolicy(config.flush_interval_s, config.batch_max_records, config.batch_max_bytes)
        self._owned: dict[int, OwnedPartition] = {}
        self._consumer = stream.consumer(LOGS_TOPIC, WRITER_GROUP, self)
        self._flusher = Flusher(stream, store, self._consumer, config)
        self._flushing: asyncio.Task[None] | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._paused = False
        self._in_backlog = False
        self._stopping = False
        self.joined = False
        """Whether it is a member of the group, with or without partitions."""

    def oldest_unstored_ms(self) -> dict[int, int]:
        """Stream time of the oldest record that this writer took and has not stored, for partitions that have one."""
        times = ((partition, owned.oldest_unstored_ms()) for partition, owned in self._owned.items())
        return {partition: time_ms for partition, time_ms in times if time_ms is not None}

    def waiting(self) -> dict[int, int]:
        """Records fetched and not yet being written, by partition."""
        return {partition: len(owned.waiting) for partition, owned in self._owned.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Write until `stop` is set, then drain: finish, within the drain timeout, what was fetched.

        Raises Misconfigured when stream and store do not belong together. Any other error means that the writer has to
        be started again; nothing is lost by that.
        """
        try:
            if not await self._join(stop):
                return
            while not stop.is_set():
                self._collect_flush()
                self._start_flush_if_due()
                self._hold_back_if_full()
                await self._fetch_until_due()
        finally:
            await self._end_fetch()
            await self._drain()
            await self._consumer.stop()
            for partition in self._owned:
                metrics.revoked(partition)

    async def _join(self, stop: asyncio.Event) -> bool:
        """Join the group, which can take as long as other members take to make room; False if `stop` came first."""
        joining = asyncio.create_task(self._consumer.start())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({joining, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            if not joining.done():
                joining.cancel()
        if not joining.done():
            await asyncio.wait({joining})
            return False
        await joining
        self.joined = True
        return True

    async def on_assigned(self, positions: Mapping[int, int]) -> None:
        """Own these partitions from now on."""
        _log.info("partitions assigned", extra={"positions": dict(positions)})
        for partition, position in positions.items():
            self._owned[partition] = OwnedPartition(partition, position)
            metrics.assigned(partition, position)

    async def on_revoked(self, partitions: frozenset[int]) -> None:
        """Give partitions up: drop what was not begun, wait (bounded) for what was, never commit after this."""
        for partition in partitions:
            if (owned := self._owned.get(partition)) is not None:
                owned.leaving = True
                owned.waiting, owned.waiting_bytes = [], 0
        await self._finish_flush(self._config.drain_timeout_s)
        for partition in partitions:
            owned = self._owned.pop(partition, None)
            if owned is not None:
                owned.revoked = True
                metrics.revoked(partition)
        # A new cache, not a cleaned one: a flush that outlived its time may still hold the old one.
        self._flusher.cache = RowCache(self._config.cache_bytes)
        if partitions:
            _log.info("partitions revoked", extra={"partitions": sorted(partitions)})

    async def _fetch_until_due(self) -> None:
        """Fetch until something came, the flush under way ended, or the next one is due. Raises what `fetch` raises."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
        if self._flushing is not None:
            await asyncio.wait({self._fetching, self._flushing}, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.wait({self._fetching}, timeout=min(self._wait_s(), 2 * _FETCH_S))
        if self._fetching.done():
            task, self._fetching = self._fetching, None
            await task

    async def _fetch(self) -> None:
        if self._flushing is not None:
            await asyncio.wait({self._flushing}, timeout=_GATHER_S)
        timeout_s = _GATHER_S if self._in_backlog else _FETCH_S
        fetched = await self._consumer.fetch(self._config.batch_max_records, timeout_s)
        # Taken in without giving way to the loop: in between, a partition could be lost and assigned again.
        self._take_in(fetched)
        self._in_backlog = sum(map(len, fetched.values())) >= _BACKLOG_RECORDS

    async def _end_fetch(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _take_in(self, fetched: Mapping[int, list[Record]]) -> None:
        for partition, records in fetched.items():
            owned = self._owned.get(partition)
            if owned is not None and not owned.leaving:
                owned.take_in(records)

    def _waiting_size(self) -> tuple[int, int]:
        owned = self._owned.values()
        return sum(len(o.waiting) for o in owned), sum(o.waiting_bytes for o in owned)

    def _wait_s(self) -> float:
        """How long to wait before the next flush: 0 for now, infinity until something more was fetched, or not."""
        size = self._waiting_size()
        if self._in_backlog and not self._policy.is_full(*size):
            return float("inf")
        return self._policy.wait_s(self._clock(), *size)

    def _start_flush_if_due(self) -> None:
        if self._flushing is not None or self._wait_s() > 0:
            return
        batch = [(owned, owned.take_out()) for owned in self._owned.values() if owned.waiting]
        self._flushing = asyncio.create_task(self._flush(batch))

    async def _flush(self, batch: list[tuple[OwnedPartition, list[Record]]]) -> None:
        started = self._clock()
        try:
            await self._flusher.flush(batch, lambda: not self._stopping)
        finally:
            for owned, _ in batch:
                owned.in_flight_since_ms = None
        self._policy.flushed(started, self._clock())

    def _collect_flush(self) -> None:
        if self._flushing is not None and self._flushing.done():
            task, self._flushing = self._flushing, None
            _raise_unless_abandoned(task)

    def _hold_back_if_full(self) -> None:
        full = self._policy.is_full(*self._waiting_size())
        if full and not self._paused:
            self._consumer.pause(frozenset(self._owned))
        elif self._paused and not full:
            self._consumer.resume(frozenset(self._owned))
        self._paused = full

    async def _finish_flush(self, timeout_s: float) -> None:
        if self._flushing is not None:
            await asyncio.wait({self._flushing}, timeout=timeout_s)

    async def _drain(self) -> None:
        deadline = self._clock() + self._config.drain_timeout_s
        await self._finish_flush(self._config.drain_timeout_s)
        try:
            self._collect_flush()
            if self._flushing is None and self._waiting_size()[0]:
                batch = [(owned, owned.take_out()) for owned in self._owned.values() if owned.waiting]
                self._flushing = asyncio.create_task(self._flush(batch))
                await self._finish_flush(deadline - self._clock())
                self._collect_flush()
        except Exception:
            _log.exception("the last flush failed; what it held is read again at the next start")
        self._stopping = True
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.wait({self._flushing})


def _raise_unless_abandoned(task: asyncio.Task[None]) -> None:
    error = task.exception()
    if error is not None and not isinstance(error, Abandoned):
        raise error
