"""Joining a group in the file: where to read from, and how far to go back after an unclean stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.stream.sqlite.file import Log, committed, first_since, start_offset

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Joined:
    """Where each partition is read from; which were rewound, from and to where; which lost records to retention."""

    positions: Mapping[int, int]
    rewound: Mapping[int, tuple[int, int]]
    lost: Mapping[int, tuple[int, int]]


def join(connection: sqlite3.Connection, logs: Sequence[Log], group: str, rewind_ms: int | None) -> Joined:
    """Mark the group as having a member, and commit the positions it starts from.

    `rewind_ms` is how far to go back, before the newest record, when the last member did not stop cleanly; None when
    the last member is known to have (it was of this process).
    """
    topic = logs[0].topic
    unclean = rewind_ms is not None and _has_member(connection, topic, group)
    connection.execute("INSERT OR IGNORE INTO members VALUES (?, ?)", (topic, group))
    before = committed(connection, topic, group)
    newest_ms = connection.execute("SELECT max(timestamp_ms) FROM logs WHERE topic = ?", (topic,)).fetchone()[0]
    positions: dict[int, int] = {}
    rewound: dict[int, tuple[int, int]] = {}
    lost: dict[int, tuple[int, int]] = {}
    for log in logs:
        oldest = start_offset(connection, log)
        position = before.get(log.partition, oldest)
        if position < oldest:
            lost[log.partition] = (position, oldest)
        elif unclean and rewind_ms is not None:
            back = min(position, first_since(connection, log, newest_ms - rewind_ms))
            if back < position:
                rewound[log.partition] = (position, back)
                position = back
        positions[log.partition] = position
    if not lost:
        write_committed(connection, topic, group, positions)
    return Joined(positions, rewound, lost)


def write_committed(connection: sqlite3.Connection, topic: str, group: str, offsets: Mapping[int, int]) -> None:
    """Store what a group committed."""
    connection.executemany(
        "INSERT INTO committed VALUES (?, ?, ?, ?)"
        " ON CONFLICT (topic, group_name, partition) DO UPDATE SET next_offset = excluded.next_offset",
        [(topic, group, partition, offset) for partition, offset in offsets.items()],
    )


def leave(connection: sqlite3.Connection, topic: str, group: str) -> None:
    """Note that the group's last member stopped cleanly."""
    connection.execute("DELETE FROM members WHERE topic = ? AND group_name = ?", (topic, group))


def _has_member(connection: sqlite3.Connection, topic: str, group: str) -> bool:
    sql = "SELECT 1 FROM members WHERE topic = ? AND group_name = ?"
    return connection.execute(sql, (topic, group)).fetchone() is not None
