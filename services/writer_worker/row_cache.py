"""The newest logs as the writer last wrote them, so that an update that follows a creation needs no read."""

from __future__ import annotations

from collections import OrderedDict

from shared import ids


class RowCache:
    """Row lines by log id, bounded in bytes; the least recently used leave first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._lines: OrderedDict[int, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lines)

    def get(self, log_id: int) -> bytes | None:
        """The line of a log, if it is here."""
        line = self._lines.get(log_id)
        if line is not None:
            self._lines.move_to_end(log_id)
        return line

    def put(self, log_id: int, line: bytes) -> None:
        """Remember a line as the newest of its log."""
        old = self._lines.pop(log_id, None)
        if old is not None:
            self._bytes -= len(old)
        self._lines[log_id] = line
        self._bytes += len(line)
        while self._bytes > self._max_bytes:
            _, evicted = self._lines.popitem(last=False)
            self._bytes -= len(evicted)

    def forget(self, log_id: int) -> None:
        """Drop one log, because its newest line was not stored after all."""
        line = self._lines.pop(log_id, None)
        if line is not None:
            self._bytes -= len(line)

    def forget_partitions(self, partitions: frozenset[int]) -> None:
        """Drop the logs of partitions that somebody else may write from now on."""
        for log_id in [log_id for log_id in self._lines if ids.split(log_id).partition in partitions]:
            self.forget(log_id)
