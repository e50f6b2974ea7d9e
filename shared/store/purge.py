"""Taking deleted logs off the disk. Each function raises StoreUnavailable.

A deletion hides a log behind a tombstone; its rows stay until merges come by them. Here they are removed. Tombstones
stay, so that events that are read again find them and bring nothing back.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shared import ids
from shared.errors import StoreUnavailable
from shared.store.conditions import AnyOf, Check, Condition, to_sql
from shared.store.layout import LOCAL_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.base import LogStore

MAX_LOGS: Final = 5_000
"""At once: their ids are one parameter, of which a ClickHouse server takes 128 KiB."""

_TABLES: Final = ("log_payloads", "logs")
"""In the order in which rows are removed: logs are found by their rows in the second."""

_POLL_S: Final = 0.05


class Found(NamedTuple):
    """A log to purge."""

    log_id: int
    is_deleted: bool


def by_ids(log_ids: Sequence[int]) -> Condition:
    """These logs, and those that are a client's re-sends of them."""
    wanted = ("Array(UInt64)", list(log_ids))
    return AnyOf((Check("id IN ?", (wanted,)), Check("duplicate_of IN ?", (wanted,))))


def by_metadata(key: str, value: str) -> Condition:
    """Logs with this entry in their metadata."""
    return Check("mapContains(metadata, ?) AND metadata[?] = ?", (("String", key), ("String", key), ("String", value)))


def by_user(user: str) -> Condition:
    """Logs of an end user, as Humanloop's `user` names them."""
    return Check("user_id = ?", (("String", user),))


async def find(store: LogStore, workspace: str, condition: Condition, limit: int = MAX_LOGS) -> list[Found]:
    """Logs of any kind that meet a condition now, or did before they were deleted; the lowest ids first.

    Reads all versions of all logs of the workspace that ever met it.
    """
    matches, parameters = to_sql(condition, workspace)
    text = f"""
        SELECT id, argMax(is_deleted, version) AS ended FROM logs
        WHERE workspace_id = {{workspace:String}}
          AND id IN (SELECT id FROM logs WHERE workspace_id = {{workspace:String}} AND ({matches}))
        GROUP BY id
        HAVING ended OR argMax(ifNull({matches}, 0), version)
        ORDER BY id
        LIMIT {{limit:UInt64}}
    """
    rows = await store.query(text, parameters | {"limit": limit})
    return [Found(row["id"], bool(row["ended"])) for row in rows]


async def remove(store: LogStore, workspace: str, log_ids: Sequence[int], timeout_s: float, cluster: str = "") -> None:
    """Remove every row of these logs but their tombstones, and wait for it.

    The engine rewrites the parts that hold the rows: a matter of their size. It goes on where it takes longer than
    `timeout_s`, which raises StoreUnavailable; the same call again then waits for the rest. `cluster` is
    SLUICE_CLICKHOUSE_CLUSTER.
    """
    try:
        async with asyncio.timeout(timeout_s):
            for table in _TABLES:
                if not cluster:
                    await _mutations(store, table)
                if await _has_contents(store, table, workspace, log_ids):
                    # On a cluster the statement itself waits for all servers (`mutations_sync`).
                    where = f"{table}{LOCAL_SUFFIX} ON CLUSTER '{cluster}'" if cluster else table
                    await store.execute(
                        f"ALTER TABLE {where} DELETE WHERE {_CONTENTS}", _parameters(workspace, log_ids)
                    )
                    if not cluster:
                        await _mutations(store, table)
    except TimeoutError:
        raise StoreUnavailable(
            "the logs are deleted, and the store is still taking them off its disks: ask again", retry_after_s=2
        ) from None


_CONTENTS: Final = (
    "workspace_id = {workspace:String} AND id IN {ids:Array(UInt64)} AND is_deleted = 0"
    " AND toUnixTimestamp(toStartOfMinute(received_at)) IN {minutes:Array(UInt32)}"
)


def _parameters(workspace: str, log_ids: Sequence[int]) -> dict[str, Any]:
    minutes = sorted({ids.split(log_id).minute_start_ms // 1000 for log_id in log_ids})
    return {"workspace": workspace, "ids": list(log_ids), "minutes": minutes}


async def _has_contents(store: LogStore, table: str, workspace: str, log_ids: Sequence[int]) -> bool:
    text = f"SELECT 1 AS found FROM {table} WHERE {_CONTENTS} LIMIT 1"
    return bool(await store.query(text, _parameters(workspace, log_ids)))


async def _mutations(store: LogStore, table: str) -> None:
    """Wait until no mutation of a table is under way."""
    text = (
        "SELECT latest_fail_reason AS failure FROM system.mutations"
        " WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done"
    )
    while rows := await store.query(text, {"table": table}):
        failure = next((row["failure"] for row in rows if row["failure"]), None)
        if failure is not None:
            raise StoreUnavailable(f"the store can't take rows off {table}: {failure[:500]}")
        await asyncio.sleep(_POLL_S)
