"""Reads one log so that whoever was told of it finds it: the store first, then, on a miss, the read barrier."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shared import ids
from shared.events import external_id_partition
from shared.store.base import Row
from shared.store.logs import StoredLog, find_external_ids, read_heads, read_logs
from shared.stream.base import LOGS_TOPIC
from shared.together import Together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.backends import Backends

Found = TypeVar("Found")


class LogReader:
    """Point reads with read-your-writes. All raise NotYetQueryable, StoreUnavailable and StreamUnavailable."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._logs = Together[tuple[str, int], StoredLog](lambda keys: read_logs(backends.store, keys))
        self._heads = Together[tuple[str, int], Row](lambda keys: read_heads(backends.store, keys))
        self._names = Together[tuple[str, str], int](lambda names: find_external_ids(backends.store, names))

    async def by_id(self, workspace: str, log_id: int) -> StoredLog | None:
        """The log with this id; None when the workspace has none. Blocks until that is certain, or the timeout."""
        stored = await self._stored(workspace, log_id)
        if stored is not None and stored.has_payload:
            return stored
        if not await self._backends.visibility.may_exist(log_id):
            return None
        # Both rows of an applied log are there; a payload that is still missing was deleted, or is past its retention.
        return await self._stored(workspace, log_id)

    async def head_by_id(self, workspace: str, log_id: int) -> Row | None:
        """What an update has to know of a log (`HEAD_COLUMNS`), at a fifth of the cost of `by_id`; None as there.

        Blocks until it is certain that there is such a log, or none.
        """
        head = await self._heads.get((workspace, log_id))
        if head is None and await self._backends.visibility.may_exist(log_id):
            head = await self._heads.get((workspace, log_id))
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

    async def _stored(self, workspace: str, log_id: int) -> StoredLog | None:
        stored = await self._logs.get((workspace, log_id))
        return None if stored is None or stored.log["is_deleted"] else stored
