"""A cluster as a server knows it, and what is asked of the engine there.

Read-your-writes and counted-once rest on this: when an insert returns, every replica of every shard that has rows of it
has them. So any replica may answer any read, also the read of a log that an update is folded into.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shared.errors import Misconfigured
from shared.store.layout import CLUSTER_ROWS, ONE_SERVER, layout_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.store.base import LogStore
    from shared.store.layout import Layout

_DEDUPLICATE: Final = "deduplicate_insert"
_SHARE: Final = 0.8
"""Of the time after which a silent server is given up, for what the server itself waits for: so that it is the server
that says what was missing."""


async def find_layout(store: LogStore, cluster: str, *, here_only: bool = False) -> Layout:
    """How tables are made: `cluster` as the store's server knows it, '' for one server.

    With `here_only` tables are made on this one server, as the others of the cluster have them already. Raises
    Misconfigured for a cluster that can't serve, StoreUnavailable.
    """
    if not cluster:
        return ONE_SERVER
    (database,) = await store.query("SELECT name, engine FROM system.databases WHERE name = currentDatabase()")
    rows = await store.query(CLUSTER_ROWS, {"cluster": cluster})
    tables = f"clusterAllReplicas('{cluster}', system.tables)" if here_only and rows else "system.tables"
    made = await store.query(
        f"SELECT DISTINCT engine_full FROM {tables} WHERE database = {{database:String}} AND name = 'logs_in'",
        {"database": database["name"]},
    )
    if len(made) > 1:
        raise Misconfigured(f"the servers of {cluster} disagree on the engine of logs_in: {[*made]}")
    layout = layout_of(cluster, database["name"], rows, database["engine"], made[0]["engine_full"] if made else "")
    return replace(layout, here_only=here_only)


async def cluster_settings(store: LogStore, layout: Layout, timeout_s: float) -> Mapping[str, str | int]:
    """Settings of every request, besides those of one server. Raises StoreUnavailable."""
    known = await store.query("SELECT name FROM system.settings WHERE name = {name:String}", {"name": _DEDUPLICATE})
    return settings_of(layout, timeout_s) | ({_DEDUPLICATE: "disable"} if known else {})


def settings_of(layout: Layout, timeout_s: float) -> dict[str, str | int]:
    """Those that every supported server knows. The reasons cite ClickHouse's reference of settings and its issues."""
    wait_s = max(1, int(timeout_s * _SHARE))
    return {
        # An insert returns when the shards have the rows, not when they wait in files of the server that took them.
        "distributed_foreground_insert": 1,
        # ... and when every replica of them does. With 'auto', a majority, the rest would be behind, and a read may ask
        # them (issue 23454). A replica that is down stops inserts; logs wait in the stream meanwhile, and are taken.
        "insert_quorum": layout.replicas,
        "insert_quorum_parallel": 1,  # several writers insert at once
        "insert_quorum_timeout": wait_s * 1000,  # ten minutes by default: longer than we wait
        # Works for one insert at a time alone, refuses others, and is not needed where every replica has every row.
        "select_sequential_consistency": 0,
        # What is read again from the stream replaces itself by its version. A block that is left out because its hash
        # was seen would be missing where rows were dropped, or restored, since. (Newer servers: deduplicate_insert.)
        "insert_deduplicate": 0,
        # `IN (SELECT ...)` by ids is answered within each shard, for all rows of a log are on one. What is not by id
        # says GLOBAL IN.
        "distributed_product_mode": "local",
        "skip_unavailable_shards": 0,  # an error, not an answer that lacks logs
        # All replicas are alike, so the nearest may answer.
        "prefer_localhost_replica": 1,
        "load_balancing": "random",
        # A change of the schema is there on all servers before the next statement, which may need it.
        "alter_sync": 2,
        "mutations_sync": 2,
        "distributed_ddl_task_timeout": wait_s,
        "distributed_ddl_output_mode": "throw",
    }
