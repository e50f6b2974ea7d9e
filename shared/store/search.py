"""Lists of logs: which of a workspace's logs meet a condition, newest first.

A list has current logs only: patches applied, no duplicates, no deleted ones, no spans. The order is (`received_at`,
id), newest first, which is the order of the sort key: the newest page reads the newest rows and no others. Neither
changes in a log's life, so going on after a cursor sees every log once that was there at the start, whatever is logged,
patched or deleted meanwhile. A page by number is cut at the moment of its query: logs that came since move everything
down, so that the end of one page can be the beginning of the next.

AllOf functions raise StoreUnavailable, and TooExpensive for a query that meets its limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.records import HUMANLOOP_PROMPT_LOG, LOG_COLUMNS, PROMPTLAYER_REQUEST
from shared.store.conditions import AllOf, Condition, to_sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.base import LogStore, QueryLimits, Row
    from shared.store.cursors import Cursor

REQUEST_TYPES: Final = (PROMPTLAYER_REQUEST, HUMANLOOP_PROMPT_LOG)
"""Requests to a model, however they were logged."""

NEWEST_FIRST: Final = "received_at DESC, id DESC"
EVERYTHING: Final = AllOf()


@dataclass(frozen=True, slots=True)
class Selection:
    """Some logs of one workspace."""

    workspace: str
    condition: Condition = EVERYTHING
    types: Sequence[str] = REQUEST_TYPES


async def newest(
    store: LogStore,
    selection: Selection,
    *,
    limit: int,
    offset: int = 0,
    after: Cursor | None = None,
    order: str = "",
    columns: Sequence[str] = LOG_COLUMNS,
    limits: QueryLimits | None = None,
) -> list[Row]:
    """Up to `limit` rows of `logs`, newest first, without the first `offset` of them or those up to the cursor.

    `order` is SQL to sort by first, and reads every log of the selection.
    """
    where, parameters = where_of(selection)
    if after is not None:
        where += (
            " AND received_at <= fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC')"
            " AND (received_at, id) < (fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC'), {after_id:UInt64})"
        )
        parameters |= {"after_ms": after.received_ms, "after_id": after.log_id}
    text = f"""
        SELECT {", ".join(columns)} FROM logs FINAL WHERE {where}
        ORDER BY {f"{order}, " if order else ""}{NEWEST_FIRST}
        LIMIT {{limit:UInt64}} OFFSET {{offset:UInt64}}
    """
    return await store.query(text, parameters | {"limit": limit, "offset": offset}, limits)


async def count(store: LogStore, selection: Selection, *, limits: QueryLimits | None = None) -> int:
    """How many logs there are. Reads a few columns of every log of the workspace."""
    where, parameters = where_of(selection)
    (row,) = await store.query(f"SELECT count() AS logs FROM logs FINAL WHERE {where}", parameters, limits)
    found: int = row["logs"]
    return found


async def page(
    store: LogStore,
    selection: Selection,
    *,
    number: int,
    size: int,
    order: str = "",
    limits: QueryLimits | None = None,
) -> tuple[list[Row], int]:
    """The rows of page `number` (from 1), and how many logs there are in all.

    They are counted where the page itself does not tell: it is full, or beyond the end.
    """
    offset = (number - 1) * size
    rows = await newest(store, selection, limit=size, offset=offset, order=order, limits=limits) if size else []
    if len(rows) < size and (rows or not offset):
        return rows, offset + len(rows)
    return rows, await count(store, selection, limits=limits)


def where_of(selection: Selection) -> tuple[str, dict[str, Any]]:
    """The WHERE of a query of `logs FINAL` that finds a selection, and its parameters."""
    condition, parameters = to_sql(selection.condition, selection.workspace)
    where = "workspace_id = {workspace:String} AND duplicate_of = 0 AND type IN {types:Array(String)}"
    return f"{where} AND ({condition})", parameters | {"types": list(selection.types)}
