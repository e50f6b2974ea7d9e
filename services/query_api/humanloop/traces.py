"""Where a log stands in its trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shared import ids
from shared.records import HUMANLOOP_FLOW_LOG
from shared.store.logs import find_by_external_id, read_log

if TYPE_CHECKING:
    from shared.records import Columns
    from shared.store.base import LogStore

MAX_DEPTH: Final = 50
"""How far up a trace is followed; a deeper one, or one that runs in a circle, ends there."""


class Root(NamedTuple):
    """The topmost log of a trace."""

    public_id: str
    is_flow: bool


async def root_of(store: LogStore, workspace: str, log: Columns) -> Root | None:
    """The topmost log above this one; None for a log without a parent.

    A parent that is not stored (yet) is the root as far as anyone can tell.
    """
    above: dict[str, None] = {}
    parent = log["parent_id"]
    is_flow = False
    while parent and parent not in above and len(above) < MAX_DEPTH:
        above[parent] = None
        found = await _log_of(store, workspace, parent)
        is_flow = found is not None and found["type"] == HUMANLOOP_FLOW_LOG
        parent = found["parent_id"] if found is not None else None
    public_id = next(reversed(above), None)
    return Root(public_id, is_flow) if public_id is not None else None


def root_below(log: Columns, record: dict[str, Any]) -> Root:
    """What `root_of` finds for a log whose parent is this one, which has its record."""
    if not log["parent_id"]:
        return Root(record["id"], log["type"] == HUMANLOOP_FLOW_LOG)
    return Root(record["trace_id"], record["trace_flow_id"] is not None)


async def _log_of(store: LogStore, workspace: str, public_id: str) -> Columns | None:
    log_id = await find_by_external_id(store, workspace, public_id)
    if log_id is None:
        log_id = ids.from_text(public_id)
    stored = await read_log(store, workspace, log_id, without_payload=True) if log_id is not None else None
    return stored.log if stored is not None else None
