"""Logs as the Humanloop API answers them, one or many."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from services.query_api.humanloop.judgments import judgments_by_log, judgments_of
from services.query_api.humanloop.log_files import FILE_KINDS, file_of_log
from services.query_api.humanloop.traces import root_of
from shared.records import HUMANLOOP_EVALUATOR_LOG
from shared.store import search
from shared.store.logs import read_logs
from shared.store.search import Selection
from shared.wire.humanloop.log_list import nested_in
from shared.wire.humanloop.responses import log_response, names_of, standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.query_api.humanloop.traces import Root
    from services.query_api.query import Query
    from shared.store.base import Row
    from shared.store.logs import Judgment, StoredLog

LISTED_TYPES: Final = tuple(FILE_KINDS)

NESTED_TYPES: Final = tuple(log_type for log_type in FILE_KINDS if log_type != HUMANLOOP_EVALUATOR_LOG)
"""What can be below a log in a trace. The parent of an evaluator's log is what it evaluated."""

READ_TOGETHER: Final = 25
"""Logs whose bodies are in memory at the same time: they can be big."""

MAX_CHILDREN: Final = 1_000
"""Logs below one, over all levels."""


async def log_record(query: Query, workspace: str, stored: StoredLog) -> dict[str, Any]:
    """One log, with its file, the root of its trace and the logs of evaluators that judged it."""

    async def alone() -> dict[str, Any]:
        root = await root_of(query.backends.store, workspace, stored.log)
        return await _record(query, workspace, stored, root)

    record, judgments = await asyncio.gather(alone(), judgments_of(query, workspace, stored.log))
    return await _with_evaluator_logs(query, workspace, record, stored.log, judgments)


async def log_records(query: Query, workspace: str, rows: Sequence[Row]) -> AsyncIterator[dict[str, Any]]:
    """The logs of these rows, in their order, as `log_record` has them now; without those that were deleted."""
    judgments = await judgments_by_log(query, workspace, rows)
    async for log, record in _records(query, workspace, rows):
        yield await _with_evaluator_logs(query, workspace, record, log, judgments.get(log["id"], ()))


async def _with_evaluator_logs(
    query: Query, workspace: str, record: dict[str, Any], log: Row, judgments: Sequence[Judgment]
) -> dict[str, Any]:
    """A log's record with the logs of evaluators that judged it, which are shown without those that judged them."""
    if judgments:
        rows = [{"id": judgment.log_id, "parent_id": record["id"]} for judgment in judgments]
        # One that was sent again under a name of its own may have come to judge another log.
        found = [made async for by, made in _records(query, workspace, rows) if by["parent_id"] in names_of(log)]
        record["evaluator_logs"] = standing(found)
    return record


async def _records(query: Query, workspace: str, rows: Sequence[Row]) -> AsyncIterator[tuple[Row, dict[str, Any]]]:
    """The logs of these rows (their `id` and `parent_id` count), as stored and as answered, without evaluator logs."""
    by_parent = {row["parent_id"]: row for row in rows if row["parent_id"]}
    store = query.backends.store
    found = await asyncio.gather(*(root_of(store, workspace, row) for row in by_parent.values()))
    roots = dict(zip(by_parent, found, strict=True))
    for start in range(0, len(rows), READ_TOGETHER):
        keys = [(workspace, row["id"]) for row in rows[start : start + READ_TOGETHER]]
        stored = await read_logs(store, keys)
        current = [log for key in keys if (log := stored.get(key)) is not None and not log.log["is_deleted"]]
        records = [_record(query, workspace, log, roots.get(log.log["parent_id"])) for log in current]
        for log, record in zip(current, await asyncio.gather(*records), strict=True):
            yield log.log, record


async def add_children(query: Query, workspace: str, record: dict[str, Any]) -> None:
    """Put the logs below this one into `trace_children`, level by level, the oldest first."""
    seen = {record["id"]}
    level = {record["id"]: record}
    left = MAX_CHILDREN
    while level and left > 0:
        below = Selection(workspace, nested_in(list(level)), NESTED_TYPES)
        rows = await search.newest(query.backends.store, below, limit=left, limits=query.limits)
        left -= len(rows)
        children = [child async for child in log_records(query, workspace, rows[::-1])]
        # Logs that are each other's parent end here.
        new = {child["id"]: child for child in children if child["id"] not in seen}
        for child in new.values():
            level[child["trace_parent_id"]]["trace_children"].append(child)
        seen |= new.keys()
        level = new


async def _record(query: Query, workspace: str, stored: StoredLog, root: Root | None) -> dict[str, Any]:
    log = stored.log
    file = await file_of_log(query, workspace, log, stored.payload)
    record = log_response(log, stored.payload, FILE_KINDS[log["type"]].value, file)
    if root is not None:
        record["trace_id"] = root.public_id
        record["trace_flow_id"] = root.public_id if root.is_flow else None
    return record
