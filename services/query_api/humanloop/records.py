"""Logs as the Humanloop API answers them, one or many."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from services.query_api.humanloop.judgments import judgments_by_log, judgments_of
from services.query_api.humanloop.log_files import FILE_KINDS, file_of_log
from services.query_api.humanloop.traces import root_below, root_of
from shared.records import HUMANLOOP_EVALUATOR_LOG
from shared.store import search
from shared.store.logs import read_logs
from shared.store.search import Selection
from shared.wire.humanloop.log_list import nested_in
from shared.wire.humanloop.responses import log_response, names_of, standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from services.query_api.humanloop.traces import Root
    from services.query_api.query import Query
    from shared.store.base import Row
    from shared.store.logs import Judgment, StoredLog

LISTED_TYPES: Final = tuple(FILE_KINDS)

NESTED_TYPES: Final = tuple(log_type for log_type in FILE_KINDS if log_type != HUMANLOOP_EVALUATOR_LOG)
"""What can be below a log in a trace. The parent of an evaluator's log is what it evaluated."""

READ_TOGETHER: Final = 25
"""Logs whose bodies are in memory at the same time: they can be big."""

MAX_JUDGMENT_CHARACTERS: Final = 16 << 20
"""Of the bodies of logs of evaluators that are shown together: the next 25 are left out. Most have nearly none."""

MAX_CHILDREN: Final = 1_000
"""Logs below one, over all levels."""


async def log_record(query: Query, workspace: str, stored: StoredLog) -> dict[str, Any]:
    """One log, with its file, the root of its trace and the logs of evaluators that judged it."""
    record: dict[str, Any]
    record, judgments = await asyncio.gather(
        _rooted_record(query, workspace, stored), judgments_of(query, workspace, stored.log)
    )
    await _add_evaluator_logs(query, workspace, [(stored.log, record)], {stored.log["id"]: judgments})
    return record


async def log_records(query: Query, workspace: str, rows: Sequence[Row]) -> AsyncIterator[dict[str, Any]]:
    """The logs of these rows, in their order, as `log_record` has them now; without those that were deleted."""
    by_parent = {row["parent_id"]: row for row in rows if row["parent_id"]}
    store = query.backends.store
    judgments = await judgments_by_log(query, workspace, rows)
    found = await asyncio.gather(*(root_of(store, workspace, row) for row in by_parent.values()))
    roots = dict(zip(by_parent, found, strict=True))
    for start in range(0, len(rows), READ_TOGETHER):
        current = await _current(query, workspace, [row["id"] for row in rows[start : start + READ_TOGETHER]])
        made = [_record(query, workspace, log, roots.get(log.log["parent_id"])) for log in current]
        records = await asyncio.gather(*made)
        logs = [log.log for log in current]
        await _add_evaluator_logs(query, workspace, list(zip(logs, records, strict=True)), judgments)
        for record in records:
            yield record


async def _add_evaluator_logs(
    query: Query,
    workspace: str,
    judged: Sequence[tuple[Row, dict[str, Any]]],
    judgments: Mapping[int, Sequence[Judgment]],
) -> None:
    """Put the logs of evaluators that judged them into records of logs; without those that judged the judgments."""
    by_name = {name: (log, record) for log, record in judged for name in names_of(log)}
    wanted = [judgment.log_id for log, _ in judged for judgment in judgments.get(log["id"], ())]
    shown = 0
    for start in range(0, len(wanted), READ_TOGETHER):
        current = await _current(query, workspace, wanted[start : start + READ_TOGETHER])
        # One that was sent again under a name of its own may have come to judge another log.
        current = [log for log in current if log.log["parent_id"] in by_name]
        about = [by_name[log.log["parent_id"]] for log in current]
        made = [_record(query, workspace, log, root_below(*it)) for log, it in zip(current, about, strict=True)]
        for (_, record), evaluator_log in zip(about, await asyncio.gather(*made), strict=True):
            record["evaluator_logs"].append(evaluator_log)
        shown += sum(len(text) for log in current for text in log.payload.values() if isinstance(text, str))
        if shown > MAX_JUDGMENT_CHARACTERS:
            break
    for _, record in judged:
        record["evaluator_logs"] = standing(record["evaluator_logs"])


async def _current(query: Query, workspace: str, log_ids: Sequence[int]) -> list[StoredLog]:
    """The logs of these ids, in their order; without those that were deleted."""
    keys = [(workspace, log_id) for log_id in log_ids]
    stored = await read_logs(query.backends.store, keys)
    return [log for key in keys if (log := stored.get(key)) is not None and not log.log["is_deleted"]]


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


async def _rooted_record(query: Query, workspace: str, stored: StoredLog) -> dict[str, Any]:
    root = await root_of(query.backends.store, workspace, stored.log)
    return await _record(query, workspace, stored, root)


async def _record(query: Query, workspace: str, stored: StoredLog, root: Root | None) -> dict[str, Any]:
    log = stored.log
    file = await file_of_log(query, workspace, log, stored.payload)
    record = log_response(log, stored.payload, FILE_KINDS[log["type"]].value, file)
    if root is not None:
        record["trace_id"] = root.public_id
        record["trace_flow_id"] = root.public_id if root.is_flow else None
    return record
