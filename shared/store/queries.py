"""The SQL of the reads that every role needs, as (text, parameters). Pure; `logs` runs it.

Rules that the storage needs: a read of current rows says FINAL; `PREWHERE` names sort keys only (workspace_id,
received_at, id), for it runs before versions are merged; an id brings the minute of `received_at` with it. A bound of
`received_at` is a DateTime64: for `<` and a DateTime the engine skips the last second before the bound.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from shared import ids
from shared.records import LOG_COLUMNS, PAYLOAD_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

Query = tuple[str, dict[str, Any]]

COLUMNS: Final = {"logs": LOG_COLUMNS, "log_payloads": PAYLOAD_COLUMNS}
"""The two tables with a row per log."""

_PARTITION_OF_ID: Final = f"intDiv(id, {ids.MAX_RECORDS_PER_MINUTE}) % {ids.MAX_PARTITIONS}"


def current_row(table: str, workspace: str, log_id: int) -> Query:
    """The current row of one log; none when it is deleted."""
    text = f"""
        SELECT {", ".join(COLUMNS[table])} FROM {table} FINAL
        PREWHERE workspace_id = {{workspace:String}} AND id = {{id:UInt64}}
             AND received_at >= {{minute:DateTime64(3, 'UTC')}}
             AND received_at < addMinutes({{minute:DateTime64(3, 'UTC')}}, 1)
    """
    return text, {"workspace": workspace, "id": log_id, "minute": _minute(log_id)}


def newest_rows(table: str, keys: Sequence[tuple[str, int]], columns: Sequence[str] = ()) -> Query:
    """The newest version of each of these (workspace, id), deleted ones too; also of workspaces and ids crosswise.

    With `columns` only these: a few columns cost a fifth of all.
    """
    text = f"""
        SELECT {", ".join(columns or COLUMNS[table])} FROM {table}
        PREWHERE workspace_id IN {{workspaces:Array(String)}} AND id IN {{ids:Array(UInt64)}}
             AND toStartOfMinute(received_at) IN {{minutes:Array(DateTime('UTC'))}}
        ORDER BY version DESC
        LIMIT 1 BY workspace_id, id
    """
    return text, _keys(keys)


def stored_bytes(table: str, keys: Sequence[tuple[str, int]]) -> Query:
    """How many bytes all versions of these (workspace, id) take in memory; also of workspaces and ids crosswise."""
    text = f"""
        SELECT sum(byteSize({", ".join(COLUMNS[table])})) AS bytes FROM {table}
        PREWHERE workspace_id IN {{workspaces:Array(String)}} AND id IN {{ids:Array(UInt64)}}
             AND toStartOfMinute(received_at) IN {{minutes:Array(DateTime('UTC'))}}
    """
    return text, _keys(keys)


def newest_versions(table: str, keys: Sequence[tuple[str, int]]) -> Query:
    """The highest version of each of these (workspace, id), deleted ones too; also of workspaces and ids crosswise."""
    text = f"""
        SELECT workspace_id, id, max(version) AS newest, argMax(is_deleted, version) AS deleted FROM {table}
        PREWHERE workspace_id IN {{workspaces:Array(String)}} AND id IN {{ids:Array(UInt64)}}
             AND toStartOfMinute(received_at) IN {{minutes:Array(DateTime('UTC'))}}
        GROUP BY workspace_id, id
    """
    return text, _keys(keys)


def named_logs(names: Sequence[tuple[str, str]]) -> Query:
    """Every log that had each (workspace, external id), oldest first, and the version of the event that freed it."""
    text = """
        SELECT workspace_id, external_id, id, max(freed_by) AS freed FROM log_external_ids
        PREWHERE (workspace_id, external_id) IN {names:Array(Tuple(String, String))}
        GROUP BY workspace_id, external_id, id
        ORDER BY id
    """
    return text, {"names": list(names)}


def judgments(judged: Sequence[tuple[str, str]], limit: int) -> Query:
    """The newest `limit` logs of evaluators, deleted ones too, that judged each log of these (workspace, public id).

    Of a million logs, one of ten a judgment, it takes 2 ms; by the index of `parent_id` in `logs` it would be 15.
    """
    text = """
        SELECT DISTINCT workspace_id, parent_id, received_at, id FROM log_judgments
        PREWHERE (workspace_id, parent_id) IN {judged:Array(Tuple(String, String))}
        ORDER BY received_at DESC, id DESC
        LIMIT {limit:UInt64} BY workspace_id, parent_id
    """
    return text, {"judged": list(judged), "limit": limit}


def recent_fingerprints(partition: int, since_ms: int) -> Query:
    """Fingerprints of logs that are not themselves duplicates, received in a partition at `since_ms` (Unix) or later.

    Reads all versions: neither column changes, and a deleted log still makes its re-send a duplicate.
    """
    text = f"""
        SELECT DISTINCT workspace_id, fingerprint, id, toUnixTimestamp64Milli(received_at) AS received_at_ms FROM logs
        WHERE received_at >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')
          AND {_PARTITION_OF_ID} = {{partition:UInt64}} AND fingerprint != '' AND duplicate_of = 0
        ORDER BY id
    """
    return text, {"partition": partition, "since": since_ms}


def max_versions() -> Query:
    """The highest version stored of the logs of each stream partition. Reads two columns of every row."""
    return f"SELECT {_PARTITION_OF_ID} AS partition, max(version) AS max_version FROM logs GROUP BY partition", {}


def prompt_usage(prompts: Sequence[tuple[str, str]]) -> Query:
    """How many logs each version of these (workspace, prompt id) has, and when it was last used."""
    text = """
        SELECT workspace_id, prompt_id, prompt_version_id, uniqCombined64Merge(logs) AS log_count,
               max(last_used_at) AS used_at
        FROM prompt_usage
        PREWHERE (workspace_id, prompt_id) IN {prompts:Array(Tuple(String, String))}
        GROUP BY workspace_id, prompt_id, prompt_version_id
    """
    return text, {"prompts": list(prompts)}


def _keys(keys: Sequence[tuple[str, int]]) -> dict[str, Any]:
    return {
        "workspaces": sorted({workspace for workspace, _ in keys}),
        "ids": sorted({log_id for _, log_id in keys}),
        "minutes": sorted({_minute(log_id) for _, log_id in keys}),
    }


def _minute(log_id: int) -> str:
    """When the minute of an id began, as the engine reads it."""
    return datetime.fromtimestamp(ids.split(log_id).minute_start_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
