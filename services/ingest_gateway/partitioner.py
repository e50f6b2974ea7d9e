"""Chooses partitions for logs that nothing else chooses for, and keeps each within what ids can tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared import ids
from shared.errors import Overloaded

if TYPE_CHECKING:
    from shared.stream.base import Appended

SAFE_RECORDS_PER_MINUTE: Final = ids.MAX_RECORDS_PER_MINUTE * 9 // 10
"""Where a gateway stops: the rest is room for what other gateways have in flight, which it can't see yet."""


class RoundRobin:
    """Partitions in turn, so that they fill alike."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._next = 0

    def next(self) -> int:
        """The partition of the next log."""
        partition = self._next
        self._next = (partition + 1) % self._partitions
        return partition


class MinuteGuard:
    """Refuses a partition that has taken nearly as many records in a minute as an id can number.

    Offsets count the records of all gateways, so each gateway sees the whole rate in the positions that it gets back.
    """

    def __init__(self) -> None:
        self._minute: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}

    def appended(self, appended: Appended, count: int) -> None:
        """So many records went to this position and those that follow it."""
        partition, minute = appended.partition, appended.timestamp_ms // ids.MINUTE_MS
        known_minute = self._minute.get(partition)
        if minute != known_minute:
            # What came after our last append of the minute before may belong to this one: counting it errs on the
            # safe side. After a longer silence that would count hours, so the minute starts with what we see.
            follows = known_minute is not None and minute == known_minute + 1
            self._first[partition] = self._last[partition] if follows else appended.offset
            self._minute[partition] = minute
        self._last[partition] = appended.offset + count - 1

    def check(self, partition: int, now_ms: int, count: int) -> None:
        """Raises Overloaded when the partition must not take so many more in this minute."""
        if self._minute.get(partition) != now_ms // ids.MINUTE_MS:
            return
        if self._last[partition] - self._first[partition] + count > SAFE_RECORDS_PER_MINUTE:
            raise Overloaded(
                f"partition {partition} takes {SAFE_RECORDS_PER_MINUTE} logs within a minute, which is all that ids "
                "can tell apart; a topic with more partitions takes more",
                retry_after_s=60 - now_ms // 1000 % 60,
            )
