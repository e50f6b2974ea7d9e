"""What may be deleted: applied records, too old or too many. Planned beside the writer, deleted in small steps."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from shared.stream.sqlite.file import Log, committed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

STEP_BATCHES: Final = 16
"""Rows per transaction; a row is about 1 MiB at most, so that appends wait little."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long, and up to how many bytes over all partitions, applied records are kept: whichever ends first."""

    topic: str
    group: str
    age_s: float
    bytes: int


class Plan(NamedTuple):
    """Below which offset each log may be trimmed, and the newest timestamp that goes with it."""

    below: Mapping[Log, int]
    newest_ms: int


class _Batch(NamedTuple):
    timestamp_ms: int
    log: Log
    end: int
    size: int


def plan(connection: sqlite3.Connection, rule: Retention, logs: Sequence[Log], now_ms: int) -> Plan:
    """Oldest first over all partitions, and nothing that the group has not committed."""
    applied = committed(connection, rule.topic, rule.group)
    kept_bytes = connection.execute("SELECT sum(bytes) FROM logs WHERE topic = ?", (rule.topic,)).fetchone()[0]
    too_old_ms = now_ms - int(rule.age_s * 1000)
    below: dict[Log, int] = {}
    newest_ms = 0
    for batch in heapq.merge(*(_applied(connection, log, applied.get(log.partition, 0)) for log in logs)):
        if batch.timestamp_ms >= too_old_ms and kept_bytes <= rule.bytes:
            break
        below[batch.log] = batch.end
        newest_ms = batch.timestamp_ms
        kept_bytes -= batch.size
    return Plan(below, newest_ms)


def _applied(connection: sqlite3.Connection, log: Log, applied: int) -> Iterator[_Batch]:
    sql = f"SELECT timestamp_ms, first_offset + records_count, length(records) FROM {log.table} ORDER BY first_offset"
    for timestamp_ms, end, size in connection.execute(sql):
        if end > applied:
            return
        yield _Batch(timestamp_ms, log, end, size)


def delete_step(connection: sqlite3.Connection, log: Log, below: int) -> bool:
    """Delete some of the oldest batches that lie below an offset; False when that was the last of them."""
    batches = connection.execute(
        f"SELECT first_offset, length(records) FROM {log.table} WHERE first_offset < ? ORDER BY first_offset LIMIT ?",
        (below, STEP_BATCHES),
    ).fetchall()
    if not batches:
        return False
    connection.execute(f"DELETE FROM {log.table} WHERE first_offset <= ?", (batches[-1][0],))
    freed = sum(size for _, size in batches)
    connection.execute("UPDATE logs SET bytes = bytes - ? WHERE id = ?", (freed, log.id))
    return len(batches) == STEP_BATCHES
