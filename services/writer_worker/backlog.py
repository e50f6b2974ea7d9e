"""How far the writer group is behind the stream: offsets, and the age of the oldest record that is not stored.

Every writer looks at every partition, its own or not: one that nobody owns would otherwise be behind unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.writer_worker import metrics
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP
from shared.stream.reading import record_at

if TYPE_CHECKING:
    from services.writer_worker.writer import Writer
    from shared.stream.base import Stream


class Backlog:
    """Set the metrics of the backlog with `look`, now and then."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._writer: Writer | None = None
        self._standing: dict[int, tuple[int, int | None]] = {}
        """Partitions behind without a record of theirs in the writer: the committed offset, and the time of its record
        once the offset was seen standing still."""

    async def look(self, writer: Writer | None) -> None:
        """Look at the stream once; `writer` is the one of this process, if it runs. Raises StreamUnavailable."""
        self._writer = writer
        committed = await self._committed()
        ends = await self._stream.end_offsets(LOGS_TOPIC)  # asked for last, so it is never less
        waiting = writer.waiting() if writer is not None else {}
        for partition, end in ends.items():
            metrics.END_OFFSET.labels(partition).set(end)
            metrics.IN_FLIGHT.labels(partition).set(max(0, end - committed[partition]))
            metrics.WAITING.labels(partition).set(waiting.get(partition, 0))
            if partition not in waiting:  # of its own partitions the writer knows more
                metrics.COMMITTED_OFFSET.labels(partition).set(committed[partition])
        await self._find_oldest(
            {partition: offset for partition, offset in committed.items() if offset < ends[partition]}
        )

    def oldest_age_s(self, now_s: float) -> float:
        """Age of the oldest record that is not stored, as far as the last look and the writer know; 0 for none."""
        times = [] if self._writer is None else list(self._writer.oldest_unstored_ms().values())
        times += [time_ms for _, time_ms in self._standing.values() if time_ms is not None]
        return max(0.0, now_s - min(times) / 1000) if times else 0.0

    async def _committed(self) -> dict[int, int]:
        """What is applied of each partition; before the first commit, what is no longer in the stream."""
        committed = await self._stream.committed(LOGS_TOPIC, WRITER_GROUP)
        if all(committed.values()):
            return committed
        starts = await self._stream.start_offsets(LOGS_TOPIC)
        return {partition: offset or starts[partition] for partition, offset in committed.items()}

    async def _find_oldest(self, behind: dict[int, int]) -> None:
        taken = self._writer.oldest_unstored_ms() if self._writer is not None else {}
        standing: dict[int, tuple[int, int | None]] = {}
        for partition, offset in behind.items():
            if partition in taken:
                continue
            known_offset, time_ms = self._standing.get(partition, (None, None))
            stands_still = known_offset == offset
            if stands_still and time_ms is None:
                # Reading costs a connection, so it is done once for an offset, and not while offsets move.
                record = await record_at(self._stream, LOGS_TOPIC, partition, offset)
                time_ms = record.timestamp_ms if record is not None else None
            standing[partition] = (offset, time_ms if stands_still else None)
        self._standing = standing
