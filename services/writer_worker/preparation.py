"""What a writer does once for each partition it is assigned, before the first flush: it checks that stream and store
belong together, and fills the duplicate window from the store.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.writer_worker.duplicate_window import DuplicateWindow, Original
from services.writer_worker.retry import until_done
from shared import ids
from shared.errors import Misconfigured
from shared.store import logs as stored_logs
from shared.stream.base import LOGS_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from services.writer_worker.assignment import OwnedPartition
    from services.writer_worker.config import WriterConfig
    from shared.store.base import LogStore
    from shared.stream.base import Record, Stream


class Preparation:
    """Prepares partitions. Waits for as long as the store or the stream is unavailable."""

    def __init__(self, stream: Stream, store: LogStore, config: WriterConfig) -> None:
        self._stream = stream
        self._store = store
        self._config = config

    async def windows(
        self, firsts: Iterable[tuple[OwnedPartition, Record]], wanted: Callable[[], bool]
    ) -> dict[int, DuplicateWindow]:
        """The duplicate window of each partition, given with the first record that is about to be written.

        Raises Misconfigured when the store has rows from beyond the end of a partition, and Abandoned.
        """
        firsts = list(firsts)
        fresh = [(owned, first) for owned, first in firsts if owned.window is None]
        if fresh:
            partitions = [owned.partition for owned, _ in fresh]
            await until_done("check of stored versions", lambda: self._check_versions(partitions), wanted)
            for (owned, _), window in zip(
                fresh,
                await asyncio.gather(*[self._window(owned, first, wanted) for owned, first in fresh]),
                strict=True,
            ):
                owned.window = window
        return {owned.partition: owned.window for owned, _ in firsts if owned.window is not None}

    async def _check_versions(self, partitions: list[int]) -> None:
        newest = await stored_logs.max_versions_by_partition(self._store)
        ends = await self._stream.end_offsets(LOGS_TOPIC)
        for partition in partitions:
            problem = stored_logs.epoch_problem(partition, newest.get(partition), ends[partition], self._config.epoch)
            if problem is not None:
                raise Misconfigured(problem)

    async def _window(self, owned: OwnedPartition, first: Record, wanted: Callable[[], bool]) -> DuplicateWindow:
        window = DuplicateWindow(self._config.duplicate_window_s, self._config.duplicate_window_records)
        since_ms = first.timestamp_ms - int(self._config.duplicate_window_s * 1000)
        originals = await until_done(
            "look-up of recent fingerprints",
            lambda: stored_logs.recent_fingerprints(self._store, owned.partition, since_ms),
            wanted,
        )
        for known in originals:
            # Only what stands before the first record: the rest is read from the stream again.
            offset = ids.resolve_offset(known.log_id, first.offset)
            if offset is not None and known.received_at_ms <= first.timestamp_ms:
                window.add(known.fingerprint, Original(known.received_at_ms, offset, known.log_id))
        return window
