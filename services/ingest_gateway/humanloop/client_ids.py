"""Refuses a `log_id` that is taken by a log of another prompt.

The check reads the store, and is left out while the store is down: ingestion goes on. Two creates that race each other
can both pass; the writer then keeps both logs, and the name stays with the first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from shared import ids
from shared.errors import Conflict, StoreRejected, Unavailable
from shared.store.logs import find_external_ids, find_named_logs, read_log
from shared.store.names import name_owner
from shared.together import Together

if TYPE_CHECKING:
    from shared.store.base import LogStore

_REMEMBERED: Final = 10_000


class ClientIds:
    """Knows the client ids of stored logs, and of those that this process has just taken in."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._names = Together[tuple[str, str], int](lambda names: find_external_ids(store, names))
        self._recent: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def check(self, workspace: str, log_id: str, prompt_id: str) -> None:
        """Raises Conflict when a log of another prompt has this id."""
        taken_by = self._recent.get((workspace, log_id))
        try:
            if taken_by is not None and taken_by != prompt_id and await self._was_freed(workspace, log_id):
                taken_by = None
            elif taken_by is None:
                taken_by = await self._stored_prompt(workspace, log_id)
        except (Unavailable, StoreRejected):
            return
        if taken_by is not None and taken_by != prompt_id:
            raise conflict(log_id)

    async def _was_freed(self, workspace: str, log_id: str) -> bool:
        """Whether the log that had this id was deleted. One that is not stored yet was not."""
        logs = (await find_named_logs(self._store, [(workspace, log_id)])).get((workspace, log_id))
        return bool(logs) and name_owner(logs or ()) is None

    async def _stored_prompt(self, workspace: str, log_id: str) -> str | None:
        stored_id = await self._names.get((workspace, log_id))
        if stored_id is None:
            stored_id = ids.from_text(log_id)  # a client may also name a log by the id that it was given
        stored = await read_log(self._store, workspace, stored_id) if stored_id is not None else None
        return stored.log["prompt_id"] if stored is not None else None

    def remember(self, workspace: str, log_id: str, prompt_id: str) -> None:
        """A create with this id was appended."""
        self._recent[workspace, log_id] = prompt_id
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)


def conflict(log_id: str) -> Conflict:
    """The error for a `log_id` that is taken."""
    return Conflict(f"log_id: {log_id[:80]!r} is the id of a log of another prompt")
