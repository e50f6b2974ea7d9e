"""The file: its tables, how it is opened, how it is read. Every statement that only reads is here.

    logs           one row per (topic, partition): where it ends, its newest timestamp, how many bytes it keeps
    batches_<id>   the records of the log with that id, in runs: (first offset, count, timestamp, framed records)
    committed      offsets committed by groups
    members        groups with a member that has not stopped cleanly

A table per partition, so that each grows at its right end and is trimmed at its left one: full pages, no page splits.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final, NamedTuple

from shared.errors import Misconfigured
from shared.ids import MAX_PARTITIONS
from shared.stream.sqlite.codec import decode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shared.stream.base import Record

FORMAT: Final = 1
"""`PRAGMA user_version` of the files that this code reads and writes."""

PAGE_BYTES: Final = 8192
"""Measured with records of 2.2 KB: 8 KiB pages take twice the records per second that 4 KiB ones do; 16 KiB no more."""

CHECKPOINT_PAGES: Final = 2000
"""The write-ahead log is moved into the file about every 16 MiB."""

WAL_LIMIT_BYTES: Final = 64 << 20
"""A write-ahead log that grew beyond this under a long read is cut back."""

_SCHEMA: Final = """
CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    end_offset INTEGER NOT NULL DEFAULT 0,
    timestamp_ms INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, partition)
);
CREATE TABLE committed (
    topic TEXT NOT NULL,
    group_name TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (topic, group_name, partition)
) WITHOUT ROWID;
CREATE TABLE members (topic TEXT NOT NULL, group_name TEXT NOT NULL, PRIMARY KEY (topic, group_name)) WITHOUT ROWID;
"""


class Log(NamedTuple):
    """One partition of one topic, and the number of its table."""

    id: int
    topic: str
    partition: int

    @property
    def table(self) -> str:
        """The name of the table with its records."""
        return f"batches_{self.id}"


def connect(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Open the file for use by any one thread at a time; transactions are begun and ended by hand.

    `busy_timeout_s` bounds the wait for another process that writes.
    """
    connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, topics: Mapping[str, int]) -> dict[str, list[Log]]:
    """Make what is missing and return the logs by topic, each list in partition order.

    `topics` gives partition counts for topics that do not exist yet; one that exists keeps its count.
    Raises Misconfigured for a file of another format and for partition counts that ids can't hold.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        elif found != FORMAT:
            raise _other_format(found)
        existing = {row[0] for row in connection.execute("SELECT DISTINCT topic FROM logs")}
        for topic, partitions in topics.items():
            if topic not in existing:
                _create_topic(connection, topic, partitions)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return _logs(connection)


def look(connection: sqlite3.Connection) -> dict[str, list[Log]]:
    """The logs by topic, as they are. Raises Misconfigured for a file of another format."""
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != FORMAT:
        raise _other_format(found)
    return _logs(connection)


def _logs(connection: sqlite3.Connection) -> dict[str, list[Log]]:
    logs: dict[str, list[Log]] = {}
    for row in connection.execute("SELECT id, topic, partition FROM logs ORDER BY topic, partition"):
        log = Log(*row)
        logs.setdefault(log.topic, []).append(log)
    return logs


def _other_format(found: int) -> Misconfigured:
    return Misconfigured(f"the stream file has format {found}, this version of Sluice reads format {FORMAT}")


def _create_topic(connection: sqlite3.Connection, topic: str, partitions: int) -> None:
    if not 1 <= partitions <= MAX_PARTITIONS:
        raise Misconfigured(f"a topic has 1 to {MAX_PARTITIONS} partitions, not {partitions}")
    for partition in range(partitions):
        cursor = connection.execute("INSERT INTO logs (topic, partition) VALUES (?, ?)", (topic, partition))
        log = Log(cursor.lastrowid or 0, topic, partition)
        connection.execute(
            f"CREATE TABLE {log.table} (first_offset INTEGER PRIMARY KEY, records_count INTEGER NOT NULL,"
            " timestamp_ms INTEGER NOT NULL, records BLOB NOT NULL)"
        )


def end_offsets(connection: sqlite3.Connection, topic: str) -> dict[int, int]:
    """For each partition the offset of the next record."""
    return dict(connection.execute("SELECT partition, end_offset FROM logs WHERE topic = ?", (topic,)))


def start_offset(connection: sqlite3.Connection, log: Log) -> int:
    """The offset of the oldest record kept; where none is kept, of the next one."""
    sql = f"SELECT coalesce((SELECT min(first_offset) FROM {log.table}), end_offset) FROM logs WHERE id = ?"
    return int(connection.execute(sql, (log.id,)).fetchone()[0])


def committed(connection: sqlite3.Connection, topic: str, group: str) -> dict[int, int]:
    """What the group committed, for the partitions where it did."""
    sql = "SELECT partition, next_offset FROM committed WHERE topic = ? AND group_name = ?"
    return dict(connection.execute(sql, (topic, group)))


def first_since(connection: sqlite3.Connection, log: Log, timestamp_ms: int) -> int:
    """The offset of the first record not older than `timestamp_ms`; the end of the log where there is none."""
    # Timestamps never fall along a log, so the rows to look at are the newest ones.
    first = end_offsets(connection, log.topic)[log.partition]
    for offset, timestamp in connection.execute(
        f"SELECT first_offset, timestamp_ms FROM {log.table} ORDER BY first_offset DESC"
    ):
        if timestamp < timestamp_ms:
            break
        first = offset
    return first


def read(connection: sqlite3.Connection, log: Log, offset: int, max_records: int, max_bytes: int) -> list[Record]:
    """Up to `max_records` records from `offset` on, and no more once `max_bytes` are read."""
    found: list[Record] = []
    read_bytes = 0
    sql = (
        f"SELECT first_offset, timestamp_ms, records FROM {log.table} WHERE first_offset >="
        f" coalesce((SELECT max(first_offset) FROM {log.table} WHERE first_offset <= ?), 0) ORDER BY first_offset"
    )
    for first_offset, timestamp_ms, stored in connection.execute(sql, (offset,)):
        records = decode(stored, log.partition, first_offset, timestamp_ms)
        skipped = max(offset - first_offset, 0)
        found += records[skipped : skipped + max_records - len(found)]
        read_bytes += len(stored)
        if len(found) >= max_records or read_bytes >= max_bytes:
            break
    return found
