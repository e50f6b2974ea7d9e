"""Read your writes: waits until the writer has applied a position of the log stream.

A position is applied when the writer group has committed an offset above it, which it does only after the rows are in
the store. All waiters of a process share one poller, and nothing polls when nobody waits. They share looks at the end
of the log, too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from shared import ids
from shared.errors import NotYetQueryable, Unavailable
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP
from shared.together import Together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.stream.base import Appended, Stream

_log = logging.getLogger(__name__)

POLL_INTERVAL_S: Final = 0.01
"""Pause between two looks at the committed offsets while somebody waits; one look takes about 2 ms on Kafka."""

_CLOCK_LEEWAY_MS: Final = 2 * ids.MINUTE_MS
"""How far the stream's clock may be ahead of ours before an id counts as one of the future."""


class Visibility:
    """The read barrier of one process. `timeout_s` bounds every wait."""

    def __init__(self, stream: Stream, timeout_s: float = 5.0, wall_clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._timeout_s = timeout_s
        self._wall_clock = wall_clock
        self._ends = Together[int, int](self._end_offsets)
        self._waiters: dict[int, list[tuple[int, asyncio.Future[None]]]] = {}
        self._poller: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        """End the poller; whoever still waits is told that the log is not yet queryable."""
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.wait({self._poller})
        for waiters in self._waiters.values():
            for _, future in waiters:
                if not future.done():
                    future.set_exception(_not_yet())
        self._waiters.clear()

    async def may_exist(self, log_id: int) -> bool:
        """Wait until the record that an id stands for is applied. False when no such record can be in the stream.

        After True the store has the log, if there ever was one. Raises NotYetQueryable after the timeout, and
        StreamUnavailable.
        """
        position = await self.locate(log_id)
        if position is None:
            return False
        await self.wait_for(*position)
        return True

    async def locate(self, log_id: int) -> tuple[int, int] | None:
        """The (partition, offset) of the record that an id stands for; None when no such record can be in the stream.

        Does not wait for the writer. Raises StreamUnavailable.
        """
        if not 0 <= log_id <= ids.MAX_ID:
            return None
        parts = ids.split(log_id)
        if parts.partition >= self._stream.partitions(LOGS_TOPIC):
            return None
        if parts.minute_start_ms > self._wall_clock() * 1000 + _CLOCK_LEEWAY_MS:
            return None
        offset = ids.resolve_offset(log_id, await self._end(parts.partition))
        return (parts.partition, offset) if offset is not None else None

    async def wait_for_end(self, partition: int) -> None:
        """Wait until everything that is in a partition now is applied. Raises as `wait_for`, and StreamUnavailable."""
        end = await self._end(partition)
        if end:
            await self.wait_for(partition, end - 1)

    async def wait_for_append(self, appended: Appended) -> None:
        """Wait until a record that was just appended is applied. Raises as `wait_for`."""
        await self.wait_for(appended.partition, appended.offset)

    async def wait_for(self, partition: int, offset: int) -> None:
        """Wait until the record at a position is applied. Raises NotYetQueryable after the timeout."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(partition, []).append((offset, future))
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(self._timeout_s):
                await future
        except TimeoutError:
            raise _not_yet() from None

    async def _end(self, partition: int) -> int:
        """The offset of the partition's next record, no older than this call."""
        return await self._ends.get(partition) or 0

    async def _end_offsets(self, _partitions: Sequence[int]) -> dict[int, int]:
        return await self._stream.end_offsets(LOGS_TOPIC)  # of all: it is one request either way

    async def _poll(self) -> None:
        while self._waiters:
            try:
                committed = await self._stream.committed(LOGS_TOPIC, WRITER_GROUP)
            except Unavailable as error:
                _log.warning("committed offsets can't be read: %s", error.message)
            else:
                self._wake(committed)
            self._drop_gone()
            if self._waiters:
                await asyncio.sleep(POLL_INTERVAL_S)

    def _wake(self, committed: dict[int, int]) -> None:
        for partition, waiters in self._waiters.items():
            applied = committed.get(partition, 0)
            for offset, future in waiters:
                if offset < applied and not future.done():
                    future.set_result(None)

    def _drop_gone(self) -> None:
        remaining = {
            partition: [waiter for waiter in waiters if not waiter[1].done()]
            for partition, waiters in self._waiters.items()
        }
        self._waiters = {partition: waiters for partition, waiters in remaining.items() if waiters}


def _not_yet() -> NotYetQueryable:
    return NotYetQueryable("the log is accepted and safe, but not yet queryable; ask again in a moment")
