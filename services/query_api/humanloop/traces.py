"""Where a log stands in its trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared import ids
from shared.store.logs import find_by_external_id, read_log

if TYPE_CHECKING:
    from shared.records import Columns
    from shared.store.base import LogStore

MAX_DEPTH: Final = 50
"""How far up a trace is followed; a deeper one, or one that runs in a circle, ends there."""


async def root_of(store: LogStore, workspace: str, log: Columns) -> str | None:
    """The public id of the topmost log above this one; None for a log without a parent.

    A parent that is not stored (yet) is the root as far as anyone can tell.
    """
    above: dict[str, None] = {}
    parent = log["parent_id"]
    while parent and parent not in above and len(above) < MAX_DEPTH:
        above[parent] = None
        parent = await _parent_of(store, workspace, parent)
    return next(reversed(above), None)


async def _parent_of(store: LogStore, workspace: str, public_id: str) -> str | None:
    log_id = await find_by_external_id(store, workspace, public_id)
    if log_id is None:
        log_id = ids.from_text(public_id)
    stored = await read_log(store, workspace, log_id, without_payload=True) if log_id is not None else None
    return stored.log["parent_id"] if stored is not None else None
