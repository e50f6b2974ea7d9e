"""When to flush. Pure: the clock is an argument.

A writer that was idle flushes at once. Under load it pauses after each flush for a few times what the flush took, at
most `interval_s`: small flushes follow each other quickly (a PATCH waits for its own), large ones make room for more.
So the share of time spent in flushes stays bounded until batches are full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAUSE_PER_FLUSH_TIME: Final = 2.0
"""Pause after a flush, in multiples of its duration: at light load at most a third of the time goes into flushes."""


@dataclass(slots=True)
class FlushPolicy:
    """Decides by what waits and by how long the last flush took. Times in seconds, sizes in bytes."""

    interval_s: float
    max_records: int
    max_bytes: int
    _last_end: float = float("-inf")
    _pause: float = 0.0

    def flushed(self, started: float, ended: float) -> None:
        """A flush ran from `started` to `ended`."""
        self._last_end = ended
        self._pause = min(self.interval_s, (ended - started) * PAUSE_PER_FLUSH_TIME)

    def wait_s(self, now: float, records: int, size: int) -> float:
        """How long to wait before the next flush of what has gathered: 0 for now, infinity when there is nothing."""
        if records == 0:
            return float("inf")
        if self.is_full(records, size):
            return 0.0
        return max(0.0, self._last_end + self._pause - now)

    def is_full(self, records: int, size: int) -> bool:
        """Whether no more should be fetched before a flush."""
        return records >= self.max_records or size >= self.max_bytes
