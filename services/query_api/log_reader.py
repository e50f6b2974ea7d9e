"""Reads one log so that whoever was told of it finds it.

The store is asked first and, on a miss, again behind the read barrier. A log of the last minutes is read behind the
barrier at once: the writer may be at it, and a look that comes too early takes the store's time from its insert.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

from shared import ids
from shared.errors import NotYetQueryable, StreamUnavailable, Unavailable
from shared.events import external_id_partition
from shared.store.base import Row
from shared.store.logs import StoredLog, find_external_ids, read_heads, read_logs
from shared.stream.base import LOGS_TOPIC
from shared.together import Together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.backends import Backends

Found = TypeVar("Found")

FRESH_MS: Final = 2 * ids.MINUTE_MS
"""From the start of a log's minute on. Beyond it nearly all logs are stored, and the barrier would be two looks at the
stream, of a few milliseconds, for nothing."""


class LogReader:
    """Point reads with read-your-writes. All raise NotYetQueryable, StoreUnavailable and StreamUnavailable."""

    def __init__(self, backends: Backends, wall_clock: Callable[[], float] = time.time) -> None:
        self._backends = backends
        self._wall_clock = wall_clock
        self._logs = Together[tuple[str, int], StoredLog](lambda keys: read_logs(backends.store, keys))
        self._heads = Together[tuple[str, int], Row](lambda keys: read_heads(backends.store, keys))
        self._names = Together[tuple[str, str], int](lambda names: find_external_ids(backends.store, names))

    async def by_id(self, workspace: str, log_id: int) -> StoredLog | None:
        """The log with this id; None when the workspace has none. Blocks until that is certain, or the timeout."""
        stored = await self._behind_barrier(log_id, lambda: self._logs.get((workspace, log_id)), _has_both_rows)
        return None if stored is None or stored.log["is_deleted"] else stored

    async def head_by_id(self, workspace: str, log_id: int) -> Row | None:
        """What an update has to know of a log (`HEAD_COLUMNS`), at a fifth of the cost of `by_id`; None as there.

        Blocks until it is certain that there is such a log, or none.
        """
        head = await self._behind_barrier(log_id, lambda: self._heads.get((workspace, log_id)))
        return None if head is None or head["is_deleted"] else head

    async def by_public_id(self, workspace: str, public_id: str) -> StoredLog | None:
        """The log with this Humanloop id: one of ours (`log_...`) or one that the client chose itself.

        A second create under a client's own id updates the log, so a log that is found may still be about to change:
        what was in its partition at the time of this call is waited for.
        """
        return await self._by_public_id(workspace, public_id, self.by_id)

    async def head_by_public_id(self, workspace: str, public_id: str) -> Row | None:
        """What an update has to know of the log with this Humanloop id, found as `by_public_id` finds it."""
        return await self._by_public_id(workspace, public_id, self.head_by_id)

    async def _by_public_id(
        self, workspace: str, public_id: str, read: Callable[[str, int], Awaitable[Found | None]]
    ) -> Found | None:
        own_id = ids.from_text(public_id)
        if own_id is not None:
            found = await read(workspace, own_id)
            if found is not None:
                return found
        partitions = self._backends.stream.partitions(LOGS_TOPIC)
        await self._backends.visibility.wait_for_end(external_id_partition(workspace, public_id, partitions))
        log_id = await self._names.get((workspace, public_id))
        return await read(workspace, log_id) if log_id is not None else None

    async def _behind_barrier(
        self,
        log_id: int,
        read: Callable[[], Awaitable[Found | None]],
        is_whole: Callable[[Found], bool] = lambda _: True,
    ) -> Found | None:
        """What `read` finds of a log that was accepted before this call. What is there is found even when the barrier
        can't be asked.
        """
        visibility = self._backends.visibility
        problem: Unavailable | None = None
        if self._wall_clock() * 1000 - ids.split(log_id).minute_start_ms < FRESH_MS:
            try:
                await visibility.may_exist(log_id)
            except (NotYetQueryable, StreamUnavailable) as error:
                problem = error
        found = await read()
        if found is not None and is_whole(found):
            return found
        if problem is not None:
            raise problem
        # Both rows of an applied log are there; a payload that is still missing was deleted, or is past its retention.
        return await read() if await visibility.may_exist(log_id) else None


def _has_both_rows(stored: StoredLog) -> bool:
    return stored.has_payload
