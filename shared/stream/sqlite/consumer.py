"""Reading from the file as a group member, and without a group."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from shared.errors import Misconfigured, NotOwner
from shared.stream.base import AssignmentListener, Record
from shared.stream.sqlite import membership
from shared.stream.sqlite.file import Log, read, start_offset

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Mapping

    from shared.stream.sqlite.stream import SqliteStream

Found = TypeVar("Found", dict[int, list[Record]], list[Record])

FETCH_BYTES: Final = 32 << 20
"""A fetch hands out no more once it has read this much."""

POLL_S: Final = 0.25
"""How soon records that another process appended are seen; those of this process are seen at once."""


class SqliteConsumer:
    """A group member. One process owns the file, so the newest member of a group owns all partitions of the topic."""

    def __init__(self, stream: SqliteStream, topic: str, group: str, listener: AssignmentListener) -> None:
        self._stream = stream
        self._topic = topic
        self._group = group
        self._listener = listener
        self._positions: dict[int, int] = {}
        self._paused: frozenset[int] = frozenset()
        self._turn = 0

    async def start(self) -> None:
        """See `Consumer.start`."""
        previous = self._stream.members.get((self._topic, self._group))
        if previous is not None:
            await previous.revoke()
        joined = await self._stream.join(self._topic, self._group)
        if joined.lost:
            partition, (position, oldest) = next(iter(joined.lost.items()))
            raise Misconfigured(
                f"group {self._group} committed offset {position} of {self._topic} partition {partition}, but the"
                f" oldest record kept is {oldest}: records were deleted before they were read"
            )
        self._positions = dict(joined.positions)
        self._stream.members[self._topic, self._group] = self
        await self._listener.on_assigned(joined.positions)

    async def stop(self) -> None:
        """See `Consumer.stop`."""
        self._positions = {}
        self._paused = frozenset()
        if self._stream.members.get((self._topic, self._group)) is self:
            del self._stream.members[self._topic, self._group]

    async def revoke(self) -> None:
        """Give all partitions up, because a newer member takes them."""
        await self._listener.on_revoked(frozenset(self._positions))
        await self.stop()

    async def fetch(self, max_records: int, timeout_s: float) -> dict[int, list[Record]]:
        """See `Consumer.fetch`."""

        async def attempt() -> dict[int, list[Record]]:
            wanted = {
                self._stream.log(self._topic, partition): offset
                for partition, offset in self._positions.items()
                if partition not in self._paused
            }
            if not wanted:
                return {}
            self._turn += 1
            found = await self._stream.reads.run(_read_in_turn, wanted, max_records, self._turn)
            # Partitions may have been revoked or paused during the read.
            kept = {p: r for p, r in found.items() if p in self._positions and p not in self._paused}
            for partition, records in kept.items():
                self._positions[partition] = records[-1].offset + 1
            return kept

        return await _until_found(self._stream, self._topic, attempt, timeout_s)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """See `Consumer.commit`."""
        lost = offsets.keys() - self._positions.keys()
        if lost:
            raise NotOwner(f"partitions {sorted(lost)} of {self._topic} are not this member's")
        copy = dict(offsets)
        await self._stream.write(lambda db: membership.write_committed(db, self._topic, self._group, copy))

    def pause(self, partitions: frozenset[int]) -> None:
        """See `Consumer.pause`."""
        self._paused |= partitions & self._positions.keys()

    def resume(self, partitions: frozenset[int]) -> None:
        """See `Consumer.resume`."""
        self._paused -= partitions


class SqliteReader:
    """Reads one partition, without a group."""

    def __init__(self, stream: SqliteStream, log: Log, offset: int) -> None:
        self._stream = stream
        self._log = log
        self._offset = offset

    async def read(self, max_records: int, timeout_s: float) -> list[Record]:
        """See `Reader.read`."""

        async def attempt() -> list[Record]:
            return await self._stream.reads.run(_read_on, self._log, self._offset, max_records)

        records = await _until_found(self._stream, self._log.topic, attempt, timeout_s)
        if records:
            self._offset = records[-1].offset + 1
        return records

    async def close(self) -> None:
        """See `Reader.close`."""


async def _until_found(
    stream: SqliteStream, topic: str, attempt: Callable[[], Awaitable[Found]], timeout_s: float
) -> Found:
    """What `attempt` finds, as soon as it finds something, or nothing after `timeout_s`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while True:
        appended = stream.appended(topic)  # taken before the attempt, so that nothing slips in between
        found = await attempt()
        remaining = deadline - loop.time()
        if found or remaining <= 0:
            return found
        await asyncio.wait([appended], timeout=min(remaining, POLL_S))


def _read_on(connection: sqlite3.Connection, log: Log, offset: int, max_records: int) -> list[Record]:
    return read(connection, log, max(offset, start_offset(connection, log)), max_records, FETCH_BYTES)


def _read_in_turn(
    connection: sqlite3.Connection, positions: Mapping[Log, int], max_records: int, turn: int
) -> dict[int, list[Record]]:
    """Fill a fetch from one partition after the other, beginning with another one each time."""
    found: dict[int, list[Record]] = {}
    logs = list(positions)
    room, room_bytes = max_records, FETCH_BYTES
    for index in range(len(logs)):
        partition_log = logs[(turn + index) % len(logs)]
        records = read(connection, partition_log, positions[partition_log], room, room_bytes)
        if not records:
            continue
        found[partition_log.partition] = records
        room -= len(records)
        room_bytes -= sum(len(record.value) for record in records)
        if room <= 0 or room_bytes <= 0:
            break
    return found
